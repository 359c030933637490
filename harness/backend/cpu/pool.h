/* Threads that share out loops.  They wait briefly awake and then asleep, and whoever starts a loop
 * waits only for pieces that another thread has begun: a thread that the system has put aside for
 * another process delays nothing.  (With OpenMP's barriers one busy neighbour made two-threaded
 * loops of 10 us take 4 to 12 ms.) */
#pragma once
#include <stdint.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_pool ssmq_pool;

/* threads >= 1, the caller's own among them.  MEMORY if the system refuses them. */
SSMQ_MUST_USE ssmq_status ssmq_pool_open(int32_t threads, ssmq_pool **out);
void                      ssmq_pool_close(ssmq_pool *p); /* accepts NULL; ends the threads */

/* A piece of a loop, begin .. end; worker: 0 .. threads - 1, one piece at a time each. */
typedef void (*ssmq_pool_piece)(void *context, int64_t begin, int64_t end, int32_t worker);

/* Cuts 0 .. n into pieces of grain >= 1 and has them done, each once, in any order; returns when all
 * are.  One piece is done by the caller at once.  For one caller at a time. */
void ssmq_pool_run(ssmq_pool *p, int64_t n, int64_t grain, ssmq_pool_piece piece, void *context);

#ifdef __cplusplus
}
#endif
