#include "harness/run/sweep/trial.h"
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/child.h"
#include "harness/base/clock.h"
#include "harness/base/json.h"
#include "harness/run/evaluate/float_pass.h"
#include "harness/run/run.h"
#include "harness/run/session.h"
#include "harness/store/host.h"

#define TRIAL_WINDOWS 3  /* the first two also pay for what happens once */
#define TRIAL_SAMPLES 16 /* for memory: some are as long as they may be */
#define TASKS_MAX 64
#define MANIFEST_MAX (16u << 20) /* bytes */

/* ---- what takes how long ------------------------------------------------------------------------
 */

/* A task of a run, as a listener hears of it. */
typedef struct task {
    const char *name;
    double      begin, first, last, end; /* seconds; of the first and the last update */
    double      done[2];                 /* fraction at these                          */
} task;

typedef struct clocks {
    ssmq_arena *arena;
    task        task[TASKS_MAX];
    int32_t     n;
    bool        inside; /* one is under way; where tasks are in each other, the outer one counts */
    int32_t     depth;
} clocks;

static void task_begin(void *context, const char *name, const char *unit)
{
    clocks *c = context;
    (void)unit;
    if (c->depth++ > 0 || c->n == TASKS_MAX) return;
    c->task[c->n++] =
        (task){.name = ssmq_arena_strdup(c->arena, name), .begin = ssmq_monotonic_s()};
}

static void task_update(void *context, int64_t done, double fraction)
{
    clocks *c = context;
    (void)done;
    if (c->depth != 1 || c->n == 0 || fraction <= 0) return;
    task        *t = &c->task[c->n - 1];
    const double now = ssmq_monotonic_s();
    if (t->first == 0) {
        t->first = now;
        t->done[0] = fraction;
    }
    t->last = now;
    t->done[1] = fraction;
}

static void task_end(void *context)
{
    clocks *c = context;
    if (--c->depth == 0 && c->n > 0) c->task[c->n - 1].end = ssmq_monotonic_s();
}

/* Tokens of an evaluation's windows: of the whole run and of its trial; and of the beginning that compare takes. */
typedef struct amount {
    int64_t all, tried, compared, tried_compared;
} amount;

/* How many times as much of a task the whole run has. */
static double scale_of(const task *t, const ssmq_run *whole, const ssmq_run *trial,
                       const amount *tokens)
{
    const size_t behind = strlen(SSMQ_FLOAT_PASS);
    const char  *name = strncmp(t->name, SSMQ_FLOAT_PASS, behind) == 0 ? t->name + behind : t->name;
    for (int32_t i = 0; i < whole->n_evaluation; i++) {
        if (strcmp(name, whole->evaluation[i].id) != 0) continue;
        return (double)tokens[i].all / (double)tokens[i].tried;
    }
    if (strcmp(t->name, "calibrating") == 0 || strcmp(t->name, "collecting") == 0)
        return (double)whole->calibration->count / (double)trial->calibration->count;
    const bool of_windows = strcmp(t->name, "sensitivity") == 0 ||
                            strcmp(t->name, "interactions") == 0 ||
                            strcmp(t->name, "errors per site") == 0;
    if (!of_windows || !whole->compare) return 1;
    const amount *of = &tokens[whole->compare->evaluation];
    return (double)of->compared / (double)of->tried_compared;
}

/* Seconds that the whole run takes more than its trial.  Between its first and its last update a
 * task goes at the speed it keeps. */
static double rest_of(const clocks *c, const ssmq_run *whole, const ssmq_run *trial,
                      const amount *tokens)
{
    double more = 0;
    for (int32_t i = 0; i < c->n; i++) {
        const task  *t = &c->task[i];
        const double part = t->done[1] - t->done[0];
        const double pace = part > 0 ? (t->last - t->first) / part : t->end - t->begin;
        more += pace * (scale_of(t, whole, trial, tokens) - 1);
    }
    return more;
}

/* ---- the shortened experiment
 * --------------------------------------------------------------------- */

typedef struct trials {
    const ssmq_experiment *e;
    const ssmq_catalogue  *cat;
    const bool            *due;
    const char            *folder;
    double                 begun;
    int64_t                before; /* bytes at the peak of the process that starts the trials */
    int                    budget_s;
} trials;

/* One override more; those that the experiment was given come first. */
static void add(const char **all, int32_t *n, const char *text)
{
    all[(*n)++] = text;
}

static ssmq_experiment *shortened(const trials *t, ssmq_arena *arena)
{
    const ssmq_run *run = &t->e->run[0];
    const char    **all =
        SSMQ_ARENA_ARRAY(arena, const char *, t->e->n_override + run->n_evaluation + 2);
    int32_t          n = 0;
    int64_t          count = 0;
    ssmq_experiment *e = NULL;
    ssmq_diag       *diag = ssmq_diag_new();
    for (int32_t i = 0; i < t->e->n_override; i++) add(all, &n, t->e->override[i]);
    for (int32_t i = 0; i < run->n_evaluation; i++)
        add(all, &n,
            ssmq_arena_printf(arena, "evaluate.%s.limit=%d", run->evaluation[i].id, TRIAL_WINDOWS));
    for (int32_t i = 0; i < t->e->n_run; i++)
        if (t->e->run[i].calibration && t->e->run[i].calibration->count > count)
            count = t->e->run[i].calibration->count;
    if (count > TRIAL_SAMPLES)
        add(all, &n, ssmq_arena_printf(arena, "calibration.count=%d", TRIAL_SAMPLES));
    if (ssmq_experiment_read(t->e->path, all, n, t->cat, diag, &e) != SSMQ_OK) e = NULL;
    ssmq_diag_free(diag);
    return e;
}

/* The trial of the run at i; NULL where shortening has changed which runs there are. */
static const ssmq_run *trial_of(const ssmq_experiment *short_e, const ssmq_experiment *e, int32_t i)
{
    if (short_e->n_run != e->n_run || strcmp(short_e->run[i].name, e->run[i].name) != 0)
        return NULL;
    return &short_e->run[i];
}

/* ---- counting tokens
 * ----------------------------------------------------------------------------- */

/* Up to a limit beside the evaluation's own; 0: none. */
static ssmq_status count_tokens(ssmq_session *s, const ssmq_evaluation *of, int64_t limit, int64_t *out)
{
    ssmq_evaluation e = *of;
    ssmq_windows   *w;
    ssmq_status     st;
    bool            more = true;
    if (limit > 0 && (e.limit == 0 || limit < e.limit)) e.limit = limit;
    SSMQ_TRY(ssmq_texts_windows(s->texts, &e, s->base->vocabulary, NULL, &w));
    *out = 0;
    do {
        ssmq_window next;
        st = ssmq_windows_next(w, &next, &more);
        if (st == SSMQ_OK && more) *out += next.read;
    } while (st == SSMQ_OK && more);
    ssmq_windows_close(w);
    return st;
}

static int64_t smaller_limit(int64_t a, int64_t b)
{
    return a > 0 && a < b ? a : b;
}

/* All that the run will see, of each evaluation: texts are tokenised as far as it takes. */
static ssmq_status count_run(ssmq_session *s, const ssmq_run *run, amount *out)
{
    const int64_t compared = run->compare ? run->compare->windows : 0;
    SSMQ_TRY(ssmq_session_prepare(s, run));
    for (int32_t i = 0; i < run->n_evaluation; i++) {
        const ssmq_evaluation *e = &run->evaluation[i];
        SSMQ_TRY(count_tokens(s, e, 0, &out[i].all));
        SSMQ_TRY(count_tokens(s, e, TRIAL_WINDOWS, &out[i].tried));
        SSMQ_TRY(count_tokens(s, e, compared, &out[i].compared));
        SSMQ_TRY(count_tokens(s, e, smaller_limit(compared, TRIAL_WINDOWS), &out[i].tried_compared));
    }
    return SSMQ_OK;
}

static bool over(const trials *t)
{
    return ssmq_monotonic_s() - t->begun > t->budget_s;
}

/* Of all runs, [n_run][n_evaluation]; NULL for one that is not due, or whose inputs cannot be read.
 */
static const amount **count_all(const trials *t, ssmq_arena *arena)
{
    const amount **all = SSMQ_ARENA_ARRAY(arena, const amount *, t->e->n_run);
    ssmq_session    s;
    ssmq_session_open(t->e, t->cat, NULL, &s);
    for (int32_t i = 0; i < t->e->n_run && !over(t); i++) {
        amount *tokens = SSMQ_ARENA_ARRAY(arena, amount, t->e->run[i].n_evaluation);
        if (t->due[i] && count_run(&s, &t->e->run[i], tokens) == SSMQ_OK)
            all[i] = tokens;
    }
    ssmq_session_close(&s); /* what it holds must not count as the memory of a run */
    return all;
}

/* ---- in the child
 * --------------------------------------------------------------------------------- */

static int64_t size_of(const char *folder, const char *name, ssmq_arena *arena)
{
    struct stat st;
    return stat(ssmq_arena_printf(arena, "%s/%s", folder, name), &st) == 0 ? (int64_t)st.st_size
                                                                           : 0;
}

/* A child begins without the pages of files that its parent has read: a run by itself has both. */
static int64_t missing_pages(const trials *t)
{
    const int64_t missing = t->before - ssmq_peak_rss_bytes();
    return missing > 0 ? missing : 0;
}

/* Of the files right in a folder. */
static int64_t size_of_all(const char *folder)
{
    int64_t        n = 0;
    struct stat    st;
    struct dirent *each;
    DIR           *d = opendir(folder);
    while (d && (each = readdir(d)))
        if (fstatat(dirfd(d), each->d_name, &st, 0) == 0 && S_ISREG(st.st_mode)) n += (int64_t)st.st_size;
    if (d) closedir(d);
    return n;
}

/* What calibration filed grows with its samples, tokens with the windows that are read. */
typedef struct cache_size {
    int64_t calibration, tokens;
} cache_size;

static cache_size cache_of(const char *cache, ssmq_arena *arena)
{
    return (cache_size){size_of_all(ssmq_arena_printf(arena, "%s/calibration", cache)),
                        size_of_all(ssmq_arena_printf(arena, "%s/tokens", cache))};
}

/* The most that some task of the whole run has of what its trial had. */
static double largest_scale(const clocks *c, const ssmq_run *whole, const ssmq_run *trial, const amount *tokens)
{
    double most = 1;
    for (int32_t i = 0; i < c->n; i++) {
        const double scale = scale_of(&c->task[i], whole, trial, tokens);
        if (scale > most) most = scale;
    }
    return most;
}

/* sums: of what it takes, that which more samples do not make larger. */
static int64_t journal_of(const char *path, ssmq_arena *arena, int64_t *sums)
{
    ssmq_json   j = {0};
    int64_t     bytes = 0;
    ssmq_status st = ssmq_json_open(ssmq_arena_printf(arena, "%s/manifest.json", path), MANIFEST_MAX, &j);
    *sums = 0;
    if (st == SSMQ_OK) st = ssmq_json_int(&j, "moment.journal_bytes", false, 0, INT64_MAX, &bytes);
    if (st == SSMQ_OK) st = ssmq_json_int(&j, "moment.journal_sums_bytes", false, 0, INT64_MAX, sums);
    ssmq_json_close(&j);
    return st == SSMQ_OK ? bytes : 0;
}

/* What is written beside results, of the whole run. */
static void fill_room(const clocks *c, const ssmq_run *whole, const ssmq_run *trial, const amount *tokens,
                      const char *path, ssmq_arena *arena, const cache_size *before, const cache_size *after, ssmq_trial *out)
{
    const double scale = largest_scale(c, whole, trial, tokens);
    const double samples = trial->calibration ? (double)whole->calibration->count / (double)trial->calibration->count : 1;
    int64_t       sums;
    const int64_t journal = journal_of(path, arena, &sums);
    out->journal = (int64_t)(scale * (double)(journal - sums)) + sums;
    out->cached = (int64_t)(samples * (double)(after->calibration - before->calibration) +
                            scale * (double)(after->tokens - before->tokens));
}

static bool try_one(const trials *t, const ssmq_experiment *short_e, int32_t i, int64_t missing,
                    const amount *tokens, ssmq_trial *out)
{
    const ssmq_run *trial = trial_of(short_e, t->e, i);
    if (!trial) return false;
    ssmq_arena         *arena = ssmq_arena_new();
    clocks              c = {.arena = arena};
    const char *const   only[] = {trial->id, NULL};
    const ssmq_listener listener = {
        .context = &c, .begin = task_begin, .update = task_update, .end = task_end};
    ssmq_run_request request = {.out = t->folder,
                                .cache = ssmq_arena_printf(arena, "%s/cache", t->folder),
                                .only = only,
                                .listener = &listener};
    ssmq_outcome    *outcome = SSMQ_ARENA_ARRAY(arena, ssmq_outcome, short_e->n_run);
    const cache_size before = cache_of(request.cache, arena);
    const double     begun = ssmq_monotonic_s();
    ssmq_peak_rss_restart(); /* of the trials before */
    out->done = ssmq_experiment_run(short_e, t->cat, &request, arena, outcome) == SSMQ_OK &&
                outcome[i].path;
    if (out->done) {
        const cache_size after = cache_of(request.cache, arena);
        fill_room(&c, &t->e->run[i], trial, tokens, outcome[i].path, arena, &before, &after, out);
        out->seconds = ssmq_monotonic_s() - begun + rest_of(&c, &t->e->run[i], trial, tokens);
        out->memory = ssmq_peak_rss_bytes() + missing;
        out->disk =
            size_of(outcome[i].path, "run.h5", arena) + size_of(outcome[i].path, "dump.h5", arena);
    }
    ssmq_arena_free(arena);
    return out->done;
}

/* Results are filed as they come, so that what ends the child leaves those before. */
static void work(const void *context, ssmq_str *unused)
{
    const trials    *t = context;
    ssmq_arena      *arena = ssmq_arena_new();
    ssmq_experiment *short_e = shortened(t, arena);
    FILE            *f = fopen(ssmq_arena_printf(arena, "%s/trials", t->folder), "w");
    const int64_t    missing = missing_pages(t);
    (void)unused;
    const amount **tokens = count_all(t, arena);
    for (int32_t i = 0; f && short_e && i < t->e->n_run; i++) {
        ssmq_trial one = {0};
        if (!tokens[i] || over(t) || !try_one(t, short_e, i, missing, tokens[i], &one)) continue;
        fprintf(f, "%d %.9g %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", i, one.seconds, one.memory, one.disk,
                one.journal, one.cached);
        fflush(f);
    }
}

/* ---- in the parent
 * -------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

static void read_trials(const char *path, int32_t n, ssmq_trial *out)
{
    FILE      *f = fopen(path, "r");
    int32_t    i;
    ssmq_trial one = {.done = true};
    while (f && fscanf(f, "%d %lf %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "\n", &i, &one.seconds, &one.memory,
                       &one.disk, &one.journal, &one.cached) == 6)
        if (i >= 0 && i < n) out[i] = one;
    if (f) fclose(f);
}

ssmq_status ssmq_trials_run(const ssmq_experiment *e, const ssmq_catalogue *cat, const bool *due,
                            int budget_s, ssmq_trial *out, double *spent_s)
{
    const char *base = getenv("TMPDIR");
    ssmq_arena *arena = ssmq_arena_new();
    char *folder = ssmq_arena_printf(arena, "%s/ssmq-plan-XXXXXX", base && *base ? base : "/tmp");
    ssmq_str       unused = {0};
    ssmq_child_end end;
    ssmq_status    st = SSMQ_OK;
    trials         t = {.e = e,
                        .cat = cat,
                        .due = due,
                        .before = ssmq_peak_rss_bytes(),
                        .begun = ssmq_monotonic_s(),
                        .budget_s = budget_s};
    memset(out, 0, (size_t)e->n_run * sizeof *out);
    if (mkdtemp(folder)) {
        t.folder = folder;
        st = ssmq_child_call(work, &t, 2 * budget_s * e->run[0].threads + 1, &unused, &end);
        read_trials(ssmq_arena_printf(arena, "%s/trials", folder), e->n_run, out);
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    } else {
        st = SSMQ_FAIL(IO, "%s: no folder for trial runs: %s", folder, strerror(errno));
    }
    *spent_s = ssmq_monotonic_s() - t.begun;
    ssmq_str_free(&unused);
    ssmq_arena_free(arena);
    return st;
}
