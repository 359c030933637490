/* surface: |x| over tokens and channels, out of dump.h5, reduced by the maximum so that no outlier is lost.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/kinds.h"
#include "analysis/rebin.h"

#define PICTURE_POINTS 64

static ssmq_status no_dump(const ssmq_figure_run *run, const char *what)
{
    return SSMQ_FAIL(INPUT,
                     "%s: no dump%s: add collect: {dump: {sites: [...], samples: 1}} to the experiment",
                     run->folder, what);
}

static ssmq_status open_dump(const ssmq_figure_run *run, ssmq_arena *arena, ssmq_sealed **out)
{
    if (ssmq_sealed_open(ssmq_arena_printf(arena, "%s/dump.h5", run->folder), out) == SSMQ_OK) return SSMQ_OK;
    if (ssmq_error_last()->status == SSMQ_ERR_DAMAGED) return SSMQ_ERR_DAMAGED;
    return no_dump(run, "");
}

/* ---- what is dumped --------------------------------------------------------------------- */

/* The values of a sample: [token, channel, inner], inner being 1 but for a state; or those of a weight. */
typedef struct surface_source {
    const char *dataset, *rows, *columns; /* what the first two axes are: "token", "channel" */
    int32_t     rank, first;              /* first: axis of the rows; before it stands the sample's */
    int32_t     layer;
    int64_t     sample, n_row, n_column, n_inner;
    double      scale, zero; /* of codes; 1 and 0 where the values are what they are */
} surface_source;

static const char *layer_of(const char *group)
{
    return ssmq_str_starts(group, "layer_") ? group + 6 : NULL;
}

/* Finds the layer's group; the only one where none was asked for. */
static ssmq_status find_layer(const ssmq_sealed *dump, const char *site, int32_t wanted, ssmq_arena *arena,
                              const char **group, int32_t *layer)
{
    const char        *place = ssmq_arena_printf(arena, "/dump/%s", site), *words = "";
    const char *const *member;
    int32_t            n = 0;
    SSMQ_TRY(ssmq_sealed_members(dump, place, arena, &member));
    for (int32_t i = 0; member[i]; i++) {
        const char *number = layer_of(member[i]);
        if (!number) continue;
        words = ssmq_arena_printf(arena, "%s%s%s", words, n++ ? ", " : "", number);
        if (wanted >= 0 && strtol(number, NULL, 10) != wanted) continue;
        *group = ssmq_arena_printf(arena, "%s/%s", place, member[i]);
        *layer = (int32_t)strtol(number, NULL, 10);
        if (wanted >= 0) return SSMQ_OK;
    }
    if (wanted < 0 && n == 1) return SSMQ_OK;
    if (wanted < 0)
        return SSMQ_FAIL(USAGE, "which layer? say --layer N; of %s there are the layers %s", site, words);
    return SSMQ_FAIL(INPUT, "%s: %s was not dumped in layer %d; there are %s", ssmq_sealed_path(dump), site,
                     wanted, words);
}

/* A number beside the values, where it is stored. */
static ssmq_status read_number(const ssmq_sealed *dump, const char *path, double *out)
{
    ssmq_extent extent;
    if (!ssmq_sealed_has(dump, path)) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_extent(dump, path, &extent));
    if (extent.rank > 1 || (extent.rank == 1 && extent.dim[0] != 1))
        return SSMQ_FAIL(UNSUPPORTED, "%s: %s holds several numbers; 'dtype: f16' dumps what can be drawn",
                         ssmq_sealed_path(dump), path);
    return ssmq_sealed_block(dump, path, (const int64_t[]){0}, (const int64_t[]){1}, out);
}

/* Names of the axes, "sample,token,channel": where the rows are. */
static ssmq_status read_axes(const ssmq_sealed *dump, const char *site, ssmq_arena *arena, surface_source *s)
{
    const char *names, *group = ssmq_arena_printf(arena, "/dump/%s", site);
    SSMQ_TRY(ssmq_sealed_attribute(dump, group, "shape_meaning", arena, &names));
    const char *part[SSMQ_RANK_MAX] = {"", "", "", ""};
    for (int32_t i = 0; i < SSMQ_RANK_MAX && *names; i++) {
        const size_t n = strcspn(names, ",");
        part[i] = ssmq_arena_strndup(arena, names, n);
        names += n + (names[n] == ',');
    }
    s->first = strcmp(part[0], "sample") == 0 ? 1 : 0;
    s->rows = part[s->first];
    s->columns = part[s->first + 1];
    return SSMQ_OK;
}

static ssmq_status read_shape(const ssmq_figure_request *rq, const ssmq_sealed *dump, surface_source *s)
{
    ssmq_extent extent;
    double      length;
    SSMQ_TRY(ssmq_sealed_extent(dump, s->dataset, &extent));
    s->rank = extent.rank;
    if (!extent.number || s->rank < s->first + 2)
        return SSMQ_FAIL(UNSUPPORTED, "%s: %s has no two axes to draw", ssmq_sealed_path(dump), s->dataset);
    s->n_row = extent.dim[s->first];
    s->n_column = extent.dim[s->first + 1];
    s->n_inner = s->rank == s->first + 3 ? extent.dim[s->first + 2] : 1;
    if (s->first == 0) return SSMQ_OK;
    s->sample = rq->o->sample > 0 ? rq->o->sample : 0;
    if (s->sample >= extent.dim[0])
        return SSMQ_FAIL(INPUT, "%s: %s has %" PRId64 " samples, from 0", ssmq_sealed_path(dump), s->dataset,
                         extent.dim[0]);
    if (!ssmq_sealed_has(dump, "/dump/length")) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_block(dump, "/dump/length", &s->sample, (const int64_t[]){1}, &length));
    if (length > 0 && length < (double)s->n_row) s->n_row = (int64_t)length;
    return SSMQ_OK;
}

static ssmq_status find_values(const ssmq_figure_request *rq, const ssmq_sealed *dump,
                               const ssmq_figure_subject *subject, surface_source *out)
{
    const char *group = "";
    if (!ssmq_sealed_has(dump, ssmq_arena_printf(rq->arena, "/dump/%s", subject->site)))
        return SSMQ_FAIL(INPUT, "%s: %s was not dumped", ssmq_sealed_path(dump), subject->site);
    *out = (surface_source){.scale = 1};
    SSMQ_TRY(find_layer(dump, subject->site, subject->layer, rq->arena, &group, &out->layer));
    out->dataset = ssmq_arena_printf(rq->arena, "%s/values", group);
    SSMQ_TRY(read_axes(dump, subject->site, rq->arena, out));
    SSMQ_TRY(read_shape(rq, dump, out));
    SSMQ_TRY(read_number(dump, ssmq_arena_printf(rq->arena, "%s/scale", group), &out->scale));
    return read_number(dump, ssmq_arena_printf(rq->arena, "%s/zero_point", group), &out->zero);
}

/* ---- the table -------------------------------------------------------------------------- */

/* Largest magnitudes over rows [begin, end) in n pools of columns; NaN where a pool holds no value. */
static ssmq_status pool_rows(const ssmq_sealed *dump, const surface_source *s, int64_t begin, int64_t end,
                             double *buffer, int64_t n, double *out)
{
    int64_t from[SSMQ_RANK_MAX] = {s->sample}, count[SSMQ_RANK_MAX] = {1, 1, 1, 1};
    count[s->first + 1] = s->n_column;
    if (s->n_inner > 1) count[s->first + 2] = s->n_inner;
    for (int64_t i = 0; i < n; i++) out[i] = NAN;
    for (int64_t row = begin; row < end; row++) {
        from[s->first] = row;
        SSMQ_TRY(ssmq_sealed_block(dump, s->dataset, from, count, buffer));
        for (int64_t i = 0; i < n; i++) {
            const int64_t last = ssmq_pool_begin(i + 1, n, s->n_column) * s->n_inner;
            for (int64_t c = ssmq_pool_begin(i, n, s->n_column) * s->n_inner; c < last; c++)
                out[i] = fmax(out[i], fabs(buffer[c] - s->zero) * s->scale); /* fmax() passes over NaN */
        }
    }
    return SSMQ_OK;
}

static int64_t points(const ssmq_figure_request *rq, int64_t n)
{
    const int64_t limit = rq->o->points >= 0 ? rq->o->points : rq->picture ? PICTURE_POINTS : 0;
    return limit && limit < n ? limit : n;
}

static void put_row(const char *site, const surface_source *s, int64_t token, int64_t channel, double value,
                    ssmq_cell *cell)
{
    cell[0] = SSMQ_TEXT_CELL(site);
    cell[1] = SSMQ_NUMBER_CELL(s->layer);
    cell[2] = SSMQ_NUMBER_CELL(s->sample);
    cell[3] = SSMQ_NUMBER_CELL(token);
    cell[4] = SSMQ_NUMBER_CELL(channel);
    cell[5] = SSMQ_NUMBER_CELL(value);
}

static ssmq_status add_rows(const ssmq_figure_request *rq, int32_t run, const char *site,
                            const ssmq_sealed *dump, const surface_source *s, ssmq_figure *f)
{
    const int64_t n_row = points(rq, s->n_row), n = points(rq, s->n_column);
    double       *buffer = SSMQ_ARENA_ARRAY(rq->arena, double, s->n_column * s->n_inner);
    double       *value = SSMQ_ARENA_ARRAY(rq->arena, double, n);
    SSMQ_TRY(ssmq_figure_begin_series(f, rq->run[run].label));
    SSMQ_TRY(ssmq_figure_reserve(f, n_row * n));
    for (int64_t i = 0; i < n_row; i++) {
        const int64_t begin = ssmq_pool_begin(i, n_row, s->n_row);
        const int64_t end = ssmq_pool_begin(i + 1, n_row, s->n_row);
        SSMQ_TRY(pool_rows(dump, s, begin, end, buffer, n, value));
        for (int64_t k = 0; k < n; k++)
            put_row(site, s, begin, ssmq_pool_begin(k, n, s->n_column), value[k],
                    ssmq_figure_run_row(f, &rq->run[run]));
    }
    f->scan = n;
    return SSMQ_OK;
}

/* The groups among what lies in /dump. */
static ssmq_status dumped_sites(const ssmq_sealed *dump, ssmq_arena *arena, const char *const **out)
{
    const char *const *all, *const *inside;
    int32_t n = 0, kept = 0;
    SSMQ_TRY(ssmq_sealed_members(dump, "/dump", arena, &all));
    while (all[n]) n++;
    const char **sites = SSMQ_ARENA_ARRAY(arena, const char *, n + 1);
    for (int32_t i = 0; i < n; i++) {
        SSMQ_TRY(ssmq_sealed_members(dump, ssmq_arena_printf(arena, "/dump/%s", all[i]), arena, &inside));
        if (inside[0]) sites[kept++] = all[i];
    }
    *out = sites;
    return SSMQ_OK;
}

static ssmq_status add_run(const ssmq_figure_request *rq, int32_t run, const ssmq_sealed *dump,
                           ssmq_figure *f)
{
    const char *const  *sites = NULL;
    ssmq_figure_subject subject;
    surface_source      s = {0};
    if (!ssmq_sealed_has(dump, "/dump")) return no_dump(&rq->run[run], " of a site");
    SSMQ_TRY(dumped_sites(dump, rq->arena, &sites));
    if (!sites[0]) return no_dump(&rq->run[run], " of a site");
    SSMQ_TRY(ssmq_figure_subject_among(rq, sites, &subject));
    SSMQ_TRY(find_values(rq, dump, &subject, &s));
    SSMQ_TRY(add_rows(rq, run, subject.site, dump, &s, f));
    if (run > 0) return SSMQ_OK;
    ssmq_figure_title(rq, f, subject.site, s.layer);
    ssmq_figure_set_text(f, "site", subject.site);
    ssmq_figure_set_text(f, "rows", s.rows);
    ssmq_figure_set_text(f, "columns", s.columns);
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const char *const whole[] = {"layer", "sample", "token", "channel"};
    ssmq_figure_add_column(f, "site", SSMQ_COLUMN_TEXT);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        ssmq_figure_add_column(f, whole[i], SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "magnitude", SSMQ_COLUMN_REAL);
    for (int32_t i = 0; i < rq->n_run; i++) {
        ssmq_sealed *dump;
        SSMQ_TRY(open_dump(&rq->run[i], rq->arena, &dump));
        const ssmq_status st = add_run(rq, i, dump, f);
        ssmq_sealed_close(dump);
        SSMQ_TRY(st);
    }
    ssmq_figure_set_real(f, "log_z", rq->o->log >= 0 && (rq->o->log & SSMQ_LOG_AXIS_Y));
    f->height_cm = 0.8 + 4.4 * rq->n_run;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_surface = {
    .name = "surface",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LAYER | SSMQ_TAKES_LOG | SSMQ_TAKES_SAMPLE | SSMQ_TAKES_POINTS,
    .build = build,
};
