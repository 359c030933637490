/* Codes two to a byte. */
#include <string.h>
#include "harness/tensor/nibbles.h"
#include "tests/support/check.h"

static void test_there_and_back(void **state)
{
    int8_t  code[3 * 17], back[3 * 17];
    uint8_t packed[3 * 9 + 1];
    (void)state;
    for (int n = 1; n <= 17; n++) {
        for (int i = 0; i < 3 * n; i++) code[i] = (int8_t)((i * 7 + n) % 16 - 8);
        packed[3 * ssmq_nibble_bytes(n)] = 0xa5;
        ssmq_nibbles_pack(code, 3, n, packed);
        assert_int_equal(packed[3 * ssmq_nibble_bytes(n)], 0xa5);
        ssmq_nibbles_unpack(packed, 3, n, back);
        assert_memory_equal(code, back, (size_t)(3 * n));
    }
}

static void test_layout(void **state)
{
    const int8_t code[] = {1, -1, -8, 7, 0, 5};
    uint8_t      packed[4];
    (void)state;
    ssmq_nibbles_pack(code, 2, 3, packed);
    assert_int_equal(packed[0], 0xf1);
    assert_int_equal(packed[1], 0x08);
    assert_int_equal(packed[2], 0x07);
    assert_int_equal(packed[3], 0x05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
