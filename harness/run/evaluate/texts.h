/* The texts of an experiment as tokens: each is read and tokenised once, held for all runs that want the same, and
 * kept in the cache for other processes.  4 bytes a token, 16 a window and 40 a document; where it lies in the
 * cache, these are the system's to give back. */
#pragma once
#include "harness/base/stats.h"
#include "harness/data/window.h"
#include "harness/run/experiment/experiment.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_texts ssmq_texts;

/* folder: where tokens are filed; NULL: in memory only.  code: which code makes them (harness/run/code.h).  e: whose
 * inputs give the sums that they are filed under; NULL only without a folder.  Lent; log may be NULL. */
ssmq_texts *ssmq_texts_new(const char *folder, const char *code, const ssmq_experiment *e, const ssmq_log *log);
void        ssmq_texts_free(ssmq_texts *t); /* accepts NULL */

/* Whose tokens are wanted from now on, lent; NULL with file NULL: the data are tokens. */
void ssmq_texts_tokenizer(ssmq_texts *t, ssmq_tokenizer *tokenizer, const char *file);

/* The windows of an evaluation, from the first on; to be closed before the texts are freed.  What is of no use in
 * the folder is made again, with a warning.  Statuses of reading data. */
SSMQ_MUST_USE ssmq_status ssmq_texts_windows(ssmq_texts *t, const ssmq_evaluation *e, int64_t vocabulary,
                                             const ssmq_listener *listener, ssmq_windows **out);
/* What the windows of an evaluation count in a mean over them (base/stats.h): each alike, but of dialect lm-eval by their
 * tokens, and those of a document together.  In the arena. */
SSMQ_MUST_USE ssmq_status ssmq_texts_weighing(ssmq_texts *t, const ssmq_evaluation *e, int64_t vocabulary,
                                              const ssmq_listener *listener, ssmq_arena *arena, ssmq_weighing *out);
/* Are the windows of an evaluation in the folder?  Whether that file is whole is not looked at. */
bool ssmq_texts_stored(ssmq_texts *t, const ssmq_evaluation *e, int64_t vocabulary);
/* Calibration samples, likewise; the caller frees them. */
SSMQ_MUST_USE ssmq_status ssmq_texts_samples(ssmq_texts *t, const ssmq_calibration_spec *c, int64_t vocabulary,
                                             const ssmq_listener *listener, ssmq_samples *out);

#ifdef __cplusplus
}
#endif
