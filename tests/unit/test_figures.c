/* What figures are made of: bins and pools, tables as text, comments in pictures, sealed files. */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "analysis/figure.h"
#include "analysis/guard.h"
#include "analysis/picture.h"
#include "analysis/rebin.h"
#include "analysis/write.h"
#include "harness/store/sealed.h"
#include "tests/support/check.h"
#include "tests/support/example_store.h"
#include "tests/support/scratch.h"

/* ---- bins, pools, mixtures -------------------------------------------------------------- */

static void test_edges(void **state)
{
    double edge[9];
    (void)state;
    ssmq_linear_edges(-0.1, 0.3, 8, edge);
    assert_true(edge[0] == -0.1 && edge[8] == 0.3);
    for (int i = 0; i < 8; i++) assert_true(fabs(edge[i + 1] - edge[i] - 0.05) < 1e-15);
    ssmq_log_edges(1e-3, 7, 8, edge);
    assert_true(edge[0] == 1e-3 && edge[8] == 7);
    for (int i = 0; i < 8; i++) assert_true(fabs(edge[i + 1] / edge[i] - pow(7e3, 0.125)) < 1e-12);
}

static double sum(const double *x, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++) s += x[i];
    return s;
}

/* Known answers: a part of a bin gets its part of the count; nothing is lost beyond the ends. */
static void test_rebin(void **state)
{
    const double edge[] = {0, 1, 2, 4};
    double       out[3] = {0};
    (void)state;
    ssmq_rebin(0.5, 2.5, 8, edge, 3, out);
    assert_true(out[0] == 2 && out[1] == 4 && out[2] == 2);
    memset(out, 0, sizeof out);
    ssmq_rebin(1, 2, 5, edge, 3, out);
    assert_true(out[0] == 0 && out[1] == 5 && out[2] == 0);
    memset(out, 0, sizeof out);
    ssmq_rebin(3.9, 4.1, 6, edge, 3, out);
    ssmq_rebin(-1, 0, 7, edge, 3, out);
    assert_true(out[0] == 7 && out[1] == 0 && out[2] == 6);
}

/* Any bins into any others: the sum differs by the rounding of 100 x 12 additions of up to 1e4 at most. */
static void test_rebin_conserves(void **state)
{
    ssmq_rng r;
    (void)state;
    ssmq_rng_init(&r, test_seed(3), "rebin");
    for (int trial = 0; trial < 100; trial++) {
        double       edge[13] = {-1}, out[12] = {0}, total = 0;
        const double from = ssmq_rng_uniform(&r) * 3 - 2;
        for (int i = 0; i < 12; i++) edge[i + 1] = edge[i] + ssmq_rng_uniform(&r) * 0.3 + 1e-6;
        for (int i = 0; i < 100; i++) {
            const double count = (double)ssmq_rng_below(&r, 10000), low = from + i * 0.02;
            ssmq_rebin(low, low + 0.02, count, edge, 12, out);
            total += count;
        }
        for (int i = 0; i < 12; i++) assert_true(out[i] >= 0);
        assert_true(fabs(sum(out, 12) - total) <= 1200 * 1e6 * 0x1p-52);
    }
}

static void test_pools(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 40; n++)
        for (int64_t pools = 1; pools <= n; pools++) {
            assert_int_equal(ssmq_pool_begin(0, pools, n), 0);
            assert_int_equal(ssmq_pool_begin(pools, pools, n), n);
            for (int64_t i = 0; i < pools; i++) {
                const int64_t size = ssmq_pool_begin(i + 1, pools, n) - ssmq_pool_begin(i, pools, n);
                assert_true(size == n / pools || size == n / pools + 1);
            }
        }
}

static void test_mixed_quantile(void **state)
{
    const double level[] = {0, 25, 50, 75, 100};
    const double one[] = {-3, -1, 0, 1, 9};
    const double two[] = {0, 1, 2, 3, 4, 10, 11, 12, 13, 14};
    (void)state;
    for (int k = 0; k < 5; k++) assert_true(ssmq_mixed_quantile(one, 1, level, 5, level[k]) == one[k]);
    assert_true(ssmq_mixed_quantile(two, 2, level, 5, 0) == 0);
    assert_true(ssmq_mixed_quantile(two, 2, level, 5, 100) == 14);
    /* Half of the mixture lies in each part: its quartile is the first part's median. */
    assert_true(fabs(ssmq_mixed_quantile(two, 2, level, 5, 25) - 2) < 1e-12);
    assert_true(fabs(ssmq_mixed_quantile(two, 2, level, 5, 75) - 12) < 1e-12);
    assert_true(fabs(ssmq_mixed_quantile(two, 2, level, 5, 10) - 0.8) < 1e-12);
}

/* ---- text ------------------------------------------------------------------------------- */

static ssmq_figure small_figure(ssmq_arena *a)
{
    ssmq_figure f = {.arena = a, .kind = "layers", .title = ""};
    ssmq_figure_add_column(&f, "run", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(&f, "layer", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(&f, "value", SSMQ_COLUMN_REAL);
    const double value[] = {0.1, NAN, INFINITY};
    CHECK_OK(ssmq_figure_reserve(&f, 3));
    CHECK_OK(ssmq_figure_begin_series(&f, "a"));
    for (int i = 0; i < 3; i++) {
        ssmq_cell *cell = ssmq_figure_row(&f);
        cell[0] = SSMQ_TEXT_CELL(i ? "a" : "a, \"b\"");
        cell[1] = SSMQ_NUMBER_CELL(i);
        cell[2] = SSMQ_NUMBER_CELL(value[i]);
    }
    ssmq_figure_comment(&f, "run %s\nof two lines", "x");
    return f;
}

static void test_csv(void **state)
{
    const scratch *s = *state;
    ssmq_figure    f = small_figure(s->a);
    ssmq_str       out = {0};
    ssmq_figure_write_csv(&f, &out);
    assert_string_equal(ssmq_str_text(&out), "# run x of two lines\n"
                                             "run,layer,value\n"
                                             "\"a, \"\"b\"\"\",0,0.1\n"
                                             "a,1,\n"
                                             "a,2,inf\n");
    ssmq_str_free(&out);
    ssmq_figure_free(&f);
}

static void test_json(void **state)
{
    const scratch *s = *state;
    ssmq_figure    f = small_figure(s->a);
    ssmq_str       out = {0};
    ssmq_figure_write_json(&f, &out);
    json_t     *root = json_loads(ssmq_str_text(&out), JSON_REJECT_DUPLICATES, NULL);
    const char *text, *none, *nan, *inf;
    int         layer;
    double      value;
    assert_non_null(root);
    assert_int_equal(json_unpack(root, "{s{s[s,s,s]s[i,i,i]s[f,n,n]s[n,s,s]}}", "data", "run", &text, &none,
                                 &none, "layer", &layer, &layer, &layer, "value", &value, "value_nonfinite",
                                 &nan, &inf),
                     0);
    assert_string_equal(text, "a, \"b\"");
    assert_true(layer == 2 && value == 0.1);
    assert_string_equal(nan, "nan");
    assert_string_equal(inf, "inf");
    assert_int_equal(json_array_size(json_object_get(root, "comments")), 1);
    json_decref(root);
    ssmq_str_free(&out);
    ssmq_figure_free(&f);
}

static void test_quotes(void **state)
{
    ssmq_str out = {0};
    (void)state;
    ssmq_gnuplot_quote("it's `a`\n\"b\" \\", &out);
    assert_string_equal(ssmq_str_text(&out), "'it''s `a` \"b\" \\'");
    ssmq_str_free(&out);
}

/* A table that no memory holds is refused before anything is asked for. */
static void test_too_large(void **state)
{
    const scratch *s = *state;
    ssmq_figure    f = small_figure(s->a);
    CHECK_FAILS_WITH(ssmq_figure_reserve(&f, INT64_C(1) << 40), SSMQ_ERR_USAGE,
                     "is more than one file should hold");
    ssmq_figure_free(&f);
}

/* ---- comments in pictures --------------------------------------------------------------- */

#define COMMENTS "run a--b\nrun c\n"

static ssmq_str commented(ssmq_picture_format format, const char *bytes, size_t n)
{
    ssmq_str picture = {0};
    ssmq_str_append(&picture, bytes, n);
    CHECK_OK(ssmq_picture_comment(format, COMMENTS, &picture));
    return picture;
}

static void test_text_comments(void **state)
{
    static const char svg[] = "<svg><text>x</text></svg>\n", pdf[] = "%PDF-1.5\nxref\nstartxref\n9\n%%EOF\n";
    ssmq_str          p = commented(SSMQ_PICTURE_SVG, svg, strlen(svg));
    (void)state;
    assert_string_equal(ssmq_str_text(&p), "<svg><text>x</text><!--\nrun a- -b\nrun c\n-->\n</svg>\n");
    ssmq_str_free(&p);
    p = commented(SSMQ_PICTURE_PDF, pdf, strlen(pdf));
    assert_string_equal(ssmq_str_text(&p), "%PDF-1.5\nxref\n% run a--b\n% run c\nstartxref\n9\n%%EOF\n");
    ssmq_str_free(&p);
    ssmq_str_puts(&p, "no picture");
    CHECK_FAILS(ssmq_picture_comment(SSMQ_PICTURE_SVG, COMMENTS, &p), SSMQ_ERR_IO,
                "gnuplot wrote something that is no SVG");
    ssmq_str_free(&p);
}

static uint32_t word_at(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The chunk stands behind the header, with its length and checksum. */
static void test_png_comment(void **state)
{
    char png[45] = {0};
    (void)state;
    memset(png, 'h', 33);
    ssmq_str       p = commented(SSMQ_PICTURE_PNG, png, sizeof png);
    const char    *chunk = p.data + 33;
    const uint32_t n = word_at(chunk);
    assert_int_equal(n, strlen("Comment") + 5 + strlen(COMMENTS));
    assert_memory_equal(chunk + 4, "iTXtComment\0\0\0\0\0run a--b", 24);
    assert_int_equal(word_at(chunk + 8 + n), crc32(0, (const Bytef *)chunk + 4, n + 4));
    assert_int_equal(p.length, sizeof png + 12 + n);
    ssmq_str_free(&p);
}

/* ---- in a process of its own ------------------------------------------------------------ */

static ssmq_status make_as_told(const void *context, ssmq_str *out)
{
    const char *what = context;
    ssmq_str_append(out, "a\0b", 3);
    if (strcmp(what, "fail") == 0) return SSMQ_FAIL(INPUT, "no %s", "run");
    if (strcmp(what, "die") == 0) raise(SIGSEGV);
    return SSMQ_OK;
}

static void test_guard(void **state)
{
    static const char *const path[] = {"p", "q"};
    ssmq_str                 out = {0};
    (void)state;
    CHECK_FAILS(ssmq_guard(make_as_told, "fail", path, 2, &out), SSMQ_ERR_INPUT, "no run");
    CHECK_FAILS(ssmq_guard(make_as_told, "die", path, 2, &out), SSMQ_ERR_DAMAGED,
                "p, q: damaged: reading it was ended by signal 11; see 'ssmq verify'");
    assert_int_equal(out.length, 0);
    CHECK_OK(ssmq_guard(make_as_told, "work", path, 2, &out));
    assert_int_equal(out.length, 3);
    assert_memory_equal(out.data, "a\0b", 3);
    ssmq_str_free(&out);
}

/* ---- sealed files ----------------------------------------------------------------------- */

static void test_sealed(void **state)
{
    const scratch     *s = *state;
    const char        *path = scratch_path(s, "run.h5");
    ssmq_sealed       *f;
    ssmq_extent        extent;
    const char *const *text;
    int64_t            n;
    double             block[4];
    CHECK_OK(example_store_write(path));
    CHECK_OK(ssmq_sealed_open(path, &f));
    assert_true(ssmq_sealed_has(f, "/") && ssmq_sealed_has(f, "/sites/scan.x/hist"));
    assert_false(ssmq_sealed_has(f, "/sites/none/hist") || ssmq_sealed_has(f, "/axis/layer/x"));

    CHECK_OK(ssmq_sealed_extent(f, "/sites/scan.x/sample/abs_quantile", &extent));
    assert_true(extent.rank == 3 && extent.dim[1] == EXAMPLE_SAMPLES && extent.number);
    CHECK_OK(ssmq_sealed_block(f, "/sites/scan.x/sample/abs_quantile", (const int64_t[]){1, 0, 1},
                               (const int64_t[]){2, 2, 1}, block));
    for (int i = 0; i < 4; i++) /* value i / 2 at [layer, sample, quantile] of 3 x 2 a layer */
        assert_true(block[i] == (6 * (1 + i / 2) + 2 * (i % 2) + 1) / 2.0);

    CHECK_OK(ssmq_sealed_texts(f, "/axis/document", s->a, &text, &n));
    assert_int_equal(n, EXAMPLE_SAMPLES);
    assert_string_equal(text[2], "größer — 文書");
    CHECK_OK(ssmq_sealed_texts(f, "/meta/resolved_config", s->a, &text, &n));
    assert_int_equal(n, 1);
    assert_true(ssmq_sealed_number(f, "/sites/scan.x", "n_values") == 0x1p40);
    assert_true(ssmq_sealed_number(f, "/sites/scan.x/qparam/scale", "range") == 99.999);
    assert_true(isnan(ssmq_sealed_number(f, "/sites/scan.x", "kind")));
    assert_true(isnan(ssmq_sealed_number(f, "/none", "kind")));
    CHECK_OK(ssmq_sealed_members(f, "/types", s->a, &text));
    assert_string_equal(text[0], "layer"); /* in the order of writing, not of the alphabet */
    assert_string_equal(text[1], "f64");
    CHECK_OK(ssmq_sealed_members(f, "/axis/layer", s->a, &text));
    assert_null(text[0]);

    CHECK_FAILS_WITH(
        ssmq_sealed_block(f, "/axis/document", (const int64_t[]){0}, (const int64_t[]){1}, block),
        SSMQ_ERR_DAMAGED, "/axis/document cannot be read as numbers");
    CHECK_FAILS_WITH(ssmq_sealed_block(f, "/axis/layer", (const int64_t[]){3}, (const int64_t[]){2}, block),
                     SSMQ_ERR_DAMAGED, "/axis/layer cannot be read as numbers");
    CHECK_FAILS_WITH(ssmq_sealed_texts(f, "/axis/layer", s->a, &text, &n), SSMQ_ERR_DAMAGED,
                     "/axis/layer cannot be read as texts");
    CHECK_FAILS_WITH(ssmq_sealed_extent(f, "/none", &extent), SSMQ_ERR_DAMAGED, "/none is missing");
    ssmq_sealed_close(f);
    CHECK_FAILS_WITH(ssmq_sealed_open(scratch_path(s, "none.h5"), &f), SSMQ_ERR_INPUT, "No such file");
    CHECK_FAILS_WITH(ssmq_sealed_open(scratch_write(s, "x.h5", "x", 1), &f), SSMQ_ERR_DAMAGED,
                     "cannot be opened as HDF5");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_edges),  CASE(test_rebin),          CASE(test_rebin_conserves),
        CASE(test_pools),  CASE(test_mixed_quantile), CASE(test_csv),
        CASE(test_json),   CASE(test_quotes),         CASE(test_too_large),
        CASE(test_sealed), CASE(test_text_comments),  CASE(test_png_comment),
        CASE(test_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
