#include "harness/tensor/tail.h"
#include <math.h>
#include <stdint.h>
#include <string.h>
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

enum { HELD = 64 };

/* The ends that one thread collects at once, and what a value is at least beyond to be in one of them. */
typedef struct ends {
    ssmq_tail_collection *c;
    int32_t               n;
    float                 above, below; /* x > above or -x > below */
    float                 held[SSMQ_TAIL_ENDS][HELD]; /* found, and not handed over yet: threads do that rarely */
    int32_t               n_held[SSMQ_TAIL_ENDS];
} ends;

static ends ends_of(ssmq_tail_collection *c, int32_t n)
{
    ends e = {.c = c, .n = n, .above = INFINITY, .below = INFINITY};
    for (int32_t i = 0; i < n; i++) {
        if (c[i].end != SSMQ_TAIL_LOW) e.above = fminf(e.above, c[i].cut);
        if (c[i].end != SSMQ_TAIL_HIGH) e.below = fminf(e.below, c[i].cut);
    }
    return e;
}

static void hand_over(ends *e, int32_t i)
{
    ssmq_tail_collection *c = &e->c[i];
    const int32_t         at = __atomic_fetch_add(&c->n, e->n_held[i], __ATOMIC_RELAXED);
    SSMQ_ASSERT(at + e->n_held[i] <= c->length);
    memcpy(c->out + at, e->held[i], (size_t)e->n_held[i] * sizeof *c->out);
    e->n_held[i] = 0;
}

static void collect_one(ends *e, float x)
{
    for (int32_t i = 0; i < e->n; i++) {
        if (!(key_of(e->c[i].end, x) > e->c[i].cut)) continue;
        e->held[i][e->n_held[i]++] = x;
        if (e->n_held[i] == HELD) hand_over(e, i);
    }
}

/* A whole number that is ordered as the floats are, so that the compiler makes vectors of comparisons. */
static int32_t order_of(const float *x)
{
    int32_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits ^ (bits >> 31 & INT32_MAX);
}

/* Nearly all values lie inside, so blocks of them are passed over at once. */
static void collect(ends *e, const float *x, int64_t n)
{
    enum { block = 64 };
    const float   lowest = -e->below;
    const int32_t above = order_of(&e->above), below = order_of(&lowest);
    for (int64_t first = 0; first < n; first += block) {
        const int64_t behind = first + block < n ? first + block : n;
        int32_t       any = 0;
        for (int64_t i = first; i < behind; i++) any |= (order_of(&x[i]) > above) | (order_of(&x[i]) < below);
        for (int64_t i = first; any && i < behind; i++)
            if (x[i] > e->above || -x[i] > e->below) collect_one(e, x[i]);
    }
}

void ssmq_tail_add(ssmq_tail_collection *c, int32_t n, const ssmq_tensor *x)
{
    const ssmq_tensor rows = ssmq_tensor_runs(x);
    ends              e = ends_of(c, n);
    for (int64_t i = 0; i < rows.dim[0]; i++)
        collect(&e, (const float *)rows.data + i * rows.stride[0], rows.dim[1]);
    for (int32_t i = 0; i < n; i++) hand_over(&e, i);
}

/* Shell's sort, with gaps of about 2.25 times the next (Tokuda): in place, and for the hundreds of values of a
 * tail several times as fast as qsort(), which would take longer than all else that is measured. */
static void sort_descending(float *v, int32_t n)
{
    static const int32_t gaps[] = {29524, 13122, 5832, 2592, 1152, 512, 228, 101, 45, 20, 9, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++)
        for (int32_t i = gaps[g]; i < n; i++) {
            const float x = v[i];
            int32_t     k = i;
            for (; k >= gaps[g] && v[k - gaps[g]] < x; k -= gaps[g]) v[k] = v[k - gaps[g]];
            v[k] = x;
        }
}

/* What was not collected is as large as the innermost one. */
void ssmq_tail_finish(ssmq_tail_collection *c)
{
    for (int32_t i = 0; i < c->n; i++) c->out[i] = key_of(c->end, c->out[i]);
    for (int32_t i = c->n; i < c->length; i++) c->out[i] = c->cut;
    sort_descending(c->out, c->length);
    for (int32_t i = 0; c->end == SSMQ_TAIL_LOW && i < c->length; i++) c->out[i] = -c->out[i];
}

ssmq_status ssmq_tail_of(const ssmq_tensor *x, ssmq_tail_end end, float *out)
{
    ssmq_tail_collection     c;
    float                    innermost;
    const int64_t            n = ssmq_tensor_count(x), rank = ssmq_tail_rank(end, n);
    const ssmq_quantile_list list = {end == SSMQ_TAIL_MAGNITUDE, 1, NULL, &innermost, &rank};
    SSMQ_TRY(ssmq_quantiles(x, &list, 1));
    ssmq_tail_begin(&c, end, ssmq_tail_length(n), innermost, out);
    ssmq_tail_add(&c, 1, x);
    ssmq_tail_finish(&c);
    return SSMQ_OK;
}
