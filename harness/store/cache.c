#include "harness/store/cache.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "harness/store/lease.h"
#include "harness/store/own_name.h"

typedef struct file_list {
    ssmq_arena      *arena;
    ssmq_cache_file *file;
    int32_t          n, capacity;
    int64_t          now;
} file_list;

static void add(file_list *l, ssmq_cache_file f)
{
    if (l->n == l->capacity) {
        const int32_t    wide = l->capacity ? 2 * l->capacity : 64;
        ssmq_cache_file *more = SSMQ_ARENA_ARRAY(l->arena, ssmq_cache_file, wide);
        if (l->n) memcpy(more, l->file, (size_t)l->n * sizeof *more);
        l->file = more;
        l->capacity = wide;
    }
    l->file[l->n++] = f;
}

/* "DIGEST.h5", not "DIGEST.h5.HOST.PID". */
static bool is_whole_name(const char *name)
{
    const char *dot = name + strspn(name, "0123456789abcdef");
    return dot - name >= 32 && *dot == '.' && dot[1] && !strchr(dot + 1, '.');
}

static void look_at(file_list *l, const char *folder, const char *kind, const char *name)
{
    struct stat st;
    const char *path = ssmq_arena_printf(l->arena, "%s/%s/%s", folder, kind, name);
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) return;
    ssmq_cache_file f = {.path = path,
                         .kind = kind,
                         .bytes = (int64_t)st.st_size,
                         .used = (int64_t)st.st_mtime,
                         .unfinished = !is_whole_name(name)};
    /* Of another host nobody knows: as with leases, silence tells. */
    f.written = f.unfinished && (ssmq_own_name_lives(name) ||
                                 (!ssmq_own_name_is_here(name) && l->now - f.used <= SSMQ_LEASE_STALE_S));
    add(l, f);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Calls for each entry of a folder that is not hidden. */
static ssmq_status each(file_list *l, const char *cache, const char *kind)
{
    struct dirent **entry = NULL;
    const char     *folder = kind ? ssmq_arena_printf(l->arena, "%s/%s", cache, kind) : cache;
    const int       n = scandir(folder, &entry, NULL, by_name);
    ssmq_status     st = SSMQ_OK;
    if (n < 0 && (errno == ENOENT || errno == ENOTDIR)) return SSMQ_OK; /* no cache, or no folder of it */
    if (n < 0) return SSMQ_FAIL(IO, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name;
        if (name[0] == '.' || st != SSMQ_OK) continue;
        if (kind) look_at(l, cache, kind, name);
        else st = each(l, cache, ssmq_arena_strdup(l->arena, name));
    }
    for (int i = 0; i < n; i++) free(entry[i]);
    free(entry);
    return st;
}

ssmq_status ssmq_cache_files(const char *cache, ssmq_arena *arena, ssmq_cache_file **out, int32_t *n)
{
    file_list l = {.arena = arena, .now = (int64_t)time(NULL)};
    SSMQ_TRY(each(&l, cache, NULL));
    *out = l.file;
    *n = l.n;
    return SSMQ_OK;
}

void ssmq_cache_used(const char *path)
{
    (void)utimensat(AT_FDCWD, path, NULL, 0); /* a cache that is only read stays as it is */
}

ssmq_status ssmq_cache_remove(const ssmq_cache_file *f, bool *removed)
{
    struct stat st;
    *removed = false;
    if (lstat(f->path, &st) != 0 || (int64_t)st.st_mtime != f->used) return SSMQ_OK;
    if (unlink(f->path) != 0 && errno != ENOENT) return SSMQ_FAIL(IO, "%s: %s", f->path, strerror(errno));
    *removed = true;
    return SSMQ_OK;
}
