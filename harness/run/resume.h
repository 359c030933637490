/* Pieces of a run that its journal (store/journal.h) knows already, and those that it is told of. */
#pragma once
#include "harness/run/evaluate/compare.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Is anything kept? */
static inline bool ssmq_keeps(const ssmq_listener *l)
{
    return l && l->journal;
}

/* What a listener of a part hands on from that of the whole. */
static inline ssmq_journal *ssmq_journal_of(const ssmq_listener *l)
{
    return l ? l->journal : NULL;
}

/* A piece that was done before; data is of exactly so many bytes. */
bool ssmq_resume_find(const ssmq_listener *l, const char *stage, int64_t piece, const char *tag, size_t bytes,
                      ssmq_journal_entry *out);
/* The same of any size; and the last piece of a stage. */
bool ssmq_resume_any(const ssmq_listener *l, const char *stage, int64_t piece, const char *tag,
                     ssmq_journal_entry *out);
bool ssmq_resume_last(const ssmq_listener *l, const char *stage, const char *tag, ssmq_journal_entry *out);
/* A piece is done.  IO; OK where nothing is kept. */
SSMQ_MUST_USE ssmq_status ssmq_resume_keep(const ssmq_listener *l, const char *stage, int64_t piece,
                                           const char *tag, const void *data, size_t bytes);

/* ---- windows of an evaluation ---- */

/* What a window leaves besides its loss. */
typedef struct ssmq_window_yield {
    ssmq_comparison *comparison; /* it adds to this; NULL: none                          */
    int64_t          targets;    /* of the window                                        */
    void            *sums;       /* [sums_bytes] of all windows up to it, kept as they are */
    size_t           sums_bytes;
} ssmq_window_yield;

/* Takes a window, known by its tokens [n], that was scored before: its loss and its yield. */
bool ssmq_resume_window(const ssmq_listener *l, const char *evaluation, int64_t window, const int32_t *token,
                        int64_t n, const ssmq_window_yield *y, double *nll);
/* Is there such a window? */
bool ssmq_resume_has_window(const ssmq_listener *l, const char *evaluation, int64_t window, const int32_t *token,
                            int64_t n);
/* Keeps one that was scored just now.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_resume_keep_window(const ssmq_listener *l, const char *evaluation, int64_t window,
                                                  const int32_t *token, int64_t n, const ssmq_window_yield *y,
                                                  double nll);

#ifdef __cplusplus
}
#endif
