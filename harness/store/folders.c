#include "harness/store/folders.h"
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "harness/base/file.h"

typedef struct folder_list {
    ssmq_arena  *arena;
    const char **path;
    int32_t      n, capacity;
} folder_list;

static void add(folder_list *l, const char *path)
{
    if (l->n + 1 >= l->capacity) {
        const int32_t wide = l->capacity ? 2 * l->capacity : 32;
        const char  **more = SSMQ_ARENA_ARRAY(l->arena, const char *, wide);
        if (l->n) memcpy(more, l->path, (size_t)l->n * sizeof *more);
        l->path = more;
        l->capacity = wide;
    }
    l->path[l->n++] = path;
    l->path[l->n] = NULL;
}

static bool has(ssmq_arena *a, const char *path, const char *name)
{
    struct stat st;
    return stat(ssmq_arena_printf(a, "%s/%s", path, name), &st) == 0;
}

static bool is_run_id(const char *name)
{
    return strlen(name) == 16 && strspn(name, "0123456789abcdef") == 16;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_run(ssmq_arena *a, const char *path)
{
    const char *name = strrchr(path, '/');
    return is_folder(path) && (has(a, path, "status.json") || has(a, path, "run.h5") ||
                               is_run_id(name ? name + 1 : path));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Runs in a folder; those of its folders, too, where it has none itself. */
static ssmq_status add_inside(folder_list *l, const char *path, int deeper)
{
    struct dirent **entry = NULL;
    const int       n = scandir(path, &entry, NULL, by_name);
    if (n < 0) return SSMQ_FAIL(INPUT, "%s: %s", path, strerror(errno));
    const int32_t before = l->n;
    for (int pass = 0; pass <= deeper && l->n == before; pass++)
        for (int i = 0; i < n; i++) {
            const char *inside = ssmq_arena_printf(l->arena, "%s/%s", path, entry[i]->d_name);
            if (entry[i]->d_name[0] == '.' || !is_folder(inside)) continue;
            if (pass == 0 && is_run(l->arena, inside)) add(l, inside);
            if (pass == 1 && add_inside(l, inside, 0) != SSMQ_OK) ssmq_error_clear();
        }
    for (int i = 0; i < n; i++) free(entry[i]);
    free(entry);
    return SSMQ_OK;
}

ssmq_status ssmq_run_folders(const char *path, ssmq_arena *arena, const char *const **out)
{
    folder_list l = {.arena = arena};
    char       *plain = ssmq_arena_strdup(arena, path);
    for (size_t n = strlen(plain); n > 1 && plain[n - 1] == '/'; n--) plain[n - 1] = '\0';
    if (ssmq_str_ends(plain, ".h5") && !is_folder(plain)) {
        ssmq_str folder = {0};
        ssmq_path_folder(plain, &folder);
        plain = ssmq_arena_strdup(arena, ssmq_str_text(&folder));
        ssmq_str_free(&folder);
    }
    if (is_run(arena, plain)) add(&l, plain);
    else SSMQ_TRY(add_inside(&l, plain, 1));
    if (l.n == 0) return SSMQ_FAIL(INPUT, "%s: no run in it", path);
    *out = l.path;
    return SSMQ_OK;
}
