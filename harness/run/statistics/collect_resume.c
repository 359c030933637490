#include "harness/run/statistics/collect_resume.h"
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/resume.h"

#define STAGE "collecting"
#define ARRAYS 28 /* of a site's figures, at most */

/* An array that figures point to, and how many bytes it has. */
typedef struct array {
    void **at;
    size_t bytes;
} array;

static int32_t arrays_of(ssmq_site_figures *f, const ssmq_collect_source *source, array out[ARRAYS])
{
    ssmq_channel_figures *c = &f->channel;
    ssmq_state_figures   *h = &f->state;
    ssmq_top_figures     *t = &f->top;
    const size_t          levels = (size_t)source->spec->n_quantile * sizeof(double);
    const size_t          bins = (size_t)f->n_bin * sizeof(uint64_t);
    const size_t          channels = (size_t)f->shape.channels * sizeof(float);
    const size_t          states = (size_t)f->shape.inner * sizeof(float);
    const size_t          top = (size_t)t->n * sizeof(float);
    const size_t          samples = source->samples ? (size_t)source->samples->n * sizeof(float) : 0;
    const array           all[] = {
                  {(void **)&f->abs_quantile, levels},
                  {(void **)&f->quantile, levels},
                  {(void **)&f->abs_quantile_error, levels},
                  {(void **)&f->quantile_error, levels},
                  {(void **)&f->hist, bins},
                  {(void **)&f->hist_neg, bins},
                  {(void **)&c->absmax, channels},
                  {(void **)&c->min, channels},
                  {(void **)&c->max, channels},
                  {(void **)&c->mean, channels},
                  {(void **)&c->var, channels},
                  {(void **)&c->kurtosis, channels},
                  {(void **)&c->quantile, channels * SSMQ_CHANNEL_QUANTILES},
                  {(void **)&c->quantile_error, channels * SSMQ_CHANNEL_QUANTILES},
                  {(void **)&h->absmax, states},
                  {(void **)&h->min, states},
                  {(void **)&h->max, states},
                  {(void **)&h->mean, states},
                  {(void **)&h->var, states},
                  {(void **)&h->kurtosis, states},
                  {(void **)&h->cell_absmax, states * (size_t)f->shape.channels},
                  {(void **)&h->cell_mean, states * (size_t)f->shape.channels},
                  {(void **)&h->cell_var, states * (size_t)f->shape.channels},
                  {(void **)&t->channel, top}, /* as wide as a float */
                  {(void **)&t->absmax, top},
                  {(void **)&t->share, top},
                  {(void **)&t->persistence, top},
                  {(void **)&f->sample_absmax, samples},
    };
    _Static_assert(sizeof all / sizeof *all == ARRAYS && sizeof(int32_t) == sizeof(float), "arrays");
    memcpy(out, all, sizeof all);
    return ARRAYS;
}

/* The figures as they are, whose pointers tell which arrays there are, and then these. */
static void put_figures(const ssmq_site_figures *figures, const ssmq_collect_source *source, ssmq_str *out)
{
    ssmq_site_figures f = *figures;
    array             a[ARRAYS];
    const int32_t     n = arrays_of(&f, source, a);
    ssmq_str_append(out, (const char *)&f, sizeof f);
    for (int32_t i = 0; i < n; i++)
        if (*a[i].at) ssmq_str_append(out, *a[i].at, a[i].bytes);
}

static const unsigned char *get_figures(const unsigned char *at, const ssmq_collect_source *source,
                                        ssmq_arena *arena, ssmq_site_figures *f)
{
    array a[ARRAYS];
    memcpy(f, at, sizeof *f);
    at += sizeof *f;
    f->shape = ssmq_site_shape_of(source->model, f->site); /* it names axes */
    const int32_t n = arrays_of(f, source, a);
    for (int32_t i = 0; i < n; i++) {
        if (!*a[i].at) continue;
        *a[i].at = SSMQ_ARENA_ARRAY(arena, unsigned char, a[i].bytes);
        memcpy(*a[i].at, at, a[i].bytes);
        at += a[i].bytes;
    }
    return at;
}

bool ssmq_collect_take(ssmq_collection *to, const ssmq_collect_source *source, int32_t first,
                       const ssmq_listener *l)
{
    ssmq_journal_entry e;
    if (!ssmq_resume_any(l, STAGE, first, NULL, &e)) return false;
    const unsigned char *at = e.data, *end = at + e.bytes;
    while (at < end) at = get_figures(at, source, to->arena, &to->figures[to->n++]);
    SSMQ_ASSERT(at == end); /* its sum was right */
    return true;
}

ssmq_status ssmq_collect_keep(const ssmq_collection *from, int32_t n, const ssmq_collect_source *source,
                              int32_t first, const ssmq_listener *l)
{
    ssmq_str bytes = {0};
    if (!ssmq_keeps(l)) return SSMQ_OK;
    for (; n < from->n; n++) put_figures(&from->figures[n], source, &bytes);
    const ssmq_status st = ssmq_resume_keep(l, STAGE, first, NULL, ssmq_str_text(&bytes), bytes.length);
    ssmq_str_free(&bytes);
    return st;
}
