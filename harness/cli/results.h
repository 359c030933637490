/* The table of an experiment's results: a row for each run. */
#pragma once
#include "harness/base/str.h"
#include "harness/cli/rows.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends a row per run: name, id, status, and for each evaluation of any of them its perplexity, the standard
 * error, and how far the perplexity is from that of the first float run, in per cent; "-" where a run has no such
 * result.  With rows (or NULL) what a run has on the axes of the sweep stands in columns, in place of its name, and
 * it is held against the run of its baseline, else of its own float run.  Below it each run's reason, where it has
 * one. */
void ssmq_results_table(const ssmq_summary *run, int32_t n, const ssmq_rows *rows, ssmq_str *out);

#ifdef __cplusplus
}
#endif
