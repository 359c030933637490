/* What is collected is what a probe sees and what weights are, the same bits for any number of threads and of
 * passes over the samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/run/statistics/collect_store.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/scratch.h"
#include "tests/support/steps.h"

#define BACKENDS 5
#define CONFIG "{\"d_model\": 24, \"n_layer\": 3, \"vocab_size\": 64}"
#define SMALLER "{\"d_model\": 16, \"n_layer\": 2, \"vocab_size\": 64}"

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
                                             .states = true,
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

static ssmq_collect_source source_of(ssmq_backend *be, const test_applied *a, ssmq_mode mode, int64_t bytes,
                                     some_samples *s)
{
    samples_of(a->m, s);
    return (ssmq_collect_source){.spec = &everything,
                                 .model = a->m,
                                 .plan = mode == SSMQ_MODE_FLOAT ? NULL : a->r.plan,
                                 .mode = mode,
                                 .samples = &s->samples,
                                 .be = be,
                                 .most_bytes = bytes};
}

static ssmq_collection collected(ssmq_backend *be, const test_applied *a, ssmq_mode mode, int64_t bytes)
{
    some_samples              s;
    ssmq_collection           c;
    const ssmq_collect_source source = source_of(be, a, mode, bytes, &s);
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
    const int64_t     layers = m->site[test_site(m, "head.in") - 1].layer + 1;
    const ssmq_tensor samples = SSMQ_TENSOR(index, SSMQ_I32, TEST_SAMPLES);
    const ssmq_tensor layer = SSMQ_TENSOR(index, SSMQ_I32, layers);
    CHECK_OK(ssmq_store_create(path, &s));
    CHECK_OK(ssmq_store_scale(s, "/axis/layer", &layer, "", "layer"));
    CHECK_OK(ssmq_store_scale(s, "/axis/sample", &samples, "", "sample"));
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

/* ---- after a kill ------------------------------------------------------------------------ */

#define IDENTITY "of this test"

static const char *const      dump_sites[] = {"layers.*.{scan.x,scan.state,out_proj.in}", "layers.1.conv.in",
                                              "layers.1.out_proj.weight", "head.in", NULL};
static const ssmq_dump_spec   dump_spec = {
      .sites = dump_sites, .samples = 2, .tokens = TEST_LENGTH - 2, .dtype = SSMQ_DUMP_F16, .limit = 1 << 30};

/* A run whose folder is looked at each time that a sample is done: what is there then is what a kill leaves. */
typedef struct watched_run {
    const scratch *s;
    const char    *folder;    /* of its journal */
    char           copy[16];  /* folders that get copies begin so; "": none */
    int32_t        told;      /* samples, in all passes                     */
    int32_t        stop_at;   /* told; then a signal is there; 0: never     */
    volatile sig_atomic_t signal;
} watched_run;

static void copy_file(const scratch *s, const char *from, const char *to, const char *name)
{
    char     path[2][64];
    ssmq_str text = {0};
    snprintf(path[0], sizeof path[0], "%s/%s", from, name);
    snprintf(path[1], sizeof path[1], "%s/%s", to, name);
    if (access(scratch_path(s, path[0]), F_OK) != 0) return;
    CHECK_OK(ssmq_file_read(scratch_path(s, path[0]), 1 << 26, &text));
    CHECK_OK(ssmq_file_write(scratch_path(s, path[1]), ssmq_str_text(&text), text.length));
    ssmq_str_free(&text);
}

static void sample_done(void *context, int64_t done, double fraction)
{
    watched_run *r = context;
    char         to[32];
    (void)fraction;
    (void)done;
    if (++r->told == r->stop_at) r->signal = SIGTERM;
    if (!r->copy[0]) return;
    snprintf(to, sizeof to, "%s-%d", r->copy, r->told);
    CHECK_OK(ssmq_make_directory(scratch_path(r->s, to)));
    copy_file(r->s, r->folder, to, SSMQ_JOURNAL);
    copy_file(r->s, r->folder, to, SSMQ_JOURNAL_BIN);
    copy_file(r->s, r->folder, to, SSMQ_JOURNAL_SUMS);
}

/* Collects with the journal in the run's folder; what comes of it is in folder/run.h5 and folder/dump.h5. */
static ssmq_status collect_in(watched_run *r, ssmq_backend *be, const test_applied *a, int64_t bytes)
{
    ssmq_collect_spec   spec = everything;
    some_samples        s;
    char                name[2][64];
    ssmq_collection     c;
    ssmq_dump          *dump;
    ssmq_listener       l = {.context = r, .update = sample_done, .signal = &r->signal};
    ssmq_collect_source source = source_of(be, a, SSMQ_MODE_FAKE, bytes, &s);
    snprintf(name[0], sizeof name[0], "%s/run.h5", r->folder);
    snprintf(name[1], sizeof name[1], "%s/dump.h5", r->folder);
    spec.dump = &dump_spec;
    source.spec = &spec;
    CHECK_OK(ssmq_make_directory(scratch_path(r->s, r->folder)));
    CHECK_OK(ssmq_journal_open(scratch_path(r->s, r->folder), IDENTITY, false, NULL, &l.journal));
    const ssmq_dump_source values = {
        .spec = &spec, .model = a->m, .plan = a->r.plan, .samples = &s.samples, .be = be, .listener = &l};
    CHECK_OK(ssmq_dump_open(&values, scratch_path(r->s, name[1]), &dump));
    const ssmq_status st = ssmq_collect(&source, dump, &l, &c);
    if (st == SSMQ_OK) {
        write_down(&c, a->m, scratch_path(r->s, name[0]));
        ssmq_collection_free(&c);
        CHECK_OK(ssmq_dump_seal(dump));
    } else {
        ssmq_dump_discard(dump);
    }
    ssmq_journal_close(l.journal);
    return st;
}

static void check_same_run(const scratch *s, const char *folder)
{
    static const char *const files[] = {"run.h5", "dump.h5"};
    for (int i = 0; i < 2; i++) {
        char name[2][64];
        snprintf(name[0], sizeof name[0], "%s/%s", folder, files[i]);
        snprintf(name[1], sizeof name[1], "whole/%s", files[i]);
        check_same_file(scratch_path(s, name[0]), scratch_path(s, name[1]));
    }
}

/* Killed after any sample of any pass, it goes on behind it: with the bytes of a run that nobody disturbed, and no
 * sample run again.  The second backend has other threads. */
static void check_kills(const scratch *s, const test_applied *a, ssmq_backend *be, ssmq_backend *other,
                        int64_t bytes)
{
    watched_run whole = {.s = s, .folder = "whole", .copy = "killed"};
    CHECK_OK(collect_in(&whole, be, a, bytes));
    for (int32_t k = 1; k <= whole.told; k++) {
        char        folder[32];
        watched_run r = {.s = s, .folder = folder};
        snprintf(folder, sizeof folder, "killed-%d", k);
        CHECK_OK(collect_in(&r, k % 2 ? other : be, a, bytes));
        check_same_run(s, folder);
        assert_int_equal(r.told, whole.told - k);
    }
}

/* A signal loses nothing: every sample is run once.  k: samples before it, of told in all. */
static void check_stops(const scratch *s, const test_applied *a, ssmq_backend *be, int64_t bytes, int32_t k,
                        int32_t end, int32_t told)
{
    for (; k < end; k++) {
        char        folder[32];
        watched_run r = {.s = s, .folder = folder, .stop_at = k};
        snprintf(folder, sizeof folder, "stopped-%d", k);
        assert_int_equal(collect_in(&r, be, a, bytes), SSMQ_ERR_STOPPED);
        assert_int_equal(r.told, k);
        watched_run rest = {.s = s, .folder = folder};
        CHECK_OK(collect_in(&rest, be, a, bytes));
        assert_int_equal(rest.told, told - k);
        check_same_run(s, folder);
    }
}

static void test_goes_on(void **state)
{
    const scratch *s = *state;
    ssmq_model    *base = test_drawn_model(SMALLER, 7);
    test_backend   b[BACKENDS], other[BACKENDS];
    const int32_t  n = test_backends_open(b, BACKENDS, 1);
    assert_int_equal(test_backends_open(other, BACKENDS, 3), n);
    test_applied a = test_apply(base, b[n - 1].be, steps, 1);
    check_kills(s, &a, b[n - 1].be, other[n - 1].be, SSMQ_COLLECT_BYTES);
    check_stops(s, &a, b[n - 1].be, SSMQ_COLLECT_BYTES, 1, TEST_SAMPLES, TEST_SAMPLES);
    test_applied_free(&a);
    test_backends_close(other, n);
    test_backends_close(b, n);
    ssmq_model_free(base);
}

/* The same where each layer has a pass of its own, and the head one. */
static void test_goes_on_in_passes(void **state)
{
    const scratch *s = *state;
    ssmq_model    *base = test_drawn_model(SMALLER, 8);
    test_backend   b[BACKENDS];
    const int32_t  n = test_backends_open(b, BACKENDS, 2);
    test_applied   a = test_apply(base, b[0].be, steps, 1);
    check_kills(s, &a, b[0].be, b[0].be, 1);
    check_stops(s, &a, b[0].be, 1, TEST_SAMPLES, TEST_SAMPLES + 1, 3 * TEST_SAMPLES);
    test_applied_free(&a);
    test_backends_close(b, n);
    ssmq_model_free(base);
}

/* What is not finite is come upon as it is measured, and named as the forward pass does. */
static void test_not_finite(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *base = test_drawn_model(SMALLER, 9);
    test_applied  a = test_apply(base, b[0].be, steps, 1);
    ssmq_tensor   w;
    (void)state;
    CHECK_OK(ssmq_model_writable(a.m, a.m->site[test_site(a.m, "layers.1.conv.weight")].weight, &w));
    ((float *)w.data)[5 * w.dim[w.rank - 1]] = INFINITY;
    for (int32_t i = 0; i < n; i++) {
        some_samples              s;
        ssmq_collection           c;
        const ssmq_collect_source source = source_of(b[i].be, &a, SSMQ_MODE_FLOAT, SSMQ_COLLECT_BYTES, &s);
        assert_int_equal(ssmq_collect(&source, NULL, NULL, &c), SSMQ_ERR_NUMERIC);
        const char *message = ssmq_error_last()->message;
        if (!strstr(message, "sample 0 (document 0): layers.1.scan.x is ") || !strstr(message, "channel 5"))
            fail_msg("'%s'", message);
    }
    test_applied_free(&a);
    test_backends_close(b, n);
    ssmq_model_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_probe_sees),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test_setup_teardown(test_equal_bits, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_goes_on, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_goes_on_in_passes, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
