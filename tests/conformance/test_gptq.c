/* Solved codes: against a plain implementation of the update they come from, against rounding to nearest, and
 * in recipes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "harness/run/calibrate/recipe.h"
#include "quant/methods.h"
#include "quant/select.h"
#include "quant/solve/columns.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/options.h"
#include "tests/support/scratch.h"

#define N 7
#define K 12
#define L 23
#define SAMPLES 4
#define BACKENDS 4
#define SEED 41u
#define STEPS_MAX 3

/* A weight, inputs that depend on each other, and their second moments. */
typedef struct problem {
    float  w[N * K];
    double x[4 * K][K];
    double h[K * K];
} problem;

static problem problem_new(ssmq_rng *r)
{
    problem p;
    double  mix[K][K];
    memset(&p, 0, sizeof p);
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++) mix[i][j] = ssmq_rng_uniform(r) - 0.5 + (i == j);
    for (int i = 0; i < N * K; i++) p.w[i] = (float)(ssmq_rng_uniform(r) - 0.4);
    for (int t = 0; t < 4 * K; t++)
        for (int i = 0; i < K; i++) {
            const double draw = (ssmq_rng_uniform(r) - 0.5) * (1 + i % 5);
            for (int j = 0; j < K; j++) p.x[t][j] += draw * mix[i][j];
        }
    for (int t = 0; t < 4 * K; t++)
        for (int i = 0; i < K; i++)
            for (int j = 0; j < K; j++) p.h[i * K + j] += p.x[t][i] * p.x[t][j];
    return p;
}

/* Everything that solving one weight needs, with the scales of rounding to nearest. */
typedef struct solving {
    ssmq_qspec   spec;
    float        scale[N * K];
    int32_t      zero[N * K];
    ssmq_qparams params;
    ssmq_tensor  w, keep;
    int32_t      kept[K];
    int8_t       code[N * K];
} solving;

static ssmq_range range_of(const double *v, const bool *in)
{
    ssmq_range r = {0};
    for (int j = 0; j < K; j++) {
        if (!in[j]) continue;
        r.low = fminf(r.low, (float)v[j]);
        r.high = fmaxf(r.high, (float)v[j]);
    }
    return r;
}

static void set_scale(solving *s, int64_t at, ssmq_range r)
{
    if (s->spec.symmetric) r.high = fmaxf(-r.low, r.high);
    s->scale[at] = ssmq_scale_of_range(&r, &s->spec, &s->zero[at]);
}

static bool is_kept(const solving *s, int64_t column)
{
    for (int64_t i = 0; i < s->keep.dim[0]; i++)
        if (s->kept[i] == column) return true;
    return false;
}

/* The scale of row n's columns [begin, end) from v, without kept ones. */
static void scale_of(solving *s, int64_t at, const double *v, int64_t begin, int64_t end)
{
    bool in[K] = {0};
    for (int64_t j = begin; j < end; j++) in[j] = !is_kept(s, j);
    set_scale(s, at, range_of(v, in));
}

static void solving_new(solving *s, const problem *p, const ssmq_qspec *spec, int n_kept)
{
    const bool    groups = spec->scope == SSMQ_SCOPE_GROUP;
    const int64_t per_row = groups ? K / spec->group : 1;
    memset(s, 0, sizeof *s);
    s->spec = *spec;
    for (int i = 0; i < n_kept; i++) s->kept[i] = 1 + 4 * i;
    s->keep = SSMQ_TENSOR(s->kept, SSMQ_I32, n_kept);
    s->w = SSMQ_TENSOR((void *)(uintptr_t)p->w, SSMQ_F32, N, K);
    for (int n = 0; n < N; n++)
        for (int64_t g = 0; g < per_row; g++) {
            double v[K];
            for (int j = 0; j < K; j++) v[j] = (double)p->w[n * K + j];
            scale_of(s, n * per_row + g, v, g * (K / per_row), (g + 1) * (K / per_row));
        }
    s->params.scale = SSMQ_TENSOR(s->scale, SSMQ_F32, N, per_row);
    if (!spec->symmetric) s->params.zero = SSMQ_TENSOR(s->zero, SSMQ_I32, N, per_row);
}

static ssmq_status solve(solving *s, const double *h, double damping, bool by_size)
{
    const ssmq_columns a = {.w = &s->w,
                            .hessian = h,
                            .spec = &s->spec,
                            .params = &s->params,
                            .keep = s->keep.dim[0] ? &s->keep : NULL,
                            .damping = damping,
                            .by_size = by_size};
    bool               raised = false;
    return ssmq_columns_solve(&a, s->code, &raised);
}

static int64_t scale_index(const solving *s, int64_t n, int64_t j)
{
    return s->spec.scope == SSMQ_SCOPE_GROUP ? n * (K / s->spec.group) + j / s->spec.group : n;
}

static double value_of(const solving *s, const problem *p, int64_t n, int64_t j)
{
    const int64_t at = scale_index(s, n, j);
    if (is_kept(s, j)) return (double)p->w[n * K + j];
    return (double)((float)(s->code[n * K + j] - s->zero[at]) * s->scale[at]);
}

/* ---- a plain implementation -------------------------------------------------------------- */

/* The inverse of the rows and columns of h that are open, by Gauss and Jordan; 0 elsewhere. */
static void invert_open(double out[K][K], const double *h, const bool *open)
{
    double a[K][2 * K];
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++) {
            a[i][j] = open[i] && open[j] ? h[i * K + j] : i == j;
            a[i][K + j] = i == j;
        }
    for (int c = 0; c < K; c++) {
        const double pivot = a[c][c]; /* positive definite: no search for one is needed */
        for (int j = 0; j < 2 * K; j++) a[c][j] /= pivot;
        for (int i = 0; i < K; i++) {
            const double f = a[i][c];
            for (int j = 0; i != c && j < 2 * K; j++) a[i][j] -= f * a[c][j];
        }
    }
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++) out[i][j] = open[i] && open[j] ? a[i][K + j] : 0;
}

/* arXiv:2208.11580, equation 3, for one row: the open column order[i] is rounded, the others move by
 * -(w_j - q_j) / [H_F^-1]_jj times column j of H_F^-1, F being what is open. */
static void solve_row(solving *s, const problem *p, const double *h, const int *order, int n_open,
                      int64_t n)
{
    bool   open[K] = {0}, seen[K] = {0};
    double v[K], inverse[K][K];
    for (int j = 0; j < K; j++) v[j] = (double)p->w[n * K + j];
    for (int i = 0; i < n_open; i++) open[order[i]] = true;
    for (int i = 0; i < n_open; i++) {
        const int     j = order[i];
        const int64_t at = scale_index(s, n, j), group = s->spec.group;
        if (group && !seen[j / group])
            scale_of(s, at, v, j / group * group, j / group * group + group);
        if (group) seen[j / group] = true;
        const int32_t code = ssmq_code((float)v[j], s->scale[at], s->zero[at], &s->spec);
        s->code[n * K + j] = (int8_t)code;
        const double left = v[j] - (double)((float)(code - s->zero[at]) * s->scale[at]);
        invert_open(inverse, h, open);
        for (int k = 0; k < K; k++)
            if (open[k]) v[k] -= left / inverse[j][j] * inverse[k][j];
        open[j] = false;
    }
}

static int choose_order(const solving *s, const double *h, bool by_size, int *order)
{
    int n = 0;
    for (int j = 0; j < K; j++)
        if (!is_kept(s, j)) order[n++] = j;
    for (int i = 1; by_size && i < n; i++) /* insertion, so that equal ones keep their order */
        for (int k = i; k > 0 && h[order[k] * (K + 1)] > h[order[k - 1] * (K + 1)]; k--) {
            const int t = order[k];
            order[k] = order[k - 1];
            order[k - 1] = t;
        }
    return n;
}

static void solve_plainly(solving *s, const problem *p, double damping, bool by_size)
{
    double    h[K * K], mean = 0;
    int       order[K];
    const int n = choose_order(s, p->h, by_size, order);
    memcpy(h, p->h, sizeof h);
    for (int i = 0; i < n; i++) mean += h[order[i] * (K + 1)] / n;
    for (int j = 0; j < K; j++) h[j * (K + 1)] += damping * mean;
    for (int64_t row = 0; row < N; row++) solve_row(s, p, h, order, n, row);
}

static const ssmq_qspec specs[] = {
    {.bits = 4, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 2, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 3, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 8, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 4, .symmetric = true, .scope = SSMQ_SCOPE_GROUP, .group = 4},
    {.bits = 3, .scope = SSMQ_SCOPE_GROUP, .group = 3},
};
#define SPECS (sizeof specs / sizeof *specs)

static void test_is_the_definition(void **state)
{
    (void)state;
    ssmq_rng r;
    ssmq_rng_init(&r, test_seed(SEED), "test_gptq");
    for (int trial = 0; trial < 8; trial++) {
        const problem p = problem_new(&r);
        for (size_t i = 0; i < SPECS; i++)
            for (int variant = 0; variant < 4; variant++) {
                const bool    by_size = variant & 1;
                const int     n_kept = variant & 2 ? 2 : 0;
                const int64_t units = specs[i].group ? N * (K / specs[i].group) : N;
                solving       want, got;
                solving_new(&want, &p, &specs[i], n_kept);
                solving_new(&got, &p, &specs[i], n_kept);
                solve_plainly(&want, &p, 0.01, by_size);
                CHECK_OK(solve(&got, p.h, 0.01, by_size));
                if (memcmp(want.code, got.code, sizeof got.code) != 0)
                    fail_msg("trial %d, spec %d, variant %d: other codes", trial, (int)i, variant);
                for (int64_t u = 0; u < units; u++) {
                    assert_float_equal(want.scale[u], got.scale[u], 1e-6 * want.scale[u]);
                    assert_int_equal(want.zero[u], got.zero[u]);
                }
            }
    }
}

/* ---- against rounding to nearest ---------------------------------------------------------- */

static void nearest(solving *s, const problem *p)
{
    for (int64_t i = 0; i < N * K; i++) {
        const int64_t at = scale_index(s, i / K, i % K);
        if (!is_kept(s, i % K))
            s->code[i] = (int8_t)ssmq_code(p->w[i], s->scale[at], s->zero[at], &s->spec);
    }
}

/* ||X W^T - X W'^T||^2 */
static double output_error(const solving *s, const problem *p)
{
    double total = 0;
    for (int t = 0; t < 4 * K; t++)
        for (int n = 0; n < N; n++) {
            double d = 0;
            for (int j = 0; j < K; j++)
                d += p->x[t][j] * (value_of(s, p, n, j) - (double)p->w[n * K + j]);
            total += d * d;
        }
    return total;
}

/* Inputs that have nothing to do with each other leave nothing to make up for. */
static void test_diagonal_is_nearest(void **state)
{
    (void)state;
    ssmq_rng r;
    ssmq_rng_init(&r, test_seed(SEED), "test_gptq diagonal");
    problem p = problem_new(&r);
    for (int i = 0; i < K * K; i++)
        if (i / K != i % K) p.h[i] = 0;
    p.h[2 * (K + 1)] = 0; /* silent inputs */
    for (size_t i = 0; i < SPECS; i++)
        for (int variant = 0; variant < 8; variant++) {
            solving want, got;
            solving_new(&want, &p, &specs[i], variant & 2 ? 2 : 0);
            solving_new(&got, &p, &specs[i], variant & 2 ? 2 : 0);
            nearest(&want, &p);
            CHECK_OK(solve(&got, p.h, variant & 4 ? 0.01 : 0, variant & 1));
            assert_memory_equal(got.code, want.code, sizeof got.code);
        }
}

/* Scales of rows are the same for both, so the one solved with the inputs in view has the smaller error.  It
 * is greedy and what it moves may be clipped, so not for each draw; over 20 of them by a quarter at least. */
static void test_error_is_smaller(void **state)
{
    (void)state;
    ssmq_rng r;
    double   before[4] = {0}, after[4] = {0};
    ssmq_rng_init(&r, test_seed(SEED), "test_gptq error");
    for (int trial = 0; trial < 20; trial++) {
        const problem p = problem_new(&r);
        for (size_t i = 0; i < 4; i++) {
            solving rounded, solved;
            solving_new(&rounded, &p, &specs[i], 0);
            solving_new(&solved, &p, &specs[i], 0);
            nearest(&rounded, &p);
            CHECK_OK(solve(&solved, p.h, 0.01, false));
            before[i] += output_error(&rounded, &p);
            after[i] += output_error(&solved, &p);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        print_message("%d bits: %.3g of the error of rounding\n", specs[i].bits, after[i] / before[i]);
        assert_true(after[i] < 0.75 * before[i]);
    }
}

/* The order by size is the natural one of the same problem with its columns put in that order. */
static void test_order(void **state)
{
    (void)state;
    ssmq_rng r;
    ssmq_rng_init(&r, test_seed(SEED), "test_gptq order");
    const problem p = problem_new(&r);
    problem       sorted = p;
    solving       s, t, want;
    int           order[K];
    bool          moved = false;
    solving_new(&s, &p, &specs[2], 0);
    assert_int_equal(choose_order(&s, p.h, true, order), K);
    for (int i = 0; i < K; i++) {
        moved |= order[i] != i;
        for (int j = 0; j < K; j++) sorted.h[i * K + j] = p.h[order[i] * K + order[j]];
        for (int n = 0; n < N; n++) sorted.w[n * K + i] = p.w[n * K + order[i]];
    }
    assert_true(moved);
    solving_new(&t, &sorted, &specs[2], 0);
    CHECK_OK(solve(&s, p.h, 0.01, true));
    CHECK_OK(solve(&t, sorted.h, 0.01, false));
    for (int n = 0; n < N; n++)
        for (int i = 0; i < K; i++) assert_int_equal(s.code[n * K + order[i]], t.code[n * K + i]);
    solving_new(&want, &p, &specs[2], 0);
    CHECK_OK(solve(&want, p.h, 0.01, false));
    assert_memory_not_equal(want.code, s.code, sizeof s.code);
}

static void test_singular(void **state)
{
    (void)state;
    problem p = {0};
    solving s;
    for (int i = 0; i < N * K; i++) p.w[i] = 1;
    for (int i = 0; i < K * K; i++) p.h[i] = 1;
    solving_new(&s, &p, &specs[0], 0);
    CHECK_FAILS(solve(&s, p.h, 0, false), SSMQ_ERR_NUMERIC,
                "a matrix is not positive definite at row 10 of 12");
    CHECK_OK(solve(&s, p.h, 0.01, false));
}

/* ---- in recipes --------------------------------------------------------------------------- */

typedef struct step_text {
    const ssmq_method *method;
    const char        *options;
} step_text;

typedef struct applied {
    ssmq_arena        *arena;
    ssmq_model        *m;
    ssmq_recipe_result r;
} applied;

static ssmq_status try_apply(const ssmq_model *base, ssmq_backend *be, const step_text *text, int32_t n,
                             applied *out)
{
    int32_t      token[SAMPLES][L];
    ssmq_sample  sample[SAMPLES];
    ssmq_step    step[STEPS_MAX];
    *out = (applied){.arena = ssmq_arena_new(), .m = ssmq_model_fork(base)};
    for (int i = 0; i < SAMPLES; i++) {
        test_tokens(token[i], L, base->vocabulary, SEED + (uint64_t)i);
        sample[i] = (ssmq_sample){.token = token[i], .length = L - i};
    }
    const ssmq_samples samples = {.sample = sample, .n = SAMPLES};
    for (int32_t i = 0; i < n; i++)
        step[i] = (ssmq_step){.id = text[i].method->name,
                              .method = text[i].method,
                              .options = test_options(out->arena, text[i].method->options,
                                                      text[i].method->options_size, text[i].options)};
    const ssmq_recipe recipe = {.step = step, .n_step = n};
    return ssmq_recipe_apply(&recipe, out->m, be, &samples, SEED, NULL, &out->r);
}

static applied apply(const ssmq_model *base, ssmq_backend *be, const step_text *text, int32_t n)
{
    applied a;
    CHECK_OK(try_apply(base, be, text, n, &a));
    return a;
}

static void applied_free(applied *a)
{
    if (a->r.plan) ssmq_recipe_result_free(&a->r);
    ssmq_model_free(a->m);
    ssmq_arena_free(a->arena);
}

/* Number of weights whose codes differ; scales of those with equal codes have to be equal. */
static int different(const applied *a, const applied *b)
{
    int n = 0;
    for (int32_t i = 0; i < a->m->n_site; i++) {
        const ssmq_assignment *p = &a->r.plan->at[i], *q = &b->r.plan->at[i];
        assert_int_equal(p->codes.data != NULL, q->codes.data != NULL);
        if (!p->codes.data) continue;
        if (memcmp(p->codes.data, q->codes.data, ssmq_tensor_bytes(&p->codes)) != 0) n++;
        else
            assert_memory_equal(p->params.scale.data, q->params.scale.data,
                                ssmq_tensor_bytes(&p->params.scale));
    }
    return n;
}

/* The same bits for any number of threads. */
static void test_threads(void **state)
{
    (void)state;
    static const char *const options[] = {NULL, "{bits: 3, scope: group, group: 4, sites: "
                                                "\"layers.*.{in,x,out}_proj.weight\", act_order: true}"};
    test_backend  one[BACKENDS], three[BACKENDS];
    const int32_t n = test_backends_open(one, BACKENDS, 1);
    assert_int_equal(test_backends_open(three, BACKENDS, 3), n);
    test_model t = test_model_new(&test_shapes[1], SEED);
    for (int32_t i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) {
            const step_text step = {&ssmq_method_gptq, options[k]};
            applied         a = apply(t.m, one[i].be, &step, 1), b = apply(t.m, three[i].be, &step, 1);
            assert_int_equal(different(&a, &b), 0);
            applied_free(&a);
            applied_free(&b);
        }
    test_model_free(&t);
    test_backends_close(one, n);
    test_backends_close(three, n);
}

/* A layer is solved for what comes out of the solved layers before it: two steps, a layer each, are one step
 * for both, and a layer behind float layers comes out otherwise. */
static void test_layer_by_layer(void **state)
{
    (void)state;
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 2);
    test_model      t = test_model_new(&test_shapes[1], SEED);
    const step_text both[] = {{&ssmq_method_gptq, "{sites: \"layers.{0,1}.**\", bits: 2}"}};
    const step_text each[] = {{&ssmq_method_gptq, "{sites: \"layers.0.**\", bits: 2}"},
                              {&ssmq_method_gptq, "{sites: \"layers.1.**\", bits: 2}"}};
    const int32_t   second = ssmq_model_site(t.m, "layers.1.in_proj.weight");
    for (int32_t i = 0; i < n; i++) {
        applied a = apply(t.m, b[i].be, both, 1), c = apply(t.m, b[i].be, each, 2);
        applied alone = apply(t.m, b[i].be, each + 1, 1);
        assert_int_equal(different(&a, &c), 0);
        const ssmq_tensor *p = &a.r.plan->at[second].codes, *q = &alone.r.plan->at[second].codes;
        assert_memory_not_equal(p->data, q->data, ssmq_tensor_bytes(p));
        applied_free(&a);
        applied_free(&c);
        applied_free(&alone);
    }
    test_model_free(&t);
    test_backends_close(b, n);
}

/* What a step says of order and damping is what its layers are solved with. */
static void test_order_and_damping(void **state)
{
    (void)state;
    static const char *const other[] = {"{act_order: true}", "{damping: 1}"};
    test_backend             b[BACKENDS];
    const int32_t            n = test_backends_open(b, BACKENDS, 1);
    test_model               t = test_model_new(&test_shapes[1], SEED);
    applied                  a = apply(t.m, b[0].be, &(step_text){&ssmq_method_gptq, NULL}, 1);
    for (int i = 0; i < 2; i++) {
        applied c = apply(t.m, b[0].be, &(step_text){&ssmq_method_gptq, other[i]}, 1);
        assert_true(different(&a, &c) > 0);
        applied_free(&c);
    }
    applied_free(&a);
    test_model_free(&t);
    test_backends_close(b, n);
}

/* The model computes with the codes that were solved: its logits are those of a float model with the codes'
 * values as weights.  Products in codes round elsewhere than products in values: 1e-5 of the largest. */
static void check_logits(const test_backend *b, const ssmq_model *base, const char *options)
{
    const step_text step = {&ssmq_method_gptq, options};
    applied         a = apply(base, b->be, &step, 1);
    ssmq_model     *m = ssmq_model_fork(base);
    int32_t         token[L];
    test_tokens(token, L, base->vocabulary, SEED);
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_assignment *at = &a.r.plan->at[i];
        ssmq_tensor            w;
        if (!at->codes.data) continue;
        CHECK_OK(ssmq_model_writable(m, m->site[i].weight, &w));
        const int64_t columns = w.dim[1], units = ssmq_tensor_count(&at->params.scale) / w.dim[0];
        for (int64_t k = 0; k < w.dim[0] * columns; k++) {
            const int64_t u = k / columns * units + k % columns / (columns / units);
            const int32_t zero = at->params.zero.data ? ((const int32_t *)at->params.zero.data)[u] : 0;
            ((float *)w.data)[k] = (float)(((const int8_t *)at->codes.data)[k] - zero) *
                                   ((const float *)at->params.scale.data)[u];
        }
    }
    float *want = test_logits(b->be, m, NULL, token, 1, L, L);
    float *got = test_logits(b->be, a.m, a.r.plan, token, 1, L, L);
    float  most = 0, size = 0;
    for (int64_t i = 0; i < L * base->vocabulary; i++) {
        most = fmaxf(most, fabsf(want[i] - got[i]));
        size = fmaxf(size, fabsf(want[i]));
    }
    if (!(most <= 1e-5f * size)) fail_msg("%s %s: %g of %g", b->name, options, (double)most, (double)size);
    free(want);
    free(got);
    ssmq_model_free(m);
    applied_free(&a);
}

static void test_codes_are_used(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    test_model    t = test_model_new(&test_shapes[1], SEED);
    for (int32_t i = 0; i < n; i++) {
        check_logits(&b[i], t.m, "{bits: 3}");
        check_logits(&b[i], t.m, "{bits: 4, symmetric: false, sites: [layers.**, head.weight]}");
        check_logits(&b[i], t.m,
                     "{scope: group, group: 4, sites: \"layers.*.{in,x,out}_proj.weight\"}");
    }
    test_model_free(&t);
    test_backends_close(b, n);
}

/* A later step at the same sites takes the solved codes away. */
static void test_later_step_wins(void **state)
{
    (void)state;
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 1);
    test_model      t = test_model_new(&test_shapes[0], SEED);
    const step_text steps[] = {{&ssmq_method_gptq, NULL}, {&ssmq_method_weights, NULL}};
    applied         a = apply(t.m, b[0].be, steps, 2);
    for (int32_t i = 0; i < t.m->n_site; i++) assert_null(a.r.plan->at[i].codes.data);
    applied_free(&a);
    test_model_free(&t);
    test_backends_close(b, n);
}

static void test_refusals(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    test_model    t = test_model_new(&test_shapes[2], SEED);
    applied       a;
    CHECK_FAILS(try_apply(t.m, b[0].be, &(step_text){&ssmq_method_gptq, "{scope: group}"}, 1, &a),
                SSMQ_ERR_CONFIG, "step 'gptq': gptq: scope group and a group above 0 go together");
    applied_free(&a);
    CHECK_FAILS(try_apply(t.m, b[0].be,
                          &(step_text){&ssmq_method_gptq,
                                       "{scope: group, group: 7, sites: layers.0.in_proj.weight}"},
                          1, &a),
                SSMQ_ERR_CONFIG, "step 'gptq': layers.0.in_proj.weight: group 7 does not divide its 20 inputs");
    applied_free(&a);
    test_model_free(&t);
    /* Fewer tokens than inputs: without damping there is no one answer. */
    const ssmq_random_shape wide = {.d_model = 128, .n_layer = 1, .vocab_size = 8};
    t = test_model_new(&wide, SEED);
    const step_text step = {&ssmq_method_gptq, "{damping: 0, sites: layers.0.in_proj.weight}"};
    CHECK_FAILS_WITH(try_apply(t.m, b[0].be, &step, 1, &a), SSMQ_ERR_NUMERIC,
                     "step 'gptq': layers.0.in_proj.weight: the second moments of its inputs cannot be "
                     "inverted with damping 0: a matrix is not positive definite at row ");
    applied_free(&a);
    test_model_free(&t);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_the_definition), cmocka_unit_test(test_diagonal_is_nearest),
        cmocka_unit_test(test_error_is_smaller),  cmocka_unit_test(test_order_and_damping),
        cmocka_unit_test(test_layer_by_layer),    cmocka_unit_test(test_later_step_wins),
        cmocka_unit_test(test_order), cmocka_unit_test(test_singular), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_codes_are_used),    cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
