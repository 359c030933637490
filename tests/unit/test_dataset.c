#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include "harness/data/reader.h"
#include "harness/data/token_file.h"
#include "tests/support/check.h"
#include "tests/support/small_tokenizer.h"

static const char *put(scratch *s, const char *name, const char *text)
{
    return scratch_write(s, name, text, strlen(text));
}

static const char *message(scratch *s, const char *path, const char *rest)
{
    return ssmq_arena_printf(s->a, "%s%s", path, rest);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char      *file;
        ssmq_data_format format;
    } c[] = {{"a/wiki.test.raw", SSMQ_DATA_WIKITEXT_RAW},
             {"x.txt", SSMQ_DATA_TEXT},
             {"x.jsonl", SSMQ_DATA_JSONL},
             {"x.jsonl.zst", SSMQ_DATA_JSONL},
             {"x.npy", SSMQ_DATA_TOKENS},
             {"x.json", SSMQ_DATA_TOKENS}};
    ssmq_data_format format;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        assert_true(ssmq_data_format_of(c[i].file, &format));
        assert_int_equal(format, c[i].format);
    }
    assert_false(ssmq_data_format_of("x.csv", &format));
    assert_false(ssmq_data_format_of("raw", &format));
    assert_false(ssmq_data_format_of("x.raw.zst", &format));
    assert_string_equal(ssmq_data_formats[SSMQ_DATA_WIKITEXT_RAW], "wikitext-raw");
    assert_string_equal(ssmq_data_formats[SSMQ_DATA_TOKENS], "tokens");
    assert_null(ssmq_data_formats[4]);
    assert_string_equal(ssmq_select_names[SSMQ_SELECT_SAMPLED], "sampled");
    assert_null(ssmq_select_names[2]);
}

/* ---- text ------------------------------------------------------------------------------ */

/* All the text of a file of one document. */
static ssmq_status read_all(const ssmq_data *data, ssmq_str *out)
{
    ssmq_reader *r = NULL;
    SSMQ_TRY(ssmq_reader_open(data, &r));
    ssmq_status st = SSMQ_OK;
    for (bool more = true; st == SSMQ_OK && more;) {
        ssmq_piece piece = {0};
        st = ssmq_reader_next(r, &piece, &more);
        if (st == SSMQ_OK && more) ssmq_str_append(out, piece.text, piece.n);
    }
    if (st == SSMQ_OK) assert_true(ssmq_reader_fraction(r) == 1.0);
    ssmq_reader_close(r);
    return st;
}

static void check_rows(scratch *s, const char *file, const char *expected)
{
    const ssmq_data data = {.file = put(s, "x.raw", file), .format = SSMQ_DATA_WIKITEXT_RAW};
    ssmq_str        out = {0};
    CHECK_OK(read_all(&data, &out));
    assert_string_equal(ssmq_str_text(&out), expected);
    ssmq_str_free(&out);
}

static void test_wikitext_rows(void **state)
{
    check_rows(*state, "a\n", "a\n");
    check_rows(*state, "a", "a");
    check_rows(*state, " \n = T = \n \n b\n", "\n\n = T = \n\n\n\n\n b\n");
    check_rows(*state, " \n", "");
    check_rows(*state, "a\n \n", "a\n\n\n");
    check_rows(*state, "a\n  ", "a\n\n\n"); /* a blank last line */
    check_rows(*state, "\n\t\r\n  x\n", "\n\n\n\n  x\n");
    check_rows(*state, "a\n\xC2\xA0\n", "a\n\n\n\xC2\xA0\n");
}

/* Lines that lie across the reader's pieces, of 65,536 bytes. */
static void test_wikitext_pieces(void **state)
{
    scratch *s = *state;
    ssmq_str file = {0}, expected = {0}, out = {0};
    for (int i = 0; i < 20000; i++) {
        ssmq_str_puts(&file, i % 3 ? "     \xC3\xA9 line \n" : "   \n");
        ssmq_str_puts(&expected, i % 3 ? "     \xC3\xA9 line \n" : "");
        if (i + 1 < 20000) ssmq_str_puts(&expected, "\n\n");
    }
    const ssmq_data data = {.file = scratch_write(s, "x.raw", file.data, file.length),
                            .format = SSMQ_DATA_WIKITEXT_RAW};
    CHECK_OK(read_all(&data, &out));
    assert_string_equal(ssmq_str_text(&out), ssmq_str_text(&expected));
    ssmq_str_free(&file);
    ssmq_str_free(&expected);
    ssmq_str_free(&out);
}

static void fails(scratch *s, ssmq_data data, const char *rest)
{
    ssmq_str out = {0};
    CHECK_FAILS(read_all(&data, &out), SSMQ_ERR_INPUT, message(s, data.file, rest));
    ssmq_str_free(&out);
}

static void test_bad_text(void **state)
{
    scratch *s = *state;
    fails(s, (ssmq_data){put(s, "x.txt", ""), SSMQ_DATA_TEXT, NULL}, ": the file is empty");
    fails(s, (ssmq_data){put(s, "x.raw", ""), SSMQ_DATA_WIKITEXT_RAW, NULL}, ": the file is empty");
    fails(s,
          (ssmq_data){put(s, "x.txt",
                          "abc\xFF"
                          "d"),
                      SSMQ_DATA_TEXT, NULL},
          ": byte 3 is not valid UTF-8");
    fails(s, (ssmq_data){put(s, "x.raw", "a\n \n\xE4\xB8"), SSMQ_DATA_WIKITEXT_RAW, NULL},
          ": byte 4 is not valid UTF-8");
    fails(s, (ssmq_data){scratch_path(s, "none.txt"), SSMQ_DATA_TEXT, NULL},
          ": No such file or directory");
    /* far behind the first piece, which ends inside a character */
    ssmq_str text = {0};
    for (int i = 0; i < 50000; i++) ssmq_str_puts(&text, "\xE4\xB8\xAD");
    ssmq_str_puts(&text, "\xE4\x41");
    const char *path = scratch_write(s, "x.txt", text.data, text.length);
    fails(s, (ssmq_data){path, SSMQ_DATA_TEXT, NULL}, ": byte 150000 is not valid UTF-8");
    ssmq_str_clear(&text);
    for (int i = 0; i < (1 << 20) + 1; i++) ssmq_str_puts(&text, " ");
    path = scratch_write(s, "x.raw", text.data, text.length);
    fails(s, (ssmq_data){path, SSMQ_DATA_WIKITEXT_RAW, NULL},
          ": a line begins with more than 1048576 bytes of white space");
    ssmq_str_free(&text);
}

/* ---- jsonl ----------------------------------------------------------------------------- */

static void test_documents(void **state)
{
    scratch        *s = *state;
    const ssmq_data data = {
        put(s, "x.jsonl",
            "{\"text\": \"one\", \"meta\": {\"set\": \"A\"}}\n \n"
            "{\"meta\": {\"set\": \"B\"}, \"text\": \"\"}\r\n"
            "{\"text\": \"a\\u0000b\\n\", \"meta\": {\"set\": \"A\"}, \"n\": 1e3}"),
        SSMQ_DATA_JSONL, "meta.set"};
    ssmq_reader *r = NULL;
    ssmq_piece   p = {0};
    bool         more;
    CHECK_OK(ssmq_reader_open(&data, &r));
    CHECK_OK(ssmq_reader_next(r, &p, &more));
    assert_true(more && p.n == 3 && p.document == 0);
    assert_string_equal(p.text, "one");
    assert_string_equal(p.subset, "A");
    CHECK_OK(ssmq_reader_next(r, &p, &more));
    assert_true(more && p.n == 0 && p.document == 1);
    assert_string_equal(p.subset, "B");
    CHECK_OK(ssmq_reader_next(r, &p, &more));
    assert_true(more && p.n == 4 && p.document == 2);
    assert_memory_equal(p.text, "a\0b\n", 4);
    CHECK_OK(ssmq_reader_next(r, &p, &more));
    assert_false(more);
    ssmq_reader_close(r);
}

static void test_bad_documents(void **state)
{
    scratch *s = *state;
    static const struct {
        const char *file, *message;
    } c[] = {
        {"", ": the file has no documents"},
        {"\n \n", ": the file has no documents"},
        {"{\"text\": \"a\"}\n{\"text\": 1}\n", ":2: the key 'text' is missing or not a string"},
        {"{\"txt\": \"a\"}\n", ":1: the key 'text' is missing or not a string"},
        {"\n\n[1]\n", ":3: not a JSON object"},
        {"{\"text\": \"a\xFF\"}\n", ":1: byte 11 of the line is not valid UTF-8"},
        {"{\"text\": \"a\", \"text\": \"b\"}\n",
         ":1: not valid JSON: duplicate object key near '\"text\"'"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        fails(s, (ssmq_data){put(s, "x.jsonl", c[i].file), SSMQ_DATA_JSONL, NULL}, c[i].message);

    const ssmq_data cut = {put(s, "x.jsonl", "{\"text\": \"a\"}\n{\"text\": \"b"), SSMQ_DATA_JSONL,
                           NULL};
    ssmq_str        out = {0};
    CHECK_FAILS_WITH(read_all(&cut, &out), SSMQ_ERR_INPUT, ":2: not valid JSON: ");
    fails(s,
          (ssmq_data){put(s, "x.jsonl", "{\"text\": \"a\", \"set\": 3}\n"), SSMQ_DATA_JSONL, "set"},
          ":1: the key 'set' is missing or not a string");
    fails(s,
          (ssmq_data){put(s, "x.jsonl", "{\"text\": \"a\", \"m\": 3}\n"), SSMQ_DATA_JSONL, "m.set"},
          ":1: the key 'm.set' is missing or not a string");
    fails(s,
          (ssmq_data){put(s, "x.jsonl", "{\"text\": \"a\", \"set\": \"x\\u0000\"}\n"),
                      SSMQ_DATA_JSONL, "set"},
          ":1: the subset's name under 'set' holds a zero byte");
    ssmq_str_free(&out);
}

static void test_compressed(void **state)
{
    scratch *s = *state;
    ssmq_str text = {0}, out = {0};
    for (int i = 0; i < 5000; i++) ssmq_str_printf(&text, "{\"text\": \"document %d\"}\n", i);
    const size_t bound = ZSTD_compressBound(text.length);
    char        *bytes = ssmq_must_malloc(bound);
    const size_t n = ZSTD_compress(bytes, bound, text.data, text.length, 3);
    ssmq_data    data = {scratch_write(s, "x.jsonl.zst", bytes, n), SSMQ_DATA_JSONL, NULL};
    CHECK_OK(read_all(&data, &out));
    assert_int_equal(strncmp(out.data, "document 0document 1document 2", 30), 0);
    scratch_write(s, "x.jsonl.zst", bytes, n - 5);
    fails(s, data, ": the compressed data end too early");
    scratch_write(s, "x.jsonl.zst", "{\"text\": \"a\"}\n", 14);
    CHECK_FAILS_WITH(read_all(&data, &out), SSMQ_ERR_INPUT, "damaged zstd data");
    free(bytes);
    ssmq_str_free(&text);
    ssmq_str_free(&out);
}

/* ---- token files ----------------------------------------------------------------------- */

/* A .npy file with this header (padded by nothing) and data. */
static const char *put_npy(scratch *s, int version, const char *header, const void *bytes, size_t n)
{
    ssmq_str     f = {0};
    const size_t length = strlen(header);
    const char   size[4] = {(char)(length & 255), (char)(length >> 8), 0, 0};
    const char   numbers[2] = {(char)version, 0};
    ssmq_str_append(&f, "\x93NUMPY", 6);
    ssmq_str_append(&f, numbers, 2);
    ssmq_str_append(&f, size, version == 1 ? 2 : 4);
    ssmq_str_append(&f, header, length);
    ssmq_str_append(&f, bytes, n);
    const char *path = scratch_write(s, "x.npy", f.data, f.length);
    ssmq_str_free(&f);
    return path;
}

static ssmq_status read_ids(const char *path, int64_t vocabulary, ssmq_ids *out)
{
    ssmq_token_file *f = NULL;
    SSMQ_TRY(ssmq_token_file_open(path, vocabulary, &f));
    ssmq_status st = SSMQ_OK;
    for (int64_t got = 1; st == SSMQ_OK && got > 0;) {
        int32_t id[2];
        st = ssmq_token_file_read(f, id, 2, &got);
        if (st == SSMQ_OK) ssmq_ids_append(out, id, got);
    }
    ssmq_token_file_close(f);
    return st;
}

static void check_ids(const char *path, const int32_t *id, int64_t n)
{
    ssmq_ids ids = {0};
    CHECK_OK(read_ids(path, 70000, &ids));
    assert_int_equal(ids.length, n);
    assert_memory_equal(ids.data, id, (size_t)n * sizeof *id);
    ssmq_ids_free(&ids);
}

static void refuses_ids(scratch *s, const char *path, const char *rest)
{
    ssmq_ids ids = {0};
    CHECK_FAILS(read_ids(path, 70000, &ids), SSMQ_ERR_INPUT, message(s, path, rest));
    ssmq_ids_free(&ids);
}

#define IDS3(a, b, c) \
    (const int32_t[]) \
    {                 \
        a, b, c       \
    }
#define HEADER(type, shape) \
    "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }   \n"

/* The same three ids in every integer type, byte order and version. */
static void test_npy(void **state)
{
    scratch             *s = *state;
    static const int32_t small[] = {1, 2, 127}, large[] = {1, 0x0102, 0x10203};
    static const char    one[] = {1, 2, 127};
    static const char    two[] = {1, 0, 2, 1, 3, 2};
    check_ids(put_npy(s, 1, HEADER("|u1", "(3,)"), one, 3), small, 3);
    check_ids(put_npy(s, 1, HEADER("|i1", "(3,)"), one, 3), small, 3);
    check_ids(put_npy(s, 1, HEADER("<u2", "(3,)"), two, 6), IDS3(1, 258, 515), 3);
    check_ids(put_npy(s, 2, HEADER(">i2", "(3,)"), two, 6), IDS3(256, 513, 770), 3);
    check_ids(put_npy(s, 2, HEADER("<i4", "(3,)"), "\1\0\0\0\2\1\0\0\3\2\1\0", 12), large, 3);
    check_ids(put_npy(s, 3, HEADER(">u4", "(3,)"), "\0\0\0\1\0\0\1\2\0\1\2\3", 12), large, 3);
    check_ids(put_npy(s, 1, HEADER("<i8", "(1,)"), "\7\0\0\0\0\0\0\0", 8), IDS3(7, 0, 0), 1);
    check_ids(put_npy(s, 1, HEADER(">u8", "(1,)"), "\0\0\0\0\0\0\0\7", 8), IDS3(7, 0, 0), 1);
    check_ids(
        put_npy(s, 1, "{\"shape\": (1,), \"descr\": \"|u1\",\"fortran_order\":False}", "\5", 1),
        IDS3(5, 0, 0), 1);
}

static void test_bad_npy(void **state)
{
    scratch *s = *state;
    static const struct {
        const char *header, *message;
    } c[] = {
        {HEADER("<f4", "(1,)"), ": elements of type '<f4' are not integers of 1, 2, 4 or 8 bytes"},
        {HEADER("|b1", "(1,)"), ": elements of type '|b1' are not integers of 1, 2, 4 or 8 bytes"},
        {HEADER("<i3", "(1,)"), ": elements of type '<i3' are not integers of 1, 2, 4 or 8 bytes"},
        {HEADER("", "(1,)"), ": elements of type '' are not integers of 1, 2, 4 or 8 bytes"},
        {"{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,)}",
         ": elements of type 'a structure' are not integers of 1, 2, 4 or 8 bytes"},
        {"{'descr': '<i4', 'fortran_order': True, 'shape': (1,)}",
         ": the array is in Fortran order, not C order"},
        {HEADER("<i4", "(1, 1)"), ": the array has 2 dimensions, not 1"},
        {HEADER("<i4", "()"), ": the array has 0 dimensions, not 1"},
        {HEADER("<i4", "(-1,)"), ": malformed .npy header near '-1,), }    '"},
        {HEADER("<i4", "(99999999999999999999,)"),
         ": malformed .npy header near '99999999999999999999'"},
        {"{'descr': '<i4', 'shape': (1,)}", ": malformed .npy header near ''"},
        {"{'descr': '<i4'", ": malformed .npy header near ''"},
        {"nonsense", ": malformed .npy header near 'nonsense'"},
        {"", ": malformed .npy header near ''"},
        {HEADER("<i4", "(2,)"), ": the file ends after 1 of 2 ids"},
        {HEADER("<i8", "(1,)"), ": the file ends after 0 of 1 ids"},
        {HEADER("<i2", "(1,)"), ": there are bytes behind the 1 ids"},
        {HEADER("<i4", "(100000000000000000,)"),
         ": the file ends after 1 of 100000000000000000 ids"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        refuses_ids(s, put_npy(s, 1, c[i].header, "\1\0\0\0", 4), c[i].message);
    refuses_ids(s, put_npy(s, 1, HEADER("<i4", "(0,)"), "", 0), ": the file has no ids");
    refuses_ids(s, put_npy(s, 4, HEADER("<i4", "(1,)"), "", 0),
                ": version 4 of the .npy format is not 1, 2 or 3");
    refuses_ids(s, put_npy(s, 1, HEADER("<i4", "(1,)"), "\xFF\xFF\xFF\xFF", 4),
                ": the id -1 at index 0 is not within 0 to 69999");
    refuses_ids(s, put_npy(s, 1, HEADER("<u4", "(1,)"), "\xFF\xFF\xFF\xFF", 4),
                ": the id 4294967295 at index 0 is not within 0 to 69999");
    refuses_ids(s, put_npy(s, 1, HEADER("<i8", "(1,)"), "\0\0\0\0\0\0\0\x80", 8),
                ": the id -9223372036854775808 at index 0 is not within 0 to 69999");
    refuses_ids(s, put_npy(s, 1, HEADER("<u8", "(1,)"), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8),
                ": the id 18446744073709551615 at index 0 is not within 0 to 69999");
    refuses_ids(s, scratch_write(s, "x.npy", "\x93NUMPY\1\0\x50\0{'de", 14),
                ": the file ends inside the .npy header");
    refuses_ids(s, scratch_write(s, "x.npy", "\x93NUM", 4), ": not a .npy file");
    refuses_ids(s, scratch_write(s, "x.npy", "\x93NUMPY\2\0\xFF\xFF\xFF\xFF", 12),
                ": a .npy header of 4294967295 bytes is over the limit of 65535");
}

static void test_list(void **state)
{
    scratch *s = *state;
    check_ids(put(s, "x.json", "[1,2,3]"), IDS3(1, 2, 3), 3);
    check_ids(put(s, "x.json", " [ 0 ,\n\t69999\r\n] \n"), IDS3(0, 69999, 0), 2);
    static const struct {
        const char *file, *message;
    } c[] = {
        {"", ": byte 0: expected a .npy array or a JSON list of ids, not the end of the file"},
        {"{}", ": byte 0: expected a .npy array or a JSON list of ids, not '{'"},
        {"[]", ": the file has no ids"},
        {"[1", ": byte 2: expected ',' or ']', not the end of the file"},
        {"[1,", ": byte 3: expected an integer, not the end of the file"},
        {"[1,]", ": byte 3: expected an integer, not ']'"},
        {"[1 2]", ": byte 3: expected ',' or ']', not '2'"},
        {"[1.5]", ": byte 2: expected ',' or ']', not '.'"},
        {"[1e3]", ": byte 2: expected ',' or ']', not 'e'"},
        {"[[1]]", ": byte 1: expected an integer, not '['"},
        {"[\"1\"]", ": byte 1: expected an integer, not '\"'"},
        {"[1]x", ": byte 3: expected the end of the file, not 'x'"},
        {"[1]\x01", ": byte 3: expected the end of the file, not the byte 0x01"},
        {"[01]", ": byte 2: expected an integer without leading zeros, not '1'"},
        {"[-]", ": byte 2: expected an integer, not ']'"},
        {"[5, -3]", ": the id -3 at index 1 is not within 0 to 69999"},
        {"[70000]", ": the id 70000 at index 0 is not within 0 to 69999"},
        {"[9999999999999999999]", ": byte 19: expected an integer of at most 18 digits, not '9'"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        refuses_ids(s, put(s, "x.json", c[i].file), c[i].message);
}

/* Longer than the buffers, ending between any two bytes of one. */
static void test_long_list(void **state)
{
    scratch *s = *state;
    ssmq_str text = {0};
    ssmq_ids ids = {0};
    for (int i = 0; i < 60000; i++) ssmq_str_printf(&text, "%s%d", i ? ", " : "[", i);
    ssmq_str_puts(&text, "]");
    CHECK_OK(read_ids(scratch_write(s, "x.json", text.data, text.length), 60000, &ids));
    assert_int_equal(ids.length, 60000);
    for (int i = 0; i < 60000; i++) assert_int_equal(ids.data[i], i);
    ssmq_str_free(&text);
    ssmq_ids_free(&ids);
}

/* Damaged files are read or refused; nothing else happens. */
static void test_damaged(void **state)
{
    scratch    *s = *state;
    ssmq_rng    r;
    const char *npy = put_npy(s, 1, HEADER("<u2", "(4,)"), "\1\0\2\0\3\0\4\0", 8);
    blob        files[3] = {blob_read(npy), blob_of("[1, 2, 33, 4444]", 16),
                            blob_of("{\"text\": \"one\"}\n{\"text\": \"tw\xC3\xB6\"}\n", 33)};
    ssmq_rng_init(&r, test_seed(1), "damage");
    for (int i = 0; i < 3000; i++) {
        blob              d = blob_damaged(&files[i % 3], 0, files[i % 3].size, &r);
        const char       *path = scratch_write(s, "damaged", d.data, d.size);
        ssmq_ids          ids = {0};
        ssmq_str          out = {0};
        ssmq_data         data = {path, SSMQ_DATA_JSONL, NULL};
        const ssmq_status st = i % 3 == 2 ? read_all(&data, &out) : read_ids(path, 70000, &ids);
        assert_true(st == SSMQ_OK || st == SSMQ_ERR_INPUT);
        data.format = SSMQ_DATA_WIKITEXT_RAW;
        const ssmq_status rows = read_all(&data, &out);
        assert_true(rows == SSMQ_OK || rows == SSMQ_ERR_INPUT);
        ssmq_ids_free(&ids);
        ssmq_str_free(&out);
        blob_free(&d);
    }
    for (int i = 0; i < 3; i++) blob_free(&files[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),           cmocka_unit_test(test_wikitext_rows),
        cmocka_unit_test(test_wikitext_pieces), cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_documents),       cmocka_unit_test(test_bad_documents),
        cmocka_unit_test(test_compressed),      cmocka_unit_test(test_npy),
        cmocka_unit_test(test_bad_npy),         cmocka_unit_test(test_list),
        cmocka_unit_test(test_long_list),       cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
