/* ssmq list: what an experiment may name, and what runs there are. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/json.h"
#include "harness/base/table.h"
#include "harness/cli/commands.h"
#include "harness/cli/parse.h"
#include "harness/data/checkpoint.h"
#include "harness/run/experiment/catalogue.h"
#include "harness/store/overview.h"

#define PAGE_WIDTH 80

typedef struct list_options {
    const char *model;
    int         format; /* index into formats */
} list_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };

static const ssmq_option list_table[] = {
    {"model", offsetof(list_options, model), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "directory of a checkpoint, whose sites are listed; without it those of each family, for a "
     "layer N of an example"},
    {"format", offsetof(list_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats,
     "how to print"},
    {0},
};

/* ---- options of a method or observer ---------------------------------------------------- */

static const char *const types[] = {
    [SSMQ_OPTION_BOOL] = "bool",         [SSMQ_OPTION_INT] = "int",
    [SSMQ_OPTION_REAL] = "real",         [SSMQ_OPTION_TEXT] = "text",
    [SSMQ_OPTION_CHOICE] = "choice",     [SSMQ_OPTION_SITES] = "sites",
    [SSMQ_OPTION_OBSERVER] = "observer", [SSMQ_OPTION_LIST] = "list",
    [SSMQ_OPTION_SIZE] = "size",
};

static bool has_range(const ssmq_option *o)
{
    return o->type == SSMQ_OPTION_INT || o->type == SSMQ_OPTION_REAL;
}

#define NAME_WIDTH 16 /* of the column of names */

static void row_text(const char *name, const char *text, ssmq_str *out)
{
    ssmq_str_printf(out, "  %-*s", NAME_WIDTH, name);
    ssmq_text_wrap(text, NAME_WIDTH + 2, NAME_WIDTH + 2, PAGE_WIDTH, out);
}

static void option_text(const ssmq_option *o, ssmq_str *out)
{
    ssmq_str line = {0};
    ssmq_str_printf(&line, "%s", o->help);
    if (has_range(o)) ssmq_str_printf(&line, ", %.10g to %.10g", o->min, o->max);
    const char *before = has_range(o) ? " or " : ": ";
    for (int i = 0; o->choices && o->choices[i]; i++, before = "|")
        ssmq_str_printf(&line, "%s%s", before, o->choices[i]);
    if (o->fallback) ssmq_str_printf(&line, " (default: %s)", o->fallback);
    else ssmq_str_puts(&line, " (required)");
    row_text(o->name, ssmq_str_text(&line), out);
    ssmq_str_free(&line);
}

static void option_json(const ssmq_option *o, ssmq_json_writer *w)
{
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "name", o->name);
    ssmq_json_put_text(w, "type", types[o->type]);
    ssmq_json_put_text(w, "default", o->fallback);
    if (has_range(o)) {
        ssmq_json_put_real(w, "min", o->min);
        ssmq_json_put_real(w, "max", o->max);
    }
    if (o->choices) {
        ssmq_json_begin_array(w, "choices");
        for (int i = 0; o->choices[i]; i++) ssmq_json_put_text(w, NULL, o->choices[i]);
        ssmq_json_end_array(w);
    }
    ssmq_json_put_text(w, "help", o->help);
    ssmq_json_end_object(w);
}

static void options_json(const ssmq_option *table, ssmq_json_writer *w)
{
    ssmq_json_begin_array(w, "options");
    for (const ssmq_option *o = table; o && o->name; o++) option_json(o, w);
    ssmq_json_end_array(w);
}

/* A heading line, where it is from, its options. */
static void entry_text(const char *name, const char *help, const char *source,
                       const ssmq_option *table, ssmq_str *out)
{
    ssmq_str_printf(out, "%s%s", name, help ? ": " : "");
    const int32_t width = (int32_t)strlen(name) + 2;
    if (help) ssmq_text_wrap(help, width, 2, PAGE_WIDTH, out);
    else ssmq_str_puts(out, "\n");
    row_text("source", source, out);
    for (const ssmq_option *o = table; o && o->name; o++) option_text(o, out);
}

/* ---- methods --------------------------------------------------------------------------- */

static const char *const kinds[] = {
    [SSMQ_SITE_WEIGHT] = "weight",
    [SSMQ_SITE_ACTIVATION] = "activation",
    [SSMQ_SITE_STATE] = "state",
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

static void method_text(const ssmq_method *m, ssmq_str *out)
{
    entry_text(m->name, m->help, m->source, NULL, out);
    ssmq_str takes = {0};
    for (size_t k = 0; k < N_KINDS; k++)
        if (m->kinds & (1u << k)) ssmq_str_printf(&takes, "%s sites", kinds[k]);
    if (m->op) ssmq_str_printf(&takes, " of op %s", m->op);
    if (m->linear) ssmq_str_puts(&takes, " that a linear layer reads");
    if (m->sites == SSMQ_METHOD_NO_SITES) ssmq_str_puts(&takes, "no sites: the model as a whole");
    row_text("takes", ssmq_str_text(&takes), out);
    ssmq_str_free(&takes);
    for (const ssmq_option *o = m->options; o && o->name; o++) option_text(o, out);
}

static void method_json(const ssmq_method *m, ssmq_json_writer *w)
{
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "name", m->name);
    ssmq_json_put_text(w, "help", m->help);
    ssmq_json_put_text(w, "source", m->source);
    ssmq_json_begin_array(w, "kinds");
    for (size_t k = 0; k < N_KINDS; k++)
        if (m->kinds & (1u << k)) ssmq_json_put_text(w, NULL, kinds[k]);
    ssmq_json_end_array(w);
    ssmq_json_put_text(w, "op", m->op);
    ssmq_json_put_bool(w, "keeps_float", m->keeps_float);
    options_json(m->options, w);
    ssmq_json_end_object(w);
}

static void methods_text(const ssmq_catalogue *cat, ssmq_str *out)
{
    for (int i = 0; cat->methods[i]; i++) {
        if (i) ssmq_str_puts(out, "\n");
        method_text(cat->methods[i], out);
    }
}

static void methods_json(const ssmq_catalogue *cat, ssmq_json_writer *w)
{
    ssmq_json_begin_array(w, "methods");
    for (int i = 0; cat->methods[i]; i++) method_json(cat->methods[i], w);
    ssmq_json_end_array(w);
}

/* ---- observers, models ----------------------------------------------------------------- */

static void part_json(const char *name, const char *source, const ssmq_option *table,
                      ssmq_json_writer *w)
{
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "name", name);
    ssmq_json_put_text(w, "source", source);
    options_json(table, w);
    ssmq_json_end_object(w);
}

static void observers_text(const ssmq_catalogue *cat, ssmq_str *out)
{
    ssmq_str_puts(out, "statistic: what is taken of each sample\n\n");
    for (int i = 0; cat->statistics[i]; i++) {
        const ssmq_statistic *s = cat->statistics[i];
        entry_text(s->name, NULL, s->source, s->options, out);
    }
    ssmq_str_puts(out, "\nacross: how the samples become one range\n\n");
    for (int i = 0; cat->across[i]; i++) {
        const ssmq_across *a = cat->across[i];
        entry_text(a->name, NULL, a->source, a->options, out);
    }
}

static void observers_json(const ssmq_catalogue *cat, ssmq_json_writer *w)
{
    ssmq_json_begin_array(w, "statistics");
    for (int i = 0; cat->statistics[i]; i++) {
        const ssmq_statistic *s = cat->statistics[i];
        part_json(s->name, s->source, s->options, w);
    }
    ssmq_json_end_array(w);
    ssmq_json_begin_array(w, "across");
    for (int i = 0; cat->across[i]; i++) {
        const ssmq_across *a = cat->across[i];
        part_json(a->name, a->source, a->options, w);
    }
    ssmq_json_end_array(w);
}

static void models_text(const ssmq_catalogue *cat, ssmq_str *out)
{
    static const char *const heading[] = {"family", "source"};
    ssmq_table              *t = ssmq_table_new(2, heading);
    for (int i = 0; cat->families[i]; i++)
        ssmq_table_row(t, (const char *const[]){cat->families[i]->name, cat->families[i]->source});
    ssmq_table_print(t, out);
    ssmq_table_free(t);
}

static void models_json(const ssmq_catalogue *cat, ssmq_json_writer *w)
{
    ssmq_json_begin_array(w, "models");
    for (int i = 0; cat->families[i]; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "name", cat->families[i]->name);
        ssmq_json_put_text(w, "source", cat->families[i]->source);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
}

/* ---- sites ----------------------------------------------------------------------------- */

/* The site's name; of an example the layer's number is the letter N, and only layer 0 is shown. */
static const char *site_name(ssmq_arena *arena, const ssmq_site *s, bool example)
{
    static const char prefix[] = "layers.0.";
    if (!example || s->layer != 0 || !ssmq_str_starts(s->name, prefix)) return s->name;
    return ssmq_arena_printf(arena, "layers.N.%s", s->name + strlen(prefix));
}

static void sites_text(const ssmq_model *m, bool example, ssmq_str *out)
{
    static const char *const heading[] = {"site", "kind", "op", "width"};
    ssmq_table              *t = ssmq_table_new(example ? 3 : 4, heading);
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *s = &m->site[i];
        char             width[24];
        snprintf(width, sizeof width, "%" PRId64, s->width);
        if (example && s->layer > 0) continue;
        ssmq_table_row(t, (const char *const[]){site_name(m->arena, s, example), kinds[s->kind],
                                                s->op, width});
    }
    ssmq_table_print(t, out);
    ssmq_table_free(t);
}

static void sites_json(const ssmq_model *m, bool example, ssmq_json_writer *w)
{
    ssmq_json_begin_array(w, "sites");
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *s = &m->site[i];
        if (example && s->layer > 0) continue;
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "name", site_name(m->arena, s, example));
        ssmq_json_put_text(w, "kind", kinds[s->kind]);
        ssmq_json_put_text(w, "op", s->op);
        if (!example) {
            ssmq_json_put_int(w, "layer", s->layer);
            ssmq_json_put_int(w, "width", s->width);
        }
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
}

static void model_sites(const ssmq_model *m, bool example, ssmq_str *text, ssmq_json_writer *json)
{
    if (json) {
        ssmq_json_begin_object(json, NULL);
        ssmq_json_put_text(json, "family", m->family->name);
        sites_json(m, example, json);
        ssmq_json_end_object(json);
        return;
    }
    if (example) ssmq_str_printf(text, "%s%s\n\n", text->length ? "\n" : "", m->family->name);
    sites_text(m, example, text);
}

/* Each family's smallest model. */
static ssmq_status example_sites(const ssmq_catalogue *cat, ssmq_str *text, ssmq_json_writer *json)
{
    for (int i = 0; cat->families[i]; i++) {
        const ssmq_family *const only[] = {cat->families[i], NULL};
        const char              *example = cat->families[i]->example;
        ssmq_json                config;
        ssmq_model              *m;
        if (!example) continue;
        SSMQ_TRY(ssmq_json_parse("(example)", example, strlen(example), &config));
        const ssmq_status st = ssmq_model_describe(only, "(example)", &config, &m);
        ssmq_json_close(&config);
        SSMQ_TRY(st);
        model_sites(m, true, text, json);
        ssmq_model_free(m);
    }
    return SSMQ_OK;
}

static ssmq_status checkpoint_sites(const ssmq_catalogue *cat, const char *directory,
                                    ssmq_str *text, ssmq_json_writer *json)
{
    ssmq_json   config;
    ssmq_model *m;
    SSMQ_TRY(ssmq_checkpoint_config(directory, &config));
    const ssmq_status st = ssmq_model_describe(cat->families, directory, &config, &m);
    ssmq_json_close(&config);
    SSMQ_TRY(st);
    model_sites(m, false, text, json);
    ssmq_model_free(m);
    return SSMQ_OK;
}

static ssmq_status list_sites(const ssmq_catalogue *cat, const char *directory, ssmq_str *text,
                              ssmq_json_writer *json)
{
    if (json) ssmq_json_begin_array(json, "models");
    if (directory) SSMQ_TRY(checkpoint_sites(cat, directory, text, json));
    else SSMQ_TRY(example_sites(cat, text, json));
    if (json) ssmq_json_end_array(json);
    return SSMQ_OK;
}

/* ---- runs ------------------------------------------------------------------------------ */

static void runs_text(const ssmq_overview *v, int32_t n, ssmq_str *out)
{
    static const char *const heading[] = {"id", "run", "status", "mode", "recipe", "age", "directory"};
    ssmq_table              *t = ssmq_table_new(7, heading);
    for (int32_t i = 0; i < n; i++) {
        char age[SSMQ_AGE_TEXT];
        ssmq_age_text(v[i].age_s, age);
        ssmq_table_row(t, (const char *const[]){v[i].id, v[i].name, ssmq_overview_state(&v[i]),
                                                v[i].mode ? v[i].mode : "-", v[i].recipe ? v[i].recipe : "-",
                                                age, v[i].path});
    }
    ssmq_table_print(t, out);
    ssmq_table_free(t);
}

static void runs_json(const ssmq_overview *v, int32_t n, ssmq_json_writer *w)
{
    ssmq_json_begin_array(w, "runs");
    for (int32_t i = 0; i < n; i++) ssmq_overview_put(w, &v[i]);
    ssmq_json_end_array(w);
}

/* directory: NULL for the one that `ssmq run` writes into. */
static ssmq_status list_runs(const char *directory, ssmq_str *text, ssmq_json_writer *json)
{
    const char *const variable = getenv("SSMQ_RUNS");
    ssmq_arena       *arena = ssmq_arena_new();
    ssmq_overview    *v;
    int32_t           n = 0;
    if (!directory) directory = variable && *variable ? variable : "runs";
    const ssmq_status st = ssmq_overview_all(directory, arena, &v, &n);
    if (st == SSMQ_OK) {
        if (json) runs_json(v, n, json);
        else runs_text(v, n, text);
    }
    ssmq_arena_free(arena);
    return st;
}

/* ---- the command ----------------------------------------------------------------------- */

static ssmq_status list_what(const char *what, const char *directory, const list_options *o,
                             const ssmq_catalogue *cat, ssmq_str *text, ssmq_json_writer *json)
{
    if (directory && strcmp(what, "runs") != 0)
        return SSMQ_FAIL(USAGE, "a directory goes with 'runs', not with '%s'", what);
    if (strcmp(what, "sites") == 0) return list_sites(cat, o->model, text, json);
    if (o->model)
        return SSMQ_FAIL(USAGE, "option '--model' goes with 'sites', not with '%s'", what);
    if (strcmp(what, "runs") == 0) return list_runs(directory, text, json);
    static const struct {
        const char *name;
        void (*text)(const ssmq_catalogue *cat, ssmq_str *out);
        void (*json)(const ssmq_catalogue *cat, ssmq_json_writer *w);
    } lists[] = {
        {"methods", methods_text, methods_json},
        {"observers", observers_text, observers_json},
        {"models", models_text, models_json},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (strcmp(lists[i].name, what) != 0) continue;
        if (json) lists[i].json(cat, json);
        else lists[i].text(cat, text);
    }
    return SSMQ_OK;
}

static ssmq_status list_run(const void *options, int n_operand, const char *const *operand,
                            const ssmq_catalogue *cat, FILE *out)
{
    const list_options *o = options;
    const bool          json = o->format == FORMAT_JSON;
    ssmq_str            text = {0};
    ssmq_json_writer    w = {.out = &text};
    const char *const   directory = n_operand > 1 ? operand[1] : NULL;
    if (json) ssmq_json_begin_object(&w, NULL);
    const ssmq_status st = list_what(operand[0], directory, o, cat, &text, json ? &w : NULL);
    if (json) ssmq_json_end_object(&w);
    if (st == SSMQ_OK) fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
    return st;
}

const ssmq_command ssmq_command_list = {
    .name = "list",
    .operands = "methods|observers|models|sites|runs [DIR]",
    .help = "what an experiment may name; or the runs in a directory",
    .options = list_table,
    .options_size = sizeof(list_options),
    .run = list_run,
};
