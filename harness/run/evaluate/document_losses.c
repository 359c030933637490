#include "harness/run/evaluate/document_losses.h"
#include <math.h>
#include <stdlib.h>
#include "harness/base/stats.h"

/* Sums of each document's windows, in order; those without windows have none. */
static double *sums_of(const double *window_nll, const ssmq_weighing *by, int64_t n, int64_t documents,
                       ssmq_arena *arena)
{
    double *out = SSMQ_ARENA_ARRAY(arena, double, documents);
    double *y = ssmq_must_malloc(2 * (size_t)n * sizeof *y);
    int64_t m = ssmq_group_sums(window_nll, by, n, y, y + n), at = 0;
    for (int64_t i = 0; i < n && at < m; i++)
        if (i == 0 || by->group[i] != by->group[i - 1]) out[by->group[i]] = y[at++];
    free(y);
    return out;
}

void ssmq_document_losses(const ssmq_windows *w, const double *window_nll, const double *window_float,
                          const ssmq_weighing *by, int64_t n, ssmq_arena *arena, ssmq_ppl_documents *out)
{
    const ssmq_read_document *text;
    const int64_t             documents = ssmq_windows_texts(w, arena, &text);
    ssmq_ppl_documents        d = {.n = documents,
                                   .index = SSMQ_ARENA_ARRAY(arena, int64_t, documents),
                                   .words = SSMQ_ARENA_ARRAY(arena, int64_t, documents),
                                   .bytes = SSMQ_ARENA_ARRAY(arena, int64_t, documents),
                                   .tokens = SSMQ_ARENA_ARRAY(arena, int64_t, documents),
                                   .subset = SSMQ_ARENA_ARRAY(arena, int32_t, documents),
                                   .nll = sums_of(window_nll, by, n, documents, arena)};
    for (int64_t i = 0; i < documents; i++) {
        d.index[i] = text[i].index;
        d.words[i] = text[i].words;
        d.bytes[i] = text[i].bytes;
        d.subset[i] = (int32_t)text[i].subset;
    }
    for (int64_t i = 0; i < n; i++) d.tokens[by->group[i]] += (int64_t)by->weight[i];
    if (window_float) d.nll_float = sums_of(window_float, by, n, documents, arena);
    *out = d;
}

/* The documents that figures are of. */
typedef struct chosen {
    int64_t n;
    double *nll, *words, *bytes; /* [n] */
} chosen;

static chosen choose(const ssmq_ppl_documents *d, int32_t subset)
{
    double *room = ssmq_must_malloc(3 * (size_t)d->n * sizeof *room);
    chosen  c = {.nll = room, .words = room + d->n, .bytes = room + 2 * d->n};
    for (int64_t i = 0; i < d->n; i++) {
        if (subset >= 0 && d->subset[i] != subset) continue;
        c.nll[c.n] = d->nll[i];
        c.words[c.n] = (double)d->words[i];
        c.bytes[c.n++] = (double)d->bytes[i];
    }
    return c;
}

void ssmq_text_figures(const ssmq_ppl_documents *d, int32_t subset, ssmq_text_score *out)
{
    double word, word_se, byte, byte_se;
    *out = (ssmq_text_score){0};
    if (d->n == 0) return;
    chosen c = choose(d, subset);
    if (c.n > 0) {
        ssmq_ratio(c.nll, c.words, c.n, &word, &word_se);
        ssmq_ratio(c.nll, c.bytes, c.n, &byte, &byte_se);
        *out = (ssmq_text_score){.documents = c.n,
                                 .words = (int64_t)ssmq_sum(c.words, c.n),
                                 .bytes = (int64_t)ssmq_sum(c.bytes, c.n),
                                 .word_ppl = exp(word),
                                 .word_ppl_se = exp(word) * word_se,
                                 .byte_ppl = exp(byte),
                                 .byte_ppl_se = exp(byte) * byte_se,
                                 .bits_per_byte = byte / log(2),
                                 .bits_per_byte_se = byte_se / log(2)};
    }
    free(c.nll);
}
