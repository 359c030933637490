/* Statistics that a run collected, as a table: a row for each site, over its layers. */
#pragma once
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends the table of a run.h5; nothing where it holds no statistics.  DAMAGED. */
SSMQ_MUST_USE ssmq_status ssmq_report_statistics(const char *path, ssmq_arena *arena, ssmq_str *out);

#ifdef __cplusplus
}
#endif
