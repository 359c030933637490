/* Real mode held against fake: nothing differs under one plan; what does differ under two is found,
 * counted and explained. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/evaluate/fake_real.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/scratch.h"
#include "tests/support/steps.h"

#define SEED 23u
#define BACKENDS 4
#define WINDOW 41
#define WINDOWS 3
#define CONFIG \
    "{\"d_model\": 24, \"n_layer\": 2, \"vocab_size\": 40, \"ssm_cfg\": {\"d_state\": 5}}"

#define W &ssmq_method_weights
#define A &ssmq_method_activations
static const test_step w8a8[] = {
    {&ssmq_method_hadamard, NULL}, {W, NULL},   {A, NULL}, {A, "{sites: head.in}"},
    {W, "{sites: head.weight}"},   {NULL, NULL}};

static ssmq_evaluation write_text(const scratch *s, const ssmq_model *m)
{
    int32_t  token[WINDOW * WINDOWS];
    ssmq_str text = {0};
    test_tokens(token, WINDOW * WINDOWS, m->vocabulary, SEED);
    for (int i = 0; i < WINDOW * WINDOWS; i++)
        ssmq_str_printf(&text, "%s%d", i ? ", " : "[", token[i]);
    ssmq_str_puts(&text, "]");
    const char *file = scratch_write(s, "text.json", ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return (ssmq_evaluation){
        .id = "e", .data = {.file = file, .format = SSMQ_DATA_TOKENS}, .window = WINDOW};
}

/* fake: the plan of fake mode, NULL: that of real mode. */
static ssmq_fake_real *hold_in(const scratch *s, ssmq_backend *be, const test_applied *a,
                               const ssmq_plan *fake, int64_t room, ssmq_dialect dialect)
{
    ssmq_evaluation              e = write_text(s, a->m);
    ssmq_texts                  *texts = ssmq_texts_new(NULL, "", NULL, NULL);
    const ssmq_fake_real_request r = {.evaluation = &e,
                                      .model = a->m,
                                      .plan = a->r.plan,
                                      .fake = fake,
                                      .be = be,
                                      .texts = texts,
                                      .seed = SEED,
                                      .room = room};
    ssmq_fake_real              *out = NULL;
    e.dialect = (int)dialect;
    CHECK_OK(ssmq_fake_real_run(&r, &out));
    ssmq_texts_free(texts);
    assert_int_equal(out->windows, WINDOWS);
    return out;
}

static ssmq_fake_real *hold(const scratch *s, ssmq_backend *be, const test_applied *a,
                            const ssmq_plan *fake, int64_t room)
{
    return hold_in(s, be, a, fake, room, SSMQ_DIALECT_GPTQ);
}

/* The plan with all its sites, to be changed: tensors are lent. */
static ssmq_plan *copy_of(const test_applied *a)
{
    bool all[64];
    assert_true(a->m->n_site <= 64);
    memset(all, true, sizeof all);
    return ssmq_plan_masked(a->r.plan, all);
}

static const ssmq_fake_real_site *at(const ssmq_fake_real *f, const char *site)
{
    return &f->at[test_site(f->model, site)];
}

/* ---- nothing differs ------------------------------------------------------------------- */

static void one_plan_gives_the_same_codes(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(CONFIG, SEED);
    for (int32_t i = 0; i < n; i++) {
        test_applied    a = test_apply(m, b[i].be, w8a8, SEED);
        ssmq_fake_real *f = hold(*state, b[i].be, &a, NULL, 0);
        assert_int_equal(f->first, -1);
        assert_true(f->ln_ratio == 0 && f->kl_mean == 0 && f->nll_fake == f->nll_real);
        for (int32_t k = 0; k < m->n_site; k++) {
            const ssmq_site *s = &m->site[k];
            const int64_t tokens = WINDOWS * (WINDOW - (s->layer < 0)); /* the last has no logits */
            const bool    weight = s->kind != SSMQ_SITE_ACTIVATION;
            assert_int_equal(f->at[k].count.n_values, weight ? 0 : tokens * s->width);
            assert_true(f->at[k].count.n_differ == 0 && f->at[k].count.n_inexact == 0);
        }
        ssmq_fake_real_free(f);
        test_applied_free(&a);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- what differs ---------------------------------------------------------------------- */

static void check_counts(const ssmq_fake_real *f)
{
    for (int32_t k = 0; k < f->model->n_site; k++) {
        const ssmq_difference_counts *c = &f->at[k].count;
        assert_int_equal(c->n_saturated + c->n_scale + c->n_tie + c->n_summation + c->n_carried,
                         c->n_differ);
        assert_true(c->n_differ <= c->n_values && (c->max_differ > 0) == (c->n_differ > 0));
    }
}

/* A site of real mode is changed: the first to differ, for the reason that it has; what lies before
 * it is the same, what lies behind it carries on. */
static void check_change(const scratch *s, ssmq_backend *be, const test_applied *a,
                         const ssmq_plan *fake, const char *site, ssmq_differ_cause cause)
{
    ssmq_fake_real *f = hold(s, be, a, fake, 0);
    const int32_t   changed = test_site(f->model, site);
    assert_string_equal(f->model->site[f->first].name, site);
    assert_int_equal(f->at[changed].first.cause, cause);
    assert_true(f->at[changed].first.window == 0 &&
                f->at[changed].first.fake != f->at[changed].first.real);
    for (int32_t k = 0; k < changed; k++) assert_int_equal(f->at[k].count.n_inexact, 0);
    assert_true(at(f, "layers.1.out_proj.in")->count.n_carried > 0);
    assert_true(f->kl_mean > 0 && f->ln_ratio != 0);
    check_counts(f);
    ssmq_fake_real *pieces = hold(s, be, a, fake, 1); /* in pieces of 16 tokens: the same figures */
    for (int32_t k = 0; k < f->model->n_site; k++)
        assert_memory_equal(&f->at[k], &pieces->at[k], sizeof f->at[k]);
    ssmq_fake_real_free(pieces);
    ssmq_fake_real_free(f);
}

/* A model under W8A8, and the plan of fake mode, to be changed. */
typedef struct pair {
    test_backend  b[BACKENDS];
    int32_t       n;
    ssmq_backend *be; /* the last of them */
    ssmq_model   *m;
    test_applied  a;
    ssmq_plan    *fake;
} pair;

static pair prepare(void)
{
    pair p;
    p.n = test_backends_open(p.b, BACKENDS, 1);
    p.be = p.b[p.n - 1].be;
    p.m = test_drawn_model(CONFIG, SEED);
    p.a = test_apply(p.m, p.be, w8a8, SEED);
    p.fake = copy_of(&p.a);
    return p;
}

static void release(pair *p)
{
    ssmq_plan_free(p->fake);
    test_applied_free(&p->a);
    ssmq_model_free(p->m);
    test_backends_close(p->b, p->n);
}

static void another_scale_is_named(void **state)
{
    pair p = prepare();
    float         scale =
        *(const float *)p.a.r.plan->at[test_site(p.m, "layers.0.conv.in")].params.scale.data * 1.5f;
    p.fake->at[test_site(p.m, "layers.0.conv.in")].params.scale =
        ssmq_tensor_of(&scale, SSMQ_F32, 0, NULL);
    check_change(*state, p.be, &p.a, p.fake, "layers.0.conv.in", SSMQ_DIFFER_scale);
    release(&p);
}

/* Rounding to nothing moves half of all codes by one, though the values are the same. */
static void rounding_is_named(void **state)
{
    pair p = prepare();
    const int32_t site = test_site(p.m, "layers.1.scan.dt");
    p.fake->at[site].spec.rounding = SSMQ_ROUNDING_TRUNCATE;
    ssmq_fake_real *f = hold(*state, p.be, &p.a, p.fake, 0);
    assert_int_equal(f->first, site);
    assert_int_equal(f->at[site].count.n_tie, f->at[site].count.n_differ);
    assert_int_equal(f->at[site].count.max_differ, 1);
    assert_int_equal(f->at[site].count.n_inexact, 0);
    check_counts(f);
    ssmq_fake_real_free(f);
    release(&p);
}

/* Sums in another order are some units in the last place apart; here all values of a site are, by a factor next to 1, so
 * that codes differ where a value is next to half-way between two. */
static void last_bits_are_named(void **state)
{
    pair p = prepare();
    const int32_t site = test_site(p.m, "layers.0.in_proj.in");
    float         factor[64];
    assert_true(p.m->site[site].width <= 64);
    for (int64_t i = 0; i < p.m->site[site].width; i++) factor[i] = 1 + 0.9f * SSMQ_FAKE_REAL_LAST_BITS;
    p.fake->at[site].divide = p.fake->at[site].inverse = ssmq_tensor_of(factor, SSMQ_F32, 1, &p.m->site[site].width);
    ssmq_fake_real *f = hold(*state, p.be, &p.a, p.fake, 0);
    assert_int_equal(f->first, site);
    assert_int_equal(f->at[site].first.cause, SSMQ_DIFFER_summation);
    assert_int_equal(f->at[site].count.n_summation + f->at[site].count.n_saturated, f->at[site].count.n_differ);
    assert_int_equal(f->at[site].count.max_differ, 1);
    check_counts(f);
    ssmq_fake_real_free(f);
    release(&p);
}

/* The head sees tokens whose targets are scored, in the second half of each window; about half of the first one's codes
 * differ. */
static void a_window_that_is_half_scored(void **state)
{
    pair p = prepare();
    const int32_t site = test_site(p.m, "head.in");
    p.fake->at[site].spec.rounding = SSMQ_ROUNDING_TRUNCATE;
    for (int64_t room = 0; room < 2; room++) { /* whole, and in pieces of 16 tokens */
        ssmq_fake_real *f = hold_in(*state, p.be, &p.a, p.fake, room, SSMQ_DIALECT_LLAMA_CPP);
        assert_int_equal(f->first, site);
        assert_int_equal(f->at[site].first.window, 0);
        assert_int_equal(f->at[site].first.token, WINDOW / 2);
        assert_int_equal(f->at[site].count.n_values, WINDOWS * (WINDOW - 1 - WINDOW / 2) * p.m->site[site].width);
        check_counts(f);
        ssmq_fake_real_free(f);
    }
    release(&p);
}

/* Fewer bits in one mode: the codes of large values are clamped there. */
static void saturation_is_named(void **state)
{
    pair p = prepare();
    p.fake->at[test_site(p.m, "layers.0.scan.x")].spec.bits = 7;
    check_change(*state, p.be, &p.a, p.fake, "layers.0.scan.x", SSMQ_DIFFER_saturated);
    release(&p);
}

/* ---- departures of the original kernels -------------------------------------------------- */

#define D &ssmq_method_departures
static const struct {
    const char       *option, *first; /* the first site that it changes */
    ssmq_differ_cause cause;
} departures[] = {
    {"shared_xz", "layers.0.gate.z", SSMQ_DIFFER_scale}, /* conv.in has the larger one */
    {"shared_dt_bc", "layers.0.dt_proj.in", SSMQ_DIFFER_scale},
    {"int8_biases", "layers.0.scan.x", SSMQ_DIFFER_carried},
    {"f16_residual", "layers.0.in_proj.in", SSMQ_DIFFER_carried},
    {"no_clamp", "layers.0.out_proj.in", SSMQ_DIFFER_saturated},
};

static float *logits_of(ssmq_backend *be, const test_applied *a, ssmq_mode mode)
{
    int32_t token[WINDOW];
    test_tokens(token, WINDOW, a->m->vocabulary, SEED);
    return test_logits_in(be, a->m, a->r.plan, mode, token, 1, WINDOW, 13);
}

/* W8A8 with a departure; option NULL: without. */
static test_applied apply_departure(const ssmq_model *m, ssmq_backend *be, const char *option,
                                    const char *modes)
{
    char text[80];
    snprintf(text, sizeof text, "{%s: true, modes: %s}", option ? option : "", modes);
    const test_step steps[] = {{&ssmq_method_hadamard, NULL},
                               {W, NULL},
                               {A, NULL},
                               {A, "{sites: 'layers.*.out_proj.in', clip_ratio: 0.5}"},
                               {option ? D : NULL, text},
                               {NULL, NULL}};
    return test_apply(m, be, steps, SEED);
}

/* Both modes carry it out with the same bits, or real mode alone does. */
static void check_departure(ssmq_backend *be, const ssmq_model *m, const char *option)
{
    test_applied plain = apply_departure(m, be, NULL, ""),
                 both = apply_departure(m, be, option, "both");
    test_applied real = apply_departure(m, be, option, "real");
    const size_t bytes = (size_t)(WINDOW * m->vocabulary) * sizeof(float);
    float       *without = logits_of(be, &plain, SSMQ_MODE_REAL),
          *in_fake = logits_of(be, &both, SSMQ_MODE_FAKE);
    float *in_both = logits_of(be, &both, SSMQ_MODE_REAL),
          *in_real = logits_of(be, &real, SSMQ_MODE_REAL);
    float *fake = logits_of(be, &real, SSMQ_MODE_FAKE);
    test_applied ran = {.m = real.m, .r = {.plan = ssmq_plan_in_mode(real.r.plan, false)}};
    float       *of_ran = logits_of(be, &ran, SSMQ_MODE_FAKE); /* what ran departs no more */
    assert_memory_equal(in_fake, in_both, bytes);
    assert_memory_equal(in_real, in_both, bytes);
    assert_memory_equal(fake, without, bytes);
    assert_memory_equal(of_ran, without, bytes);
    if (memcmp(in_both, without, bytes) == 0) fail_msg("%s changes nothing", option);
    float *all[] = {without, in_fake, in_both, in_real, fake, of_ran};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    ssmq_plan_free(ran.r.plan);
    test_applied_free(&plain);
    test_applied_free(&both);
    test_applied_free(&real);
}

static void departures_are_the_same_in_both_modes(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(CONFIG, SEED);
    (void)state;
    for (int32_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof departures / sizeof *departures; k++)
            check_departure(b[i].be, m, departures[k].option);
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* The departures numbered i and j: each a step of its own, or both in one. */
static float *two_departures(const ssmq_model *m, ssmq_backend *be, size_t i, size_t j, bool apart)
{
    char first[80], second[80], both[80];
    snprintf(first, sizeof first, "{%s: true}", departures[i].option);
    snprintf(second, sizeof second, "{%s: true}", departures[j].option);
    snprintf(both, sizeof both, "{%s: true, %s: true}", departures[i].option, departures[j].option);
    const test_step steps[] = {
        {&ssmq_method_hadamard, NULL}, {W, NULL},   {A, NULL}, {D, apart ? first : both},
        {apart ? D : NULL, second},    {NULL, NULL}};
    test_applied a = test_apply(m, be, steps, SEED);
    float       *logits = logits_of(be, &a, SSMQ_MODE_FAKE);
    test_applied_free(&a);
    return logits;
}

static void departures_add_up(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    const size_t  all = sizeof departures / sizeof *departures;
    ssmq_model   *m = test_drawn_model(CONFIG, SEED);
    (void)state;
    for (size_t i = 0; i < all * all; i++) {
        if (i / all == i % all) continue;
        float *one = two_departures(m, b[n - 1].be, i / all, i % all, false),
              *two = two_departures(m, b[n - 1].be, i / all, i % all, true);
        if (memcmp(one, two, (size_t)(WINDOW * m->vocabulary) * sizeof *one) != 0)
            fail_msg("%s and then %s", departures[i / all].option, departures[i % all].option);
        free(one);
        free(two);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

static void departures_are_found_and_named(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(CONFIG, SEED);
    for (size_t k = 0; k < sizeof departures / sizeof *departures; k++) {
        test_applied a = apply_departure(m, b[n - 1].be, departures[k].option, "real");
        check_change(*state, b[n - 1].be, &a, NULL, departures[k].first, departures[k].cause);
        test_applied_free(&a);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

static void departures_that_cannot_be_are_refused(void **state)
{
    static const struct {
        test_step   step[5];
        const char *message;
    } cases[] = {
        {{{D, "{shared_xz: true}"}},
         "departures: layers.0.conv.in has no static symmetric scale of its own to share before "
         "this step"},
        {{{A, NULL}, {A, "{sites: '**.scan.B', bits: 6}"}, {D, "{shared_dt_bc: true}"}},
         "departures: layers.0.scan.B has another number of bits than layers.0.dt_proj.in"},
        {{{D, "{modes: real}"},
          {D, "{f16_residual: true}"},
          {D, "{}"},
          {D, "{int8_biases: true, modes: real}"}},
         "departures: modes is real here and both in an earlier step; it is the same for all"},
        {{{A, NULL}, {D, "{no_clamp: true}"}},
         "departures: no_clamp is about codes behind a Hadamard transform; no site has both before "
         "this step"},
    };
    ssmq_model *m = test_drawn_model(CONFIG, SEED);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        test_refused(m, cases[i].step, SSMQ_ERR_CONFIG, cases[i].message);
    ssmq_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_plan_gives_the_same_codes, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(another_scale_is_named, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(rounding_is_named, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(last_bits_are_named, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_window_that_is_half_scored, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(saturation_is_named, scratch_setup, scratch_teardown),
        cmocka_unit_test(departures_are_the_same_in_both_modes),
        cmocka_unit_test(departures_add_up),
        cmocka_unit_test_setup_teardown(departures_are_found_and_named, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(departures_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
