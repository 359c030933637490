#include "analysis/read.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/store/frozen.h"
#include "harness/store/rundir.h"
#include "harness/tensor/qspec.h"

#define SCHEMA "ssmq-1"

/* ---- one run ---------------------------------------------------------------------------- */

static ssmq_status check_schema(const ssmq_sealed *s, ssmq_arena *arena)
{
    const char *schema;
    SSMQ_TRY(ssmq_sealed_attribute(s, "/", "Conventions", arena, &schema));
    if (strcmp(schema, SCHEMA) == 0) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: the schema is '%s'; this version reads '%s'", ssmq_sealed_path(s), schema,
                     SCHEMA);
}

static ssmq_status read_root(ssmq_figure_run *run, ssmq_arena *arena)
{
    const ssmq_sealed *s = run->results;
    const char *const *config;
    int64_t            n;
    char               sha[SSMQ_SHA256_HEX];
    SSMQ_TRY(check_schema(s, arena));
    SSMQ_TRY(ssmq_sealed_attribute(s, "/", "run_id", arena, &run->id));
    SSMQ_TRY(ssmq_sealed_attribute(s, "/", "mode", arena, &run->mode));
    SSMQ_TRY(ssmq_sealed_attribute(s, "/", "recipe", arena, &run->recipe));
    SSMQ_TRY(ssmq_sealed_texts(s, "/meta/resolved_config", arena, &config, &n));
    ssmq_sha256_of(n ? config[0] : "", n ? strlen(config[0]) : 0, sha);
    run->config_sha = ssmq_arena_strdup(arena, sha);
    return SSMQ_OK;
}

static const char *start_of(const char *folder, ssmq_arena *arena)
{
    ssmq_run_status   status;
    const ssmq_status st =
        ssmq_run_status_read(ssmq_arena_printf(arena, "%s/status.json", folder), arena, &status);
    if (st == SSMQ_OK && status.started) return status.started;
    ssmq_error_clear(); /* a run.h5 may lie alone */
    return "";
}

/* *out is to be closed whatever the status. */
static ssmq_status open_run(const char *results, ssmq_arena *arena, ssmq_figure_run *out)
{
    ssmq_str folder = {0};
    ssmq_path_folder(results, &folder);
    *out = (ssmq_figure_run){.folder = ssmq_arena_strdup(arena, ssmq_str_text(&folder))};
    ssmq_str_free(&folder);
    out->started = start_of(out->folder, arena);
    SSMQ_TRY(ssmq_sealed_open(results, &out->results));
    return read_root(out, arena);
}

static ssmq_status add_run(ssmq_figure_runs *runs, const char *results, ssmq_arena *arena)
{
    runs->run = ssmq_must_realloc(runs->run, sizeof *runs->run * (size_t)(runs->n + 1));
    return open_run(results, arena, &runs->run[runs->n++]);
}

/* ---- all that a path names -------------------------------------------------------------- */

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int by_start(const void *a, const void *b)
{
    const ssmq_figure_run *x = a, *y = b;
    const int              fx = strcmp(x->mode, "float") != 0, fy = strcmp(y->mode, "float") != 0;
    const int              order = fx != fy ? fx - fy : strcmp(x->started, y->started);
    return order                  ? order
           : x->place != y->place ? x->place - y->place
                                  : strcmp(x->folder, y->folder);
}

static ssmq_status add_entries(DIR *folder, const char *path, ssmq_arena *arena, ssmq_figure_runs *runs)
{
    for (const struct dirent *e; (e = readdir(folder));) {
        const char *run = ssmq_arena_printf(arena, "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.' || !ssmq_rundir_finished(run)) continue;
        SSMQ_TRY(add_run(runs, ssmq_arena_printf(arena, "%s/run.h5", run), arena));
    }
    return SSMQ_OK;
}

static ssmq_status add_folder(const char *path, ssmq_arena *arena, ssmq_figure_runs *runs)
{
    const int32_t first = runs->n;
    DIR          *folder = opendir(path);
    if (!folder) return SSMQ_FAIL(INPUT, "%s: %s", path, strerror(errno));
    const ssmq_status st = add_entries(folder, path, arena, runs);
    closedir(folder);
    SSMQ_TRY(st);
    if (runs->n == first)
        return SSMQ_FAIL(INPUT, "%s: no finished run: neither it nor a folder in it has a run.h5", path);
    const ssmq_frozen list = ssmq_frozen_order(path, arena);
    for (int32_t i = first; i < runs->n; i++) {
        runs->run[i].in_folder = true;
        runs->run[i].place = ssmq_frozen_find(&list, runs->run[i].id);
    }
    qsort(&runs->run[first], (size_t)(runs->n - first), sizeof *runs->run, by_start);
    return SSMQ_OK;
}

static ssmq_status add_path(const char *path, ssmq_arena *arena, ssmq_figure_runs *runs)
{
    const char *inside = ssmq_arena_printf(arena, "%s/run.h5", path);
    if (is_file(path)) return add_run(runs, path, arena);
    if (is_file(inside)) return add_run(runs, inside, arena);
    return add_folder(path, arena, runs);
}

/* ---- what runs are called --------------------------------------------------------------- */

static bool is_unique(const ssmq_figure_runs *runs, int32_t i)
{
    for (int32_t k = 0; k < runs->n; k++)
        if (k != i && strcmp(runs->run[k].label, runs->run[i].label) == 0) return false;
    return true;
}

/* The recipe's name, or the mode; with the mode, then the id's beginning, where that is not unique. */
static void choose_labels(ssmq_figure_runs *runs, ssmq_arena *arena)
{
    const char **longer = SSMQ_ARENA_ARRAY(arena, const char *, runs->n);
    for (int32_t i = 0; i < runs->n; i++)
        runs->run[i].label = *runs->run[i].recipe ? runs->run[i].recipe : runs->run[i].mode;
    for (int32_t step = 0; step < 2; step++) {
        for (int32_t i = 0; i < runs->n; i++) {
            const ssmq_figure_run *r = &runs->run[i];
            const bool             mode = step == 0 && *r->recipe;
            longer[i] = is_unique(runs, i) ? r->label
                        : mode             ? ssmq_arena_printf(arena, "%s, %s", r->label, r->mode)
                        : step == 1        ? ssmq_arena_printf(arena, "%s (%.6s)", r->label, r->id)
                                           : r->label;
        }
        for (int32_t i = 0; i < runs->n; i++) runs->run[i].label = longer[i];
    }
}

static ssmq_status take_labels(ssmq_figure_runs *runs, const char *const *label, ssmq_arena *arena)
{
    int32_t n = 0;
    while (label[n]) n++;
    if (n && n != runs->n)
        return SSMQ_FAIL(USAGE, "option '--label' stands %d times for %d runs", n, runs->n);
    if (n == 0) choose_labels(runs, arena);
    for (int32_t i = 0; i < n; i++) runs->run[i].label = label[i];
    return SSMQ_OK;
}

ssmq_status ssmq_figure_runs_open(const char *const *path, int32_t n, const char *const *label,
                                  ssmq_arena *arena, ssmq_figure_runs *out)
{
    ssmq_figure_runs runs = {0};
    ssmq_status      st = SSMQ_OK;
    for (int32_t i = 0; i < n && st == SSMQ_OK; i++) st = add_path(path[i], arena, &runs);
    if (st == SSMQ_OK) st = take_labels(&runs, label, arena);
    if (st == SSMQ_OK) *out = runs;
    else ssmq_figure_runs_close(&runs);
    return st;
}

void ssmq_figure_runs_close(ssmq_figure_runs *runs)
{
    for (int32_t i = 0; i < runs->n; i++) ssmq_sealed_close(runs->run[i].results);
    free(runs->run);
    *runs = (ssmq_figure_runs){0};
}

/* ---- datasets of a site ----------------------------------------------------------------- */

const char *ssmq_figure_optional(const ssmq_figure_run *run, const char *site, const char *dataset,
                                 ssmq_arena *arena)
{
    const char *path = ssmq_arena_printf(arena, "/sites/%s/%s", site, dataset);
    return ssmq_sealed_has(run->results, path) ? path : NULL;
}

ssmq_status ssmq_figure_sites(const ssmq_figure_run *run, const char *dataset, ssmq_arena *arena,
                              const char *const **out)
{
    static const char *const none[] = {NULL};
    *out = none;
    if (!ssmq_sealed_has(run->results, "/sites")) return SSMQ_OK;
    const char *const *all;
    int32_t            n = 0, kept = 0;
    SSMQ_TRY(ssmq_sealed_members(run->results, "/sites", arena, &all));
    while (all[n]) n++;
    const char **some = SSMQ_ARENA_ARRAY(arena, const char *, n + 1);
    for (int32_t i = 0; i < n; i++)
        if (!dataset || ssmq_figure_optional(run, all[i], dataset, arena)) some[kept++] = all[i];
    *out = some;
    return SSMQ_OK;
}

static ssmq_status missing_site(const ssmq_figure_run *run, const char *site, const ssmq_figure_need *need,
                                ssmq_arena *arena)
{
    const char        *path = ssmq_sealed_path(run->results);
    const char *const *sites;
    SSMQ_TRY(ssmq_figure_sites(run, need->dataset, arena, &sites));
    const char *near = ssmq_str_nearest(site, sites);
    if (near)
        return SSMQ_FAIL(INPUT, "%s: no site '%s' with a %s; did you mean '%s'?", path, site, need->what,
                         near);
    return SSMQ_FAIL(INPUT, "%s: no site '%s' with a %s; there are %s", path, site, need->what,
                     ssmq_option_words(arena, sites));
}

ssmq_status ssmq_figure_lacks(const ssmq_figure_run *run, const char *what, const char *setting)
{
    return SSMQ_FAIL(INPUT, "%s: no %s: add %s to the experiment", ssmq_sealed_path(run->results), what,
                     setting);
}

ssmq_status ssmq_figure_dataset(const ssmq_figure_run *run, const char *site, const ssmq_figure_need *need,
                                ssmq_arena *arena, const char **out)
{
    const char        *path = ssmq_figure_optional(run, site, need->dataset, arena);
    const char *const *sites;
    *out = path;
    if (path) return SSMQ_OK;
    SSMQ_TRY(ssmq_figure_sites(run, need->dataset, arena, &sites));
    if (sites[0] && !ssmq_sealed_has(run->results, ssmq_arena_printf(arena, "/sites/%s", site)))
        return missing_site(run, site, need, arena);
    return ssmq_figure_lacks(run, ssmq_arena_printf(arena, "%s of %s", need->what, site), need->setting);
}

/* ---- layers ----------------------------------------------------------------------------- */

/* Each group holds a link to the scales of its datasets. */
ssmq_status ssmq_figure_layers(const ssmq_figure_run *run, const char *dataset, ssmq_arena *arena,
                               double **out, int64_t *n)
{
    ssmq_extent extent;
    SSMQ_TRY(ssmq_sealed_extent(run->results, dataset, &extent));
    const char *scale =
        ssmq_arena_printf(arena, "%.*s/layer", (int)(strrchr(dataset, '/') - dataset), dataset);
    SSMQ_TRY(ssmq_sealed_vector(run->results, scale, arena, out, n));
    if (extent.rank == 0 || extent.dim[0] != *n)
        return SSMQ_FAIL(DAMAGED, "%s: %s has no layer axis of length %" PRId64,
                         ssmq_sealed_path(run->results), dataset, *n);
    return SSMQ_OK;
}

static const char *layer_words(const double *layer, int64_t n, ssmq_arena *arena)
{
    const char *words = "";
    if (n > 2 && layer[n - 1] - layer[0] == (double)(n - 1))
        return ssmq_arena_printf(arena, "%.0f to %.0f", layer[0], layer[n - 1]);
    for (int64_t i = 0; i < n; i++)
        words = ssmq_arena_printf(arena, "%s%s%.0f", words, i ? ", " : "", layer[i]);
    return words;
}

ssmq_status ssmq_figure_layer_index(const ssmq_figure_run *run, const char *dataset, int32_t layer,
                                    ssmq_arena *arena, int64_t *index, int32_t *found)
{
    double *all;
    int64_t n;
    SSMQ_TRY(ssmq_figure_layers(run, dataset, arena, &all, &n));
    if (layer < 0 && n != 1)
        return SSMQ_FAIL(USAGE, "which layer? say --layer N; %s has the layers %s", dataset,
                         layer_words(all, n, arena));
    for (int64_t i = 0; i < n; i++) {
        if (layer >= 0 && all[i] != layer) continue;
        *index = i;
        *found = (int32_t)all[i];
        return SSMQ_OK;
    }
    return SSMQ_FAIL(INPUT, "%s: %s has no layer %d; there are %s", ssmq_sealed_path(run->results), dataset,
                     layer, layer_words(all, n, arena));
}

ssmq_status ssmq_figure_check_axes(const ssmq_figure_run *run, const char *dataset, int32_t rank,
                                   const int64_t *dim)
{
    ssmq_extent extent;
    SSMQ_TRY(ssmq_sealed_extent(run->results, dataset, &extent));
    bool fine = extent.rank == rank && extent.number;
    for (int32_t i = 0; i < rank && fine; i++) fine = dim[i] < 0 || extent.dim[i] == dim[i];
    if (fine) return SSMQ_OK;
    return SSMQ_FAIL(DAMAGED, "%s: %s has another shape than the layout says", ssmq_sealed_path(run->results),
                     dataset);
}

ssmq_status ssmq_figure_slice(const ssmq_figure_run *run, const char *dataset, int64_t index,
                              ssmq_arena *arena, double **out, int64_t *n)
{
    ssmq_extent extent;
    int64_t     begin[SSMQ_RANK_MAX] = {index}, total = 1;
    SSMQ_TRY(ssmq_sealed_extent(run->results, dataset, &extent));
    if (extent.rank == 0 || index >= extent.dim[0])
        return SSMQ_FAIL(DAMAGED, "%s: %s has no layer axis", ssmq_sealed_path(run->results), dataset);
    extent.dim[0] = 1;
    for (int32_t i = 0; i < extent.rank; i++) total *= extent.dim[i];
    double *values = SSMQ_ARENA_ARRAY(arena, double, total);
    SSMQ_TRY(ssmq_sealed_block(run->results, dataset, begin, extent.dim, values));
    *out = values;
    *n = total;
    return SSMQ_OK;
}

/* ---- codes ------------------------------------------------------------------------------ */

/* The one number of a layer, NaN if it has several. */
static ssmq_status read_one(const ssmq_figure_run *run, const char *dataset, int64_t index, ssmq_arena *arena,
                            double *out)
{
    double *value;
    int64_t n;
    SSMQ_TRY(ssmq_figure_slice(run, dataset, index, arena, &value, &n));
    *out = n == 1 ? value[0] : NAN;
    return SSMQ_OK;
}

static ssmq_status read_format(const ssmq_figure_run *run, const char *site, int64_t index, ssmq_arena *arena,
                               ssmq_qspec *out)
{
    const char        *bits = ssmq_figure_optional(run, site, "qparam/bits", arena);
    const char        *format = ssmq_figure_optional(run, site, "qparam/format", arena);
    const char *const *name;
    int64_t            n;
    double             width = 0;
    *out = (ssmq_qspec){.bits = 0};
    if (!bits || !format) return SSMQ_OK;
    SSMQ_TRY(read_one(run, bits, index, arena, &width));
    SSMQ_TRY(ssmq_sealed_texts(run->results, format, arena, &name, &n));
    if (!(width >= 0 && width <= 16) || index >= n)
        return SSMQ_FAIL(DAMAGED, "%s: %s is not of this layout", ssmq_sealed_path(run->results), bits);
    out->bits = (int32_t)width;
    for (int i = 0; ssmq_formats[i]; i++)
        if (strcmp(ssmq_formats[i], name[index]) == 0) out->format = (ssmq_format)i;
    return SSMQ_OK;
}

ssmq_status ssmq_figure_range_of(const ssmq_figure_run *run, const char *site, int32_t layer,
                                 ssmq_arena *arena, ssmq_figure_range *out)
{
    const char *scale = ssmq_figure_optional(run, site, "qparam/scale", arena);
    const char *zero = ssmq_figure_optional(run, site, "qparam/zero_point", arena);
    int64_t     index;
    int32_t     found;
    double      zero_point = 0;
    ssmq_qspec  spec;
    *out = (ssmq_figure_range){NAN, NAN, NAN};
    if (!scale) return SSMQ_OK;
    SSMQ_TRY(ssmq_figure_layer_index(run, scale, layer, arena, &index, &found));
    SSMQ_TRY(read_format(run, site, index, arena, &spec));
    if (spec.bits < 2 || ssmq_qspec_half(&spec)) return SSMQ_OK; /* half precision has no range */
    SSMQ_TRY(read_one(run, scale, index, arena, &out->scale));
    if (zero) SSMQ_TRY(read_one(run, zero, index, arena, &zero_point));
    const bool   integer = spec.format == SSMQ_FORMAT_INT;
    const double high = ssmq_code_limit(&spec), low = integer ? ssmq_code_min(&spec) : -high;
    out->clip_low = out->scale * (low - zero_point);
    out->clip_high = out->scale * (high - zero_point);
    return SSMQ_OK;
}
