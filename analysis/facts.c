#include "analysis/facts.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "harness/base/yaml.h"
#include "harness/store/score_figures.h"

const char *const ssmq_fact_sections[] = {"configuration", "inputs", "build", "host", "results"};

typedef struct gatherer {
    ssmq_arena *arena;
    ssmq_facts *out;
} gatherer;

static void add(gatherer *g, ssmq_fact_section section, const char *key, const char *value)
{
    ssmq_facts *f = g->out;
    if (f->n == f->capacity) {
        const int32_t wide = f->capacity ? 2 * f->capacity : 128;
        ssmq_fact    *more = SSMQ_ARENA_ARRAY(g->arena, ssmq_fact, wide);
        if (f->n) memcpy(more, f->fact, (size_t)f->n * sizeof *more);
        f->fact = more;
        f->capacity = wide;
    }
    f->fact[f->n++] = (ssmq_fact){section, key, value};
}

static const char *join(gatherer *g, const char *path, const char *key)
{
    return *path ? ssmq_arena_printf(g->arena, "%s.%s", path, key) : key;
}

/* ---- the configuration ----------------------------------------------------------------- */

/* Elements of lists are known by their id; steps without one by their method. */
static const char *element_name(gatherer *g, const ssmq_yaml *element, int32_t i)
{
    const ssmq_yaml *id = ssmq_yaml_get(element, "id");
    if (!id) id = ssmq_yaml_get(element, "method");
    return id && id->kind == SSMQ_YAML_SCALAR ? id->text : ssmq_arena_printf(g->arena, "%" PRId32, i);
}

static bool has_parts(const ssmq_yaml *v)
{
    for (int32_t i = 0; i < v->n; i++)
        if (v->value[i]->kind != SSMQ_YAML_SCALAR) return true;
    return false;
}

/* The id that is the end of the path already. */
static bool is_own_name(const ssmq_yaml *v, int32_t i, const char *path)
{
    const char *last = strrchr(path, '.');
    return v->key && strcmp(v->key[i]->text, "id") == 0 && last && v->value[i]->kind == SSMQ_YAML_SCALAR &&
           strcmp(last + 1, v->value[i]->text) == 0;
}

/* Of recipes a run has its own: its steps are known by their ids, whatever it is called; its name is a fact by itself. */
static void add_tree(gatherer *g, const ssmq_yaml *v, const char *path)
{
    ssmq_str   line = {0};
    const bool recipes = strcmp(path, "recipes") == 0;
    if (v->kind == SSMQ_YAML_MAP || (v->kind == SSMQ_YAML_LIST && has_parts(v))) {
        for (int32_t i = 0; i < v->n; i++) {
            const char *name = v->key ? v->key[i]->text : element_name(g, v->value[i], i);
            if (is_own_name(v, i, path)) continue;
            if (recipes) add(g, SSMQ_FACT_CONFIGURATION, SSMQ_FACT_RECIPE, name);
            add_tree(g, v->value[i], recipes ? SSMQ_FACT_RECIPE : join(g, path, name));
        }
        return;
    }
    if (v->kind == SSMQ_YAML_SCALAR) ssmq_str_puts(&line, v->text);
    else ssmq_yaml_json(v, &line);
    add(g, SSMQ_FACT_CONFIGURATION, path, ssmq_arena_strdup(g->arena, ssmq_str_text(&line)));
    ssmq_str_free(&line);
}

static ssmq_status add_configuration(gatherer *g, const char *folder)
{
    const char  *path = ssmq_arena_printf(g->arena, "%s/resolved.yaml", folder);
    ssmq_diag   *diag = ssmq_diag_new();
    ssmq_origin *origin = ssmq_origin_open(g->arena, path, (ssmq_place){0}, diag);
    ssmq_yaml   *root = origin ? ssmq_yaml_parse(g->arena, origin, 0, diag) : NULL;
    const bool   fine = root && ssmq_diag_errors(diag) == 0;
    ssmq_diag_free(diag);
    if (!fine) return SSMQ_FAIL(DAMAGED, "%s: is missing or no YAML", path);
    add_tree(g, root, "");
    return SSMQ_OK;
}

/* ---- the manifest ---------------------------------------------------------------------- */

static const char *text_of(gatherer *g, const json_t *v)
{
    if (json_is_string(v)) return ssmq_arena_strdup(g->arena, json_string_value(v));
    char       *text = json_dumps(v, JSON_ENCODE_ANY);
    const char *copy = ssmq_arena_strdup(g->arena, text ? text : "");
    free(text);
    return copy;
}

static void add_json(gatherer *g, ssmq_fact_section section, json_t *v, const char *path)
{
    const char *key;
    json_t     *part;
    if (!json_is_object(v)) {
        add(g, section, path, text_of(g, v));
        return;
    }
    json_object_foreach(v, key, part)
        add_json(g, section, part, join(g, path, ssmq_arena_strdup(g->arena, key)));
}

static void add_inputs(gatherer *g, json_t *inputs)
{
    json_t *each;
    size_t  i;
    json_array_foreach(inputs, i, each)
        add(g, SSMQ_FACT_INPUTS, text_of(g, json_object_get(each, "role")),
            text_of(g, json_object_get(each, "sha256")));
}

/* Of the numbers, the processor is the host's; the rest is how the program was built. */
static void add_manifest(gatherer *g, json_t *manifest)
{
    static const char *const moment[] = {"host", "os", "kernel", "cores", "memory_bytes", "threads"};
    json_t     *numbers = json_object_get(manifest, "numbers"), *part;
    const char *key;
    json_object_foreach(numbers, key, part)
    {
        const bool host = ssmq_str_starts(key, "cpu");
        if (strcmp(key, "inputs") == 0) add_inputs(g, part);
        else add_json(g, host ? SSMQ_FACT_HOST : SSMQ_FACT_BUILD, part, ssmq_arena_strdup(g->arena, key));
    }
    for (size_t i = 0; i < sizeof moment / sizeof *moment; i++) {
        part = json_object_get(json_object_get(manifest, "moment"), moment[i]);
        if (part) add_json(g, SSMQ_FACT_HOST, part, moment[i]);
    }
}

/* ---- results ---------------------------------------------------------------------------- */

static void add_number(gatherer *g, const char *path, const char *key, double value)
{
    char text[SSMQ_REAL_TEXT];
    ssmq_real_text(value, text);
    add(g, SSMQ_FACT_RESULTS, join(g, path, key), ssmq_arena_strdup(g->arena, text));
}

static void add_results(gatherer *g, const ssmq_summary *s)
{
    add(g, SSMQ_FACT_RESULTS, "status", s->status);
    if (s->reason) add(g, SSMQ_FACT_RESULTS, "reason", s->reason);
    for (int32_t i = 0; i < s->n_evaluation; i++) {
        const ssmq_evaluation_score *e = &s->evaluation[i];
        const char                  *path = join(g, "evaluate", e->id);
        char                         reset[SSMQ_RESET_TEXT];
        add(g, SSMQ_FACT_RESULTS, join(g, path, "dialect"), e->dialect);
        add(g, SSMQ_FACT_RESULTS, join(g, path, "windows"),
            ssmq_arena_printf(g->arena, "%" PRId64 " of %" PRId64 " tokens%s", e->score.windows, e->window,
                              ssmq_reset_text(e->state_reset, reset)));
        add_number(g, path, "ppl", e->score.ppl);
        add_number(g, path, "ppl_se", e->score.ppl_se);
        add_number(g, path, "nll", e->score.nll);
    }
}

ssmq_status ssmq_facts_of(const ssmq_stored_run *run, ssmq_arena *arena, ssmq_facts *out)
{
    gatherer g = {.arena = arena, .out = out};
    *out = (ssmq_facts){0};
    SSMQ_TRY(add_configuration(&g, run->path));
    if (run->manifest.root) add_manifest(&g, run->manifest.root);
    add_results(&g, &run->summary);
    return SSMQ_OK;
}

const char *ssmq_fact_value(const ssmq_facts *f, ssmq_fact_section section, const char *key)
{
    for (int32_t i = 0; i < f->n; i++)
        if (f->fact[i].section == section && strcmp(f->fact[i].key, key) == 0) return f->fact[i].value;
    return NULL;
}
