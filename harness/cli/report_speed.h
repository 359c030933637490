/* What runs cost, where they were profiled. */
#pragma once
#include "harness/base/str.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends a row for each profile of each run; nothing if there is none. */
void ssmq_report_speeds(const ssmq_summary *run, int32_t n, ssmq_str *out);

#ifdef __cplusplus
}
#endif
