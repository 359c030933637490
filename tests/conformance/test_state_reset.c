/* States that begin anew within windows: what runs between is like windows of their own, the same bits, in
 * every mode, beside another model, and for errors at sites and real beside fake. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/run/evaluate/fake_real.h"
#include "harness/run/evaluate/float_pass.h"
#include "harness/run/evaluate/site_error.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/scratch.h"
#include "tests/support/steps.h"

#define SEED 29u
#define BACKENDS 5
#define STRETCH \
    41 /* more than two of the pieces that fake and real are held against each other in, and no multiple */
#define STRETCHES 4
#define TOKENS (STRETCH * STRETCHES)
#define CONFIG "{\"d_model\": 24, \"n_layer\": 2, \"vocab_size\": 40, \"ssm_cfg\": {\"d_state\": 5}}"

#define W &ssmq_method_weights
#define A &ssmq_method_activations
#define S &ssmq_method_state
static const test_step w8a8[] = {
    {&ssmq_method_hadamard, NULL}, {W, NULL}, {A, NULL}, {S, NULL}, {NULL, NULL}};
static const test_step dynamic[] = {{W, NULL}, {A, "{range: dynamic}"}, {NULL, NULL}};

/* Windows of some text, each of which ends with the tokens that the next begins with, `shared` of them. */
static ssmq_evaluation text_of(const scratch *s, const char *name, int64_t window, int64_t shared)
{
    int32_t  token[TOKENS + 1];
    ssmq_str text = {0};
    test_tokens(token, TOKENS + 1, 40, SEED);
    for (int64_t at = 0; at + window <= TOKENS + shared; at += window - shared)
        for (int64_t i = 0; i < window; i++)
            ssmq_str_printf(&text, "%s%d", text.length ? ", " : "[", token[at + i]);
    ssmq_str_puts(&text, "]");
    const char *file = scratch_write(s, name, ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return (ssmq_evaluation){.id = "e", .data = {.file = file, .format = SSMQ_DATA_TOKENS}, .window = window};
}

/* One window with resets; and its stretches as windows, each with the token behind it, which is predicted
 * from the last of them and runs by itself behind all that is scored. */
static ssmq_evaluation whole(const scratch *s)
{
    ssmq_evaluation e = text_of(s, "whole.json", TOKENS + 1, 1);
    e.state_reset = STRETCH;
    return e;
}

static ssmq_evaluation apart(const scratch *s)
{
    ssmq_evaluation e = text_of(s, "apart.json", STRETCH + 1, 1);
    e.state_reset = STRETCH;
    return e;
}

/* ---- perplexity ------------------------------------------------------------------------- */

typedef struct losses {
    double  nll, nll_float, kl; /* the latter two beside float */
    int64_t windows, tokens;
} losses;

/* plan NULL: float mode; beside: the float model runs too. */
static losses losses_of(const ssmq_evaluation *e, ssmq_backend *be, const ssmq_model *m,
                        const ssmq_plan *plan, ssmq_mode mode, const ssmq_model *beside)
{
    static const ssmq_compare_spec spec = {.metrics = 1u << SSMQ_METRIC_KL};
    ssmq_texts                    *texts = ssmq_texts_new(NULL, "", NULL, NULL);
    ssmq_exec                     *ex, *base = NULL;
    ssmq_ppl                       p;
    CHECK_OK(ssmq_exec_open(be, m, plan, mode, &ex));
    if (beside) CHECK_OK(ssmq_exec_open(be, beside, NULL, SSMQ_MODE_FLOAT, &base));
    const ssmq_beside with = {.m = beside, .ex = base, .spec = &spec};
    if (beside) CHECK_OK(ssmq_eval_paired(e, m, ex, &with, texts, NULL, &p));
    else CHECK_OK(ssmq_eval_ppl(e, m, ex, texts, NULL, &p));
    losses l = {.nll = p.all.nll, .windows = p.all.windows, .tokens = p.all.tokens};
    if (beside) {
        l.nll_float = l.nll - p.comparison->all.ln_ratio;
        l.kl = p.comparison->all.kl_mean;
    }
    ssmq_ppl_free(&p);
    ssmq_exec_close(base);
    ssmq_exec_close(ex);
    ssmq_texts_free(texts);
    return l;
}

/* The same losses, added up in another order: those of TOKENS tokens are within so many roundings of their
 * mean. */
static void check_close(double a, double b)
{
    if (fabs(a - b) > TOKENS * 0x1p-53 * fabs(b)) fail_msg("%.17g is not %.17g", a, b);
}

static void check_mode(const scratch *s, ssmq_backend *be, const ssmq_model *base, const ssmq_model *m,
                       const ssmq_plan *plan, ssmq_mode mode)
{
    ssmq_evaluation e = whole(s), parts = apart(s);
    for (int paired = 0; paired < 2; paired++) {
        const losses one = losses_of(&e, be, m, plan, mode, paired ? base : NULL);
        const losses many = losses_of(&parts, be, m, plan, mode, paired ? base : NULL);
        assert_true(one.windows == 1 && many.windows == STRETCHES);
        assert_true(one.tokens == TOKENS && many.tokens == TOKENS);
        check_close(one.nll, many.nll);
        check_close(one.nll_float, many.nll_float);
        if (paired) assert_true(fabs(one.kl - many.kl) <= TOKENS * 0x1p-53 * (fabs(many.kl) + many.nll));
    }
    const losses with = losses_of(&e, be, m, plan, mode, NULL);
    e.state_reset = 0;
    const losses without = losses_of(&e, be, m, plan, mode, NULL);
    assert_true(with.nll != without.nll); /* states matter */
    e.state_reset = TOKENS + 1;
    assert_true(losses_of(&e, be, m, plan, mode, NULL).nll ==
                without.nll); /* the only one is the window's own */
}

static void test_stretches_are_windows(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(CONFIG, SEED);
    for (int32_t i = 0; i < n; i++) {
        test_applied a = test_apply(m, b[i].be, w8a8, SEED), d = test_apply(m, b[i].be, dynamic, SEED);
        check_mode(*state, b[i].be, m, m, NULL, SSMQ_MODE_FLOAT);
        check_mode(*state, b[i].be, m, a.m, a.r.plan, SSMQ_MODE_FAKE);
        check_mode(*state, b[i].be, m, a.m, a.r.plan, SSMQ_MODE_REAL);
        check_mode(*state, b[i].be, m, d.m, d.r.plan, SSMQ_MODE_FAKE);
        test_applied_free(&a);
        test_applied_free(&d);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- the float model's layers, which run before ----------------------------------------- */

/* Files of windows with and without resets are not taken for each other. */
static void test_filed_layers(void **state)
{
    const scratch     *s = *state;
    ssmq_backend      *be;
    ssmq_exec         *ex;
    ssmq_model        *m = test_drawn_model(CONFIG, SEED);
    ssmq_evaluation    e = whole(s);
    ssmq_hidden_cache *c = ssmq_hidden_cache_new(scratch_path(s, "hidden"), "a model", NULL);
    ssmq_texts        *texts = ssmq_texts_new(NULL, "", NULL, NULL);
    CHECK_OK(ssmq_backend_open(ssmq_backends[0], NULL, 1, &be));
    CHECK_OK(ssmq_exec_open(be, m, NULL, SSMQ_MODE_FLOAT, &ex));
    for (int round = 0; round < 4; round++) {
        int64_t  room = 1 << 20;
        ssmq_ppl p;
        e.state_reset = round % 2 ? 0 : STRETCH;
        const ssmq_float_pass pass = {
            .e = &e, .m = m, .ex = ex, .cache = c, .piece = SSMQ_EVAL_PIECE, .texts = texts};
        CHECK_OK(ssmq_float_pass_run(&pass, &room));
        CHECK_OK(ssmq_eval_float(&e, m, ex, c, texts, NULL, &p));
        assert_true(p.all.nll == losses_of(&e, be, m, NULL, SSMQ_MODE_FLOAT, NULL).nll);
        ssmq_ppl_free(&p);
    }
    ssmq_texts_free(texts);
    ssmq_hidden_cache_free(c);
    ssmq_exec_close(ex);
    ssmq_backend_close(be);
    ssmq_model_free(m);
}

/* ---- errors at sites, real beside fake --------------------------------------------------- */

static ssmq_site_errors *errors_of(const ssmq_evaluation *e, ssmq_backend *be, const test_applied *a)
{
    static const ssmq_compare_spec everything = {.metrics = ~0u, .inputs = (1u << SSMQ_INPUTS) - 1};
    ssmq_texts                    *texts = ssmq_texts_new(NULL, "", NULL, NULL);
    const ssmq_site_error_request  r = {
         .spec = &everything, .evaluation = e, .model = a->m, .plan = a->r.plan, .be = be, .texts = texts};
    ssmq_site_errors *out = NULL;
    CHECK_OK(ssmq_site_errors_run(&r, &out));
    ssmq_texts_free(texts);
    return out;
}

static void check_errors(const scratch *s, ssmq_backend *be, const test_applied *a)
{
    ssmq_evaluation e = text_of(s, "one.json", TOKENS, 0), parts = text_of(s, "parts.json", STRETCH, 0);
    e.state_reset = STRETCH;
    ssmq_site_errors *one = errors_of(&e, be, a), *many = errors_of(&parts, be, a);
    assert_true(one->windows == 1 && many->windows == STRETCHES && one->tokens == many->tokens);
    for (int k = 0; k < SSMQ_INPUTS; k++)
        for (int32_t i = 0; i < a->m->n_site; i++) {
            const ssmq_error_sums *x = &one->at[k][i], *y = &many->at[k][i];
            assert_true(x->n_values == y->n_values && x->n_clipped == y->n_clipped && x->most == y->most);
            assert_true(x->square_error == y->square_error && x->product == y->product);
        }
    ssmq_site_errors_free(one);
    ssmq_site_errors_free(many);
}

static ssmq_fake_real *held(const ssmq_evaluation *e, ssmq_backend *be, const test_applied *a,
                            const ssmq_plan *fake, int64_t room)
{
    ssmq_texts                  *texts = ssmq_texts_new(NULL, "", NULL, NULL);
    const ssmq_fake_real_request r = {.evaluation = e,
                                      .model = a->m,
                                      .plan = a->r.plan,
                                      .fake = fake,
                                      .be = be,
                                      .texts = texts,
                                      .seed = SEED,
                                      .room = room};
    ssmq_fake_real              *out = NULL;
    CHECK_OK(ssmq_fake_real_run(&r, &out));
    ssmq_texts_free(texts);
    return out;
}

/* The last token of a window has no logits, which only the head sees.  room 1: pieces of 16 tokens. */
static void check_fake_real(const scratch *s, ssmq_backend *be, const test_applied *a, int64_t room)
{
    bool all[64];
    assert_true(a->m->n_site <= 64);
    memset(all, true, sizeof all);
    ssmq_plan      *fake = ssmq_plan_masked(a->r.plan, all);
    ssmq_evaluation e = text_of(s, "one.json", TOKENS, 0), parts = text_of(s, "parts.json", STRETCH, 0);
    fake->at[test_site(a->m, "layers.0.scan.dt")].spec.rounding = SSMQ_ROUNDING_TRUNCATE;
    e.state_reset = STRETCH;
    ssmq_fake_real *one = held(&e, be, a, fake, room), *many = held(&parts, be, a, fake, room);
    assert_true(one->windows == 1 && many->windows == STRETCHES && one->first == many->first &&
                one->first >= 0);
    for (int32_t i = 0; i < a->m->n_site; i++)
        if (a->m->site[i].layer >= 0)
            assert_memory_equal(&one->at[i].count, &many->at[i].count, sizeof one->at[i].count);
    assert_true(one->at[test_site(a->m, "layers.1.out_proj.in")].count.n_carried > 0);
    ssmq_fake_real_free(one);
    ssmq_fake_real_free(many);
    ssmq_plan_free(fake);
}

static void test_what_looks_inside(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(CONFIG, SEED);
    for (int32_t i = 0; i < n; i++) {
        test_applied a = test_apply(m, b[i].be, w8a8, SEED);
        check_errors(*state, b[i].be, &a);
        for (int64_t room = 0; room < 2; room++) check_fake_real(*state, b[i].be, &a, room);
        test_applied_free(&a);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stretches_are_windows, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_filed_layers, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_what_looks_inside, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
