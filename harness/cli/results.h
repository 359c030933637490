/* The table of an experiment's results: a row for each run. */
#pragma once
#include "harness/base/str.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends a row per run: name, id, status, and for each evaluation of any of them its perplexity,
 * the standard error, and how far the perplexity is from that of the first float run, in per cent;
 * "-" where a run has no such result.  Below it each run's reason, where it has one. */
void ssmq_results_table(const ssmq_summary *run, int32_t n, ssmq_str *out);

/* A perplexity or its standard error as tables show it; "-" if it is NaN. */
#define SSMQ_PPL_TEXT 32
void ssmq_ppl_text(double value, char text[SSMQ_PPL_TEXT]);

#ifdef __cplusplus
}
#endif
