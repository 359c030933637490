#include "harness/run/evaluate/site_error_resume.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/resume.h"

#define SUMS 8 /* of a site, besides those of its tokens */

static size_t site_values(const ssmq_site_errors *e)
{
    return SUMS + 2 * (size_t)e->bins;
}

/* How many values the sums of the pass's sites are. */
static size_t pass_values(const ssmq_site_errors *e, float *const *kept)
{
    size_t n = 0;
    for (int32_t i = 0; i < e->model->n_site; i++) n += kept[i] ? SSMQ_INPUTS * site_values(e) : 0;
    return n;
}

/* Counts are below 2^53. */
static void pack_sums(const ssmq_error_sums *s, int64_t bins, double *out)
{
    const double all[SUMS] = {(double)s->n_values, (double)s->n_clipped, s->error, s->square_error,
                              s->square_reference, s->square_value,      s->product, s->most};
    memcpy(out, all, sizeof all);
    memcpy(out + SUMS, s->token_error, (size_t)bins * sizeof *out);
    memcpy(out + SUMS + bins, s->token_reference, (size_t)bins * sizeof *out);
}

static void unpack_sums(ssmq_error_sums *s, int64_t bins, const double *in)
{
    double *const error = s->token_error, *const reference = s->token_reference;
    *s = (ssmq_error_sums){.n_values = (int64_t)in[0],
                           .n_clipped = (int64_t)in[1],
                           .error = in[2],
                           .square_error = in[3],
                           .square_reference = in[4],
                           .square_value = in[5],
                           .product = in[6],
                           .most = in[7],
                           .token_error = error,
                           .token_reference = reference};
    memcpy(error, in + SUMS, (size_t)bins * sizeof *in);
    memcpy(reference, in + SUMS + bins, (size_t)bins * sizeof *in);
}

static void stage_of(float *const *kept, char stage[64])
{
    int32_t first = 0;
    while (!kept[first]) first++;
    snprintf(stage, 64, "errors per site, from site %" PRId32 " on", first);
}

int64_t ssmq_site_errors_take(ssmq_site_errors *to, float *const *kept, const ssmq_listener *l)
{
    const size_t       bytes = pass_values(to, kept) * sizeof(double);
    char               stage[64];
    ssmq_journal_entry e;
    stage_of(kept, stage);
    if (!ssmq_resume_last(l, stage, NULL, &e) || e.bytes != bytes) return 0;
    double *value = ssmq_must_malloc(bytes), *at = value;
    memcpy(value, e.data, bytes);
    for (int32_t i = 0; i < to->model->n_site; i++)
        for (int k = 0; kept[i] && k < SSMQ_INPUTS; k++, at += site_values(to))
            unpack_sums(&to->at[k][i], to->bins, at);
    free(value);
    return e.piece + 1;
}

ssmq_status ssmq_site_errors_keep(const ssmq_site_errors *from, float *const *kept, int64_t window,
                                  const ssmq_listener *l)
{
    const size_t n = pass_values(from, kept);
    char         stage[64];
    if (!ssmq_keeps(l)) return SSMQ_OK;
    double *value = ssmq_must_malloc(n * sizeof *value), *at = value;
    for (int32_t i = 0; i < from->model->n_site; i++)
        for (int k = 0; kept[i] && k < SSMQ_INPUTS; k++, at += site_values(from))
            pack_sums(&from->at[k][i], from->bins, at);
    stage_of(kept, stage);
    const ssmq_status st = ssmq_resume_keep(l, stage, window, NULL, value, n * sizeof *value);
    free(value);
    return st;
}
