#include "harness/run/sweep/sweep_files.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/run/sweep/sweep_store.h"
#include "harness/store/rundir.h"
#include "harness/store/score_figures.h"

#define FILE_MAX (512u << 20) /* bytes; larger files are simply written again */
#define TRIES 100             /* to get the lease of the folder, */
#define PAUSE_NS 100000000    /* so long apart                   */

/* ---- sweep.json ------------------------------------------------------------------------- */

void ssmq_axis_put_value(ssmq_json_writer *w, const char *key, const ssmq_axis *axis, int32_t index)
{
    const ssmq_yaml *v = axis->value[index];
    switch (ssmq_yaml_type_of(v)) {
    case SSMQ_YAML_INT: ssmq_json_put_int(w, key, ssmq_yaml_int(v)); return;
    case SSMQ_YAML_REAL: ssmq_json_put_real(w, key, ssmq_yaml_real(v)); return;
    case SSMQ_YAML_BOOL: ssmq_json_put_bool(w, key, ssmq_yaml_bool(v)); return;
    default: ssmq_json_put_text(w, key, axis->label[index]); return;
    }
}

void ssmq_sweep_put_axes(ssmq_json_writer *w, const ssmq_sweep *s, int32_t run)
{
    ssmq_json_begin_object(w, "axes");
    for (int32_t i = SSMQ_AXIS_MODE + 1; i < s->n_axis; i++) {
        const int64_t at = (int64_t)run * s->n_axis + i;
        if (s->value[at] >= 0) ssmq_axis_put_value(w, s->axis[i].name, &s->axis[i], s->value[at]);
        else ssmq_json_put_text(w, s->axis[i].name, s->label[at]);
    }
    ssmq_json_end_object(w);
}

static void put_run(ssmq_json_writer *w, const ssmq_experiment *e, int32_t i)
{
    const ssmq_run *run = &e->run[i];
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_int(w, "index", i);
    ssmq_json_put_text(w, "id", run->id);
    ssmq_json_put_text(w, "name", run->name);
    ssmq_json_put_text(w, "mode", ssmq_modes[run->mode]);
    ssmq_json_put_text(w, "recipe", run->recipe ? run->recipe->name : NULL);
    ssmq_sweep_put_axes(w, &e->sweep, i);
    if (e->sweep.against[i] >= 0 && e->sweep.against[i] != i)
        ssmq_json_put_text(w, "against", e->run[e->sweep.against[i]].id);
    else ssmq_json_put_null(w, "against");
    ssmq_json_put_text(w, "unsupported", run->unsupported);
    ssmq_json_end_object(w);
}

static void put_expectation(ssmq_json_writer *w, const ssmq_experiment *e, const ssmq_expectation *x)
{
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "evaluation", x->evaluation);
    ssmq_json_put_text(w, "metric", ssmq_score_figures[x->figure].name);
    ssmq_json_put_real(w, "value", x->value);
    ssmq_json_put_real(w, "tolerance", x->tolerance);
    ssmq_json_put_text(w, "source", x->source);
    ssmq_json_begin_array(w, "runs");
    for (int32_t i = 0; i < e->n_run; i++)
        if (x->of[i]) ssmq_json_put_int(w, NULL, i);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

static void put_sweep(ssmq_json_writer *w, const ssmq_experiment *e)
{
    const ssmq_sweep *s = &e->sweep;
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "name", e->name);
    ssmq_json_put_text(w, "question", e->question);
    ssmq_json_begin_array(w, "axes");
    for (int32_t i = 0; i < s->n_axis; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "name", s->axis[i].name);
        ssmq_json_begin_array(w, "values");
        for (int32_t k = 0; k < s->axis[i].n; k++) ssmq_axis_put_value(w, NULL, &s->axis[i], k);
        ssmq_json_end_array(w);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
    ssmq_json_put_bool(w, "baseline", s->baseline);
    ssmq_json_put_int(w, "excluded", s->excluded);
    ssmq_json_begin_array(w, "runs");
    for (int32_t i = 0; i < e->n_run; i++) put_run(w, e, i);
    ssmq_json_end_array(w);
    ssmq_json_begin_array(w, "expect");
    for (int32_t i = 0; i < e->n_expect; i++) put_expectation(w, e, &e->expect[i]);
    ssmq_json_end_array(w);
    ssmq_json_begin_array(w, "grid");
    for (int64_t i = 0; i < s->n_grid; i++) ssmq_json_put_int(w, NULL, s->run[i]);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

/* A file that is so already keeps its time. */
static ssmq_status write_if_new(const char *path, const ssmq_str *text)
{
    ssmq_str    old = {0};
    const bool  read = ssmq_file_read(path, FILE_MAX, &old) == SSMQ_OK;
    const bool  same = read && old.length == text->length &&
                      memcmp(ssmq_str_text(&old), ssmq_str_text(text), old.length) == 0;
    if (!read) ssmq_error_clear();
    ssmq_str_free(&old);
    return same ? SSMQ_OK : ssmq_file_write(path, ssmq_str_text(text), text->length);
}

/* OUT/NAME; the arena's. */
static const char *folder_of(const ssmq_experiment *e, const char *out, ssmq_arena *arena)
{
    return ssmq_arena_printf(arena, "%s/%s", out, e->name);
}

/* Others hold the folder for moments only. */
static ssmq_status hold(const char *folder, ssmq_rundir **out)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    ssmq_status                  st = ssmq_rundir_hold(folder, out);
    for (int i = 0; st == SSMQ_ERR_HELD && i < TRIES; i++) {
        nanosleep(&pause, NULL);
        st = ssmq_rundir_hold(folder, out);
    }
    return st;
}

ssmq_status ssmq_sweep_freeze(const ssmq_experiment *e, const char *out)
{
    ssmq_arena      *arena = ssmq_arena_new();
    const char      *folder = folder_of(e, out, arena);
    ssmq_rundir     *held = NULL;
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    put_sweep(&w, e);
    ssmq_status st = hold(folder, &held);
    if (st == SSMQ_OK) st = write_if_new(ssmq_rundir_file(held, "sweep.json"), &text);
    ssmq_rundir_close(held);
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
    return st;
}

/* ---- sweep.csv -------------------------------------------------------------------------- */

static void put_cell(ssmq_str *out, const char *text)
{
    if (out->length && out->data[out->length - 1] != '\n') ssmq_str_puts(out, ",");
    if (text) ssmq_str_csv(out, text);
}

static void put_number(ssmq_str *out, double value)
{
    char text[SSMQ_REAL_TEXT];
    ssmq_real_text(value, text);
    put_cell(out, isnan(value) ? "" : text);
}

/* Has any run this figure of the evaluation? */
static bool has_figure(const ssmq_summary *s, int32_t n, const char *id, int32_t k)
{
    bool any = k < SSMQ_SCORE_FIGURES_ALWAYS;
    for (int32_t i = 0; i < n && !any; i++) any = !isnan(ssmq_score_figure_of(ssmq_summary_find(&s[i], id), k));
    return any;
}

static void put_csv(const ssmq_experiment *e, const ssmq_summary *s, ssmq_arena *arena, ssmq_str *out)
{
    const ssmq_sweep  *sweep = &e->sweep;
    const char *const *id;
    const int32_t      n = ssmq_summaries_evaluations(s, e->n_run, arena, &id);
    ssmq_str_puts(out, "run_id,name,status");
    for (int32_t i = 0; i < sweep->n_axis; i++) put_cell(out, sweep->axis[i].name);
    for (int32_t v = 0; v < n; v++)
        for (int32_t k = 0; ssmq_score_figures[k].name; k++)
            if (has_figure(s, e->n_run, id[v], k))
                put_cell(out, ssmq_arena_printf(arena, "%s.%s", id[v], ssmq_score_figures[k].name));
    ssmq_str_puts(out, "\n");
    for (int32_t run = 0; run < e->n_run; run++) {
        put_cell(out, e->run[run].id);
        put_cell(out, e->run[run].name);
        put_cell(out, s[run].status);
        for (int32_t i = 0; i < sweep->n_axis; i++) put_cell(out, sweep->label[(int64_t)run * sweep->n_axis + i]);
        for (int32_t v = 0; v < n; v++)
            for (int32_t k = 0; ssmq_score_figures[k].name; k++)
                if (has_figure(s, e->n_run, id[v], k))
                    put_number(out, ssmq_score_figure_of(ssmq_summary_find(&s[run], id[v]), k));
        ssmq_str_puts(out, "\n");
    }
}

/* ---- from the runs' files ------------------------------------------------------------------ */

/* What the run's own files say; only its status where there are no figures that can be believed. */
static ssmq_summary read_run(const ssmq_run *run, const char *folder, ssmq_arena *arena)
{
    const char     *path = ssmq_arena_printf(arena, "%s/%s", folder, run->id);
    const char     *summary = ssmq_arena_printf(arena, "%s/summary.json", path);
    ssmq_summary    s = {.status = "queued"};
    ssmq_run_status status;
    if (ssmq_run_status_read(ssmq_arena_printf(arena, "%s/status.json", path), arena, &status) == SSMQ_OK)
        s.status = ssmq_run_state_name(status.state);
    ssmq_summary found;
    if (ssmq_rundir_finished(path) && ssmq_summary_read(summary, arena, &found) == SSMQ_OK &&
        strcmp(found.id, run->id) == 0)
        s = found;
    ssmq_error_clear();
    return s;
}

/* Equal content gives equal bytes, so that a file which is so already keeps its time. */
static ssmq_status replace_if_new(const char *from, const char *path)
{
    ssmq_mapping a = {0}, b = {0};
    const bool   same = ssmq_map_open(from, &a) == SSMQ_OK && ssmq_map_open(path, &b) == SSMQ_OK &&
                      a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
    ssmq_error_clear();
    ssmq_map_close(&a);
    ssmq_map_close(&b);
    if (same ? unlink(from) == 0 : rename(from, path) == 0) return SSMQ_OK;
    return SSMQ_FAIL(IO, "%s: %s", path, strerror(errno));
}

static ssmq_status write_h5(const ssmq_experiment *e, const ssmq_summary *s, const char *folder,
                            ssmq_arena *arena)
{
    const char *path = ssmq_arena_printf(arena, "%s/sweep.h5", folder);
    const char *fresh = ssmq_arena_printf(arena, "%s/sweep.h5.new", folder);
    unlink(fresh); /* what a killed writer left */
    SSMQ_TRY(ssmq_sweep_store(e, s, fresh));
    return replace_if_new(fresh, path);
}

static ssmq_status collect(const ssmq_experiment *e, const char *folder, ssmq_arena *arena)
{
    ssmq_summary *s = SSMQ_ARENA_ARRAY(arena, ssmq_summary, e->n_run);
    ssmq_str      csv = {0};
    for (int32_t i = 0; i < e->n_run; i++) s[i] = read_run(&e->run[i], folder, arena);
    put_csv(e, s, arena, &csv);
    ssmq_status st = write_if_new(ssmq_arena_printf(arena, "%s/sweep.csv", folder), &csv);
    if (st == SSMQ_OK) st = write_h5(e, s, folder, arena);
    ssmq_str_free(&csv);
    return st;
}

ssmq_status ssmq_sweep_collect(const ssmq_experiment *e, const char *out)
{
    ssmq_arena  *arena = ssmq_arena_new();
    const char  *folder = folder_of(e, out, arena);
    ssmq_rundir *held = NULL;
    ssmq_status  st = hold(folder, &held);
    if (st == SSMQ_OK) st = collect(e, folder, arena);
    ssmq_rundir_close(held);
    ssmq_arena_free(arena);
    return st;
}
