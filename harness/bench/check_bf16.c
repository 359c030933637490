/* Products of bfloat16 numbers: equal bits on every backend, also where sums are subnormal, infinite or
 * nearly so. */
#include <float.h>
#include <math.h>
#include "harness/bench/kernel_checks.h"

/* Numbers of so many exponents from x on, or from w on; where they are apart, powers of 2 alone. */
typedef struct range {
    int x, w, exponents, apart;
} range;

static const range ranges[] = {
    {-8, -8, 12, 1},      /* usual ones                                              */
    {-65, -64, 4, 1},     /* products about the smallest normal number               */
    {-77, -76, 16, 1},    /* and far below it                                        */
    {-75, -75, 2, 12},    /* sums that round to it from below, or nearly             */
    {-133, -10, 12, 1},   /* subnormal factors                                       */
    {124, -4, 4, 1},      /* large ones                                              */
    {64, 62, 2, 1},       /* sums about the largest number                           */
    {-133, -133, 261, 1}, /* any                                                     */
};

/* A bfloat16 number, as a float. */
static float some_number(ssmq_draw *d, const range *r, int least)
{
    const int exponent = least + r->apart * (int)ssmq_draw_int(d, 0, r->exponents - 1);
    const int fraction = r->apart > 1 ? 128 : (int)ssmq_draw_int(d, 128, 255);
    return ldexpf((float)(ssmq_draw_int(d, 0, 1) ? fraction : -fraction), exponent - 7);
}

static ssmq_status draw_factors(ssmq_draw *d, int64_t M, int64_t N, int64_t K, ssmq_tensor *x, ssmq_tensor *w)
{
    const range *r = &ranges[ssmq_draw_int(d, 0, sizeof ranges / sizeof *ranges - 1)];
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){M, K}, 0, 1, x));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_BF16, 2, (const int64_t[]){N, K}, w));
    for (int64_t i = 0; i < M * K; i++) {
        float *at = (float *)x->data + i / K * x->stride[0] + i % K;
        *at = ssmq_draw_int(d, 0, 15) ? some_number(d, r, r->x) : -0.0f;
        ssmq_to_f32(at, &(uint16_t){ssmq_f32_to_bf16(*at)}, SSMQ_BF16,
                    1); /* subnormal ones have fewer bits */
    }
    for (int64_t i = 0; i < N * K; i++) ((uint16_t *)w->data)[i] = ssmq_f32_to_bf16(some_number(d, r, r->w));
    return SSMQ_OK;
}

static ssmq_status product_of(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x, const ssmq_tensor *w,
                              const ssmq_epilogue *a)
{
    ssmq_packed packed;
    SSMQ_TRY(be->ops->pack_bf16(be, w, &packed));
    const ssmq_status st = be->ops->linear_bf16(be, y, x, &packed, a);
    be->ops->free(be, packed.data);
    return st;
}

/* A NaN has the bits of any other. */
static void unify_nans(ssmq_tensor *y)
{
    for (int64_t m = 0; m < y->dim[0]; m++)
        for (int64_t n = 0; n < y->dim[1]; n++) {
            float *at = (float *)y->data + m * y->stride[0] + n;
            if (isnan(*at)) *at = NAN;
        }
}

ssmq_status ssmq_kernel_check_linear_bf16(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    static const int64_t columns[] = {1, 8, 15, 16, 17, 33, 48, 63, 64, 65, 80, 130, 300};
    int64_t              M = ssmq_draw_int(d, 1, 17), N = columns[ssmq_draw_int(d, 0, 12)];
    const bool           large = ssmq_draw_large(d, &M, &N);
    const int64_t        K = large || ssmq_draw_int(d, 0, 2) ? ssmq_draw_int(d, 1, 70) : ssmq_draw_int(d, 200, 500);
    ssmq_tensor          x, w, y, z, t[2];
    (void)exact;
    SSMQ_TRY(draw_factors(d, M, N, K, &x, &w));
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){M, N}, 5, 6, &y));
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &N, 0.1f, 2, &t[0]));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &N, -5, 5, &t[1]));
    const bool          plain = ssmq_draw_int(d, 0, 1);
    const ssmq_epilogue a = {.scale = plain ? 1 : 0x1p-30f, /* results of the epilogue may be subnormal */
                             .column = plain ? NULL : &t[0],
                             .bias = ssmq_draw_int(d, 0, 2) ? NULL : &t[1]};
    SSMQ_TRY(product_of(be, &y, &x, &w, &a));
    SSMQ_TRY(product_of(other, &z, &x, &w, &a));
    unify_nans(&y);
    unify_nans(&z);
    return ssmq_draw_compare("linear_bf16", &y, &z, NULL);
}
