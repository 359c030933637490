/* What of a window runs at once.  An evaluation may begin the states anew after every so many tokens (state_reset): such
 * a stretch runs as a window of its own would, ranges that are taken from what runs included. */
#pragma once
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a token of a window stands in its stretch; at 0 the states begin anew. */
static inline int64_t ssmq_stretch_at(const ssmq_evaluation *e, int64_t token)
{
    return e->state_reset > 0 ? token % e->state_reset : token;
}

/* Tokens that run from one on: no more than piece, and none beyond the window's n or the stretch. */
static inline int64_t ssmq_stretch_piece(const ssmq_evaluation *e, int64_t token, int64_t n, int64_t piece)
{
    const int64_t in_window = n - token, most = piece < in_window ? piece : in_window;
    const int64_t in_stretch = e->state_reset > 0 ? e->state_reset - token % e->state_reset : most;
    return most < in_stretch ? most : in_stretch;
}

#ifdef __cplusplus
}
#endif
