/* A text that is read and written in turns is the text that is read at once: the state that is kept
 * is that of all of it. */
#include <stdlib.h>
#include <string.h>
#include "harness/run/generate/generate.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"

#define TINY "models/tiny-mamba"

typedef struct fixture {
    ssmq_arena     *arena;
    ssmq_diag      *diag;
    ssmq_ready      ready;
    ssmq_tokenizer *tokenizer;
} fixture;

static int open_model(void **state)
{
    fixture                 *f = ssmq_must_malloc(sizeof *f);
    const ssmq_ready_request r = {
        .model = TINY, .backend = test_catalogue.backends[1], .threads = 1};
    *f = (fixture){.arena = ssmq_arena_new(), .diag = ssmq_diag_new()};
    CHECK_OK(ssmq_ready_open(&r, &test_catalogue, f->diag, f->arena, &f->ready));
    CHECK_OK(ssmq_tokenizer_open(TINY "/tokenizer.json", &f->tokenizer));
    *state = f;
    return 0;
}

static int close_model(void **state)
{
    fixture *f = *state;
    ssmq_ready_close(&f->ready);
    ssmq_tokenizer_close(f->tokenizer);
    ssmq_diag_free(f->diag);
    ssmq_arena_free(f->arena);
    free(f);
    return 0;
}

static void show_nobody(void *context, const char *text, size_t n)
{
    (void)context, (void)text, (void)n;
}

static ssmq_generation greedy(const ssmq_ids *prompt)
{
    return (ssmq_generation){.prompt = prompt ? prompt->data : NULL,
                             .n_prompt = prompt ? prompt->length : 0,
                             .limit = 8,
                             .sampling = {.repetition_penalty = 1.3, .top_p = 1},
                             .end = -1,
                             .show = show_nobody};
}

static void same(const ssmq_ids *a, const ssmq_ids *b)
{
    assert_int_equal(a->length, b->length);
    assert_memory_equal(a->data, b->data, (size_t)a->length * sizeof *a->data);
}

static void test_turns(void **state)
{
    fixture        *f = *state;
    const int32_t   part[2][3] = {{17, 290, 411}, {33, 1021, 8}};
    ssmq_generation g = greedy(NULL);
    ssmq_writer    *w;
    ssmq_generated  reply[2], whole;
    ssmq_ids        text = {0};
    CHECK_OK(ssmq_writer_open(&f->ready, f->tokenizer, &g, &w));
    for (int again = 0; again < 2; again++) {
        ssmq_ids_clear(&text);
        for (int i = 0; i < 2; i++) {
            ssmq_writer_read(w, part[i], 3);
            CHECK_OK(ssmq_writer_write(w, 8, &reply[i]));
            ssmq_ids_append(&text, part[i], 3);
            const ssmq_generation at_once = greedy(&text);
            CHECK_OK(ssmq_generate(&f->ready, f->tokenizer, &at_once, &whole));
            same(&reply[i].ids, &whole.ids);
            ssmq_ids_append(&text, reply[i].ids.data, reply[i].ids.length);
            ssmq_ids_free(&whole.ids);
            ssmq_ids_free(&reply[i].ids);
        }
        CHECK_OK(ssmq_writer_forget(w));
    }
    ssmq_writer_close(w);
    ssmq_ids_free(&text);
}

/* A token that ends the text is no part of it: what is read next stands behind the last one before
 * it. */
static void test_end(void **state)
{
    fixture       *f = *state;
    const int32_t  prompt[] = {17, 290, 411}, more = 5;
    ssmq_ids       text = {0};
    ssmq_generated all, cut, rest, whole;
    ssmq_writer   *w;
    ssmq_ids_append(&text, prompt, 3);
    ssmq_generation g = greedy(&text);
    CHECK_OK(ssmq_generate(&f->ready, f->tokenizer, &g, &all));
    int32_t at = 1;
    while (at < 7 && all.ids.data[at] == all.ids.data[0]) at++;
    g.end = all.ids.data[at];
    CHECK_OK(ssmq_writer_open(&f->ready, f->tokenizer, &g, &w));
    ssmq_writer_read(w, prompt, 3);
    CHECK_OK(ssmq_writer_write(w, 8, &cut));
    assert_int_equal(cut.end, SSMQ_GENERATION_TOKEN);
    ssmq_writer_read(w, &more, 1);
    CHECK_OK(ssmq_writer_write(w, 1, &rest));
    ssmq_ids_append(&text, cut.ids.data, cut.ids.length);
    ssmq_ids_append(&text, &more, 1);
    ssmq_generation at_once = greedy(&text);
    at_once.end = g.end;
    at_once.limit = 1;
    CHECK_OK(ssmq_generate(&f->ready, f->tokenizer, &at_once, &whole));
    same(&rest.ids, &whole.ids);
    ssmq_writer_close(w);
    ssmq_ids_free(&all.ids);
    ssmq_ids_free(&cut.ids);
    ssmq_ids_free(&rest.ids);
    ssmq_ids_free(&whole.ids);
    ssmq_ids_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_turns, open_model, close_model),
        cmocka_unit_test_setup_teardown(test_end, open_model, close_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
