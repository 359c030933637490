/* Recipes: lists of steps, in place or in files of their own. */
#include <string.h>
#include "harness/run/experiment/loader.h"

static const ssmq_method *find_method(ssmq_loader *ld, const ssmq_yaml *name, const char *path)
{
    int32_t n = 0;
    while (ld->cat->methods[n]) n++;
    const char **all = SSMQ_ARENA_ARRAY(ld->arena, const char *, n + 1);
    for (int32_t i = 0; i < n; i++) all[i] = ld->cat->methods[i]->name;
    for (int32_t i = 0; i < n; i++)
        if (strcmp(name->text, all[i]) == 0) return ld->cat->methods[i];
    SSMQ_REPORT(ld, METHOD, name, ssmq_option_help(ld->arena, name->text, all),
                "%s: no method has the name '%s'", path, name->text);
    return NULL;
}

/* The id, in the map or the method's name; NULL where neither is a text. */
static const char *step_id(const ssmq_yaml *map)
{
    const ssmq_yaml *id = ssmq_yaml_get(map, "id");
    if (!id) id = ssmq_yaml_get(map, "method");
    return id && id->kind == SSMQ_YAML_SCALAR && *id->text ? id->text : NULL;
}

static bool uses_observer(const ssmq_step_draft *step)
{
    const ssmq_method *m = step->method;
    bool (*const uses)(const void *) = m->ranges_weights ? m->ranges_weights : m->needs_data;
    return !uses || uses(step->options);
}

/* An observer beside options that leave it nothing to do. */
static void warn_observer(ssmq_loader *ld, const ssmq_step_draft *step, const char *path)
{
    const ssmq_yaml *observer = ssmq_yaml_get(step->given, "observer");
    if (observer && step->enabled && !uses_observer(step))
        ssmq_diag_warn(ld->diag, SSMQ_E_OBSERVER_UNUSED, observer->place, NULL,
                       "%s.observer has no effect: the step takes no static ranges", path);
}

static bool read_step(ssmq_loader *ld, const ssmq_yaml *map, const char *path, ssmq_step_draft *out)
{
    static const char *const own[] = {"id", "method", "enabled", NULL};
    ssmq_step_options        o = {0};
    const ssmq_yaml         *id = ssmq_yaml_get(map, "id"), *method = ssmq_yaml_get(map, "method");
    bool fine = ssmq_options_read(&ld->options, ssmq_schema_step, map, path, &o);
    if (id) fine = ssmq_option_name(&ld->options, id, "a step's id", false) && fine;
    out->method = o.method ? find_method(ld, method, path) : NULL;
    if (!out->method) return false; /* what else there may be is not known */
    out->given = map;
    out->enabled = o.enabled;
    out->id = o.id ? o.id : out->method->name;
    out->options = ssmq_arena_alloc(ld->arena, out->method->options_size + 1);
    fine = ssmq_options_known(&ld->options, out->method->options, own, map, path) && fine;
    fine = ssmq_options_read(&ld->options, out->method->options, map, path, out->options) && fine;
    if (fine) warn_observer(ld, out, path);
    return fine;
}

/* Reports a step that is called as an earlier one. */
static bool check_id(ssmq_loader *ld, const ssmq_yaml *list, int32_t at)
{
    const char *id = step_id(list->value[at]);
    for (int32_t i = 0; id && i < at; i++) {
        const char *other = step_id(list->value[i]);
        if (!other || strcmp(id, other) != 0) continue;
        const ssmq_yaml *mine = ssmq_yaml_get(list->value[at], "id");
        SSMQ_REPORT(ld, STEP_TWICE, mine ? mine : ssmq_yaml_get(list->value[at], "method"),
                    mine ? NULL : "give this step an id",
                    "two steps are called '%s': the first stands on line %d", id,
                    list->value[i]->line);
        return false;
    }
    return true;
}

static const ssmq_yaml *step_list(ssmq_loader *ld, const ssmq_yaml *given, const char *path)
{
    const ssmq_yaml *list = given;
    if (given->place.source) given->place.source->used = true;
    if (ssmq_yaml_type_of(given) == SSMQ_YAML_TEXT) {
        list = ssmq_loader_file(ld, given);
        if (!list) return NULL;
    }
    if (list->kind != SSMQ_YAML_LIST)
        SSMQ_REPORT(ld, NO_LIST, list, NULL, "%s must be a list of steps%s, found %s", path,
                    list == given ? " or the path of a file that holds one" : "",
                    ssmq_yaml_found(ld->arena, list));
    else if (list->n > SSMQ_STEPS_MAX)
        SSMQ_REPORT(ld, TOO_MANY, list, NULL, "%s has more than %d steps", path, SSMQ_STEPS_MAX);
    else return list;
    return NULL;
}

/* The enabled steps, as runs have them. */
static ssmq_recipe *finish(ssmq_loader *ld, const ssmq_recipe_draft *draft)
{
    ssmq_recipe *r = ssmq_arena_alloc(ld->arena, sizeof *r);
    ssmq_step   *step = SSMQ_ARENA_ARRAY(ld->arena, ssmq_step, draft->n_step);
    r->name = draft->name;
    r->step = step;
    for (int32_t i = 0; i < draft->n_step; i++) {
        const ssmq_step_draft *d = &draft->step[i];
        if (!d->enabled) continue;
        step[r->n_step++] = (ssmq_step){.id = d->id, .method = d->method, .options = d->options};
        r->observes =
            r->observes || (d->method->needs_data && d->method->needs_data(d->options));
    }
    return r;
}

void ssmq_loader_recipe(ssmq_loader *ld, const ssmq_yaml *given, const char *path,
                        ssmq_recipe_draft *out)
{
    const ssmq_yaml *list = step_list(ld, given, path);
    if (!list) return;
    bool fine = true;
    out->step = SSMQ_ARENA_ARRAY(ld->arena, ssmq_step_draft, list->n);
    for (int32_t i = 0; i < list->n; i++) {
        const char *id = step_id(list->value[i]);
        const char *at = id ? ssmq_arena_printf(ld->arena, "%s.%s", path, id)
                            : ssmq_arena_printf(ld->arena, "%s[%d]", path, i);
        out->step[i].path = at;
        if (!ssmq_options_mapping(&ld->options, list->value[i], at)) fine = false;
        else fine = read_step(ld, list->value[i], at, &out->step[i]) & check_id(ld, list, i) & fine;
    }
    if (!fine) return; /* n_step stays 0: nothing further is checked of it */
    out->n_step = list->n;
    out->final = finish(ld, out);
}

bool ssmq_loader_observes(const ssmq_loader *ld)
{
    const ssmq_draft *d = &ld->draft;
    if (d->n_mode == 1 && d->mode[0] == SSMQ_MODE_FLOAT) return false;
    for (int32_t i = 0; i < d->n_recipe; i++)
        if (d->recipe[i].final && d->recipe[i].final->observes) return true;
    return false;
}
