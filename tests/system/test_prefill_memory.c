/* Peak memory of a float prefill in the shape of mamba-130m, 512 tokens with every token's logits: at most
 * the weights and a quarter, also while they are moved out of the mapped file.  A process of its own, since
 * memory that was once used stays counted. */
#include <stdlib.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/exec/exec.h"
#include "harness/store/host.h"
#include "tests/support/check.h"
#include "tests/support/models.h"

#define TOKENS 512
#define LOGIT_ROWS 128

static double weight_bytes(const ssmq_model *m)
{
    double bytes = 0;
    for (int32_t i = 0; i < m->n_weight; i++)
        if (m->weight[i].tied_to < 0) bytes += (double)ssmq_tensor_bytes(&m->weight[i].value);
    return bytes;
}

static void prefill(ssmq_exec *ex, const ssmq_model *m)
{
    int32_t     token[TOKENS];
    void       *state = NULL;
    ssmq_tensor hidden, logits;
    test_tokens(token, TOKENS, m->vocabulary, 1);
    CHECK_OK(m->family->state_new(m, ex, 1, &state));
    CHECK_OK(m->family->forward(m, ex, &(ssmq_batch){token, 1, TOKENS}, state, &hidden));
    hidden = ssmq_tensor_rows(&hidden);
    for (int64_t i = 0; i < TOKENS; i += LOGIT_ROWS) {
        ssmq_tensor rows = ssmq_tensor_slice(&hidden, 0, i, LOGIT_ROWS);
        CHECK_OK(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_LOGITS, 2, (const int64_t[]){LOGIT_ROWS, m->vocabulary},
                                   &logits));
        CHECK_OK(m->family->head(m, ex, &rows, &logits));
    }
    m->family->state_free(m, ex, state);
}

/* The peak of the process so far; moves: the weights leave the file. */
static void check_peak(const test_model *t, ssmq_backend *be, bool moves)
{
    ssmq_exec *ex;
    CHECK_OK(ssmq_exec_open(be, t->m, NULL, SSMQ_MODE_FLOAT, &ex));
    if (moves) ssmq_exec_moves(ex);
    prefill(ex, t->m);
    const double weights = weight_bytes(t->m), peak = (double)ssmq_peak_rss_bytes();
    print_message("%s: peak %.0f MiB, weights %.0f MiB, ratio %.3f\n", moves ? "moved" : "mapped",
                  peak / 0x1p20, weights / 0x1p20, peak / weights);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("not judged: a sanitizer multiplies memory\n");
#else
    assert_true(peak <= 1.25 * weights);
#endif
    ssmq_exec_close(ex);
}

static void test_weights_and_a_quarter(void **state)
{
    (void)state;
    const ssmq_random_shape *shape = &ssmq_random_shapes[0]; /* mamba-130m */
    const ssmq_cpu_options   options = {.isa = SSMQ_CPU_ISA_AUTO};
    test_model               t = test_model_new(shape, 1);
    ssmq_backend            *be;
    CHECK_OK(ssmq_backend_open(&ssmq_backend_cpu, &options, 2, &be));
    check_peak(&t, be, false);
    check_peak(&t, be, true);
    ssmq_backend_close(be);
    test_model_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_weights_and_a_quarter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
