#include "harness/run/forecast.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "harness/data/checkpoint.h"
#include "harness/run/eval_ppl.h"
#include "harness/store/rundir.h"

#define MANIFEST_MAX (16u << 20) /* bytes */

const char *const ssmq_run_dues[] = {"finished", "to run", "unsupported", NULL};

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
    ssmq_json_close(&j);
    ssmq_error_clear();
}

static ssmq_forecast_run look_at(const ssmq_run *run, const char *folder, ssmq_arena *arena)
{
    static const char *const names[] = {"run.h5", "dump.h5", "profile.h5", "summary.json",
                                               "manifest.json", NULL};
    ssmq_forecast_run        r = {.due = SSMQ_DUE_TO_RUN, .seconds = (double)NAN, .disk = -1, .memory = -1};
    const char              *path = ssmq_arena_printf(arena, "%s/%s", folder, run->id);
    if (run->unsupported) r.due = SSMQ_DUE_UNSUPPORTED;
    else if (ssmq_rundir_finished(path)) r.due = SSMQ_DUE_FINISHED;
    if (r.due != SSMQ_DUE_FINISHED) return r;
    r.disk = 0;
    for (int i = 0; names[i]; i++) r.disk += size_of(path, names[i], arena);
    read_manifest(ssmq_arena_printf(arena, "%s/manifest.json", path), &r);
    return r;
}

/* ---- runs like another ------------------------------------------------------------------------ */

static bool same_evaluations(const ssmq_run *a, const ssmq_run *b)
{
    if (a->n_evaluation != b->n_evaluation) return false;
    for (int32_t i = 0; i < a->n_evaluation; i++) {
        const ssmq_evaluation *x = &a->evaluation[i], *y = &b->evaluation[i];
        if (x->window != y->window || x->limit != y->limit || strcmp(x->data.file, y->data.file) != 0) return false;
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
           same_evaluations(a, b) && same_section(a, b, "\ncompare:") && same_section(a, b, "\ncollect:");
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
    }
    if (r->like == 0) return;
    r->seconds = median(space, r->like);
    r->disk = (int64_t)median(disk, r->like);
}

/* ---- memory that was never measured ----------------------------------------------------------- */

typedef struct sizes {
    const char *directory;
    int64_t     weights, row; /* bytes: of all, of the logits of a token */
    int64_t     rows;         /* whose logits are there at once, at most */
} sizes;

static ssmq_status read_sizes(const ssmq_catalogue *cat, const char *directory, sizes *s)
{
    ssmq_json   config = {0};
    ssmq_model *m = NULL;
    SSMQ_TRY(ssmq_checkpoint_config(directory, &config));
    const ssmq_status st = ssmq_model_describe(cat->families, directory, &config, &m);
    ssmq_json_close(&config);
    SSMQ_TRY(st);
    *s = (sizes){.directory = directory,
                 .row = m->vocabulary * (int64_t)sizeof(float),
                 .rows = ssmq_eval_block(m)};
    for (int32_t i = 0; i < m->n_weight; i++) {
        int64_t n = m->weight[i].tied_to < 0;
        for (int32_t a = 0; a < m->weight[i].rank; a++) n *= m->weight[i].dim[a];
        s->weights += n * (int64_t)sizeof(float);
    }
    ssmq_model_free(m);
    return SSMQ_OK;
}

static ssmq_status compute_memory(const ssmq_catalogue *cat, const ssmq_run *run, sizes *s, ssmq_forecast_run *r)
{
    if (!s->directory || strcmp(s->directory, run->model) != 0) SSMQ_TRY(read_sizes(cat, run->model, s));
    int64_t rows = 0;
    for (int32_t i = 0; i < run->n_evaluation; i++)
        rows = run->evaluation[i].window > rows ? run->evaluation[i].window : rows;
    rows = rows < SSMQ_EVAL_PIECE ? rows : SSMQ_EVAL_PIECE;
    rows = rows < s->rows ? rows : s->rows;
    r->memory = s->weights * (run->recipe ? 2 : 1) + rows * s->row * (run->compare ? 2 : 1) + run->dump_bytes;
    r->computed = true;
    return SSMQ_OK;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static void add_up(ssmq_forecast *f, int32_t n)
{
    f->seconds = (double)NAN;
    f->disk = f->memory = -1;
    for (int32_t i = 0; i < n; i++) {
        const ssmq_forecast_run *r = &f->run[i];
        f->n[r->due]++;
        if (r->due != SSMQ_DUE_TO_RUN) continue;
        if (isnan(r->seconds)) f->unknown++;
        else f->seconds = isnan(f->seconds) ? r->seconds : f->seconds + r->seconds;
        if (r->disk >= 0) f->disk = (f->disk < 0 ? 0 : f->disk) + r->disk;
        if (r->memory > f->memory) f->memory = r->memory;
    }
}

ssmq_status ssmq_forecast_make(const ssmq_experiment *e, const ssmq_catalogue *cat, const char *out,
                               ssmq_arena *arena, ssmq_forecast *f)
{
    const char *folder = ssmq_arena_printf(arena, "%s/%s", out, e->name);
    double     *space = SSMQ_ARENA_ARRAY(arena, double, 2 * e->n_run);
    sizes       s = {0};
    *f = (ssmq_forecast){.run = SSMQ_ARENA_ARRAY(arena, ssmq_forecast_run, e->n_run)};
    for (int32_t i = 0; i < e->n_run; i++) f->run[i] = look_at(&e->run[i], folder, arena);
    for (int32_t i = 0; i < e->n_run; i++) {
        if (f->run[i].due != SSMQ_DUE_TO_RUN) continue;
        guess(e, f->run, i, space, &f->run[i]);
        if (f->run[i].memory < 0) SSMQ_TRY(compute_memory(cat, &e->run[i], &s, &f->run[i]));
    }
    add_up(f, e->n_run);
    return SSMQ_OK;
}
