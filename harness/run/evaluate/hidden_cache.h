/* What the head of the float model reads at windows of tokens, in the cache, FOLDER/<digest>.hidden: its layers run once
 * for all runs, workers and later experiments that see the same tokens, and no number differs from those of running them
 * again.
 *
 * A window is known by all that its numbers depend on: the code's version, the model's files, the backend, its tokens,
 * how many of them ran at a time, and where states began anew. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/base/log.h"
#include "harness/run/evaluate/hidden_file.h"
#include "harness/run/listener.h"
#include "harness/store/lease.h"
#include "harness/store/provenance.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_hidden_cache ssmq_hidden_cache;

/* Version of the numbers, code (harness/run/code.h), backend and processor, sums of the model: text of the arena.
 * file [n]: as ssmq_session_files() lists them. */
const char *ssmq_hidden_identity(const ssmq_backend *be, const char *code, const ssmq_input_file *file, int32_t n,
                                 ssmq_arena *arena);

/* folder and identity are copied; log may be NULL.  What dead writers left in the folder is removed. */
ssmq_hidden_cache *ssmq_hidden_cache_new(const char *folder, const char *identity, const ssmq_log *log);
void               ssmq_hidden_cache_free(ssmq_hidden_cache *c); /* accepts NULL */

/* A window: n tokens, of which `piece` run at a time, and whose states begin anew after every `reset` of them, 0: never. */
typedef struct ssmq_hidden_window {
    const int32_t *token; /* [n] */
    int64_t        n, piece, reset;
} ssmq_hidden_window;

/* Is there a file of the window?  Whether it is whole is not looked at. */
bool ssmq_hidden_cache_has(const ssmq_hidden_cache *c, const ssmq_hidden_window *w);
/* Its rows, to be closed; false if there are none.  A damaged file is removed, with a warning; sum: is the whole of it
 * looked at? */
bool ssmq_hidden_cache_open(ssmq_hidden_cache *c, const ssmq_hidden_window *w, bool sum, ssmq_hidden_file *out);
/* Files rows [n][width]; that it cannot be done is a warning, and nothing is filed from then on. */
void ssmq_hidden_cache_put(ssmq_hidden_cache *c, const ssmq_hidden_window *w, const float *row, int64_t width);
/* Can nothing be filed any more? */
bool ssmq_hidden_cache_full(const ssmq_hidden_cache *c);

/* Whose turn is it to make the file of a window?  False: another living process's.  *lease, to be released, is NULL where
 * none can be had: then everybody makes it. */
bool ssmq_hidden_cache_turn(ssmq_hidden_cache *c, const ssmq_hidden_window *w, ssmq_lease **lease);
/* Until no living process has that turn.  STOPPED. */
SSMQ_MUST_USE ssmq_status ssmq_hidden_cache_wait(const ssmq_hidden_cache *c, const ssmq_hidden_window *w,
                                                 const ssmq_listener *listener);

#ifdef __cplusplus
}
#endif
