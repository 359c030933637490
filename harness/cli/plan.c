/* ssmq plan: what ssmq run would do, and what it would take. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/cores.h"
#include "harness/base/shell.h"
#include "harness/base/table.h"
#include "harness/cli/commands.h"
#include "harness/cli/places.h"
#include "harness/cli/reading.h"
#include "harness/run/sweep/forecast.h"

typedef struct plan_options {
    const char        *out;
    const char *const *set;
    int                format; /* index into formats */
    int                probe;  /* seconds; 0: nothing is tried */
    int                workers;
} plan_options;

static const char *const formats[] = {"text", "json", "shell", NULL};
enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_SHELL };

static const char *const off[] = {"off", NULL}; /* read as 0 */

static const ssmq_option plan_table[] = {
    {"out", offsetof(plan_options, out), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "directory for results, where finished runs are looked for; else that of SSMQ_RUNS, else runs"},
    SSMQ_OPTION_SET(plan_options),
    {"format", offsetof(plan_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats,
     "text, JSON, or a command line for each run that is to be made"},
    {"probe", offsetof(plan_options, probe), SSMQ_OPTION_INT, "off", 1, 86400, off,
     "seconds: for about so long, a few windows and samples of each run of which nothing is known are carried out, "
     "and what the whole will take is told from these"},
    {"workers", offsetof(plan_options, workers), SSMQ_OPTION_INT, "1", 1, SSMQ_CORES_MAX, NULL,
     "processes at once, as ssmq run would have them: their memory and journals are there together; time is that of one after the other"},
    {0},
};

/* ---- text ------------------------------------------------------------------------------- */

static const char *seconds_text(ssmq_arena *arena, double s)
{
    if (isnan(s)) return "unknown";
    if (s >= 5400) return ssmq_arena_printf(arena, "%.1f h", s / 3600);
    return s >= 90 ? ssmq_arena_printf(arena, "%.1f min", s / 60) : ssmq_arena_printf(arena, "%.2g s", s);
}

static const char *bytes_text(ssmq_arena *arena, int64_t bytes, bool computed)
{
    char text[SSMQ_SIZE_TEXT];
    if (bytes < 0) return "unknown";
    ssmq_size_approximate(bytes, text);
    return ssmq_arena_printf(arena, "%s%s", computed ? "~" : "", text);
}

/* Where the figures are from. */
static void put_sources(const ssmq_forecast *f, int32_t n, bool computed, ssmq_str *out)
{
    bool like = false;
    for (int32_t i = 0; i < n; i++) like = like || f->run[i].like > 0;
    if (like)
        ssmq_str_puts(out, "time and disk are the median, memory the largest, of finished runs with the same model, "
                           "mode and evaluations\n");
    if (f->tried > 0)
        ssmq_str_printf(out, "%d run%s tried with a few windows and samples, which took %.0f s; time is what the whole "
                             "takes with an empty cache\n",
                        f->tried, f->tried == 1 ? " was" : "s were", f->trial_s);
    if (computed)
        ssmq_str_puts(out, "memory after ~ is computed from shapes; what calibration holds comes on top\n");
    if (f->unknown > 0 && f->trial_s > 0)
        ssmq_str_puts(out,
                      "what is unknown was not reached within the time of --probe, or failed\n");
    else if (f->unknown > 0)
        ssmq_str_puts(out, "--probe 60 tries what is unknown, for about a minute\n");
}

/* "1 of 2 texts, 64 samples" */
static const char *cached_text(ssmq_arena *arena, const ssmq_forecast_run *r)
{
    if (r->stored == 0 && r->samples <= 0) return "-";
    const char *texts = r->texts == 1 ? "text" : ssmq_arena_printf(arena, "%d of %d texts", r->stored, r->texts);
    if (r->samples <= 0) return texts;
    const char *samples = ssmq_arena_printf(arena, "%" PRId64 " sample%s", r->samples, r->samples == 1 ? "" : "s");
    return r->stored == 0 ? samples : ssmq_arena_printf(arena, "%s, %s", texts, samples);
}

/* What is written, and whether there is room for it. */
static void put_room(const ssmq_forecast *f, ssmq_arena *arena, ssmq_str *out)
{
    const int64_t need = ssmq_forecast_room(f);
    if (f->journal > 0)
        ssmq_str_printf(out, "journal: up to %s while they run\n", bytes_text(arena, f->journal, false));
    if (f->hidden > 0)
        ssmq_str_printf(out, "cache: up to %s more, of what the float model's head reads (run.keep_hidden)\n",
                        bytes_text(arena, f->hidden, false));
    if (f->cached > 0)
        ssmq_str_printf(out, "cache: about %s more, of calibration and tokens\n", bytes_text(arena, f->cached, false));
    if (f->free < 0) return;
    ssmq_str_printf(out, "room: %s are free", bytes_text(arena, f->free, false));
    if (need > f->free)
        ssmq_str_printf(out, ", TOO LITTLE: %s are needed%s", bytes_text(arena, need, false),
                        f->unknown > 0 ? ", and more of runs of which nothing is known" : "");
    ssmq_str_puts(out, "\n");
}

static void put_text(const ssmq_experiment *e, const ssmq_forecast *f, int workers, ssmq_arena *arena, ssmq_str *out)
{
    static const char *const heading[] = {"run", "id", "state", "cached", "time", "memory", "disk"};
    ssmq_table              *t = ssmq_table_new(7, heading);
    bool                     computed = false;
    for (int32_t i = 0; i < e->n_run; i++) {
        const ssmq_forecast_run *r = &f->run[i];
        const bool               none = r->due == SSMQ_DUE_UNSUPPORTED;
        computed = computed || r->computed;
        ssmq_table_row(t, (const char *[]){
                              e->run[i].name,
                              e->run[i].id,
                              ssmq_run_dues[r->due],
                              cached_text(arena, r),
                              none ? "-" : seconds_text(arena, r->seconds),
                              none ? "-" : bytes_text(arena, r->memory, r->computed),
                              none ? "-" : bytes_text(arena, r->disk, false),
                          });
    }
    ssmq_table_print(t, out);
    ssmq_table_free(t);
    const int32_t due = f->n[SSMQ_DUE_TO_RUN] + f->n[SSMQ_DUE_TO_RESUME];
    ssmq_str_printf(out, "\n%d run%s: %d finished, %d to run", e->n_run, e->n_run == 1 ? "" : "s",
                    f->n[SSMQ_DUE_FINISHED], due);
    if (f->n[SSMQ_DUE_TO_RESUME]) ssmq_str_printf(out, " (%d begun before)", f->n[SSMQ_DUE_TO_RESUME]);
    if (f->n[SSMQ_DUE_UNSUPPORTED]) ssmq_str_printf(out, ", %d unsupported", f->n[SSMQ_DUE_UNSUPPORTED]);
    ssmq_str_puts(out, "\n");
    if (due == 0) return;
    ssmq_str_printf(out, "to run: time %s%s, peak memory %s%s, disk %s\n", seconds_text(arena, f->seconds),
                    f->unknown && !isnan(f->seconds)
                        ? ssmq_arena_printf(arena, " and %d run%s of which it is unknown", f->unknown,
                                            f->unknown == 1 ? "" : "s")
                        : "",
                    bytes_text(arena, f->memory, computed),
                    workers > 1 && due > 1 ? ssmq_arena_printf(arena, " (%d at once)", workers < due ? workers : due) : "",
                    bytes_text(arena, f->disk, false));
    put_room(f, arena, out);
    put_sources(f, e->n_run, computed, out);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void put_bytes(ssmq_json_writer *w, const char *key, int64_t bytes)
{
    if (bytes < 0) ssmq_json_put_null(w, key);
    else ssmq_json_put_int(w, key, bytes);
}

static void put_cached(ssmq_json_writer *w, const ssmq_forecast_run *r)
{
    ssmq_json_begin_object(w, "cached");
    ssmq_json_put_int(w, "texts", r->stored);
    ssmq_json_put_int(w, "of_texts", r->texts);
    if (r->samples < 0) ssmq_json_put_null(w, "calibration_samples");
    else ssmq_json_put_int(w, "calibration_samples", r->samples);
    ssmq_json_end_object(w);
}

static void put_json(const ssmq_experiment *e, const ssmq_forecast *f, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_begin_array(&w, "runs");
    for (int32_t i = 0; i < e->n_run; i++) {
        const ssmq_forecast_run *r = &f->run[i];
        ssmq_json_begin_object(&w, NULL);
        ssmq_json_put_text(&w, "id", e->run[i].id);
        ssmq_json_put_text(&w, "name", e->run[i].name);
        ssmq_json_put_text(&w, "state", ssmq_run_dues[r->due]);
        ssmq_json_put_text(&w, "reason", e->run[i].unsupported);
        ssmq_sweep_put_axes(&w, &e->sweep, i);
        ssmq_json_put_real(&w, "seconds", r->seconds);
        put_bytes(&w, "memory_bytes", r->memory);
        ssmq_json_put_bool(&w, "memory_computed", r->computed);
        put_bytes(&w, "disk_bytes", r->disk);
        ssmq_json_put_int(&w, "like", r->like);
        ssmq_json_put_bool(&w, "probed", r->tried);
        put_cached(&w, r);
        ssmq_json_end_object(&w);
    }
    ssmq_json_end_array(&w);
    ssmq_json_begin_object(&w, "to_run");
    ssmq_json_put_int(&w, "runs", f->n[SSMQ_DUE_TO_RUN] + f->n[SSMQ_DUE_TO_RESUME]);
    ssmq_json_put_int(&w, "begun", f->n[SSMQ_DUE_TO_RESUME]);
    ssmq_json_put_int(&w, "probed", f->tried);
    ssmq_json_put_real(&w, "probe_seconds", f->trial_s);
    ssmq_json_put_int(&w, "unknown", f->unknown);
    ssmq_json_put_real(&w, "seconds", f->seconds);
    put_bytes(&w, "memory_bytes", f->memory);
    put_bytes(&w, "disk_bytes", f->disk);
    put_bytes(&w, "journal_bytes", f->journal);
    ssmq_json_put_int(&w, "cache_bytes", f->hidden + f->cached);
    put_bytes(&w, "free_bytes", f->free);
    if (f->free < 0) ssmq_json_put_null(&w, "room");
    else ssmq_json_put_bool(&w, "room", ssmq_forecast_room(f) <= f->free);
    ssmq_json_end_object(&w);
    ssmq_json_put_int(&w, "excluded", e->sweep.excluded);
    ssmq_json_end_object(&w);
}

/* ---- shell ------------------------------------------------------------------------------- */

static void put_shell(const ssmq_experiment *e, const ssmq_forecast *f, const char *folder, ssmq_str *out)
{
    for (int32_t i = 0; i < e->n_run; i++) {
        if (f->run[i].due != SSMQ_DUE_TO_RUN && f->run[i].due != SSMQ_DUE_TO_RESUME) continue;
        ssmq_str_puts(out, "ssmq run --out");
        ssmq_shell_word(folder, out);
        for (int32_t k = 0; k < e->n_override; k++) {
            ssmq_str_puts(out, " --set");
            ssmq_shell_word(e->override[k], out);
        }
        ssmq_str_printf(out, " --only %s --", e->run[i].id);
        ssmq_shell_word(e->path, out);
        ssmq_str_puts(out, "\n");
    }
}

/* ---- the command --------------------------------------------------------------------------- */

static ssmq_status plan(const plan_options *o, const ssmq_experiment *e, const ssmq_catalogue *cat, FILE *out)
{
    ssmq_arena   *arena = ssmq_arena_new();
    ssmq_str      text = {0};
    ssmq_places   places;
    ssmq_forecast f;
    ssmq_status   st = ssmq_places_find(o->out, true, arena, &places);
    if (st == SSMQ_OK) {
        const ssmq_forecast_request request = {.out = places.out, .cache = places.cache, .workers = o->workers, .trial_s = o->probe};
        st = ssmq_forecast_make(e, cat, &request, arena, &f);
    }
    if (st == SSMQ_OK) {
        switch (o->format) {
        case FORMAT_JSON: put_json(e, &f, &text); break;
        case FORMAT_SHELL: put_shell(e, &f, places.out, &text); break;
        default: put_text(e, &f, o->workers, arena, &text); break;
        }
    }
    fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
    return st;
}

static ssmq_status plan_run(const void *options, int n_operand, const char *const *operand,
                            const ssmq_catalogue *cat, FILE *out)
{
    const plan_options *o = options;
    ssmq_experiment    *e;
    (void)n_operand;
    SSMQ_TRY(ssmq_command_read(operand[0], o->set, cat, &e));
    const ssmq_status st = plan(o, e, cat, out);
    ssmq_experiment_free(e);
    return st;
}

const ssmq_command ssmq_command_plan = {
    .name = "plan",
    .operands = "FILE",
    .help = "say which runs of an experiment are finished, and what the others will take",
    .options = plan_table,
    .options_size = sizeof(plan_options),
    .run = plan_run,
};
