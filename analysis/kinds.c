#include "analysis/kinds.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/build.h"

#define X(name, word, help) &ssmq_figure_kind_##name,
const ssmq_figure_kind *const ssmq_figure_kinds[] = {SSMQ_FIGURE_KINDS(X) NULL};
#undef X

const char *const ssmq_figure_logs[] = {"none", "x", "y", "xy", NULL};
const char *const ssmq_figure_inputs[] = {"clean", "propagated", NULL};

/* ---- options ---------------------------------------------------------------------------- */

static ssmq_status find_kind(const char *name, const ssmq_figure_kind **out)
{
    const char *names[32] = {NULL};
    for (int i = 0; ssmq_figure_kinds[i]; i++) {
        names[i] = ssmq_figure_kinds[i]->name;
        *out = ssmq_figure_kinds[i];
        if (strcmp(names[i], name) == 0) return SSMQ_OK;
    }
    ssmq_arena       *arena = ssmq_arena_new();
    const char       *near = ssmq_str_nearest(name, names), *all = ssmq_option_words(arena, names);
    const ssmq_status st =
        near ? SSMQ_FAIL(USAGE, "unknown kind of figure '%s'; did you mean '%s'?", name, near)
             : SSMQ_FAIL(USAGE, "unknown kind of figure '%s'; there are %s", name, all);
    ssmq_arena_free(arena);
    return st;
}

static ssmq_status check_options(const ssmq_figure_kind *kind, const ssmq_figure_options *o)
{
    const struct {
        const char *name;
        uint32_t    bit;
        bool        given;
    } all[] = {
        {"site", SSMQ_TAKES_SITE, o->site[0] != NULL}, {"layer", SSMQ_TAKES_LAYER, o->layer >= 0},
        {"log", SSMQ_TAKES_LOG, o->log >= 0},          {"bins", SSMQ_TAKES_BINS, o->bins >= 0},
        {"groups", SSMQ_TAKES_GROUPS, o->groups >= 0}, {"sort", SSMQ_TAKES_SORT, o->sort},
        {"sample", SSMQ_TAKES_SAMPLE, o->sample >= 0}, {"quantity", SSMQ_TAKES_QUANTITY, o->quantity != NULL},
        {"input", SSMQ_TAKES_INPUT, o->input >= 0},    {"top", SSMQ_TAKES_TOP, o->top >= 0},
        {"points", SSMQ_TAKES_POINTS, o->points >= 0}, {"axis", SSMQ_TAKES_AXIS, o->axis != NULL},
        {"metric", SSMQ_TAKES_METRIC, o->metric != NULL},
        {"evaluation", SSMQ_TAKES_METRIC, o->evaluation != NULL},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].given && !(kind->takes & all[i].bit))
            return SSMQ_FAIL(USAGE, "option '--%s' is none of kind '%s'", all[i].name, kind->name);
    if (o->log >= 0 && (o->log & SSMQ_LOG_AXIS_X) && strcmp(kind->name, "histogram") != 0 && !kind->of_sweeps)
        return SSMQ_FAIL(USAGE, "option '--log' is '%s': a figure of this kind has no logarithmic x axis",
                         ssmq_figure_logs[o->log]);
    return SSMQ_OK;
}

/* ---- colours ---------------------------------------------------------------------------- */

int ssmq_figure_colour(const ssmq_figure_request *rq, int32_t run)
{
    int colour = 1;
    if (strcmp(rq->run[run].mode, "float") == 0) return 1;
    for (int32_t i = 0; i <= run; i++) colour += strcmp(rq->run[i].mode, "float") != 0;
    return colour;
}

static void set_colours(const ssmq_figure_request *rq, ssmq_figure *f)
{
    double *colour = SSMQ_ARENA_ARRAY(rq->arena, double, rq->n_run);
    for (int32_t i = 0; i < rq->n_run; i++) colour[i] = ssmq_figure_colour(rq, i);
    ssmq_figure_set_reals(f, "run_colour", colour, rq->n_run);
}

/* ---- the figure ------------------------------------------------------------------------- */

static void add_run_columns(ssmq_figure *f)
{
    ssmq_figure_add_column(f, "run", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "run_id", SSMQ_COLUMN_TEXT);
}

/* A folder of runs holds some that this figure is not about, such as the float run where errors are shown: those
 * are left out, with a comment that says why.  A run that was named is not, unless it is in float, which has no
 * errors and no codes and is often named with the others. */
static bool may_lack(const ssmq_figure_run *run)
{
    return run->in_folder || strcmp(run->mode, "float") == 0;
}

static ssmq_status leave_out(const ssmq_figure_kind *kind, ssmq_figure_request *rq, ssmq_figure *f)
{
    ssmq_figure_run *kept = SSMQ_ARENA_ARRAY(rq->arena, ssmq_figure_run, rq->n_run);
    int32_t          n = 0;
    ssmq_status      st = SSMQ_OK;
    for (int32_t i = 0; i < rq->n_run; i++) {
        const ssmq_figure_run *run = &rq->run[i];
        ssmq_figure_request    one = *rq;
        ssmq_figure            alone = {.arena = rq->arena, .kind = kind->name};
        one.run = run;
        one.n_run = 1;
        if (may_lack(run)) {
            add_run_columns(&alone);
            st = kind->build(&one, &alone);
            ssmq_figure_free(&alone);
            if (st != SSMQ_OK && st != SSMQ_ERR_INPUT) return st;
        }
        if (may_lack(run) && st == SSMQ_ERR_INPUT)
            ssmq_figure_comment(f, "%s: run %s: %s", run->in_folder ? "left out" : SSMQ_FIGURE_LEFT_OUT, run->id,
                                ssmq_error_last()->message);
        else kept[n++] = *run;
    }
    rq->run = kept;
    rq->n_run = n;
    if (n > 0) ssmq_error_clear();
    return n > 0 ? SSMQ_OK : st;
}

static void put_comments(const ssmq_figure_request *rq, ssmq_figure *f)
{
    ssmq_figure_comment(f, "ssmq %s: %s", ssmq_build_info()->version, f->kind);
    for (int32_t i = 0; i < rq->n_run; i++) {
        const ssmq_figure_run *r = &rq->run[i];
        if (*r->id == 0) ssmq_figure_comment(f, "%s", ssmq_sealed_path(r->results)); /* of no experiment */
        else ssmq_figure_comment(f, "run %s: %s%s%s, schema_sha %s", r->id, r->mode, *r->recipe ? ", recipe " : "",
                            r->recipe, r->config_sha);
    }
}

static ssmq_status build_of_runs(const ssmq_figure_kind *kind, ssmq_figure_request *rq,
                                 const char *const *path, int32_t n, ssmq_figure *f)
{
    ssmq_figure_runs runs;
    SSMQ_TRY(ssmq_figure_runs_open(path, n, rq->o->label, rq->arena, &runs));
    rq->run = runs.run;
    rq->n_run = runs.n;
    ssmq_status st = leave_out(kind, rq, f);
    if (st == SSMQ_OK) {
        put_comments(rq, f);
        set_colours(rq, f);
        add_run_columns(f);
        st = kind->build(rq, f);
    }
    ssmq_figure_runs_close(&runs);
    return st;
}

/* The runs of the table that came to an end say what they are of. */
static ssmq_status put_table_comments(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const char *const none[] = {NULL};
    const char             **path = SSMQ_ARENA_ARRAY(rq->arena, const char *, rq->table->n_run + 1);
    int32_t                  n = 0;
    ssmq_figure_runs         runs = {0};
    ssmq_figure_request      all = *rq;
    for (int32_t i = 0; i < rq->table->n_run; i++)
        if (rq->table->run[i]->summary.n_evaluation > 0) path[n++] = rq->table->run[i]->path;
    if (n > 0) SSMQ_TRY(ssmq_figure_runs_open(path, n, none, rq->arena, &runs));
    all.run = runs.run;
    all.n_run = runs.n;
    put_comments(&all, f);
    ssmq_figure_runs_close(&runs);
    if (rq->table->baseline) ssmq_figure_comment(f, "baseline: %s", rq->table->baseline);
    if (rq->table->left_out) ssmq_figure_comment(f, "left out: %s", rq->table->left_out);
    return SSMQ_OK;
}

/* Its id; NULL: there is none, or several. */
static const char *only_float(const ssmq_comparison *table)
{
    const char *id = NULL;
    for (int32_t i = 0; i < table->n_run; i++) {
        if (strcmp(table->run[i]->summary.mode, "float") != 0) continue;
        if (id) return NULL;
        id = table->run[i]->summary.id;
    }
    return id;
}

static ssmq_status build_of_table(const ssmq_figure_kind *kind, ssmq_figure_request *rq,
                                  const ssmq_comparison_source *source, int32_t n, ssmq_figure *f)
{
    const char *const wanted[] = {rq->o->evaluation, NULL};
    ssmq_comparison   table;
    SSMQ_TRY(ssmq_compare_runs(source, n, NULL, wanted, rq->arena, &table));
    const char *base = kind->against_float ? only_float(&table) : NULL;
    if (base) SSMQ_TRY(ssmq_compare_runs(source, n, base, wanted, rq->arena, &table));
    rq->table = &table;
    SSMQ_TRY(put_table_comments(rq, f));
    add_run_columns(f);
    return kind->build(rq, f);
}

static ssmq_status build_of_sweeps(const ssmq_figure_kind *kind, ssmq_figure_request *rq,
                                   const char *const *path, int32_t n, ssmq_figure *f)
{
    ssmq_comparison_source *source = SSMQ_ARENA_ARRAY(rq->arena, ssmq_comparison_source, n);
    ssmq_status             st = SSMQ_OK;
    int32_t                 opened = 0;
    for (; opened < n && st == SSMQ_OK; opened += st == SSMQ_OK)
        st = ssmq_comparison_open(path[opened], rq->arena, &source[opened]);
    if (st == SSMQ_OK) st = build_of_table(kind, rq, source, n, f);
    for (int32_t i = 0; i < opened; i++) ssmq_comparison_close(&source[i]);
    return st;
}

ssmq_status ssmq_figure_build(const char *name, const ssmq_figure_options *o, const char *const *path,
                              int32_t n, bool picture, ssmq_arena *arena, ssmq_figure *out)
{
    const ssmq_figure_kind *kind;
    SSMQ_TRY(find_kind(name, &kind));
    SSMQ_TRY(check_options(kind, o));
    ssmq_figure_request rq = {.o = o, .picture = picture, .arena = arena};
    ssmq_figure         f = {.arena = arena, .kind = kind->name, .title = ""};
    const ssmq_status   st = kind->of_sweeps ? build_of_sweeps(kind, &rq, path, n, &f) : build_of_runs(kind, &rq, path, n, &f);
    if (st == SSMQ_OK) *out = f;
    else ssmq_figure_free(&f);
    return st;
}

/* ---- what kinds share ------------------------------------------------------------------- */

/* The sites of the first run that has some with the dataset. */
static ssmq_status offered_sites(const ssmq_figure_request *rq, const ssmq_figure_need *need,
                                 const char *const **out)
{
    for (int32_t i = 0; i < rq->n_run; i++) {
        SSMQ_TRY(ssmq_figure_sites(&rq->run[i], need->dataset, rq->arena, out));
        if ((*out)[0]) return SSMQ_OK;
    }
    return ssmq_figure_lacks(&rq->run[0], need->what, need->setting);
}

static ssmq_status choose_site(const ssmq_figure_request *rq, const char *const *sites, const char **out)
{
    const char *const *given = rq->o->site;
    *out = given[0] ? given[0] : sites[0];
    if (given[0] && given[1])
        return SSMQ_FAIL(USAGE, "a figure of this kind shows one site; --site stands more than once");
    if (given[0] || !sites[1]) return SSMQ_OK;
    return SSMQ_FAIL(USAGE, "which site? say --site NAME; there are %s", ssmq_option_words(rq->arena, sites));
}

ssmq_status ssmq_figure_subject_among(const ssmq_figure_request *rq, const char *const *sites,
                                      ssmq_figure_subject *out)
{
    static const char prefix[] = "layers.";
    const char       *site;
    char             *end;
    SSMQ_TRY(choose_site(rq, sites, &site));
    *out = (ssmq_figure_subject){site, rq->o->layer};
    if (!ssmq_str_starts(site, prefix)) return SSMQ_OK;
    const long layer = strtol(site + strlen(prefix), &end, 10);
    if (end == site + strlen(prefix) || *end != '.' || layer < 0 || layer > 1000000)
        return SSMQ_FAIL(USAGE, "'%s' is no site; layers.N.NAME or NAME is one", site);
    if (rq->o->layer >= 0 && rq->o->layer != layer)
        return SSMQ_FAIL(USAGE, "--site names layer %ld, --layer names %d", layer, rq->o->layer);
    *out = (ssmq_figure_subject){end + 1, (int32_t)layer};
    return SSMQ_OK;
}

ssmq_status ssmq_figure_subject_of(const ssmq_figure_request *rq, const ssmq_figure_need *need,
                                   ssmq_figure_subject *out)
{
    const char *const *sites;
    SSMQ_TRY(offered_sites(rq, need, &sites));
    return ssmq_figure_subject_among(rq, sites, out);
}

void ssmq_figure_title(const ssmq_figure_request *rq, ssmq_figure *f, const char *site, int32_t layer)
{
    f->title = rq->o->title ? rq->o->title
               : layer < 0  ? site
                            : ssmq_arena_printf(rq->arena, "%s, layer %d", site, layer);
}

ssmq_cell *ssmq_figure_run_row(ssmq_figure *f, const ssmq_figure_run *run)
{
    ssmq_cell *cell = ssmq_figure_row(f);
    cell[0] = SSMQ_TEXT_CELL(run->label);
    cell[1] = SSMQ_TEXT_CELL(run->id);
    return cell + 2;
}
