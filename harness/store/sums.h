/* What a stage under way has added up, where that is too bulky for the journal to be kept each time: journal.sums,
 * which each piece writes anew beside the one before.  The journal says of which stage and piece it is, and its sum. */
#pragma once
#include "harness/base/file.h"
#include "harness/store/journal.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_sums ssmq_sums;

/* IO. */
SSMQ_MUST_USE ssmq_status ssmq_sums_begin(ssmq_journal *j, ssmq_sums **out);
/* A failure is told at the end. */
void ssmq_sums_put(ssmq_sums *s, const void *bytes, size_t n);
/* They are those of a stage after this piece; s is gone either way.  Not synced: after a power failure the stage may
 * begin anew.  IO: those before stay good. */
SSMQ_MUST_USE ssmq_status ssmq_sums_end(ssmq_sums *s, const char *stage, int64_t piece);

/* Those of a stage when the journal was opened, to be closed by the caller; false: there are none, or they are
 * not what the journal speaks of, as the log is told: damaged, or lost in a power failure. */
bool ssmq_sums_find(ssmq_journal *j, const char *stage, const ssmq_log *log, ssmq_mapping *out, int64_t *piece);

#ifdef __cplusplus
}
#endif
