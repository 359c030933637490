/* Errors at sites: against the same figures worked out from tensors that were recorded whole, in every
 * basis, on every backend; what does not change them; and what identities say. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/evaluate/site_error.h"
#include "harness/tensor/hadamard.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/scratch.h"
#include "tests/support/steps.h"

#define SEED 11u
#define BACKENDS 4
#define WINDOW 66 /* bins of 2 tokens */
#define WINDOWS 2
#define CONFIG                                                                                \
    "{\"d_model\": 24, \"n_layer\": 2, \"vocab_size\": 40, \"ssm_cfg\": {\"d_state\": 5}}"

/* Rounding of a sum of n terms is at most n 2^-53 of the sum of magnitudes; n is below 2 * 10^5 here, and
 * figures are of a few such sums. */
#define SUM_BOUND 1e-10

/* ---- a text ---------------------------------------------------------------------------- */

static void draw_tokens(const ssmq_model *m, int32_t *token)
{
    ssmq_rng rng;
    ssmq_rng_init(&rng, SEED, "text");
    for (int i = 0; i < WINDOW * WINDOWS; i++)
        token[i] = (int32_t)ssmq_rng_below(&rng, (uint64_t)m->vocabulary);
}

/* The tokens as a file, and an evaluation of it. */
static ssmq_evaluation write_text(const scratch *s, const ssmq_model *m)
{
    int32_t  token[WINDOW * WINDOWS];
    ssmq_str text = {0};
    draw_tokens(m, token);
    for (int i = 0; i < WINDOW * WINDOWS; i++)
        ssmq_str_printf(&text, "%s%d", i ? ", " : "[", token[i]);
    ssmq_str_puts(&text, "]");
    const char *file = scratch_write(s, "text.json", ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return (ssmq_evaluation){.id = "e", .data = {.file = file, .format = SSMQ_DATA_TOKENS}, .window = WINDOW};
}

static const ssmq_compare_spec everything = {.metrics = ~0u, .inputs = (1u << SSMQ_INPUTS) - 1};

static ssmq_site_errors *measure(const scratch *s, ssmq_backend *be, const test_applied *a, int64_t room)
{
    const ssmq_evaluation         e = write_text(s, a->m);
    ssmq_texts                   *texts = ssmq_texts_new(NULL, "", NULL, NULL);
    const ssmq_site_error_request r = {.spec = &everything,
                                       .evaluation = &e,
                                       .model = a->m,
                                       .plan = a->r.plan,
                                       .be = be,
                                       .texts = texts,
                                       .room = room};
    ssmq_site_errors             *out = NULL;
    CHECK_OK(ssmq_site_errors_run(&r, &out));
    assert_int_equal(out->windows, WINDOWS);
    ssmq_texts_free(texts);
    return out;
}

/* ---- the same from recorded tensors ---------------------------------------------------- */

typedef struct recorder {
    const ssmq_model *m;
    const ssmq_plan  *plan;
    float           **seen; /* [n_site][WINDOW * width]; states token by token */
    int64_t           filled[64];
} recorder;

static int64_t width_of(const ssmq_site *s)
{
    return s->width * (s->kind == SSMQ_SITE_STATE ? s->rows : 1);
}

static ssmq_status record(void *context, int32_t site, const ssmq_tensor *x)
{
    recorder         *r = context;
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    for (int64_t i = 0; i < rows.dim[0]; i++) {
        memcpy(r->seen[site] + r->filled[site], (const float *)rows.data + i * rows.stride[0],
               (size_t)rows.dim[1] * sizeof(float));
        r->filled[site] += rows.dim[1];
    }
    return SSMQ_OK;
}

static bool wants(void *context, int32_t site)
{
    return ((const recorder *)context)->plan->at[site].spec.bits > 0;
}

/* All tensors of a window, under a plan; states where full quantises them. */
static recorder record_window(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan,
                              const ssmq_plan *full, const int32_t *token)
{
    recorder    r = {.m = m, .plan = full};
    ssmq_exec  *ex;
    void       *state = NULL;
    ssmq_tensor hidden, logits;
    assert_true(m->n_site <= 64);
    r.seen = calloc((size_t)m->n_site, sizeof *r.seen);
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].kind != SSMQ_SITE_WEIGHT)
            r.seen[i] = calloc((size_t)(WINDOW * width_of(&m->site[i])), sizeof **r.seen);
    CHECK_OK(ssmq_exec_open(be, m, plan, SSMQ_MODE_FAKE, &ex));
    ssmq_exec_probe(ex, (ssmq_probe){.see = record, .context = &r, .wants = wants});
    CHECK_OK(m->family->state_new(m, ex, 1, &state));
    CHECK_OK(m->family->forward(m, ex, &(ssmq_batch){token, 1, WINDOW}, state, &hidden));
    CHECK_OK(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_LOGITS, 2, (const int64_t[]){WINDOW, m->vocabulary},
                               &logits));
    ssmq_tensor rows = ssmq_tensor_rows(&hidden);
    CHECK_OK(m->family->head(m, ex, &rows, &logits));
    m->family->state_free(m, ex, state);
    ssmq_exec_close(ex);
    return r;
}

static void recorder_free(recorder *r)
{
    for (int32_t i = 0; i < r->m->n_site; i++) free(r->seen[i]);
    free(r->seen);
}

/* The scale of element i of a tensor whose rows have width elements. */
static float scale_of(const ssmq_assignment *a, const ssmq_site *s, int64_t i, const float *token)
{
    const float *scale = a->params.scale.data;
    if (a->spec.dynamic) { /* of the token that i is in, symmetric */
        float most = 0;
        for (int64_t c = 0; c < s->width; c++) most = fmaxf(most, fabsf(token[c]));
        return most * a->clip_ratio / (float)ssmq_code_max(&a->spec);
    }
    if (a->spec.scope == SSMQ_SCOPE_TENSOR) return scale[0];
    if (s->kind == SSMQ_SITE_STATE) return scale[i % width_of(s) / s->width];
    if (a->spec.scope == SSMQ_SCOPE_GROUP)
        return scale[i / s->width * (s->width / a->spec.group) + i % s->width / a->spec.group];
    return s->kind == SSMQ_SITE_WEIGHT ? scale[i / s->width] : scale[i % s->width];
}

/* What the tests here use: integers, half to even, no zero point. */
static float coded(const ssmq_assignment *a, float x, float scale, bool *clipped)
{
    const float limit = (float)ssmq_code_max(&a->spec), q = rintf(x / scale);
    *clipped = q > limit || q < -limit - 1;
    return scale * fminf(fmaxf(q, -limit - 1), limit);
}

typedef struct direct {
    long double error, square, reference, value, product, most;
    long double token_error[SSMQ_ERROR_BINS], token_reference[SSMQ_ERROR_BINS];
    int64_t     n, clipped;
} direct;

/* n values from the token `first` on; reference against x, coded where a site is quantised. */
static void add_direct(direct *d, const ssmq_assignment *a, const ssmq_site *s, const float *reference,
                       const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        bool  clipped = false;
        float y = x[i];
        if (a->spec.bits) y = coded(a, y, scale_of(a, s, i, x + i / s->width * s->width), &clipped);
        const long double e = (long double)y - (long double)reference[i];
        d->n++;
        d->clipped += clipped;
        d->error += e;
        d->square += e * e;
        d->reference += (long double)reference[i] * (long double)reference[i];
        d->value += (long double)y * (long double)y;
        d->product += (long double)reference[i] * (long double)y;
        d->most = fmaxl(d->most, fabsl(e));
        if (s->kind == SSMQ_SITE_WEIGHT) continue;
        d->token_error[i / width_of(s) / 2] += e * e;
        d->token_reference[i / width_of(s) / 2] += (long double)reference[i] * (long double)reference[i];
    }
}

static void near_to(const char *site, const char *what, double got, long double want, long double size)
{
    if (!(fabsl((long double)got - want) <= (long double)SUM_BOUND * size))
        fail_msg("%s, %s: %.17g, not %.17Lg", site, what, got, want);
}

static void check_sums(const ssmq_site *s, const ssmq_error_sums *got, const direct *d)
{
    assert_int_equal(got->n_values, d->n);
    if (got->n_clipped != d->clipped)
        fail_msg("%s: %d clipped, not %d", s->name, (int)got->n_clipped, (int)d->clipped);
    if (d->n == 0) return;
    const ssmq_error_figures f = ssmq_error_figures_of(got);
    const long double        n = (long double)d->n, rms = sqrtl(d->square / n);
    near_to(s->name, "mse", f.mse, d->square / n, d->square / n);
    near_to(s->name, "bias", f.bias, d->error / n, rms);
    near_to(s->name, "max_err", f.max_err, d->most, d->most);
    near_to(s->name, "cosine", f.cosine, d->product / sqrtl(d->reference * d->value), 1);
    near_to(s->name, "rel_l2", f.rel_l2, sqrtl(d->square / d->reference), 1);
    near_to(s->name, "sqnr_db", f.sqnr_db, 10 * log10l(d->reference / d->square), 100);
    near_to(s->name, "clip_rate", f.clip_rate, (long double)d->clipped / n, 1);
    for (int b = 0; b < WINDOW / 2 && s->kind != SSMQ_SITE_WEIGHT; b++) {
        near_to(s->name, "token_error", got->token_error[b], d->token_error[b], d->square);
        near_to(s->name, "token_reference", got->token_reference[b], d->token_reference[b], d->reference);
    }
}

static void check_weights(const test_applied *a, const ssmq_site_errors *e)
{
    for (int32_t i = 0; i < a->m->n_site; i++) {
        const ssmq_site *s = &a->m->site[i];
        direct           d = {0};
        if (s->kind != SSMQ_SITE_WEIGHT) continue;
        const ssmq_tensor *w = &a->m->weight[s->weight].value;
        if (a->r.plan->at[i].spec.bits)
            add_direct(&d, &a->r.plan->at[i], s, w->data, w->data, ssmq_tensor_count(w));
        check_sums(s, &e->at[SSMQ_INPUT_CLEAN][i], &d);
        assert_int_equal(e->at[SSMQ_INPUT_PROPAGATED][i].n_values, 0);
    }
}

static void check_all(const scratch *s, ssmq_backend *be, const test_applied *a)
{
    const ssmq_model *m = a->m;
    int32_t           token[WINDOW * WINDOWS];
    bool             *none = calloc((size_t)m->n_site, sizeof *none);
    ssmq_plan        *reference = ssmq_plan_masked(a->r.plan, none);
    direct           *d = calloc((size_t)(2 * m->n_site), sizeof *d);
    ssmq_site_errors *e = measure(s, be, a, 0);
    draw_tokens(m, token);
    for (int w = 0; w < WINDOWS; w++) {
        recorder x = record_window(be, m, reference, a->r.plan, token + w * WINDOW);
        recorder y = record_window(be, m, a->r.plan, a->r.plan, token + w * WINDOW);
        for (int32_t i = 0; i < m->n_site; i++) {
            const ssmq_assignment *at = &a->r.plan->at[i];
            const int64_t          n = WINDOW * width_of(&m->site[i]);
            if (!x.seen[i] || (m->site[i].kind == SSMQ_SITE_STATE && !at->spec.bits)) continue;
            if (at->spec.bits) add_direct(&d[2 * i], at, &m->site[i], x.seen[i], x.seen[i], n);
            add_direct(&d[2 * i + 1], at, &m->site[i], x.seen[i], y.seen[i], n);
        }
        recorder_free(&x);
        recorder_free(&y);
    }
    for (int32_t i = 0; i < m->n_site; i++)
        for (int k = 0; k < 2 && m->site[i].kind != SSMQ_SITE_WEIGHT; k++)
            check_sums(&m->site[i], &e->at[k][i], &d[2 * i + k]);
    check_weights(a, e);
    ssmq_site_errors_free(e);
    ssmq_plan_free(reference);
    free(none);
    free(d);
}

/* ---- tests ----------------------------------------------------------------------------- */

#define CLIPPING "{bits: 5, observer: {statistic: quantile, p: 90, across: max}}"

static const test_step plain[] = {{&ssmq_method_weights, "{bits: 4, scope: channel}"},
                                  {&ssmq_method_activations, CLIPPING},
                                  {&ssmq_method_state, "{scope: channel, bits: 6}"},
                                  {0}};
static const test_step turned[] = {{&ssmq_method_rotate_residual, "{signs: random}"},
                                   {&ssmq_method_smoothquant, NULL},
                                   {&ssmq_method_hadamard, "{signs: random}"},
                                   {&ssmq_method_weights, "{bits: 8, sites: '**'}"},
                                   {&ssmq_method_weights, "{bits: 4, scope: group, group: 2, sites: "
                                                          "'layers.*.{in,dt,out}_proj.weight'}"},
                                   {&ssmq_method_activations, CLIPPING},
                                   {&ssmq_method_activations, "{sites: head.in, bits: 4}"},
                                   {0}};
static const test_step by_token[] = {
    {&ssmq_method_activations, "{bits: 6, range: dynamic, scope: token, clip_ratio: 0.5}"}, {0}};
static const test_step whole[] = {{&ssmq_method_activations, "{bits: 8, range: dynamic}"}, {0}};

static void test_direct(void **state)
{
    static const test_step *const recipes[] = {plain, turned, by_token};
    test_backend                  b[BACKENDS];
    const int32_t                 n = test_backends_open(b, BACKENDS, 2);
    ssmq_model                   *base = test_drawn_model(CONFIG, SEED);
    for (int32_t i = 0; i < n; i += n - 1) /* the reference and the widest tier */
        for (int k = 0; k < 3; k++) {
            test_applied a = test_apply(base, b[i].be, recipes[k], SEED);
            check_all(*state, b[i].be, &a);
            test_applied_free(&a);
        }
    ssmq_model_free(base);
    test_backends_close(b, n);
}

static void same_bits(const ssmq_site_errors *a, const ssmq_site_errors *b)
{
    for (int32_t i = 0; i < a->model->n_site; i++)
        for (int k = 0; k < SSMQ_INPUTS; k++) {
            ssmq_error_sums x = a->at[k][i], y = b->at[k][i];
            const size_t bytes = (size_t)a->bins * sizeof(double);
            if (x.n_values > 0 && x.token_error) {
                assert_memory_equal(x.token_error, y.token_error, bytes);
                assert_memory_equal(x.token_reference, y.token_reference, bytes);
            }
            x.token_error = y.token_error = x.token_reference = y.token_reference = NULL;
            assert_memory_equal(&x, &y, sizeof x);
        }
}

/* Threads, and the room for tensors, which decides how a text is cut and in how many passes it is seen. */
static void test_unchanging(void **state)
{
    static const test_step *const recipes[] = {plain, turned, whole};
    ssmq_model                   *base = test_drawn_model(CONFIG, SEED);
    for (int k = 0; k < 3; k++) {
        ssmq_site_errors *first = NULL;
        test_applied      of_first = {0};
        for (int32_t threads = 1; threads <= 3; threads++) {
            test_backend  b[BACKENDS];
            const int32_t n = test_backends_open(b, BACKENDS, threads);
            test_applied  a = test_apply(base, b[n - 1].be, recipes[k], SEED);
            /* 1: a site at a time; 100000: some sites, or pieces of some tokens. */
            ssmq_site_errors *e = measure(*state, b[n - 1].be, &a, threads == 2 ? 1 : threads == 3 ? 100000 : 0);
            if (first) same_bits(first, e);
            if (first) ssmq_site_errors_free(e);
            else first = e;
            if (threads == 1) of_first = a;
            else test_applied_free(&a);
            test_backends_close(b, n);
        }
        ssmq_site_errors_free(first);
        test_applied_free(&of_first);
    }
    ssmq_model_free(base);
}

/* Nothing is quantised: nothing differs, in any figure. */
static void test_nothing(void **state)
{
    static const test_step steps[] = {{&ssmq_method_weights, "{bits: off}"}, {0}};
    test_backend           b[BACKENDS];
    const int32_t          n = test_backends_open(b, BACKENDS, 2);
    ssmq_model            *base = test_drawn_model(CONFIG, SEED);
    test_applied           a = test_apply(base, b[n - 1].be, steps, SEED);
    ssmq_site_errors      *e = measure(*state, b[n - 1].be, &a, 0);
    int                    seen = 0;
    for (int32_t i = 0; i < a.m->n_site; i++) {
        const ssmq_error_sums *s = &e->at[SSMQ_INPUT_PROPAGATED][i];
        assert_int_equal(e->at[SSMQ_INPUT_CLEAN][i].n_values, 0);
        assert_true((s->n_values > 0) == (a.m->site[i].kind == SSMQ_SITE_ACTIVATION));
        if (s->n_values == 0) continue;
        const ssmq_error_figures f = ssmq_error_figures_of(s);
        assert_true(f.mse == 0 && f.rel_l2 == 0 && f.max_err == 0 && f.bias == 0 && f.clip_rate == 0);
        assert_true(isinf(f.sqnr_db) && f.sqnr_db > 0 && f.cosine == 1);
        seen++;
    }
    assert_int_equal(seen, 9 * 2 + 1);
    ssmq_site_errors_free(e);
    test_applied_free(&a);
    ssmq_model_free(base);
    test_backends_close(b, n);
}

/* 16 bits with the range of each row: a step is s = 2 m / 65534 of the row's largest magnitude m, an error at
 * most s / 2 and the rounding of the product scale * code, 2^-24 m.  So the row's sum of squared errors is at
 * most C (m / 65534 + 2^-24 m)^2, and the sum of squares at least m^2. */
static void test_16_bits(void **state)
{
    static const test_step steps[] = {{&ssmq_method_weights, "{bits: 16, scope: channel}"},
                                      {&ssmq_method_activations, "{bits: 16, range: dynamic, scope: token}"},
                                      {0}};
    test_backend           b[BACKENDS];
    const int32_t          n = test_backends_open(b, BACKENDS, 2);
    ssmq_model            *base = test_drawn_model(CONFIG, SEED);
    for (int32_t k = 0; k < n; k++) {
        test_applied      a = test_apply(base, b[k].be, steps, SEED);
        ssmq_site_errors *e = measure(*state, b[k].be, &a, 0);
        for (int32_t i = 0; i < a.m->n_site; i++) {
            const ssmq_site       *s = &a.m->site[i];
            const ssmq_error_sums *sums = &e->at[SSMQ_INPUT_CLEAN][i];
            if (sums->n_values == 0) continue;
            /* a vector's channels are one row */
            const double width = (double)s->width, step = 1 / 65534.0 + 0x1p-24;
            const double bound = -10 * log10(width * step * step);
            const double got = ssmq_error_figures_of(sums).sqnr_db;
            if (!(got >= bound)) fail_msg("%s: %.2f dB, below %.2f", s->name, got, bound);
            assert_int_equal(sums->n_clipped, 0);
        }
        ssmq_site_errors_free(e);
        test_applied_free(&a);
    }
    ssmq_model_free(base);
    test_backends_close(b, n);
}

/* The reference of a site that is divided and rotated is the float model's tensor, divided and rotated. */
static void test_reference(void **state)
{
    static const test_step steps[] = {{&ssmq_method_smoothquant, NULL},
                                      {&ssmq_method_hadamard, "{signs: random}"},
                                      {&ssmq_method_activations, NULL},
                                      {0}};
    test_backend           b[BACKENDS];
    const int32_t          n = test_backends_open(b, BACKENDS, 2);
    ssmq_model            *base = test_drawn_model(CONFIG, SEED);
    test_applied           a = test_apply(base, b[0].be, steps, SEED);
    bool                   none[64] = {false};
    ssmq_plan             *reference = ssmq_plan_masked(a.r.plan, none);
    static const char *const names[] = {"layers.1.out_proj.in", "layers.1.scan.x", "layers.1.in_proj.in"};
    (void)state;
    for (int k = 0; k < 3; k++) {
        const int32_t          site = test_site(base, names[k]);
        const ssmq_assignment *at = &a.r.plan->at[site];
        const int64_t          width = base->site[site].width;
        float *want = test_seen(b[0].be, base, NULL, 0, names[k]), room[64];
        float *got = test_seen(b[0].be, a.m, reference, 0, names[k]);
        ssmq_hadamard h;
        assert_true(at->smooth.data && width <= 64);
        if (at->rotate) CHECK_OK(ssmq_hadamard_find(width, &h));
        for (int64_t t = 0; t < TEST_LENGTH; t++) {
            float *row = want + t * width;
            for (int64_t c = 0; c < width; c++) {
                row[c] /= ((const float *)at->smooth.data)[c];
                if (at->signs.data) row[c] *= ((const float *)at->signs.data)[c];
            }
            if (at->rotate) ssmq_hadamard_apply(&h, row, room);
        }
        assert_true((k == 0) == (at->rotate == width));
        /* Two layers in f32, of which the one has its factors elsewhere: as test_smoothing.c allows. */
        assert_true(test_apart(got, want, TEST_LENGTH * width) < 2e-5);
        free(want);
        free(got);
    }
    ssmq_plan_free(reference);
    test_applied_free(&a);
    ssmq_model_free(base);
    test_backends_close(b, n);
}

static void test_clamped(void **state)
{
    const ssmq_qspec i8 = {.bits = 8, .symmetric = true}, u4 = {.bits = 4};
    const ssmq_qspec e4m3 = {.format = SSMQ_FORMAT_E4M3, .bits = 8, .symmetric = true};
    const ssmq_qspec e5m2 = {.format = SSMQ_FORMAT_E5M2, .bits = 8, .symmetric = true};
    const ssmq_qspec f16 = {.format = SSMQ_FORMAT_F16, .bits = 16, .symmetric = true};
    const ssmq_qspec cut = {.bits = 8, .symmetric = true, .rounding = SSMQ_ROUNDING_TRUNCATE};
    (void)state;
    /* scale 2: codes -128 .. 127, and half a step more on either side; a half goes to the even code */
    assert_false(ssmq_code_clamped(2 * 127.49F, 2, 0, &i8));
    assert_true(ssmq_code_clamped(2 * 127.5F, 2, 0, &i8));
    assert_false(ssmq_code_clamped(-2 * 128.5F, 2, 0, &i8));
    assert_true(ssmq_code_clamped(-2 * 128.51F, 2, 0, &i8));
    assert_false(ssmq_code_clamped(2 * 127.9F, 2, 0, &cut));
    assert_true(ssmq_code_clamped(2 * 128.0F, 2, 0, &cut));
    assert_false(ssmq_code_clamped(9, 1, -2, &u4)); /* -8 .. 7, moved by 2 */
    assert_true(ssmq_code_clamped(10, 1, -2, &u4));
    assert_false(ssmq_code_clamped(-6, 1, -2, &u4));
    assert_true(ssmq_code_clamped(-7, 1, -2, &u4));
    assert_false(ssmq_code_clamped(464, 1, 0, &e4m3)); /* between 448 and the 480 that would come next */
    assert_true(ssmq_code_clamped(-464.1F, 1, 0, &e4m3));
    assert_false(ssmq_code_clamped(61440, 1, 0, &e5m2)); /* 57344, 65536 */
    assert_true(ssmq_code_clamped(61441, 1, 0, &e5m2));
    assert_false(ssmq_code_clamped(65519, 1, 0, &f16)); /* rounds to 65504 */
    assert_true(ssmq_code_clamped(65520, 1, 0, &f16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_direct, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_unchanging, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_nothing, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_16_bits, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
