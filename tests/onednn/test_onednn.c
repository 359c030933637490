/* The products of codes of every backend and tier: the bits of oneDNN's sums with the epilogue in its order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/backend/ref/ref.h"
#include "harness/bench/draw.h"
#include "tests/onednn/onednn.h"

#define SHAPES 60

static void succeed(ssmq_status st)
{
    if (st != SSMQ_OK) fail_msg("%s", ssmq_error_last()->message);
}

typedef struct drawn {
    int64_t       M, N, K;
    ssmq_tensor   x, w, column, row, bias;
    ssmq_epilogue a;
} drawn;

/* Rows 1 to 17, inner sizes that are multiples of no vector, or of small and large models. */
static void draw(ssmq_draw *d, drawn *t)
{
    static const int64_t columns[] = {1, 8, 16, 17, 48, 63, 64, 65, 80, 130, 300};
    static const int64_t inner[] = {12, 40, 48, 160, 768, 1536};
    const bool           extreme = ssmq_draw_int(d, 0, 3) == 0;
    t->M = ssmq_draw_int(d, 1, 17), t->N = columns[ssmq_draw_int(d, 0, 10)];
    t->K = ssmq_draw_int(d, 0, 1) ? inner[ssmq_draw_int(d, 0, 5)] : ssmq_draw_int(d, 1, 900);
    succeed(ssmq_draw_zero(d, SSMQ_I8, 2, (const int64_t[]){t->M, t->K}, &t->x));
    succeed(ssmq_draw_zero(d, SSMQ_I8, 2, (const int64_t[]){t->N, t->K}, &t->w));
    for (int64_t i = 0; i < t->M * t->K; i++)
        ((int8_t *)t->x.data)[i] = (int8_t)(extreme ? -128 : ssmq_draw_int(d, -128, 127));
    for (int64_t i = 0; i < t->N * t->K; i++)
        ((int8_t *)t->w.data)[i] = (int8_t)(extreme ? -128 : ssmq_draw_int(d, -128, 127));
    succeed(ssmq_draw_dense(d, 1, &t->N, 0.1f, 2, &t->column));
    succeed(ssmq_draw_dense(d, 1, &t->M, 0.1f, 2, &t->row));
    succeed(ssmq_draw_dense(d, 1, &t->N, -5, 5, &t->bias));
    t->a = (ssmq_epilogue){.scale = 0.01f, .column = &t->column, .row = &t->row, .bias = &t->bias};
}

/* What backend.h says of the epilogue, in its order. */
static void expect(const drawn *t, const int32_t *sum, float *y)
{
    const float *column = t->column.data, *row = t->row.data, *bias = t->bias.data;
    for (int64_t m = 0; m < t->M; m++)
        for (int64_t n = 0; n < t->N; n++) {
            float v = (float)sum[m * t->N + n] * t->a.scale;
            v *= column[n];
            v *= row[m];
            y[m * t->N + n] = v + bias[n];
        }
}

static void check(ssmq_backend *be, uint64_t seed)
{
    ssmq_draw   d = ssmq_draw_new(be, seed, true);
    drawn       t;
    ssmq_tensor y, z, sum;
    ssmq_packed packed;
    draw(&d, &t);
    const int64_t dim[] = {t.M, t.N};
    succeed(ssmq_draw_zero(&d, SSMQ_F32, 2, dim, &y));
    succeed(ssmq_draw_zero(&d, SSMQ_F32, 2, dim, &z));
    succeed(ssmq_draw_zero(&d, SSMQ_I32, 2, dim, &sum));
    test_onednn *p = test_onednn_new(t.M, t.N, t.K, t.w.data, NULL);
    assert_non_null(p);
    assert_true(test_onednn_run(p, t.x.data, sum.data));
    test_onednn_free(p);
    expect(&t, sum.data, z.data);
    succeed(be->ops->pack_i8(be, &t.w, &packed));
    succeed(be->ops->linear_i8(be, &y, &t.x, &packed, &t.a));
    be->ops->free(be, packed.data);
    if (memcmp(y.data, z.data, (size_t)(t.M * t.N) * sizeof(float)) != 0)
        fail_msg("%s %s: M %d, N %d, K %d, seed %llu", be->ops->name, be->tier, (int)t.M, (int)t.N, (int)t.K,
                 (unsigned long long)seed);
    ssmq_draw_free(&d);
}

/* Without VNNI oneDNN adds pairs of products in 16 bits, which saturate. */
static bool is_exact(void)
{
    return __builtin_cpu_supports("avx512vnni");
}

static void products_are_those_of_onednn(void **state)
{
    const char    *given = getenv("SSMQ_TEST_SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    ssmq_backend  *be;
    (void)state;
    if (!is_exact()) {
        printf("skipped: oneDNN's products are not exact on this CPU\n");
        skip();
    }
    printf("seed %llu (SSMQ_TEST_SEED repeats it)\n", (unsigned long long)seed);
    for (int isa = SSMQ_CPU_ISA_AUTO; isa <= SSMQ_CPU_ISA_AVX512; isa++) {
        const ssmq_cpu_options o = {.isa = isa};
        const bool             ref = isa == SSMQ_CPU_ISA_AUTO; /* ref in its place */
        succeed(ssmq_backend_open(ref ? &ssmq_backend_ref : &ssmq_backend_cpu, ref ? NULL : &o, 2, &be));
        for (uint64_t i = 0; i < SHAPES; i++) check(be, seed + i);
        ssmq_backend_close(be);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_those_of_onednn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
