/* Times in summary.json, for summary.c. */
#pragma once
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "profiles", an object of each; nothing where there is none. */
void                      ssmq_summary_put_speeds(ssmq_json_writer *w, const ssmq_summary *s);
SSMQ_MUST_USE ssmq_status ssmq_summary_read_speeds(const ssmq_json *j, ssmq_arena *a, ssmq_summary *out);

#ifdef __cplusplus
}
#endif
