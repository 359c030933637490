/* The recurrent state quantised between tokens: exec against the definition, token by token, and what
 * calibration sees of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/calibrate/recipe.h"
#include "quant/methods.h"
#include "quant/observers.h"
#include "quant/select.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/options.h"

#define NB 2
#define L 37 /* more than the steps that a kernel takes at a time */
#define SEED 23u
#define BACKENDS 4

/* The inputs of one scan of layer 0, contiguous, and its state. */
typedef struct scan_case {
    const ssmq_model *m;
    ssmq_scan_sites   sites;
    int64_t           E, N;
    float            *x, *dt, *Bm, *Cm, *z; /* (B, L, E or N) */
} scan_case;

static float *random_values(int64_t n, uint64_t seed, float size)
{
    float   *v = malloc((size_t)n * sizeof *v);
    int32_t *noise = malloc((size_t)n * sizeof *noise);
    test_tokens(noise, (int32_t)n, 2001, seed);
    for (int64_t i = 0; i < n; i++) v[i] = (float)(noise[i] - 1000) * 1e-3f * size;
    free(noise);
    return v;
}

static int32_t site_of(const ssmq_model *m, const char *name)
{
    const int32_t site = ssmq_model_site(m, name);
    assert_true(site >= 0);
    return site;
}

static scan_case case_new(const ssmq_model *m)
{
    scan_case c = {.m = m};
    c.sites = (ssmq_scan_sites){.x = site_of(m, "layers.0.scan.x"),
                                .dt = site_of(m, "layers.0.scan.dt"),
                                .B = site_of(m, "layers.0.scan.B"),
                                .C = site_of(m, "layers.0.scan.C"),
                                .z = site_of(m, "layers.0.gate.z"),
                                .A_log = site_of(m, "layers.0.scan.A_log"),
                                .D = site_of(m, "layers.0.scan.D"),
                                .state = site_of(m, "layers.0.scan.state")};
    c.E = m->site[c.sites.state].rows;
    c.N = m->site[c.sites.state].width;
    c.x = random_values(NB * L * c.E, SEED, 2);
    c.dt = random_values(NB * L * c.E, SEED + 1, 3);
    c.z = random_values(NB * L * c.E, SEED + 2, 2);
    c.Bm = random_values(NB * L * c.N, SEED + 3, 1);
    c.Cm = random_values(NB * L * c.N, SEED + 4, 1);
    return c;
}

static void case_free(scan_case *c)
{
    free(c->x);
    free(c->dt);
    free(c->z);
    free(c->Bm);
    free(c->Cm);
}

static ssmq_tensor part(float *data, int64_t width, int64_t b, int64_t count, int64_t t, int64_t n)
{
    const ssmq_tensor all = SSMQ_TENSOR(data, SSMQ_F32, NB, L, width);
    const ssmq_tensor sequence = ssmq_tensor_slice(&all, 0, b, count);
    return ssmq_tensor_slice(&sequence, 1, t, n);
}

/* Tokens t .. t + n - 1 of sequences b .. b + count - 1 into y (B, L, E), from h (B, E, N). */
static void run(ssmq_exec *ex, const scan_case *c, float *y, float *h, int64_t b, int64_t count,
                int64_t t, int64_t n)
{
    ssmq_tensor x = part(c->x, c->E, b, count, t, n), dt = part(c->dt, c->E, b, count, t, n);
    ssmq_tensor z = part(c->z, c->E, b, count, t, n), Bm = part(c->Bm, c->N, b, count, t, n);
    ssmq_tensor Cm = part(c->Cm, c->N, b, count, t, n), out = part(y, c->E, b, count, t, n);
    ssmq_tensor state = SSMQ_TENSOR(h + b * c->E * c->N, SSMQ_F32, count, c->E, c->N);
    CHECK_OK(ssmq_exec_scan(ex, &out, &c->sites, &x, &dt, &Bm, &Cm, &z, &state, NULL));
}

/* Scales from a range of 1.5, or from 0.5 to 2 from channel to channel: some of the state is clipped. */
static ssmq_plan *plan_of(const scan_case *c, const ssmq_qspec *spec)
{
    ssmq_plan    *plan = ssmq_plan_new(c->m);
    const int64_t rows[2] = {c->E, 1};
    const bool    channels = spec->scope == SSMQ_SCOPE_CHANNEL;
    ssmq_range   *range = malloc((size_t)c->E * sizeof *range);
    for (int64_t e = 0; e < c->E; e++) {
        const float most = channels ? 0.5f + 1.5f * (float)e / (float)c->E : 1.5f;
        range[e] = (ssmq_range){-most, most};
        if (ssmq_qspec_half(spec)) range[e].high = ssmq_code_limit(spec);
    }
    ssmq_assign(plan, c->sites.state, spec, NULL);
    CHECK_OK(ssmq_params_of_ranges(plan, c->sites.state, range, channels ? 2 : 0, rows));
    free(range);
    return plan;
}

/* The definition: a float scan of one token, then each number of the state through the quantiser. */
static void define(ssmq_exec *floats, const scan_case *c, const ssmq_assignment *a, float *y, float *h)
{
    const float *scale = a->params.scale.data;
    for (int64_t t = 0; t < L; t++) {
        run(floats, c, y, h, 0, NB, t, 1);
        for (int64_t i = 0; i < NB * c->E * c->N; i++) {
            const int64_t e = i / c->N % c->E;
            const float   s = scale[a->spec.scope == SSMQ_SCOPE_CHANNEL ? e : 0];
            h[i] = ssmq_product(ssmq_code_value(h[i], s, 0, &a->spec), 0, s, &a->spec);
        }
    }
}

static const ssmq_qspec specs[] = {
    {.format = SSMQ_FORMAT_F16, .bits = 16, .symmetric = true},
    {.bits = 8, .symmetric = true},
    {.bits = 4, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 8, .symmetric = true, .rounding = SSMQ_ROUNDING_TRUNCATE, .quotient_dtype = SSMQ_PRECISION_F16},
    {.bits = 6, .symmetric = true, .rounding = SSMQ_ROUNDING_HALF_AWAY, .product_dtype = SSMQ_PRECISION_F16},
    {.format = SSMQ_FORMAT_E4M3, .bits = 8, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.format = SSMQ_FORMAT_BF16, .bits = 16, .symmetric = true},
};

static const int64_t chunks[] = {1, 7, L};

/* Bit for bit what the definition gives, in pieces of any length, and sequence by sequence. */
static void check_scan(const test_backend *b, const scan_case *c, const ssmq_qspec *spec)
{
    const size_t state_bytes = (size_t)(NB * c->E * c->N) * sizeof(float);
    const size_t y_bytes = (size_t)(NB * L * c->E) * sizeof(float);
    float       *want_y = calloc(1, y_bytes), *want_h = calloc(1, state_bytes);
    float       *y = calloc(1, y_bytes), *h = calloc(1, state_bytes);
    ssmq_plan   *plan = plan_of(c, spec);
    ssmq_exec   *floats, *ex;
    CHECK_OK(ssmq_exec_open(b->be, c->m, NULL, SSMQ_MODE_FLOAT, &floats));
    CHECK_OK(ssmq_exec_open(b->be, c->m, plan, SSMQ_MODE_FAKE, &ex));
    define(floats, c, &plan->at[c->sites.state], want_y, want_h);
    for (size_t k = 0; k < sizeof chunks / sizeof *chunks; k++) {
        const int64_t chunk = chunks[k];
        memset(h, 0, state_bytes);
        for (int64_t t = 0; t < L; t += chunk)
            run(ex, c, y, h, 0, NB, t, L - t < chunk ? L - t : chunk);
        if (memcmp(y, want_y, y_bytes) != 0 || memcmp(h, want_h, state_bytes) != 0)
            fail_msg("%s: state of %s in pieces of %d is not the definition's", b->name,
                     ssmq_formats[spec->format], (int)chunk);
    }
    memset(h, 0, state_bytes);
    for (int64_t i = 0; i < NB; i++) run(ex, c, y, h, i, 1, 0, L);
    assert_memory_equal(y, want_y, y_bytes);
    memset(h, 0, state_bytes);
    run(floats, c, y, h, 0, NB, 0, L);
    assert_memory_not_equal(h, want_h, state_bytes); /* it does something */
    ssmq_exec_close(ex);
    ssmq_exec_close(floats);
    ssmq_plan_free(plan);
    free(want_y);
    free(want_h);
    free(y);
    free(h);
}

static void test_scan_is_the_definition(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (const ssmq_random_shape *s = test_shapes; s->d_model; s++) {
        test_model t = test_model_new(s, SEED);
        scan_case  c = case_new(t.m);
        for (int32_t i = 0; i < n; i++)
            for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) check_scan(&b[i], &c, &specs[k]);
        case_free(&c);
        test_model_free(&t);
    }
    test_backends_close(b, n);
}

/* ---- what is seen ---------------------------------------------------------------------- */

typedef struct sight {
    int32_t site, n;
    float  *seen; /* (B, L, E, N) */
    size_t  bytes;
} sight;

static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    sight *s = context;
    if (site != s->site) return SSMQ_OK;
    assert_int_equal(x->rank, 4);
    assert_true(ssmq_tensor_contiguous(x));
    s->n++;
    s->bytes = ssmq_tensor_bytes(x);
    s->seen = realloc(s->seen, s->bytes);
    memcpy(s->seen, x->data, s->bytes);
    return SSMQ_OK;
}

static bool wants(void *context, int32_t site)
{
    return site == ((const sight *)context)->site;
}

/* Shown is the state after each token, before it is rounded. */
static void check_sight(const ssmq_random_shape *shape)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    test_model    t = test_model_new(shape, SEED);
    scan_case     c = case_new(t.m);
    const int64_t size = c.E * c.N;
    float        *y = calloc((size_t)(NB * L * c.E), sizeof *y), *h = calloc((size_t)(NB * size), sizeof *h);
    for (int32_t i = 0; i < n; i++) {
        sight      s = {.site = c.sites.state};
        ssmq_exec *ex, *plain;
        CHECK_OK(ssmq_exec_open(b[i].be, t.m, NULL, SSMQ_MODE_FLOAT, &ex));
        CHECK_OK(ssmq_exec_open(b[i].be, t.m, NULL, SSMQ_MODE_FLOAT, &plain));
        ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = &s, .wants = wants});
        memset(h, 0, (size_t)(NB * size) * sizeof *h);
        run(ex, &c, y, h, 0, NB, 0, L);
        assert_int_equal(s.n, 1);
        memset(h, 0, (size_t)(NB * size) * sizeof *h);
        for (int64_t k = 0; k < L; k++) {
            run(plain, &c, y, h, 0, NB, k, 1);
            for (int64_t q = 0; q < NB; q++)
                assert_memory_equal(s.seen + (q * L + k) * size, h + q * size,
                                    (size_t)size * sizeof *h);
        }
        free(s.seen);
        ssmq_exec_close(ex);
        ssmq_exec_close(plain);
    }
    free(y);
    free(h);
    case_free(&c);
    test_model_free(&t);
    test_backends_close(b, n);
}

static void test_probe_sees_every_token(void **state)
{
    (void)state;
    for (int i = 0; test_shapes[i].d_model > 0; i++) check_sight(&test_shapes[i]);
}

/* The scales of a recipe are those of the largest state of all tokens. */
static void check_calibration(const test_backend *b, const ssmq_model *base, bool channels)
{
    ssmq_arena        *arena = ssmq_arena_new();
    const int32_t      site = site_of(base, "layers.1.scan.state");
    const int64_t      E = base->site[site].rows, N = base->site[site].width;
    int32_t            token[L];
    const ssmq_sample  sample = {.token = token, .length = L};
    const ssmq_samples samples = {.sample = (ssmq_sample *)(uintptr_t)&sample, .n = 1};
    const ssmq_step    step = {
           .id = "s",
           .method = &ssmq_method_state,
           .options = test_options(arena, ssmq_method_state.options, ssmq_method_state.options_size,
                                   channels ? "{scope: channel}" : NULL)};
    const ssmq_recipe  recipe = {.step = &step, .n_step = 1};
    ssmq_model        *m = ssmq_model_fork(base);
    ssmq_recipe_result r;
    ssmq_exec         *ex;
    ssmq_tensor        hidden;
    void              *st = NULL;
    sight              s = {.site = site};
    test_tokens(token, L, base->vocabulary, SEED);
    CHECK_OK(ssmq_recipe_apply(&recipe, m, b->be, &samples, SEED, NULL, &r));
    CHECK_OK(ssmq_exec_open(b->be, base, NULL, SSMQ_MODE_FLOAT, &ex));
    ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = &s, .wants = wants});
    CHECK_OK(base->family->state_new(base, ex, 1, &st));
    CHECK_OK(base->family->forward(base, ex, &(ssmq_batch){token, 1, L}, st, &hidden));
    for (int64_t e = 0; e < E; e++) {
        float most = SSMQ_AMAX_MIN;
        for (int64_t i = 0; i < L * E * N; i++)
            if (!channels || i / N % E == e) most = fmaxf(most, fabsf(s.seen[i]));
        const float *scale = r.plan->at[site].params.scale.data;
        assert_true(scale[channels ? e : 0] == most / 127);
    }
    base->family->state_free(base, ex, st);
    ssmq_exec_close(ex);
    ssmq_recipe_result_free(&r);
    ssmq_model_free(m);
    free(s.seen);
    ssmq_arena_free(arena);
}

static void test_calibration(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    test_model    t = test_model_new(&test_shapes[1], SEED);
    assert_true(t.m->n_layer > 1);
    for (int32_t i = 0; i < n; i++) {
        check_calibration(&b[i], t.m, false);
        check_calibration(&b[i], t.m, true);
    }
    test_model_free(&t);
    test_backends_close(b, n);
}

/* A state beyond half precision becomes infinite, and that is said where it is. */
static void test_overflow_is_reported(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    test_model    t = test_model_new(&test_shapes[0], SEED);
    scan_case     c = case_new(t.m);
    ssmq_plan    *plan = plan_of(&c, &specs[0]);
    ssmq_exec    *ex;
    float        *y = calloc((size_t)(NB * L * c.E), sizeof *y);
    float        *h = calloc((size_t)(NB * c.E * c.N), sizeof *h);
    h[c.E * c.N + 2 * c.N + 1] = 1e30f; /* sequence 1, channel 2, state 1: nothing decays that far */
    CHECK_OK(ssmq_exec_open(b[0].be, t.m, plan, SSMQ_MODE_FAKE, &ex));
    ssmq_tensor x = part(c.x, c.E, 0, NB, 0, L), dt = part(c.dt, c.E, 0, NB, 0, L);
    ssmq_tensor z = part(c.z, c.E, 0, NB, 0, L), Bm = part(c.Bm, c.N, 0, NB, 0, L);
    ssmq_tensor Cm = part(c.Cm, c.N, 0, NB, 0, L), out = part(y, c.E, 0, NB, 0, L);
    ssmq_tensor hs = SSMQ_TENSOR(h, SSMQ_F32, NB, c.E, c.N);
    ssmq_exec_position(ex, 100);
    CHECK_FAILS(ssmq_exec_scan(ex, &out, &c.sites, &x, &dt, &Bm, &Cm, &z, &hs, NULL), SSMQ_ERR_NUMERIC,
                "layers.0.scan.state is not finite at sequence 1, token 101, channel 2, state 1; layer and "
                "site are the first where a value is not finite");
    ssmq_exec_close(ex);
    ssmq_plan_free(plan);
    free(y);
    free(h);
    case_free(&c);
    test_model_free(&t);
    test_backends_close(b, n);
}

/* One that is infinite already, seen by a probe: said of the first sequence that has it, and its first token. */
static void test_infinite_state_is_reported(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    test_model    t = test_model_new(&test_shapes[0], SEED);
    scan_case     c = case_new(t.m);
    float        *y = calloc((size_t)(NB * L * c.E), sizeof *y), *h = calloc((size_t)(NB * c.E * c.N), sizeof *h);
    ssmq_tensor   x = part(c.x, c.E, 0, NB, 0, L), dt = part(c.dt, c.E, 0, NB, 0, L);
    ssmq_tensor   z = part(c.z, c.E, 0, NB, 0, L), Bm = part(c.Bm, c.N, 0, NB, 0, L);
    ssmq_tensor   Cm = part(c.Cm, c.N, 0, NB, 0, L), out = part(y, c.E, 0, NB, 0, L);
    ssmq_tensor   hs = SSMQ_TENSOR(h, SSMQ_F32, NB, c.E, c.N);
    for (int32_t i = 0; i < n; i++) {
        sight      s = {.site = c.sites.state};
        ssmq_exec *ex;
        CHECK_OK(ssmq_exec_open(b[i].be, t.m, NULL, SSMQ_MODE_FLOAT, &ex));
        ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = &s, .wants = wants});
        ssmq_exec_position(ex, 100);
        memset(h, 0, (size_t)(NB * c.E * c.N) * sizeof *h);
        h[c.E * c.N + 2 * c.N + 1] = INFINITY; /* sequence 1, channel 2, state 1 */
        CHECK_FAILS(ssmq_exec_scan(ex, &out, &c.sites, &x, &dt, &Bm, &Cm, &z, &hs, NULL), SSMQ_ERR_NUMERIC,
                    "layers.0.scan.state is not finite at sequence 1, token 100, channel 2, state 1; layer and "
                    "site are the first where a value is not finite");
        assert_int_equal(s.n, 0);
        ssmq_exec_close(ex);
    }
    free(y);
    free(h);
    case_free(&c);
    test_model_free(&t);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_is_the_definition),
        cmocka_unit_test(test_probe_sees_every_token),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_overflow_is_reported),
        cmocka_unit_test(test_infinite_state_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
