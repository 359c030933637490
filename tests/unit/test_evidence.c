/* Alarms and rankings from made-up runs; results read back. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/data/window.h"
#include "harness/run/evaluate/evidence.h"
#include "harness/store/rank.h"
#include "harness/store/read.h"
#include "harness/store/store.h"
#include "tests/support/check.h"
#include "tests/support/example_store.h"
#include "tests/support/small_tokenizer.h"

/* ---- the same text twice --------------------------------------------------------------- */

static void test_overlap(void **state)
{
    (void)state;
    ssmq_sample sample[] = {{.document = 1}, {.document = 4}, {.document = 5}, {.document = 9}};
    const ssmq_samples samples = {.sample = sample, .n = 4};
    const int64_t      some[] = {0, 1, 2, 5, 6}, others[] = {0, 2, 3, 10}, all[] = {1, 4, 5, 9};
    assert_int_equal(ssmq_overlap_documents(&samples, some, 5), 2);
    assert_int_equal(ssmq_overlap_documents(&samples, others, 4), 0);
    assert_int_equal(ssmq_overlap_documents(&samples, all, 4), 4);
    assert_int_equal(ssmq_overlap_documents(&samples, NULL, 0), 0);
    /* Pieces of 10 tokens, from tokens 10, 40, 50 and 90 on. */
    assert_int_equal(ssmq_overlap_pieces(&samples, 10, 10), 0);
    assert_int_equal(ssmq_overlap_pieces(&samples, 10, 11), 1);
    assert_int_equal(ssmq_overlap_pieces(&samples, 10, 50), 2);
    assert_int_equal(ssmq_overlap_pieces(&samples, 10, 1000), 4);
    assert_int_equal(ssmq_overlap_pieces(&samples, INT64_MAX, INT64_MAX), 0);
}

/* Reads windows to their end; which documents they hold, as "0,1,3". */
static const char *documents_of(const scratch *s, const ssmq_data *data, int64_t window,
                                int64_t limit)
{
    ssmq_tokenizer *t = NULL;
    ssmq_windows   *w = NULL;
    ssmq_window     next;
    const int64_t  *document;
    const char     *text = "";
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(s, NULL, NULL), &t));
    CHECK_OK(ssmq_windows_open(data, t, 300, window, limit, &w));
    for (bool more = true; more;) CHECK_OK(ssmq_windows_next(w, &next, &more));
    const int64_t n = ssmq_windows_documents(w, s->a, &document);
    for (int64_t i = 0; i < n; i++)
        text = ssmq_arena_printf(s->a, "%s%s%d", text, i ? "," : "", (int)document[i]);
    ssmq_windows_close(w);
    ssmq_tokenizer_close(t);
    return text;
}

static void test_documents(void **state)
{
    /* The first one is longer than what the encoder holds back of it. */
    static const char text[] =
        "{\"text\": \"x x x x x x x x x x x x x x x x x x x x\", \"set\": \"A\"}\n"
        "{\"text\": \"pqrst pqrst\", \"set\": \"B\"}\n"
        "{\"text\": \"\", \"set\": \"A\"}\n"
        "{\"text\": \"uvw uvw uvw\", \"set\": \"A\"}\n"
        "{\"text\": \"hijkl hijkl\", \"set\": \"B\"}\n";
    const scratch *s = *state;
    ssmq_data      data = {scratch_write(s, "d.jsonl", text, strlen(text)), SSMQ_DATA_JSONL, NULL};
    assert_string_equal(documents_of(s, &data, 5, 0), "0,1,3,4"); /* an empty one has no tokens */
    assert_string_equal(documents_of(s, &data, 5, 1), "0");
    assert_string_equal(documents_of(s, &data, 5, 2), "0");
    /* The window ends in the first document, the last words of which are not settled yet. */
    assert_string_equal(documents_of(s, &data, 13, 3), "0,1");
    assert_string_equal(documents_of(s, &data, 15, 3), "0,1");
    data.subset = "set"; /* one window of each: the first document of each */
    assert_string_equal(documents_of(s, &data, 5, 1), "0,1");
    data = (ssmq_data){scratch_write(s, "d.txt", text, strlen(text)), SSMQ_DATA_TEXT, NULL};
    assert_string_equal(documents_of(s, &data, 5, 0), "");
}

/* ---- alarms ---------------------------------------------------------------------------- */

static void sink(void *context, const char *line, size_t n)
{
    ssmq_str_append(context, line, n);
}

static void test_better_than_float(void **state)
{
    ssmq_str       lines = {0};
    const ssmq_log log = {.level = SSMQ_LOG_WARNING, .sink = sink, .context = &lines};
    ssmq_alarms    a;
    (void)state;
    ssmq_alarms_open("fake x", &log, &a);
    ssmq_alarms_of_difference(&a, "wt2", 0.5, 0.1);          /* worse */
    ssmq_alarms_of_difference(&a, "wt2", -0.2, 0.1);         /* two standard errors, not more */
    ssmq_alarms_of_difference(&a, "wt2", -0.5, (double)NAN); /* a single window */
    ssmq_alarms_of_difference(&a, "wt2", 0, 0);
    assert_int_equal(a.n, 0);
    ssmq_alarms_of_difference(&a, "wt2", -0.25, 0.1);
    assert_int_equal(a.n, 1);
    assert_string_equal(a.alarm[0].event, "better than float");
    assert_string_equal(a.alarm[0].evaluation, "wt2");
    assert_null(a.alarm[0].site);
    assert_string_equal(a.alarm[0].message, "log-perplexity is 0.25000 below that of float, with a "
                                            "paired standard error of 0.10000");
    assert_string_equal(ssmq_str_text(&lines),
                        "level=warning event=\"better than float\" run=\"fake x\" evaluation=wt2 "
                        "message=\"log-perplexity is 0.25000 below that of float, with a paired "
                        "standard error of 0.10000\"\n");
    for (int i = 0; i < 100; i++) ssmq_alarms_of_difference(&a, "wt2", -1, 0.1); /* they all fit */
    assert_int_equal(a.n, 101);
    assert_string_equal(a.alarm[0].evaluation, "wt2");
    ssmq_alarms_close(&a);
    ssmq_str_free(&lines);
}

/* ---- results read back ----------------------------------------------------------------- */

static void test_read(void **state)
{
    const scratch *s = *state;
    const char    *path = scratch_path(s, "example.h5"), *text;
    const double  *x;
    int64_t        n;
    CHECK_OK(example_store_write(path));
    CHECK_OK(ssmq_store_read_f64(path, "/eval/wt2/window_nll", s->a, &x, &n));
    assert_int_equal(n, EXAMPLE_WINDOWS);
    CHECK_OK(ssmq_store_read_f64(path, "/axis/layer", s->a, &x, &n)); /* integers */
    assert_true(n == EXAMPLE_LAYERS && x[EXAMPLE_LAYERS - 1] == EXAMPLE_LAYERS - 1);
    CHECK_OK(ssmq_store_read_text(path, "/", "Conventions", s->a, &text));
    assert_string_equal(text, "ssmq-1");
    CHECK_FAILS(ssmq_store_read_f64(path, "/eval/none", s->a, &x, &n), SSMQ_ERR_DAMAGED,
                ssmq_arena_printf(s->a, "%s: /eval/none is missing", path));
    CHECK_FAILS(
        ssmq_store_read_f64(path, "/axis/layer_name", s->a, &x, &n), SSMQ_ERR_DAMAGED,
        ssmq_arena_printf(s->a, "%s: /axis/layer_name is no array of numbers of one axis", path));
    CHECK_FAILS(ssmq_store_read_f64(path, "/eval", s->a, &x, &n), SSMQ_ERR_DAMAGED,
                ssmq_arena_printf(s->a, "%s: /eval is missing", path));
    CHECK_FAILS(ssmq_store_read_text(path, "/", "none", s->a, &text), SSMQ_ERR_DAMAGED,
                ssmq_arena_printf(s->a, "%s: / has no text attribute 'none'", path));
    const char *other = scratch_write(s, "x.h5", "no HDF5", 7);
    CHECK_FAILS(ssmq_store_read_f64(other, "/a", s->a, &x, &n), SSMQ_ERR_DAMAGED,
                ssmq_arena_printf(s->a, "%s: cannot be opened as HDF5", other));
    CHECK_FAILS(ssmq_store_read_text(other, "/", "a", s->a, &text), SSMQ_ERR_DAMAGED,
                ssmq_arena_printf(s->a, "%s: cannot be opened as HDF5", other));
}

/* ---- rankings -------------------------------------------------------------------------- */

#define N 5

/* A run with a run.h5 of its own whose windows of `e` have these losses. */
static ssmq_finished_run make_run(const scratch *s, const char *id, const char *mode,
                                  const double *nll, const char *digest)
{
    ssmq_evaluation_score *e = SSMQ_ARENA_ARRAY(s->a, ssmq_evaluation_score, 1);
    ssmq_summary          *summary = SSMQ_ARENA_ARRAY(s->a, ssmq_summary, 1);
    const char            *directory = ssmq_arena_strdup(s->a, scratch_path(s, id));
    ssmq_store            *store;
    int64_t                index[N] = {0, 1, 2, 3, 4};
    const char *const      axis = "/eval/e/window";
    for (int i = 0; i < N; i++) e->score.nll += nll[i] / N;
    e->id = "e";
    *summary = (ssmq_summary){
        .id = id, .name = id, .mode = mode, .status = "done", .evaluation = e, .n_evaluation = 1};
    CHECK_OK(ssmq_make_directory(directory));
    CHECK_OK(ssmq_store_create(ssmq_arena_printf(s->a, "%s/run.h5", directory), &store));
    ssmq_tensor t = SSMQ_TENSOR(index, SSMQ_I64, N);
    CHECK_OK(ssmq_store_attribute_text(store, "/", "run_id", id));
    CHECK_OK(ssmq_store_scale(store, axis, &t, "", "window"));
    t = SSMQ_TENSOR((void *)(uintptr_t)nll, SSMQ_F64, N);
    CHECK_OK(ssmq_store_tensor(store, "/eval/e/window_nll", &t, &axis, "nat", "loss"));
    CHECK_OK(ssmq_store_attribute_text(store, "/eval/e/window_nll", "token_digest", digest));
    CHECK_OK(ssmq_store_attribute_text(store, "/eval/e/window_nll", "dialect", "gptq"));
    CHECK_OK(ssmq_store_seal(store));
    return (ssmq_finished_run){.summary = summary, .directory = directory};
}

static void test_ranking(void **state)
{
    const scratch    *s = *state;
    /* Windows differ much, runs little: only pairing shows it. */
    const double      floats[N] = {1, 2, 3, 4, 5}, best[N] = {1.1, 2.1, 3.1, 4.1, 5.1};
    const double      worse[N] = {1.2, 2.21, 3.19, 4.2, 5.2}, near[N] = {1.2, 2.0, 3.2, 4.0, 5.15};
    ssmq_finished_run run[] = {
        make_run(s, "r-float", "float", floats, "d"),   make_run(s, "r-worse", "fake", worse, "d"),
        make_run(s, "r-best", "fake", best, "d"),       make_run(s, "r-near", "fake", near, "d"),
        make_run(s, "r-other", "fake", worse, "other"), {0},
    };
    run[5] = (ssmq_finished_run){run[1].summary, scratch_path(s, "nowhere")};
    const ssmq_ranking r = ssmq_rank(run, 6, "e", s->a);
    assert_string_equal(r.best, "r-best");
    assert_int_equal(r.n, 4);
    assert_string_equal(r.rival[0].name, "r-worse");
    assert_null(r.rival[0].reason);
    assert_true(fabs(r.rival[0].ln_ratio - 0.1) < 1e-12);
    /* differences .1, .11, .09, .1, .1: variance 5e-5, se sqrt(5e-5 / 5) */
    assert_true(fabs(r.rival[0].se - sqrt(1e-5)) < 1e-9);
    assert_true(r.rival[0].ln_ratio > SSMQ_NOISE_SE * r.rival[0].se);
    assert_string_equal(r.rival[1].name, "r-near");
    assert_true(fabs(r.rival[1].ln_ratio) < SSMQ_NOISE_SE * r.rival[1].se);
    assert_string_equal(r.rival[2].reason, "other tokens");
    assert_string_equal(
        r.rival[3].reason,
        ssmq_arena_printf(s->a, "%s/run.h5: is missing or damaged", run[5].directory));
    assert_null(ssmq_rank(run, 2, "e", s->a).best); /* one quantised run is no contest */
    assert_null(ssmq_rank(run, 6, "f", s->a).best);
    assert_null(ssmq_rank(NULL, 0, "e", s->a).best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlap),
        cmocka_unit_test_setup_teardown(test_documents, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_better_than_float),
        cmocka_unit_test_setup_teardown(test_read, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_ranking, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
