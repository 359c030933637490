/* ssmq plan: what ssmq run would do, and what it would take. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/table.h"
#include "harness/cli/commands.h"
#include "harness/cli/reading.h"
#include "harness/run/forecast.h"

typedef struct plan_options {
    const char        *out;
    const char *const *set;
    int                format; /* index into formats */
} plan_options;

static const char *const formats[] = {"text", "json", "shell", NULL};
enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_SHELL };

static const ssmq_option plan_table[] = {
    {"out", offsetof(plan_options, out), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "directory for results, where finished runs are looked for; else that of SSMQ_RUNS, else runs"},
    {"set", offsetof(plan_options, set), SSMQ_OPTION_LIST, "", 0, 0, NULL,
     "KEY=VALUE: replaces a value, VALUE in YAML"},
    {"format", offsetof(plan_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats,
     "text, JSON, or a command line for each run that is to be made"},
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

static void put_text(const ssmq_experiment *e, const ssmq_forecast *f, ssmq_arena *arena, ssmq_str *out)
{
    static const char *const heading[] = {"run", "id", "state", "time", "memory", "disk"};
    ssmq_table              *t = ssmq_table_new(6, heading);
    bool                     computed = false;
    for (int32_t i = 0; i < e->n_run; i++) {
        const ssmq_forecast_run *r = &f->run[i];
        const bool               none = r->due == SSMQ_DUE_UNSUPPORTED;
        computed = computed || r->computed;
        ssmq_table_row(t, (const char *[]){
                              e->run[i].name,
                              e->run[i].id,
                              ssmq_run_dues[r->due],
                              none ? "-" : seconds_text(arena, r->seconds),
                              none ? "-" : bytes_text(arena, r->memory, r->computed),
                              none ? "-" : bytes_text(arena, r->disk, false),
                          });
    }
    ssmq_table_print(t, out);
    ssmq_table_free(t);
    ssmq_str_printf(out, "\n%d run%s: %d finished, %d to run", e->n_run, e->n_run == 1 ? "" : "s",
                    f->n[SSMQ_DUE_FINISHED], f->n[SSMQ_DUE_TO_RUN]);
    if (f->n[SSMQ_DUE_UNSUPPORTED]) ssmq_str_printf(out, ", %d unsupported", f->n[SSMQ_DUE_UNSUPPORTED]);
    ssmq_str_puts(out, "\n");
    if (f->n[SSMQ_DUE_TO_RUN] == 0) return;
    ssmq_str_printf(out, "to run: time %s%s, peak memory %s, disk %s\n", seconds_text(arena, f->seconds),
                    f->unknown && !isnan(f->seconds)
                        ? ssmq_arena_printf(arena, " and %d run%s of which it is unknown", f->unknown,
                                            f->unknown == 1 ? "" : "s")
                        : "",
                    bytes_text(arena, f->memory, computed), bytes_text(arena, f->disk, false));
    ssmq_str_puts(out, "time and disk are the median, memory the largest, of finished runs with the same model, mode and "
                       "evaluations\n");
    if (computed)
        ssmq_str_puts(out, "memory after ~ was never measured: weights in f32, once more for a recipe, and a block of logits for each "
                           "model; states, activations, calibration and the program come on top\n");
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void put_bytes(ssmq_json_writer *w, const char *key, int64_t bytes)
{
    if (bytes < 0) ssmq_json_put_null(w, key);
    else ssmq_json_put_int(w, key, bytes);
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
        ssmq_json_end_object(&w);
    }
    ssmq_json_end_array(&w);
    ssmq_json_begin_object(&w, "to_run");
    ssmq_json_put_int(&w, "runs", f->n[SSMQ_DUE_TO_RUN]);
    ssmq_json_put_int(&w, "unknown", f->unknown);
    ssmq_json_put_real(&w, "seconds", f->seconds);
    put_bytes(&w, "memory_bytes", f->memory);
    put_bytes(&w, "disk_bytes", f->disk);
    ssmq_json_end_object(&w);
    ssmq_json_put_int(&w, "excluded", e->sweep.excluded);
    ssmq_json_end_object(&w);
}

/* ---- shell ------------------------------------------------------------------------------- */

/* As one word of a POSIX shell. */
static void put_word(ssmq_str *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=@%+";
    ssmq_str_puts(out, " ");
    if (*text && strspn(text, plain) == strlen(text)) {
        ssmq_str_puts(out, text);
        return;
    }
    ssmq_str_puts(out, "'");
    for (; *text; text++) {
        if (*text == '\'') ssmq_str_puts(out, "'\\''");
        else ssmq_str_append(out, text, 1);
    }
    ssmq_str_puts(out, "'");
}

static void put_shell(const ssmq_experiment *e, const ssmq_forecast *f, const char *folder, ssmq_str *out)
{
    for (int32_t i = 0; i < e->n_run; i++) {
        if (f->run[i].due != SSMQ_DUE_TO_RUN) continue;
        ssmq_str_puts(out, "ssmq run --out");
        put_word(out, folder);
        for (int32_t k = 0; k < e->n_override; k++) {
            ssmq_str_puts(out, " --set");
            put_word(out, e->override[k]);
        }
        ssmq_str_printf(out, " --only %s --", e->run[i].id);
        put_word(out, e->path);
        ssmq_str_puts(out, "\n");
    }
}

/* ---- the command --------------------------------------------------------------------------- */

static ssmq_status plan(const plan_options *o, const ssmq_experiment *e, const ssmq_catalogue *cat, FILE *out)
{
    const char *const runs = getenv("SSMQ_RUNS");
    const char       *folder = o->out ? o->out : runs && *runs ? runs : "runs";
    ssmq_arena       *arena = ssmq_arena_new();
    ssmq_str          text = {0};
    ssmq_forecast     f;
    const ssmq_status st = ssmq_forecast_make(e, cat, folder, arena, &f);
    if (st == SSMQ_OK) {
        switch (o->format) {
        case FORMAT_JSON: put_json(e, &f, &text); break;
        case FORMAT_SHELL: put_shell(e, &f, folder, &text); break;
        default: put_text(e, &f, arena, &text); break;
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
    if (o->out && !o->out[0]) return SSMQ_FAIL(USAGE, "--out names no directory");
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
