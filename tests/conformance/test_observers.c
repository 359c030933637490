/* What every statistic and every way to combine samples promises; runs over the registries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "quant/observers.h"
#include "tests/support/check.h"
#include "tests/support/options.h"

/* Options for those statistics that must be told something: a key that has no default gets its middle. */
static const void *some_options(ssmq_arena *arena, const ssmq_option *table, size_t size)
{
    ssmq_str text = {0};
    ssmq_str_puts(&text, "{");
    for (const ssmq_option *o = table; o->name; o++)
        if (!o->fallback)
            ssmq_str_printf(&text, "%s: %g, ", o->name, (o->min + o->max) / 2);
    ssmq_str_puts(&text, "}");
    const void *options = test_options(arena, table, size, ssmq_arena_strdup(arena, ssmq_str_text(&text)));
    ssmq_str_free(&text);
    return options;
}

static void check_table(const char *owner, const ssmq_option *table)
{
    for (const ssmq_option *o = table; o->name; o++) {
        assert_true(o->help && o->help[0]);
        for (const ssmq_option *p = o + 1; p->name; p++)
            if (strcmp(o->name, p->name) == 0) fail_msg("%s has two options '%s'", owner, o->name);
    }
}

static void fill(float *x, int64_t n, unsigned seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)((int32_t)seed >> 8) * 1e-6f;
    }
}

/* The range under a symmetric spec of 8 bits. */
static float range_of(const ssmq_statistic *s, const void *options, const ssmq_tensor *x)
{
    const ssmq_qspec spec = {.bits = 8, .symmetric = true};
    ssmq_range       r = {0};
    CHECK_OK(s->range(options, x, &spec, &r));
    assert_true(r.low == -r.high);
    return r.high;
}

/* With a zero point: the range lies within the smallest and the largest value. */
static void check_affine(const ssmq_statistic *s, const void *options, const ssmq_tensor *x)
{
    const ssmq_qspec spec = {.bits = 8};
    ssmq_range       r = {0}, most = {0};
    CHECK_OK(s->range(options, x, &spec, &r));
    CHECK_OK(ssmq_statistic_absmax.range(NULL, x, &spec, &most));
    assert_true(r.low <= r.high && r.low >= most.low && r.high <= most.high);
}

/* The range lies within 0 and max |x|, ignores signs and what stands between strided rows, grows with
 * the values, and is the same every time. */
static void check_statistic(const ssmq_statistic *s)
{
    enum { rows = 7, width = 13, all = 20 };
    ssmq_arena *arena = ssmq_arena_new();
    const void *o = some_options(arena, s->options, s->options_size);
    float       x[rows * all], y[rows * all], most = 0, a, b, c;
    fill(x, rows * all, 5);
    const ssmq_tensor tx = SSMQ_TENSOR(x, SSMQ_F32, 1, rows, all), ty = SSMQ_TENSOR(y, SSMQ_F32, 1, rows, all);
    const ssmq_tensor px = ssmq_tensor_slice(&tx, 2, 0, width), py = ssmq_tensor_slice(&ty, 2, 0, width);
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < width; i++) most = fmaxf(most, fabsf(x[r * all + i]));
    a = range_of(s, o, &px);
    assert_true(a >= 0 && a <= most);
    for (int i = 0; i < rows * all; i++) y[i] = i % all < width ? -x[i] : 1e9f;
    b = range_of(s, o, &py);
    assert_true(a == b);
    for (int i = 0; i < rows * all; i++) y[i] = 4 * x[i];
    c = range_of(s, o, &py);
    assert_true(c == 4 * a); /* a power of two: exact */
    memset(y, 0, sizeof y);
    c = range_of(s, o, &py);
    assert_true(c == 0);
    check_affine(s, o, &px);
    ssmq_arena_free(arena);
}

static void test_statistics(void **state)
{
    (void)state;
    for (int32_t i = 0; ssmq_statistics[i]; i++) {
        const ssmq_statistic *s = ssmq_statistics[i];
        assert_true(s->name && s->source && s->options && s->dataset && s->range);
        check_table(s->name, s->options);
        check_statistic(s);
    }
}

/* Equal samples give that value; the result lies within the samples; the weights sum to 1 and, with the
 * values, give the result. */
static void check_across(const ssmq_across *a)
{
    ssmq_arena *arena = ssmq_arena_new();
    const void *o = some_options(arena, a->options, a->options_size);
    float       value[200], weight[200];
    for (int64_t n = 1; n <= 200; n += 33) {
        double sum = 0, mean = 0;
        float  low = INFINITY, high = 0;
        for (int64_t i = 0; i < n; i++) value[i] = 2.5f;
        assert_true(a->combine(o, value, n, weight) == 2.5f);
        fill(value, n, (unsigned)n);
        for (int64_t i = 0; i < n; i++) {
            value[i] = fabsf(value[i]);
            low = fminf(low, value[i]);
            high = fmaxf(high, value[i]);
        }
        const float got = a->combine(o, value, n, weight);
        assert_true(got >= low && got <= high);
        for (int64_t i = 0; i < n; i++) {
            sum += (double)weight[i];
            mean += (double)weight[i] * (double)value[i];
        }
        /* n roundings of float, of weights and of a running mean */
        assert_true(fabs(sum - 1) < 1e-5 && fabs(mean - (double)got) < 1e-5 * (double)high);
    }
    ssmq_arena_free(arena);
}

static void test_across(void **state)
{
    (void)state;
    for (int32_t i = 0; ssmq_across_list[i]; i++) {
        assert_true(ssmq_across_list[i]->name && ssmq_across_list[i]->source);
        check_table(ssmq_across_list[i]->name, ssmq_across_list[i]->options);
        check_across(ssmq_across_list[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_across),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
