#include "harness/store/rundir.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/store/lease.h"

#define BEAT_S 30.0
#define STATUS_LIMIT (64 * 1024)

struct ssmq_rundir {
    ssmq_arena *a; /* all texts */
    const char *path, *id, *name;
    char        started[SSMQ_UTC_TEXT];
    ssmq_lease *lease;
    double      last_beat; /* monotonic seconds */
    const char *source[256]; /* paths copied so far, with the names they got */
    const char *source_name[256];
    int32_t     n_source;
};

/* ---- status ---------------------------------------------------------------------------- */

static const char *const state_names[] = {
#define X(name, text) text,
    SSMQ_RUN_STATE_LIST(X)
#undef X
};

#define N_STATE (int)(sizeof state_names / sizeof state_names[0])

const char *ssmq_run_state_name(ssmq_run_state state)
{
    return state_names[state];
}

static ssmq_status read_text(const ssmq_json *j, const char *key, bool required, ssmq_arena *a,
                             const char **out)
{
    const char *text = NULL;
    SSMQ_TRY(ssmq_json_text(j, key, required, &text));
    *out = text ? ssmq_arena_strdup(a, text) : NULL;
    return SSMQ_OK;
}

static ssmq_status read_status(const ssmq_json *j, ssmq_arena *a, ssmq_run_status *out)
{
    const char *state = NULL;
    SSMQ_TRY(read_text(j, "id", true, a, &out->id));
    SSMQ_TRY(read_text(j, "name", true, a, &out->name));
    SSMQ_TRY(ssmq_json_text(j, "status", true, &state));
    SSMQ_TRY(read_text(j, "reason", false, a, &out->reason));
    SSMQ_TRY(read_text(j, "stage", false, a, &out->stage));
    SSMQ_TRY(read_text(j, "started", true, a, &out->started));
    SSMQ_TRY(read_text(j, "updated", true, a, &out->updated));
    for (int i = 0; i < N_STATE; i++) {
        if (strcmp(state, state_names[i]) != 0) continue;
        out->state = (ssmq_run_state)i;
        return SSMQ_OK;
    }
    return SSMQ_FAIL(INPUT,
                     "%s: 'status' is '%s', not one of queued, running, stopped, done, failed, "
                     "unsupported",
                     j->path, state);
}

ssmq_status ssmq_run_status_read(const char *path, ssmq_arena *a, ssmq_run_status *out)
{
    ssmq_json       j = {0};
    ssmq_run_status s = {0};
    SSMQ_TRY(ssmq_json_open(path, STATUS_LIMIT, &j));
    const ssmq_status st = read_status(&j, a, &s);
    ssmq_json_close(&j);
    if (st == SSMQ_OK) *out = s;
    return st;
}

ssmq_status ssmq_rundir_set_status(ssmq_rundir *d, ssmq_run_state state, const char *reason,
                                   const char *stage)
{
    char             updated[SSMQ_UTC_TEXT];
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    SSMQ_TRY(ssmq_lease_beat(d->lease)); /* not over the status of whoever took the run over */
    d->last_beat = ssmq_monotonic_s();
    ssmq_utc_now(updated);
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "id", d->id);
    ssmq_json_put_text(&w, "name", d->name);
    ssmq_json_put_text(&w, "status", ssmq_run_state_name(state));
    ssmq_json_put_text(&w, "reason", reason);
    ssmq_json_put_text(&w, "stage", stage);
    ssmq_json_put_text(&w, "started", d->started);
    ssmq_json_put_text(&w, "updated", updated);
    ssmq_json_end_object(&w);
    const ssmq_status st = ssmq_rundir_write(d, "status.json", ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return st;
}

/* Cheap enough to be called for every window: a look at the clock. */
ssmq_status ssmq_rundir_beat(ssmq_rundir *d)
{
    const double now = ssmq_monotonic_s();
    if (now - d->last_beat < BEAT_S) return SSMQ_OK;
    d->last_beat = now;
    return ssmq_lease_beat(d->lease);
}

/* ---- places ---------------------------------------------------------------------------- */

/* Names come from YAML; "../x" must not lead out of the results. */
static ssmq_status check_folder_name(const char *what, const char *name)
{
    const bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    if (name[0] && !dots && !strchr(name, '/') && strlen(name) <= 200) return SSMQ_OK;
    return SSMQ_FAIL(CONFIG, "%s '%s' cannot be the name of a folder (1 to 200 bytes without '/')",
                     what, name);
}

ssmq_status ssmq_rundir_place(const char *out, const char *name, const char *id, ssmq_str *path)
{
    SSMQ_TRY(check_folder_name("the experiment's name", name));
    SSMQ_TRY(check_folder_name("the run id", id));
    ssmq_str_printf(path, "%s%s%s/%s", out, ssmq_str_ends(out, "/") ? "" : "/", name, id);
    return SSMQ_OK;
}

static bool is_file(const char *folder, const char *name)
{
    struct stat st;
    ssmq_str    path = {0};
    ssmq_str_printf(&path, "%s/%s", folder, name);
    const bool is = stat(ssmq_str_text(&path), &st) == 0 && S_ISREG(st.st_mode);
    ssmq_str_free(&path);
    return is;
}

/* The status is set last, but a user may have removed files since. */
bool ssmq_rundir_finished(const char *path)
{
    if (!is_file(path, "run.h5") || !is_file(path, "summary.json")) return false;
    ssmq_arena     *a = ssmq_arena_new();
    ssmq_run_status status;
    const bool      done = ssmq_run_status_read(ssmq_arena_printf(a, "%s/status.json", path), a,
                                                &status) == SSMQ_OK &&
                      status.state == SSMQ_RUN_DONE;
    ssmq_arena_free(a);
    ssmq_error_clear(); /* a missing status is an answer here */
    return done;
}

const char *ssmq_rundir_path(const ssmq_rundir *d)
{
    return d->path;
}

const char *ssmq_rundir_file(ssmq_rundir *d, const char *name)
{
    return ssmq_arena_printf(d->a, "%s/%s", d->path, name);
}

/* ---- opened and closed ----------------------------------------------------------------- */

/* Writes a small file and removes it; *now is what the file system took the time to be. */
static ssmq_status probe(ssmq_rundir *d, int64_t *now)
{
    const char *path = ssmq_arena_printf(d->a, "%s/probe-%ld.part", d->path, (long)getpid());
    const int   fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return SSMQ_FAIL(IO, "%s: cannot be written into: %s", d->path, strerror(errno));
    char        block[4096] = {0};
    struct stat st;
    errno = 0;
    const bool ok = write(fd, block, sizeof block) == (ssize_t)sizeof block && fstat(fd, &st) == 0;
    const int  reason = errno ? errno : ENOSPC;
    close(fd);
    unlink(path);
    if (!ok) return SSMQ_FAIL(IO, "%s: cannot be written into: %s", d->path, strerror(reason));
    *now = (int64_t)st.st_mtime;
    return SSMQ_OK;
}

/* The folder above, "." above a name alone; false where there is none. */
static bool go_up(ssmq_str *path)
{
    ssmq_str    above = {0};
    const char *text = ssmq_str_text(path), *slash = strrchr(text, '/');
    if (slash == text || strcmp(text, ".") == 0) return false;
    if (slash) ssmq_str_append(&above, text, (size_t)(slash - text));
    else ssmq_str_puts(&above, ".");
    ssmq_str_free(path);
    *path = above;
    return true;
}

int64_t ssmq_room_bytes(const char *folder)
{
    struct statvfs v;
    ssmq_str       at = {0};
    bool           there;
    ssmq_str_puts(&at, folder);
    while (!(there = statvfs(ssmq_str_text(&at), &v) == 0) && errno == ENOENT && go_up(&at)) continue;
    ssmq_str_free(&at);
    return there ? (int64_t)v.f_bavail * (int64_t)v.f_frsize : -1;
}

/* What this user may still take, which is less than what is free. */
static ssmq_status check_room(const ssmq_rundir *d, int64_t need)
{
    struct statvfs v;
    if (statvfs(d->path, &v) != 0) return SSMQ_FAIL(IO, "%s: %s", d->path, strerror(errno));
    const uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
    if (need <= 0 || room >= (uint64_t)need) return SSMQ_OK;
    return SSMQ_FAIL(IO, "%s: %" PRIu64 " KiB are free on this file system, %" PRId64
                         " KiB are needed", d->path, room / 1024, (need + 1023) / 1024);
}

/* Whoever holds the lease is the only writer: unfinished files are a killed one's. */
static ssmq_status remove_parts(ssmq_rundir *d, const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir) return SSMQ_FAIL(IO, "%s: %s", folder, strerror(errno));
    ssmq_status st = SSMQ_OK;
    for (struct dirent *e; st == SSMQ_OK && (e = readdir(dir));) {
        if (!ssmq_str_ends(e->d_name, ".part")) continue;
        const char *path = ssmq_arena_printf(d->a, "%s/%s", folder, e->d_name);
        if (unlink(path) != 0 && errno != ENOENT)
            st = SSMQ_FAIL(IO, "%s: cannot be removed: %s", path, strerror(errno));
    }
    closedir(dir);
    return st;
}

/* What is not possible is said before the lease is taken; what another writer may be using is
 * touched only after. */
static ssmq_status open_folder(ssmq_rundir *d, int64_t need_bytes)
{
    int64_t     now = 0;
    const char *source = ssmq_rundir_file(d, "source");
    SSMQ_TRY(ssmq_make_directory(source));
    SSMQ_TRY(probe(d, &now));
    SSMQ_TRY(check_room(d, need_bytes));
    SSMQ_TRY(ssmq_lease_take(ssmq_rundir_file(d, "lease"), now, &d->lease));
    SSMQ_TRY(remove_parts(d, d->path));
    return remove_parts(d, source);
}

ssmq_status ssmq_rundir_open(const char *path, const char *run_id, const char *run_name,
                             int64_t need_bytes, ssmq_rundir **out)
{
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_rundir *d = ssmq_arena_alloc(a, sizeof *d);
    d->a = a;
    d->path = ssmq_arena_strdup(a, path);
    d->id = ssmq_arena_strdup(a, run_id);
    d->name = ssmq_arena_strdup(a, run_name);
    d->last_beat = ssmq_monotonic_s();
    ssmq_utc_now(d->started);
    const ssmq_status st = open_folder(d, need_bytes);
    if (st == SSMQ_OK)
        *out = d;
    else
        ssmq_rundir_close(d);
    return st;
}

ssmq_status ssmq_rundir_hold(const char *path, ssmq_rundir **out)
{
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_rundir *d = ssmq_arena_alloc(a, sizeof *d);
    int64_t      now = 0;
    *d = (ssmq_rundir){.a = a, .path = ssmq_arena_strdup(a, path), .last_beat = ssmq_monotonic_s()};
    ssmq_status st = ssmq_make_directory(path);
    if (st == SSMQ_OK) st = probe(d, &now);
    if (st == SSMQ_OK) st = ssmq_lease_take(ssmq_rundir_file(d, "lease"), now, &d->lease);
    if (st == SSMQ_OK) st = remove_parts(d, d->path);
    if (st == SSMQ_OK)
        *out = d;
    else
        ssmq_rundir_close(d);
    return st;
}

void ssmq_rundir_close(ssmq_rundir *d)
{
    if (!d) return;
    ssmq_lease_release(d->lease);
    ssmq_arena_free(d->a);
}

/* ---- files ----------------------------------------------------------------------------- */

ssmq_status ssmq_rundir_write(ssmq_rundir *d, const char *name, const char *text, size_t n)
{
    return ssmq_file_write(ssmq_rundir_file(d, name), text, n);
}

/* A name in source/ that no other path has; *again: this path was copied before. */
static const char *source_name(ssmq_rundir *d, const char *path)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *name = base;
    for (int32_t i = 0, k = 2; i < d->n_source; i++) {
        if (strcmp(d->source[i], path) == 0) return d->source_name[i];
        if (strcmp(d->source_name[i], name) != 0) continue;
        name = ssmq_arena_printf(d->a, "%d-%s", k++, base);
        i = -1; /* the new name may be taken as well */
    }
    return ssmq_arena_strdup(d->a, name);
}

ssmq_status ssmq_rundir_write_source(ssmq_rundir *d, const char *path, const char *text, size_t n)
{
    const int32_t max = (int32_t)(sizeof d->source / sizeof d->source[0]);
    if (d->n_source == max)
        return SSMQ_FAIL(INPUT, "%s: more than %d files make up this experiment", path, max);
    const char *name = source_name(d, path);
    const ssmq_status st = ssmq_rundir_write(d, ssmq_arena_printf(d->a, "source/%s", name), text, n);
    d->source[d->n_source] = ssmq_arena_strdup(d->a, path);
    d->source_name[d->n_source++] = name;
    return st;
}

/* One write() to a file opened for appending: a line is never torn by another. */
ssmq_status ssmq_rundir_log(ssmq_rundir *d, const char *line)
{
    const char *path = ssmq_rundir_file(d, "log.txt");
    char        now[SSMQ_UTC_TEXT];
    ssmq_str    text = {0};
    ssmq_utc_now(now);
    ssmq_str_printf(&text, "%s %s\n", now, line);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    errno = fd < 0 ? errno : 0;
    const bool ok = fd >= 0 && write(fd, ssmq_str_text(&text), text.length) == (ssize_t)text.length;
    const int  reason = errno ? errno : ENOSPC;
    if (fd >= 0) close(fd);
    ssmq_str_free(&text);
    return ok ? SSMQ_OK : SSMQ_FAIL(IO, "%s: %s", path, strerror(reason));
}
