#include "harness/tensor/tail.h"
#include <math.h>
#include <stdlib.h>
#include "harness/base/assert.h"
#include "harness/tensor/quantiles.h"

/* ---- out of an end --------------------------------------------------------------------- */

/* A quantile from 99.9 on has at most a thousandth of n - 1 values above it, rounded up; it needs one more, and
 * another one for what p / 100 is rounded by. */
int32_t ssmq_tail_length(int64_t n)
{
    const int64_t length = (n - 1) / 1000 + 3;
    return (int32_t)(length < n ? length : n);
}

int64_t ssmq_tail_rank(ssmq_tail_end end, int64_t n)
{
    const int64_t length = ssmq_tail_length(n);
    return end == SSMQ_TAIL_LOW ? length - 1 : n - length;
}

bool ssmq_tail_quantile(const ssmq_tail *t, ssmq_tail_end end, double p, float *out)
{
    const bool    low = end == SSMQ_TAIL_LOW;
    const double  rank = (low ? 100 - p : p) / 100.0 * (double)(t->n - 1);
    const int64_t k = (int64_t)rank, next = k + 1 < t->n ? k + 1 : k;
    const int64_t inner = low ? next : t->n - 1 - k, outer = low ? k : t->n - 1 - next;
    if (t->length == 0 || !t->value[end] || inner >= t->length) return false;
    const double here = (double)t->value[end][low ? outer : inner], beyond = (double)t->value[end][low ? inner : outer];
    *out = (float)(here + (rank - (double)k) * (beyond - here));
    return true;
}

/* ---- collecting ------------------------------------------------------------------------ */

static float key_of(ssmq_tail_end end, float x)
{
    if (end == SSMQ_TAIL_MAGNITUDE) return fabsf(x);
    return end == SSMQ_TAIL_HIGH ? x : -x;
}

void ssmq_tail_begin(ssmq_tail_collection *c, ssmq_tail_end end, int32_t length, float innermost, float *out)
{
    c->end = end;
    c->length = length;
    c->cut = key_of(end, innermost);
    c->out = out;
    c->n = 0;
}

/* Nearly all values lie inside, so blocks of them are passed over at once. */
static void collect(ssmq_tail_collection *c, ssmq_tail_end end, const float *x, int64_t n)
{
    enum { block = 64 };
    for (int64_t first = 0; first < n; first += block) {
        const int64_t behind = first + block < n ? first + block : n;
        int           any = 0;
        for (int64_t i = first; i < behind; i++) any |= key_of(end, x[i]) > c->cut;
        for (int64_t i = first; any && i < behind; i++) {
            if (!(key_of(end, x[i]) > c->cut)) continue;
            const int32_t at = __atomic_fetch_add(&c->n, 1, __ATOMIC_RELAXED);
            SSMQ_ASSERT(at < c->length);
            c->out[at] = x[i];
        }
    }
}

void ssmq_tail_add(ssmq_tail_collection *c, const ssmq_tensor *x)
{
    const ssmq_tensor rows = ssmq_tensor_runs(x);
    for (int64_t i = 0; i < rows.dim[0]; i++) {
        const float *row = (const float *)rows.data + i * rows.stride[0];
        switch (c->end) { /* a loop each, in which the end is a constant */
        case SSMQ_TAIL_MAGNITUDE: collect(c, SSMQ_TAIL_MAGNITUDE, row, rows.dim[1]); break;
        case SSMQ_TAIL_HIGH: collect(c, SSMQ_TAIL_HIGH, row, rows.dim[1]); break;
        default: collect(c, SSMQ_TAIL_LOW, row, rows.dim[1]);
        }
    }
}

static int descending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

static int ascending(const void *a, const void *b)
{
    return descending(b, a);
}

/* What was not collected is as large as the innermost one. */
void ssmq_tail_finish(ssmq_tail_collection *c)
{
    const bool    low = c->end == SSMQ_TAIL_LOW;
    const int32_t n = c->n;
    for (int32_t i = 0; c->end == SSMQ_TAIL_MAGNITUDE && i < n; i++) c->out[i] = fabsf(c->out[i]);
    for (int32_t i = n; i < c->length; i++) c->out[i] = low ? -c->cut : c->cut;
    qsort(c->out, (size_t)c->length, sizeof *c->out, low ? ascending : descending);
}

ssmq_status ssmq_tail_of(const ssmq_tensor *x, ssmq_tail_end end, float *out)
{
    ssmq_tail_collection     c;
    float                    innermost;
    const int64_t            n = ssmq_tensor_count(x), rank = ssmq_tail_rank(end, n);
    const ssmq_quantile_list list = {end == SSMQ_TAIL_MAGNITUDE, 1, NULL, &innermost, &rank};
    SSMQ_TRY(ssmq_quantiles(x, &list, 1));
    ssmq_tail_begin(&c, end, ssmq_tail_length(n), innermost, out);
    ssmq_tail_add(&c, x);
    ssmq_tail_finish(&c);
    return SSMQ_OK;
}
