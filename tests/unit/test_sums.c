/* Sums beside the journal: the last ones of a stage are found with their piece, whatever a kill leaves between two of
 * them, and nothing else is taken for them. */
#include <string.h>
#include <unistd.h>
#include "harness/store/sums.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static char warned[1024];

static void take_line(void *context, const char *line, size_t n)
{
    (void)context;
    snprintf(warned, sizeof warned, "%.*s", (int)n, line);
}

static const ssmq_log log_all = {.level = SSMQ_LOG_WARNING, .sink = take_line};

static ssmq_journal *open_journal(const scratch *s)
{
    ssmq_journal *j = NULL;
    CHECK_OK(ssmq_journal_open(scratch_path(s, "."), "a", false, &log_all, &j));
    return j;
}

static void put(ssmq_journal *j, const char *stage, int64_t piece, const char *text)
{
    ssmq_sums *to;
    CHECK_OK(ssmq_sums_begin(j, &to));
    ssmq_sums_put(to, text, 2);
    ssmq_sums_put(to, NULL, 0);
    ssmq_sums_put(to, text + 2, strlen(text + 2));
    CHECK_OK(ssmq_sums_end(to, stage, piece));
}

/* After a start, those of the stage are of this piece and text; NULL: there are none. */
static void check(const scratch *s, const char *stage, int64_t piece, const char *text)
{
    ssmq_journal *j = open_journal(s);
    ssmq_mapping  m = {0};
    int64_t       at = -1;
    warned[0] = '\0';
    assert_int_equal(ssmq_sums_find(j, stage, &log_all, &m, &at), text != NULL);
    if (text) {
        assert_int_equal(at, piece);
        assert_int_equal(m.size, strlen(text));
        assert_memory_equal(m.data, text, m.size);
        ssmq_map_close(&m);
    }
    ssmq_journal_close(j);
}

static void the_last_ones_are_found(void **state)
{
    const scratch *s = *state;
    ssmq_journal  *j = open_journal(s);
    check(s, "one", 0, NULL);
    assert_string_equal(warned, "");
    put(j, "one", 3, "three");
    check(s, "one", 3, "three");
    put(j, "one", 7, "seven");
    check(s, "one", 7, "seven");
    check(s, "two", 0, NULL);
    assert_string_equal(warned, "");
    put(j, "two", 1, "first of two");
    check(s, "two", 1, "first of two");
    ssmq_journal_close(j);
    assert_int_not_equal(access(scratch_path(s, "journal.sums.part"), F_OK), 0);
}

/* Killed before the line, between the line and the file, and with a file half written. */
static void a_kill_leaves_those_before(void **state)
{
    const scratch     *s = *state;
    ssmq_journal      *j = open_journal(s);
    ssmq_sums         *to;
    ssmq_journal_entry e = {.stage = "one", .piece = 4, .tag = "0123456789abcdef", .nll = 1};
    put(j, "one", 3, "three");
    scratch_write(s, "journal.sums.part", "half", 4);
    check(s, "one", 3, "three");
    CHECK_OK(ssmq_journal_add(j, &e));
    check(s, "one", 3, "three");
    assert_string_equal(warned, "");
    CHECK_OK(ssmq_sums_begin(j, &to));
    ssmq_sums_put(to, "four", 4);
    check(s, "one", 3, "three");
    CHECK_OK(ssmq_sums_end(to, "one", 4));
    check(s, "one", 4, "four");
    ssmq_journal_close(j);
}

static void what_is_damaged_is_no_sum(void **state)
{
    static const char *const wrong[] = {"", "thre", "three ", "thref", NULL};
    const scratch           *s = *state;
    ssmq_journal            *j = open_journal(s);
    put(j, "one", 3, "three");
    for (int i = 0; wrong[i]; i++) {
        scratch_write(s, SSMQ_JOURNAL_SUMS, wrong[i], strlen(wrong[i]));
        check(s, "one", 0, NULL);
        assert_non_null(strstr(warned, "not what the journal speaks of; it is computed again"));
    }
    scratch_write(s, SSMQ_JOURNAL_SUMS, "three", 5);
    check(s, "one", 3, "three");
    unlink(scratch_path(s, SSMQ_JOURNAL_SUMS));
    check(s, "one", 0, NULL);
    assert_string_not_equal(warned, "");
    ssmq_journal_close(j);
}

static void what_cannot_be_written_is_said(void **state)
{
    const scratch *s = *state;
    ssmq_journal  *j = open_journal(s);
    ssmq_sums     *to;
    put(j, "one", 3, "three");
    CHECK_OK(ssmq_make_directory(scratch_path(s, "journal.sums.part")));
    assert_int_equal(ssmq_sums_begin(j, &to), SSMQ_ERR_IO);
    assert_non_null(strstr(ssmq_error_last()->message, "journal.sums.part: "));
    check(s, "one", 3, "three");
    ssmq_journal_remove_bulk(scratch_path(s, "."));
    assert_int_not_equal(access(scratch_path(s, SSMQ_JOURNAL_SUMS), F_OK), 0);
    ssmq_journal_close(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(the_last_ones_are_found), TEST(a_kill_leaves_those_before),
                                       TEST(what_is_damaged_is_no_sum), TEST(what_cannot_be_written_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
