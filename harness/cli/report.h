/* The results of an experiment as people and programs read them. */
#pragma once
#include "harness/base/str.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The table of the runs (results.h), below it what each evaluation was over, and its subsets where there
 * are some. */
void ssmq_report_text(const ssmq_summary *run, int32_t n, ssmq_str *out);

/* {"runs": [...]}, an object for each run (harness/store/summary.h). */
void ssmq_report_json(const ssmq_summary *run, int32_t n, ssmq_str *out);

#ifdef __cplusplus
}
#endif
