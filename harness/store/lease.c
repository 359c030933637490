#include "harness/store/lease.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/arena.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/store/overview.h"

#define TRIES 20      /* with 50 ms between them */
#define SETTLED_S 10 /* after that, what takes microseconds will not be done any more */

struct ssmq_lease {
    char *path;
    int   fd; /* of the file that we made */
};

/* ---- who a process is ------------------------------------------------------------------ */

typedef struct identity {
    char    host[256], boot[64], space[64]; /* boot, space of process numbers: "" if unknown */
    int64_t pid, began;                     /* began: clock ticks since boot; 0 if unknown   */
} identity;

static void first_line(const char *path, char *out, size_t size)
{
    out[0] = '\0';
    FILE *f = fopen(path, "r");
    if (!f) return;
    if (fgets(out, (int)size, f)) out[strcspn(out, "\n")] = '\0';
    fclose(f);
}

/* When a process began; 0 if the system does not say.  *gone: it has ended, though its parent
 * has not asked for its exit status yet. */
static int64_t began_of(int64_t pid, bool *gone)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    first_line(path, line, sizeof line);
    /* "pid (name) state ...": the name may hold blanks and brackets.  Counted from its end, the
     * time of starting, field 22 of proc(5), is the 20th. */
    const char *at = strrchr(line, ')');
    *gone = at && at[1] && strchr("ZX", at[2]);
    for (int field = 0; at && field < 20; field++) at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : 0;
}

static identity own_identity(void)
{
    bool     gone;
    identity me = {.pid = getpid()};
    if (gethostname(me.host, sizeof me.host - 1) != 0) strcpy(me.host, "unknown");
    first_line("/proc/sys/kernel/random/boot_id", me.boot, sizeof me.boot);
    /* Containers on one host have process numbers of their own. */
    const ssize_t n = readlink("/proc/self/ns/pid", me.space, sizeof me.space - 1);
    me.space[n > 0 ? n : 0] = '\0';
    me.began = began_of(me.pid, &gone);
    return me;
}

static void copy_field(const ssmq_json *j, const char *key, char *out, size_t size)
{
    const char *text = NULL;
    if (ssmq_json_text(j, key, false, &text) == SSMQ_OK && text) snprintf(out, size, "%s", text);
}

/* false where the file is no lease, or not yet. */
static bool read_identity(const char *path, identity *out)
{
    ssmq_json j = {0};
    *out = (identity){0};
    if (ssmq_json_open(path, 4096, &j) != SSMQ_OK) return false;
    copy_field(&j, "host", out->host, sizeof out->host);
    copy_field(&j, "boot", out->boot, sizeof out->boot);
    copy_field(&j, "space", out->space, sizeof out->space);
    const bool ok = ssmq_json_int(&j, "pid", true, 1, INT32_MAX, &out->pid) == SSMQ_OK &&
                    ssmq_json_int(&j, "began", false, 0, INT64_MAX, &out->began) == SSMQ_OK;
    ssmq_json_close(&j);
    if (ok && out->host[0]) return true;
    *out = (identity){0};
    return false;
}

static bool lives_here(const identity *him, const identity *me)
{
    if (strcmp(him->boot, me->boot) != 0) return false; /* the host was started again since */
    if (kill((pid_t)him->pid, 0) != 0 && errno == ESRCH) return false;
    bool          gone;
    const int64_t began = began_of(him->pid, &gone);
    return !gone && (!him->began || !began || him->began == began);
}

/* ---- taking over ----------------------------------------------------------------------- */

/* Of this host, whose name may have changed since, and where its number is that of the same process? */
static bool is_here(const identity *him, const identity *me)
{
    const bool same_boot = him->boot[0] && strcmp(him->boot, me->boot) == 0;
    return strcmp(him->space, me->space) == 0 && (same_boot || strcmp(him->host, me->host) == 0);
}

typedef enum verdict { FREE, DEAD, ALIVE } verdict;

/* What is known of the present holder; *him is filled in for ALIVE, with pid 0 where it has not
 * written its name yet. */
static verdict judge(const char *path, const identity *me, int64_t now, identity *him)
{
    struct stat seen;
    if (stat(path, &seen) != 0) return FREE;
    const int64_t age = now - (int64_t)seen.st_mtime;
    if (!read_identity(path, him)) return age > SETTLED_S ? DEAD : ALIVE;
    if (is_here(him, me)) return lives_here(him, me) ? ALIVE : DEAD;
    return age > SSMQ_LEASE_STALE_S ? DEAD : ALIVE;
}

bool ssmq_lease_look(const char *path, int64_t now, ssmq_lease_holder *out)
{
    const identity me = own_identity();
    identity       him = {0};
    struct stat    seen;
    if (stat(path, &seen) != 0) return false;
    const verdict v = judge(path, &me, now, &him);
    *out = (ssmq_lease_holder){
        .alive = v == ALIVE, .pid = him.pid, .silent_s = now - (int64_t)seen.st_mtime};
    memcpy(out->host, him.host, sizeof out->host);
    ssmq_error_clear();
    return v != FREE;
}

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
}

/* Removes a dead lease.  Only the holder of PATH.takeover may: otherwise a slow process would
 * remove the new lease of a faster one.  Under the lock it is looked at again. */
static void remove_dead(const char *path, const identity *me, int64_t now)
{
    ssmq_str lock = {0};
    ssmq_str_printf(&lock, "%s.takeover", path);
    const char *name = ssmq_str_text(&lock);
    struct stat seen;
    identity    him;
    const int   fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
        if (judge(path, me, now, &him) == DEAD) unlink(path);
        unlink(name);
        close(fd);
    } else if (stat(name, &seen) == 0 && now - (int64_t)seen.st_mtime > SETTLED_S) {
        unlink(name); /* its maker was killed within these few lines */
    } else {
        pause_briefly();
    }
    ssmq_str_free(&lock);
}

/* ---- the lease ------------------------------------------------------------------------- */

static ssmq_status write_identity(const char *path, int fd, const identity *me)
{
    char             taken[SSMQ_UTC_TEXT];
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    ssmq_utc_now(taken);
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "host", me->host);
    ssmq_json_put_text(&w, "boot", me->boot);
    ssmq_json_put_text(&w, "space", me->space);
    ssmq_json_put_int(&w, "pid", me->pid);
    ssmq_json_put_int(&w, "began", me->began);
    ssmq_json_put_text(&w, "taken", taken);
    ssmq_json_end_object(&w);
    errno = 0;
    const ssize_t n = write(fd, ssmq_str_text(&text), text.length);
    const bool    whole = n == (ssize_t)text.length;
    const int     reason = errno ? errno : ENOSPC; /* a short write says no more than that */
    ssmq_str_free(&text);
    if (whole) return SSMQ_OK;
    unlink(path);
    return SSMQ_FAIL(IO, "%s: %s", path, strerror(reason));
}

static ssmq_status create(const char *path, const identity *me, int *out, bool *in_the_way)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *in_the_way = fd < 0 && errno == EEXIST;
    if (fd < 0) return SSMQ_FAIL(IO, "%s: %s", path, strerror(errno));
    const ssmq_status st = write_identity(path, fd, me);
    if (st == SSMQ_OK)
        *out = fd;
    else
        close(fd);
    return st;
}

static ssmq_status is_held(const char *path, int64_t now, const identity *him)
{
    char          age[SSMQ_AGE_TEXT];
    struct stat   seen;
    const int64_t silent = stat(path, &seen) == 0 ? now - (int64_t)seen.st_mtime : 0;
    ssmq_age_text(silent > 0 ? silent : -silent, age);
    if (silent < -SSMQ_LEASE_STALE_S) /* a clock was set back: how long he has been silent cannot be told */
        return SSMQ_FAIL(HELD, "%s: process %" PRId64 " on host %s was writing here %s from now, by the clock; remove this file if it is gone",
                         path, him->pid, him->host, age);
    return SSMQ_FAIL(HELD, "%s: process %" PRId64 " on host %s is writing here, heard %s ago", path, him->pid,
                     him->host, age);
}

/* Until it is taken, or held by a living process, or TRIES are over. */
static ssmq_status take(const char *path, const identity *me, int64_t now, int *fd)
{
    for (int i = 0; i < TRIES; i++) {
        identity          him = {0};
        bool              in_the_way;
        const ssmq_status st = create(path, me, fd, &in_the_way);
        if (!in_the_way) return st;
        const verdict v = judge(path, me, now, &him);
        if (v == DEAD) remove_dead(path, me, now);
        if (v == ALIVE && him.pid)
            return is_held(path, now, &him);
        if (v == ALIVE) pause_briefly(); /* it writes its name right after it made the file */
    }
    return SSMQ_FAIL(HELD, "%s: another process is just taking it", path);
}

ssmq_status ssmq_lease_take(const char *path, int64_t now, ssmq_lease **out)
{
    const identity me = own_identity();
    int            fd = -1;
    SSMQ_TRY(take(path, &me, now, &fd));
    ssmq_error_clear(); /* of a lease that was in the way */
    ssmq_lease *l = ssmq_must_malloc(sizeof *l);
    *l = (ssmq_lease){.path = strcpy(ssmq_must_malloc(strlen(path) + 1), path), .fd = fd};
    *out = l;
    return SSMQ_OK;
}

static bool still_ours(const ssmq_lease *l)
{
    struct stat mine, there;
    return fstat(l->fd, &mine) == 0 && stat(l->path, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

ssmq_status ssmq_lease_beat(ssmq_lease *l)
{
    if (access(l->path, F_OK) != 0)
        return SSMQ_FAIL(IO, "%s: was removed while this process was writing; the same command goes on from its journal", l->path);
    if (!still_ours(l))
        return SSMQ_FAIL(IO, "%s: another process took the lease of this one over", l->path);
    if (futimens(l->fd, NULL) != 0) return SSMQ_FAIL(IO, "%s: %s", l->path, strerror(errno));
    return SSMQ_OK;
}

void ssmq_lease_release(ssmq_lease *l)
{
    if (!l) return;
    if (still_ours(l)) unlink(l->path);
    close(l->fd);
    free(l->path);
    free(l);
}
