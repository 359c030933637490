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

typedef struct fixture {
    ssmq_arena      *arena;
    ssmq_backend    *be;
    ssmq_backend_ops ops;
    test_model       t;
    int32_t          token[L];
} fixture;

static void fixture_new(fixture *f)
{
    *f = (fixture){.arena = ssmq_arena_new(), .ops = ssmq_backend_ref, .t = test_model_new(&test_shapes[0], 3)};
    test_tokens(f->token, L, f->t.m->vocabulary, 3);
    CHECK_OK(ssmq_backend_open(&ssmq_backend_ref, NULL, 1, &f->be));
    f->ops.alloc = counted_alloc;
    f->be->ops = &f->ops;
}

static void fixture_free(fixture *f)
{
    ssmq_backend_close(f->be);
    test_model_free(&f->t);
    ssmq_arena_free(f->arena);
}

/* The number of allocations of a recipe with default options, each of which has failed once. */
static int32_t fail_each(fixture *f, const ssmq_method *const *methods, int32_t n_method)
{
    ssmq_step   step[3];
    int32_t     n = 0;
    ssmq_status st;
    for (int i = 0; i < n_method; i++)
        step[i] = (ssmq_step){.id = methods[i]->name,
                              .method = methods[i],
                              .options = test_options(f->arena, methods[i]->options, methods[i]->options_size, NULL)};
    const ssmq_recipe recipe = {.step = step, .n_step = n_method};
    do {
        left = n;
        st = whole_run(f->be, f->t.m, &recipe, f->token);
        if (st != SSMQ_OK) {
            assert_int_equal(st, SSMQ_ERR_MEMORY);
            assert_true(ssmq_error_last()->message[0] != '\0');
        }
        n++;
    } while (st != SSMQ_OK);
    left = -1;
    print_message("%s%s: %d allocations\n", methods[0]->name, n_method > 1 ? " and others" : "", n - 1);
    return n - 1;
}

static void test_every_allocation_may_fail(void **state)
{
    static const ssmq_method *const stack[] = {&ssmq_method_hadamard, &ssmq_method_weights, &ssmq_method_activations};
    fixture f;
    (void)state;
    fixture_new(&f);
    assert_true(fail_each(&f, stack, 3) >= 30);
    for (int32_t i = 0; ssmq_methods[i]; i++) assert_true(fail_each(&f, &ssmq_methods[i], 1) > 5);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
