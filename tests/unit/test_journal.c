/* The journal of a run: what was added is found again, and whatever becomes of its files, nothing wrong is. */
#include "harness/store/journal.h"
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static const double losses[] = {4.139849076810406, 1.0 / 3, 5e-324, 2.5};
#define N ((int64_t)(sizeof losses / sizeof *losses))

static const char *folder, *path, *bin;
static char warned[4096];

static void take_line(void *context, const char *line, size_t n)
{
    (void)context;
    snprintf(warned, sizeof warned, "%.*s", (int)n, line);
}

static const ssmq_log log_all = {.level = SSMQ_LOG_WARNING, .sink = take_line};

static ssmq_journal *open_journal(const char *identity, bool afresh)
{
    ssmq_journal *j = NULL;
    warned[0] = '\0';
    CHECK_OK(ssmq_journal_open(folder, identity, afresh, &log_all, &j));
    return j;
}

/* Bytes of piece i, of different length each. */
static size_t bytes_of(int64_t i, unsigned char out[64])
{
    const size_t n = 8 * (size_t)(i + 1);
    for (size_t k = 0; k < n; k++) out[k] = (unsigned char)(17 * (size_t)i + k);
    return n;
}

static void add(ssmq_journal *j, int64_t i)
{
    unsigned char      data[64];
    ssmq_journal_entry e = {.stage = "wt2", .piece = i, .tag = "cafe", .nll = losses[i], .data = data};
    e.bytes = bytes_of(i, data);
    CHECK_OK(ssmq_journal_add(j, &e));
}

static void fill(void)
{
    ssmq_journal *j = open_journal("a", true);
    CHECK_OK(ssmq_journal_note(j, "begin", "wt2"));
    for (int64_t i = 0; i < N; i++) add(j, i);
    CHECK_OK(ssmq_journal_note(j, "end", "wt2"));
    ssmq_journal_close(j);
}

/* The first n pieces are there, bit for bit, and no others. */
static void expect(ssmq_journal *j, int64_t n)
{
    ssmq_journal_entry e;
    assert_int_equal(ssmq_journal_count(j), n);
    for (int64_t i = 0; i < N; i++) {
        unsigned char data[64];
        const size_t  bytes = bytes_of(i, data);
        assert_int_equal(ssmq_journal_find(j, "wt2", i, "cafe", &e), i < n);
        if (i >= n) continue;
        assert_memory_equal(&e.nll, &losses[i], sizeof e.nll);
        assert_int_equal(e.bytes, bytes);
        assert_memory_equal(e.data, data, bytes);
    }
}

static int64_t size_of(const char *file)
{
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    return (int64_t)st.st_size;
}

/* Where line number n of the journal begins. */
static int64_t line_at(int n)
{
    ssmq_mapping m;
    int64_t      at = 0;
    CHECK_OK(ssmq_map_open(path, &m));
    for (; n > 0; n--) at = (const uint8_t *)memchr(m.data + at, '\n', m.size - (size_t)at) + 1 - m.data;
    ssmq_map_close(&m);
    return at;
}

static void flip(const char *file, int64_t at)
{
    unsigned char c;
    const int     fd = open(file, O_RDWR);
    assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
    close(fd);
}

static void test_found_again(void **state)
{
    (void)state;
    ssmq_journal_entry e;
    fill();
    ssmq_journal *j = open_journal("a", false);
    expect(j, N);
    assert_false(ssmq_journal_find(j, "wt2", 0, "beef", &e));
    assert_false(ssmq_journal_find(j, "wt2", 0, NULL, &e));
    assert_false(ssmq_journal_find(j, "wt", 0, "cafe", &e));
    assert_true(ssmq_journal_last(j, "wt2", "cafe", &e));
    assert_int_equal(e.piece, N - 1);
    assert_false(ssmq_journal_last(j, "wt2", NULL, &e));
    ssmq_journal_close(j);
    assert_string_equal(warned, "");
}

/* Cut anywhere: what is whole is there, the rest is added again, and nobody is warned. */
static void test_torn(void **state)
{
    (void)state;
    fill();
    const int64_t third = line_at(4), fourth = line_at(5);
    for (int64_t cut = third; cut < fourth; cut += 7) {
        fill();
        assert_int_equal(truncate(path, (off_t)cut), 0);
        ssmq_journal *j = open_journal("a", false);
        assert_string_equal(warned, "");
        expect(j, 2);
        add(j, 2);
        ssmq_journal_close(j);
        j = open_journal("a", false);
        expect(j, 3);
        ssmq_journal_close(j);
    }
}

static void test_torn_head(void **state)
{
    (void)state;
    fill();
    assert_int_equal(truncate(path, 20), 0);
    ssmq_journal *j = open_journal("a", false);
    expect(j, 0);
    ssmq_journal_close(j);
    assert_int_equal(size_of(bin), 0);
}

static void test_damaged_line(void **state)
{
    (void)state;
    fill();
    flip(path, line_at(3) + 30); /* of piece 1 */
    ssmq_journal *j = open_journal("a", false);
    expect(j, 1);
    assert_non_null(strstr(warned, "a damaged journal; what it tells from there on is computed again"));
    assert_non_null(strstr(warned, "line=4"));
    assert_non_null(strstr(warned, "has a wrong sum"));
    add(j, 1);
    ssmq_journal_close(j);
    j = open_journal("a", false);
    expect(j, 2);
    ssmq_journal_close(j);
}

static void test_damaged_bytes(void **state)
{
    (void)state;
    fill();
    flip(bin, 8 + 3); /* of piece 1 */
    ssmq_journal *j = open_journal("a", false);
    expect(j, 1);
    assert_non_null(strstr(warned, "bytes in journal.bin that have another sum"));
    ssmq_journal_close(j);

    fill();
    assert_int_equal(truncate(bin, 8 + 16 + 1), 0);
    j = open_journal("a", false);
    expect(j, 2);
    assert_non_null(strstr(warned, "speaks of more than journal.bin holds"));
    ssmq_journal_close(j);
}

static void test_of_another(void **state)
{
    (void)state;
    fill();
    ssmq_journal *j = open_journal("b", false);
    expect(j, 0);
    assert_non_null(strstr(warned, "a journal of another run, code or processor; computing anew"));
    ssmq_journal_close(j);
    fill();
    j = open_journal("a", true);
    expect(j, 0);
    assert_string_equal(warned, "");
    ssmq_journal_close(j);
}

/* No space for all of a piece: the failure says so, and what was written before is good. */
static void test_full(void **state)
{
    (void)state;
    struct rlimit was, little;
    fill();
    ssmq_journal *j = open_journal("a", false);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    little = (struct rlimit){.rlim_cur = (rlim_t)size_of(path) + 10, .rlim_max = was.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    const ssmq_journal_entry e = {.stage = "wt2", .piece = 4, .tag = "cafe", .nll = 1};
    CHECK_FAILS_WITH(ssmq_journal_add(j, &e), SSMQ_ERR_IO, "journal.jsonl: File too large");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    CHECK_OK(ssmq_journal_add(j, &e));
    ssmq_journal_close(j);
    j = open_journal("a", false);
    assert_int_equal(ssmq_journal_count(j), N + 1);
    ssmq_journal_close(j);
    assert_string_equal(warned, "");
}

static void test_removed(void **state)
{
    (void)state;
    fill();
    ssmq_journal_remove_bulk(folder);
    assert_int_equal(access(bin, F_OK), -1);
    ssmq_journal_remove_bulk(folder);
    assert_int_equal(access(path, F_OK), 0);
}

static int begin(void **state)
{
    const int st = scratch_setup(state);
    folder = ((scratch *)*state)->path;
    path = scratch_path(*state, "journal.jsonl");
    bin = scratch_path(*state, "journal.bin");
    return st;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_again),   cmocka_unit_test(test_torn),
        cmocka_unit_test(test_torn_head),     cmocka_unit_test(test_damaged_line),
        cmocka_unit_test(test_damaged_bytes), cmocka_unit_test(test_of_another),
        cmocka_unit_test(test_full),          cmocka_unit_test(test_removed),
    };
    return cmocka_run_group_tests(tests, begin, scratch_teardown);
}
