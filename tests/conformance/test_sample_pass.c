/* The forward pass over samples: each wanted site once a sample, the same bits for any batch, in the order asked for,
 * no further than to the last wanted site, and it ends early between samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/sample_pass.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/steps.h"

enum { SAMPLES = 7, LONGEST = 9, VOCABULARY = 40, MOST_SITES = 3, WIDEST = 64 };
static const int32_t lengths[SAMPLES] = {9, 9, 9, 5, 5, 9, 2};

typedef struct seen {
    const ssmq_model *m;
    const char       *site[MOST_SITES];
    float             value[SAMPLES][MOST_SITES][LONGEST * WIDEST];
    int32_t           shown[SAMPLES][MOST_SITES];
    int64_t           done;       /* samples */
    int32_t           groups;
    int64_t           stop_after; /* samples; then the signal is there */
    volatile sig_atomic_t signal;
} seen;

typedef struct bench {
    test_model   model;
    test_backend backend[8];
    int32_t      n;
    int32_t      token[SAMPLES][LONGEST];
    ssmq_sample  sample[SAMPLES];
    ssmq_samples samples;
} bench;

static int32_t number_of(const seen *s, int32_t site)
{
    for (int32_t i = 0; i < MOST_SITES; i++)
        if (s->site[i] && strcmp(s->m->site[site].name, s->site[i]) == 0) return i;
    return -1;
}

static bool wants(void *context, int32_t site, int64_t first)
{
    const seen *s = context;
    assert_true(first >= s->done);
    return number_of(s, site) >= 0;
}

static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x, int64_t first)
{
    seen         *s = context;
    const int32_t k = number_of(s, site);
    assert_true(k >= 0);
    for (int32_t b = 0; b < x->dim[0]; b++) {
        const ssmq_tensor one = ssmq_tensor_slice(x, 0, b, 1), rows = ssmq_tensor_rows(&one);
        assert_true(rows.dim[0] <= LONGEST && rows.dim[1] <= WIDEST);
        for (int64_t i = 0; i < rows.dim[0]; i++)
            memcpy(s->value[first + b][k] + i * rows.dim[1], (const float *)rows.data + i * rows.stride[0],
                   (size_t)rows.dim[1] * sizeof(float));
        s->shown[first + b][k]++;
    }
    return SSMQ_OK;
}

static ssmq_status done(void *context, int64_t first, int32_t n)
{
    seen *s = context;
    assert_int_equal(first, s->done);
    s->done += n;
    s->groups++;
    if (s->stop_after && s->done >= s->stop_after) s->signal = SIGTERM;
    return SSMQ_OK;
}

static ssmq_sample_pass pass_of(const bench *b, ssmq_backend *be, seen *s, const ssmq_listener *l)
{
    s->m = b->model.m;
    return (ssmq_sample_pass){.task = "looking",
                              .model = b->model.m,
                              .be = be,
                              .samples = &b->samples,
                              .n = SAMPLES,
                              .listener = l,
                              .watch = {.context = s, .wants = wants, .see = see, .done = done}};
}

static seen *seen_new(const char *a, const char *b, const char *c)
{
    seen *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->site[0] = a;
    s->site[1] = b;
    s->site[2] = c;
    return s;
}

static void test_batches(void **state)
{
    const bench *b = *state;
    for (int32_t i = 0; i < b->n; i++) {
        seen *one = seen_new("layers.0.in_proj.in", "layers.1.out_proj.in", "head.in");
        for (int32_t batch = 0; batch < 4; batch++) {
            seen            *s = batch < 2 ? one : seen_new(one->site[0], one->site[1], one->site[2]);
            ssmq_sample_pass p = pass_of(b, b->backend[i].be, s, NULL);
            p.batch = batch;
            memset(s->shown, 0, sizeof s->shown);
            s->done = s->groups = 0;
            CHECK_OK(ssmq_sample_pass_run(&p));
            assert_int_equal(s->done, SAMPLES);
            /* 9 9 9 | 5 5 | 9 | 2 */
            assert_int_equal(s->groups, batch < 2 ? 7 : batch == 2 ? 5 : 4);
            for (int32_t k = 0; k < SAMPLES; k++)
                for (int32_t site = 0; site < MOST_SITES; site++) assert_int_equal(s->shown[k][site], 1);
            assert_memory_equal(s->value, one->value, sizeof s->value);
            if (s != one) free(s);
        }
        free(one);
    }
}

static void test_order(void **state)
{
    const bench     *b = *state;
    const int64_t    order[] = {5, 0, 6};
    seen            *all = seen_new("head.in", NULL, NULL), *some = seen_new("head.in", NULL, NULL);
    ssmq_sample_pass p = pass_of(b, b->backend[0].be, all, NULL);
    CHECK_OK(ssmq_sample_pass_run(&p));
    p = pass_of(b, b->backend[0].be, some, NULL);
    p.order = order;
    p.n = 3;
    p.batch = 2;
    CHECK_OK(ssmq_sample_pass_run(&p));
    assert_int_equal(some->groups, 2);
    for (int i = 0; i < 3; i++)
        assert_memory_equal(some->value[i], all->value[order[i]], sizeof some->value[i]);
    free(all);
    free(some);
}

/* What is known already does not run, nor does anything that nobody looks at. */
static void test_as_far_as_needed(void **state)
{
    const bench     *b = *state;
    seen            *s = seen_new("layers.1.scan.x", NULL, NULL);
    ssmq_sample_pass p = pass_of(b, b->backend[0].be, s, NULL);
    s->done = p.known = 4;
    CHECK_OK(ssmq_sample_pass_run(&p));
    for (int i = 0; i < SAMPLES; i++) assert_int_equal(s->shown[i][0], i >= 4);
    assert_int_equal(s->groups, 3);
    p.known = SAMPLES;
    CHECK_OK(ssmq_sample_pass_run(&p));
    assert_int_equal(s->groups, 3);
    s->site[0] = NULL;
    s->done = p.known = 0;
    CHECK_OK(ssmq_sample_pass_run(&p));
    assert_int_equal(s->done, SAMPLES);
    free(s);
}

/* The embedding of the last token, which is only in sample 4, is not finite: whatever runs beside it, the message
 * names that sample, and those before it were done. */
static void test_not_finite(void **state)
{
    const bench *b = *state;
    ssmq_model  *m = ssmq_model_fork(b->model.m);
    ssmq_tensor  w;
    CHECK_OK(ssmq_model_writable(m, m->site[test_site(m, "embedding.weight")].weight, &w));
    for (int64_t i = 0; i < w.dim[1]; i++) ((float *)w.data)[(VOCABULARY - 1) * w.dim[1] + i] = INFINITY;
    for (int32_t batch = 1; batch <= 3; batch++) {
        seen            *s = seen_new("layers.1.scan.x", NULL, NULL);
        ssmq_sample_pass p = pass_of(b, b->backend[0].be, s, NULL);
        p.model = s->m = m;
        p.batch = batch;
        assert_int_equal(ssmq_sample_pass_run(&p), SSMQ_ERR_NUMERIC);
        assert_non_null(strstr(ssmq_error_last()->message, "looking, sample 4 (document 104): "));
        assert_int_equal(s->done, batch == 1 ? 4 : 3);
        free(s);
    }
    ssmq_model_free(m);
}

static void test_signal(void **state)
{
    const bench        *b = *state;
    seen               *s = seen_new("layers.0.scan.x", NULL, NULL);
    const ssmq_listener l = {.signal = &s->signal};
    ssmq_sample_pass    p = pass_of(b, b->backend[0].be, s, &l);
    s->stop_after = 2;
    p.batch = 3;
    assert_int_equal(ssmq_sample_pass_run(&p), SSMQ_ERR_STOPPED);
    assert_int_equal(s->done, 3); /* those that ran together */
    s->signal = 0;
    s->stop_after = 0;
    p.known = 3;
    CHECK_OK(ssmq_sample_pass_run(&p));
    assert_int_equal(s->done, SAMPLES);
    for (int i = 0; i < SAMPLES; i++) assert_int_equal(s->shown[i][0], 1);
    free(s);
}

static int set_up(void **state)
{
    bench *b = calloc(1, sizeof *b);
    if (!b) return -1;
    b->model = test_model_new(&(ssmq_random_shape){.d_model = 12, .n_layer = 2, .vocab_size = VOCABULARY}, 1);
    b->n = test_backends_open(b->backend, 8, 2);
    for (int32_t i = 0; i < SAMPLES; i++) {
        test_tokens(b->token[i], lengths[i], VOCABULARY - 1, (uint64_t)i);
        if (i == 4) b->token[i][2] = VOCABULARY - 1;
        b->sample[i] = (ssmq_sample){.token = b->token[i], .length = lengths[i], .document = 100 + i};
    }
    b->samples = (ssmq_samples){.sample = b->sample, .n = SAMPLES};
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;
    test_backends_close(b->backend, b->n);
    test_model_free(&b->model);
    free(b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_batches), cmocka_unit_test(test_order),
                                       cmocka_unit_test(test_as_far_as_needed),
                                       cmocka_unit_test(test_not_finite), cmocka_unit_test(test_signal)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
