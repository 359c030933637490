/* The results of an experiment as people and programs read them. */
#pragma once
#include "harness/base/str.h"
#include "harness/cli/results.h"
#include "harness/store/rank.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The table of the runs (results.h), below it what each evaluation was over, and its subsets where there
 * are some; figures paired with float where there are some, and alarms. */
void ssmq_report_text(const ssmq_summary *run, int32_t n, const ssmq_rows *rows, ssmq_str *out);

/* A line for each evaluation that several quantised runs have: which is best, and which of the others differ
 * from it by more than noise (harness/store/rank.h).  Reads their run.h5. */
void ssmq_report_ranking(const ssmq_finished_run *run, int32_t n, ssmq_str *out);

/* The same as "ranking": [{"evaluation", "best", "noise_se", "others": [{"name", "ln_ratio", "ln_ratio_se",
 * "differs", "reason"}]}]; differs is null, with the reason, where two runs cannot be paired. */
void ssmq_report_put_ranking(ssmq_json_writer *w, const ssmq_finished_run *run, int32_t n);

/* "runs": [...], "ranking": [...]: an object for each run (harness/store/summary.h), with rows (or NULL) its "axes",
 * "against", the id of the run that it is held against, or null, and "expected" (report_expect.h). */
void ssmq_report_put_runs(ssmq_json_writer *w, const ssmq_finished_run *run, int32_t n, const ssmq_rows *rows);

#ifdef __cplusplus
}
#endif
