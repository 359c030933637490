/* Logits of all checkpoint layouts against float64 references, on every backend and tier; prefill in
 * one piece, in pieces, token by token, and in a batch. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/data/checkpoint.h"
#include "harness/data/dataset.h"
#include "harness/run/checkpoint/load.h"
#include "models/families.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"

#define BOUND 2e-5 /* relative error of the logits that the project promises */
#define BACKENDS 4

/* A reference read from JSON. */
typedef struct golden {
    int32_t *token;
    int32_t  L;
    double  *last; /* logits of the last positions, [rows][width] */
    int32_t  rows, width;
} golden;

static json_t *parsed(const char *path)
{
    json_error_t e;
    json_t      *root = json_load_file(path, 0, &e);
    if (!root) fail_msg("%s: %s", path, e.text);
    return root;
}

static int32_t *tokens_of(const json_t *list, int32_t *n)
{
    *n = (int32_t)json_array_size(list);
    int32_t *token = malloc((size_t)*n * sizeof *token);
    for (int32_t i = 0; i < *n; i++) token[i] = (int32_t)json_integer_value(json_array_get(list, (size_t)i));
    return token;
}

static golden nano_golden(const char *key)
{
    golden  g = {0};
    json_t *root = parsed("tests/golden/nano/expected.json");
    g.token = tokens_of(json_object_get(root, "ids"), &g.L);
    const json_t *rows = json_object_get(root, key);
    g.rows = (int32_t)json_array_size(rows);
    g.width = (int32_t)json_array_size(json_array_get(rows, 0));
    g.last = malloc((size_t)(g.rows * g.width) * sizeof *g.last);
    for (int32_t i = 0; i < g.rows * g.width; i++)
        g.last[i] = json_number_value(
            json_array_get(json_array_get(rows, (size_t)(i / g.width)), (size_t)(i % g.width)));
    json_decref(root);
    return g;
}

static void golden_free(golden *g)
{
    free(g->token);
    free(g->last);
}

/* Relative error of the logits at the reference's positions. */
static double error_of(const float *logits, const golden *g, int64_t vocabulary)
{
    double most = 0;
    for (int32_t r = 0; r < g->rows; r++) {
        const float *row = logits + (g->L - g->rows + r) * vocabulary;
        const double e = check_relative(row, g->last + r * g->width, g->width);
        if (!(e <= most)) most = e;
    }
    return most;
}

static void check_layout(const char *directory, const golden *g)
{
    ssmq_model      *m;
    ssmq_checkpoint *c;
    test_backend     b[BACKENDS];
    CHECK_OK(ssmq_model_load(ssmq_families, directory, &m, &c));
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (int32_t i = 0; i < n; i++)
        for (int32_t chunk = 1; chunk <= g->L; chunk += chunk == 1 ? 6 : g->L - 7) {
            float       *logits = test_logits(b[i].be, m, NULL, g->token, 1, g->L, chunk);
            const double e = error_of(logits, g, m->vocabulary);
            print_message("%s, %s, pieces of %d: %.2e\n", directory, b[i].name, chunk, e);
            assert_true(e <= BOUND);
            free(logits);
        }
    test_backends_close(b, n);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
}

static void test_nano_layouts(void **state)
{
    (void)state;
    static const char *const same[] = {"state-spaces-safetensors", "state-spaces-bin",
                                       "hf-safetensors", "hf-sharded"};
    golden g = nano_golden("logits_last4");
    char   path[128];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        snprintf(path, sizeof path, "tests/golden/nano/%s", same[i]);
        check_layout(path, &g);
    }
    golden_free(&g);
    g = nano_golden("logits_last4_bf16_weights");
    check_layout("tests/golden/nano/hf-bin-bf16", &g);
    golden_free(&g);
}

static void check_tiny(const char *name, const float *logits, const golden *g,
                       const json_t *expected, int64_t V)
{
    const double e = error_of(logits, g, V);
    print_message("tiny-mamba, %s: %.2e\n", name, e);
    /* The reference is written with seven digits: half a unit of the last is 2e-7 of the largest. */
    assert_true(e <= BOUND);
    const json_t *argmax = json_object_get(expected, "argmax");
    double        nll = 0;
    for (int32_t t = 0; t < g->L; t++) {
        const float *row = logits + t * V;
        int64_t      best = 0;
        double       sum = 0;
        for (int64_t v = 0; v < V; v++) best = row[v] > row[best] ? v : best;
        assert_int_equal(best, json_integer_value(json_array_get(argmax, (size_t)t)));
        for (int64_t v = 0; v < V; v++) sum += exp((double)row[v] - row[best]);
        if (t + 1 < g->L) nll += log(sum) + row[best] - row[g->token[t + 1]];
    }
    nll /= g->L - 1;
    assert_true(fabs(nll / json_number_value(json_object_get(expected, "mean_nll")) - 1) <= 1e-6);
}

/* The first L tokens of WikiText-2 test. */
static void first_tokens(golden *g, int32_t L)
{
    const ssmq_data data = {"configs/data/wiki.test.raw", SSMQ_DATA_WIKITEXT_RAW, NULL};
    ssmq_tokenizer *tokenizer;
    ssmq_samples    samples;
    CHECK_OK(ssmq_tokenizer_open("models/tiny-mamba/tokenizer.json", &tokenizer));
    CHECK_OK(ssmq_samples_read(&data, tokenizer, ssmq_tokenizer_size(tokenizer), SSMQ_SELECT_FIRST, 1,
                               L, 0, &samples));
    assert_int_equal(samples.sample[0].length, L);
    g->L = L;
    g->token = malloc((size_t)L * sizeof *g->token);
    memcpy(g->token, samples.sample[0].token, (size_t)L * sizeof *g->token);
    ssmq_samples_free(&samples);
    ssmq_tokenizer_close(tokenizer);
}

static void test_tiny_mamba(void **state)
{
    (void)state;
    json_t       *root = parsed("tests/golden/tiny-mamba/expected.json");
    const json_t *expected = json_object_get(root, "logits_float64");
    const json_t *last = json_object_get(expected, "last_position_first_32");
    golden        g = {.rows = 1, .width = (int32_t)json_array_size(last)};
    first_tokens(&g, (int32_t)json_array_size(json_object_get(expected, "argmax")));
    g.last = malloc((size_t)g.width * sizeof *g.last);
    for (int32_t i = 0; i < g.width; i++)
        g.last[i] = json_number_value(json_array_get(last, (size_t)i));
    ssmq_model      *m;
    ssmq_checkpoint *c;
    test_backend     b[BACKENDS];
    CHECK_OK(ssmq_model_load(ssmq_families, "models/tiny-mamba", &m, &c));
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (int32_t i = 0; i < n; i++) {
        float *logits = test_logits(b[i].be, m, NULL, g.token, 1, g.L, g.L);
        check_tiny(b[i].name, logits, &g, expected, m->vocabulary);
        free(logits);
    }
    test_backends_close(b, n);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
    golden_free(&g);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nano_layouts),
        cmocka_unit_test(test_tiny_mamba),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
