#include "harness/store/overview.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "harness/store/folders.h"
#include "harness/store/frozen.h"
#include "harness/store/rundir.h"
#include "harness/store/summary.h"

#define LIST_MAX (64u << 20) /* bytes of sweep.json: 10,000 runs take a few MiB */
#define NOTHING_KNOWN ((ssmq_run_progress){.total = -1, .eta_s = -1})
#define LOG_TAIL 4096 /* bytes that are looked at for the last line */

static const char *last_line(const char *path, ssmq_arena *a)
{
    char  block[LOG_TAIL + 1];
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    fseek(f, size > LOG_TAIL ? size - LOG_TAIL : 0, SEEK_SET);
    size_t n = fread(block, 1, LOG_TAIL, f);
    fclose(f);
    while (n > 0 && block[n - 1] == '\n') n--;
    block[n] = '\0';
    const char *line = strrchr(block, '\n');
    return n ? ssmq_arena_strdup(a, line ? line + 1 : block) : NULL;
}

static void read_status(ssmq_overview *v, int64_t now, ssmq_arena *a)
{
    ssmq_run_status s;
    if (ssmq_run_status_read(ssmq_arena_printf(a, "%s/status.json", v->path), a, &s) != SSMQ_OK) {
        v->reason = ssmq_arena_strdup(a, ssmq_error_last()->message);
        ssmq_error_clear();
        return;
    }
    v->id = s.id;
    v->name = s.name;
    v->status = ssmq_run_state_name(s.state);
    v->reason = s.reason;
    v->stage = s.stage;
    v->started = s.started;
    v->updated = s.updated;
    const int64_t then = ssmq_utc_seconds(s.updated);
    v->age_s = then < 0 ? -1 : now > then ? now - then : 0;
    v->started_s = ssmq_utc_seconds(s.started);
    if (s.state == SSMQ_RUN_RUNNING || s.state == SSMQ_RUN_STOPPED)
        v->progress = ssmq_progress_of(v->path, s.stage, a);
    v->killed = s.state == SSMQ_RUN_RUNNING && !(v->held && v->holder.alive);
}

/* A run that says that it is done has a summary, or is damaged. */
static void read_summary(ssmq_overview *v, ssmq_arena *a)
{
    const char  *path = ssmq_arena_printf(a, "%s/summary.json", v->path);
    const bool   done = strcmp(v->status, ssmq_run_state_name(SSMQ_RUN_DONE)) == 0;
    struct stat  st;
    ssmq_summary s;
    if (!done && stat(path, &st) != 0) return;
    if (ssmq_summary_read(path, a, &s) == SSMQ_OK) {
        v->mode = s.mode;
        v->recipe = s.recipe;
    } else if (done) {
        v->status = "damaged";
        v->reason = ssmq_arena_strdup(a, ssmq_error_last()->message);
    }
    ssmq_error_clear();
}

/* now: seconds since 1970. */
static void overview_of(const char *path, int64_t now, ssmq_arena *arena, ssmq_overview *out)
{
    const char *name = strrchr(path, '/');
    *out = (ssmq_overview){.path = path,
                           .id = name ? name + 1 : path,
                           .name = "-",
                           .status = "unreadable",
                           .age_s = -1,
                           .started_s = -1,
                           .progress = NOTHING_KNOWN};
    out->held = ssmq_lease_look(ssmq_arena_printf(arena, "%s/lease", path), now, &out->holder);
    read_status(out, now, arena);
    read_summary(out, arena);
    out->log = last_line(ssmq_arena_printf(arena, "%s/log.txt", path), arena);
}

static int by_start(const void *a, const void *b)
{
    const ssmq_overview *x = a, *y = b;
    const int            order = strcmp(x->started ? x->started : "~", y->started ? y->started : "~");
    /* Runs that started in the same second: float first, as it is run. */
    const int fx = !x->mode || strcmp(x->mode, "float") != 0, fy = !y->mode || strcmp(y->mode, "float") != 0;
    return order                  ? order
           : fx != fy             ? fx - fy
           : x->place != y->place ? x->place - y->place
                                  : strcmp(x->path, y->path);
}

static const char *copy_text(json_t *object, const char *key, ssmq_arena *a)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? ssmq_arena_strdup(a, text) : NULL;
}

static bool is_known(const ssmq_overview *v, int32_t n, const char *id)
{
    for (int32_t i = 0; i < n; i++)
        if (strcmp(v[i].id, id) == 0) return true;
    return false;
}

/* Places in the lists of the experiments: folders are sorted, so that runs of one list come one after another. */
static void find_places(const char *const *folder, ssmq_overview *v, int32_t n, ssmq_arena *a)
{
    ssmq_frozen list = {0};
    const char *of = NULL;
    for (int32_t i = 0; i < n; i++) {
        const char *slash = strrchr(folder[i], '/');
        const char *parent = slash ? ssmq_arena_strndup(a, folder[i], (size_t)(slash - folder[i])) : ".";
        if (!of || strcmp(of, parent) != 0) list = ssmq_frozen_order(parent, a);
        of = parent;
        v[i].place = ssmq_frozen_find(&list, v[i].id);
    }
}

/* Runs that the frozen list beside them has and that have not begun: no folder yet. */
static int32_t add_queued(const char *path, json_t *runs, ssmq_arena *a, ssmq_overview *v, int32_t n)
{
    json_t *each;
    size_t  i;
    json_array_foreach(runs, i, each)
    {
        const char *id = copy_text(each, "id", a), *name = copy_text(each, "name", a);
        if (!id || !name || is_known(v, n, id)) continue;
        v[n++] = (ssmq_overview){.path = ssmq_arena_printf(a, "%s/%s", path, id),
                                 .id = id,
                                 .name = name,
                                 .status = ssmq_run_state_name(SSMQ_RUN_QUEUED),
                                 .mode = copy_text(each, "mode", a),
                                 .recipe = copy_text(each, "recipe", a),
                                 .place = (int32_t)i,
                                 .age_s = -1,
                                 .started_s = -1,
                                 .progress = NOTHING_KNOWN};
    }
    return n;
}

ssmq_status ssmq_overview_all(const char *path, ssmq_arena *arena, ssmq_overview **out, int32_t *n)
{
    const char *const *folder;
    ssmq_json          list = {0};
    const int64_t      now = (int64_t)time(NULL);
    int32_t            count = 0;
    SSMQ_TRY(ssmq_run_folders(path, arena, &folder));
    while (folder[count]) count++;
    if (ssmq_json_open(ssmq_arena_printf(arena, "%s/sweep.json", path), LIST_MAX, &list) != SSMQ_OK)
        ssmq_error_clear(); /* a run, or folders of sweeps: what there is, is there */
    json_t *runs = json_object_get(list.root, "runs");
    *out = SSMQ_ARENA_ARRAY(arena, ssmq_overview, (size_t)count + json_array_size(runs));
    for (int32_t i = 0; i < count; i++) overview_of(folder[i], now, arena, &(*out)[i]);
    find_places(folder, *out, count, arena);
    *n = add_queued(path, runs, arena, *out, count);
    ssmq_json_close(&list);
    qsort(*out, (size_t)*n, sizeof **out, by_start);
    return SSMQ_OK;
}

const char *ssmq_overview_state(const ssmq_overview *v)
{
    return v->killed ? "killed" : v->status;
}

static void put_progress(ssmq_json_writer *w, const ssmq_run_progress *p)
{
    if (p->done == 0 && p->total < 0) {
        ssmq_json_put_null(w, "progress");
        return;
    }
    ssmq_json_begin_object(w, "progress");
    ssmq_json_put_int(w, "done", p->done);
    if (p->total < 0) ssmq_json_put_null(w, "total");
    else ssmq_json_put_int(w, "total", p->total);
    if (p->eta_s < 0) ssmq_json_put_null(w, "eta_s");
    else ssmq_json_put_int(w, "eta_s", p->eta_s);
    ssmq_json_end_object(w);
}

static void put_lease(ssmq_json_writer *w, const ssmq_overview *v)
{
    if (!v->held) {
        ssmq_json_put_null(w, "lease");
        return;
    }
    ssmq_json_begin_object(w, "lease");
    ssmq_json_put_text(w, "host", v->holder.host);
    ssmq_json_put_int(w, "pid", v->holder.pid);
    ssmq_json_put_bool(w, "alive", v->holder.alive);
    ssmq_json_put_int(w, "silent_s", v->holder.silent_s);
    ssmq_json_end_object(w);
}

void ssmq_overview_put(ssmq_json_writer *w, const ssmq_overview *v)
{
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "id", v->id);
    ssmq_json_put_text(w, "name", v->name);
    ssmq_json_put_text(w, "status", v->status);
    ssmq_json_put_bool(w, "killed", v->killed);
    ssmq_json_put_text(w, "mode", v->mode);
    ssmq_json_put_text(w, "recipe", v->recipe);
    ssmq_json_put_text(w, "directory", v->path);
    ssmq_json_put_text(w, "reason", v->reason);
    ssmq_json_put_text(w, "stage", v->stage);
    ssmq_json_put_text(w, "started", v->started);
    ssmq_json_put_text(w, "updated", v->updated);
    ssmq_json_put_int(w, "age_s", v->age_s);
    ssmq_json_put_text(w, "log", v->log);
    put_progress(w, &v->progress);
    put_lease(w, v);
    ssmq_json_end_object(w);
}

void ssmq_age_text(int64_t seconds, char text[SSMQ_AGE_TEXT])
{
    static const struct {
        int64_t     seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t i = 0;
    while (i < 3 && seconds < 2 * units[i].seconds) i++;
    if (seconds < 0) snprintf(text, SSMQ_AGE_TEXT, "-");
    else snprintf(text, SSMQ_AGE_TEXT, "%" PRId64 " %s", seconds / units[i].seconds, units[i].unit);
}
