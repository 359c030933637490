/* Statistics of a site against their definitions: sorting, and sums in two passes in the widest format. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "harness/run/statistics/site_figures.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"

#define BACKENDS 4
#define N_QUANTILE 7

static const double quantiles[N_QUANTILE] = {0, 0.1, 50, 99, 99.9, 99.999, 100};

static const ssmq_collect_spec everything = {.statistics = true,
                                             .quantile = quantiles,
                                             .n_quantile = N_QUANTILE,
                                             .moments = true,
                                             .channels = true,
                                             .states = true,
                                             .top_channels = 3,
                                             .histogram = true};

/* Samples of some rows each, at a site of some shape. */
typedef struct data {
    ssmq_site_shape shape;
    const int64_t  *rows; /* ends with 0 */
    float          *x;    /* all of them, row by row */
    int64_t         all;  /* rows */
} data;

/* Values about offset that spread over many powers of two, a channel further apart the later it comes. */
static data data_of(ssmq_site_shape shape, const int64_t *rows, double offset)
{
    data     d = {.shape = shape, .rows = rows};
    ssmq_rng rng;
    ssmq_rng_init(&rng, 3, "values");
    for (int i = 0; rows[i]; i++) d.all += rows[i];
    const int64_t width = shape.channels * shape.inner;
    d.x = malloc((size_t)(d.all * width) * sizeof *d.x);
    for (int64_t i = 0; i < d.all * width; i++) {
        const double u = ssmq_rng_uniform(&rng) - 0.5, channel = (double)(i % width / shape.inner);
        d.x[i] = (float)(offset + u * u * u * exp(channel / 8));
        if (ssmq_rng_below(&rng, 50) == 0) d.x[i] = i % 2 ? 0.0f : -0.0f;
    }
    return d;
}

typedef struct outcome {
    ssmq_site_figures f;
    ssmq_arena       *arena;
} outcome;

static outcome outcome_of(ssmq_backend *be, const data *d, const ssmq_collect_spec *spec,
                          const ssmq_clip_limits *clip)
{
    const int64_t      width = d->shape.channels * d->shape.inner;
    outcome            o = {.arena = ssmq_arena_new()};
    ssmq_site_stats    s;
    ssmq_stats_workers w;
    float             *x = d->x, absmax;
    CHECK_OK(ssmq_stats_workers_open(be, d->shape.inner, &w));
    CHECK_OK(ssmq_site_stats_open(spec, &d->shape, &s));
    if (clip) s.clip = *clip;
    for (int i = 0; d->rows[i]; x += d->rows[i] * width, i++) {
        const ssmq_tensor flat = SSMQ_TENSOR(x, SSMQ_F32, 1, d->rows[i], width);
        const ssmq_tensor deep = SSMQ_TENSOR(x, SSMQ_F32, 1, d->rows[i], d->shape.channels, d->shape.inner);
        CHECK_OK(ssmq_site_stats_add(&s, be, &w, d->shape.inner == 1 ? &flat : &deep, &absmax));
        float most = 0;
        for (int64_t k = 0; k < d->rows[i] * width; k++)
            if (isfinite(x[k])) most = fmaxf(most, fabsf(x[k]));
        assert_true(absmax == most);
    }
    CHECK_OK(ssmq_site_figures_of(&s, spec, o.arena, &o.f));
    ssmq_site_stats_close(&s);
    ssmq_stats_workers_close(&w);
    return o;
}

/* ---- definitions ----------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The finite ones of n values, stride apart in runs of inner, sorted; how many. */
static int64_t sorted(const float *x, int64_t n, int64_t inner, int64_t stride, bool magnitude, double *out)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < inner; k++) {
            const double v = (double)x[i * stride + k];
            if (isfinite(v)) out[kept++] = magnitude ? fabs(v) : v;
        }
    qsort(out, (size_t)kept, sizeof *out, by_value);
    return kept;
}

static double quantile_of(const double *v, int64_t n, double p)
{
    const double  r = p / 100 * (double)(n - 1);
    const int64_t k = (int64_t)floor(r);
    return v[k] + (r - (double)k) * (v[k + 1 < n ? k + 1 : k] - v[k]);
}

/* Relative to the sums of |d|^k, in float64: every value and mean is exact to 2^-53 of the offset, and what
 * is added up are at most n terms. */
static void check_moments(const ssmq_moments *m, const double *v, int64_t n, double offset)
{
    long double mean = 0, s2 = 0, s3 = 0, s4 = 0, a3 = 0;
    for (int64_t i = 0; i < n; i++) mean += (long double)v[i];
    mean /= (long double)n;
    for (int64_t i = 0; i < n; i++) {
        const long double d = (long double)v[i] - mean;
        s2 += d * d;
        s3 += d * d * d;
        a3 += fabsl(d * d * d);
        s4 += d * d * d * d;
    }
    const double spread = sqrt((double)s2 / (double)n);
    const double eps = (double)n * 0x1p-53 * (1 + fabs(offset) / spread);
    assert_int_equal(m->n, n);
    assert_true(fabs(m->mean - (double)mean) <= eps * spread);
    assert_true(fabs(m->s2 - (double)s2) <= 4 * eps * (double)s2);
    assert_true(fabs(m->s3 - (double)s3) <= 4 * eps * ((double)a3 + 3 * spread * (double)s2));
    assert_true(fabs(m->s4 - (double)s4) <= 4 * eps * ((double)s4 + 4 * spread * (double)a3));
}

static void check_site(const outcome *o, const data *d, double offset)
{
    const ssmq_site_figures *f = &o->f;
    const int64_t width = d->shape.channels * d->shape.inner, n = d->all * width;
    double       *v = malloc((size_t)n * sizeof *v);
    uint64_t      zero = 0, counted = 0;
    int64_t       kept = sorted(d->x, n, 1, 1, false, v);
    for (int64_t i = 0; i < n; i++) zero += d->x[i] == 0;
    for (int32_t i = 0; i < f->n_bin; i++) counted += f->hist[i] + f->hist_neg[i];
    assert_int_equal(f->n_values, n);
    assert_int_equal(f->n_nonfinite, n - kept);
    assert_int_equal(f->n_zero, zero);
    assert_int_equal(counted, kept);
    assert_true(f->min == v[0] && f->max == v[kept - 1]);
    check_moments(&f->moments, v, kept, offset);
    for (int i = 0; i < N_QUANTILE; i++) {
        const double exact = quantile_of(v, kept, quantiles[i]);
        assert_true(fabs(f->quantile[i] - exact) <= f->quantile_error[i]);
        assert_true(f->quantile_error[i] <= fmax(fabs(exact), 1e-30) / 64);
    }
    assert_true(f->quantile[0] == v[0] && f->quantile[N_QUANTILE - 1] == v[kept - 1]);
    kept = sorted(d->x, n, 1, 1, true, v);
    assert_true(f->absmax == v[kept - 1] && f->abs_quantile[N_QUANTILE - 1] == v[kept - 1]);
    for (int i = 0; i < N_QUANTILE; i++)
        assert_true(fabs(f->abs_quantile[i] - quantile_of(v, kept, quantiles[i])) <= f->abs_quantile_error[i]);
    free(v);
}

static void check_channels(const outcome *o, const data *d)
{
    const ssmq_channel_figures *f = &o->f.channel;
    const int64_t K = d->shape.inner, C = d->shape.channels;
    double       *v = malloc((size_t)(d->all * K) * sizeof *v);
    for (int64_t c = 0; c < C; c++) {
        const int64_t n = sorted(d->x + c * K, d->all, K, C * K, false, v);
        const float  *q = f->quantile + c * SSMQ_CHANNEL_QUANTILES;
        double        mean = 0, m2 = 0, m4 = 0;
        for (int64_t i = 0; i < n; i++) mean += v[i] / (double)n;
        for (int64_t i = 0; i < n; i++) m2 += (v[i] - mean) * (v[i] - mean) / (double)n;
        for (int64_t i = 0; i < n; i++) m4 += pow(v[i] - mean, 4) / (double)n;
        assert_true((double)f->min[c] == v[0] && (double)f->max[c] == v[n - 1]);
        assert_true((double)f->absmax[c] == fmax(-v[0], v[n - 1]));
        assert_true(q[0] == f->min[c] && q[SSMQ_CHANNEL_QUANTILES - 1] == f->max[c]);
        /* rounded to f32, 2^-24; 1e-6 leaves room for the sums above */
        assert_true(fabs((double)f->var[c] - m2) <= 1e-6 * m2);
        assert_true(fabs((double)f->kurtosis[c] - m4 / (m2 * m2)) <= 1e-6 * m4 / (m2 * m2));
        for (int i = 0; i < SSMQ_CHANNEL_QUANTILES; i++) {
            /* Between neighbours of its rank each of which is off by less than its bin, 1/8 of it, or lies in the
             * bin around zero, whose ends are 2^-25 of the largest magnitude of all channels. */
            const double exact = quantile_of(v, n, ssmq_channel_quantile[i]);
            const double r = ssmq_channel_quantile[i] / 100 * (double)(n - 1);
            const double next = v[(int64_t)fmin(floor(r) + 1, (double)(n - 1))];
            const double room = fmax(fabs(v[(int64_t)floor(r)]), fabs(next)) / 8 + o->f.absmax * 0x1p-24;
            assert_true(fabs((double)q[i] - exact) <= room);
            /* The bound holds, but for the rounding of exact's own interpolation; it is no wider than bins are, and
             * nothing at the ends. */
            const double bound = (double)f->quantile_error[c * SSMQ_CHANNEL_QUANTILES + i];
            assert_true(fabs((double)q[i] - exact) <= bound + 1e-15 * fabs(exact));
            assert_true(bound <= room + 0x1p-23 * fabs(exact));
            if (i == 0 || i == SSMQ_CHANNEL_QUANTILES - 1) assert_true(bound == 0);
        }
    }
    free(v);
}

/* v: n values, ascending, and what is kept of them in f32, 2^-24; 1e-6 leaves room for the sums. */
static void check_numbers(const double *v, int64_t n, float absmax, float mean, float var)
{
    double sum = 0, size = 0, m2 = 0;
    for (int64_t i = 0; i < n; i++) sum += v[i] / (double)n;
    for (int64_t i = 0; i < n; i++) size += fabs(v[i]) / (double)n;
    for (int64_t i = 0; i < n; i++) m2 += (v[i] - sum) * (v[i] - sum) / (double)n;
    assert_true((double)absmax == fmax(-v[0], v[n - 1]));
    assert_true(fabs((double)mean - sum) <= 1e-7 * size);
    assert_true(fabs((double)var - m2) <= 1e-6 * m2);
}

/* An index of all channels, one of one channel. */
static void check_states(const outcome *o, const data *d)
{
    const ssmq_state_figures *f = &o->f.state;
    const int64_t N = d->shape.inner, C = d->shape.channels, width = C * N;
    double       *v = malloc((size_t)(d->all * C) * sizeof *v);
    float        *one = malloc((size_t)(d->all * C) * sizeof *one);
    for (int64_t k = 0; k < N; k++) {
        for (int64_t i = 0; i < d->all * C; i++) one[i] = d->x[i * N + k];
        const int64_t n = sorted(one, d->all * C, 1, 1, false, v);
        double        mean = 0, m2 = 0, m4 = 0;
        check_numbers(v, n, f->absmax[k], f->mean[k], f->var[k]);
        for (int64_t i = 0; i < n; i++) mean += v[i] / (double)n;
        for (int64_t i = 0; i < n; i++) m2 += (v[i] - mean) * (v[i] - mean) / (double)n;
        for (int64_t i = 0; i < n; i++) m4 += pow(v[i] - mean, 4) / (double)n;
        assert_true(fabs((double)f->kurtosis[k] - m4 / (m2 * m2)) <= 1e-6 * m4 / (m2 * m2));
        assert_true((double)f->min[k] == v[0] && (double)f->max[k] == v[n - 1]);
    }
    for (int64_t i = 0; i < width; i++) {
        const int64_t n = sorted(d->x + i, d->all, 1, width, false, v);
        check_numbers(v, n, f->cell_absmax[i], f->cell_mean[i], f->cell_var[i]);
    }
    free(one);
    free(v);
}

/* ---- tests ----------------------------------------------------------------------------- */

static const int64_t three[] = {700, 1, 39, 0};

#define STATE "sample,token,channel,state"
#define WEIGHT "channel,state"

static void test_definitions(void **state)
{
    static const ssmq_site_shape shapes[] = {
        {0, 1, 1, ""}, {0, 16, 1, ""}, {0, 45, 1, ""}, {0, 5, 7, STATE}, {0, 19, 16, STATE}, {1, 19, 4, WEIGHT}};
    static const double offsets[] = {0, 3, 1e4};
    test_backend        be[BACKENDS];
    const int32_t       n = test_backends_open(be, BACKENDS, 2);
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t k = 0; k < sizeof offsets / sizeof *offsets; k++) {
            const data d = data_of(shapes[i], three, offsets[k]);
            outcome    o = outcome_of(be[(i + k) % (size_t)n].be, &d, &everything, NULL);
            check_site(&o, &d, offsets[k]);
            check_channels(&o, &d);
            assert_true((o.f.state.absmax != NULL) == (strcmp(shapes[i].axes, STATE) == 0));
            if (o.f.state.absmax) check_states(&o, &d);
            ssmq_arena_free(o.arena);
            free(d.x);
        }
    test_backends_close(be, n);
}

static void test_not_finite(void **state)
{
    ssmq_backend *be;
    (void)state;
    CHECK_OK(ssmq_backend_open(ssmq_backends[1], NULL, 2, &be));
    data d = data_of((ssmq_site_shape){0, 18, 3, STATE}, three, 0);
    const int64_t n = d.all * 54;
    for (int64_t i = 0; i < n; i += 97) d.x[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
    outcome o = outcome_of(be, &d, &everything, NULL);
    check_site(&o, &d, 0);
    check_channels(&o, &d);
    check_states(&o, &d);
    ssmq_arena_free(o.arena);
    for (int64_t i = 0; i < n; i++) d.x[i] = NAN; /* and nothing at all */
    o = outcome_of(be, &d, &everything, NULL);
    assert_true(isnan(o.f.absmax) && isnan(o.f.channel.min[0]) && isnan(o.f.quantile[1]));
    assert_true(isnan(o.f.state.absmax[2]) && isnan(o.f.state.kurtosis[0]) && isnan(o.f.state.cell_var[53]));
    assert_true(isnan(o.f.channel.quantile[4]) && o.f.n_bin == 0 && (int64_t)o.f.n_nonfinite == n);
    ssmq_arena_free(o.arena);
    free(d.x);
    ssmq_backend_close(be);
}

/* Larger and larger samples, and values within one: the window of the channels' bins moves up, and nothing is
 * lost. */
static void test_growing_samples(void **state)
{
    static const int64_t rows[] = {20, 20, 1300, 1300, 20, 0};
    test_backend         be[BACKENDS];
    const int32_t        n = test_backends_open(be, BACKENDS, 2);
    (void)state;
    data d = data_of((ssmq_site_shape){0, 20, 1, ""}, rows, 0);
    for (int64_t i = 0; i < 20 * 20; i++) d.x[i] = 0; /* the first has nothing to choose a window by */
    for (int64_t i = 700 * 20; i < 1340 * 20; i++) d.x[i] *= 1000;
    for (int64_t i = 1340 * 20; i < 1640 * 20; i++) d.x[i] *= 1e8f; /* and back again */
    for (int64_t i = 2640 * 20; i < 2660 * 20; i++) d.x[i] *= 1e15f;
    for (int32_t k = 0; k < n; k++) {
        outcome o = outcome_of(be[k].be, &d, &everything, NULL);
        check_site(&o, &d, 0);
        check_channels(&o, &d);
        ssmq_arena_free(o.arena);
    }
    free(d.x);
    test_backends_close(be, n);
}

/* More values of a channel than 16 bits count, most of them in one bin: over samples, and within one. */
static void test_many_values(void **state)
{
    static const int64_t rows[] = {300, 66000, 3800, 0};
    test_backend         be[BACKENDS];
    const int32_t        n = test_backends_open(be, BACKENDS, 2);
    (void)state;
    assert_true(n > 1);
    data d = data_of((ssmq_site_shape){0, 18, 1, ""}, rows, 0);
    for (int64_t i = 0; i < d.all * 18; i++)
        if (i % 18 % 17 == 0 && i / 18 % 50 > 0) d.x[i] = 1.5f + (float)(i % 90) / 900; /* the first and the last */
    for (int64_t i = 500 * 18; i < 510 * 18; i++) d.x[i] *= 1000; /* the window grows */
    d.x[68000 * 18 + 5] = INFINITY;
    for (int32_t k = 0; k < n; k += n - 1) { /* the first and the last */
        outcome o = outcome_of(be[k].be, &d, &everything, NULL);
        check_channels(&o, &d);
        ssmq_arena_free(o.arena);
    }
    free(d.x);
    test_backends_close(be, n);
}

/* Two loud channels, one of them in every other sample only; shares by hand. */
static void test_top(void **state)
{
    static const int64_t rows[] = {2, 2, 2, 2, 0};
    ssmq_collect_spec    spec = everything;
    ssmq_backend        *be;
    data d = {.shape = {0, 6, 1, ""}, .rows = rows, .all = 8};
    (void)state;
    spec.top_channels = 2;
    d.x = calloc(8 * 6, sizeof *d.x);
    for (int t = 0; t < 8; t++) {
        d.x[t * 6 + 1] = 3;
        d.x[t * 6 + 2] = -3;                /* as large: the lower one comes first        */
        d.x[t * 6 + 4] = t / 2 % 2 ? 10 : 1; /* in the second and fourth sample the largest */
    }
    CHECK_OK(ssmq_backend_open(ssmq_backends[1], NULL, 3, &be));
    outcome                 o = outcome_of(be, &d, &spec, NULL);
    const ssmq_top_figures *top = &o.f.top;
    const double            squares = 8 * 9 + 8 * 9 + 4 * 100 + 4;
    assert_int_equal(top->n, 2);
    assert_true(top->channel[0] == 4 && top->channel[1] == 1);
    assert_true(top->absmax[0] == 10 && top->absmax[1] == 3);
    assert_true(top->persistence[0] == 0.5f && top->persistence[1] == 1.0f);
    /* sums of squares out of float64 moments, rounded to f32 */
    assert_true(fabs((double)top->share[0] - 404 / squares) < 0x1p-23);
    assert_true(fabs((double)top->share[1] - 72 / squares) < 0x1p-23);
    ssmq_arena_free(o.arena);
    spec.top_channels = 16; /* more than there are: all of them, silent ones last, in none of the samples */
    o = outcome_of(be, &d, &spec, NULL);
    assert_int_equal(o.f.top.n, 6);
    assert_true(o.f.top.channel[2] == 2 && o.f.top.persistence[2] == 1);
    assert_true(o.f.top.channel[3] == 0 && o.f.top.share[3] == 0 && o.f.top.persistence[3] == 0);
    ssmq_arena_free(o.arena);
    free(d.x);
    ssmq_backend_close(be);
}

static void test_clipped(void **state)
{
    const data    d = data_of((ssmq_site_shape){0, 21, 2, ""}, three, 0);
    double        low[21], high[21];
    uint64_t      clipped = 0;
    ssmq_backend *be;
    (void)state;
    for (int c = 0; c < 21; c++) {
        low[c] = -0.05 * exp(c / 8.0);
        high[c] = c == 3 ? INFINITY : 0.1 * exp(c / 8.0);
    }
    for (int64_t i = 0; i < d.all * 42; i++) {
        const int64_t c = i % 42 / 2;
        clipped += (double)d.x[i] < low[c] || (double)d.x[i] > high[c];
    }
    assert_true(clipped > 100);
    CHECK_OK(ssmq_backend_open(ssmq_backends[1], NULL, 2, &be));
    outcome o = outcome_of(be, &d, &everything, &(ssmq_clip_limits){low, high});
    assert_true(o.f.clip_known && o.f.n_clipped == clipped);
    ssmq_arena_free(o.arena);
    ssmq_backend_close(be);
    free(d.x);
}

static void check_same(const ssmq_site_figures *a, const ssmq_site_figures *b)
{
    const size_t C = (size_t)a->shape.channels;
    assert_memory_equal(&a->moments, &b->moments, sizeof a->moments);
    assert_memory_equal(a->quantile, b->quantile, sizeof quantiles);
    assert_memory_equal(a->abs_quantile, b->abs_quantile, sizeof quantiles);
    assert_memory_equal(a->abs_quantile_error, b->abs_quantile_error, sizeof quantiles);
    assert_true(a->n_bin == b->n_bin && a->first_bin == b->first_bin);
    assert_memory_equal(a->hist, b->hist, (size_t)a->n_bin * sizeof *a->hist);
    assert_memory_equal(a->hist_neg, b->hist_neg, (size_t)a->n_bin * sizeof *a->hist);
    assert_memory_equal(a->channel.mean, b->channel.mean, C * sizeof(float));
    assert_memory_equal(a->channel.kurtosis, b->channel.kurtosis, C * sizeof(float));
    assert_memory_equal(a->channel.quantile, b->channel.quantile,
                        C * SSMQ_CHANNEL_QUANTILES * sizeof(float));
    assert_memory_equal(a->channel.quantile_error, b->channel.quantile_error,
                        C * SSMQ_CHANNEL_QUANTILES * sizeof(float));
    assert_memory_equal(a->top.share, b->top.share, (size_t)a->top.n * sizeof(float));
    assert_memory_equal(a->top.persistence, b->top.persistence, (size_t)a->top.n * sizeof(float));
    assert_true(a->n_zero == b->n_zero && a->n_values == b->n_values);
}

static void test_threads(void **state)
{
    static const ssmq_site_shape shapes[] = {{0, 200, 1, ""}, {0, 70, 5, ""}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        const data d = data_of(shapes[i], three, 0.3);
        outcome    first = {0};
        for (int32_t threads = 1; threads <= 3; threads++) {
            test_backend  be[BACKENDS];
            const int32_t n = test_backends_open(be, BACKENDS, threads);
            for (int32_t k = 0; k < n; k++) {
                outcome o = outcome_of(be[k].be, &d, &everything, NULL);
                if (!first.arena) {
                    first = o;
                    continue;
                }
                check_same(&o.f, &first.f);
                ssmq_arena_free(o.arena);
            }
            test_backends_close(be, n);
        }
        ssmq_arena_free(first.arena);
        free(d.x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definitions), cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_growing_samples), cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_top), cmocka_unit_test(test_clipped), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
