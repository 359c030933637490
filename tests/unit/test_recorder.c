/* Records of samples against sorted values: whatever the batch and the threads, so however a sample is cut. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "harness/run/calibrate/recorder.h"
#include "harness/tensor/histogram.h"
#include "harness/tensor/selection.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"

enum { B = 3, L = 11, C = 700, N = L * C, LEVELS = 6 };
static const double levels[LEVELS] = {0, 25, 50, 99, 99.99, 100};

/* Values with both zeros among them, over many powers of two, some of them equal. */
static void draw(float *x, int64_t n, uint64_t seed)
{
    ssmq_rng r;
    ssmq_rng_init(&r, seed, "records");
    for (int64_t i = 0; i < n; i++) {
        const int    kind = (int)ssmq_rng_below(&r, 12);
        const double u = ssmq_rng_uniform(&r), v = ssmq_rng_uniform(&r) - 0.5;
        x[i] = kind == 0 ? 0.0f : kind == 1 ? -0.0f : kind == 2 ? -1e-41f : (float)(v * exp(8 * u));
        if (kind == 3) x[i] = 1.5f;
    }
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* As record.h says, of sorted values. */
static float quantile_of(const float *sorted, int64_t n, double p)
{
    const double  r = p / 100.0 * (double)(n - 1);
    const int64_t k = (int64_t)r, next = k + 1 < n ? k + 1 : k;
    const double  low = (double)sorted[k], high = (double)sorted[next];
    return (float)(low + (r - (double)k) * (high - low));
}

static void check_quantiles(const float *sorted, const ssmq_kept *k)
{
    float magnitude[N];
    for (int i = 0; i < N; i++) magnitude[i] = fabsf(sorted[i]);
    qsort(magnitude, N, sizeof *magnitude, by_value);
    assert_true(k->facts.low == sorted[0] && k->facts.high == sorted[N - 1]);
    for (int i = 0; i < LEVELS; i++) {
        assert_true(k->facts.magnitude[i] == quantile_of(magnitude, N, levels[i]));
        if (!k->facts.value) continue;
        assert_true(k->facts.value[i].low == quantile_of(sorted, N, 100 - levels[i]));
        assert_true(k->facts.value[i].high == quantile_of(sorted, N, levels[i]));
    }
}

/* Negative values are those below zero, and every bin is there once. */
static void check_histogram(const float *sorted, const ssmq_kept *k)
{
    static uint64_t count[SSMQ_SIGNED_BINS];
    int             negative = 0;
    memset(count, 0, sizeof count);
    for (int i = 0; i < N; i++) {
        const float x = sorted[i] == 0 ? 0.0f : sorted[i];
        uint32_t    bits;
        memcpy(&bits, &x, sizeof bits);
        count[bits >> 16]++;
        negative += x < 0;
    }
    for (int32_t i = 0; i < k->n_bin; i++) {
        assert_int_equal(count[k->bin[i]], k->count[i]);
        assert_true(k->count[i] > 0);
        count[k->bin[i]] = 0;
    }
    for (int i = 0; i < SSMQ_SIGNED_BINS; i++) assert_true(count[i] == 0);
    const bool below = negative > 0, others = negative < N;
    assert_true(k->edge[0] == (below ? -sorted[negative - 1] : 0) && k->edge[1] == (below ? -sorted[0] : 0));
    assert_true(k->edge[2] == (others ? fabsf(sorted[negative]) : 0));
    assert_true(k->edge[3] == (others ? sorted[N - 1] : 0));
}

static void check_tails(const float *sorted, const ssmq_kept *k)
{
    float            magnitude[N];
    const ssmq_tail *t = &k->facts.tail;
    for (int i = 0; i < N; i++) magnitude[i] = fabsf(sorted[i]);
    qsort(magnitude, N, sizeof *magnitude, by_value);
    assert_int_equal(t->length, ssmq_tail_length(N));
    for (int i = 0; i < t->length; i++) {
        assert_true(t->value[SSMQ_TAIL_MAGNITUDE][i] == magnitude[N - 1 - i]);
        assert_true((k->value == NULL) == (t->value[SSMQ_TAIL_HIGH] == NULL));
        if (!k->value) continue;
        assert_true(t->value[SSMQ_TAIL_HIGH][i] == sorted[N - 1 - i]);
        assert_true(t->value[SSMQ_TAIL_LOW][i] == sorted[i]);
    }
}

static void check_record(const float *x, const ssmq_kept *k)
{
    float sorted[N];
    memcpy(sorted, x, sizeof sorted);
    qsort(sorted, N, sizeof *sorted, by_value);
    check_quantiles(sorted, k);
    assert_int_equal(k->facts.tail.n, N);
    if (k->facts.tail.length > 0) check_tails(sorted, k);
    if (k->histogram) check_histogram(sorted, k);
}

static void check_bins(const float *x, const ssmq_fine_bins *b)
{
    ssmq_fine_bins    want;
    const ssmq_tensor t = SSMQ_TENSOR((void *)(uintptr_t)x, SSMQ_F32, N);
    CHECK_OK(ssmq_fine_bins_new(&want));
    ssmq_fine_bins_add(&want, &t);
    assert_memory_equal(b->count, want.count, SSMQ_FINE_BINS * sizeof *want.count);
    assert_true(b->low == want.low && b->high == want.high);
    ssmq_fine_bins_free(&want);
}

static void check_batch(ssmq_backend *be, const float *x, int32_t batch, bool all, bool tail)
{
    ssmq_wanted       w = {.level = levels, .n_level = LEVELS, .values = all, .histogram = all, .tail = tail};
    const ssmq_tensor t = SSMQ_TENSOR((void *)(uintptr_t)x, SSMQ_F32, batch, L, C);
    ssmq_recorder    *r;
    ssmq_kept        *k[B];
    CHECK_OK(ssmq_recorder_new(be, &r));
    for (int again = 0; again < 4; again++) { /* its memory is as new */
        w.bins = again % 3 != 0;
        CHECK_OK(ssmq_recorder_measure(r, &t, &w, k));
        for (int32_t b = 0; b < batch; b++) {
            check_record(x + b * N, k[b]);
            assert_true((k[b]->facts.tail.length > 0) == tail);
            if (w.bins) check_bins(x + b * N, ssmq_recorder_bins(r, b));
            ssmq_kept_free(k[b]);
        }
    }
    ssmq_recorder_free(r);
}

static void test_records(void **state)
{
    (void)state;
    float *x = malloc(B * N * sizeof *x);
    draw(x, B * N, 1);
    for (int i = 0; i < N; i++) x[N + i] = fabsf(x[N + i]);           /* no negative value */
    for (int i = 0; i < N; i++) x[2 * N + i] = -1 - fabsf(x[2 * N + i]); /* no other */
    for (const ssmq_backend_ops *const *ops = ssmq_backends; *ops; ops++)
        for (int32_t threads = 1; (*ops)->space == SSMQ_SPACE_HOST && threads <= 5; threads += 2) {
            ssmq_backend *be;
            CHECK_OK(ssmq_backend_open(*ops, NULL, threads, &be));
            for (int32_t batch = 1; batch <= B; batch++) check_batch(be, x, batch, batch % 2, batch != 3);
            check_batch(be, x + N, 1, true, true);
            check_batch(be, x + 2 * N, 1, true, true);
            ssmq_backend_close(be);
        }
    free(x);
}

/* Wherever it stands; what is measured next is as if nothing had been. */
static void test_not_finite(void **state)
{
    (void)state;
    ssmq_wanted       w = {.level = levels, .n_level = LEVELS};
    float            *x = malloc(B * N * sizeof *x);
    const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, B, L, C);
    ssmq_backend     *be;
    ssmq_recorder    *r;
    ssmq_kept        *k[B];
    CHECK_OK(ssmq_backend_open(ssmq_backends[1], NULL, 2, &be));
    CHECK_OK(ssmq_recorder_new(be, &r));
    for (int i = 0; i < 6; i++) {
        const int bad = (int)((int64_t)i * (B * N - 1) / 5);
        w.bins = i % 2 == 1;
        draw(x, B * N, 3);
        x[bad] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
        assert_int_equal(ssmq_recorder_measure(r, &t, &w, k), SSMQ_ERR_NUMERIC);
        x[bad] = 0;
        CHECK_OK(ssmq_recorder_measure(r, &t, &w, k));
        for (int b = 0; b < B; b++) {
            check_record(x + b * N, k[b]);
            ssmq_kept_free(k[b]);
        }
    }
    ssmq_recorder_free(r);
    ssmq_backend_close(be);
    free(x);
}

/* The vector loop picks the same values in the same order as the plain one, at every length of a row. */
static void test_picks(void **state)
{
    (void)state;
    enum { n = 5000 };
    ssmq_backend     *be;
    ssmq_wanted_bins *w = calloc(1, sizeof *w);
    float            *x = malloc(n * sizeof *x), got[n + SSMQ_PICK_ROOM], want[n + SSMQ_PICK_ROOM];
    CHECK_OK(ssmq_backend_open(ssmq_backends[1], NULL, 1, &be));
    const bool runs = strcmp(be->tier, "avx512") == 0;
    ssmq_backend_close(be);
    draw(x, n, 2);
    for (int i = 0; i < 40; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i * 7], sizeof bits);
        ssmq_want_bin(w, (int32_t)(bits >> SSMQ_FINE_SHIFT));
    }
    for (int length = 1; runs && length <= n; length += length < 40 ? 1 : 311) {
        const int64_t n_want = ssmq_pick_c(x, length, w, want);
        assert_int_equal(ssmq_pick_avx512(x, length, w, got), n_want);
        assert_memory_equal(got, want, (size_t)n_want * sizeof *want);
        assert_true(length < 40 || n_want > 0);
    }
    free(x);
    free(w);
    if (!runs) {
        print_message("skipped: this processor or build has no AVX-512\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_picks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
