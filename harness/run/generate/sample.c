#include "harness/run/generate/sample.h"
#include <math.h>
#include <stdbool.h>

#define LANES 16 /* independent maxima, so that they lie side by side in vectors */

int32_t ssmq_most_likely(const float *logit, int32_t n)
{
    float   lane[LANES], most = -INFINITY;
    int32_t i = 0;
    for (int32_t k = 0; k < LANES; k++) lane[k] = -INFINITY;
    for (; i + LANES <= n; i += LANES)
        for (int32_t k = 0; k < LANES; k++) lane[k] = logit[i + k] > lane[k] ? logit[i + k] : lane[k];
    for (int32_t k = 0; k < LANES; k++) most = lane[k] > most ? lane[k] : most;
    for (; i < n; i++) most = logit[i] > most ? logit[i] : most;
    for (i = 0; i < n; i++)
        if (logit[i] == most) return i;
    return 0;
}

/* Candidates of which the most likely are put in order one by one: few are drawn from, most of the time.  The first `in`
 * are a heap, behind it those in order, the most likely last. */
typedef struct queue {
    ssmq_candidate *c;
    int32_t         n, in;
} queue;

/* By weight, then by id. */
static bool precedes(const ssmq_candidate *a, const ssmq_candidate *b)
{
    return a->weight != b->weight ? a->weight > b->weight : a->token < b->token;
}

static void sink(queue *q, int32_t at)
{
    const ssmq_candidate x = q->c[at];
    for (int32_t child; (child = 2 * at + 1) < q->in; at = child) {
        if (child + 1 < q->in && precedes(&q->c[child + 1], &q->c[child])) child++;
        if (!precedes(&q->c[child], &x)) break;
        q->c[at] = q->c[child];
    }
    q->c[at] = x;
}

static queue queue_of(ssmq_candidate *c, int32_t n)
{
    queue q = {.c = c, .n = n, .in = n};
    for (int32_t i = n / 2; i-- > 0;) sink(&q, i);
    return q;
}

/* The i-th most likely, from 0. */
static const ssmq_candidate *nth(queue *q, int32_t i)
{
    while (q->n - q->in <= i) {
        const ssmq_candidate first = q->c[0];
        q->c[0] = q->c[--q->in];
        q->c[q->in] = first;
        if (q->in > 1) sink(q, 0);
    }
    return &q->c[q->n - 1 - i];
}

/* A token counts once, however often it was seen. */
static void penalise(const ssmq_sampling *s, const float *logit, int32_t n, const int32_t *seen,
                     int64_t n_seen, ssmq_candidate *c)
{
    for (int32_t i = 0; i < n; i++) c[i] = (ssmq_candidate){i, (double)logit[i]};
    for (int64_t i = 0; i < n_seen; i++) {
        const int32_t t = seen[i];
        if (t < 0 || t >= n) continue;
        const double l = (double)logit[t];
        c[t].weight = l > 0 ? l / s->repetition_penalty : l * s->repetition_penalty;
    }
}

/* A probability, relative to the largest. */
static double share_of(const ssmq_sampling *s, const ssmq_candidate *c, double most)
{
    return exp((c->weight - most) / s->temperature);
}

/* Of the n most likely; of all in the order in which they lie, which is as good as any. */
static double sum_of(const ssmq_sampling *s, queue *q, int32_t n, double most)
{
    double sum = 0;
    if (n == q->n)
        for (int32_t i = 0; i < n; i++) sum += share_of(s, &q->c[i], most);
    else
        for (int32_t i = 0; i < n; i++) sum += share_of(s, nth(q, i), most);
    return sum;
}

/* How many of the most likely are left; their sum. */
static int32_t keep(const ssmq_sampling *s, queue *q, double most, double *sum)
{
    const int32_t n = s->top_k > 0 && s->top_k < q->n ? s->top_k : q->n;
    const double  all = sum_of(s, q, n, most);
    *sum = all;
    if (s->top_p >= 1 && s->min_p <= 0) return n;
    *sum = 0;
    for (int32_t i = 0; i < n; i++) {
        const double share = share_of(s, nth(q, i), most);
        if (i > 0 && share < s->min_p) return i;
        *sum += share;
        if (s->top_p < 1 && *sum >= s->top_p * all) return i + 1;
    }
    return n;
}

int32_t ssmq_sample_token(const ssmq_sampling *s, const float *logit, int32_t n, const int32_t *seen,
                          int64_t n_seen, ssmq_rng *rng, ssmq_candidate *room)
{
    const double u = ssmq_rng_uniform(rng);
    double       total, sum = 0;
    if (s->temperature == 0 && s->repetition_penalty == 1) return ssmq_most_likely(logit, n);
    penalise(s, logit, n, seen, n_seen, room);
    queue        q = queue_of(room, n);
    const double most = room[0].weight;
    if (s->temperature == 0) return room[0].token;
    const int32_t left = keep(s, &q, most, &total);
    for (int32_t i = 0; i < left - 1; i++) {
        sum += share_of(s, nth(&q, i), most);
        if (u * total < sum) return nth(&q, i)->token;
    }
    return nth(&q, left - 1)->token;
}
