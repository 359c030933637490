#include "harness/run/generate/sample.h"
#include <math.h>
#include <stdlib.h>

/* Most likely first, then by id. */
static int by_weight(const void *a, const void *b)
{
    const ssmq_candidate *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return x->token < y->token ? -1 : x->token > y->token;
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

/* How many of those in order top_p leaves; weights need not add up to 1. */
static int32_t within(const ssmq_candidate *c, int32_t n, double p)
{
    double total = 0, sum = 0;
    for (int32_t i = 0; i < n; i++) total += c[i].weight;
    for (int32_t i = 0; i < n; i++) {
        sum += c[i].weight;
        if (sum >= p * total) return i + 1;
    }
    return n;
}

/* Logits in order to weights relative to the largest; returns how many stay. */
static int32_t keep(const ssmq_sampling *s, ssmq_candidate *c, int32_t n)
{
    const double most = c[0].weight;
    if (s->top_k > 0 && s->top_k < n) n = s->top_k;
    for (int32_t i = 0; i < n; i++) c[i].weight = exp((c[i].weight - most) / s->temperature);
    if (s->top_p < 1) n = within(c, n, s->top_p);
    while (n > 1 && c[n - 1].weight < s->min_p) n--;
    return n;
}

int32_t ssmq_sample_token(const ssmq_sampling *s, const float *logit, int32_t n, const int32_t *seen,
                          int64_t n_seen, ssmq_rng *rng, ssmq_candidate *room)
{
    const double u = ssmq_rng_uniform(rng);
    penalise(s, logit, n, seen, n_seen, room);
    qsort(room, (size_t)n, sizeof *room, by_weight);
    if (s->temperature == 0) return room[0].token;
    const int32_t left = keep(s, room, n);
    double        total = 0, sum = 0;
    for (int32_t i = 0; i < left; i++) total += room[i].weight;
    for (int32_t i = 0; i < left; i++) {
        sum += room[i].weight;
        if (u * total < sum) return room[i].token;
    }
    return room[left - 1].token;
}
