/* The experiment against the model it is for: do selectors name sites, does each method accept the
 * shapes and what earlier steps decided, has the model an embedding for each of its tokenizer's ids?
 * Needs the model's config, not its weights. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "harness/data/checkpoint.h"
#include "harness/data/documents.h"
#include "harness/data/tokenizer.h"
#include "harness/run/evaluate/sensitivity.h"
#include "harness/run/experiment/loader.h"

/* A step that the model or backend cannot carry out, in one mode (-1: in all that quantise). */
static void report_step(ssmq_loader *ld, ssmq_recipe_draft *r, const ssmq_step_draft *step, int mode,
                        ssmq_status status)
{
    if (status != SSMQ_ERR_UNSUPPORTED || !ld->sweep.record) {
        ssmq_diag_failure(ld->diag, status, SSMQ_E_REFUSED,
                          ssmq_loader_blame(ld, step->given)->place, step->path);
        return;
    }
    const char *reason = ssmq_arena_printf(ld->arena, "%s: %s", step->path, ssmq_error_last()->message);
    for (int m = 0; m < 3; m++)
        if ((m == mode || mode < 0) && !r->unsupported[m]) r->unsupported[m] = reason;
    ssmq_error_clear();
}

/* Kept between points, which rarely change the model. */
static const ssmq_model *describe(ssmq_loader *ld)
{
    const char      *directory = ld->draft.model.directory;
    if (ld->kept.directory && strcmp(ld->kept.directory, directory) == 0) return ld->kept.model;
    const ssmq_yaml *path = ssmq_yaml_get(ld->draft.model.given, "path");
    ssmq_json        config = {0};
    ssmq_model      *model = NULL;
    ssmq_status      st = ssmq_checkpoint_config(directory, &config);
    if (st == SSMQ_OK) st = ssmq_model_describe(ld->cat->families, directory, &config, &model);
    if (st != SSMQ_OK) ssmq_diag_failure(ld->diag, st, SSMQ_E_MODEL, path->place, "");
    ssmq_json_close(&config);
    ssmq_model_free(ld->kept.model);
    ld->kept.directory = model ? directory : NULL;
    ld->kept.model = model;
    return model;
}

/* ---- selectors ------------------------------------------------------------------------- */

/* "layers.3.scan.x" as people select it, "layers.*.scan.x". */
static const char *general_name(ssmq_loader *ld, const ssmq_site *site)
{
    const char *number = strpbrk(site->name, "0123456789");
    if (site->layer < 0 || !number) return site->name;
    return ssmq_arena_printf(ld->arena, "%.*s*%s", (int)(number - site->name), site->name,
                             number + strspn(number, "0123456789"));
}

/* m NULL: anything is taken. */
static bool takes(const ssmq_method *m, const ssmq_site *site)
{
    return !m || ssmq_method_takes(m, site);
}

/* The selectors, one a site of every layer, of what a method takes: NULL-terminated. */
static const char *const *takeable(ssmq_loader *ld, const ssmq_model *model, const ssmq_method *m)
{
    const char **all = SSMQ_ARENA_ARRAY(ld->arena, const char *, model->n_site + 1);
    int32_t      n = 0;
    for (int32_t i = 0; i < model->n_site; i++) {
        if (!takes(m, &model->site[i]) || model->site[i].layer > 0) continue;
        const char *name = general_name(ld, &model->site[i]);
        bool        is_new = true;
        for (int32_t j = 0; j < n; j++) is_new = is_new && strcmp(all[j], name) != 0;
        if (is_new) all[n++] = name;
    }
    return all;
}

/* Was the layer left out?  "out_proj.in" of "layers.*.out_proj.in". */
static bool is_tail(const char *word, const char *candidate)
{
    const size_t n = strlen(word), all = strlen(candidate);
    return all > n && candidate[all - n - 1] == '.' && ssmq_str_ends(candidate, word);
}

/* Those nearest to what was written, however far; the first of the order where several are. */
static const char *nearest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    int         least = 0;
    for (; *candidates; candidates++) {
        const int distance = is_tail(word, *candidates) ? 0 : ssmq_str_distance(word, *candidates);
        if (best && distance >= least) continue;
        least = distance;
        best = *candidates;
    }
    return best && least <= (int)strlen(word) / 2 ? best : NULL;
}

static bool check_selector(ssmq_loader *ld, const ssmq_model *model, const ssmq_method *method,
                           const char *selector, const ssmq_yaml *at, const char *path)
{
    const char *const one[] = {selector, NULL};
    int32_t           others = 0;
    for (int32_t i = 0; i < model->n_site; i++) {
        if (!ssmq_selects(one, &model->site[i])) continue;
        if (takes(method, &model->site[i])) return true;
        others++;
    }
    const char *const *all = takeable(ld, model, method);
    const char        *near = others ? NULL : nearest(selector, all);
    const char        *help = NULL;
    if (near) help = ssmq_arena_printf(ld->arena, "did you mean '%s'?", near);
    else
        help = ssmq_arena_printf(ld->arena, "%s: %s",
                                 method ? ssmq_arena_printf(ld->arena, "'%s' takes", method->name)
                                        : "sites",
                                 ssmq_option_words(ld->arena, all));
    if (others)
        SSMQ_REPORT(ld, SELECTOR_METHOD, at, help,
                    "%s: the selector '%s' matches no site that method '%s' takes", path, selector,
                    method->name);
    else
        SSMQ_REPORT(ld, SELECTOR_NONE, at, help,
                    "%s: the selector '%s' matches no site of the model", path, selector);
    return false;
}

bool ssmq_loader_check_selectors(ssmq_loader *ld, const ssmq_model *model, const ssmq_method *method,
                                 const char *const *selector, const ssmq_yaml *given,
                                 const ssmq_yaml *fallback, const char *path)
{
    bool fine = true;
    for (int32_t i = 0; selector && selector[i]; i++) {
        const bool       list = given && given->kind == SSMQ_YAML_LIST;
        const ssmq_yaml *at = list ? given->value[i] : given ? given : fallback;
        fine = check_selector(ld, model, method, selector[i], at, path) && fine;
    }
    return fine;
}

static const char *sites_key(const ssmq_method *m)
{
    for (const ssmq_option *o = m->options; o && o->name; o++)
        if (o->type == SSMQ_OPTION_SITES && o->offset == m->sites) return o->name;
    return NULL;
}

static bool check_selectors(ssmq_loader *ld, const ssmq_model *model, const ssmq_step_draft *step)
{
    const char *key = sites_key(step->method);
    if (!key) return true;
    const ssmq_yaml   *given = ssmq_yaml_get(step->given, key);
    const char *const *selector =
        *(const char *const *const *)((const char *)step->options + step->method->sites);
    return ssmq_loader_check_selectors(ld, model, step->method, selector, given, step->given,
                                       step->path);
}

/* ---- recipes --------------------------------------------------------------------------- */

/* The enabled step with this index. */
static const ssmq_step_draft *enabled_step(const ssmq_recipe_draft *r, int32_t index)
{
    int32_t i = 0;
    for (; !r->step[i].enabled || index > 0; i++) index -= r->step[i].enabled;
    return &r->step[i];
}

/* Can the backend carry the plan out in each of the modes?  Reported at the step that asks for it. */
static void check_modes(ssmq_loader *ld, const ssmq_model *model, ssmq_recipe_draft *r,
                        const ssmq_plan *plan)
{
    const int32_t recipe = (int32_t)(r - ld->draft.recipe);
    for (int32_t i = 0; i < ld->draft.n_mode; i++) {
        int32_t           site = 0;
        if (ssmq_loader_excluded(ld, recipe, ld->draft.mode[i])) continue;
        const ssmq_status st =
            ssmq_exec_offers(ld->draft.run.backend, model, plan, ld->draft.mode[i], &site);
        if (st == SSMQ_OK) continue;
        const int32_t input = model->site[site].input;
        int32_t       step = plan->at[site].step;
        if (step < 0 && input >= 0) step = plan->at[input].step;
        const ssmq_step_draft *at = enabled_step(r, step < 0 ? 0 : step);
        report_step(ld, r, at, (int)ld->draft.mode[i], st);
    }
}

/* Can the recipe be applied without some of its steps? */
static ssmq_status outline_without(const ssmq_model *model, const ssmq_recipe *r, const char *a,
                                   const char *b)
{
    ssmq_plan  *plan = ssmq_plan_new(model);
    ssmq_status st = SSMQ_OK;
    for (int32_t i = 0; i < r->n_step && st == SSMQ_OK; i++) {
        const ssmq_step *step = &r->step[i];
        if ((a && strcmp(step->id, a) == 0) || (b && strcmp(step->id, b) == 0)) continue;
        plan->step = i;
        if (step->method->outline) st = step->method->outline(step->options, model, plan);
    }
    ssmq_plan_free(plan);
    return st;
}

/* Interactions apply a recipe without each of two steps and without both. */
static void check_interactions(ssmq_loader *ld, const ssmq_model *model, const ssmq_recipe_draft *r)
{
    const ssmq_compare_draft *c = &ld->draft.compare;
    for (int32_t i = 0; i < c->n_interaction; i++) {
        const ssmq_step_pair   *p = &c->interaction[i];
        const ssmq_compare_spec one = {.interaction = p, .n_interaction = 1};
        const char *const       without[3][2] = {{p->a, NULL}, {NULL, p->b}, {p->a, p->b}};
        for (int k = 0; k < 3 && r->final && ssmq_has_interactions(&one, r->final); k++) {
            const ssmq_status st = outline_without(model, r->final, without[k][0], without[k][1]);
            if (st == SSMQ_OK) continue;
            ssmq_diag_failure(ld->diag, st, SSMQ_E_REFUSED, c->interaction_given[i]->place,
                              ssmq_arena_printf(ld->arena, "compare.interactions, without %s%s%s",
                                                without[k][0] ? without[k][0] : "",
                                                without[k][0] && without[k][1] ? " and " : "",
                                                without[k][1] ? without[k][1] : ""));
        }
    }
}

/* Will there be a run that carries out a recipe, or that carries out none? */
static bool has_run(const ssmq_loader *ld, bool recipe)
{
    for (int32_t i = 0; i < ld->draft.n_mode; i++)
        if ((ld->draft.mode[i] != SSMQ_MODE_FLOAT) == recipe) return true;
    return false;
}

/* In order, since a step is checked on top of what the earlier ones decided. */
static void check_recipe(ssmq_loader *ld, const ssmq_model *model, ssmq_recipe_draft *r)
{
    ssmq_plan *plan = ssmq_plan_new(model);
    int32_t    enabled = 0;
    bool       fine = true;
    for (int32_t i = 0; i < r->n_step; i++) {
        const ssmq_step_draft *step = &r->step[i];
        fine = check_selectors(ld, model, step) && fine;
        if (!step->enabled) continue;
        plan->step = enabled++;
        if (!fine || !step->method->outline) continue; /* the plan lacks what was not outlined */
        const ssmq_status st = step->method->outline(step->options, model, plan);
        if (st != SSMQ_OK) report_step(ld, r, step, -1, st);
        fine = st == SSMQ_OK;
    }
    if (fine) check_modes(ld, model, r, plan);
    if (fine) check_interactions(ld, model, r);
    if (fine && has_run(ld, true))
        ssmq_loader_check_codes(ld, model, plan,
                                r->name ? ssmq_arena_printf(ld->arena, "recipe '%s'", r->name)
                                        : "the recipe");
    ssmq_plan_free(plan);
}

/* ---- tokenizer -------------------------------------------------------------------------- */

/* Opening one takes a while, and most points have the same. */
static ssmq_status open_tokenizer(ssmq_loader *ld, const char *file)
{
    if (ld->kept.tokenizer && strcmp(ld->kept.tokenizer_file, file) == 0) return SSMQ_OK;
    ssmq_tokenizer_close(ld->kept.tokenizer);
    ld->kept.tokenizer = NULL;
    ld->kept.tokenizer_file = file;
    return ssmq_tokenizer_open(file, &ld->kept.tokenizer);
}

/* Texts of dialect lm-eval begin with one token. */
static void check_prefixes(ssmq_loader *ld, const ssmq_model *model)
{
    for (int32_t i = 0; i < ld->draft.n_evaluation; i++) {
        const ssmq_evaluation_draft *e = &ld->draft.evaluation[i];
        int32_t                      id;
        if (!e->given || e->dialect != SSMQ_DIALECT_LM_EVAL) continue;
        const ssmq_yaml  *at = ssmq_yaml_get(e->given, "prefix");
        const ssmq_status st = ssmq_documents_prefix(ld->kept.tokenizer, model->vocabulary, e->prefix, &id);
        if (!at) at = ssmq_yaml_get(e->given, "dialect");
        if (st != SSMQ_OK)
            ssmq_diag_failure(ld->diag, st, SSMQ_E_PREFIX, at->place, ssmq_arena_printf(ld->arena, "evaluate.%s", e->id));
    }
}

/* A tokenizer whose ids the model does not have belongs to another model. */
static void check_tokenizer(ssmq_loader *ld, const ssmq_model *model)
{
    const ssmq_yaml *given = ssmq_yaml_get(ld->draft.model.given, "tokenizer");
    const char      *file = ld->draft.model.tokenizer_file;
    if (access(file, R_OK) != 0) return; /* reported already */
    if (!given) given = ssmq_yaml_get(ld->draft.model.given, "path");
    ssmq_status   st = open_tokenizer(ld, file);
    const int32_t size = st == SSMQ_OK ? ssmq_tokenizer_size(ld->kept.tokenizer) : 0;
    if (size > model->vocabulary)
        st = SSMQ_FAIL(INPUT, "%s: has ids up to %d, the model %s only %" PRId64 " embeddings", file,
                       size - 1, ld->draft.model.directory, model->vocabulary);
    if (st != SSMQ_OK) ssmq_diag_failure(ld->diag, st, SSMQ_E_TOKENIZER, given->place, "");
    else check_prefixes(ld, model);
}

/* Is the recipe run in any mode at this point?  Without a sweep it is checked even where the only mode is float. */
static bool wanted(ssmq_loader *ld, int32_t recipe)
{
    bool any = !ld->sweep.n_exclude;
    for (int32_t i = 0; i < ld->draft.n_mode; i++)
        any = any || !ssmq_loader_excluded(ld, recipe, ld->draft.mode[i]);
    return any;
}

/* ---- without the model ------------------------------------------------------------------- */

/* What a step refuses of a model without any site is a rule between its own options; that sites are missing is none. */
static void check_step_alone(ssmq_loader *ld, ssmq_recipe_draft *r, const ssmq_step_draft *step)
{
    const ssmq_model none = {.family = ld->cat->families[0]};
    ssmq_plan       *plan = ssmq_plan_new(&none);
    if (step->method->outline(step->options, &none, plan) == SSMQ_ERR_CONFIG &&
        ssmq_error_last()->problem != SSMQ_E_DEPARTURE_SITE)
        report_step(ld, r, step, -1, SSMQ_ERR_CONFIG);
    ssmq_error_clear();
    ssmq_plan_free(plan);
}

static void check_alone(ssmq_loader *ld)
{
    ssmq_draft *d = &ld->draft;
    for (int32_t i = 0; i < d->n_recipe; i++)
        for (int32_t k = 0; k < d->recipe[i].n_step; k++)
            if (d->recipe[i].step[k].enabled && d->recipe[i].step[k].method->outline)
                check_step_alone(ld, &d->recipe[i], &d->recipe[i].step[k]);
    /* Whether samples are looked at decides the model's sites: where there are some, they may be. */
    d->collect.needs_samples = d->collect.given && d->calibration.given;
}

/* ---- all of it -------------------------------------------------------------------------- */

void ssmq_loader_check(ssmq_loader *ld)
{
    if (ld->no_model) check_alone(ld);
    if (ld->no_model || !ld->draft.model.given) return;
    const ssmq_model *model = describe(ld);
    if (!model) return;
    for (int32_t i = 0; i < ld->draft.n_recipe; i++)
        if (wanted(ld, i)) check_recipe(ld, model, &ld->draft.recipe[i]);
    if (has_run(ld, false)) ssmq_loader_check_codes(ld, model, NULL, "the float run");
    ssmq_loader_check_collect(ld, model);
    const bool samples = ssmq_loader_observes(ld) || ld->draft.collect.needs_samples;
    if (ssmq_loader_reads_text(ld, samples)) check_tokenizer(ld, model);
}
