#include "tests/support/figure_runs.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/base/rng.h"
#include "harness/run/profile/profile_store.h"
#include "harness/store/differences.h"
#include "harness/store/store.h"
#include "harness/tensor/histogram.h"
#include "tests/support/scratch.h"

/* Layers, tokens, channels, ranks of top channels. */
#define L 3
#define T 200
#define C 48
#define R 4
#define N 16 /* of a state */
#define LEVELS 9
#define UNITS 6
#define WINDOWS 4
#define SAMPLES 5
#define BINS 20 /* of 16 tokens */

static const double      level[LEVELS] = {0, 0.01, 1, 25, 50, 75, 99, 99.99, 100};
static const char *const on_layer[] = {"/axis/layer"};

typedef struct figure_run {
    const char *id, *mode, *recipe; /* mode "float": nothing that codes have */
    float       spread; /* standard deviation of most values; channel 7 has 20 times as much */
    int         bits;
} figure_run;

typedef struct maker {
    ssmq_store       *s;
    ssmq_arena       *a;
    const figure_run *run;
    float            *x; /* [L, T, C] */
} maker;

static float *layer_of(const maker *m, int l)
{
    return m->x + (size_t)l * T * C;
}

static void draw(maker *m)
{
    ssmq_rng r;
    ssmq_rng_init(&r, 7, m->run->id);
    m->x = SSMQ_ARENA_ARRAY(m->a, float, L *T *C);
    for (int i = 0; i < L * T * C; i++) {
        const double size = sqrt(-2 * log(1 - ssmq_rng_uniform(&r))); /* Box and Muller, 1958 */
        const double normal = size * cos(6.283185307179586 * ssmq_rng_uniform(&r));
        m->x[i] = (float)normal * m->run->spread * (i % C == 7 ? 20 : 1);
    }
}

static ssmq_status put(maker *m, const char *path, const void *data, ssmq_dtype dtype, int32_t rank,
                       const int64_t *dim, const char *const *scale)
{
    const ssmq_tensor t = ssmq_tensor_of((void *)(uintptr_t)data, dtype, rank, dim);
    return ssmq_store_tensor(m->s, path, &t, scale, "", "a test");
}

static ssmq_status put_scale(maker *m, const char *path, int64_t n)
{
    int32_t *index = SSMQ_ARENA_ARRAY(m->a, int32_t, n);
    for (int32_t i = 0; i < n; i++) index[i] = i;
    const ssmq_tensor t = SSMQ_TENSOR(index, SSMQ_I32, n);
    return ssmq_store_scale(m->s, path, &t, "", "from 0");
}

/* ---- statistics ------------------------------------------------------------------------- */

static ssmq_status put_layer(maker *m, const char *name, const double *value)
{
    return put(m, ssmq_arena_printf(m->a, "/sites/scan.x/%s", name), value, SSMQ_F64, 1,
               (const int64_t[]){L}, on_layer);
}

/* Quantiles of the magnitude: a quarter and a half of the largest. */
static ssmq_status put_levels(maker *m, const double *absmax)
{
    static const double of_level[] = {50, 99.9};
    const char *const   scale[] = {"/axis/layer", "/axis/quantile_level"};
    double              value[L * 2];
    const ssmq_tensor   t = SSMQ_TENSOR((void *)(uintptr_t)of_level, SSMQ_F64, 2);
    for (int i = 0; i < L * 2; i++) value[i] = absmax[i / 2] * (i % 2 ? 0.5 : 0.25);
    SSMQ_TRY(ssmq_store_scale(m->s, scale[1], &t, "percent", "level of a quantile"));
    return put(m, "/sites/scan.x/abs_quantile", value, SSMQ_F64, 2, (const int64_t[]){L, 2}, scale);
}

static ssmq_status put_moments(maker *m)
{
    double absmax[L] = {0}, mean[L] = {0}, m2[L] = {0}, m4[L] = {0};
    for (int l = 0; l < L; l++) {
        const float *x = layer_of(m, l);
        for (int i = 0; i < T * C; i++) absmax[l] = fmax(absmax[l], fabs((double)x[i]));
        for (int i = 0; i < T * C; i++) mean[l] += (double)x[i] / (T * C);
        for (int i = 0; i < T * C; i++) m2[l] += pow((double)x[i] - mean[l], 2) / (T * C);
        for (int i = 0; i < T * C; i++) m4[l] += pow((double)x[i] - mean[l], 4) / (T * C);
    }
    SSMQ_TRY(put_layer(m, "absmax", absmax));
    SSMQ_TRY(put_layer(m, "mean", mean));
    SSMQ_TRY(put_layer(m, "m2", m2));
    SSMQ_TRY(put_layer(m, "m4", m4));
    return put_levels(m, absmax);
}

static ssmq_status put_half(maker *m, const char *name, ssmq_half half)
{
    uint64_t       *count = SSMQ_ARENA_ARRAY(m->a, uint64_t, (int64_t)L * SSMQ_HISTOGRAM_BINS);
    ssmq_histogram *h = ssmq_must_malloc(sizeof *h);
    for (int l = 0; l < L; l++) {
        const ssmq_tensor x = SSMQ_TENSOR(layer_of(m, l), SSMQ_F32, T, C);
        memset(h, 0, sizeof *h);
        ssmq_histogram_add(h, &x, half);
        memcpy(count + (size_t)l * SSMQ_HISTOGRAM_BINS, h->count, sizeof h->count);
    }
    free(h);
    return put(m, name, count, SSMQ_U64, 2, (const int64_t[]){L, SSMQ_HISTOGRAM_BINS},
               (const char *const[]){"/axis/layer", "/sites/scan.x/bin"});
}

static ssmq_status put_histogram(maker *m)
{
    const char *const on_bin[] = {"/sites/scan.x/bin"};
    double           *edge[2];
    SSMQ_TRY(put_scale(m, on_bin[0], SSMQ_HISTOGRAM_BINS));
    for (int k = 0; k < 2; k++) {
        edge[k] = SSMQ_ARENA_ARRAY(m->a, double, SSMQ_HISTOGRAM_BINS);
        for (int32_t b = 0; b < SSMQ_HISTOGRAM_BINS; b++)
            edge[k][b] = k ? ssmq_histogram_bin_high(b) : ssmq_histogram_bin_low(b);
        SSMQ_TRY(put(m, k ? "/sites/scan.x/bin_hi" : "/sites/scan.x/bin_lo", edge[k], SSMQ_F64, 1,
                     (const int64_t[]){SSMQ_HISTOGRAM_BINS}, on_bin));
    }
    SSMQ_TRY(put_half(m, "/sites/scan.x/hist", SSMQ_HALF_NONNEGATIVE));
    return put_half(m, "/sites/scan.x/hist_neg", SSMQ_HALF_NEGATIVE);
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* A number of each channel is the first, second ... value of the channel. */
static ssmq_status put_by_channel(maker *m)
{
    static const char *const name[] = {"channel/mean", "channel/var", "transform/smooth"};
    const char *const        scale[] = {"/axis/layer", "/sites/scan.x/channel/channel"};
    float                    value[L * C];
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < L * C; i++) value[i] = layer_of(m, i / C)[k * C + i % C];
        SSMQ_TRY(put(m, ssmq_arena_printf(m->a, "/sites/scan.x/%s", name[k]), value, SSMQ_F32, 2,
                     (const int64_t[]){L, C}, scale));
    }
    return SSMQ_OK;
}

static ssmq_status put_channels(maker *m)
{
    float *q = SSMQ_ARENA_ARRAY(m->a, float, L *C *LEVELS), column[T];
    for (int l = 0; l < L; l++)
        for (int c = 0; c < C; c++) {
            for (int t = 0; t < T; t++) column[t] = layer_of(m, l)[t * C + c];
            qsort(column, T, sizeof *column, ascending);
            for (int k = 0; k < LEVELS; k++) /* of the lower rank: no interpolation */
                q[(l * C + c) * LEVELS + k] = column[(int)(level[k] / 100 * (T - 1))];
        }
    const ssmq_tensor of_level = SSMQ_TENSOR((void *)(uintptr_t)level, SSMQ_F64, LEVELS);
    SSMQ_TRY(put_scale(m, "/sites/scan.x/channel/channel", C));
    SSMQ_TRY(ssmq_store_scale(m->s, "/sites/scan.x/channel/quantile_level", &of_level, "percent",
                              "level of a quantile"));
    SSMQ_TRY(put(m, "/sites/scan.x/channel/quantile", q, SSMQ_F32, 3, (const int64_t[]){L, C, LEVELS},
                 (const char *const[]){"/axis/layer", "/sites/scan.x/channel/channel",
                                       "/sites/scan.x/channel/quantile_level"}));
    return put_by_channel(m);
}

/* Channel 7 first, then the others as they come: the figure shows what is stored. */
static ssmq_status put_top(maker *m)
{
    int32_t           channel[L * R];
    float             absmax[L * R], share[L * R], persistence[L * R];
    const int64_t     dim[] = {L, R};
    const char *const scale[] = {"/axis/layer", "/sites/scan.x/top/rank"};
    for (int i = 0; i < L * R; i++) {
        channel[i] = i % R ? (i * 11) % C : 7;
        absmax[i] = m->run->spread * (float)(i % R ? 3 : 60);
        share[i] = i % R ? 0.01f : 0.8f;
        persistence[i] = i % R ? 0.25f : 1;
    }
    SSMQ_TRY(put_scale(m, scale[1], R));
    SSMQ_TRY(put(m, "/sites/scan.x/top/channel", channel, SSMQ_I32, 2, dim, scale));
    SSMQ_TRY(put(m, "/sites/scan.x/top/absmax", absmax, SSMQ_F32, 2, dim, scale));
    SSMQ_TRY(put(m, "/sites/scan.x/top/share", share, SSMQ_F32, 2, dim, scale));
    return put(m, "/sites/scan.x/top/persistence", persistence, SSMQ_F32, 2, dim, scale);
}

/* Of the state: layer, channel and index are told from the number. */
static ssmq_status put_states(maker *m)
{
    static const char *const index[] = {"absmax", "min", "max", "mean", "var", "kurtosis"};
    const char *const        scale[] = {"/axis/layer", "/sites/scan.state/channel_state/channel", "/sites/scan.state/state/state"};
    const char *const        of_index[] = {scale[0], scale[2]};
    float                    value[L * C * N];
    SSMQ_TRY(put_scale(m, scale[2], N));
    SSMQ_TRY(put_scale(m, scale[1], C));
    for (int k = 0; k < 6; k++) {
        for (int i = 0; i < L * N; i++) value[i] = m->run->spread * (float)(1 + i + 10 * k) * (k == 1 ? -1 : 1);
        SSMQ_TRY(put(m, ssmq_arena_printf(m->a, "/sites/scan.state/state/%s", index[k]), value, SSMQ_F32, 2,
                     (const int64_t[]){L, N}, of_index));
    }
    for (int k = 0; k < 5; k++) {
        if (k == 1 || k == 2) continue; /* extremes: by index only */
        for (int i = 0; i < L * C * N; i++) value[i] = m->run->spread * (float)((i * 7) % 1009 - (k == 3 ? 500 : 0));
        SSMQ_TRY(put(m, ssmq_arena_printf(m->a, "/sites/scan.state/channel_state/%s", index[k]), value, SSMQ_F32, 3,
                     (const int64_t[]){L, C, N}, scale));
    }
    return SSMQ_OK;
}

/* ---- what codes have -------------------------------------------------------------------- */

/* Two statistics of five samples, one of them at two levels; none in layer 1. */
static ssmq_status put_samples(maker *m)
{
    static const double of_level[] = {99.9, 100};
    const char *const   axis[] = {"/axis/layer", "/axis/sample", "/sites/scan.x/sample/quantile_level"};
    const ssmq_tensor   t = SSMQ_TENSOR((void *)(uintptr_t)of_level, SSMQ_F64, 2);
    float               least[L * SAMPLES], quantile[L * SAMPLES * 2], weight[L * SAMPLES];
    for (int i = 0; i < L * SAMPLES; i++) {
        const float x = i / SAMPLES == 1 ? NAN : fabsf(layer_of(m, i / SAMPLES)[i]);
        least[i] = -x;
        quantile[2 * i] = 0.5f * x;
        quantile[2 * i + 1] = x;
        weight[i] = i % SAMPLES ? 0.1f : 0.6f;
    }
    SSMQ_TRY(put_scale(m, axis[1], SAMPLES));
    SSMQ_TRY(ssmq_store_scale(m->s, axis[2], &t, "percent", "level of a quantile"));
    SSMQ_TRY(put(m, "/sites/scan.x/sample/min", least, SSMQ_F32, 2, (const int64_t[]){L, SAMPLES}, axis));
    SSMQ_TRY(put(m, "/sites/scan.x/sample/abs_quantile", quantile, SSMQ_F32, 3, (const int64_t[]){L, SAMPLES, 2},
                 axis));
    return put(m, "/sites/scan.x/sample/weight", weight, SSMQ_F32, 2, (const int64_t[]){L, SAMPLES}, axis);
}

static ssmq_status put_codes(maker *m)
{
    float             scale[L];
    uint8_t           bits[L];
    const char *const format[L] = {"int", "int", "int"};
    for (int l = 0; l < L; l++) {
        scale[l] = m->run->spread * (float)(l + 1) / 16;
        bits[l] = (uint8_t)m->run->bits;
    }
    SSMQ_TRY(
        put(m, "/sites/scan.x/qparam/scale", scale, SSMQ_F32, 1, (const int64_t[]){L}, on_layer));
    SSMQ_TRY(put(m, "/sites/scan.x/qparam/bits", bits, SSMQ_U8, 1, (const int64_t[]){L}, on_layer));
    return ssmq_store_texts(m->s, "/sites/scan.x/qparam/format", format, L, "/axis/layer",
                            "format");
}

/* Errors that grow along the window, more so in later layers; clean ones that do not, and none in layer 1 of
 * out_proj.in.  Of quamba no SQNR of it, as in files of old. */
static ssmq_status put_errors_by_token(maker *m, const char *const *site, const char *const *input)
{
    const char *const scale[] = {"/axis/layer", "/axis/token"};
    const int64_t     dim[] = {L, BINS};
    int64_t           first[BINS];
    double            mse[L * BINS], sqnr[L * BINS];
    for (int b = 0; b < BINS; b++) first[b] = 16 * b;
    const ssmq_tensor t = SSMQ_TENSOR(first, SSMQ_I64, BINS);
    SSMQ_TRY(ssmq_store_scale(m->s, scale[1], &t, "token", "first position of a bin"));
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < L * BINS; i++) {
            const int    l = i / BINS, b = i % BINS;
            const double grown = k % 2 ? 1 + 0.1 * b * (l + 1) : 0.25;
            mse[i] = k == 2 && l == 1 ? (double)NAN : 0.01 * (double)m->run->spread * grown;
            sqnr[i] = 10 * log10(2 / mse[i]);
        }
        const char *const path = ssmq_arena_printf(m->a, "/sites/%s/error/%s", site[k / 2], input[k % 2]);
        SSMQ_TRY(put(m, ssmq_arena_printf(m->a, "%s/mse_by_token", path), mse, SSMQ_F64, 2, dim, scale));
        if (k / 2 == 1 && strcmp(m->run->recipe, "quamba") == 0) continue;
        SSMQ_TRY(put(m, ssmq_arena_printf(m->a, "%s/sqnr_db_by_token", path), sqnr, SSMQ_F64, 2, dim, scale));
    }
    return SSMQ_OK;
}

static ssmq_status put_errors(maker *m)
{
    static const char *const input[] = {"clean", "propagated"}, *const site[] = {"scan.x",
                                                                                 "out_proj.in"};
    for (int k = 0; k < 4; k++) {
        const double sqnr[L] = {40.25 - k, k == 3 ? (double)NAN : 32.5, k == 1 ? INFINITY : 28};
        const char *const path =
            ssmq_arena_printf(m->a, "/sites/%s/error/%s/sqnr_db", site[k / 2], input[k % 2]);
        SSMQ_TRY(put(m, path, sqnr, SSMQ_F64, 1, (const int64_t[]){L}, on_layer));
    }
    return put_errors_by_token(m, site, input);
}

/* Of naive both, of quamba only what leaving out does. */
static ssmq_status put_sensitivity(maker *m)
{
    static const char *const unit[UNITS] = {"scan.x",  "scan.B",  "scan.C",
                                            "scan.dt", "conv.in", "out_proj.in"};
    static const char *const which[] = {"only-this-on", "only-this-off"};
    static const double      damage[] = {0.02, 0.021,  0.001, 0.002, 0.002,  -0.001,
                                         0.0,  0.0005, 0.004, NAN,   0.0485, 0.041};
    double                   value[2][UNITS * 2];
    const int                both = strcmp(m->run->recipe, "naive") == 0;
    const int64_t            dim[] = {UNITS, 1 + both};
    const char *const        scale[] = {"/sensitivity/unit", "/sensitivity/which"};
    for (int i = 0; i < UNITS * (1 + both); i++) {
        value[0][i] = damage[both ? i : 2 * i + 1];
        value[1][i] = fabs(value[0][i]) / 8;
    }
    SSMQ_TRY(ssmq_store_scale_text(m->s, scale[0], unit, UNITS, "what is quantised"));
    SSMQ_TRY(
        ssmq_store_scale_text(m->s, scale[1], which + !both, 1 + both, "alone, or all but it"));
    SSMQ_TRY(put(m, "/sensitivity/kl_mean", value[0], SSMQ_F64, 2, dim, scale));
    SSMQ_TRY(put(m, "/sensitivity/kl_se", value[1], SSMQ_F64, 2, dim, scale));
    SSMQ_TRY(put(m, "/sensitivity/damage", value[0], SSMQ_F64, 2, dim, scale));
    return ssmq_store_attribute_real(m->s, "/sensitivity/kl_mean", "all_on", 0.045);
}

/* Of three steps the first with each of the others, the latter no more than noise. */
static ssmq_status put_interactions(maker *m)
{
    static const char *const step[] = {"rot", "w", "a"}, *const scale[] = {"/interaction/step", "/interaction/with"};
    static const double      size[] = {NAN, -0.05, 0.003, -0.05, NAN, NAN, 0.003, NAN, NAN};
    const int64_t            dim[] = {3, 3};
    double                   value[9], se[9];
    for (int i = 0; i < 9; i++) {
        value[i] = size[i] * (double)m->run->spread;
        se[i] = isnan(size[i]) ? (double)NAN : 0.002;
    }
    for (int k = 0; k < 2; k++) SSMQ_TRY(ssmq_store_scale_text(m->s, scale[k], step, 3, "a step"));
    SSMQ_TRY(put(m, "/interaction/ln_ppl", value, SSMQ_F64, 2, dim, scale));
    return put(m, "/interaction/ln_ppl_se", se, SSMQ_F64, 2, dim, scale);
}

/* Of wt2: of windows, and of tokens, two of which are alike. */
static ssmq_status put_divergence(maker *m)
{
    const char *const window[] = {"/eval/wt2/window"}, *const token[] = {"/eval/wt2/token"};
    const int64_t     n = WINDOWS, n_token = 3 * WINDOWS;
    double            of_float[WINDOWS], kl[WINDOWS] = {0};
    float             token_kl[3 * WINDOWS], delta_p[3 * WINDOWS];
    for (int i = 0; i < 3 * WINDOWS; i++) {
        token_kl[i] = i < 2 ? 0.5f : m->run->spread / (float)(i + 1);
        delta_p[i] = (i % 2 ? 0.01f : -0.02f) * (float)i;
        kl[i / 3] += (double)token_kl[i] / 3;
    }
    for (int i = 0; i < WINDOWS; i++) of_float[i] = 3 + 0.1 * i;
    SSMQ_TRY(put_scale(m, token[0], n_token));
    SSMQ_TRY(put(m, "/eval/wt2/window_nll_float", of_float, SSMQ_F64, 1, &n, window));
    SSMQ_TRY(put(m, "/eval/wt2/window_kl", kl, SSMQ_F64, 1, &n, window));
    SSMQ_TRY(put(m, "/eval/wt2/token_kl", token_kl, SSMQ_F32, 1, &n_token, token));
    return put(m, "/eval/wt2/token_delta_p", delta_p, SSMQ_F32, 1, &n_token, token);
}

/* Two evaluations; the windows of the first have three predicted tokens each. */
static ssmq_status put_evaluations(maker *m)
{
    const bool        coded = strcmp(m->run->mode, "float") != 0;
    const char *const group[] = {"/eval/wt2", "/eval/other"};
    const char *const subset[WINDOWS] = {"a", "a", "b", "b"};
    for (int k = 0; k < 2; k++) {
        const char *window = ssmq_arena_printf(m->a, "%s/window", group[k]);
        const char *nll = ssmq_arena_printf(m->a, "%s/window_nll", group[k]);
        double      value[WINDOWS];
        for (int i = 0; i < WINDOWS; i++) value[i] = 3 + 0.1 * i * (k + 1) + (coded ? 0.25 * (double)m->run->spread : 0);
        SSMQ_TRY(put_scale(m, window, WINDOWS));
        SSMQ_TRY(put(m, nll, value, SSMQ_F64, 1, (const int64_t[]){WINDOWS}, &window));
        SSMQ_TRY(ssmq_store_attribute_text(m->s, nll, "dialect", "gptq"));
        SSMQ_TRY(ssmq_store_attribute_int(m->s, nll, "window", 4 + k));
        SSMQ_TRY(ssmq_store_attribute_int(m->s, nll, "unscored", 0));
        if (k == 0) SSMQ_TRY(ssmq_store_texts(m->s, "/eval/wt2/window_subset", subset, WINDOWS, window, "subset"));
    }
    return coded ? put_divergence(m) : SSMQ_OK;
}

/* Codes that differ, more of them layer by layer. */
static ssmq_status put_differences(maker *m)
{
    static const char *const site[] = {"scan.x", "out_proj.in"};
    uint64_t                 count[L];
#define X(name, long_name) #name,
    static const char *const counts[] = {SSMQ_DIFFERENCE_COUNTS(X)};
#undef X
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            for (int l = 0; l < L; l++) count[l] = i == 0 ? T * C : (uint64_t)(l * (k + 1)) * 10;
            SSMQ_TRY(put(m, ssmq_arena_printf(m->a, "/fake_real/%s/%s", site[k], counts[i]), count, SSMQ_U64, 1,
                         (const int64_t[]){L}, on_layer));
        }
    SSMQ_TRY(ssmq_store_attribute_text(m->s, "/fake_real", "first_site", "scan.x"));
    SSMQ_TRY(ssmq_store_attribute_text(m->s, "/fake_real", "first_cause", "scale"));
    return ssmq_store_attribute_text(m->s, "/fake_real", "evaluation", "wt2");
}

/* ---- files ------------------------------------------------------------------------------ */

static ssmq_status put_root(maker *m)
{
    SSMQ_TRY(ssmq_store_attribute_text(m->s, "/", "run_id", m->run->id));
    SSMQ_TRY(ssmq_store_attribute_text(m->s, "/", "mode", m->run->mode));
    SSMQ_TRY(ssmq_store_attribute_text(m->s, "/", "recipe", m->run->recipe));
    return ssmq_store_text(m->s, "/meta/resolved_config", "ssmq: 1\n", "application/yaml");
}

static ssmq_status put_results(maker *m)
{
    SSMQ_TRY(put_root(m));
    SSMQ_TRY(put_scale(m, "/axis/layer", L));
    SSMQ_TRY(put_moments(m));
    SSMQ_TRY(put_histogram(m));
    SSMQ_TRY(put_channels(m));
    SSMQ_TRY(put_top(m));
    SSMQ_TRY(put_evaluations(m));
    SSMQ_TRY(put_states(m));
    if (strcmp(m->run->mode, "float") == 0) return SSMQ_OK;
    SSMQ_TRY(put_codes(m));
    SSMQ_TRY(put_samples(m));
    SSMQ_TRY(put_interactions(m));
    SSMQ_TRY(put_errors(m));
    SSMQ_TRY(put_differences(m));
    return put_sensitivity(m);
}

/* Four numbers of each channel, whose largest magnitudes are those of channel 0 to 11 of scan.x;
 * and its codes under a zero point. */
static ssmq_status put_other_dumps(maker *m)
{
    const char *const scale[] = {"/dump/sample", "/dump/token", "/dump/scan.state/channel",
                                 "/dump/scan.state/inner"};
    const char *const code_scale[] = {"/dump/sample", "/dump/token", "/dump/scan.B/channel"};
    float            *state = SSMQ_ARENA_ARRAY(m->a, float, (T + 1) * C);
    int8_t           *code = SSMQ_ARENA_ARRAY(m->a, int8_t, (T + 1) * C);
    const float       step = 0.5f;
    const int32_t     zero = 3;
    for (int i = 0; i < T * C; i++) {
        state[i] = layer_of(m, 1)[i / C * C + i % C / 4] * (i % 4 == 2 ? 1 : 0.5f);
        code[i] = (int8_t)(rintf(fmaxf(-60, fminf(60, layer_of(m, 1)[i] / step))) + (float)zero);
    }
    SSMQ_TRY(put_scale(m, scale[2], C / 4));
    SSMQ_TRY(put_scale(m, scale[3], 4));
    SSMQ_TRY(put_scale(m, code_scale[2], C));
    SSMQ_TRY(ssmq_store_attribute_text(m->s, "/dump/scan.state", "shape_meaning",
                                       "sample,token,channel,state"));
    SSMQ_TRY(
        ssmq_store_attribute_text(m->s, "/dump/scan.B", "shape_meaning", "sample,token,channel"));
    SSMQ_TRY(put(m, "/dump/scan.state/layer_1/values", state, SSMQ_F32, 4,
                 (const int64_t[]){1, T + 1, C / 4, 4}, scale));
    SSMQ_TRY(put(m, "/dump/scan.B/layer_1/values", code, SSMQ_I8, 3, (const int64_t[]){1, T + 1, C},
                 code_scale));
    SSMQ_TRY(put(m, "/dump/scan.B/layer_1/scale", &step, SSMQ_F32, 0, NULL, NULL));
    return put(m, "/dump/scan.B/layer_1/zero_point", &zero, SSMQ_I32, 0, NULL, NULL);
}

/* A token of NaN at the end, as where a sample is shorter than others. */
static ssmq_status put_dump(maker *m)
{
    const char *const scale[] = {"/dump/sample", "/dump/token", "/dump/scan.x/channel"};
    const int32_t     length = T;
    float            *padded = SSMQ_ARENA_ARRAY(m->a, float, (T + 1) * C);
    SSMQ_TRY(put_root(m));
    SSMQ_TRY(put_scale(m, scale[0], 1));
    SSMQ_TRY(put_scale(m, scale[1], T + 1));
    SSMQ_TRY(put_scale(m, scale[2], C));
    for (int l = 0; l < L; l++) {
        const char *path = ssmq_arena_printf(m->a, "/dump/scan.x/layer_%d/values", l);
        memcpy(padded, layer_of(m, l), sizeof *padded * T * C);
        for (int c = 0; c < C; c++) padded[T * C + c] = NAN;
        SSMQ_TRY(put(m, path, padded, SSMQ_F32, 3, (const int64_t[]){1, T + 1, C}, scale));
    }
    SSMQ_TRY(
        ssmq_store_attribute_text(m->s, "/dump/scan.x", "shape_meaning", "sample,token,channel"));
    SSMQ_TRY(put(m, "/dump/length", &length, SSMQ_I32, 1, (const int64_t[]){1}, scale));
    return put_other_dumps(m);
}

/* Operators whose times, in milliseconds, are 1, 2, ... times the spread of the run; the last is
 * there in decoding only, quantize in runs with codes. */
static ssmq_status put_profile(maker *m)
{
    static const char *const name[] = {"scan", "linear in_proj", "quantize", "linear head"};
    const bool               coded = strcmp(m->run->mode, "float") != 0;
    const double             sample[] = {0.3, 0.1, 0.2};
    const ssmq_timing timing = {.sample = sample, .n = 3, .min = 0.1, .median = 0.2, .max = 0.3};
    const ssmq_rates  machine = {.read = 50, .f32 = 500, .i8 = 2000};
    ssmq_operator     op[SSMQ_PROFILE_PHASES][4];
    ssmq_profile      p = {.request = {.mode = coded ? SSMQ_MODE_FAKE : SSMQ_MODE_FLOAT,
                                       .batch = 1,
                                       .prompt = 8,
                                       .generate = 2,
                                       .repeat = 3,
                                       .threads = 1},
                           .tier = "c",
                           .ttft = timing,
                           .tpot = timing,
                           .ttlt = timing,
                           .perplexity = timing,
                           .read = timing,
                           .f32 = timing,
                           .i8 = timing,
                           .machine = machine};
    for (int k = 0; k < SSMQ_PROFILE_PHASES; k++) {
        ssmq_breakdown *b = &p.phase[k];
        *b = (ssmq_breakdown){.op = op[k], .seconds = 0.1};
        for (int i = 0; i < 4; i++)
            if ((i != 2 || coded) && (i != 3 || k == SSMQ_PROFILE_DECODE))
                b->op[b->n++] = (ssmq_operator){.name = name[i],
                                                .calls = i + 1,
                                                .seconds = (i + 1) * 1e-3 * (double)m->run->spread,
                                                .bytes = 1e6 * (k + 1)};
    }
    SSMQ_TRY(put_root(m));
    return ssmq_profile_write(m->s, "speed", &p);
}

static ssmq_status write_file(maker *m, const char *path, ssmq_status (*fill)(maker *m))
{
    SSMQ_TRY(ssmq_store_create(path, &m->s));
    const ssmq_status st = fill(m);
    if (st == SSMQ_OK) return ssmq_store_seal(m->s);
    ssmq_store_discard(m->s);
    return st;
}

/* Writes run.h5, dump.h5 and profile.h5 into a folder, which is made. */
static ssmq_status figure_run_write(const char *folder, const figure_run *run)
{
    maker m = {.a = ssmq_arena_new(), .run = run};
    draw(&m);
    ssmq_status st = ssmq_make_directory(folder);
    if (st == SSMQ_OK)
        st = write_file(&m, ssmq_arena_printf(m.a, "%s/run.h5", folder), put_results);
    if (st == SSMQ_OK) st = write_file(&m, ssmq_arena_printf(m.a, "%s/dump.h5", folder), put_dump);
    if (st == SSMQ_OK)
        st = write_file(&m, ssmq_arena_printf(m.a, "%s/profile.h5", folder), put_profile);
    ssmq_arena_free(m.a);
    return st;
}

static ssmq_status write_all(const scratch *s)
{
    static const figure_run all[] = {
        {"00000000000000a0", "float", "", 1, 0},
        {"00000000000000a1", "fake", "naive", 1, 8},
        {"00000000000000a2", "fake", "quamba", 0.8f, 8},
    };
    for (int i = 0; i < 3; i++)
        SSMQ_TRY(figure_run_write(scratch_path(s, i ? all[i].recipe : all[i].mode), &all[i]));
    return SSMQ_OK;
}

int figure_runs_show(const char *command)
{
    void *state = NULL;
    if (scratch_setup(&state) != 0) return 1;
    const scratch *s = state;
    int            status = -1;
    if (write_all(s) == SSMQ_OK)
        status = system(ssmq_arena_printf(s->a, "%s %s", command, s->path));
    else fprintf(stderr, "%s\n", ssmq_error_last()->message);
    scratch_teardown(&state);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
