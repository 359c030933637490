/* ssmq gc: what runs share and no longer use, and what dead writers left. */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "analysis/commands.h"
#include "harness/base/json.h"
#include "harness/base/table.h"
#include "harness/store/cache.h"
#include "harness/store/folders.h"
#include "harness/store/overview.h"
#include "harness/store/rundir.h"

typedef struct gc_options {
    bool        dry_run;
    const char *older_than;
    int         format; /* index into formats */
} gc_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };

static const ssmq_option gc_table[] = {
    {"dry-run", offsetof(gc_options, dry_run), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "say what would go; remove nothing"},
    {"older-than", offsetof(gc_options, older_than), SSMQ_OPTION_TEXT, "30d", 0, 0, NULL,
     "files of the cache that no run used for so long: a number and s, min, h or d; 0: all"},
    {"format", offsetof(gc_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "how to print"},
    {0},
};

/* ---- how long ------------------------------------------------------------------------------ */

static ssmq_status read_duration(const char *text, int64_t *seconds)
{
    static const struct {
        const char *unit;
        int64_t     seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    char           *end;
    const long long n = strtoll(text, &end, 10);
    if (strspn(text, "0123456789") > 0 && n <= 1000000) {
        *seconds = 0;
        if (n == 0 && !*end) return SSMQ_OK;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            *seconds = n * units[i].seconds;
            if (strcmp(end, units[i].unit) == 0) return SSMQ_OK;
        }
    }
    return SSMQ_FAIL(
        USAGE, "option '--older-than' is '%s', not a number with s, min, h or d behind it, as in 30d", text);
}

/* ---- what there is --------------------------------------------------------------------------- */

typedef struct item {
    const char *path, *kind;
    int64_t     bytes, age_s;
    const char *kept; /* why it stays; NULL: it goes      */
} item;

typedef struct collector {
    ssmq_arena *arena;
    bool        dry_run;
    int64_t     older_than, now;
    int32_t     live; /* runs going on below the directory */
    item       *item;
    int32_t     n, capacity;
} collector;

static void add(collector *c, item it)
{
    if (c->n == c->capacity) {
        const int32_t wide = c->capacity ? 2 * c->capacity : 64;
        item         *more = SSMQ_ARENA_ARRAY(c->arena, item, wide);
        if (c->n) memcpy(more, c->item, (size_t)c->n * sizeof *more);
        c->item = more;
        c->capacity = wide;
    }
    c->item[c->n++] = it;
}

/* ---- folders of runs --------------------------------------------------------------------------- */

/* What the folder's next writer would remove: files that are not whole, and a lease without a process. */
static bool is_leftover(const char *name)
{
    return ssmq_str_ends(name, ".part") || strcmp(name, "sweep.h5.new") == 0 ||
           strcmp(name, "lease.takeover") == 0 || strcmp(name, "lease") == 0;
}

static void list_leftovers(collector *c, const char *folder, int32_t *n, DIR *dir)
{
    struct stat st;
    for (const struct dirent *e; (e = readdir(dir));) {
        const char *path = ssmq_arena_printf(c->arena, "%s/%s", folder, e->d_name);
        if (!is_leftover(e->d_name) || lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) continue;
        add(c, (item){path, "leftover", (int64_t)st.st_size, c->now - (int64_t)st.st_mtime, NULL});
        ++*n;
    }
}

/* Whoever takes the lease removes what is unfinished, as the next run would: nobody else may. */
static ssmq_status clean_folder(collector *c, const char *folder)
{
    ssmq_lease_holder holder;
    ssmq_rundir      *held = NULL;
    int32_t           n = 0;
    const bool    leased = ssmq_lease_look(ssmq_arena_printf(c->arena, "%s/lease", folder), c->now, &holder);
    const int32_t first = c->n;
    DIR          *dir = opendir(folder);
    ssmq_error_clear();
    if (leased && holder.alive) c->live++;
    if (!dir) return SSMQ_OK;
    if (!(leased && holder.alive) && !ssmq_rundir_finished(folder)) list_leftovers(c, folder, &n, dir);
    closedir(dir);
    if (n == 0 || c->dry_run) return SSMQ_OK;
    if (ssmq_rundir_hold(folder, &held) != SSMQ_OK) {
        for (int32_t i = first; i < c->n; i++) c->item[i].kept = "a run has just begun";
        ssmq_error_clear();
        return SSMQ_OK;
    }
    unlink(ssmq_rundir_file(held, "sweep.h5.new"));
    ssmq_rundir_close(held);
    return SSMQ_OK;
}

static ssmq_status clean_folders(collector *c, const char *path)
{
    const char *const *run;
    const char        *before = "";
    if (ssmq_run_folders(path, c->arena, &run) != SSMQ_OK) {
        ssmq_error_clear(); /* there may be a cache without runs */
        return SSMQ_OK;
    }
    for (; *run; run++) {
        const char *sweep =
            ssmq_arena_strndup(c->arena, *run, (size_t)(strrchr(*run, '/') ? strrchr(*run, '/') - *run : 0));
        if (*sweep && strcmp(sweep, before) != 0 && strcmp(sweep, path) != 0)
            SSMQ_TRY(clean_folder(c, sweep));
        before = sweep;
        SSMQ_TRY(clean_folder(c, *run));
    }
    return SSMQ_OK;
}

/* ---- the cache ----------------------------------------------------------------------------------- */

static const char *reason_to_keep(const collector *c, const ssmq_cache_file *f)
{
    if (f->unfinished) return f->written ? "is being written" : NULL;
    if (c->live > 0) return "a run is going on";
    return c->now - f->used < c->older_than ? "used since" : NULL;
}

static ssmq_status clean_cache(collector *c, const char *cache)
{
    ssmq_cache_file *file;
    int32_t          n;
    SSMQ_TRY(ssmq_cache_files(cache, c->arena, &file, &n));
    for (int32_t i = 0; i < n; i++) {
        bool removed = true;
        item it = {file[i].path, file[i].kind, file[i].bytes, c->now - file[i].used,
                   reason_to_keep(c, &file[i])};
        if (file[i].unfinished) it.kind = "leftover";
        if (!it.kept && !c->dry_run) SSMQ_TRY(ssmq_cache_remove(&file[i], &removed));
        if (!removed) it.kept = "used since";
        add(c, it);
    }
    return SSMQ_OK;
}

/* ---- what is said ---------------------------------------------------------------------------------- */

static void size_text(int64_t bytes, char text[32])
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double                   value = (double)bytes;
    int                      i = 0;
    for (; i < 4 && value >= 1024; i++) value /= 1024;
    snprintf(text, 32, i ? "%.1f %s" : "%.0f %s", value, unit[i]);
}

static void total(const collector *c, bool kept, int32_t *n, int64_t *bytes)
{
    *n = 0;
    *bytes = 0;
    for (int32_t i = 0; i < c->n; i++) {
        if ((c->item[i].kept != NULL) != kept) continue;
        ++*n;
        *bytes += c->item[i].bytes;
    }
}

static void put_text(const collector *c, ssmq_str *out)
{
    static const char *const heading[] = {"", "kind", "size", "unused for", "file", "why"};
    ssmq_table              *t = ssmq_table_new(6, heading);
    const char              *gone = c->dry_run ? "would go" : "removed";
    char                     size[32], age[SSMQ_AGE_TEXT];
    int32_t                  n;
    int64_t                  bytes;
    for (int32_t i = 0; i < c->n; i++) {
        const item *it = &c->item[i];
        size_text(it->bytes, size);
        ssmq_age_text(it->age_s < 0 ? 0 : it->age_s, age);
        ssmq_table_row(t, (const char *const[]){it->kept ? "kept" : gone, it->kind, size, age, it->path,
                                                it->kept ? it->kept : ""});
    }
    if (c->n) ssmq_table_print(t, out);
    if (c->n) ssmq_str_puts(out, "\n");
    ssmq_table_free(t);
    for (int kept = 0; kept < 2; kept++) {
        total(c, kept, &n, &bytes);
        size_text(bytes, size);
        ssmq_str_printf(out, "%s: %d file%s, %s\n", kept ? "kept" : gone, n, n == 1 ? "" : "s", size);
    }
}

static void put_json(const collector *c, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out};
    int32_t          n;
    int64_t          bytes;
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_bool(&w, "dry_run", c->dry_run);
    ssmq_json_put_int(&w, "running", c->live);
    for (int kept = 0; kept < 2; kept++) {
        total(c, kept, &n, &bytes);
        ssmq_json_begin_object(&w, kept ? "kept" : "removed");
        ssmq_json_put_int(&w, "files", n);
        ssmq_json_put_int(&w, "bytes", bytes);
        ssmq_json_end_object(&w);
    }
    ssmq_json_begin_array(&w, "files");
    for (int32_t i = 0; i < c->n; i++) {
        const item *it = &c->item[i];
        ssmq_json_begin_object(&w, NULL);
        ssmq_json_put_text(&w, "path", it->path);
        ssmq_json_put_text(&w, "kind", it->kind);
        ssmq_json_put_int(&w, "bytes", it->bytes);
        ssmq_json_put_int(&w, "unused_s", it->age_s < 0 ? 0 : it->age_s);
        ssmq_json_put_bool(&w, "removed", !it->kept);
        ssmq_json_put_text(&w, "reason", it->kept);
        ssmq_json_end_object(&w);
    }
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
}

/* ---- the command ------------------------------------------------------------------------------------- */

static const char *given(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Folders first: whether a run is going on decides about the cache. */
static ssmq_status collect(collector *c, const char *path)
{
    struct stat st;
    const char *shared = given("SSMQ_CACHE");
    const char *cache = shared ? shared : ssmq_arena_printf(c->arena, "%s/.ssmq-cache", path);
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return SSMQ_FAIL(INPUT, "%s: no directory of results", path);
    SSMQ_TRY(clean_folders(c, path));
    return clean_cache(c, cache);
}

static ssmq_status gc_run(const void *options, int n_operand, const char *const *operand,
                          const ssmq_catalogue *cat, FILE *out)
{
    const gc_options *o = options;
    const char       *runs = given("SSMQ_RUNS");
    collector         c = {.dry_run = o->dry_run, .now = (int64_t)time(NULL)};
    ssmq_str          text = {0};
    (void)cat;
    SSMQ_TRY(read_duration(o->older_than, &c.older_than));
    c.arena = ssmq_arena_new();
    const ssmq_status st = collect(&c, n_operand > 0 ? operand[0] : runs ? runs : "runs");
    if (st == SSMQ_OK || c.n > 0) {
        if (o->format == FORMAT_JSON) put_json(&c, &text);
        else put_text(&c, &text);
        fputs(ssmq_str_text(&text), out);
        fflush(out);
    }
    ssmq_str_free(&text);
    ssmq_arena_free(c.arena);
    return st;
}

const ssmq_command ssmq_command_gc = {
    .name = "gc",
    .operands = "[DIR]",
    .help = "remove what runs share and no longer use, and what dead writers left",
    .details = "DIR is the directory for results, as of --out of ssmq run (default: that of SSMQ_RUNS, else "
               "runs); the cache is "
               "that of SSMQ_CACHE, else .ssmq-cache in it. Results of runs are never touched, and nothing "
               "of the cache while a run "
               "below DIR is going on. What is gone is made again when it is asked for.",
    .options = gc_table,
    .options_size = sizeof(gc_options),
    .run = gc_run,
};
