/* What every model family promises, on every backend and tier: prefill equals single steps, rows of a
 * batch do not influence each other, every site is shown once and in order, every weight counts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"

#define L 19
#define B 3
#define BACKENDS 4
#define SEED 20260731u

/* Largest difference of n logits, relative to the largest of b. */
static double difference(const float *a, const float *b, int64_t n)
{
    double most = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d;
        if (fabs((double)b[i]) > size) size = fabs((double)b[i]);
    }
    return most / size;
}

/* Sums run over at most 80 terms in another order: some units in the last place per layer. */
#define ORDER_BOUND 5e-6

static void check_pieces(const test_backend *b, const ssmq_model *m)
{
    int32_t       token[B * L];
    const int64_t row = L * m->vocabulary;
    test_tokens(token, B * L, m->vocabulary, SEED);
    float *all = test_logits(b->be, m, NULL, token, B, L, L);
    for (int32_t chunk = 1; chunk < L; chunk += 4) {
        float *pieces = test_logits(b->be, m, NULL, token, B, L, chunk);
        if (!(difference(pieces, all, B * row) <= ORDER_BOUND))
            fail_msg("%s: pieces of %d differ by %.1e", b->name, chunk,
                     difference(pieces, all, B * row));
        free(pieces);
    }
    for (int32_t i = 0; i < B; i++) {
        float *alone = test_logits(b->be, m, NULL, token + i * L, 1, L, L);
        if (!(difference(alone, all + i * row, row) <= ORDER_BOUND))
            fail_msg("%s: row %d of a batch differs by %.1e", b->name, i,
                     difference(alone, all + i * row, row));
        free(alone);
    }
    free(all);
}

static void test_pieces_and_batches(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (const ssmq_random_shape *s = test_shapes; s->d_model; s++) {
        test_model t = test_model_new(s, SEED);
        for (int32_t i = 0; i < n; i++) check_pieces(&b[i], t.m);
        test_model_free(&t);
    }
    test_backends_close(b, n);
}

/* ---- sites ----------------------------------------------------------------------------- */

typedef struct sighting {
    const ssmq_model *m;
    int32_t           last, n;
} sighting;

static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    sighting *s = context;
    assert_int_equal(s->m->site[site].kind, SSMQ_SITE_ACTIVATION);
    assert_true(site > s->last);
    assert_int_equal(x->dim[x->rank - 1], s->m->site[site].width);
    s->last = site;
    s->n++;
    return SSMQ_OK;
}

/* The order of the table is the order of execution, but that z is shown beside the convolution's input
 * and dt's input beside B and C: within a layer, tables and forward pass agree. */
static void test_sites_are_shown_once_in_order(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    test_model    t = test_model_new(&test_shapes[0], SEED);
    int32_t       token[L], activations = 0;
    test_tokens(token, L, t.m->vocabulary, SEED);
    for (int32_t i = 0; i < t.m->n_site; i++)
        activations += t.m->site[i].kind == SSMQ_SITE_ACTIVATION;
    for (int32_t i = 0; i < n; i++) {
        sighting    s = {.m = t.m, .last = -1};
        ssmq_exec  *ex;
        void       *st = NULL;
        ssmq_tensor hidden, logits;
        CHECK_OK(ssmq_exec_open(b[i].be, t.m, NULL, SSMQ_MODE_FLOAT, &ex));
        ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = &s});
        CHECK_OK(t.m->family->state_new(t.m, ex, 1, &st));
        CHECK_OK(t.m->family->forward(t.m, ex, &(ssmq_batch){token, 1, L}, st, &hidden));
        hidden = ssmq_tensor_rows(&hidden);
        CHECK_OK(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_LOGITS, 2,
                                   (const int64_t[]){L, t.m->vocabulary}, &logits));
        CHECK_OK(t.m->family->head(t.m, ex, &hidden, &logits));
        assert_int_equal(s.n, activations);
        t.m->family->state_free(t.m, ex, st);
        ssmq_exec_close(ex);
    }
    test_model_free(&t);
    test_backends_close(b, n);
}

/* Changing any one weight changes the logits: none is loaded in vain or read from the wrong place. */
static void test_every_weight_counts(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    for (const ssmq_random_shape *s = test_shapes; s->d_model; s++) {
        test_model t = test_model_new(s, SEED);
        int32_t    token[L];
        test_tokens(token, L, t.m->vocabulary, SEED);
        float *before = test_logits(b[0].be, t.m, NULL, token, 1, L, L);
        for (int32_t w = 0; w < t.m->n_weight; w++) {
            ssmq_model *fork = ssmq_model_fork(t.m);
            ssmq_tensor value;
            CHECK_OK(ssmq_model_writable(fork, w, &value));
            for (int64_t i = 0; i < ssmq_tensor_count(&value); i++)
                ((float *)value.data)[i] = ((float *)value.data)[i] * 1.25f + 0.125f;
            float *after = test_logits(b[0].be, fork, NULL, token, 1, L, L);
            if (!(difference(after, before, L * t.m->vocabulary) > 1e-4))
                fail_msg("%s does not count", t.m->weight[w].name);
            free(after);
            ssmq_model_free(fork);
        }
        free(before);
        test_model_free(&t);
    }
    test_backends_close(b, n);
}

/* ---- sites of the table ---------------------------------------------------------------- */

static void test_site_table(void **state)
{
    (void)state;
    test_model t = test_model_new(&test_shapes[0], SEED);
    for (int32_t i = 0; i < t.m->n_site; i++) {
        const ssmq_site *s = &t.m->site[i];
        assert_int_equal(ssmq_model_site(t.m, s->name), i);
        if (s->kind == SSMQ_SITE_WEIGHT) {
            const ssmq_tensor *w = &t.m->weight[s->weight].value;
            assert_int_equal(w->dim[w->rank - 1], s->width);
        } else {
            assert_int_equal(s->weight, -1);
            assert_int_equal(s->input, -1);
        }
        if (s->input >= 0 && strcmp(s->op, "linear") == 0)
            assert_int_equal(t.m->site[s->input].width, s->width);
    }
    assert_int_equal(ssmq_model_site(t.m, "layers.0.nothing"), -1);
    test_model_free(&t);
}

/* A value that is not finite stops the pass and names the first site and place. */
static void test_first_bad_value_is_named(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    test_model    t = test_model_new(&test_shapes[0], SEED);
    ssmq_model   *fork = ssmq_model_fork(t.m);
    int32_t       token[4] = {1, 2, 3, 4};
    ssmq_tensor   bias;
    int32_t       w = 0;
    while (strcmp(fork->weight[w].name, "backbone.layers.1.mixer.dt_proj.bias") != 0) w++;
    CHECK_OK(ssmq_model_writable(fork, w, &bias));
    ((float *)bias.data)[7] = NAN;
    for (int32_t i = 0; i < n; i++) {
        ssmq_exec  *ex;
        void       *st = NULL;
        ssmq_tensor hidden;
        CHECK_OK(ssmq_exec_open(b[i].be, fork, NULL, SSMQ_MODE_FLOAT, &ex));
        CHECK_OK(fork->family->state_new(fork, ex, 1, &st));
        ssmq_exec_position(ex, 512);
        CHECK_FAILS(fork->family->forward(fork, ex, &(ssmq_batch){token, 1, 4}, st, &hidden),
                    SSMQ_ERR_NUMERIC,
                    "layers.1.scan.dt is nan at sequence 0, token 512, channel 7; layer and site are "
                    "the first where a value is not finite");
        fork->family->state_free(fork, ex, st);
        ssmq_exec_close(ex);
    }
    ssmq_model_free(fork);
    test_model_free(&t);
    test_backends_close(b, n);
}

/* Values whose squares are beyond float are still normalised, not silently zero. */
static void test_large_residuals(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    for (int32_t i = 0; i < n; i++) {
        float             residual[40], y[40], w[40];
        ssmq_tensor       tr = SSMQ_TENSOR(residual, SSMQ_F32, 1, 40), ty = SSMQ_TENSOR(y, SSMQ_F32, 1, 40);
        const ssmq_tensor tw = SSMQ_TENSOR(w, SSMQ_F32, 40);
        for (int k = 0; k < 40; k++) {
            residual[k] = k % 2 ? -3e30f : 1e30f; /* mean square 5e60 */
            w[k] = 2;
        }
        CHECK_OK(b[i].be->ops->rmsnorm(b[i].be, &ty, &tr, NULL, &tw, 1e-5f, NULL));
        for (int k = 0; k < 40; k++)
            assert_true(fabs((double)y[k] / (2 * (k % 2 ? -3 : 1) / sqrt(5)) - 1) < 1e-6);
    }
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_and_batches),
        cmocka_unit_test(test_sites_are_shown_once_in_order),
        cmocka_unit_test(test_every_weight_counts),
        cmocka_unit_test(test_site_table),
        cmocka_unit_test(test_first_bad_value_is_named),
        cmocka_unit_test(test_large_residuals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
