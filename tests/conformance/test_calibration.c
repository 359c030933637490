/* Calibration gives the same bits however many samples run at once, on however many threads, and whether a sample
 * is run or replayed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/calibrate/replay.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/options.h"
#include "tests/support/scratch.h"
#include "tests/support/steps.h"

#define BACKENDS 5
#define SAMPLES 11
#define LONGEST 40
#define STEPS_MAX 8
#define CONFIG "{\"d_model\": 24, \"n_layer\": 2, \"vocab_size\": 64}"

/* By channel with every way across; statistics that replay and one that does not; a zero point; a histogram; a
 * state; the head. */
static const test_step everything[] = {
    {&ssmq_method_smoothquant, NULL},
    {&ssmq_method_hadamard, "{signs: random}"},
    {&ssmq_method_activations, "{observer: {statistic: quantile, p: 99.5, across: ema, rate: 0.1}}"},
    {&ssmq_method_activations,
     "{sites: layers.*.scan.x, symmetric: false, observer: {statistic: minmax, across: mean}}"},
    {&ssmq_method_activations,
     "{sites: [layers.0.scan.z, head.in], symmetric: false, "
     "observer: {statistic: quantile, p: 98, estimate: floatbits16, across: median}}"},
    {&ssmq_method_activations, "{sites: layers.1.scan.z, bits: 4, observer: {statistic: mse, across: max}}"},
    {&ssmq_method_state, "{observer: {statistic: absmax, across: max}}"},
    {0}};
static const test_step channels[] = {
    {&ssmq_method_activations, "{sites: layers.0.**, scope: channel, observer: {statistic: absmax, across: ema}}"},
    {&ssmq_method_activations,
     "{sites: layers.0.scan.x, scope: channel, symmetric: false, observer: {statistic: minmax, across: mean}}"},
    {&ssmq_method_activations,
     "{sites: layers.1.**, scope: channel, observer: {statistic: quantile, p: 90, across: median}}"},
    {0}};
static const test_step outliers[] = {
    {&ssmq_method_outliers, "{threshold: 2}"},
    {&ssmq_method_activations, "{observer: {statistic: quantile, p: 99, across: mean}}"},
    {&ssmq_method_activations, "{sites: layers.*.conv.x, observer: {statistic: mse, across: mean}}"},
    {0}};
static const test_step *const recipes[] = {everything, channels, outliers};

/* ---- a calibration --------------------------------------------------------------------- */

typedef struct samples {
    int32_t      token[SAMPLES][LONGEST];
    ssmq_sample  sample[SAMPLES];
    ssmq_samples all;
} samples;

static void samples_new(samples *s, const ssmq_model *m)
{
    static const int64_t lengths[SAMPLES] = {40, 40, 40, 7, 7, 7, 40, 40, 1, 40, 40};
    for (int32_t i = 0; i < SAMPLES; i++) {
        test_tokens(s->token[i], LONGEST, m->vocabulary, 50 + (uint64_t)i);
        s->sample[i] = (ssmq_sample){.token = s->token[i], .length = lengths[i], .document = i};
    }
    s->all = (ssmq_samples){.sample = s->sample, .n = SAMPLES};
}

static ssmq_status try_to_apply(const ssmq_model *base, ssmq_backend *be, const test_step *steps, ssmq_replay *replay,
                                int32_t batch, const ssmq_samples *all, test_applied *out)
{
    test_applied a = {.m = ssmq_model_fork(base), .arena = ssmq_arena_new()};
    ssmq_step   *step = SSMQ_ARENA_ARRAY(a.arena, ssmq_step, STEPS_MAX);
    ssmq_recipe  recipe = {.step = step};
    for (; steps[recipe.n_step].method; recipe.n_step++) {
        const ssmq_method *method = steps[recipe.n_step].method;
        step[recipe.n_step] = (ssmq_step){.id = method->name,
                                          .method = method,
                                          .options = test_options(a.arena, method->options, method->options_size,
                                                                  steps[recipe.n_step].options)};
    }
    const ssmq_calibration_source source = {.samples = all, .replay = replay, .batch = batch};
    const ssmq_status st = ssmq_recipe_replay(&recipe, a.m, be, &source, 3, NULL, &a.r);
    *out = a;
    return st;
}

static test_applied apply(const ssmq_model *base, ssmq_backend *be, const test_step *steps, ssmq_replay *replay,
                          int32_t batch, const ssmq_samples *all)
{
    test_applied a;
    CHECK_OK(try_to_apply(base, be, steps, replay, batch, all, &a));
    return a;
}

static void same_tensor(const ssmq_tensor *a, const ssmq_tensor *b)
{
    assert_true((a->data == NULL) == (b->data == NULL));
    if (!a->data) return;
    assert_int_equal(ssmq_tensor_bytes(a), ssmq_tensor_bytes(b));
    assert_memory_equal(a->data, b->data, ssmq_tensor_bytes(a));
}

/* Every range of every sample, what each sample counted for, and all that the plan got from them. */
static void same(const test_applied *a, const test_applied *b)
{
    assert_int_equal(a->r.n_calibration, b->r.n_calibration);
    for (int32_t i = 0; i < a->r.n_calibration; i++) {
        const ssmq_calibration *x = a->r.calibration[i], *y = b->r.calibration[i];
        assert_int_equal(x->n_observation, y->n_observation);
        for (int32_t k = 0; k < x->n_observation; k++) {
            const ssmq_observation *o = x->at[k], *p = y->at[k];
            assert_memory_equal(o->range, p->range, (size_t)o->units * sizeof *o->range);
            assert_int_equal(o->raised, p->raised);
            if (!o->value) continue;
            assert_memory_equal(o->value, p->value, (size_t)x->n * sizeof *o->value);
            assert_memory_equal(o->weight, p->weight, (size_t)x->n * sizeof *o->weight);
        }
    }
    for (int32_t i = 0; i < a->m->n_site; i++) {
        same_tensor(&a->r.plan->at[i].params.scale, &b->r.plan->at[i].params.scale);
        same_tensor(&a->r.plan->at[i].params.zero, &b->r.plan->at[i].params.zero);
        same_tensor(&a->r.plan->at[i].smooth, &b->r.plan->at[i].smooth);
        same_tensor(&a->r.plan->at[i].keep, &b->r.plan->at[i].keep);
    }
}

/* ---- batches and threads --------------------------------------------------------------- */

static void test_batches_and_threads(void **state)
{
    ssmq_rng      rng;
    test_backend  one[BACKENDS], some[BACKENDS];
    samples       s;
    ssmq_model   *base = test_drawn_model(CONFIG, 5);
    const int32_t n = test_backends_open(one, BACKENDS, 1);
    (void)state;
    samples_new(&s, base);
    ssmq_rng_init(&rng, test_seed(21), "batches");
    for (size_t r = 0; r < sizeof recipes / sizeof *recipes; r++)
        for (int32_t i = 0; i < n; i++) {
            test_applied alone = apply(base, one[i].be, recipes[r], NULL, 0, &s.all);
            for (int32_t threads = 1; threads <= 3; threads++) {
                const int32_t batch = 1 + (int32_t)ssmq_rng_below(&rng, SAMPLES);
                assert_int_equal(test_backends_open(some, BACKENDS, threads), n);
                print_message("%s, %d threads, batch %d\n", one[i].name, (int)threads, (int)batch);
                test_applied together = apply(base, some[i].be, recipes[r], NULL, batch, &s.all);
                same(&alone, &together);
                test_applied_free(&together);
                test_backends_close(some, n);
            }
            test_applied_free(&alone);
        }
    test_backends_close(one, n);
    ssmq_model_free(base);
}

/* ---- replaying ------------------------------------------------------------------------- */

typedef struct fixture {
    scratch       *files;
    ssmq_model    *base;
    ssmq_backend  *be;
    test_backend   b[BACKENDS];
    int32_t        n;
    samples        s;
} fixture;

static fixture fixture_new(void **state)
{
    fixture f = {.files = *state, .base = test_drawn_model(CONFIG, 5)};
    f.n = test_backends_open(f.b, BACKENDS, 2);
    f.be = f.b[f.n - 1].be;
    return f;
}

static void fixture_free(fixture *f)
{
    test_backends_close(f->b, f->n);
    ssmq_model_free(f->base);
}

static ssmq_replay *replay_of(const char *folder, int64_t keep_ranges)
{
    static const double       levels[] = {90, 99, 99.5, 100};
    const ssmq_replay_options o = {
        .folder = folder, .identity = "a model", .level = levels, .n_level = 4, .keep_ranges = keep_ranges};
    return ssmq_replay_new(&o);
}

static ssmq_replay *replay_new(const char *folder)
{
    return replay_of(folder, 1 << 20);
}

/* The recipe with and without a replay: the same, and the last of its passes by this account. */
static void check(fixture *f, const test_step *steps, ssmq_replay *replay, const ssmq_samples *all,
                  const char *account)
{
    test_applied anew = apply(f->base, f->be, steps, NULL, 0, all);
    test_applied again = apply(f->base, f->be, steps, replay, 3, all);
    same(&anew, &again);
    assert_string_equal(again.r.calibration[again.r.n_calibration - 1]->account, account);
    test_applied_free(&anew);
    test_applied_free(&again);
}

static const test_step a_quantile[] = {
    {&ssmq_method_activations, "{observer: {statistic: quantile, p: 99.5, across: ema}}"}, {0}};
static const test_step another_quantile[] = {
    {&ssmq_method_activations, "{observer: {statistic: quantile, p: 90, across: mean}}"}, {0}};
static const test_step an_absmax[] = {{&ssmq_method_activations, "{observer: {statistic: absmax, across: max}}"}, {0}};
static const test_step a_new_quantile[] = {
    {&ssmq_method_activations, "{sites: layers.0.scan.x, observer: {statistic: quantile, p: 97, across: max}}"}, {0}};
static const test_step a_fine_quantile[] = {
    {&ssmq_method_activations, "{sites: layers.0.scan.x, observer: {statistic: quantile, p: 99.93, across: max}}"}, {0}};
static const test_step a_fine_zero_point[] = {
    {&ssmq_method_activations,
     "{sites: layers.0.scan.x, symmetric: false, observer: {statistic: quantile, p: 99.98, across: max}}"},
    {0}};
static const test_step a_histogram[] = {
    {&ssmq_method_activations,
     "{sites: layers.0.scan.x, observer: {statistic: quantile, p: 97, estimate: floatbits16, across: max}}"},
    {0}};
static const test_step another_of_the_histogram[] = {
    {&ssmq_method_activations,
     "{sites: layers.0.scan.x, observer: {statistic: quantile, p: 41, estimate: floatbits16, across: max}}"},
    {0}};
static const test_step a_zero_point[] = {
    {&ssmq_method_activations,
     "{sites: layers.0.scan.x, symmetric: false, observer: {statistic: quantile, p: 90, across: max}}"},
    {0}};
static const test_step turned[] = {
    {&ssmq_method_hadamard, NULL},
    {&ssmq_method_activations, "{observer: {statistic: absmax, across: max}}"},
    {0}};
static const test_step searched[] = {
    {&ssmq_method_activations, "{sites: layers.0.scan.x, observer: {statistic: mse, across: max}}"}, {0}};
static const test_step searched_and_averaged[] = {
    {&ssmq_method_activations, "{sites: layers.0.scan.x, observer: {statistic: mse, across: mean}}"}, {0}};
static const test_step searched_for_4_bits[] = {
    {&ssmq_method_activations, "{sites: layers.0.scan.x, bits: 4, observer: {statistic: mse, across: max}}"}, {0}};

#define ALL_REPLAYED "calibration replayed: 11 samples, no forward pass"

/* Another percentile, combination, count or order of samples is replayed; what was not measured is run, and the log
 * says why. */
static void test_what_is_replayed(void **state)
{
    fixture      f = fixture_new(state);
    ssmq_replay *r = replay_new(NULL);
    samples_new(&f.s, f.base);
    ssmq_samples some = {.sample = f.s.sample + 2, .n = 5};
    check(&f, a_quantile, r, &some, "calibration: 5 of 5 samples run: nothing is stored of this pass");
    check(&f, another_quantile, r, &some, "calibration replayed: 5 samples, no forward pass");
    some.n = 3;
    check(&f, an_absmax, r, &some, "calibration replayed: 3 samples, no forward pass");
    check(&f, an_absmax, r, &f.s.all,
          "calibration: 6 of 11 samples run: absmax of layers.0.in_proj.in was not measured");
    check(&f, another_quantile, r, &f.s.all, ALL_REPLAYED);
    check(&f, a_new_quantile, r, &f.s.all,
          "calibration: 10 of 11 samples run: p = 97 is not among the stored quantiles of layers.0.scan.x");
    check(&f, a_new_quantile, r, &f.s.all, ALL_REPLAYED); /* of the single token all of a tail's length is kept */
    check(&f, a_fine_quantile, r, &f.s.all, ALL_REPLAYED);
    check(&f, a_histogram, r, &f.s.all,
          "calibration: 11 of 11 samples run: no histogram of layers.0.scan.x was kept");
    check(&f, another_of_the_histogram, r, &f.s.all, ALL_REPLAYED);
    check(&f, a_zero_point, r, &f.s.all,
          "calibration: 11 of 11 samples run: quantiles of layers.0.scan.x were kept of magnitudes only");
    check(&f, a_fine_zero_point, r, &f.s.all, ALL_REPLAYED);
    check(&f, searched, r, &f.s.all,
          "calibration: 11 of 11 samples run: mse of layers.0.scan.x was not measured");
    check(&f, searched_and_averaged, r, &f.s.all, ALL_REPLAYED);
    check(&f, searched_for_4_bits, r, &f.s.all,
          "calibration: 11 of 11 samples run: mse of layers.0.scan.x was not measured");
    check(&f, another_of_the_histogram, r, &f.s.all, ALL_REPLAYED); /* what was known still is */
    check(&f, turned, r, &f.s.all, "calibration: 11 of 11 samples run: nothing is stored of this pass");
    ssmq_replay_free(r);
    fixture_free(&f);
}

/* ---- by channel ------------------------------------------------------------------------ */

#define BY_CHANNEL(observer)                                                                                        \
    {                                                                                                               \
        {&ssmq_method_activations, "{sites: [layers.0.scan.x, layers.1.in_proj.in], scope: channel, " observer "}"}, \
        {0}                                                                                                         \
    }
static const test_step channel_max[] = BY_CHANNEL("observer: {statistic: absmax, across: max}");
static const test_step channel_ema[] = BY_CHANNEL("observer: {statistic: absmax, across: ema, rate: 0.3}");
static const test_step channel_ends[] = BY_CHANNEL("symmetric: false, observer: {statistic: minmax, across: median}");
static const test_step channel_quantile[] = BY_CHANNEL("observer: {statistic: quantile, p: 99.97, across: mean}");
static const test_step channel_other_quantile[] = BY_CHANNEL("observer: {statistic: quantile, p: 99.9, across: max}");
static const test_step channel_affine_quantile[] =
    BY_CHANNEL("symmetric: false, observer: {statistic: quantile, p: 99.99, across: max}");
static const test_step channel_search[] = BY_CHANNEL("observer: {statistic: mse, across: max}");
static const test_step channel_search_mean[] = BY_CHANNEL("observer: {statistic: mse, across: mean}");
static const test_step channel_inner[] = BY_CHANNEL("observer: {statistic: quantile, p: 80, across: max}");
static const test_step channel_inner_ema[] = BY_CHANNEL("observer: {statistic: quantile, p: 80, across: ema}");
static const test_step a_state[] = {
    {&ssmq_method_state, "{scope: channel, observer: {statistic: absmax, across: max}}"}, {0}};
static const test_step a_state_mean[] = {
    {&ssmq_method_state, "{scope: channel, observer: {statistic: absmax, across: mean}}"}, {0}};

#define NOT_KEPT(n, statistic) \
    "calibration: " #n " of 11 samples run: " statistic " of layers.0.scan.x by channel is not kept"

/* Another combination, count or fine percentile needs no forward pass by channel either, in memory or out of a file. */
static void test_channels(void **state)
{
    fixture     f = fixture_new(state);
    const char *folder = scratch_path(f.files, "cache");
    samples_new(&f.s, f.base);
    for (int filed = 0; filed < 2; filed++) {
        ssmq_replay *r = replay_new(filed ? folder : NULL);
        ssmq_samples some = {.sample = f.s.sample, .n = 6};
#define AGAIN                         \
    if (filed) ssmq_replay_free(r);   \
    if (filed) r = replay_new(folder)
        check(&f, channel_max, r, &some, "calibration: 6 of 6 samples run: nothing is stored of this pass");
        AGAIN;
        check(&f, channel_ema, r, &some, "calibration replayed: 6 samples, no forward pass");
        check(&f, channel_ema, r, &f.s.all, NOT_KEPT(5, "absmax")); /* behind the ones that are known */
        AGAIN;
        check(&f, channel_ends, r, &f.s.all, ALL_REPLAYED);
        check(&f, channel_quantile, r, &f.s.all, NOT_KEPT(11, "quantile"));
        AGAIN;
        check(&f, channel_other_quantile, r, &f.s.all, ALL_REPLAYED);
        check(&f, channel_affine_quantile, r, &f.s.all, NOT_KEPT(11, "quantile"));
        check(&f, channel_search, r, &f.s.all, NOT_KEPT(11, "mse"));
        check(&f, channel_inner, r, &f.s.all, NOT_KEPT(11, "quantile"));
        AGAIN;
        check(&f, channel_search_mean, r, &f.s.all, ALL_REPLAYED);
        check(&f, channel_inner_ema, r, &f.s.all, ALL_REPLAYED);
        check(&f, channel_affine_quantile, r, &f.s.all, ALL_REPLAYED);
        check(&f, channel_max, r, &f.s.all, ALL_REPLAYED); /* what was known still is */
        some.sample = f.s.sample + 4;
        check(&f, channel_ema, r, &some, "calibration replayed: 6 samples, no forward pass");
        check(&f, a_state, r, &some,
              "calibration: 6 of 6 samples run: absmax of layers.0.scan.state by channel is not kept");
        AGAIN;
        check(&f, a_state_mean, r, &some, "calibration replayed: 6 samples, no forward pass");
        ssmq_replay_free(r);
    }
    fixture_free(&f);
}

/* Without room for all samples, the first ones are kept, and what all gave together; with none at all, this. */
static void test_room_for_channels(void **state)
{
    fixture f = fixture_new(state);
    samples_new(&f.s, f.base);
    for (int room = 0; room < 2; room++)
        for (int filed = 0; filed < 2; filed++) {
            const char  *folder = filed ? scratch_path(f.files, room ? "some" : "none") : NULL;
            const int64_t bytes = room ? 3 * 8 * (48 + 24) + 3 * 200 : 0; /* three samples, hardly a fourth */
            ssmq_replay *r = replay_of(folder, bytes);
            check(&f, channel_max, r, &f.s.all, "calibration: 11 of 11 samples run: nothing is stored of this pass");
            if (filed) ssmq_replay_free(r);
            if (filed) r = replay_of(folder, bytes);
            check(&f, channel_max, r, &f.s.all, ALL_REPLAYED);
            check(&f, channel_ema, r, &f.s.all, room ? NOT_KEPT(8, "absmax") : NOT_KEPT(11, "absmax"));
            ssmq_replay_free(r);
        }
    fixture_free(&f);
}

/* Nor have tails room then: what is stored of a quantile still is. */
static void test_room_for_tails(void **state)
{
    fixture f = fixture_new(state);
    samples_new(&f.s, f.base);
    for (int room = 0; room < 2; room++) {
        ssmq_replay *r = replay_of(NULL, room ? 1 << 20 : 0);
        check(&f, a_quantile, r, &f.s.all, "calibration: 11 of 11 samples run: nothing is stored of this pass");
        check(&f, a_fine_quantile, r, &f.s.all,
              room ? ALL_REPLAYED
                   : "calibration: 11 of 11 samples run: p = 99.93 is not among the stored quantiles of layers.0.scan.x");
        check(&f, another_quantile, r, &f.s.all, ALL_REPLAYED);
        ssmq_replay_free(r);
    }
    fixture_free(&f);
}

/* Samples that run for another observer's sake, between ones that need not: those by channel are all combined once. */
static void test_channels_beside_tensors(void **state)
{
    static const test_step absmax[] = {
        {&ssmq_method_activations, "{sites: layers.0.scan.x, observer: {statistic: absmax, across: max}}"}, {0}};
    static const test_step both[] = {
        {&ssmq_method_activations,
         "{sites: layers.0.in_proj.in, scope: channel, observer: {statistic: absmax, across: mean}}"},
        {&ssmq_method_activations, "{sites: layers.0.scan.x, observer: {statistic: absmax, across: max}}"},
        {0}};
    static const test_step alone[] = {
        {&ssmq_method_activations,
         "{sites: layers.0.in_proj.in, scope: channel, observer: {statistic: absmax, across: mean}}"},
        {0}};
    fixture f = fixture_new(state);
    samples_new(&f.s, f.base);
    for (int kept = 0; kept < 2; kept++) {
        ssmq_replay       *r = replay_of(NULL, kept ? 1 << 20 : 0);
        const ssmq_samples some = {.sample = f.s.sample + 3, .n = 4};
        check(&f, alone, r, &f.s.all, "calibration: 11 of 11 samples run: nothing is stored of this pass");
        check(&f, absmax, r, &some, "calibration: 4 of 4 samples run: absmax of layers.0.scan.x was not measured");
        check(&f, both, r, &f.s.all, "calibration: 7 of 11 samples run: absmax of layers.0.scan.x was not measured");
        check(&f, both, r, &f.s.all, ALL_REPLAYED);
        ssmq_replay_free(r);
    }
    fixture_free(&f);
}

/* ---- what is not finite ---------------------------------------------------------------- */

static void expect_not_finite(const ssmq_model *m, ssmq_backend *be, const test_step *steps, int32_t batch,
                              const ssmq_samples *all, const char *message)
{
    test_applied a = {0};
    assert_int_equal(try_to_apply(m, be, steps, NULL, batch, all, &a), SSMQ_ERR_NUMERIC);
    if (!strstr(ssmq_error_last()->message, message)) fail_msg("'%s', not '%s'", ssmq_error_last()->message, message);
    ssmq_model_free(a.m);
    ssmq_arena_free(a.arena);
}

/* By the same words whether an observer comes upon it in what it records, or it is looked for where nothing records:
 * at the embedding of a token that is in sample 4 only, and behind a convolution. */
static void test_not_finite(void **state)
{
    static const test_step *const steps[] = {an_absmax, searched, outliers, turned};
    fixture     f = fixture_new(state);
    ssmq_tensor w;
    samples_new(&f.s, f.base);
    for (int32_t i = 0; i < SAMPLES; i++)
        for (int64_t k = 0; k < LONGEST; k++) f.s.token[i][k] %= 60;
    f.s.token[4][2] = 63;
    for (int place = 0; place < 2; place++) {
        ssmq_model *m = ssmq_model_fork(f.base);
        const char *site = place == 0 ? "embedding.weight" : "layers.0.conv.weight";
        CHECK_OK(ssmq_model_writable(m, m->site[test_site(m, site)].weight, &w));
        ((float *)w.data)[place == 0 ? 63 * w.dim[1] + 1 : 3 * w.dim[w.rank - 1]] = INFINITY;
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            for (int32_t b = 0; b < f.n; b++)
                expect_not_finite(m, f.b[b].be, steps[i], 1 + (int32_t)i, &f.s.all,
                                  place == 0 ? "sample 4 (document 4): layers.0.in_proj.in is "
                                             : "sample 0 (document 0): layers.0.scan.x is ");
        ssmq_model_free(m);
    }
    fixture_free(&f);
}

/* All of it comes back out of files. */
static void test_files(void **state)
{
    fixture     f = fixture_new(state);
    const char *folder = scratch_path(f.files, "cache");
    samples_new(&f.s, f.base);
    for (int time = 0; time < 3; time++)
        for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
            ssmq_replay *r = replay_new(folder);
            test_applied anew = apply(f.base, f.be, recipes[i], NULL, 0, &f.s.all);
            test_applied again = apply(f.base, f.be, recipes[i], r, 4, &f.s.all);
            same(&anew, &again);
            for (int32_t k = 0; time > 0 && k < again.r.n_calibration; k++)
                assert_string_equal(again.r.calibration[k]->account, ALL_REPLAYED);
            test_applied_free(&anew);
            test_applied_free(&again);
            ssmq_replay_free(r);
        }
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_and_threads),
        cmocka_unit_test_setup_teardown(test_what_is_replayed, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_channels, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_room_for_channels, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_room_for_tails),
        cmocka_unit_test(test_channels_beside_tensors),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test_setup_teardown(test_files, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
