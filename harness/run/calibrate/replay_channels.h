/* What samples gave by channel, in the file of a pass (replay_write.c, replay_read.c): a group /channel/<i> for the
 * records of a site, a group /answer/<i> for the answers to a question. */
#pragma once
#include "harness/run/calibrate/replay.h"
#include "harness/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

SSMQ_MUST_USE ssmq_status ssmq_pass_write_channels(ssmq_store *s, const ssmq_pass *p);
/* Into a pass that has the samples of the file, in its order.  DAMAGED; MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_pass_read_channels(const char *path, ssmq_pass *p);

#ifdef __cplusplus
}
#endif
