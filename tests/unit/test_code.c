/* Builds that may compute something else are told apart. */
#include <string.h>
#include "harness/run/code.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void a_commit_tells_all(void **state)
{
    const scratch   *s = *state;
    const ssmq_build b = {.commit = COMMIT};
    assert_string_equal(ssmq_code_of(&b, "/nowhere", s->a), COMMIT);
    assert_string_equal(ssmq_code_key(&b, "/nowhere", s->a), "");
}

/* Of a changed commit, and of an unpacked archive, the program's bytes do. */
static void otherwise_the_program(void **state)
{
    static const ssmq_build builds[] = {{.commit = COMMIT, .dirty = true}, {.commit = "unknown"}};
    const scratch          *s = *state;
    const char *const       one = scratch_write(s, "one", "1", 1), *const two = scratch_write(s, "two", "2", 1);
    for (int i = 0; i < 2; i++) {
        const char *const code = ssmq_code_of(&builds[i], one, s->a), *const key = ssmq_code_key(&builds[i], one, s->a);
        assert_non_null(strstr(code, builds[i].commit));
        assert_non_null(strstr(key, code));
        assert_string_equal(ssmq_code_key(&builds[i], scratch_write(s, "again", "1", 1), s->a), key);
        assert_string_not_equal(ssmq_code_key(&builds[i], two, s->a), key);
        assert_string_not_equal(ssmq_code_of(&builds[i], two, s->a), code);
    }
    assert_string_not_equal(ssmq_code_key(&builds[0], one, s->a), ssmq_code_key(&builds[1], one, s->a));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_commit_tells_all), TEST(otherwise_the_program)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
