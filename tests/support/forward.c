#include "tests/support/forward.h"
#include <stdlib.h>
#include <string.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/backend/ref/ref.h"
#include "tests/support/check.h"

/* logits[b, first .. first + L) of hidden (B, L, D). */
static void keep_logits(ssmq_exec *ex, const ssmq_model *m, const ssmq_tensor *hidden, float *logits,
                        int32_t length, int32_t first)
{
    const int64_t B = hidden->dim[0], L = hidden->dim[1];
    ssmq_tensor   rows = ssmq_tensor_rows(hidden), all;
    CHECK_OK(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_LOGITS, 2, (const int64_t[]){B * L, m->vocabulary},
                               &all));
    CHECK_OK(m->family->head(m, ex, &rows, &all));
    for (int64_t b = 0; b < B; b++)
        memcpy(logits + (b * length + first) * m->vocabulary,
               (const float *)all.data + b * L * m->vocabulary,
               (size_t)(L * m->vocabulary) * sizeof(float));
}

float *test_logits(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan,
                   const int32_t *token, int32_t B, int32_t L, int32_t chunk)
{
    return test_logits_in(be, m, plan, plan ? SSMQ_MODE_FAKE : SSMQ_MODE_FLOAT, token, B, L, chunk);
}

static ssmq_status look_away(void *context, int32_t site, const ssmq_tensor *x)
{
    (void)context, (void)site, (void)x;
    return SSMQ_OK;
}

static float *run_all(ssmq_exec *ex, const ssmq_model *m, const int32_t *token, int32_t B, int32_t L, int32_t chunk)
{
    void    *state = NULL;
    float   *logits = malloc((size_t)(B * L * m->vocabulary) * sizeof *logits);
    int32_t *piece = malloc((size_t)(B * chunk) * sizeof *piece);
    assert_true(logits && piece);
    CHECK_OK(m->family->state_new(m, ex, B, &state));
    for (int32_t i = 0; i < L; i += chunk) {
        const int32_t n = L - i < chunk ? L - i : chunk;
        for (int32_t b = 0; b < B; b++)
            memcpy(piece + b * n, token + b * L + i, (size_t)n * sizeof *piece);
        ssmq_tensor hidden;
        CHECK_OK(m->family->forward(m, ex, &(ssmq_batch){piece, B, n}, state, &hidden));
        keep_logits(ex, m, &hidden, logits, L, i);
    }
    m->family->state_free(m, ex, state);
    free(piece);
    return logits;
}

float *test_logits_in(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan, ssmq_mode mode,
                      const int32_t *token, int32_t B, int32_t L, int32_t chunk)
{
    ssmq_exec *ex;
    CHECK_OK(ssmq_exec_open(be, m, plan, mode, &ex));
    float *logits = run_all(ex, m, token, B, L, chunk);
    ssmq_exec_close(ex);
    return logits;
}

float *test_logits_seen(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan, const int32_t *token,
                        int32_t B, int32_t L)
{
    ssmq_exec *ex;
    CHECK_OK(ssmq_exec_open(be, m, plan, plan ? SSMQ_MODE_FAKE : SSMQ_MODE_FLOAT, &ex));
    ssmq_exec_probe(ex, (ssmq_probe){.see = look_away});
    float *logits = run_all(ex, m, token, B, L, L);
    ssmq_exec_close(ex);
    return logits;
}

static int32_t open_tier(test_backend *out, int32_t n, const char *name,
                         const ssmq_backend_ops *ops, const void *options, int32_t threads)
{
    ssmq_backend     *be;
    const ssmq_status st = ssmq_backend_open(ops, options, threads, &be);
    if (st == SSMQ_ERR_UNSUPPORTED) {
        print_message("not run: %s: %s\n", name, ssmq_error_last()->message);
        return n;
    }
    CHECK_OK(st);
    out[n] = (test_backend){.name = name, .be = be};
    return n + 1;
}

int32_t test_backends_open(test_backend *out, int32_t max, int32_t threads)
{
    static const char *const tiers[] = {"cpu c", "cpu avx2", "cpu avx512"};
    int32_t                  n = 0;
    assert_true(max >= 4);
    n = open_tier(out, n, "ref", &ssmq_backend_ref, NULL, threads);
    for (int i = SSMQ_CPU_ISA_C; i <= SSMQ_CPU_ISA_AVX512; i++) {
        const ssmq_cpu_options o = {.isa = i};
        n = open_tier(out, n, tiers[i - SSMQ_CPU_ISA_C], &ssmq_backend_cpu, &o, threads);
    }
    return n;
}

void test_backends_close(test_backend *b, int32_t n)
{
    for (int32_t i = 0; i < n; i++) ssmq_backend_close(b[i].be);
}
