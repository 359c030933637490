/* Where and why runs in real mode differ from fake, for people and for programs. */
#pragma once
#include "harness/store/runs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of every run that a path names (a run or a directory of runs) and that was compared with fake,
 * appended as text or as JSON.  INPUT if there is none; DAMAGED. */
SSMQ_MUST_USE ssmq_status ssmq_differences_text(const char *const *path, int n, ssmq_str *out);
SSMQ_MUST_USE ssmq_status ssmq_differences_json(const char *const *path, int n, ssmq_str *out);

#ifdef __cplusplus
}
#endif
