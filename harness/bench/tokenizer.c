#include "harness/bench/tokenizer.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/data/tokenizer_private.h"

#define SAMPLES SSMQ_BENCH_TOKENIZER_SAMPLES
#define TEXT_BYTES_MAX ((size_t)1 << 30)
#define COPIES 16 /* of the text in one sample: a single copy is too short to time */

typedef struct job {
    ssmq_tokenizer *tokenizer;
    ssmq_str        text;
    char           *copy;
    ssmq_ids        ids;
    double          cold[SAMPLES + 1], warm[SAMPLES + 1], copied[SAMPLES + 1]; /* seconds */
} job;

static ssmq_status encode_once(job *j, double *seconds)
{
    ssmq_ids_clear(&j->ids);
    const double begin = ssmq_monotonic_s();
    SSMQ_TRY(ssmq_tokenizer_encode(j->tokenizer, ssmq_str_text(&j->text), j->text.length, &j->ids));
    *seconds = ssmq_monotonic_s() - begin;
    return SSMQ_OK;
}

static void copy_once(job *j, double *seconds)
{
    const double begin = ssmq_monotonic_s();
    for (int i = 0; i < COPIES; i++) {
        memcpy(j->copy, ssmq_str_text(&j->text), j->text.length);
        __asm__ volatile("" : : "r"(j->copy) : "memory"); /* the copy is looked at */
    }
    *seconds = (ssmq_monotonic_s() - begin) / COPIES;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sample 0 warms up and is left out. */
static ssmq_bench_rate rate(double *seconds, size_t bytes)
{
    qsort(seconds + 1, SAMPLES, sizeof *seconds, by_value);
    const double mb = (double)bytes / 1e6;
    return (ssmq_bench_rate){.median = mb / seconds[1 + SAMPLES / 2],
                             .low = mb / seconds[1 + 3 * SAMPLES / 4],
                             .high = mb / seconds[1 + SAMPLES / 4]};
}

static ssmq_status measure(job *j)
{
    for (int i = 0; i <= SAMPLES; i++) {
        ssmq_bpe_forget(j->tokenizer->bpe);
        SSMQ_TRY(encode_once(j, &j->cold[i]));
        SSMQ_TRY(encode_once(j, &j->warm[i]));
        copy_once(j, &j->copied[i]);
    }
    return SSMQ_OK;
}

ssmq_status ssmq_bench_tokenizer_run(const char *tokenizer, const char *text,
                                     ssmq_bench_tokenizer *out)
{
    job         j = {0};
    ssmq_status st;
    SSMQ_TRY_DONE(st, ssmq_tokenizer_open(tokenizer, &j.tokenizer));
    SSMQ_TRY_DONE(st, ssmq_file_read(text, TEXT_BYTES_MAX, &j.text));
    if (j.text.length == 0) {
        st = SSMQ_FAIL(INPUT, "%s: the file is empty", text);
        goto done;
    }
    j.copy = ssmq_must_malloc(j.text.length);
    SSMQ_TRY_DONE(st, measure(&j));
    out->bytes = (int64_t)j.text.length;
    out->tokens = j.ids.length;
    out->cold = rate(j.cold, j.text.length);
    out->warm = rate(j.warm, j.text.length);
    out->copy = rate(j.copied, j.text.length);
done:
    ssmq_tokenizer_close(j.tokenizer);
    ssmq_str_free(&j.text);
    ssmq_ids_free(&j.ids);
    free(j.copy);
    return st;
}
