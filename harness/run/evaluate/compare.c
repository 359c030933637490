#include "harness/run/evaluate/compare.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/rng.h"
#include "harness/base/stats.h"

/* SSMQ_COMPARE_FIELDS knows them by number. */
_Static_assert(SSMQ_METRIC_KL == 0 && SSMQ_METRIC_DELTA_P == 1 && SSMQ_METRIC_TOP1 == 2, "metrics");

/* ---- one token ------------------------------------------------------------------------- */

/* The place of the largest logit, the first of several. */
static int64_t largest(const float *row, int64_t n)
{
    int64_t at = 0;
    for (int64_t i = 1; i < n; i++)
        if (row[i] > row[at]) at = i;
    return at;
}

/* With P = sum exp(l), Q = sum exp(m) over logits l and m:
 *     kl = sum exp(l) (l - m) / P - ln P + ln Q,
 * so that two exponentials a value are enough.  Equal rows give differences of exactly 0. */
ssmq_compared_token ssmq_compare_rows(const float *with_float, const float *logits, int64_t n,
                                      int32_t target)
{
    SSMQ_ASSERT(n >= 1 && target >= 0 && target < n);
    const int64_t best_p = largest(with_float, n), best_q = largest(logits, n);
    const double  top_p = (double)with_float[best_p], top_q = (double)logits[best_q];
    double        sum_p = 0, sum_q = 0, gap = 0;
    for (int64_t i = 0; i < n; i++) {
        const double p = exp((double)with_float[i] - top_p);
        sum_p += p;
        sum_q += exp((double)logits[i] - top_q);
        /* The limit for p = 0 is 0, also where a logit is infinite. */
        if (p > 0) gap += p * ((double)with_float[i] - (double)logits[i]);
    }
    const double ln_p = top_p + log(sum_p), ln_q = top_q + log(sum_q);
    const double kl = gap / sum_p - (ln_p - ln_q);
    return (ssmq_compared_token){
        .kl = kl < 0 ? 0 : kl, /* it is no less than 0 but for rounding */
        .delta_p = exp((double)logits[target] - ln_q) - exp((double)with_float[target] - ln_p),
        .top1 = best_p == best_q,
    };
}

/* ---- windows --------------------------------------------------------------------------- */

ssmq_comparison *ssmq_comparison_new(int64_t targets)
{
    ssmq_comparison *c = ssmq_must_malloc(sizeof *c);
    *c = (ssmq_comparison){.targets = targets, .first = ssmq_must_malloc(sizeof *c->first)};
    c->first[0] = 0;
    c->kl = ssmq_must_malloc((size_t)targets * sizeof *c->kl);
    c->delta_p = ssmq_must_malloc((size_t)targets * sizeof *c->delta_p);
    return c;
}

void ssmq_comparison_free(ssmq_comparison *c)
{
    if (!c) return;
    free(c->first);
    free(c->window_nll_float);
    free(c->window_kl);
    free(c->window_delta_p);
    free(c->window_top1);
    free(c->window_square);
    free(c->token_kl);
    free(c->token_delta_p);
    free(c->token_top1);
    free(c->subset);
    free(c->kl);
    free(c->delta_p);
    free(c);
}

static void grow_windows(ssmq_comparison *c)
{
    if (c->windows < c->capacity) return;
    c->capacity = c->capacity ? 2 * c->capacity : 16;
    const size_t n = (size_t)c->capacity;
    double     **window[] = {&c->window_nll_float, &c->window_kl, &c->window_delta_p, &c->window_top1,
                         &c->window_square};
    for (size_t i = 0; i < sizeof window / sizeof *window; i++)
        *window[i] = ssmq_must_realloc(*window[i], n * sizeof **window[i]);
    c->first = ssmq_must_realloc(c->first, (n + 1) * sizeof *c->first);
}

/* Room for the next window, of any length. */
static void grow(ssmq_comparison *c)
{
    grow_windows(c);
    if (c->first[c->windows] + c->targets <= c->token_capacity) return;
    c->token_capacity = c->token_capacity ? 2 * c->token_capacity : 16 * c->targets;
    const size_t tokens = (size_t)c->token_capacity;
    c->token_kl = ssmq_must_realloc(c->token_kl, tokens * sizeof *c->token_kl);
    c->token_delta_p = ssmq_must_realloc(c->token_delta_p, tokens * sizeof *c->token_delta_p);
    c->token_top1 = ssmq_must_realloc(c->token_top1, tokens * sizeof *c->token_top1);
}

typedef struct rows_job {
    ssmq_comparison *c;
    int64_t          first, n;
    const float     *with_float, *logits;
    const int32_t   *target;
} rows_job;

static void rows_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const rows_job  *j = context;
    ssmq_comparison *c = j->c;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const ssmq_compared_token t =
            ssmq_compare_rows(j->with_float + i * j->n, j->logits + i * j->n, j->n, j->target[i]);
        const int64_t in_window = j->first + i, at = c->first[c->windows] + in_window;
        c->kl[in_window] = t.kl;
        c->delta_p[in_window] = t.delta_p;
        c->token_kl[at] = (float)t.kl;
        c->token_delta_p[at] = (float)t.delta_p;
        c->token_top1[at] = t.top1;
    }
}

void ssmq_comparison_rows(ssmq_comparison *c, ssmq_pool *pool, int64_t first,
                          const ssmq_tensor *with_float, const ssmq_tensor *logits,
                          const int32_t *target)
{
    SSMQ_ASSERT(with_float->space == SSMQ_SPACE_HOST && logits->space == SSMQ_SPACE_HOST);
    SSMQ_ASSERT(ssmq_tensor_contiguous(with_float) && ssmq_tensor_contiguous(logits));
    SSMQ_ASSERT(first + logits->dim[0] <= c->targets && with_float->dim[0] == logits->dim[0]);
    grow(c);
    rows_job j = {.c = c,
                  .first = first,
                  .n = logits->dim[1],
                  .with_float = with_float->data,
                  .logits = logits->data,
                  .target = target};
    ssmq_pool_run(pool, logits->dim[0], 1, rows_piece, &j);
}

void ssmq_comparison_window(ssmq_comparison *c, int64_t targets, double nll)
{
    const int64_t  w = c->windows, n = targets;
    const uint8_t *top1 = c->token_top1 + c->first[w];
    int64_t        same = 0;
    for (int64_t i = 0; i < n; i++) same += top1[i];
    c->window_nll_float[w] = nll;
    c->window_kl[w] = ssmq_sum(c->kl, n) / (double)n;
    c->window_delta_p[w] = ssmq_sum(c->delta_p, n) / (double)n;
    for (int64_t i = 0; i < n; i++) c->delta_p[i] *= c->delta_p[i];
    c->window_square[w] = ssmq_sum(c->delta_p, n) / (double)n;
    c->window_top1[w] = (double)same / (double)n;
    c->first[++c->windows] = c->first[w] + n;
}

/* ---- a window as bytes ----------------------------------------------------------------- */

#define PER_WINDOW 5 /* doubles */
#define PER_TOKEN (2 * sizeof(float) + 1)

size_t ssmq_comparison_bytes(int64_t targets)
{
    return PER_WINDOW * sizeof(double) + (size_t)targets * PER_TOKEN;
}

void ssmq_comparison_pack(const ssmq_comparison *c, int64_t w, unsigned char *out)
{
    const size_t at = (size_t)c->first[w], n = (size_t)c->first[w + 1] - at;
    const double window[PER_WINDOW] = {c->window_nll_float[w], c->window_kl[w], c->window_delta_p[w],
                                       c->window_top1[w], c->window_square[w]};
    memcpy(out, window, sizeof window);
    out += sizeof window;
    memcpy(out, c->token_kl + at, n * sizeof(float));
    memcpy(out + n * sizeof(float), c->token_delta_p + at, n * sizeof(float));
    memcpy(out + 2 * n * sizeof(float), c->token_top1 + at, n);
}

void ssmq_comparison_unpack(ssmq_comparison *c, int64_t targets, const unsigned char *bytes)
{
    const size_t n = (size_t)targets, w = (size_t)c->windows;
    double       window[PER_WINDOW];
    grow(c);
    const size_t at = (size_t)c->first[w];
    memcpy(window, bytes, sizeof window);
    bytes += sizeof window;
    c->window_nll_float[w] = window[0];
    c->window_kl[w] = window[1];
    c->window_delta_p[w] = window[2];
    c->window_top1[w] = window[3];
    c->window_square[w] = window[4];
    memcpy(c->token_kl + at, bytes, n * sizeof(float));
    memcpy(c->token_delta_p + at, bytes + n * sizeof(float), n * sizeof(float));
    memcpy(c->token_top1 + at, bytes + 2 * n * sizeof(float), n);
    c->first[++c->windows] = (int64_t)(at + n);
}

/* ---- statistics ------------------------------------------------------------------------ */

static int by_float(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int by_double(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where quantile p of n sorted values lies: between ranks *at and *at + 1, *part of the way. */
static void rank_of(double p, int64_t n, int64_t *at, double *part)
{
    const double rank = p * (double)(n - 1);
    *at = (int64_t)floor(rank);
    if (*at > n - 2) *at = n > 1 ? n - 2 : 0;
    *part = n > 1 ? rank - (double)*at : 0;
}

/* Between two equal values, infinite ones among them, lies that value. */
static double between(double a, double b, double part)
{
    return part == 0 || a == b ? a : part == 1 ? b : a + part * (b - a);
}

double ssmq_sorted_quantile(const float *sorted, int64_t n, double p)
{
    SSMQ_ASSERT(n >= 1 && p >= 0 && p <= 1);
    int64_t at;
    double  part;
    rank_of(p, n, &at, &part);
    return between((double)sorted[at], (double)sorted[n > 1 ? at + 1 : at], part);
}

static double quantile_of_means(const double *sorted, int64_t n, double p)
{
    int64_t at;
    double  part;
    rank_of(p, n, &at, &part);
    return between(sorted[at], sorted[n > 1 ? at + 1 : at], part);
}

void ssmq_bootstrap(const double *y, const double *w, int64_t n, int32_t resamples, uint64_t seed,
                    const char *purpose, double *low, double *high)
{
    *low = *high = (double)NAN;
    if (n < 2 || resamples < 1) return;
    double  *mean = ssmq_must_malloc((size_t)resamples * sizeof *mean);
    double  *drawn = ssmq_must_malloc(2 * (size_t)n * sizeof *drawn), *weight = drawn + n;
    ssmq_rng rng;
    ssmq_rng_init(&rng, seed, purpose);
    for (int32_t r = 0; r < resamples; r++) {
        for (int64_t i = 0; i < n; i++) {
            const uint64_t at = ssmq_rng_below(&rng, (uint64_t)n);
            drawn[i] = y[at];
            weight[i] = w ? w[at] : 1;
        }
        mean[r] = ssmq_sum(drawn, n) / (w ? ssmq_sum(weight, n) : (double)n);
    }
    qsort(mean, (size_t)resamples, sizeof *mean, by_double);
    *low = quantile_of_means(mean, resamples, 0.025);
    *high = quantile_of_means(mean, resamples, 0.975);
    free(mean);
    free(drawn);
}

/* ---- figures --------------------------------------------------------------------------- */

/* The windows that figures are of. */
typedef struct chosen {
    int64_t      *window; /* [n] */
    int64_t       n;
    double       *value; /* [n] room for one of the arrays of windows */
    double       *weight; /* [n] and what they count: room for it     */
    int64_t      *group;  /* [n]                                      */
    ssmq_weighing by;
} chosen;

static chosen choose(const ssmq_comparison *c, const ssmq_compare_basis *b, int32_t subset)
{
    const size_t n = (size_t)c->windows;
    chosen       s = {.window = ssmq_must_malloc(n * sizeof *s.window),
                      .value = ssmq_must_malloc(n * sizeof *s.value),
                      .weight = ssmq_must_malloc(n * sizeof *s.weight),
                      .group = ssmq_must_malloc(n * sizeof *s.group)};
    for (int64_t i = 0; i < c->windows; i++) {
        if (subset >= 0 && b->window_subset[i] != subset) continue;
        if (b->by.weight) {
            s.weight[s.n] = b->by.weight[i];
            s.group[s.n] = b->by.group[i];
        }
        s.window[s.n++] = i;
    }
    if (b->by.weight) s.by = (ssmq_weighing){s.weight, s.group};
    return s;
}

static void leave(chosen *s)
{
    free(s->window);
    free(s->value);
    free(s->weight);
    free(s->group);
}

static const double *gather(const chosen *s, const double *of_all)
{
    for (int64_t i = 0; i < s->n; i++) s->value[i] = of_all[s->window[i]];
    return s->value;
}

static void mean_of(const chosen *s, const double *of_all, double *mean, double *se)
{
    ssmq_mean_by(gather(s, of_all), &s->by, s->n, mean, se);
}

static void kl_figures(const ssmq_comparison *c, const chosen *s, ssmq_compare_score *f)
{
    float  *kl = ssmq_must_malloc((size_t)c->first[c->windows] * sizeof *kl);
    int64_t n = 0;
    for (int64_t i = 0; i < s->n; i++) {
        const int64_t first = c->first[s->window[i]], targets = c->first[s->window[i] + 1] - first;
        memcpy(kl + n, c->token_kl + first, (size_t)targets * sizeof *kl);
        n += targets;
    }
    qsort(kl, (size_t)n, sizeof *kl, by_float);
    f->kl_median = ssmq_sorted_quantile(kl, n, 0.5);
    f->kl_p90 = ssmq_sorted_quantile(kl, n, 0.9);
    f->kl_p99 = ssmq_sorted_quantile(kl, n, 0.99);
    f->kl_p999 = ssmq_sorted_quantile(kl, n, 0.999);
    f->kl_max = (double)kl[n - 1];
    free(kl);
    mean_of(s, c->window_kl, &f->kl_mean, &f->kl_se);
}

static void ln_ratio_figures(const ssmq_comparison *c, const ssmq_compare_basis *b, const chosen *s,
                             const char *purpose, ssmq_compare_score *f)
{
    gather(s, b->window_nll);
    for (int64_t i = 0; i < s->n; i++) s->value[i] -= c->window_nll_float[s->window[i]];
    ssmq_mean_by(s->value, &s->by, s->n, &f->ln_ratio, &f->ln_ratio_se);
    if (!s->by.weight) {
        ssmq_bootstrap(s->value, NULL, s->n, b->spec->bootstrap, b->seed, purpose, &f->ln_ratio_low,
                       &f->ln_ratio_high);
        return;
    }
    double       *y = ssmq_must_malloc(2 * (size_t)s->n * sizeof *y), *w = y + s->n;
    const int64_t m = ssmq_group_sums(s->value, &s->by, s->n, y, w);
    ssmq_bootstrap(y, w, m, b->spec->bootstrap, b->seed, purpose, &f->ln_ratio_low, &f->ln_ratio_high);
    free(y);
}

/* Figures of the windows of a subset; -1: of all.  Those that were not asked for are NaN. */
static ssmq_compare_score figures(const ssmq_comparison *c, const ssmq_compare_basis *b,
                                  int32_t subset)
{
    ssmq_compare_score f = {.against = "float", .metrics = b->spec->metrics};
    chosen             s = choose(c, b, subset);
    char               purpose[256];
#define X(field, metric, unit) f.field = (double)NAN;
    SSMQ_COMPARE_FIELDS(X)
#undef X
    snprintf(purpose, sizeof purpose, "bootstrap %s %d", b->evaluation, subset);
    if (s.n > 0) {
        double none;
        ln_ratio_figures(c, b, &s, purpose, &f);
        if (f.metrics >> SSMQ_METRIC_KL & 1) kl_figures(c, &s, &f);
        if (f.metrics >> SSMQ_METRIC_TOP1 & 1)
            mean_of(&s, c->window_top1, &f.top1, &none);
        if (f.metrics >> SSMQ_METRIC_DELTA_P & 1) {
            double square;
            mean_of(&s, c->window_delta_p, &f.delta_p_mean, &none);
            mean_of(&s, c->window_square, &square, &none);
            f.delta_p_rms = sqrt(square);
        }
    }
    leave(&s);
    return f;
}

void ssmq_comparison_conclude(ssmq_comparison *c, const ssmq_compare_basis *basis)
{
    c->all = figures(c, basis, -1);
    c->subset = ssmq_must_malloc((size_t)(basis->n_subset + 1) * sizeof *c->subset);
    for (int32_t i = 0; i < basis->n_subset; i++) c->subset[i] = figures(c, basis, i);
}
