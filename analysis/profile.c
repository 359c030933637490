/* profile: what each operator takes in a prefill and in a decoding step, beside what the machine
 * could do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/kinds.h"

#define PICTURE_OPERATORS 12
#define PHASES 2
#define KINDS 3 /* of operations */
static const char *const operations[KINDS] = {"int8_operations", "bf16_operations", "float_operations"};

/* One profile of a file. */
typedef struct profile_source {
    const ssmq_figure_run *run;
    ssmq_sealed           *file;
    const char            *group; /* "/profile/ID" */
    const char            *label, *mode;
    const char *const     *operators;
    int64_t                n;
    double *time, *bytes, *bound_share, *calls; /* [PHASES, n]; NaN: not in the phase */
    double *operations[KINDS];
} profile_source;

typedef struct profile_sources {
    profile_source *at;
    int32_t         n;
} profile_sources;

/* ---- reading ---------------------------------------------------------------------------- */

/* The file beside run.h5, or the one that `ssmq profile --out` wrote and that was named itself;
 * *own: to be closed. */
static ssmq_status open_file(const ssmq_figure_run *run, ssmq_arena *arena, ssmq_sealed **out,
                             bool *own)
{
    *own = !ssmq_sealed_has(run->results, "/profile");
    *out = run->results;
    if (!*own) return SSMQ_OK;
    if (ssmq_sealed_open(ssmq_arena_printf(arena, "%s/profile.h5", run->folder), out) == SSMQ_OK)
        return SSMQ_OK;
    if (ssmq_error_last()->status == SSMQ_ERR_DAMAGED) return SSMQ_ERR_DAMAGED;
    return SSMQ_FAIL(INPUT, "%s: no profile: add an evaluation {task: profile} to the experiment",
                     run->folder);
}

static ssmq_status read_quantity(const profile_source *s, const char *name, ssmq_arena *arena,
                                 double **out)
{
    const char   *path = ssmq_arena_printf(arena, "%s/operator/%s", s->group, name);
    const int64_t begin[] = {0, 0}, count[] = {PHASES, s->n};
    ssmq_extent   extent;
    SSMQ_TRY(ssmq_sealed_extent(s->file, path, &extent));
    if (extent.rank != 2 || !extent.number || extent.dim[0] != PHASES || extent.dim[1] != s->n)
        return SSMQ_FAIL(DAMAGED, "%s: %s has another shape than the layout says",
                         ssmq_sealed_path(s->file), path);
    *out = SSMQ_ARENA_ARRAY(arena, double, PHASES * s->n);
    return ssmq_sealed_block(s->file, path, begin, count, *out);
}

static ssmq_status read_profile(profile_source *s, ssmq_arena *arena)
{
    SSMQ_TRY(ssmq_sealed_attribute(s->file, s->group, "mode", arena, &s->mode));
    SSMQ_TRY(ssmq_sealed_texts(s->file, ssmq_arena_printf(arena, "%s/operator/operator", s->group),
                               arena, &s->operators, &s->n));
    SSMQ_TRY(read_quantity(s, "time", arena, &s->time));
    SSMQ_TRY(read_quantity(s, "bytes", arena, &s->bytes));
    SSMQ_TRY(read_quantity(s, "bound_share", arena, &s->bound_share));
    for (int k = 0; k < KINDS; k++) SSMQ_TRY(read_quantity(s, operations[k], arena, &s->operations[k]));
    return read_quantity(s, "calls", arena, &s->calls);
}

/* A run is called as everywhere, a profile of several of one run by its id too. */
static ssmq_status read_file(const ssmq_figure_run *run, ssmq_sealed *file, ssmq_arena *arena,
                             profile_sources *out)
{
    const char *const *id;
    SSMQ_TRY(ssmq_sealed_members(file, "/profile", arena, &id));
    for (int32_t i = 0; id[i]; i++) {
        const bool named = *run->label != 0, several = id[1] != NULL;
        if (out->n == SSMQ_SERIES_MAX)
            return SSMQ_FAIL(USAGE, "more than %d profiles", SSMQ_SERIES_MAX);
        profile_source *s = &out->at[out->n++];
        *s = (profile_source){.run = run,
                              .file = file,
                              .group = ssmq_arena_printf(arena, "/profile/%s", id[i]),
                              .label = !named ? id[i]
                                       : several
                                           ? ssmq_arena_printf(arena, "%s, %s", run->label, id[i])
                                           : run->label};
        SSMQ_TRY(read_profile(s, arena));
    }
    return SSMQ_OK;
}

static ssmq_status read_all(const ssmq_figure_request *rq, profile_sources *out)
{
    *out = (profile_sources){.at = SSMQ_ARENA_ARRAY(rq->arena, profile_source, SSMQ_SERIES_MAX)};
    for (int32_t i = 0; i < rq->n_run; i++) {
        ssmq_sealed *file;
        bool         own;
        SSMQ_TRY(open_file(&rq->run[i], rq->arena, &file, &own));
        const ssmq_status st = read_file(&rq->run[i], file, rq->arena, out);
        if (own) ssmq_sealed_close(file);
        SSMQ_TRY(st);
    }
    return SSMQ_OK;
}

/* ---- order ------------------------------------------------------------------------------ */

typedef struct profile_rank {
    const char *name;
    double      longest; /* time in any of the profiles */
} profile_rank;

static int by_falling_time(const void *a, const void *b)
{
    const profile_rank *x = a, *y = b;
    if (x->longest != y->longest) return x->longest < y->longest ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Every operator of a phase in any of the profiles, the one that takes longest first. */
static int32_t rank_operators(const profile_sources *all, int phase, ssmq_arena *arena,
                              profile_rank **out)
{
    int64_t most = 0;
    int32_t n = 0;
    for (int32_t i = 0; i < all->n; i++) most += all->at[i].n;
    *out = SSMQ_ARENA_ARRAY(arena, profile_rank, most);
    for (int32_t i = 0; i < all->n; i++)
        for (int64_t k = 0; k < all->at[i].n; k++) {
            const double time = all->at[i].time[phase * all->at[i].n + k];
            int32_t      at = 0;
            if (isnan(time)) continue;
            while (at < n && strcmp((*out)[at].name, all->at[i].operators[k]) != 0) at++;
            if (at == n) (*out)[n++] = (profile_rank){all->at[i].operators[k], 0};
            if (time > (*out)[at].longest) (*out)[at].longest = time;
        }
    qsort(*out, (size_t)n, sizeof **out, by_falling_time);
    return n;
}

/* ---- the table -------------------------------------------------------------------------- */

static void add_row(ssmq_figure *f, const profile_source *s, int phase, int32_t rank, int64_t k)
{
    const int64_t at = phase * s->n + k;
    ssmq_cell    *cell = ssmq_figure_run_row(f, s->run);
    cell[0] = SSMQ_TEXT_CELL(strrchr(s->group, '/') + 1);
    cell[1] = SSMQ_TEXT_CELL(s->mode);
    cell[2] = SSMQ_TEXT_CELL(phase ? "decode" : "prefill");
    cell[3] = SSMQ_NUMBER_CELL(phase);
    cell[4] = SSMQ_NUMBER_CELL(rank);
    cell[5] = SSMQ_TEXT_CELL(s->operators[k]);
    cell[6] = SSMQ_NUMBER_CELL(s->time[at] * 1e3);
    cell[7] = SSMQ_NUMBER_CELL(s->bound_share[at] * s->time[at] * 1e3);
    cell[8] = SSMQ_NUMBER_CELL(s->bound_share[at]);
    cell[9] = SSMQ_NUMBER_CELL(s->bytes[at]);
    cell[10] = SSMQ_NUMBER_CELL(s->calls[at]);
    for (int i = 0; i < KINDS; i++) cell[11 + i] = SSMQ_NUMBER_CELL(s->operations[i][at]);
}

static void add_phase(ssmq_figure *f, const profile_source *s, int phase, const profile_rank *rank,
                      int32_t n)
{
    for (int32_t r = 0; r < n; r++)
        for (int64_t k = 0; k < s->n; k++)
            if (strcmp(s->operators[k], rank[r].name) == 0 && !isnan(s->time[phase * s->n + k]))
                add_row(f, s, phase, r, k);
}

/* A colour for each profile, grey for float. */
static void set_colours(const profile_sources *all, ssmq_figure *f, ssmq_arena *arena)
{
    double *colour = SSMQ_ARENA_ARRAY(arena, double, all->n);
    int     next = 2;
    for (int32_t i = 0; i < all->n; i++)
        colour[i] = strcmp(all->at[i].mode, "float") == 0 ? 1 : next++;
    ssmq_figure_set_reals(f, "series_colour", colour, all->n);
}

static void add_columns(ssmq_figure *f)
{
    static const struct {
        const char      *name;
        ssmq_column_type type;
    } column[] = {{"profile", SSMQ_COLUMN_TEXT},     {"mode", SSMQ_COLUMN_TEXT},
                  {"phase", SSMQ_COLUMN_TEXT},       {"panel", SSMQ_COLUMN_INT},
                  {"rank", SSMQ_COLUMN_INT},         {"operator", SSMQ_COLUMN_TEXT},
                  {"ms", SSMQ_COLUMN_REAL},          {"bound_ms", SSMQ_COLUMN_REAL},
                  {"bound_share", SSMQ_COLUMN_REAL}, {"bytes", SSMQ_COLUMN_REAL},
                  {"calls", SSMQ_COLUMN_REAL}};
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
        ssmq_figure_add_column(f, column[i].name, column[i].type);
    for (int i = 0; i < KINDS; i++) ssmq_figure_add_column(f, operations[i], SSMQ_COLUMN_REAL);
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    profile_sources all;
    profile_rank   *rank[PHASES];
    double          rows[PHASES];
    SSMQ_TRY(read_all(rq, &all));
    add_columns(f);
    for (int p = 0; p < PHASES; p++) {
        const int32_t n = rank_operators(&all, p, rq->arena, &rank[p]);
        const int32_t limit = rq->o->top > 0 ? rq->o->top : rq->picture ? PICTURE_OPERATORS : n;
        rows[p] = limit < n ? limit : n;
    }
    for (int32_t i = 0; i < all.n; i++) {
        SSMQ_TRY(ssmq_figure_begin_series(f, all.at[i].label));
        SSMQ_TRY(ssmq_figure_reserve(f, (int64_t)(rows[0] + rows[1])));
        for (int p = 0; p < PHASES; p++) add_phase(f, &all.at[i], p, rank[p], (int32_t)rows[p]);
    }
    ssmq_figure_title(rq, f, "", -1);
    set_colours(&all, f, rq->arena);
    ssmq_figure_set_reals(f, "rows", rows, PHASES);
    f->height_cm = 2.6 + (0.18 + 0.13 * all.n) * (rows[0] + rows[1]) + (rows[1] > 0 ? 0.9 : 0);
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_profile = {
    .name = "profile",
    .takes = SSMQ_TAKES_TOP,
    .build = build,
};
