/* Smoothing: its factors, where they go, and what stands before and after it in a recipe. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/tensor/hadamard.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/steps.h"

#define SEED 5u
#define BACKENDS 4
#define TIED                                                                                  \
    "{\"d_model\": 24, \"n_layer\": 2, \"vocab_size\": 40, \"ssm_cfg\": {\"d_state\": 5}}"
#define BIASED                                                                                \
    "{\"model_type\": \"mamba\", \"hidden_size\": 20, \"num_hidden_layers\": 2, "             \
    "\"vocab_size\": 33, \"state_size\": 3, \"conv_kernel\": 3, \"use_bias\": true, "         \
    "\"tie_word_embeddings\": false}"

static const char *const configs[] = {TIED, BIASED, NULL};

/* The four sites of the method's default, the weight behind each, and all of it for layer 1. */
static const struct {
    const char *site, *weight;
    int64_t     rows[2]; /* of the weight, in the two models */
    bool        folds;
} sites[] = {
    {"layers.1.in_proj.in", "layers.1.in_proj.weight", {96, 80}, true},
    {"layers.1.scan.x", "layers.1.x_proj.weight", {2 + 10, 2 + 6}, false},
    {"layers.1.dt_proj.in", "layers.1.dt_proj.weight", {48, 40}, true},
    {"layers.1.out_proj.in", "layers.1.out_proj.weight", {24, 20}, false},
};
#define N_SITES ((int)(sizeof sites / sizeof *sites))

/* ---- factors --------------------------------------------------------------------------- */

/* The largest |x| of each channel over all samples in float mode, and likewise |w| of each column. */
static double *channel_max(ssmq_backend *be, const ssmq_model *m, const char *site)
{
    const int64_t width = m->site[test_site(m, site)].width;
    double       *most = calloc((size_t)width, sizeof *most);
    for (int32_t s = 0; s < TEST_SAMPLES; s++) {
        float *x = test_seen(be, m, NULL, s, site);
        for (int64_t i = 0; i < (TEST_LENGTH - s) * width; i++)
            most[i % width] = fmax(most[i % width], fabs((double)x[i]));
        free(x);
    }
    return most;
}

static double *column_max(const ssmq_model *m, const char *weight, int64_t rows)
{
    const int64_t width = m->site[test_site(m, weight)].width;
    const float  *w = test_weight(m, weight);
    double       *most = calloc((size_t)width, sizeof *most);
    for (int64_t i = 0; i < rows * width; i++)
        most[i % width] = fmax(most[i % width], fabs((double)w[i]));
    return most;
}

/* s_c = max(a_c^alpha / w_c^(1 - alpha), 1e-5) with both statistics raised to 1e-5. */
static void check_factors(ssmq_backend *be, const ssmq_model *base, const test_applied *a, double alpha,
                          int model)
{
    for (int i = 0; i < N_SITES; i++) {
        const int32_t          site = test_site(base, sites[i].site);
        const ssmq_assignment *at = &a->r.plan->at[site];
        double                *most = channel_max(be, base, sites[i].site);
        double                *column = column_max(base, sites[i].weight, sites[i].rows[model]);
        for (int64_t c = 0; c < base->site[site].width; c++) {
            const double want = fmax(
                pow(fmax(most[c], 1e-5), alpha) / pow(fmax(column[c], 1e-5), 1 - alpha), 1e-5);
            const double got = (double)((const float *)at->smooth.data)[c];
            /* Two powers and a quotient, each a few units of the last place of f32. */
            if (!(fabs(got / want - 1) <= 2e-6))
                fail_msg("%s, alpha %g: factor %d is %.8g, not %.8g", sites[i].site, alpha, (int)c, got,
                         want);
        }
        free(most);
        free(column);
    }
}

static void test_factors(void **state)
{
    static const struct {
        const char *options;
        double      alpha;
    } cases[] = {{NULL, 0.5}, {"{alpha: 0}", 0}, {"{alpha: 1}", 1}, {"{alpha: 0.3, fold: false}", 0.3}};
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    (void)state;
    for (int k = 0; configs[k]; k++) {
        ssmq_model *m = test_drawn_model(configs[k], SEED);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            test_applied a = test_apply(
                m, b[0].be, (test_step[]){{&ssmq_method_smoothquant, cases[i].options}, {0}}, SEED);
            check_factors(b[0].be, m, &a, cases[i].alpha, k);
            test_applied_free(&a);
        }
        ssmq_model_free(m);
    }
    test_backends_close(b, n);
}

/* A channel that is silent and a column of zeros: both statistics are raised to 1e-5. */
static void test_silent_channel(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(TIED, SEED);
    float        *gain = m->weight[m->site[test_site(m, "layers.0.in_proj.in")].fold].value.data;
    float        *w = (float *)(uintptr_t)test_weight(m, "layers.0.in_proj.weight");
    (void)state;
    gain[3] = 0;
    for (int64_t row = 0; row < 96; row++) w[row * 24 + 3] = 0;
    test_applied a =
        test_apply(m, b[0].be, (test_step[]){{&ssmq_method_smoothquant, "{alpha: 0.25}"}, {0}}, SEED);
    const float *s = a.r.plan->at[test_site(m, "layers.0.in_proj.in")].smooth.data;
    assert_true(fabs((double)s[3] / (pow(1e-5, 0.25) / pow(1e-5, 0.75)) - 1) <= 2e-6);
    assert_true(test_changed(b[0].be, m, &a) <= 1e-5);
    test_applied_free(&a);
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- where they go --------------------------------------------------------------------- */

/* Number for number: columns times s, and the gain, or rows 0 .. R - 1 of x_proj, divided by s. */
static void check_weights(const ssmq_model *base, const test_applied *a, bool fold)
{
    const int32_t in = test_site(base, "layers.1.in_proj.in"), gain = base->site[in].fold;
    const float  *s_in = a->r.plan->at[in].smooth.data;
    const float  *s_dt = a->r.plan->at[test_site(base, "layers.1.dt_proj.in")].smooth.data;
    const float  *s_x = a->r.plan->at[test_site(base, "layers.1.scan.x")].smooth.data;
    const int64_t D = base->width, E = base->site[test_site(base, "layers.1.scan.x")].width;
    const int64_t R = base->site[test_site(base, "layers.1.dt_proj.in")].width;
    const float  *g = base->weight[gain].value.data, *new_g = a->m->weight[gain].value.data;
    const float  *w = test_weight(base, "layers.1.in_proj.weight");
    const float  *new_w = test_weight(a->m, "layers.1.in_proj.weight");
    const float  *p = test_weight(base, "layers.1.x_proj.weight");
    const float  *new_p = test_weight(a->m, "layers.1.x_proj.weight");
    for (int64_t c = 0; c < D; c++) assert_true(new_g[c] == (fold ? g[c] / s_in[c] : g[c]));
    for (int64_t i = 0; i < 2 * E * D; i++) assert_true(new_w[i] == w[i] * s_in[i % D]);
    for (int64_t row = 0; row < R + 2; row++)
        for (int64_t c = 0; c < E; c++) {
            float want = p[row * E + c] * s_x[c];
            if (fold && row < R) want /= s_dt[row];
            assert_true(new_p[row * E + c] == want);
        }
}

static void check_places(const test_applied *a, bool fold)
{
    for (int i = 0; i < N_SITES; i++) {
        const ssmq_assignment *at = &a->r.plan->at[test_site(a->m, sites[i].site)];
        assert_non_null(at->smooth.data);
        assert_int_equal(at->divide.data == NULL, fold && sites[i].folds);
        assert_int_equal(at->inverse.data == NULL, fold && sites[i].folds);
    }
}

/* Folded or divided at run time, the float function stays: the bound is that of test_methods.c. */
static void test_folding(void **state)
{
    static const char *const options[] = {"{}", "{fold: false}", "{alpha: 1}", "{alpha: 0, fold: false}",
                                          "{sites: [head.in, layers.0.in_proj.in]}",
                                          "{sites: head.in, fold: false}", NULL};
    test_backend             b[BACKENDS];
    const int32_t            n = test_backends_open(b, BACKENDS, 2);
    (void)state;
    for (int k = 0; configs[k]; k++) {
        ssmq_model *m = test_drawn_model(configs[k], SEED);
        for (int i = 0; options[i]; i++)
            for (int32_t j = 0; j < n; j++) {
                const test_step steps[] = {{&ssmq_method_smoothquant, options[i]}, {0}};
                test_applied    a = test_apply(m, b[j].be, steps, SEED);
                const double    d = test_changed(b[j].be, m, &a);
                if (!(d <= 1e-5)) fail_msg("%s on %s changed the logits by %.1e", options[i], b[j].name, d);
                if (i < 2) check_places(&a, i == 0);
                if (i < 2) check_weights(m, &a, i == 0);
                test_applied_free(&a);
            }
        ssmq_model_free(m);
    }
    test_backends_close(b, n);
}

/* x_proj gets the smoothed tensor, the scan the original one: out_proj sees what it saw. */
static void test_scan_undoes_it(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(TIED, SEED);
    const int64_t E = 48;
    (void)state;
    for (int32_t j = 0; j < n; j++) {
        const test_step steps[] = {{&ssmq_method_smoothquant, "{sites: layers.0.scan.x}"}, {0}};
        test_applied    a = test_apply(m, b[j].be, steps, SEED);
        const float    *s = a.r.plan->at[test_site(m, "layers.0.scan.x")].smooth.data;
        float          *x = test_seen(b[j].be, m, NULL, 0, "layers.0.scan.x");
        float          *divided = test_seen(b[j].be, a.m, a.r.plan, 0, "layers.0.scan.x");
        float          *y = test_seen(b[j].be, m, NULL, 0, "layers.0.out_proj.in");
        float          *same = test_seen(b[j].be, a.m, a.r.plan, 0, "layers.0.out_proj.in");
        double          moved = 0;
        for (int64_t i = 0; i < TEST_LENGTH * E; i++) {
            assert_true(fabsf(divided[i] * s[i % E] - x[i]) <= 3e-7f * fabsf(x[i]));
            moved = fmax(moved, fabs((double)divided[i] - (double)x[i]));
        }
        assert_true(moved > 1e-2);
        assert_true(test_apart(same, y, TEST_LENGTH * E) <= 1e-5);
        free(x);
        free(divided);
        free(y);
        free(same);
        test_applied_free(&a);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- in a recipe ----------------------------------------------------------------------- */

static float scale_at(const test_applied *a, const char *site)
{
    return ((const float *)a->r.plan->at[test_site(a->m, site)].params.scale.data)[0];
}

/* A step that observes behind a smoothing one sees what that has done. */
static void test_later_steps_observe_anew(void **state)
{
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 2);
    ssmq_model     *m = test_drawn_model(TIED, SEED);
    const test_step steps[] = {{&ssmq_method_activations, "{sites: layers.*.gate.z}"},
                               {&ssmq_method_smoothquant, NULL},
                               {&ssmq_method_activations, "{sites: layers.*.*_proj.in}"},
                               {0}};
    (void)state;
    test_applied    a = test_apply(m, b[0].be, steps, SEED);
    assert_int_equal(a.r.n_calibration, 3);
    for (int i = 0; i < N_SITES; i++) {
        if (strstr(sites[i].site, "scan")) continue;
        const int32_t site = test_site(m, sites[i].site);
        const float  *s = a.r.plan->at[site].smooth.data;
        double       *most = channel_max(b[0].be, m, sites[i].site), want = 0;
        for (int64_t c = 0; c < m->site[site].width; c++) want = fmax(want, most[c] / (double)s[c]);
        /* Of a forward pass that is the same but for its roundings. */
        assert_true(fabs((double)scale_at(&a, sites[i].site) / (want / 127) - 1) <= 1e-5);
        free(most);
    }
    test_applied_free(&a);
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* The largest magnitude of rows (M, K) divided, or multiplied, by s and turned. */
static double turned_max(const float *x, int64_t M, int64_t K, const float *s, bool divide)
{
    ssmq_hadamard h;
    float         row[64], scratch[64];
    double        most = 0;
    CHECK_OK(ssmq_hadamard_find(K, &h));
    assert_true(K <= 64);
    for (int64_t i = 0; i < M; i++) {
        for (int64_t c = 0; c < K; c++) row[c] = divide ? x[i * K + c] / s[c] : x[i * K + c] * s[c];
        ssmq_hadamard_apply(&h, row, scratch);
        for (int64_t c = 0; c < K; c++) most = fmax(most, fabs((double)row[c]));
    }
    return most;
}

/* Smooth, then rotate, then quantise: the scales at the scan's output are those of H (y / s) and of
 * H (s w) for each row w. */
static void test_smooth_rotate_quantise(void **state)
{
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 2);
    ssmq_model     *m = test_drawn_model(TIED, SEED);
    const test_step steps[] = {{&ssmq_method_smoothquant, NULL},
                               {&ssmq_method_hadamard, NULL},
                               {&ssmq_method_weights, NULL},
                               {&ssmq_method_activations, NULL},
                               {0}};
    const test_step float_steps[] = {steps[0], steps[1], {0}};
    (void)state;
    for (int32_t j = 0; j < n; j++) {
        test_applied a = test_apply(m, b[j].be, steps, SEED);
        test_applied f = test_apply(m, b[j].be, float_steps, SEED);
        const float *s = a.r.plan->at[test_site(m, "layers.0.out_proj.in")].smooth.data;
        double       most = 0;
        for (int32_t i = 0; i < TEST_SAMPLES; i++) {
            float *y = test_seen(b[j].be, m, NULL, i, "layers.0.out_proj.in");
            most = fmax(most, turned_max(y, TEST_LENGTH - i, 48, s, true));
            free(y);
        }
        assert_true(fabs((double)scale_at(&a, "layers.0.out_proj.in") / (most / 127) - 1) <= 1e-5);
        most = turned_max(test_weight(m, "layers.0.out_proj.weight"), 24, 48, s, false);
        assert_true(fabs((double)scale_at(&a, "layers.0.out_proj.weight") / (most / 127) - 1) <= 1e-6);
        assert_true(test_changed(b[j].be, m, &f) <= 1e-5);
        const double d = test_changed(b[j].be, m, &a); /* 8 bits: seen, and no more than that */
        assert_true(d > 1e-4 && d < 0.2);
        test_applied_free(&a);
        test_applied_free(&f);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- refusals -------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    ssmq_model       *m = test_drawn_model(TIED, SEED);
    const ssmq_method *smooth = &ssmq_method_smoothquant, *weights = &ssmq_method_weights;
    (void)state;
    test_refused(m, (test_step[]){{smooth, NULL}, {smooth, "{sites: layers.1.scan.x}"}, {0}},
                 SSMQ_ERR_CONFIG, "layers.1.scan.x is already smoothed");
    test_refused(m, (test_step[]){{&ssmq_method_hadamard, NULL}, {smooth, NULL}, {0}}, SSMQ_ERR_CONFIG,
                 "layers.0.out_proj.in is rotated by an earlier step; smoothing has to come before it");
    test_refused(m, (test_step[]){{weights, "{sites: layers.0.out_proj.weight}"}, {smooth, NULL}, {0}},
                 SSMQ_ERR_CONFIG,
                 "layers.0.out_proj.weight is quantised by an earlier step; smoothing has to come before "
                 "it");
    test_refused(m,
                 (test_step[]){{&ssmq_method_activations, "{sites: layers.1.dt_proj.in}"},
                               {smooth, NULL},
                               {0}},
                 SSMQ_ERR_CONFIG,
                 "layers.1.dt_proj.in is quantised by an earlier step; smoothing has to come before it");
    test_refused(m,
                 (test_step[]){{weights, "{sites: layers.0.x_proj.weight}"},
                               {smooth, "{sites: layers.*.dt_proj.in}"},
                               {0}},
                 SSMQ_ERR_CONFIG,
                 "layers.0.x_proj.weight is quantised by an earlier step, so the factors of "
                 "layers.0.dt_proj.in cannot be folded into it; smooth before it, or with fold: false");
    ssmq_model_free(m);
}

/* What these refusals point to works. */
static void test_what_works_instead(void **state)
{
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 2);
    ssmq_model     *m = test_drawn_model(TIED, SEED);
    const test_step steps[] = {{&ssmq_method_weights, "{bits: 16, sites: layers.0.x_proj.weight}"},
                               {&ssmq_method_smoothquant, "{sites: layers.*.dt_proj.in, fold: false}"},
                               {&ssmq_method_smoothquant, "{sites: layers.*.out_proj.in, alpha: 0.8}"},
                               {0}};
    (void)state;
    test_applied    a = test_apply(m, b[0].be, steps, SEED);
    assert_true(test_changed(b[0].be, m, &a) < 1e-3);
    test_applied_free(&a);
    ssmq_model_free(m);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factors),
        cmocka_unit_test(test_silent_channel),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_scan_undoes_it),
        cmocka_unit_test(test_later_steps_observe_anew),
        cmocka_unit_test(test_smooth_rotate_quantise),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_works_instead),
    };
    return cmocka_run_group_tests_name("smoothing", tests, NULL, NULL);
}
