/* Products of codes on one thread, ours and oneDNN's by turns, in processor time, which other processes
 * disturb less.
 *
 *   bench_onednn [REPEATS]
 *
 * Both give floats with a factor for each column, of weights rearranged beforehand.  The weight is another
 * copy every time, up to 64 MiB of them: it comes from memory, as those of a model's layers do. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/bench/draw.h"
#include "harness/bench/peaks.h"
#include "tests/onednn/onednn.h"

#define REPEATS_MAX 200
#define COPIES_MAX 64
#define WEIGHTS ((int64_t)64 << 20)

/* Rows, columns and depths of mamba-130m and 370m; 64 rows are a part of real mode for a thread. */
static const int64_t shapes[][3] = {{64, 3072, 768},   {128, 3072, 768}, {512, 3072, 768},  {64, 768, 1536},
                                    {512, 768, 1536},  {64, 80, 1536},   {64, 1536, 48},    {64, 4096, 1024},
                                    {512, 4096, 1024}, {64, 1024, 2048}, {512, 1024, 2048}, {1, 3072, 768}};

typedef struct bench {
    ssmq_backend *be;
    int           repeats, copies;
    ssmq_tensor   x, w, y, scale;
    ssmq_packed   ours[COPIES_MAX];
    test_onednn  *theirs[COPIES_MAX];
    double        time[2][REPEATS_MAX], ratio[REPEATS_MAX];
} bench;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static ssmq_status prepare(bench *b, ssmq_draw *d, const int64_t s[3])
{
    b->copies = (int)(WEIGHTS / (s[1] * s[2]) + 1);
    if (b->copies > COPIES_MAX) b->copies = COPIES_MAX;
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I8, 2, (const int64_t[]){s[0], s[2]}, &b->x));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I8, 2, (const int64_t[]){s[1], s[2]}, &b->w));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_F32, 2, (const int64_t[]){s[0], s[1]}, &b->y));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &s[1], 0.1f, 2, &b->scale));
    for (int i = 0; i < b->copies; i++) {
        SSMQ_TRY(b->be->ops->pack_i8(b->be, &b->w, &b->ours[i]));
        b->theirs[i] = test_onednn_new(s[0], s[1], s[2], b->w.data, b->scale.data);
        if (!b->theirs[i]) return SSMQ_FAIL(UNSUPPORTED, "oneDNN refuses the product");
    }
    return SSMQ_OK;
}

static ssmq_status measure(bench *b)
{
    const ssmq_epilogue a = {.scale = 1, .column = &b->scale};
    for (int i = -1; i < b->repeats; i++) { /* the first warms up */
        const int    at = i < 0 ? 0 : i, copy = (i + 1) % b->copies;
        const double begin = now();
        SSMQ_TRY(b->be->ops->linear_i8(b->be, &b->y, &b->x, &b->ours[copy], &a));
        const double between = now();
        if (!test_onednn_run(b->theirs[copy], b->x.data, b->y.data))
            return SSMQ_FAIL(UNSUPPORTED, "oneDNN fails");
        b->time[0][at] = between - begin;
        b->time[1][at] = now() - between;
        b->ratio[at] = b->time[0][at] / b->time[1][at];
    }
    return SSMQ_OK;
}

static void print(bench *b, const int64_t s[3], const ssmq_peaks *peaks)
{
    const double operations = 2e-9 * (double)(s[0] * s[1] * s[2]);
    double      *all[] = {b->time[0], b->time[1], b->ratio};
    for (int i = 0; i < 3; i++) qsort(all[i], (size_t)b->repeats, sizeof(double), by_value);
    printf("%5d %6d %6d  %5.1f %%  %5.1f %%   %.3f (%.3f .. %.3f)   %s\n", (int)s[0], (int)s[1], (int)s[2],
           100 * operations / b->time[0][b->repeats / 2] / peaks->one.i8,
           100 * operations / b->time[1][b->repeats / 2] / peaks->one.i8, b->ratio[b->repeats / 2],
           b->ratio[b->repeats / 4], b->ratio[b->repeats * 3 / 4], test_onednn_kernel(b->theirs[0]));
}

static ssmq_status shape(bench *b, const int64_t s[3], const ssmq_peaks *peaks)
{
    ssmq_draw   d = ssmq_draw_new(b->be, 1, true);
    ssmq_status st;
    SSMQ_TRY_DONE(st, prepare(b, &d, s));
    SSMQ_TRY_DONE(st, measure(b));
    print(b, s, peaks);
done:
    for (int i = 0; i < COPIES_MAX; i++) {
        b->be->ops->free(b->be, b->ours[i].data);
        test_onednn_free(b->theirs[i]);
        b->ours[i] = (ssmq_packed){0};
        b->theirs[i] = NULL;
    }
    ssmq_draw_free(&d);
    return st;
}

int main(int argc, char **argv)
{
    static bench b;
    ssmq_peaks   peaks;
    b.repeats = argc > 1 ? atoi(argv[1]) : 15;
    if (b.repeats < 1 || b.repeats > REPEATS_MAX) {
        fprintf(stderr, "error: REPEATS is 1 to %d\n", REPEATS_MAX);
        return 2;
    }
    ssmq_status st = ssmq_backend_open(&ssmq_backend_cpu, NULL, 1, &b.be);
    if (st == SSMQ_OK) {
        st = ssmq_peaks_probe(b.be, &peaks);
        if (st == SSMQ_OK) {
            printf("%s, tier %s, 1 thread, peak %.0f GOP/s; median and quartiles of %d\n\n", b.be->device,
                   b.be->tier, peaks.one.i8, b.repeats);
            printf("    M      N      K     ours   oneDNN   time, ours / oneDNN\n");
        }
        for (size_t i = 0; st == SSMQ_OK && i < sizeof shapes / sizeof *shapes; i++)
            st = shape(&b, shapes[i], &peaks);
        ssmq_backend_close(b.be);
    }
    if (st != SSMQ_OK) fprintf(stderr, "error: %s\n", ssmq_error_last()->message);
    return st == SSMQ_OK ? 0 : 1;
}
