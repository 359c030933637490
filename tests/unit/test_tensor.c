/* Tensor views, half formats and the quantiser, each against its definition. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/tensor/dtype.h"
#include "harness/tensor/qspec.h"
#include "harness/tensor/tensor.h"
#include "tests/support/check.h"

/* ---- views ----------------------------------------------------------------------------- */

static void test_views(void **state)
{
    (void)state;
    float       x[2 * 3 * 8];
    char        shape[SSMQ_SHAPE_TEXT];
    ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, 2, 3, 8);
    assert_string_equal(ssmq_tensor_shape(&t, shape, sizeof shape), "(2, 3, 8)");
    assert_int_equal(ssmq_tensor_count(&t), 48);
    assert_int_equal(ssmq_tensor_bytes(&t), 192);
    assert_true(ssmq_tensor_contiguous(&t));

    const ssmq_tensor part = ssmq_tensor_slice(&t, 2, 5, 3);
    assert_ptr_equal(part.data, x + 5);
    assert_false(ssmq_tensor_contiguous(&part));
    const ssmq_tensor rows = ssmq_tensor_rows(&part);
    assert_int_equal(rows.rank, 2);
    assert_int_equal(rows.dim[0], 6);
    assert_int_equal(rows.dim[1], 3);
    assert_int_equal(rows.stride[0], 8);

    const ssmq_tensor one = ssmq_tensor_slice(&t, 0, 1, 1), flat = ssmq_tensor_rows(&one);
    assert_ptr_equal(one.data, x + 24);
    assert_true(ssmq_tensor_contiguous(&one));
    assert_int_equal(flat.dim[0], 3);
    t = ssmq_tensor_reshape(&t, 2, (const int64_t[]){6, 8});
    assert_string_equal(ssmq_tensor_shape(&t, shape, sizeof shape), "(6, 8)");
    const ssmq_tensor scalar = ssmq_tensor_of(x, SSMQ_F32, 0, NULL);
    assert_int_equal(ssmq_tensor_count(&scalar), 1);
    assert_int_equal(ssmq_tensor_rows(&scalar).dim[1], 1);
}

/* ---- half formats ---------------------------------------------------------------------- */

/* All 65,536 patterns there and back; NaN stays NaN. */
static void test_half_round_trip(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        const float f = ssmq_f16_to_f32((uint16_t)h), b = ssmq_bf16_to_f32((uint16_t)h);
        if (isnan(f)) assert_true(isnan(ssmq_f16_to_f32(ssmq_f32_to_f16(f))));
        else assert_int_equal(ssmq_f32_to_f16(f), h);
        if (isnan(b)) assert_true(isnan(ssmq_bf16_to_f32(ssmq_f32_to_bf16(b))));
        else assert_int_equal(ssmq_f32_to_bf16(b), h);
    }
}

/* Known values, and ties between neighbours, which go to the even pattern. */
static void test_half_values(void **state)
{
    (void)state;
    assert_true(ssmq_f16_to_f32(0x3c00) == 1.0f && ssmq_f16_to_f32(0x7bff) == 65504.0f);
    assert_true(ssmq_f16_to_f32(0x0001) == 0x1p-24f && ssmq_f16_to_f32(0x8400) == -0x1p-14f);
    assert_int_equal(ssmq_f32_to_f16(65519.99f), 0x7bff);
    assert_int_equal(ssmq_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(ssmq_f32_to_f16(0x1p-25f), 0);      /* half of the smallest: tie to even */
    assert_int_equal(ssmq_f32_to_f16(0x1.8p-25f), 1);
    for (uint16_t h = 0; h < 0x7bff; h++) {
        const float    tie = (ssmq_f16_to_f32(h) + ssmq_f16_to_f32((uint16_t)(h + 1))) / 2;
        const uint16_t even = (uint16_t)(h + (h & 1));
        assert_int_equal(ssmq_f32_to_f16(tie), even);
    }
    assert_int_equal(ssmq_f32_to_bf16(1.00390625f), 0x3f80); /* 1 + 2^-8: tie, down to even */
    assert_int_equal(ssmq_f32_to_bf16(1.01171875f), 0x3f82); /* 1 + 3 * 2^-8: tie, up to even */
}

static void test_conversion_of_arrays(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 0x00, 0x3c, 0x00, 0xc0}; /* from an odd address */
    const double  wide[] = {1.5, 1e300};
    float         f[2];
    ssmq_to_f32(f, bytes + 1, SSMQ_F16, 2);
    assert_true(f[0] == 1.0f && f[1] == -2.0f);
    ssmq_to_f32(f, bytes + 1, SSMQ_BF16, 2);
    assert_true(f[0] == ssmq_bf16_to_f32(0x3c00) && f[1] == -2.0f);
    ssmq_to_f32(f, wide, SSMQ_F64, 2);
    assert_true(f[0] == 1.5f && isinf(f[1]));
}

/* ---- the quantiser --------------------------------------------------------------------- */

static void test_code(void **state)
{
    (void)state;
    ssmq_qspec s = {.bits = 8, .symmetric = true};
    assert_int_equal(ssmq_code_max(&s), 127);
    assert_int_equal(ssmq_code_min(&s), -128);
    assert_int_equal(ssmq_code(0.5f, 1, 0, &s), 0); /* half to even */
    assert_int_equal(ssmq_code(1.5f, 1, 0, &s), 2);
    assert_int_equal(ssmq_code(-2.5f, 1, 0, &s), -2);
    assert_int_equal(ssmq_code(1e30f, 1, 0, &s), 127);
    assert_int_equal(ssmq_code(-1e30f, 1, 0, &s), -128);
    assert_int_equal(ssmq_code(INFINITY, 1, 0, &s), 127);
    assert_int_equal(ssmq_code(NAN, 1, 0, &s), -128);
    assert_int_equal(ssmq_code(10, 0.5f, -30, &s), -10);
    s.rounding = SSMQ_ROUNDING_HALF_AWAY;
    assert_int_equal(ssmq_code(0.5f, 1, 0, &s), 1);
    assert_int_equal(ssmq_code(-2.5f, 1, 0, &s), -3);
    s.rounding = SSMQ_ROUNDING_TRUNCATE;
    assert_int_equal(ssmq_code(1.99f, 1, 0, &s), 1);
    assert_int_equal(ssmq_code(-1.99f, 1, 0, &s), -1);
    s = (ssmq_qspec){.bits = 2, .symmetric = true};
    assert_int_equal(ssmq_code(5, 1, 0, &s), 1);
    assert_int_equal(ssmq_code(-5, 1, 0, &s), -2);
    /* A calibrated maximum maps to the largest code: max / (max / 127) may round to 127.00001. */
    s.bits = 8;
    for (int i = 1; i < 2000; i++) {
        const float most = (float)i * 0.00731f;
        assert_int_equal(ssmq_code(most, most / 127.0f, 0, &s), 127);
        assert_int_equal(ssmq_code(-most, most / 127.0f, 0, &s), -127);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_half_round_trip),
        cmocka_unit_test(test_half_values),
        cmocka_unit_test(test_conversion_of_arrays),
        cmocka_unit_test(test_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
