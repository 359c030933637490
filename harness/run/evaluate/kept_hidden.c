#include "harness/run/evaluate/kept_hidden.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"

/* Rows of a window. */
typedef struct kept {
    float  *row;  /* [room][width]; NULL: none */
    int64_t n;    /* so far                    */
    int64_t room;
} kept;

struct ssmq_kept_hidden {
    int64_t most_bytes;
    int64_t window, piece, width; /* width 0: not known yet */
    kept   *at;                   /* [most]                 */
    int64_t most;                 /* windows that fit       */
    float  *copy;                 /* [piece][width]: a head may work in place */
};

ssmq_kept_hidden *ssmq_kept_hidden_new(int64_t most_bytes)
{
    ssmq_kept_hidden *k = ssmq_must_malloc(sizeof *k);
    *k = (ssmq_kept_hidden){.most_bytes = most_bytes};
    return k;
}

static void forget(ssmq_kept_hidden *k)
{
    for (int64_t i = 0; i < k->most; i++) free(k->at[i].row);
    free(k->at);
    free(k->copy);
    *k = (ssmq_kept_hidden){.most_bytes = k->most_bytes};
}

void ssmq_kept_hidden_free(ssmq_kept_hidden *k)
{
    if (k) forget(k);
    free(k);
}

void ssmq_kept_hidden_begin(ssmq_kept_hidden *k, int64_t window, int64_t piece)
{
    if (k->window == window && k->piece == piece) return;
    forget(k);
    k->window = window;
    k->piece = piece;
}

bool ssmq_kept_hidden_get(ssmq_kept_hidden *k, int64_t window, int64_t first, int64_t n, ssmq_tensor *out)
{
    if (window >= k->most || k->at[window].n == 0 || k->at[window].n < k->at[window].room) return false;
    SSMQ_ASSERT(first + n <= k->at[window].n && n <= k->piece);
    memcpy(k->copy, k->at[window].row + first * k->width, (size_t)(n * k->width) * sizeof *k->copy);
    *out = SSMQ_TENSOR(k->copy, SSMQ_F32, n, k->width);
    return true;
}

/* Room for the windows, once their width is known. */
static void make_room(ssmq_kept_hidden *k, int64_t width)
{
    k->width = width;
    k->most = k->most_bytes / (k->window * width * (int64_t)sizeof(float));
    k->at = ssmq_must_malloc((size_t)(k->most + 1) * sizeof *k->at);
    memset(k->at, 0, (size_t)(k->most + 1) * sizeof *k->at);
    k->copy = ssmq_must_malloc((size_t)(k->piece * width) * sizeof *k->copy);
}

void ssmq_kept_hidden_put(ssmq_kept_hidden *k, int64_t window, int64_t length, int64_t first,
                          const ssmq_tensor *rows)
{
    const int64_t n = rows->dim[0], C = rows->dim[1];
    SSMQ_ASSERT(rows->rank == 2 && first + n <= length && length <= k->window);
    if (k->width == 0) make_room(k, C);
    if (window >= k->most) return;
    kept *at = &k->at[window];
    if (!at->row) at->row = malloc((size_t)(length * C) * sizeof *at->row);
    if (!at->row) return; /* what has no room is run again */
    at->room = length;
    if (first == 0) at->n = 0;
    SSMQ_ASSERT(C == k->width && at->n == first);
    for (int64_t i = 0; i < n; i++)
        memcpy(at->row + (first + i) * C, (const float *)rows->data + i * rows->stride[0], (size_t)C * sizeof(float));
    at->n += n;
}
