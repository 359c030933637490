/* Running out of bulk memory: the nth allocation of a whole quantised run fails, for each n; the status
 * is MEMORY with a message, and nothing leaks (the address sanitizer's build sees to that). */
#include <string.h>
#include "harness/backend/ref/ref.h"
#include "harness/run/calibrate/recipe.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/models.h"
#include "tests/support/options.h"

#define L 6

/* The backend under test, which counts down; -1: never fails. */
static int32_t left = -1;

static ssmq_status counted_alloc(ssmq_backend *be, size_t bytes, void **out)
{
    if (left == 0) return SSMQ_FAIL(MEMORY, "no %zu bytes, as the test asks", bytes);
    if (left > 0) left--;
    return ssmq_backend_ref.alloc(be, bytes, out);
}

static ssmq_status forward(ssmq_exec *ex, const ssmq_model *m, const int32_t *token)
{
    void       *state = NULL;
    ssmq_tensor hidden, logits;
    SSMQ_TRY(m->family->state_new(m, ex, 1, &state));
    ssmq_status st = m->family->forward(m, ex, &(ssmq_batch){token, 1, L}, state, &hidden);
    if (st == SSMQ_OK) {
        hidden = ssmq_tensor_rows(&hidden);
        st = ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_LOGITS, 2, (const int64_t[]){L, m->vocabulary},
                               &logits);
    }
    if (st == SSMQ_OK) st = m->family->head(m, ex, &hidden, &logits);
    m->family->state_free(m, ex, state);
    return st;
}

/* Calibrates, quantises weights and activations, runs. */
static ssmq_status whole_run(ssmq_backend *be, const ssmq_model *base, const ssmq_recipe *recipe,
                             const int32_t *token)
{
    ssmq_model        *m = ssmq_model_fork(base);
    const ssmq_sample  sample = {.token = token, .length = L};
    const ssmq_samples samples = {.sample = (ssmq_sample *)(uintptr_t)&sample, .n = 1};
    ssmq_recipe_result r;
    ssmq_exec         *ex = NULL;
    ssmq_status        st = ssmq_recipe_apply(recipe, m, be, &samples, 3, NULL, &r);
    if (st == SSMQ_OK) {
        st = ssmq_exec_open(be, m, r.plan, SSMQ_MODE_FAKE, &ex);
        if (st == SSMQ_OK) st = forward(ex, m, token);
        ssmq_exec_close(ex);
        ssmq_recipe_result_free(&r);
    }
    ssmq_model_free(m);
    return st;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    ssmq_backend_ops ops = ssmq_backend_ref;
    ssmq_backend    *be;
    ssmq_arena      *arena = ssmq_arena_new();
    test_model       t = test_model_new(&test_shapes[0], 3);
    ssmq_step        step[3] = {{.method = &ssmq_method_hadamard},
                                {.method = &ssmq_method_weights},
                                {.method = &ssmq_method_activations}};
    int32_t          token[L], n = 0;
    ssmq_status      st;
    for (int i = 0; i < 3; i++) {
        step[i].id = step[i].method->name;
        step[i].options = test_options(arena, step[i].method->options, step[i].method->options_size,
                                       NULL);
    }
    const ssmq_recipe recipe = {.step = step, .n_step = 3};
    test_tokens(token, L, t.m->vocabulary, 3);
    CHECK_OK(ssmq_backend_open(&ssmq_backend_ref, NULL, 1, &be));
    ops.alloc = counted_alloc;
    be->ops = &ops;
    do {
        left = n;
        st = whole_run(be, t.m, &recipe, token);
        if (st != SSMQ_OK) {
            assert_int_equal(st, SSMQ_ERR_MEMORY);
            assert_true(ssmq_error_last()->message[0] != '\0');
        }
        n++;
    } while (st != SSMQ_OK);
    print_message("%d allocations\n", n - 1);
    assert_true(n > 30);
    ssmq_backend_close(be);
    test_model_free(&t);
    ssmq_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
