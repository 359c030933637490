#include <string.h>
#include "harness/base/glob.h"
#include "harness/contract/method.h"
#include "tests/support/check.h"

static void test_matches(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool        match;
    } cases[] = {
        {"layers.3.scan.x", "layers.3.scan.x", true},
        {"layers.3.scan.x", "layers.3.scan.xy", false},
        {"layers.3.scan.x", "layers.3.scan", false},
        {"layers.*.scan.x", "layers.12.scan.x", true},
        {"layers.*.scan.x", "layers.1.2.scan.x", false},
        {"layers.*.scan.x", "layers..scan.x", true},
        {"layers.?.scan.x", "layers.1.scan.x", true},
        {"layers.?.scan.x", "layers.12.scan.x", false},
        {"layers?3", "layers.3", false},
        {"layers.**", "layers.3.scan.x", true},
        {"layers.**", "layers.", true},
        {"layers.**", "head.weight", false},
        {"**.weight", "head.weight", true},
        {"**.weight", "layers.3.in_proj.weight", true},
        {"**weight", "weight", true},
        {"**", "", true},
        {"*", "", true},
        {"*", "a.b", false},
        {"a**b**c", "a.b.b.c", true},
        {"a**b**c", "a.c.b", false},
        {"***", "a.b", true},
        {"layers.*.scan.{x,B,C}", "layers.0.scan.B", true},
        {"layers.*.scan.{x,B,C}", "layers.0.scan.dt", false},
        {"{a,b}", "a", true},
        {"{a,b}", "b", true},
        {"{a,b}", "ab", false},
        {"{a,b}{c,d}", "bc", true},
        {"{a}", "a", true},
        {"{a,}b", "b", true},
        {"{,a}b", "ab", true},
        {"{}", "", true},
        {"x{a,{b,c{d,e}}f}y", "xcefy", true},
        {"x{a,{b,c{d,e}}f}y", "xay", true},
        {"x{a,{b,c{d,e}}f}y", "xcey", false},
        {"{a,b,c,d}", "c", true},
        {"{*,x}.y", "anything.y", true},
        {"{**,x}.y", "any.thing.y", true},
        {"layers.{0,1,2?}.*", "layers.23.x", true},
        {"layers.{0,1,2?}.*", "layers.2.x", false},
        {"[ab]", "a", false},
        {"[ab]", "[ab]", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ssmq_glob_match(cases[i].pattern, cases[i].name) != cases[i].match)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].name);
}

static void test_syntax(void **state)
{
    static const struct {
        const char *pattern, *problem;
        size_t      offset;
    } cases[] = {
        {"", "it is empty", 0},
        {"a.{b,c", "this '{' is not closed", 2},
        {"{a,{b}", "this '{' is not closed", 0},
        {"a.b}", "this '}' closes nothing", 3},
        {"{a}}", "this '}' closes nothing", 3},
        {"a,b", "a comma stands outside of braces", 1},
        {"{a,b},c", "a comma stands outside of braces", 5},
    };
    size_t offset;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *problem = ssmq_glob_check(cases[i].pattern, &offset);
        assert_non_null(problem);
        assert_string_equal(problem, cases[i].problem);
        assert_int_equal(offset, cases[i].offset);
        assert_false(ssmq_glob_match(cases[i].pattern, "a"));
        assert_false(ssmq_glob_match(cases[i].pattern, cases[i].pattern));
    }
    char wide[SSMQ_GLOB_MAX + 2];
    memset(wide, 'a', sizeof wide);
    wide[SSMQ_GLOB_MAX] = '\0';
    assert_null(ssmq_glob_check(wide, &offset));
    assert_true(ssmq_glob_match(wide, wide));
    wide[SSMQ_GLOB_MAX] = 'a';
    wide[SSMQ_GLOB_MAX + 1] = '\0';
    assert_string_equal(ssmq_glob_check(wide, &offset), "it is longer than 1000 bytes");
}

/* Patterns on which a backtracking matcher would not come back: a step for each instruction and
 * character is at most 3000 x 4000 here, seconds away from any limit. */
static void test_no_backtracking(void **state)
{
    static const char *const pieces[] = {"*a", "**a", "{a,aa}", "{*,**}", "{{a,b},{a,}}", "?"};
    char                     name[4001], pattern[SSMQ_GLOB_MAX + 1];
    (void)state;
    memset(name, 'a', 4000);
    name[4000] = '\0';
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        const size_t n = strlen(pieces[i]);
        size_t       at = 0;
        for (; at + n + 1 < sizeof pattern; at += n) memcpy(pattern + at, pieces[i], n);
        strcpy(pattern + at, "b"); /* the name has none */
        assert_false(ssmq_glob_match(pattern, name));
    }
    memset(pattern, '*', SSMQ_GLOB_MAX);
    pattern[SSMQ_GLOB_MAX] = '\0';
    assert_true(ssmq_glob_match(pattern, name));
    memset(pattern, '{', SSMQ_GLOB_MAX / 2);
    memset(pattern + SSMQ_GLOB_MAX / 2, '}', SSMQ_GLOB_MAX / 2);
    assert_true(ssmq_glob_match(pattern, ""));
    pattern[SSMQ_GLOB_MAX / 2] = 'a';
    assert_false(ssmq_glob_match(pattern, "a"));
}

static void test_selects(void **state)
{
    const ssmq_site   site = {.name = "layers.3.scan.x"};
    const char *const none[] = {NULL};
    const char *const some[] = {"head.*", "layers.*.scan.*", NULL};
    const char *const other[] = {"head.*", "layers.*.scan.B", NULL};
    (void)state;
    assert_false(ssmq_selects(none, &site));
    assert_true(ssmq_selects(some, &site));
    assert_false(ssmq_selects(other, &site));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_no_backtracking),
        cmocka_unit_test(test_selects),
    };
    return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}
