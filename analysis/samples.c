/* samples: what each sample of the calibration gave at a site, what it counted for, and what came of it. */
#include <math.h>
#include <string.h>
#include "analysis/kinds.h"

static const ssmq_figure_need need = {
    .what = "statistic of samples",
    .dataset = "sample/weight",
    .setting = "a recipe that quantises it with static ranges",
};

/* Of one layer of a site in a run. */
typedef struct samples_source {
    const ssmq_figure_run *run;
    const char            *group;                      /* "/sites/scan.x/sample" */
    double                *weight, *document, *tokens; /* [n]; the latter two NULL where not stored */
    int64_t                n, index;                   /* samples; place of the layer */
    int32_t                layer;
    ssmq_figure_range      range;
} samples_source;

static ssmq_status read_axis(const samples_source *s, const char *path, ssmq_arena *arena, double **out)
{
    *out = NULL;
    if (!ssmq_sealed_has(s->run->results, path)) return SSMQ_OK;
    SSMQ_TRY(ssmq_figure_check_axes(s->run, path, 1, &s->n));
    *out = SSMQ_ARENA_ARRAY(arena, double, s->n);
    return ssmq_sealed_block(s->run->results, path, (const int64_t[]){0}, &s->n, *out);
}

static ssmq_status read_source(const ssmq_figure_run *run, const ssmq_figure_subject *subject,
                               ssmq_arena *arena, samples_source *out)
{
    const char *path;
    *out = (samples_source){.run = run, .group = ssmq_arena_printf(arena, "/sites/%s/sample", subject->site)};
    SSMQ_TRY(ssmq_figure_dataset(run, subject->site, &need, arena, &path));
    SSMQ_TRY(ssmq_figure_check_axes(run, path, 2, (const int64_t[]){-1, -1}));
    SSMQ_TRY(ssmq_figure_layer_index(run, path, subject->layer, arena, &out->index, &out->layer));
    SSMQ_TRY(ssmq_figure_slice(run, path, out->index, arena, &out->weight, &out->n));
    SSMQ_TRY(read_axis(out, "/axis/document", arena, &out->document));
    SSMQ_TRY(read_axis(out, "/axis/sample_tokens", arena, &out->tokens));
    return ssmq_figure_range_of(run, subject->site, out->layer, arena, &out->range);
}

/* ---- the table -------------------------------------------------------------------------- */

static double or_nan(const double *value, int64_t i)
{
    return value ? value[i] : (double)NAN;
}

/* The numbers of a statistic stand each apart from the next in value. */
static ssmq_status add_statistic(const samples_source *s, const char *site, const char *name,
                                 const double *value, int64_t apart, bool several, ssmq_figure *f)
{
    bool any = false;
    for (int64_t i = 0; i < s->n; i++) any |= !isnan(value[i * apart]);
    if (!any) return SSMQ_OK;
    SSMQ_TRY(ssmq_figure_begin_series(f, several ? ssmq_arena_printf(f->arena, "%s: %s", s->run->label, name)
                                                 : ssmq_arena_strdup(f->arena, name)));
    SSMQ_TRY(ssmq_figure_reserve(f, s->n));
    for (int64_t i = 0; i < s->n; i++) {
        ssmq_cell *cell = ssmq_figure_run_row(f, s->run);
        cell[0] = SSMQ_TEXT_CELL(site);
        cell[1] = SSMQ_NUMBER_CELL(s->layer);
        cell[2] = SSMQ_TEXT_CELL(name);
        cell[3] = SSMQ_NUMBER_CELL(i);
        cell[4] = SSMQ_NUMBER_CELL(or_nan(s->document, i));
        cell[5] = SSMQ_NUMBER_CELL(or_nan(s->tokens, i));
        cell[6] = SSMQ_NUMBER_CELL(value[i * apart]);
        cell[7] = SSMQ_NUMBER_CELL(s->weight[i]);
        cell[8] = SSMQ_NUMBER_CELL(s->range.clip_low);
        cell[9] = SSMQ_NUMBER_CELL(s->range.clip_high);
    }
    return SSMQ_OK;
}

/* Not one of calibration's: its weights, and what was collected of the run's own model. */
static bool is_aside(const char *member)
{
    return strcmp(member, "weight") == 0 || strcmp(member, "collected_absmax") == 0;
}

/* Quantiles are a statistic for each level. */
static ssmq_status add_member(const ssmq_figure_request *rq, const samples_source *s, const char *site,
                              const char *member, ssmq_figure *f)
{
    const char *path = ssmq_arena_printf(rq->arena, "%s/%s", s->group, member);
    ssmq_extent extent;
    double     *value, *level;
    int64_t     total, n = 1;
    SSMQ_TRY(ssmq_sealed_extent(s->run->results, path, &extent));
    if (!extent.number || extent.rank < 2 || extent.rank > 3 || is_aside(member)) return SSMQ_OK;
    SSMQ_TRY(ssmq_figure_check_axes(s->run, path, extent.rank, (const int64_t[]){-1, s->n, -1}));
    SSMQ_TRY(ssmq_figure_slice(s->run, path, s->index, rq->arena, &value, &total));
    if (extent.rank == 2) return add_statistic(s, site, member, value, 1, rq->n_run > 1, f);
    SSMQ_TRY(ssmq_sealed_vector(s->run->results, ssmq_arena_printf(rq->arena, "%s/quantile_level", s->group),
                                rq->arena, &level, &n));
    SSMQ_TRY(ssmq_figure_check_axes(s->run, path, 3, (const int64_t[]){-1, s->n, n}));
    for (int64_t k = 0; k < n; k++) {
        const char *name = ssmq_arena_printf(rq->arena, "%s@%.10g", member, level[k]);
        SSMQ_TRY(add_statistic(s, site, name, value + k, n, rq->n_run > 1, f));
    }
    return SSMQ_OK;
}

static ssmq_status add_run(const ssmq_figure_request *rq, int32_t run, const ssmq_figure_subject *subject,
                           double *colour, ssmq_figure *f, int32_t *layer)
{
    samples_source     s;
    const char *const *member;
    const int32_t      first = f->n_series;
    SSMQ_TRY(read_source(&rq->run[run], subject, rq->arena, &s));
    SSMQ_TRY(ssmq_sealed_members(s.run->results, s.group, rq->arena, &member));
    for (; *member; member++) SSMQ_TRY(add_member(rq, &s, subject->site, *member, f));
    for (int32_t i = first; i < f->n_series; i++) colour[i] = ssmq_figure_colour(rq, run);
    *layer = s.layer;
    if (f->n_series > first) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: no statistic of samples of %s in layer %d", ssmq_sealed_path(s.run->results),
                     subject->site, s.layer);
}

static void add_columns(ssmq_figure *f)
{
    static const struct {
        const char      *name;
        ssmq_column_type type;
    } column[] = {{"site", SSMQ_COLUMN_TEXT},      {"layer", SSMQ_COLUMN_INT},
                  {"statistic", SSMQ_COLUMN_TEXT}, {"sample", SSMQ_COLUMN_INT},
                  {"document", SSMQ_COLUMN_INT},   {"tokens", SSMQ_COLUMN_INT},
                  {"value", SSMQ_COLUMN_REAL},     {"weight", SSMQ_COLUMN_REAL},
                  {"clip_low", SSMQ_COLUMN_REAL},  {"clip_high", SSMQ_COLUMN_REAL}};
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
        ssmq_figure_add_column(f, column[i].name, column[i].type);
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    ssmq_figure_subject subject;
    double             *colour = SSMQ_ARENA_ARRAY(rq->arena, double, SSMQ_SERIES_MAX);
    int32_t             layer = -1;
    SSMQ_TRY(ssmq_figure_subject_of(rq, &need, &subject));
    add_columns(f);
    for (int32_t i = 0; i < rq->n_run; i++) SSMQ_TRY(add_run(rq, i, &subject, colour, f, &layer));
    ssmq_figure_title(rq, f, subject.site, layer);
    ssmq_figure_set_text(f, "site", subject.site);
    ssmq_figure_set_reals(f, "colour", colour, f->n_series);
    f->height_cm = 7.2 + 0.3 * f->n_series;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_samples = {
    .name = "samples",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LAYER,
    .build = build,
};
