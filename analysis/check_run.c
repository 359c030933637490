#include "analysis/check_run.h"
#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "harness/base/child.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/store/cache.h"
#include "harness/store/examine.h"
#include "harness/store/journal.h"
#include "harness/store/lease.h"
#include "harness/store/rundir.h"
#include "harness/store/summary.h"
#include "harness/store/summed.h"
#include "harness/store/sums.h"

#define CPU_LIMIT_S 600        /* for reading one file: hours of data take seconds */
#define MANIFEST_MAX (16u << 20)
#define NLL_TOLERANCE 1e-9     /* relative; both are float64 sums of the same numbers in one order or another */

#define SWEEP_FILE "sweep.h5"

typedef struct checker {
    ssmq_arena      *arena;
    ssmq_run_check  *out;
    ssmq_run_status  status;
    ssmq_summary     summary;
    bool             has_status, has_summary, done;
    ssmq_json        manifest; /* root NULL: there is none that can be read */
} checker;

static void find(checker *c, bool damage, const char *file, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void find(checker *c, bool damage, const char *file, const char *format, ...)
{
    ssmq_run_check *r = c->out;
    if (r->n == r->capacity) {
        const int32_t wide = r->capacity ? 2 * r->capacity : 8;
        ssmq_finding *more = SSMQ_ARENA_ARRAY(c->arena, ssmq_finding, wide);
        if (r->n) memcpy(more, r->finding, (size_t)r->n * sizeof *more);
        r->finding = more;
        r->capacity = wide;
    }
    va_list args;
    va_start(args, format);
    r->finding[r->n++] = (ssmq_finding){damage, file, ssmq_arena_vprintf(c->arena, format, args)};
    va_end(args);
    r->damaged += damage;
}

static const char *path_of(checker *c, const char *name)
{
    return ssmq_arena_printf(c->arena, "%s/%s", c->out->path, name);
}

static bool is_there(checker *c, const char *name)
{
    struct stat st;
    return stat(path_of(c, name), &st) == 0 && S_ISREG(st.st_mode);
}

/* The last failure's message, without the path that it begins with. */
static const char *reason(checker *c, const char *name)
{
    const char *message = ssmq_error_last()->message, *path = path_of(c, name);
    if (ssmq_str_starts(message, path)) message += strlen(path) + strspn(message + strlen(path), ": ");
    return ssmq_arena_strdup(c->arena, message);
}

/* ---- the small files ------------------------------------------------------------------- */

static void check_status(checker *c)
{
    const ssmq_status st = ssmq_run_status_read(path_of(c, "status.json"), c->arena, &c->status);
    if (st != SSMQ_OK) {
        find(c, true, "status.json", "%s", reason(c, "status.json"));
        return;
    }
    c->has_status = true;
    c->done = c->status.state == SSMQ_RUN_DONE;
    c->out->state = ssmq_run_state_name(c->status.state);
    if (strcmp(c->status.id, c->out->id) != 0)
        find(c, true, "status.json", "id is %s, but the directory is that of %s", c->status.id, c->out->id);
    c->out->id = c->status.id;
}

static void check_summary(checker *c)
{
    if (!is_there(c, "summary.json")) return;
    if (ssmq_summary_read(path_of(c, "summary.json"), c->arena, &c->summary) != SSMQ_OK) {
        find(c, true, "summary.json", "%s", reason(c, "summary.json"));
        return;
    }
    c->has_summary = true;
    if (strcmp(c->summary.id, c->out->id) != 0)
        find(c, true, "summary.json", "id is %s, not %s", c->summary.id, c->out->id);
    if (c->done && strcmp(c->summary.status, "done") != 0)
        find(c, true, "summary.json", "status is %s, but status.json says done", c->summary.status);
}

static void check_manifest(checker *c)
{
    if (!is_there(c, "manifest.json")) return;
    if (ssmq_json_open(path_of(c, "manifest.json"), MANIFEST_MAX, &c->manifest) != SSMQ_OK)
        find(c, true, "manifest.json", "%s", reason(c, "manifest.json"));
}

/* A finished run has all of these. */
static void check_complete(checker *c)
{
    static const char *const names[] = {"run.h5", "summary.json", "manifest.json", "resolved.yaml"};
    for (size_t i = 0; c->done && i < sizeof names / sizeof *names; i++)
        if (!is_there(c, names[i])) find(c, true, names[i], "is missing, but status.json says done");
}

/* ---- sums ------------------------------------------------------------------------------ */

static void check_sum(checker *c, const json_t *stored)
{
    const char *name = json_string_value(json_object_get(stored, "role"));
    const char *sum = json_string_value(json_object_get(stored, "sha256"));
    char        found[SSMQ_SHA256_HEX];
    if (!name || !sum || strchr(name, '/')) {
        find(c, true, "manifest.json", "an element of 'results' has no role or no sha256");
        return;
    }
    name = ssmq_arena_strdup(c->arena, name); /* the manifest is closed before findings are shown */
    if (!is_there(c, name)) {
        if (!c->done || strcmp(name, "run.h5") != 0)
            find(c, true, name, "is missing, but manifest.json has its sum");
        return;
    }
    if (ssmq_sha256_file(path_of(c, name), found) != SSMQ_OK)
        find(c, true, name, "%s", reason(c, name));
    else if (strcmp(found, sum) != 0)
        find(c, true, name, "SHA-256 is %.16s..., in manifest.json %.16s...", found, sum);
}

static void check_sums(checker *c)
{
    json_t *results = json_object_get(c->manifest.root, "results"), *each;
    size_t  i;
    if (!c->done || !c->manifest.root) return;
    if (!results) find(c, false, "manifest.json", "has no sums of results: from an older version");
    json_array_foreach(results, i, each) check_sum(c, each);
}

/* ---- HDF5 ------------------------------------------------------------------------------ */

static void examine(const void *context, ssmq_str *out)
{
    ssmq_examine_file(context, out);
}

static void check_text(checker *c, const char *file, const ssmq_json *facts, const char *key,
                       const char *wanted, const char *whose)
{
    const char *found = json_string_value(json_object_get(facts->root, key));
    if (wanted && (!found || strcmp(found, wanted) != 0))
        find(c, true, file, "%s is %s, %s %s", key, found ? found : "missing", whose, wanted);
}

static void check_provenance(checker *c, const ssmq_json *facts)
{
    const char *text = json_string_value(json_object_get(facts->root, "provenance"));
    json_t     *stored = text ? json_loads(text, 0, NULL) : NULL;
    json_t     *numbers = json_object_get(c->manifest.root, "numbers");
    if (!stored) find(c, true, "run.h5", "/meta/provenance is no JSON");
    else if (c->manifest.root && !json_equal(stored, numbers))
        find(c, true, "manifest.json", "'numbers' differ from /meta/provenance in run.h5");
    json_decref(stored);
}

static void check_config(checker *c, const ssmq_json *facts)
{
    const char *sum = json_string_value(json_object_get(facts->root, "config_sha256"));
    if (!sum) find(c, true, "run.h5", "/meta/resolved_config is missing");
    else if (strncmp(sum, c->out->id, 16) != 0)
        find(c, true, "run.h5", "/meta/resolved_config hashes to %.16s, not to the run id %s", sum, c->out->id);
}

static bool same_number(double a, double b)
{
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= NLL_TOLERANCE * fabs(b);
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static const json_t *evaluation_of(const ssmq_json *facts, const char *id)
{
    json_t *all = json_object_get(facts->root, "evaluations"), *each;
    size_t  i;
    json_array_foreach(all, i, each)
    {
        const char *name = json_string_value(json_object_get(each, "id"));
        if (name && strcmp(name, id) == 0) return each;
    }
    return NULL;
}

static void check_evaluations(checker *c, const ssmq_json *facts)
{
    for (int32_t i = 0; c->has_summary && i < c->summary.n_evaluation; i++) {
        const ssmq_evaluation_score *e = &c->summary.evaluation[i];
        const json_t                *stored = evaluation_of(facts, e->id);
        if (!stored) {
            find(c, true, "run.h5", "/eval/%s is missing; summary.json has it", e->id);
            continue;
        }
        const double nll = number_of(stored, "nll"), mean = number_of(stored, "mean_nll");
        if (!same_number(nll, e->score.nll))
            find(c, true, "summary.json", "nll of %s is %.9g, in run.h5 %.9g", e->id, e->score.nll, nll);
        if (!same_number(mean, nll))
            find(c, true, "run.h5", "nll of %s is %.9g, the mean of its windows %.9g", e->id, nll, mean);
    }
}

static void check_facts(checker *c, const char *file, const ssmq_json *facts)
{
    json_t *problems = json_object_get(facts->root, "problems"), *each;
    size_t  i;
    json_array_foreach(problems, i, each)
        find(c, true, file, "%s", ssmq_arena_strdup(c->arena, json_string_value(each)));
    if (!json_object_get(facts->root, "run_id")) return; /* it could not be opened */
    check_text(c, file, facts, "conventions", "ssmq-1", "not");
    if (strcmp(file, SWEEP_FILE) == 0) return;
    check_text(c, file, facts, "run_id", c->out->id, "not");
    if (strcmp(file, "run.h5") != 0) return;
    check_text(c, file, facts, "mode", c->has_summary ? c->summary.mode : NULL, "in summary.json");
    check_config(c, facts);
    check_provenance(c, facts);
    check_evaluations(c, facts);
}

static void check_hdf5(checker *c, const char *file)
{
    ssmq_str       text = {0};
    ssmq_child_end end = {0};
    ssmq_json      facts = {0};
    if (ssmq_child_call(examine, path_of(c, file), CPU_LIMIT_S, &text, &end) != SSMQ_OK)
        find(c, true, file, "was not looked at: %s", ssmq_error_last()->message);
    else if (end.signal)
        find(c, true, file, "reading it ended by signal %d (%s)", end.signal, strsignal(end.signal));
    else if (ssmq_json_parse(file, ssmq_str_text(&text), text.length, &facts) != SSMQ_OK)
        find(c, true, file, "reading it ended without an answer");
    else check_facts(c, file, &facts);
    ssmq_json_close(&facts);
    ssmq_str_free(&text);
}

/* ---- the journal ------------------------------------------------------------------------- */

static bool has_writer(checker *c)
{
    ssmq_lease_holder who;
    return ssmq_lease_look(path_of(c, "lease"), (int64_t)time(NULL), &who) && who.alive;
}

/* A run that is done has taken from it what it needed. */
static void check_journal(checker *c)
{
    const char        *whose = ssmq_arena_printf(c->arena, "run %s, ", c->out->id);
    const bool         writer = has_writer(c); /* asked before: he may be through by then */
    ssmq_journal_check j;
    ssmq_journal_examine(c->out->path, c->done, c->arena, &j);
    if (j.wrong)
        find(c, true, SSMQ_JOURNAL, "line %" PRId64 " %s%s", j.line, j.wrong,
             c->done ? "" : "; what it tells from there on is computed again");
    else if (j.torn && !writer)
        find(c, false, SSMQ_JOURNAL, "its last line was cut off by a kill%s",
             c->done ? "" : "; the next run drops it");
    if (j.identity && !ssmq_str_starts(j.identity, whose))
        find(c, true, SSMQ_JOURNAL, "is that of '%.20s', not of run %s", j.identity, c->out->id);
}

/* While somebody writes there, what one looks at is not of one moment. */
static void check_journal_sums(checker *c)
{
    ssmq_sums_check s;
    if (c->done || has_writer(c)) return;
    ssmq_sums_examine(c->out->path, c->arena, &s);
    if (s.wrong) find(c, true, SSMQ_JOURNAL_SUMS, "%s; what it held is computed again", s.wrong);
    else if (s.lost > 0)
        find(c, true, SSMQ_JOURNAL_SUMS, "of %d of its %d parts nothing is whole; they are computed again", s.lost,
             s.parts);
}

/* ---- what else lies there ---------------------------------------------------------------- */

static void check_lease(checker *c)
{
    ssmq_lease_holder who;
    if (!ssmq_lease_look(path_of(c, "lease"), (int64_t)time(NULL), &who)) {
        if (c->has_status && c->status.state == SSMQ_RUN_RUNNING)
            find(c, false, "status.json", "says running, but no process holds the lease: it was killed");
    } else if (who.alive) {
        find(c, false, "lease", "process %" PRId64 " on host %s is writing here", who.pid, who.host);
    } else {
        find(c, false, "lease", "left by process %" PRId64 " on host %s, which is gone; the next run takes over",
             who.pid, who.host);
    }
}

static void check_name(checker *c, const char *name)
{
    if (ssmq_str_ends(name, ".part"))
        find(c, false, ssmq_arena_strdup(c->arena, name),
             "was never finished; the next run of this directory removes it");
    else if (ssmq_str_ends(name, ".h5")) check_hdf5(c, ssmq_arena_strdup(c->arena, name));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void check_files(checker *c)
{
    struct dirent **entry = NULL;
    const int       n = scandir(c->out->path, &entry, NULL, by_name);
    if (n < 0) find(c, true, ".", "cannot be listed");
    for (int i = 0; i < n; i++) {
        check_name(c, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
}

void ssmq_run_check_all(const char *path, ssmq_arena *arena, ssmq_run_check *out)
{
    const char *name = strrchr(path, '/');
    checker     c = {.arena = arena, .out = out};
    *out = (ssmq_run_check){.path = path, .id = name ? name + 1 : path, .state = "unknown"};
    check_status(&c);
    check_summary(&c);
    check_manifest(&c);
    check_complete(&c);
    check_sums(&c);
    check_files(&c);
    check_journal(&c);
    check_journal_sums(&c);
    check_lease(&c);
    ssmq_json_close(&c.manifest);
    ssmq_error_clear();
}

void ssmq_sweep_check(const char *path, ssmq_arena *arena, ssmq_run_check *out)
{
    checker c = {.arena = arena, .out = out};
    *out = (ssmq_run_check){.path = path, .id = "sweep", .state = "sweep"};
    check_hdf5(&c, SWEEP_FILE);
    ssmq_error_clear();
}

bool ssmq_cache_check(const char *cache, ssmq_arena *arena, ssmq_run_check *out)
{
    checker          c = {.arena = arena, .out = out};
    ssmq_cache_file *file;
    int32_t          n = 0;
    *out = (ssmq_run_check){.path = cache, .id = "cache", .state = "cache"};
    if (ssmq_cache_files(cache, arena, &file, &n) != SSMQ_OK) find(&c, true, "", "%s", ssmq_error_last()->message);
    for (int32_t i = 0; i < n; i++) {
        const char *name = file[i].path + strlen(cache) + 1;
        if (file[i].unfinished && !file[i].written)
            find(&c, false, name, "was never finished; ssmq gc removes it");
        if (!file[i].unfinished && ssmq_summed_check(file[i].path) != SSMQ_OK)
            find(&c, true, name, "%s; the next run passes it over and makes it again", reason(&c, name));
    }
    ssmq_error_clear();
    return n > 0 || out->n > 0;
}
