#include "harness/run/sweep/forecast.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/run/memory.h"
#include "harness/run/sweep/forecast_cache.h"
#include "harness/run/sweep/trial.h"
#include "harness/store/journal.h"
#include "harness/store/rundir.h"

#define MANIFEST_MAX (16u << 20) /* bytes */

const char *const ssmq_run_dues[] = {"finished", "to run", "to resume", "unsupported", NULL};

/* ---- what finished runs took ---------------------------------------------------------------- */

static int64_t size_of(const char *folder, const char *name, ssmq_arena *arena)
{
    struct stat st;
    return stat(ssmq_arena_printf(arena, "%s/%s", folder, name), &st) == 0 ? (int64_t)st.st_size : 0;
}

/* Of a manifest that cannot be read nothing is known. */
static void read_manifest(const char *path, ssmq_forecast_run *r)
{
    ssmq_json   j = {0};
    ssmq_status st = ssmq_json_open(path, MANIFEST_MAX, &j);
    if (st == SSMQ_OK) st = ssmq_json_real(&j, "moment.wall_s", false, &r->seconds);
    if (st == SSMQ_OK) st = ssmq_json_int(&j, "moment.peak_rss_bytes", false, 0, INT64_MAX, &r->memory);
    if (st == SSMQ_OK) st = ssmq_json_int(&j, "moment.journal_bytes", false, 0, INT64_MAX, &r->journal);
    ssmq_json_close(&j);
    ssmq_error_clear();
}

/* Was it begun, and ended early? */
static bool is_stopped(const char *folder, ssmq_arena *arena)
{
    const char     *path = ssmq_arena_printf(arena, "%s/status.json", folder);
    ssmq_run_status status;
    const bool read = access(path, F_OK) == 0 && ssmq_run_status_read(path, arena, &status) == SSMQ_OK;
    ssmq_error_clear();
    return read && (status.state == SSMQ_RUN_STOPPED || status.state == SSMQ_RUN_RUNNING);
}

static ssmq_forecast_run look_at(const ssmq_run *run, const char *folder, ssmq_arena *arena)
{
    static const char *const names[] = {"run.h5", "dump.h5", "profile.h5", "summary.json",
                                               "manifest.json", SSMQ_JOURNAL, NULL};
    ssmq_forecast_run        r = {.due = SSMQ_DUE_TO_RUN, .seconds = (double)NAN, .disk = -1, .journal = -1, .memory = -1};
    const char              *path = ssmq_arena_printf(arena, "%s/%s", folder, run->id);
    if (run->unsupported) r.due = SSMQ_DUE_UNSUPPORTED;
    else if (ssmq_rundir_finished(path)) r.due = SSMQ_DUE_FINISHED;
    else if (is_stopped(path, arena)) r.due = SSMQ_DUE_TO_RESUME;
    if (r.due != SSMQ_DUE_FINISHED) return r;
    r.disk = 0;
    for (int i = 0; names[i]; i++) r.disk += size_of(path, names[i], arena);
    read_manifest(ssmq_arena_printf(arena, "%s/manifest.json", path), &r);
    return r;
}

/* ---- runs like another ------------------------------------------------------------------------ */

bool ssmq_forecast_same_evaluations(const ssmq_run *a, const ssmq_run *b)
{
    if (a->n_evaluation != b->n_evaluation) return false;
    for (int32_t i = 0; i < a->n_evaluation; i++) {
        const ssmq_evaluation *x = &a->evaluation[i], *y = &b->evaluation[i];
        if (x->dialect != y->dialect || x->window != y->window || x->limit != y->limit ||
            x->state_reset != y->state_reset || strcmp(x->data.file, y->data.file) != 0)
            return false;
    }
    if (a->n_profile != b->n_profile) return false;
    for (int32_t i = 0; i < a->n_profile; i++) {
        const ssmq_profile_spec *x = &a->profile[i], *y = &b->profile[i];
        if (x->batch != y->batch || x->prompt != y->prompt || x->generate != y->generate ||
            x->repeat + x->warmup != y->repeat + y->warmup)
            return false;
    }
    return true;
}

/* A section of what two runs resolve to, by its text. */
static bool same_section(const ssmq_run *a, const ssmq_run *b, const char *key)
{
    const char *x = strstr(a->canonical, key), *y = strstr(b->canonical, key);
    if (!x || !y) return !x && !y;
    const char  *end = strstr(x + strlen(key), "\nrun:");
    const size_t n = end ? (size_t)(end - x) : strlen(x);
    return strncmp(x, y, n + strlen("\nrun:")) == 0;
}

static bool is_like(const ssmq_run *a, const ssmq_run *b)
{
    return a->mode == b->mode && a->backend == b->backend && strcmp(a->model, b->model) == 0 &&
           ssmq_forecast_same_evaluations(a, b) && same_section(a, b, "\ncompare:") && same_section(a, b, "\ncollect:");
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int32_t n)
{
    qsort(v, (size_t)n, sizeof *v, by_size);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Time and room as the median of its like, memory as the largest of them. */
static void guess(const ssmq_experiment *e, const ssmq_forecast_run *all, int32_t i, double *space,
                  ssmq_forecast_run *r)
{
    double *disk = space + e->n_run;
    for (int32_t k = 0; k < e->n_run; k++) {
        if (all[k].due != SSMQ_DUE_FINISHED || isnan(all[k].seconds) || !is_like(&e->run[i], &e->run[k])) continue;
        space[r->like] = all[k].seconds;
        disk[r->like++] = (double)all[k].disk;
        if (all[k].memory > r->memory) r->memory = all[k].memory;
        if (all[k].journal > r->journal) r->journal = all[k].journal;
    }
    if (r->like == 0) return;
    r->seconds = median(space, r->like);
    r->disk = (int64_t)median(disk, r->like);
}

/* ---- what is not known from finished runs -------------------------------------------------------- */

bool ssmq_forecast_due(const ssmq_forecast_run *r)
{
    return r->due == SSMQ_DUE_TO_RUN || r->due == SSMQ_DUE_TO_RESUME;
}

static ssmq_status try_runs(const ssmq_experiment *e, const ssmq_catalogue *cat, int budget_s, ssmq_arena *arena,
                            ssmq_forecast *f)
{
    bool       *wanted = SSMQ_ARENA_ARRAY(arena, bool, e->n_run);
    ssmq_trial *trial = SSMQ_ARENA_ARRAY(arena, ssmq_trial, e->n_run);
    int32_t     n = 0;
    for (int32_t i = 0; i < e->n_run; i++) {
        wanted[i] = ssmq_forecast_due(&f->run[i]) && f->run[i].like == 0;
        n += wanted[i];
    }
    if (n == 0 || budget_s == 0) return SSMQ_OK;
    SSMQ_TRY(ssmq_trials_run(e, cat, wanted, budget_s, trial, &f->trial_s));
    for (int32_t i = 0; i < e->n_run; i++) {
        ssmq_forecast_run *r = &f->run[i];
        if (!trial[i].done) continue;
        r->seconds = trial[i].seconds;
        r->memory = trial[i].memory;
        r->computed = false;
        r->disk = trial[i].disk;
        r->journal = trial[i].journal;
        f->cached += trial[i].cached;
        r->tried = true;
        f->tried++;
    }
    return SSMQ_OK;
}

static ssmq_status compute_memory(const ssmq_experiment *e, const ssmq_catalogue *cat, ssmq_forecast *f)
{
    ssmq_model *model = NULL;
    ssmq_status st = SSMQ_OK;
    for (int32_t i = 0; i < e->n_run && st == SSMQ_OK; i++) {
        if (!ssmq_forecast_due(&f->run[i]) || f->run[i].memory >= 0) continue;
        f->run[i].computed = true;
        st = ssmq_run_memory(cat, &e->run[i], &model, &f->run[i].memory);
    }
    ssmq_model_free(model);
    return st;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static int downwards(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* The largest of n values together, so many; -1 where none is known. */
static int64_t largest(int64_t *v, int32_t n, int32_t many)
{
    int64_t sum = -1;
    qsort(v, (size_t)n, sizeof *v, downwards);
    for (int32_t i = 0; i < n && i < many && v[i] >= 0; i++) sum = (sum < 0 ? 0 : sum) + v[i];
    return sum;
}

/* Processes at once each have their own memory and journals. */
static void add_up_at_once(ssmq_forecast *f, int32_t n, int32_t workers, ssmq_arena *arena)
{
    int64_t *memory = SSMQ_ARENA_ARRAY(arena, int64_t, n), *journal = SSMQ_ARENA_ARRAY(arena, int64_t, n);
    int32_t  due = 0;
    for (int32_t i = 0; i < n; i++) {
        if (!ssmq_forecast_due(&f->run[i])) continue;
        memory[due] = f->run[i].memory;
        journal[due++] = f->run[i].journal;
    }
    f->memory = largest(memory, due, workers);
    f->journal = largest(journal, due, workers);
}

int64_t ssmq_forecast_room(const ssmq_forecast *f)
{
    return (f->disk > 0 ? f->disk : 0) + (f->journal > 0 ? f->journal : 0) + f->hidden + f->cached;
}

static void add_up(ssmq_forecast *f, int32_t n)
{
    f->seconds = (double)NAN;
    f->disk = -1;
    for (int32_t i = 0; i < n; i++) {
        const ssmq_forecast_run *r = &f->run[i];
        f->n[r->due]++;
        if (!ssmq_forecast_due(r)) continue;
        f->hidden += r->hidden;
        if (isnan(r->seconds)) f->unknown++;
        else f->seconds = isnan(f->seconds) ? r->seconds : f->seconds + r->seconds;
        if (r->disk >= 0) f->disk = (f->disk < 0 ? 0 : f->disk) + r->disk;
    }
}

ssmq_status ssmq_forecast_make(const ssmq_experiment *e, const ssmq_catalogue *cat,
                               const ssmq_forecast_request *request, ssmq_arena *arena, ssmq_forecast *f)
{
    const char *folder = ssmq_arena_printf(arena, "%s/%s", request->out, e->name);
    double     *space = SSMQ_ARENA_ARRAY(arena, double, 2 * e->n_run);
    *f = (ssmq_forecast){.run = SSMQ_ARENA_ARRAY(arena, ssmq_forecast_run, e->n_run)};
    for (int32_t i = 0; i < e->n_run; i++) f->run[i] = look_at(&e->run[i], folder, arena);
    for (int32_t i = 0; i < e->n_run; i++)
        if (ssmq_forecast_due(&f->run[i])) guess(e, f->run, i, space, &f->run[i]);
    SSMQ_TRY(compute_memory(e, cat, f)); /* before a backend starts: this process counts */
    SSMQ_TRY(try_runs(e, cat, request->trial_s, arena, f));
    ssmq_forecast_cache(e, cat, request->cache, arena, f->run);
    add_up(f, e->n_run);
    add_up_at_once(f, e->n_run, request->workers, arena);
    f->free = ssmq_room_bytes(request->out);
    return SSMQ_OK;
}
