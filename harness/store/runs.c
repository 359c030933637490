#include "harness/store/runs.h"
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "harness/base/file.h"
#include "harness/store/frozen.h"
#include "harness/store/store.h"

#define MANIFEST_MAX (16u << 20) /* bytes */
#define MANIFEST_DEPTH 16        /* of ours: 5 */

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* Files that ssmq wrote itself: whatever is wrong with them, they are damaged. */
static ssmq_status damaged(ssmq_status st)
{
    if (st == SSMQ_OK || st == SSMQ_ERR_MEMORY) return st;
    return SSMQ_FAIL(DAMAGED, "%s", ssmq_error_last()->message);
}

/* A run that was not finished has no summary: what is known of it stands in status.json. */
static ssmq_status read_summary(ssmq_stored_run *r, ssmq_arena *a)
{
    const char *path = ssmq_arena_printf(a, "%s/summary.json", r->path);
    if (exists(path)) return damaged(ssmq_summary_read(path, a, &r->summary));
    r->summary = (ssmq_summary){.id = r->status.id,
                                .name = r->status.name,
                                .mode = "-",
                                .status = ssmq_run_state_name(r->status.state),
                                .reason = r->status.reason};
    return SSMQ_OK;
}

/* Are objects and arrays within each other on more than n levels? */
static bool is_deeper(json_t *v, int n)
{
    const char *key;
    json_t     *part;
    size_t      i;
    bool        deeper = n == 0 && (json_is_object(v) || json_is_array(v));
    if (deeper) return true;
    json_object_foreach(v, key, part) deeper = deeper || is_deeper(part, n - 1);
    json_array_foreach(v, i, part) deeper = deeper || is_deeper(part, n - 1);
    return deeper;
}

static ssmq_status read_manifest(const char *path, ssmq_json *out)
{
    SSMQ_TRY(damaged(ssmq_json_open(path, MANIFEST_MAX, out)));
    if (!is_deeper(out->root, MANIFEST_DEPTH)) return SSMQ_OK;
    ssmq_json_close(out);
    return SSMQ_FAIL(DAMAGED, "%s: nested deeper than %d levels", path, MANIFEST_DEPTH);
}

static ssmq_status read_run(const char *path, ssmq_arena *a, ssmq_stored_run *out)
{
    const char *manifest = ssmq_arena_printf(a, "%s/manifest.json", path);
    *out = (ssmq_stored_run){.path = path};
    SSMQ_TRY(damaged(
        ssmq_run_status_read(ssmq_arena_printf(a, "%s/status.json", path), a, &out->status)));
    SSMQ_TRY(read_summary(out, a));
    return exists(manifest) ? read_manifest(manifest, &out->manifest) : SSMQ_OK;
}

static ssmq_status add_run(ssmq_stored *s, const char *path, ssmq_arena *a)
{
    ssmq_stored_run *more = SSMQ_ARENA_ARRAY(a, ssmq_stored_run, s->n + 1);
    if (s->n) memcpy(more, s->run, sizeof *more * (size_t)s->n);
    s->run = more;
    SSMQ_TRY(read_run(path, a, &s->run[s->n]));
    s->n++;
    return SSMQ_OK;
}

static int by_start(const void *a, const void *b)
{
    const ssmq_stored_run *x = a, *y = b;
    const int              order = strcmp(x->status.started ? x->status.started : "",
                             y->status.started ? y->status.started : "");
    /* Runs that started in the same second: float first, as it is run. */
    const int fx = strcmp(x->summary.mode, "float") != 0, fy = strcmp(y->summary.mode, "float") != 0;
    return order                  ? order
           : fx != fy             ? fx - fy
           : x->place != y->place ? x->place - y->place
                                  : strcmp(x->path, y->path);
}

/* A run among others that cannot be read back: all that its directory's name tells. */
static ssmq_status keep_damaged(ssmq_stored *s, const char *name, ssmq_arena *a)
{
    ssmq_stored_run *r = &s->run[s->n++];
    const char      *id = ssmq_arena_strdup(a, name), *reason = ssmq_arena_strdup(a, ssmq_error_last()->message);
    ssmq_json_close(&r->manifest);
    *r = (ssmq_stored_run){.path = r->path,
                           .status = {.id = id, .name = id, .state = SSMQ_RUN_FAILED, .reason = reason},
                           .summary = {.id = id, .name = id, .mode = "-", .status = "damaged", .reason = reason}};
    s->damaged++;
    ssmq_error_clear();
    return SSMQ_OK;
}

void ssmq_stored_look_at_results(ssmq_stored *s, ssmq_arena *arena)
{
    for (int32_t i = 0; s->sweep && i < s->n; i++) {
        ssmq_summary *of = &s->run[i].summary;
        const char   *path = ssmq_arena_printf(arena, "%s/run.h5", s->run[i].path);
        if (strcmp(of->status, "done") != 0 || ssmq_store_is_one(path, of->id)) continue;
        *of = (ssmq_summary){.id = of->id,
                             .name = of->name,
                             .mode = of->mode,
                             .recipe = of->recipe,
                             .status = "damaged",
                             .reason = ssmq_arena_printf(arena, "%s: is missing or damaged", path)};
        s->damaged++;
    }
}

static ssmq_status read_folders(DIR *folder, const char *path, ssmq_arena *a, ssmq_stored *s)
{
    for (const struct dirent *e; (e = readdir(folder));) {
        if (e->d_name[0] == '.') continue;
        const char *run = ssmq_arena_printf(a, "%s/%s", path, e->d_name);
        if (!exists(ssmq_arena_printf(a, "%s/status.json", run))) continue;
        const ssmq_status st = add_run(s, run, a);
        SSMQ_TRY(st == SSMQ_ERR_DAMAGED ? keep_damaged(s, e->d_name, a) : st);
    }
    return SSMQ_OK;
}

/* The first folder in it that holds runs itself; NULL: there is none. */
static const char *folder_of_runs(const char *path, ssmq_arena *a)
{
    const char *found = NULL;
    DIR        *folder = opendir(path);
    if (!folder) return NULL;
    for (const struct dirent *e; (e = readdir(folder));) {
        if (e->d_name[0] == '.' || !exists(ssmq_arena_printf(a, "%s/%s/sweep.json", path, e->d_name))) continue;
        if (!found || strcmp(e->d_name, found) < 0) found = ssmq_arena_strdup(a, e->d_name);
    }
    closedir(folder);
    return found ? ssmq_arena_printf(a, "%s/%s", path, found) : NULL;
}

static ssmq_status no_run(const char *path, ssmq_arena *a)
{
    const char *other = folder_of_runs(path, a);
    if (other)
        return SSMQ_FAIL(INPUT, "%s: no run: its folders hold runs of several experiments, name one, as %s", path, other);
    return SSMQ_FAIL(INPUT, "%s: no run: neither it nor a folder in it has a status.json", path);
}

static ssmq_status read_sweep(const char *path, ssmq_arena *a, ssmq_stored *s)
{
    DIR *folder = opendir(path);
    if (!folder && errno == ENOTDIR)
        return SSMQ_FAIL(INPUT, "%s: not a directory: results are in directories, of a run or an experiment", path);
    if (!folder) return SSMQ_FAIL(INPUT, "%s: %s", path, strerror(errno));
    const ssmq_status st = read_folders(folder, path, a, s);
    closedir(folder);
    SSMQ_TRY(st);
    if (s->n == 0) return no_run(path, a);
    const ssmq_frozen list = ssmq_frozen_order(path, a);
    for (int32_t i = 0; i < s->n; i++) s->run[i].place = ssmq_frozen_find(&list, s->run[i].status.id);
    qsort(s->run, (size_t)s->n, sizeof *s->run, by_start);
    return SSMQ_OK;
}

/* "runs/x/" and "runs/x/run.h5" name the run in runs/x. */
static const char *directory_of(const char *path, ssmq_arena *a)
{
    ssmq_str folder = {0};
    char    *copy = ssmq_arena_strdup(a, path);
    size_t   n = strlen(copy);
    while (n > 1 && copy[n - 1] == '/') copy[--n] = '\0';
    if (!ssmq_str_ends(copy, "run.h5")) return copy;
    ssmq_path_folder(copy, &folder);
    const char *out = ssmq_arena_strdup(a, ssmq_str_text(&folder));
    ssmq_str_free(&folder);
    return out;
}

ssmq_status ssmq_stored_open(const char *path, ssmq_arena *arena, ssmq_stored *out)
{
    const char       *directory = directory_of(path, arena);
    ssmq_stored       s = {.sweep = !exists(ssmq_arena_printf(arena, "%s/status.json", directory))};
    const ssmq_status st =
        s.sweep ? read_sweep(directory, arena, &s) : add_run(&s, directory, arena);
    if (st != SSMQ_OK) ssmq_stored_close(&s);
    else *out = s;
    return st;
}

void ssmq_stored_close(ssmq_stored *s)
{
    for (int32_t i = 0; i < s->n; i++) ssmq_json_close(&s->run[i].manifest);
    *s = (ssmq_stored){0};
}

ssmq_status ssmq_stored_whole(const ssmq_stored *s)
{
    int32_t i = 0;
    if (s->damaged == 0) return SSMQ_OK;
    while (strcmp(s->run[i].summary.status, "damaged") != 0) i++;
    return SSMQ_FAIL(DAMAGED, "%d of %d runs %s damaged and without figures here: %s", s->damaged, s->n,
                     s->damaged == 1 ? "is" : "are", s->run[i].summary.reason);
}

ssmq_status ssmq_stored_check(const char *const *path, int32_t n)
{
    ssmq_arena *a = ssmq_arena_new();
    ssmq_status st = SSMQ_OK;
    for (int32_t i = 0; i < n && st == SSMQ_OK; i++) {
        ssmq_stored s = {0};
        if (exists(ssmq_arena_printf(a, "%s/status.json", path[i]))) continue;
        st = ssmq_stored_open(path[i], a, &s);
        ssmq_stored_look_at_results(&s, a);
        if (st == SSMQ_OK) st = ssmq_stored_whole(&s);
        else if (st == SSMQ_ERR_INPUT) st = SSMQ_OK; /* a run.h5, for example: who read it knows */
        ssmq_stored_close(&s);
    }
    ssmq_arena_free(a);
    return st;
}
