/* What is collected is what a probe sees and what weights are, the same bits for any number of threads and of
 * passes over the samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/file.h"
#include "harness/run/statistics/collect_store.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/scratch.h"
#include "tests/support/steps.h"

#define BACKENDS 5
#define CONFIG "{\"d_model\": 24, \"n_layer\": 3, \"vocab_size\": 64}"

static const test_step steps[] = {
    {&ssmq_method_hadamard, "{signs: random}"},
    {&ssmq_method_weights, "{scope: channel, bits: 4}"},
    {&ssmq_method_activations, "{observer: {statistic: quantile, p: 90, across: median}}"},
    {&ssmq_method_activations, "{sites: layers.*.scan.B, symmetric: false, observer: {statistic: quantile, p: 90, across: mean}}"},
    {&ssmq_method_activations, "{sites: layers.*.scan.x, scope: channel, observer: {statistic: quantile, p: 80, across: mean}}"},
    {&ssmq_method_state, "{scope: channel, observer: {statistic: absmax, across: mean}}"},
    {0}};

static const char *const       every_site[] = {"**", NULL};
static const double            quantiles[] = {50, 99, 100};
static const ssmq_collect_spec everything = {.statistics = true,
                                             .sites = every_site,
                                             .quantile = quantiles,
                                             .n_quantile = 3,
                                             .moments = true,
                                             .channels = true,
                                             .top_channels = 4,
                                             .histogram = true};

/* The samples of test_sample(), of falling lengths. */
typedef struct some_samples {
    ssmq_samples samples;
    ssmq_sample  sample[TEST_SAMPLES];
    int32_t      token[TEST_SAMPLES][TEST_LENGTH];
} some_samples;

static void samples_of(const ssmq_model *m, some_samples *s)
{
    for (int32_t i = 0; i < TEST_SAMPLES; i++) {
        test_sample(m, i, s->token[i]);
        s->sample[i] = (ssmq_sample){.token = s->token[i], .length = TEST_LENGTH - i};
    }
    s->samples = (ssmq_samples){.sample = s->sample, .n = TEST_SAMPLES};
}

static ssmq_collection collected(ssmq_backend *be, const test_applied *a, ssmq_mode mode, int64_t bytes)
{
    some_samples    s;
    ssmq_collection c;
    samples_of(a->m, &s);
    const ssmq_collect_source source = {.spec = &everything,
                                        .model = a->m,
                                        .plan = mode == SSMQ_MODE_FLOAT ? NULL : a->r.plan,
                                        .mode = mode,
                                        .samples = &s.samples,
                                        .be = be,
                                        .most_bytes = bytes};
    CHECK_OK(ssmq_collect(&source, NULL, NULL, &c));
    assert_int_equal(c.n, a->m->n_site);
    return c;
}

static const ssmq_site_figures *figures(const ssmq_collection *c, int32_t site)
{
    for (int32_t i = 0; i < c->n; i++)
        if (c->figures[i].site == site) return &c->figures[i];
    fail_msg("site %d was not collected", site);
    return NULL;
}

/* ---- against a probe of the test's own --------------------------------------------------- */

/* How many values of channel c of x the plan clips, by the definition. */
static int64_t clipped(const ssmq_assignment *a, const float *x, int64_t rows, int64_t C)
{
    const float   *scale = a->params.scale.data;
    const int32_t *zero = a->params.zero.data;
    const bool     one = ssmq_tensor_count(&a->params.scale) == 1;
    int64_t        n = 0;
    for (int64_t i = 0; i < rows * C; i++) {
        const int64_t u = one ? 0 : i % C;
        n += ssmq_code_clamped(x[i], scale[u], zero ? zero[u] : 0, &a->spec);
    }
    return n;
}

static void check_site(ssmq_backend *be, const test_applied *a, ssmq_mode mode, const ssmq_collection *c,
                       const char *name)
{
    const int32_t            site = test_site(a->m, name);
    const ssmq_site_figures *f = figures(c, site);
    const ssmq_plan         *plan = mode == SSMQ_MODE_FLOAT ? NULL : a->r.plan;
    const int64_t            C = a->m->site[site].width;
    double                   high = -INFINITY, low = INFINITY;
    int64_t                  n = 0, n_clipped = 0;
    for (int32_t i = 0; i < TEST_SAMPLES; i++) {
        float *x = test_seen(be, a->m, plan, i, name), most = 0;
        for (int64_t k = 0; k < (TEST_LENGTH - i) * C; k++, n++) {
            high = fmax(high, (double)x[k]);
            low = fmin(low, (double)x[k]);
            most = fmaxf(most, fabsf(x[k]));
        }
        assert_true(f->sample_absmax[i] == most);
        if (plan) n_clipped += clipped(&plan->at[site], x, TEST_LENGTH - i, C);
        free(x);
    }
    assert_true(f->max == high && f->min == low && f->absmax == fmax(high, -low));
    assert_true((int64_t)f->n_values == n && f->n_samples == TEST_SAMPLES && f->n_tokens == n / C);
    assert_true(f->clip_known == (plan != NULL) && (int64_t)f->n_clipped == n_clipped);
    if (plan && strstr(name, "scan")) assert_true(n_clipped > 0);
}

static void check_weight(const test_applied *a, ssmq_mode mode, const ssmq_collection *c, const char *name)
{
    const int32_t            site = test_site(a->m, name);
    const ssmq_site_figures *f = figures(c, site);
    const ssmq_tensor       *w = &a->m->weight[a->m->site[site].weight].value;
    float                    most = 0;
    for (int64_t i = 0; i < ssmq_tensor_count(w); i++) most = fmaxf(most, fabsf(test_weight(a->m, name)[i]));
    assert_true(f->absmax == (double)most && (int64_t)f->n_values == ssmq_tensor_count(w));
    assert_true(f->n_samples == 0 && f->n_tokens == 0 && !f->sample_absmax);
    assert_true(f->clip_known == (mode != SSMQ_MODE_FLOAT) && f->n_clipped == 0); /* ranges by absmax */
}

static void test_what_a_probe_sees(void **state)
{
    static const char *const sites[] = {"layers.0.in_proj.in",  "layers.1.conv.in", "layers.2.gate.z",
                                        "layers.0.scan.x",      "layers.1.scan.B",  "layers.2.scan.dt",
                                        "layers.1.out_proj.in", NULL};
    static const ssmq_mode   modes[] = {SSMQ_MODE_FLOAT, SSMQ_MODE_FAKE};
    test_backend             b[BACKENDS];
    const int32_t            n = test_backends_open(b, BACKENDS, 2);
    ssmq_model              *base = test_drawn_model(CONFIG, 5);
    (void)state;
    for (int32_t i = 0; i < n; i++) {
        test_applied a = test_apply(base, b[i].be, steps, 1);
        for (int k = 0; k < 2; k++) {
            ssmq_collection c = collected(b[i].be, &a, modes[k], SSMQ_COLLECT_BYTES);
            for (int s = 0; sites[s]; s++) check_site(b[i].be, &a, modes[k], &c, sites[s]);
            check_weight(&a, modes[k], &c, "layers.1.out_proj.weight");
            check_weight(&a, modes[k], &c, "layers.0.scan.A_log");
            assert_true(figures(&c, test_site(a.m, "head.in"))->n_tokens == 3 * TEST_LENGTH - 3);
            ssmq_collection_free(&c);
        }
        test_applied_free(&a);
    }
    ssmq_model_free(base);
    test_backends_close(b, n);
}

/* ---- equal bits -------------------------------------------------------------------------- */

/* As run.h5 would hold it: equal content gives equal bytes. */
static void write_down(const ssmq_collection *c, const ssmq_model *m, const char *path)
{
    ssmq_store       *s;
    ssmq_arena       *arena = ssmq_arena_new();
    int32_t           index[TEST_SAMPLES] = {0, 1, 2};
    const ssmq_tensor t = SSMQ_TENSOR(index, SSMQ_I32, 3);
    CHECK_OK(ssmq_store_create(path, &s));
    CHECK_OK(ssmq_store_scale(s, "/axis/layer", &t, "", "layer"));
    CHECK_OK(ssmq_store_scale(s, "/axis/sample", &t, "", "sample"));
    CHECK_OK(ssmq_collection_write(s, &everything, m, c, arena));
    CHECK_OK(ssmq_store_seal(s));
    ssmq_arena_free(arena);
}

static void check_same_file(const char *path, const char *other)
{
    ssmq_str a = {0}, b = {0};
    CHECK_OK(ssmq_file_read(path, 1 << 26, &a));
    CHECK_OK(ssmq_file_read(other, 1 << 26, &b));
    assert_true(a.length > 100000);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
    ssmq_str_free(&a);
    ssmq_str_free(&b);
}

/* Threads 1, 2, 3; all layers in one pass over the samples, or as many passes as there are layers. */
static void test_equal_bits(void **state)
{
    const scratch *s = *state;
    ssmq_model    *base = test_drawn_model(CONFIG, 6);
    for (int32_t threads = 1; threads <= 3; threads++) {
        test_backend  b[BACKENDS];
        const int32_t n = test_backends_open(b, BACKENDS, threads);
        for (int32_t i = 0; i < n; i++) {
            test_applied a = test_apply(base, b[i].be, steps, 1);
            for (int passes = 0; passes < 2; passes++) {
                char name[2][32];
                snprintf(name[0], sizeof name[0], "%d-1-0.h5", i);
                snprintf(name[1], sizeof name[1], "%d-%d-%d.h5", i, threads, passes);
                ssmq_collection c =
                    collected(b[i].be, &a, SSMQ_MODE_FAKE, passes ? 1 : SSMQ_COLLECT_BYTES);
                write_down(&c, a.m, scratch_path(s, name[1]));
                check_same_file(scratch_path(s, name[1]), scratch_path(s, name[0]));
                ssmq_collection_free(&c);
            }
            test_applied_free(&a);
        }
        test_backends_close(b, n);
    }
    ssmq_model_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_probe_sees),
        cmocka_unit_test_setup_teardown(test_equal_bits, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
