/* What was read, written out in full: the mappings that are printed and hashed. */
#include <stdio.h>
#include "harness/run/experiment/loader.h"

static ssmq_yaml *text_at(ssmq_loader *ld, const char *text, const ssmq_yaml *given)
{
    return ssmq_yaml_scalar_at(ld->arena, text, true, given);
}

static ssmq_yaml *number(ssmq_loader *ld, int64_t value)
{
    return ssmq_yaml_scalar(ld->arena, ssmq_arena_printf(ld->arena, "%lld", (long long)value),
                            false);
}

static ssmq_yaml *map_new(ssmq_loader *ld)
{
    return ssmq_yaml_new(ld->arena, SSMQ_YAML_MAP);
}

static ssmq_yaml *list_new(ssmq_loader *ld)
{
    return ssmq_yaml_new(ld->arena, SSMQ_YAML_LIST);
}

static void put(ssmq_loader *ld, ssmq_yaml *map, const char *key, ssmq_yaml *value,
                ssmq_yaml_view view)
{
    value->view = view;
    ssmq_yaml_put(ld->arena, map, key, value);
}

/* Adds what a table says of a struct. */
static void put_options(ssmq_loader *ld, ssmq_yaml *map, const ssmq_option *table,
                        const void *options, const ssmq_yaml *given)
{
    const ssmq_yaml *all = ssmq_options_tree(&ld->options, table, options, given);
    for (int32_t i = 0; i < all->n; i++)
        ssmq_yaml_append(ld->arena, map, all->key[i], all->value[i]);
}

/* ---- sections -------------------------------------------------------------------------- */

static ssmq_yaml *data_tree(ssmq_loader *ld, const ssmq_data_draft *d)
{
    ssmq_yaml       *map = map_new(ld);
    const ssmq_yaml *file = ssmq_yaml_get(d->given, "file");
    const char      *digest = ssmq_loader_digest(ld, d->data.file, file);
    put(ld, map, "file", text_at(ld, file->text, file), SSMQ_YAML_SHOWN);
    if (digest) put(ld, map, "file", text_at(ld, digest, NULL), SSMQ_YAML_HASHED);
    put(ld, map, "format",
        text_at(ld, ssmq_data_formats[d->data.format], ssmq_yaml_get(d->given, "format")),
        SSMQ_YAML_BOTH);
    if (d->data.subset)
        put(ld, map, "subset", text_at(ld, d->data.subset, ssmq_yaml_get(d->given, "subset")),
            SSMQ_YAML_BOTH);
    return map;
}

static ssmq_yaml *calibration_tree(ssmq_loader *ld)
{
    const ssmq_calibration_draft *c = &ld->draft.calibration;
    ssmq_yaml                    *map = map_new(ld);
    put(ld, map, "data", data_tree(ld, &c->data), SSMQ_YAML_BOTH);
    put_options(ld, map, ssmq_schema_calibration, c, c->given);
    ssmq_yaml_get(map, "batch")->view = SSMQ_YAML_SHOWN; /* no number depends on it */
    return map;
}

/* What decides which documents calibration takes: with dialect disjoint a float run depends on it too. */
static ssmq_yaml *without_tree(ssmq_loader *ld)
{
    static const char *const keys[] = {"select", "count", "seed", NULL};
    const ssmq_yaml         *all = calibration_tree(ld);
    ssmq_yaml               *map = map_new(ld);
    for (int i = 0; keys[i]; i++) {
        ssmq_yaml *v = ssmq_yaml_get(all, keys[i]);
        if (v) put(ld, map, keys[i], v, SSMQ_YAML_HASHED);
    }
    return map;
}

static ssmq_yaml *evaluations_tree(ssmq_loader *ld)
{
    ssmq_yaml *list = list_new(ld);
    for (int32_t i = 0; i < ld->draft.n_evaluation; i++) {
        const ssmq_evaluation_draft *e = &ld->draft.evaluation[i];
        ssmq_yaml                   *map = map_new(ld);
        put_options(ld, map, ssmq_schema_evaluation, e, e->given);
        if (e->state_reset == 0) ssmq_yaml_get(map, "state_reset")->view = SSMQ_YAML_SHOWN; /* ids are as they were without it */
        put(ld, map, "data", data_tree(ld, &e->data), SSMQ_YAML_BOTH);
        if (ssmq_loader_leaves_out(ld, e)) put(ld, map, "without", without_tree(ld), SSMQ_YAML_HASHED);
        ssmq_yaml_append(ld->arena, list, NULL, map);
    }
    for (int32_t i = 0; i < ld->draft.n_profile; i++) {
        ssmq_yaml *map = map_new(ld);
        put_options(ld, map, ssmq_schema_profile, &ld->draft.profile[i], ld->draft.profile[i].given);
        ssmq_yaml_append(ld->arena, list, NULL, map);
    }
    return list;
}

/* The words whose bits are set, in their own order. */
static void put_words(ssmq_loader *ld, ssmq_yaml *map, const char *key, const char *const *words,
                      uint32_t bits, const ssmq_yaml *mapping)
{
    ssmq_yaml       *list = list_new(ld);
    const ssmq_yaml *given = ssmq_yaml_get(mapping, key);
    for (int i = 0; words[i]; i++)
        if (bits >> i & 1) ssmq_yaml_append(ld->arena, list, NULL, text_at(ld, words[i], given));
    if (given) {
        list->place = given->place;
        list->line = given->line;
    }
    put(ld, map, key, list, SSMQ_YAML_BOTH);
}

static ssmq_yaml *interactions_tree(ssmq_loader *ld)
{
    const ssmq_compare_draft *c = &ld->draft.compare;
    const ssmq_yaml          *given = ssmq_yaml_get(c->given, "interactions");
    ssmq_yaml                *list = list_new(ld);
    for (int32_t i = 0; i < c->n_interaction; i++) {
        ssmq_yaml *pair = list_new(ld);
        ssmq_yaml_append(ld->arena, pair, NULL, text_at(ld, c->interaction[i].a, given));
        ssmq_yaml_append(ld->arena, pair, NULL, text_at(ld, c->interaction[i].b, given));
        ssmq_yaml_append(ld->arena, list, NULL, pair);
    }
    return list;
}

/* One baseline stands as a word, as it did when there was only one: ids of runs depend on it. */
static ssmq_yaml *compare_tree(ssmq_loader *ld, uint32_t against)
{
    const ssmq_compare_draft *c = &ld->draft.compare;
    ssmq_yaml                *map = map_new(ld);
    put_words(ld, map, "against", ssmq_baselines, against, c->given);
    ssmq_yaml *list = ssmq_yaml_get(map, "against");
    if (list->n == 1) *list = *list->value[0];
    put_options(ld, map, ssmq_schema_compare, c, c->given);
    put_words(ld, map, "metrics", ssmq_metrics, c->metrics, c->given);
    put_words(ld, map, "inputs", ssmq_error_inputs, c->inputs, c->given);
    if (c->n_interaction > 0) put(ld, map, "interactions", interactions_tree(ld), SSMQ_YAML_BOTH);
    return map;
}

static ssmq_yaml *quantiles_tree(ssmq_loader *ld, const ssmq_statistics_draft *s)
{
    static const ssmq_option table[] = {{"p", 0, SSMQ_OPTION_REAL, NULL, 0, 100, NULL, ""}, {0}};
    const ssmq_yaml         *given = s->quantiles_given;
    if (s->n_quantile == 0) return text_at(ld, "off", given);
    ssmq_yaml *list = list_new(ld);
    for (int32_t i = 0; i < s->n_quantile; i++) {
        ssmq_yaml *one = ssmq_options_tree(&ld->options, table, &s->quantile[i], NULL);
        ssmq_yaml_append(ld->arena, list, NULL, one->value[0]);
    }
    if (given) {
        list->place = given->place;
        list->line = given->line;
    }
    return list;
}

static ssmq_yaml *collect_tree(ssmq_loader *ld)
{
    const ssmq_collect_draft    *c = &ld->draft.collect;
    const ssmq_statistics_draft *s = &c->statistics;
    ssmq_yaml                   *map = map_new(ld), *statistics = map_new(ld), *dump = map_new(ld);
    if (s->on) {
        put_options(ld, map, ssmq_schema_collect, c, c->given);
        put(ld, statistics, "quantiles", quantiles_tree(ld, s), SSMQ_YAML_BOTH);
        put_options(ld, statistics, ssmq_schema_statistics, s, s->given);
        if (!s->states) ssmq_yaml_get(statistics, "states")->view = SSMQ_YAML_SHOWN; /* ids are as they were without it */
    } else {
        statistics = text_at(ld, "off", s->given);
    }
    put(ld, map, "statistics", statistics, SSMQ_YAML_BOTH);
    if (!c->dump.given) return map;
    put_options(ld, dump, ssmq_schema_dump, &c->dump, c->dump.given);
    ssmq_yaml_get(dump, "limit")->view = SSMQ_YAML_SHOWN; /* it refuses, and changes nothing that is stored */
    put(ld, map, "dump", dump, SSMQ_YAML_BOTH);
    return map;
}

static ssmq_yaml *step_tree(ssmq_loader *ld, const ssmq_step_draft *s, bool with_enabled)
{
    ssmq_yaml       *map = map_new(ld);
    const ssmq_yaml *id = ssmq_yaml_get(s->given, "id"),
                    *enabled = ssmq_yaml_get(s->given, "enabled");
    put(ld, map, "id", text_at(ld, s->id, id), SSMQ_YAML_BOTH);
    put(ld, map, "method", text_at(ld, s->method->name, ssmq_yaml_get(s->given, "method")),
        SSMQ_YAML_BOTH);
    if (with_enabled)
        put(ld, map, "enabled",
            ssmq_yaml_scalar_at(ld->arena, s->enabled ? "true" : "false", false, enabled),
            SSMQ_YAML_BOTH);
    put_options(ld, map, s->method->options, s->options, s->given);
    return map;
}

/* all: disabled steps too. */
static ssmq_yaml *recipe_tree(ssmq_loader *ld, const ssmq_recipe_draft *r, bool all)
{
    ssmq_yaml *list = list_new(ld);
    for (int32_t i = 0; i < r->n_step; i++)
        if (all || r->step[i].enabled)
            ssmq_yaml_append(ld->arena, list, NULL, step_tree(ld, &r->step[i], all));
    return list;
}

/* seed: how it is shown; no number of a float run depends on it. */
static ssmq_yaml *run_section(ssmq_loader *ld, ssmq_yaml_view seed)
{
    const ssmq_draft      *d = &ld->draft;
    const ssmq_run_options o = {
        .seed = d->run.seed,
        .threads = d->run.threads,
        .keep_hidden = d->run.keep_hidden,
        .keep_ranges = d->run.keep_ranges};
    const ssmq_yaml       *given = d->run.backend_given;
    const bool             named = given && given->kind == SSMQ_YAML_MAP;
    ssmq_yaml             *map = map_new(ld), *backend = map_new(ld);
    put_options(ld, map, ssmq_schema_run, &o, d->run.given);
    if (d->n_profile == 0) ssmq_yaml_get(map, "threads")->view = SSMQ_YAML_SHOWN; /* only times depend on it */
    ssmq_yaml_get(map, "keep_hidden")->view = SSMQ_YAML_SHOWN;
    ssmq_yaml_get(map, "keep_ranges")->view = SSMQ_YAML_SHOWN;
    ssmq_yaml_get(map, "seed")->view = seed;
    put(ld, backend, "name",
        text_at(ld, d->run.backend->name, named ? ssmq_yaml_get(given, "name") : given),
        SSMQ_YAML_BOTH);
    put_options(ld, backend, d->run.backend->options, d->run.backend_options, named ? given : NULL);
    put(ld, map, "backend", backend, SSMQ_YAML_BOTH);
    return map;
}

static void put_heading(ssmq_loader *ld, ssmq_yaml *map)
{
    const ssmq_draft *d = &ld->draft;
    ssmq_yaml        *version = number(ld, SSMQ_SCHEMA_VERSION);
    const ssmq_yaml  *given = ssmq_yaml_get(ld->root, "ssmq");
    version->place = given->place;
    version->line = given->line;
    put(ld, map, "ssmq", version, SSMQ_YAML_BOTH);
    put(ld, map, "numerics", number(ld, SSMQ_NUMERICS_VERSION), SSMQ_YAML_HASHED);
    put(ld, map, "name", text_at(ld, d->name->text, d->name), SSMQ_YAML_SHOWN);
    if (d->question)
        put(ld, map, "question", text_at(ld, d->question->text, d->question), SSMQ_YAML_SHOWN);
}

/* ---- whole trees ----------------------------------------------------------------------- */

ssmq_yaml *ssmq_run_tree(ssmq_loader *ld, ssmq_mode mode, const ssmq_recipe_draft *recipe,
                         bool calibrated, ssmq_yaml *model)
{
    ssmq_yaml *map = map_new(ld);
    put_heading(ld, map);
    put(ld, map, "model", model, SSMQ_YAML_BOTH);
    if (calibrated) put(ld, map, "calibration", calibration_tree(ld), SSMQ_YAML_BOTH);
    put(ld, map, "mode", text_at(ld, ssmq_modes[mode], NULL), SSMQ_YAML_BOTH);
    if (recipe && recipe->name) { /* the name is for people: what is hashed has none */
        ssmq_yaml *named = map_new(ld);
        put(ld, named, recipe->name, recipe_tree(ld, recipe, false), SSMQ_YAML_BOTH);
        put(ld, map, "recipes", named, SSMQ_YAML_SHOWN);
    }
    if (recipe)
        put(ld, map, "recipe", recipe_tree(ld, recipe, false),
            recipe->name ? SSMQ_YAML_HASHED : SSMQ_YAML_BOTH);
    put(ld, map, "evaluate", evaluations_tree(ld), SSMQ_YAML_BOTH);
    const uint32_t against = ssmq_loader_against(&ld->draft, mode);
    if (against) put(ld, map, "compare", compare_tree(ld, against), SSMQ_YAML_BOTH); /* it changes what the run leaves */
    if (ld->draft.collect.given) put(ld, map, "collect", collect_tree(ld), SSMQ_YAML_BOTH);
    put(ld, map, "run", run_section(ld, mode == SSMQ_MODE_FLOAT ? SSMQ_YAML_SHOWN : SSMQ_YAML_BOTH),
        SSMQ_YAML_BOTH);
    return map;
}

static void put_recipes(ssmq_loader *ld, ssmq_yaml *map)
{
    const ssmq_draft *d = &ld->draft;
    if (d->n_recipe == 0) return;
    if (!d->recipe[0].name) {
        put(ld, map, "recipe", recipe_tree(ld, &d->recipe[0], true), SSMQ_YAML_BOTH);
        return;
    }
    ssmq_yaml *all = map_new(ld);
    for (int32_t i = 0; i < d->n_recipe; i++)
        put(ld, all, d->recipe[i].name, recipe_tree(ld, &d->recipe[i], true), SSMQ_YAML_BOTH);
    put(ld, map, "recipes", all, SSMQ_YAML_BOTH);
}

ssmq_yaml *ssmq_experiment_tree(ssmq_loader *ld)
{
    const ssmq_draft *d = &ld->draft;
    ssmq_yaml        *map = map_new(ld), *modes = list_new(ld);
    put_heading(ld, map);
    const bool samples = ssmq_loader_observes(ld) || d->collect.needs_samples;
    const bool text = ssmq_loader_reads_text(ld, samples) != NULL;
    put(ld, map, "model", ssmq_model_tree(ld, text), SSMQ_YAML_BOTH);
    if (d->calibration.given) put(ld, map, "calibration", calibration_tree(ld), SSMQ_YAML_BOTH);
    for (int32_t i = 0; i < d->n_mode; i++)
        ssmq_yaml_append(ld->arena, modes, NULL,
                         text_at(ld, ssmq_modes[d->mode[i]], d->mode_given[i]));
    modes->place = d->mode_given[0]->place;
    modes->line = d->mode_given[0]->line;
    put(ld, map, "mode", modes, SSMQ_YAML_BOTH);
    put_recipes(ld, map);
    put(ld, map, "evaluate", evaluations_tree(ld), SSMQ_YAML_BOTH);
    if (d->compare.given) put(ld, map, "compare", compare_tree(ld, d->compare.against), SSMQ_YAML_BOTH);
    if (d->collect.given) put(ld, map, "collect", collect_tree(ld), SSMQ_YAML_BOTH);
    put(ld, map, "run", run_section(ld, SSMQ_YAML_BOTH), SSMQ_YAML_BOTH);
    if (ld->sweep.given)
        ssmq_yaml_put(ld->arena, map, "sweep", (ssmq_yaml *)(uintptr_t)ld->sweep.given);
    if (ssmq_yaml_get(ld->root, "launch"))
        ssmq_yaml_put(ld->arena, map, "launch", ssmq_yaml_get(ld->root, "launch"));
    if (ld->n_expect > 0) ssmq_yaml_put(ld->arena, map, "expect", ssmq_yaml_get(ld->root, "expect"));
    return map;
}
