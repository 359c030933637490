#include "harness/run/statistics/collect.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/evaluate/clip_limits.h"
#include "harness/run/statistics/collect_resume.h"

/* What is done at a site in a pass over the samples. */
typedef struct watch {
    bool            statistics;
    ssmq_site_stats stats;
    float          *sample_absmax; /* [samples->n] */
} watch;

typedef struct collector {
    const ssmq_collect_source *source;
    ssmq_dump                 *dump;
    ssmq_collection           *result;
    ssmq_stats_workers         workers;
    watch                     *at; /* [n_site] */
    int32_t                    first, end; /* sites of the pass under way */
    int32_t                    left;   /* of them not yet shown in this sample */
    int64_t                    sample; /* under way */
} collector;

static const ssmq_site *site_of(const collector *c, int32_t site)
{
    return &c->source->model->site[site];
}

static bool is_weight(const collector *c, int32_t site)
{
    return site_of(c, site)->kind == SSMQ_SITE_WEIGHT;
}

/* ---- one site -------------------------------------------------------------------------- */

static ssmq_status open_site(collector *c, int32_t site, ssmq_site_stats *s)
{
    const ssmq_collect_source *source = c->source;
    const ssmq_site_shape      shape = ssmq_site_shape_of(source->model, site);
    SSMQ_TRY(ssmq_site_stats_open(source->spec, &shape, s));
    s->clip = ssmq_clip_limits_of(source->plan, site, c->result->arena);
    return SSMQ_OK;
}

static ssmq_status keep_figures(collector *c, int32_t site, const ssmq_site_stats *s, float *sample_absmax)
{
    ssmq_site_figures *f = &c->result->figures[c->result->n];
    SSMQ_TRY(ssmq_site_figures_of(s, c->source->spec, c->result->arena, f));
    f->site = site;
    f->sample_absmax = sample_absmax;
    if (is_weight(c, site)) f->n_tokens = f->n_samples = 0;
    c->result->n++;
    return SSMQ_OK;
}

static ssmq_status collect_weight(collector *c, int32_t site)
{
    const ssmq_model *m = c->source->model;
    ssmq_site_stats   s = {0};
    float             absmax;
    ssmq_status       st = SSMQ_OK;
    SSMQ_TRY_DONE(st, open_site(c, site, &s));
    SSMQ_TRY_DONE(st, ssmq_site_stats_add(&s, c->source->be, &c->workers,
                                          &m->weight[m->site[site].weight].value, &absmax));
    SSMQ_TRY_DONE(st, keep_figures(c, site, &s, NULL));
    c->result->figures[c->result->n - 1].n_clipped =
        ssmq_clipped_weights(m, c->source->plan, site, &c->result->figures[c->result->n - 1].clip_known);
done:
    ssmq_site_stats_close(&s);
    return st;
}

/* ---- one sample ------------------------------------------------------------------------ */

static bool watched(const collector *c, int32_t site)
{
    if (site < c->first || site >= c->end) return false;
    return c->at[site].statistics || ssmq_dump_wants(c->dump, site, c->sample);
}

static bool wants(void *context, int32_t site)
{
    return watched(context, site);
}

static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    collector *c = context;
    if (!watched(c, site)) return SSMQ_OK;
    if (ssmq_dump_wants(c->dump, site, c->sample))
        SSMQ_TRY(ssmq_dump_see(c->dump, site, c->sample, x));
    if (c->at[site].statistics)
        SSMQ_TRY(ssmq_site_stats_add(&c->at[site].stats, c->source->be, &c->workers, x,
                                     &c->at[site].sample_absmax[c->sample]));
    c->left--;
    return c->left == 0 ? SSMQ_FAIL(STOPPED, "the rest of the sample is not needed") : SSMQ_OK;
}

/* Through the layers, and the head where its input is watched: as far as somebody looks. */
static ssmq_status forward(collector *c, ssmq_exec *ex, void *state)
{
    const ssmq_model  *m = c->source->model;
    const ssmq_sample *s = &c->source->samples->sample[c->sample];
    const ssmq_batch   in = {.token = s->token, .B = 1, .L = (int32_t)s->length};
    ssmq_tensor        hidden, logits;
    SSMQ_TRY(m->family->state_zero(m, ex, state));
    SSMQ_TRY(m->family->forward(m, ex, &in, state, &hidden));
    SSMQ_TRY(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_LOGITS, 3,
                               (const int64_t[]){1, s->length, m->vocabulary}, &logits));
    return m->family->head(m, ex, &hidden, &logits);
}

static ssmq_status run_sample(collector *c, ssmq_exec *ex, void *state)
{
    c->left = 0;
    for (int32_t i = c->first; i < c->end; i++) c->left += !is_weight(c, i) && watched(c, i);
    if (c->left == 0) return SSMQ_OK;
    const ssmq_status st = forward(c, ex, state);
    if (st == SSMQ_ERR_STOPPED && c->left == 0) {
        ssmq_error_clear();
        return SSMQ_OK;
    }
    if (st == SSMQ_ERR_NUMERIC)
        return SSMQ_FAIL(NUMERIC, "collecting, sample %" PRId64 " (document %" PRId64 "): %s", c->sample,
                         c->source->samples->sample[c->sample].document, ssmq_error_last()->message);
    SSMQ_TRY(st);
    SSMQ_ASSERT(c->left == 0); /* or the family forgot a site */
    return SSMQ_OK;
}

/* ---- passes over the samples ----------------------------------------------------------- */

/* Sites from first on whose accumulators fit, whole layers of them, at least one. */
static int32_t end_of_pass(const collector *c, int32_t first)
{
    const ssmq_model *m = c->source->model;
    int64_t           bytes = 0;
    int32_t           end = first;
    while (end < m->n_site) {
        int32_t next = end;
        int64_t more = 0;
        do {
            const ssmq_site_shape shape = ssmq_site_shape_of(m, next);
            if (!is_weight(c, next) && ssmq_collects(c->source->spec, &m->site[next]))
                more += ssmq_site_stats_bytes(c->source->spec, &shape);
            next++;
        } while (next < m->n_site && m->site[next].layer == m->site[end].layer);
        if (bytes > 0 && bytes + more > c->source->most_bytes) break;
        bytes += more;
        end = next;
    }
    return end;
}

static ssmq_status begin_pass(collector *c)
{
    for (int32_t i = c->first; i < c->end; i++) {
        if (is_weight(c, i) || !ssmq_collects(c->source->spec, site_of(c, i))) continue;
        SSMQ_TRY(open_site(c, i, &c->at[i].stats));
        c->at[i].statistics = true;
        c->at[i].sample_absmax =
            SSMQ_ARENA_ARRAY(c->result->arena, float, c->source->samples->n);
    }
    return SSMQ_OK;
}

/* In the order of sites, weights among them. */
static ssmq_status end_pass(collector *c)
{
    for (int32_t i = c->first; i < c->end; i++) {
        if (c->at[i].statistics) SSMQ_TRY(keep_figures(c, i, &c->at[i].stats, c->at[i].sample_absmax));
        if (is_weight(c, i) && ssmq_collects(c->source->spec, site_of(c, i)))
            SSMQ_TRY(collect_weight(c, i));
        ssmq_site_stats_close(&c->at[i].stats);
    }
    return SSMQ_OK;
}

static ssmq_status run_samples(collector *c, ssmq_exec *ex, void *state, const ssmq_listener *listener)
{
    const int64_t n = c->source->samples ? c->source->samples->n : 0;
    for (int64_t i = 0; i < n; i++) {
        const double share = (double)(c->end - c->first) / (double)c->source->model->n_site;
        const double before = (double)c->first / (double)c->source->model->n_site;
        c->sample = i;
        SSMQ_TRY(ssmq_may_go_on(listener));
        SSMQ_TRY(run_sample(c, ex, state));
        ssmq_tell_update(listener, i + 1, before + share * (double)(i + 1) / (double)n);
    }
    return SSMQ_OK;
}

static ssmq_status run_passes(collector *c, ssmq_exec *ex, void *state, const ssmq_listener *listener)
{
    while (c->end < c->source->model->n_site) {
        c->first = c->end;
        c->end = end_of_pass(c, c->first);
        const int32_t n = c->result->n;
        /* The dump is written anew, so that it needs all samples. */
        if (!c->dump && ssmq_collect_take(c->result, c->source, c->first, listener)) continue;
        SSMQ_TRY(begin_pass(c));
        SSMQ_TRY(run_samples(c, ex, state, listener));
        SSMQ_TRY(end_pass(c));
        if (!c->dump) SSMQ_TRY(ssmq_collect_keep(c->result, n, c->source, c->first, listener));
    }
    return SSMQ_OK;
}

/* ---- all of it ------------------------------------------------------------------------- */

static int64_t longest_inner(const ssmq_model *m)
{
    int64_t most = 1;
    for (int32_t i = 0; i < m->n_site; i++) {
        const int64_t inner = ssmq_site_shape_of(m, i).inner;
        if (inner > most) most = inner;
    }
    return most;
}

static ssmq_status collect(collector *c, const ssmq_listener *listener)
{
    const ssmq_collect_source *source = c->source;
    const ssmq_model          *m = source->model;
    ssmq_exec                 *ex = NULL;
    void                      *state = NULL;
    ssmq_status                st = SSMQ_OK;
    SSMQ_TRY_DONE(st, ssmq_stats_workers_open(source->be, longest_inner(m), &c->workers));
    SSMQ_TRY_DONE(st, ssmq_exec_open(source->be, m, source->plan, source->mode, &ex));
    SSMQ_TRY_DONE(st, m->family->state_new(m, ex, 1, &state));
    ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = c, .wants = wants});
    SSMQ_TRY_DONE(st, run_passes(c, ex, state, listener));
done:
    if (ex) m->family->state_free(m, ex, state);
    ssmq_exec_close(ex);
    ssmq_stats_workers_close(&c->workers);
    for (int32_t i = 0; i < m->n_site; i++) ssmq_site_stats_close(&c->at[i].stats);
    return st;
}

ssmq_status ssmq_collect(const ssmq_collect_source *source, ssmq_dump *dump,
                         const ssmq_listener *listener, ssmq_collection *out)
{
    const int32_t   n = source->model->n_site;
    ssmq_collection result = {.arena = ssmq_arena_new()};
    result.figures = SSMQ_ARENA_ARRAY(result.arena, ssmq_site_figures, n);
    collector c = {.source = source, .dump = dump, .result = &result};
    c.at = SSMQ_ARENA_ARRAY(result.arena, watch, n);
    SSMQ_ASSERT(source->samples || !ssmq_collect_needs_samples(source->spec, source->model));
    ssmq_tell_begin(listener, "collecting", "samples");
    const ssmq_status st = collect(&c, listener);
    ssmq_tell_end(listener);
    if (st == SSMQ_OK) *out = result;
    else ssmq_collection_free(&result);
    return st;
}

void ssmq_collection_free(ssmq_collection *c)
{
    ssmq_arena_free(c->arena);
    *c = (ssmq_collection){0};
}
