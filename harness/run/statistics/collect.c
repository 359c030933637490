#include "harness/run/statistics/collect.h"
#include <inttypes.h>
#include "harness/base/assert.h"
#include "harness/run/evaluate/clip_limits.h"
#include "harness/run/sample_pass.h"
#include "harness/run/statistics/collect_resume.h"
#include "harness/run/statistics/collect_sums.h"

typedef struct collector {
    const ssmq_collect_source *source;
    ssmq_dump                 *dump;
    ssmq_collection           *result;
    ssmq_stats_workers         workers;
    ssmq_watched              *at; /* [n_site] */
    int32_t                    first, end; /* sites of the pass under way */
    int64_t                    n_done;     /* samples, in it              */
    ssmq_collect_sums          sums;
    const ssmq_listener       *listener;
} collector;

static const ssmq_site *site_of(const collector *c, int32_t site)
{
    return &c->source->model->site[site];
}

static int64_t samples_of(const collector *c)
{
    return c->source->samples ? c->source->samples->n : 0;
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
                                          ssmq_model_value(m, m->site[site].weight), &absmax));
    SSMQ_TRY_DONE(st, keep_figures(c, site, &s, NULL));
    c->result->figures[c->result->n - 1].n_clipped =
        ssmq_clipped_weights(m, c->source->plan, site, &c->result->figures[c->result->n - 1].clip_known);
done:
    ssmq_site_stats_close(&s);
    ssmq_model_forget(m, m->site[site].weight);
    return st;
}

/* ---- what a pass shows ----------------------------------------------------------------- */

static bool wants(void *context, int32_t site, int64_t sample)
{
    const collector *c = context;
    if (site < c->first || site >= c->end) return false;
    return ssmq_watches(&c->at[site], sample) || ssmq_dump_wants(c->dump, site, sample);
}

/* A dump is not to be shown what is not finite. */
static bool checks(void *context, int32_t site, int64_t sample)
{
    const collector *c = context;
    return ssmq_watches(&c->at[site], sample) && !ssmq_dump_wants(c->dump, site, sample);
}

static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x, int64_t sample)
{
    collector       *c = context;
    ssmq_site_stats *stats = &c->at[site].stats;
    const uint64_t   before = stats->n_nonfinite;
    if (ssmq_dump_wants(c->dump, site, sample)) SSMQ_TRY(ssmq_dump_see(c->dump, site, sample, x));
    if (!ssmq_watches(&c->at[site], sample)) return SSMQ_OK;
    SSMQ_TRY(ssmq_site_stats_add(stats, c->source->be, &c->workers, x, &c->at[site].sample_absmax[sample]));
    return stats->n_nonfinite == before ? SSMQ_OK : SSMQ_FAIL(NUMERIC, "a value that is measured is not finite");
}

static ssmq_status done(void *context, int64_t sample, int32_t n)
{
    collector   *c = context;
    const double sites = (double)c->source->model->n_site, samples = (double)c->source->samples->n;
    const double before = (double)c->first / sites, share = (double)(c->end - c->first) / sites;
    c->n_done = sample + n;
    SSMQ_TRY(ssmq_collect_sums_keep(&c->sums, c->n_done));
    ssmq_tell_update(c->listener, c->n_done, before + share * (double)c->n_done / samples);
    return SSMQ_OK;
}

/* ---- passes over the samples ----------------------------------------------------------- */

/* Sites from first on whose accumulators fit, whole layers of them, at least one. */
static int32_t end_of_pass(const collector *c, int32_t first)
{
    const ssmq_model *m = c->source->model;
    int64_t           bytes = 0, tokens = 0;
    int32_t           end = first;
    for (int64_t i = 0; i < samples_of(c); i++) tokens += c->source->samples->sample[i].length;
    while (end < m->n_site) {
        int32_t next = end;
        int64_t more = 0;
        do {
            const ssmq_site_shape shape = ssmq_site_shape_of(m, next);
            if (!is_weight(c, next) && ssmq_collects(c->source->spec, &m->site[next]))
                more += ssmq_site_stats_bytes(c->source->spec, &shape, tokens);
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

/* Is all in the dump that it wants of the first n samples? */
static bool dumped(const collector *c, int64_t n)
{
    for (int32_t i = c->first; i < c->end; i++)
        for (int64_t s = 0; s < n; s++)
            if (!is_weight(c, i) && ssmq_dump_wants(c->dump, i, s)) return false;
    return true;
}

/* Behind the samples that were done before the run was killed. */
static ssmq_status resume_pass(collector *c)
{
    SSMQ_TRY(ssmq_collect_sums_open(c->listener, c->source->be, c->at, c->first, c->end, &c->sums, &c->n_done));
    if (!dumped(c, c->n_done)) c->n_done = 0; /* power failed, and the journal lost more */
    if (c->n_done == 0) return SSMQ_OK;
    return ssmq_journal_note(c->listener->journal, "collecting",
                             ssmq_arena_printf(c->result->arena, "goes on behind %" PRId64 " of %" PRId64 " samples",
                                               c->n_done, samples_of(c)));
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

/* One by one: sites are shown in the order of samples, and so is the dump written. */
static ssmq_status run_samples(collector *c)
{
    const ssmq_collect_source *source = c->source;
    const ssmq_sample_pass     p = {.task = "collecting",
                                    .model = source->model,
                                    .plan = source->plan,
                                    .mode = source->mode,
                                    .be = source->be,
                                    .samples = source->samples,
                                    .n = samples_of(c),
                                    .known = c->n_done,
                                    .batch = 1,
                                    .listener = c->listener,
                                    .watch = {.context = c, .wants = wants, .see = see, .checks = checks, .done = done}};
    return ssmq_sample_pass_run(&p);
}

/* One whose figures are known runs only for what the dump lacks. */
static ssmq_status run_pass(collector *c)
{
    const int32_t n = c->result->n;
    const bool    known = ssmq_collect_take(c->result, c->source, c->first, c->listener);
    c->n_done = 0;
    if (c->dump) SSMQ_TRY(ssmq_dump_resume(c->dump, c->first, c->end));
    if (known && dumped(c, samples_of(c))) return SSMQ_OK;
    if (!known) SSMQ_TRY(begin_pass(c));
    if (!known) SSMQ_TRY(resume_pass(c));
    SSMQ_TRY(run_samples(c));
    if (known) return SSMQ_OK;
    ssmq_collect_sums_close(&c->sums);
    SSMQ_TRY(end_pass(c));
    return ssmq_collect_keep(c->result, n, c->source, c->first, c->listener);
}

static ssmq_status run_passes(collector *c)
{
    while (c->end < c->source->model->n_site) {
        c->first = c->end;
        c->end = end_of_pass(c, c->first);
        SSMQ_TRY(run_pass(c));
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

static ssmq_status collect(collector *c)
{
    const ssmq_collect_source *source = c->source;
    ssmq_status                st = ssmq_stats_workers_open(source->be, longest_inner(source->model), &c->workers);
    if (st == SSMQ_OK) st = run_passes(c);
    ssmq_stats_workers_close(&c->workers);
    ssmq_collect_sums_close(&c->sums);
    for (int32_t i = 0; i < source->model->n_site; i++) ssmq_site_stats_close(&c->at[i].stats);
    return st;
}

ssmq_status ssmq_collect(const ssmq_collect_source *source, ssmq_dump *dump,
                         const ssmq_listener *listener, ssmq_collection *out)
{
    const int32_t   n = source->model->n_site;
    ssmq_collection result = {.arena = ssmq_arena_new()};
    result.figures = SSMQ_ARENA_ARRAY(result.arena, ssmq_site_figures, n);
    collector c = {.source = source, .dump = dump, .result = &result, .listener = listener};
    c.at = SSMQ_ARENA_ARRAY(result.arena, ssmq_watched, n);
    SSMQ_ASSERT(source->samples || !ssmq_collect_needs_samples(source->spec, source->model));
    ssmq_tell_begin(listener, "collecting", "samples");
    const ssmq_status st = collect(&c);
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
