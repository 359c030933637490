/* Sums beside the journal: whatever a kill leaves of the file, each part is found as it was after the last piece or the
 * one before, and nothing else is taken for it. */
#include <string.h>
#include <unistd.h>
#include "harness/store/sums.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

enum { PARTS = 3, WORDS = 3000, FEW = 700, PIECES = 9 };

/* What a part holds after some pieces: most of it is 0. */
typedef struct sums {
    uint32_t often[WORDS], rare[FEW];
    char     text[5]; /* no whole line */
} sums;

static sums sums_of(int32_t part, int64_t pieces)
{
    sums s = {.text = "abcd"};
    for (uint32_t i = 0; i < WORDS; i++)
        if (i % 97 < 5) s.often[i] = (uint32_t)(part + 1) * 1000 + (uint32_t)pieces * i;
    for (uint32_t i = 0; i < FEW; i++) s.rare[i] = (uint32_t)(pieces / 3) * i + (uint32_t)part;
    s.text[0] = (char)('a' + pieces);
    return s;
}

static ssmq_sums_content content_of(sums *s, int64_t pieces, ssmq_sums_array array[3])
{
    array[0] = (ssmq_sums_array){s->often, sizeof s->often};
    array[1] = (ssmq_sums_array){s->text, sizeof s->text};
    array[2] = (ssmq_sums_array){s->rare, sizeof s->rare};
    return (ssmq_sums_content){
        .often = array, .n_often = 2, .rare = array + 2, .n_rare = 1, .version = {0, pieces / 3, 0}};
}

typedef struct opened {
    ssmq_journal *journal;
    ssmq_sums    *sums;
} opened;

static opened open_sums(const scratch *s, const char *identity, const char *stage, int32_t parts)
{
    opened o = {0};
    CHECK_OK(ssmq_journal_open(scratch_path(s, "."), identity, false, NULL, &o.journal));
    CHECK_OK(ssmq_sums_open(o.journal, stage, parts, &o.sums));
    return o;
}

static void close_sums(const opened *o)
{
    ssmq_sums_close(o->sums);
    ssmq_journal_close(o->journal);
}

static void put(ssmq_sums *to, int32_t part, int64_t pieces, bool lasting)
{
    static ssmq_sums_room   room;
    sums                    s = sums_of(part, pieces);
    ssmq_sums_array         array[3];
    const ssmq_sums_content c = content_of(&s, pieces, array);
    ssmq_sums_put(to, part, pieces, lasting, &c, &room);
    ssmq_sums_room_free(&room);
}

static void put_all(ssmq_sums *to, int64_t pieces, bool lasting)
{
    for (int32_t p = 0; p < PARTS; p++) put(to, p, pieces, lasting);
    CHECK_OK(ssmq_sums_end(to, lasting));
}

/* After how many pieces the part is found, with what it had then. */
static int64_t check_part(const ssmq_sums *from, int32_t part)
{
    ssmq_sums_reader often, rare;
    const int64_t    pieces = ssmq_sums_find(from, part, &often, &rare);
    if (pieces == 0) return 0;
    const sums s = sums_of(part, pieces);
    sums       found;
    memset(&found, 0xff, sizeof found);
    ssmq_sums_take(&often, found.often, sizeof found.often);
    ssmq_sums_take(&often, found.text, sizeof found.text);
    ssmq_sums_take(&rare, found.rare, sizeof found.rare);
    assert_ptr_equal(often.at, often.end);
    assert_ptr_equal(rare.at, rare.end);
    assert_memory_equal(found.often, s.often, sizeof s.often);
    assert_memory_equal(found.rare, s.rare, sizeof s.rare);
    assert_string_equal(found.text, s.text);
    return pieces;
}

static ssmq_sums_check examined(const scratch *s)
{
    ssmq_arena     *a = ssmq_arena_new();
    ssmq_sums_check c;
    ssmq_sums_examine(scratch_path(s, "."), a, &c);
    if (c.wrong) assert_string_equal(c.wrong, "is no file of sums, or was cut short");
    ssmq_arena_free(a);
    return c;
}

static void the_last_ones_are_found(void **state)
{
    const scratch *s = *state;
    assert_int_equal(examined(s).parts, 0);
    for (int64_t k = 1; k <= PIECES; k++) {
        const opened o = open_sums(s, "a", "one", PARTS);
        for (int32_t p = 0; p < PARTS; p++) assert_int_equal(check_part(o.sums, p), k - 1);
        ssmq_sums_forget(o.sums);
        put_all(o.sums, k, k % 4 == 0);
        close_sums(&o);
        const ssmq_sums_check c = examined(s);
        assert_true(!c.wrong && c.parts == PARTS && c.lost == 0);
    }
}

/* Of another stage, of as many parts as there are not, and of another journal: none. */
static void they_belong_to_a_stage(void **state)
{
    static const struct {
        const char *identity, *stage;
        int32_t     parts;
    } other[] = {{"a", "two", PARTS}, {"a", "one", PARTS + 1}, {"b", "one", PARTS}};
    const scratch *s = *state;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        opened o = open_sums(s, "a", "one", PARTS);
        put_all(o.sums, 5, false);
        close_sums(&o);
        o = open_sums(s, other[i].identity, other[i].stage, other[i].parts);
        for (int32_t p = 0; p < PARTS; p++) assert_int_equal(check_part(o.sums, p), 0);
        close_sums(&o);
    }
}

/* A journal that begins anew has no sums, even where it is of the same run. */
static void a_new_journal_has_none(void **state)
{
    const scratch *s = *state;
    opened         o = open_sums(s, "a", "one", PARTS);
    put_all(o.sums, 5, false);
    close_sums(&o);
    CHECK_OK(ssmq_journal_open(scratch_path(s, "."), "a", true, NULL, &o.journal));
    assert_int_not_equal(access(scratch_path(s, SSMQ_JOURNAL_SUMS), F_OK), 0);
    ssmq_journal_close(o.journal);
}

static blob contents(const scratch *s)
{
    return blob_read(scratch_path(s, SSMQ_JOURNAL_SUMS));
}

/* Of the bytes that were changed to make `now` of `was`, the first k, or the last. */
static void write_torn(const scratch *s, const blob *was, const blob *now, size_t k, bool from_the_end)
{
    blob   torn = blob_of(now->data, now->size);
    size_t seen = 0;
    for (size_t i = 0; i < now->size; i++) {
        const size_t  at = from_the_end ? now->size - 1 - i : i;
        const uint8_t old = at < was->size ? was->data[at] : 0;
        if (old != now->data[at] && seen++ >= k) torn.data[at] = old;
    }
    scratch_write(s, SSMQ_JOURNAL_SUMS, torn.data, torn.size);
    blob_free(&torn);
}

/* While one part was written, whichever of its bytes are there, in whatever order: it is as it was, or as it is to be. */
static void a_kill_leaves_one_of_two(void **state)
{
    const scratch *s = *state;
    for (int64_t k = 1; k <= 6; k++) {
        opened o = open_sums(s, "a", "one", PARTS);
        if (k > 1) put_all(o.sums, k - 1, k == 3);
        blob was = contents(s);
        put(o.sums, 1, k, k == 5);
        close_sums(&o);
        blob now = contents(s);
        for (size_t cut = 0; cut < 4000; cut += 61) {
            write_torn(s, &was, &now, cut, cut % 2);
            o = open_sums(s, "a", "one", PARTS);
            assert_int_equal(check_part(o.sums, 0), k - 1);
            const int64_t found = check_part(o.sums, 1);
            assert_true(found == k || found == k - 1);
            close_sums(&o);
            assert_true(examined(s).lost <= (k == 1));
        }
        scratch_write(s, SSMQ_JOURNAL_SUMS, now.data, now.size);
        blob_free(&was);
        blob_free(&now);
    }
}

/* Bytes in the middle of all that was written of a part. */
static void what_is_damaged_is_no_sum(void **state)
{
    const scratch *s = *state;
    opened         o = open_sums(s, "a", "one", PARTS);
    put_all(o.sums, 1, false);
    close_sums(&o);
    blob all = contents(s);
    for (size_t i = 4096 + 300; i < all.size; i += 4096) all.data[i] ^= 4; /* no page is without */
    scratch_write(s, SSMQ_JOURNAL_SUMS, all.data, all.size);
    ssmq_sums_check c = examined(s);
    assert_true(!c.wrong && c.parts == PARTS && c.lost > 0);
    o = open_sums(s, "a", "one", PARTS);
    int32_t lost = 0;
    for (int32_t p = 0; p < PARTS; p++) lost += check_part(o.sums, p) == 0;
    assert_int_equal(lost, c.lost);
    close_sums(&o);
    scratch_write(s, SSMQ_JOURNAL_SUMS, all.data, 100);
    assert_non_null(examined(s).wrong);
    scratch_write(s, SSMQ_JOURNAL_SUMS, "nonsense", 8);
    assert_non_null(examined(s).wrong);
    o = open_sums(s, "a", "one", PARTS);
    assert_int_equal(check_part(o.sums, 0), 0);
    put_all(o.sums, 2, true);
    close_sums(&o);
    c = examined(s);
    assert_true(!c.wrong && c.parts == PARTS && c.lost == 0);
    blob_free(&all);
}

static void what_cannot_be_written_is_said(void **state)
{
    const scratch *s = *state;
    opened         o = {0};
    CHECK_OK(ssmq_journal_open(scratch_path(s, "."), "a", false, NULL, &o.journal));
    CHECK_OK(ssmq_make_directory(scratch_path(s, SSMQ_JOURNAL_SUMS)));
    assert_int_equal(ssmq_sums_open(o.journal, "one", PARTS, &o.sums), SSMQ_ERR_IO);
    assert_non_null(strstr(ssmq_error_last()->message, "journal.sums: "));
    assert_int_equal(rmdir(scratch_path(s, SSMQ_JOURNAL_SUMS)), 0);
    ssmq_journal_close(o.journal);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_ones_are_found),  TEST(they_belong_to_a_stage),    TEST(a_new_journal_has_none),
        TEST(a_kill_leaves_one_of_two), TEST(what_is_damaged_is_no_sum), TEST(what_cannot_be_written_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
