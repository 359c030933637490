/* What was expected of runs beside what they came to. */
#pragma once
#include "harness/base/json.h"
#include "harness/cli/results.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A row for each expectation of each run that has the figure; nothing where there is none. */
void ssmq_report_expected(const ssmq_summary *run, int32_t n, const ssmq_rows *rows, ssmq_str *out);

/* "expected": [{"evaluation", "metric", "value", "tolerance", "source", "got", "deviation", "inside"}] of the run in
 * a row; got, deviation and inside are null where the run has no such figure. */
void ssmq_report_put_expected(ssmq_json_writer *w, const ssmq_summary *run, const ssmq_rows *rows, int32_t row);

/* How many figures lie outside of what was expected of them. */
int32_t ssmq_report_outside(const ssmq_summary *run, int32_t n, const ssmq_rows *rows);

#ifdef __cplusplus
}
#endif
