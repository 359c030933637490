/* Weights that an exec moves out of the mapped file: the same bits, nothing counted twice, and nothing of the
 * file needed once all have been read. */
#include <stdlib.h>
#include <string.h>
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/steps.h"

#define L 7
#define SEED 5u
#define BACKENDS 4

/* The logits of the last of L tokens, of a state of zeros; freed by the caller. */
static float *last_logits(const ssmq_model *m, ssmq_exec *ex)
{
    int32_t     token[L];
    void       *state = NULL;
    ssmq_tensor hidden, logits;
    float      *out = malloc((size_t)m->vocabulary * sizeof *out);
    test_tokens(token, L, m->vocabulary, SEED);
    CHECK_OK(m->family->state_new(m, ex, 1, &state));
    CHECK_OK(m->family->forward(m, ex, &(ssmq_batch){token, 1, L - 1}, state, &hidden));
    CHECK_OK(m->family->forward(m, ex, &(ssmq_batch){token + L - 1, 1, 1}, state, &hidden));
    ssmq_tensor rows = ssmq_tensor_rows(&hidden);
    CHECK_OK(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_LOGITS, 2, (const int64_t[]){1, m->vocabulary}, &logits));
    CHECK_OK(m->family->head(m, ex, &rows, &logits));
    memcpy(out, logits.data, (size_t)m->vocabulary * sizeof *out);
    m->family->state_free(m, ex, state);
    return out;
}

/* Logits of an exec that lends its weights; *bytes: of them. */
static float *lent_logits(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan, ssmq_mode mode,
                          int64_t *bytes)
{
    ssmq_exec *ex;
    CHECK_OK(ssmq_exec_open(be, m, plan, mode, &ex));
    float *logits = last_logits(m, ex);
    *bytes = ssmq_exec_weight_bytes(ex);
    ssmq_exec_close(ex);
    return logits;
}

/* The model's weights, each once. */
static int64_t all_bytes(const ssmq_model *m)
{
    size_t n = 0;
    for (int32_t i = 0; i < m->n_weight; i++)
        if (m->weight[i].tied_to < 0) n += ssmq_tensor_bytes(&m->weight[i].value);
    return (int64_t)n;
}

/* In a mode; the file is closed between two passes, unless rows of an embedding of its own are read there. */
static void check(const test_backend *b, const ssmq_random_shape *shape, const test_step *steps,
                  ssmq_mode mode)
{
    test_model   t = test_model_new(shape, SEED);
    test_applied a = {.m = t.m};
    ssmq_exec   *ex;
    int64_t      bytes;
    if (steps) a = test_apply(t.m, b->be, steps, SEED);
    const size_t n = (size_t)t.m->vocabulary * sizeof(float);
    float       *lent = lent_logits(b->be, a.m, a.r.plan, mode, &bytes);
    CHECK_OK(ssmq_exec_open(b->be, a.m, a.r.plan, mode, &ex));
    ssmq_exec_moves(ex);
    float *moved = last_logits(a.m, ex);
    assert_memory_equal(moved, lent, n);
    assert_int_equal(ssmq_exec_weight_bytes(ex), bytes);
    if (mode == SSMQ_MODE_FLOAT) assert_int_equal(bytes, all_bytes(t.m));
    if (!shape->untied) {
        ssmq_checkpoint_close(t.checkpoint);
        t.checkpoint = NULL;
    }
    float *again = last_logits(a.m, ex);
    assert_memory_equal(again, lent, n);
    free(again), free(moved), free(lent);
    ssmq_exec_close(ex);
    if (steps) test_applied_free(&a);
    test_model_free(&t);
}

static void test_the_same_bits_without_the_file(void **state)
{
    static const test_step layers[] = {
        {&ssmq_method_weights, NULL}, {&ssmq_method_activations, NULL}, {0}};
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    (void)state;
    for (int32_t i = 0; i < n; i++)
        for (const ssmq_random_shape *s = test_shapes; s->d_model; s++) {
            print_message("%s, d_model %d\n", b[i].name, (int)s->d_model);
            check(&b[i], s, NULL, SSMQ_MODE_FLOAT);
            check(&b[i], s, layers, SSMQ_MODE_FAKE);
            if (i > 0) check(&b[i], s, layers, SSMQ_MODE_REAL);
        }
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_same_bits_without_the_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
