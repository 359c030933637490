/* Where a run's loss comes from, as tables: errors at sites, sensitivity, interactions. */
#pragma once
#include "harness/base/str.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The sites of a run with the lowest SQNR first, at most `most` of them for each input (0: all); nothing where
 * none were measured. */
void ssmq_report_sites(const ssmq_summary *run, int32_t most, ssmq_str *out);

/* The units of a run with the largest damage first, at most `most` of them (0: all), and the pairs of steps;
 * nothing where none were measured. */
void ssmq_report_sensitivity(const ssmq_summary *run, int32_t most, ssmq_str *out);

#ifdef __cplusplus
}
#endif
