/* The mapping `compare`. */
#include <string.h>
#include "harness/run/experiment/loader.h"

/* A list of words of which each may stand once, or one of them. */
typedef struct word_list {
    const char        *key;  /* "metrics" */
    const char        *noun; /* "the metric" */
    const char *const *words;
    uint32_t           fallback; /* bits, where it is not given */
} word_list;

/* One word; a table of one choice, so that the messages are those of a choice. */
static void read_word(ssmq_loader *ld, const word_list *list, const ssmq_yaml *v, uint32_t *bits)
{
    const ssmq_option table[] = {{list->key, 0, SSMQ_OPTION_CHOICE, NULL, 0, 0, list->words, ""}, {0}};
    ssmq_yaml        *one = ssmq_yaml_new(ld->arena, SSMQ_YAML_MAP);
    int               word;
    ssmq_yaml_put(ld->arena, one, list->key, (ssmq_yaml *)(uintptr_t)v);
    if (!ssmq_options_read(&ld->options, table, one, "compare", &word)) return;
    if (*bits >> word & 1)
        SSMQ_REPORT(ld, TWICE, v, NULL, "%s '%s' stands twice", list->noun, list->words[word]);
    *bits |= (uint32_t)1 << word;
}

/* The order in which they stand makes no difference: bits, so that it does not change the run's id. */
static void read_words(ssmq_loader *ld, const word_list *list, const ssmq_yaml *given, uint32_t *bits)
{
    const ssmq_yaml *v = ssmq_yaml_get(given, list->key);
    if (!v) {
        *bits = list->fallback;
    } else if (v->kind != SSMQ_YAML_LIST) {
        read_word(ld, list, v, bits);
    } else {
        if (v->n == 0)
            SSMQ_REPORT(ld, EMPTY_LIST, v, NULL, "compare.%s is an empty list", list->key);
        for (int32_t i = 0; i < v->n; i++) read_word(ld, list, v->value[i], bits);
    }
}

/* The mode is read before; where it had problems they have been reported. */
static bool has_quantised(const ssmq_draft *d)
{
    for (int32_t i = 0; i < d->n_mode; i++)
        if (d->mode[i] != SSMQ_MODE_FLOAT) return true;
    return d->n_mode == 0;
}

static bool has_real(const ssmq_draft *d)
{
    for (int32_t i = 0; i < d->n_mode; i++)
        if (d->mode[i] == SSMQ_MODE_REAL) return true;
    return d->n_mode == 0;
}

/* What is asked for has to have something to be compared with. */
static void check_against(ssmq_loader *ld, const ssmq_yaml *given)
{
    static const char *const of_float[] = {"bootstrap",  "tokens",      "clip_limit", "sensitivity",
                                           "by",         "metrics",     "inputs",     "interactions",
                                           NULL};
    const ssmq_yaml         *v = ssmq_yaml_get(given, "against");
    const uint32_t           against = ld->draft.compare.against;
    if (against >> SSMQ_AGAINST_FAKE & 1 && !has_real(&ld->draft))
        SSMQ_REPORT(ld, COMPARE_FAKE, v, "add the mode real, or leave fake out",
                    "compare.against has fake, which runs in mode real are compared with; there are none");
    if (!against || against >> SSMQ_AGAINST_FLOAT & 1) return;
    for (const char *const *key = of_float; *key; key++)
        if (ssmq_yaml_get(given, *key))
            SSMQ_REPORT(ld, COMPARE_ONLY_FAKE, ssmq_yaml_get(given, *key), "against: [float, fake]",
                        "compare.%s is of the comparison with float, which compare.against does not have",
                        *key);
}

/* Evaluations are read before, too. */
static void find_evaluation(ssmq_loader *ld, const ssmq_yaml *given)
{
    ssmq_compare_draft *c = &ld->draft.compare;
    const ssmq_draft   *d = &ld->draft;
    const char        **known = SSMQ_ARENA_ARRAY(ld->arena, const char *, d->n_evaluation + 1);
    int32_t             n = 0;
    if (d->n_evaluation == 0 && d->n_profile > 0)
        SSMQ_REPORT(ld, COMPARE_TEXT, given, "add one of task perplexity, or leave compare out",
                    "compare has no text to compare on: every evaluation is a profile");
    if (!c->evaluation) return;
    for (int32_t i = 0; i < d->n_evaluation; i++) {
        if (!d->evaluation[i].id) continue;
        known[n++] = d->evaluation[i].id;
        if (strcmp(known[n - 1], c->evaluation) != 0) continue;
        c->evaluation_index = i;
        return;
    }
    SSMQ_REPORT(ld, COMPARE_EVALUATION, ssmq_yaml_get(given, "evaluation"),
                ssmq_option_help(ld->arena, c->evaluation, known),
                "compare.evaluation is '%s', which is the id of no evaluation", c->evaluation);
}

/* Does some recipe have an enabled step of this id? */
static bool has_step(const ssmq_recipe_draft *r, const char *id)
{
    for (int32_t i = 0; r->final && i < r->final->n_step; i++)
        if (strcmp(r->final->step[i].id, id) == 0) return true;
    return false;
}

/* A recipe that has problems has no steps here; they have been reported. */
static bool in_one_recipe(const ssmq_draft *d, const ssmq_step_pair *pair)
{
    bool unknown = false;
    for (int32_t i = 0; i < d->n_recipe; i++) {
        if (has_step(&d->recipe[i], pair->a) && has_step(&d->recipe[i], pair->b)) return true;
        unknown |= !d->recipe[i].final;
    }
    return unknown;
}

static bool is_pair(const ssmq_yaml *v)
{
    return v->kind == SSMQ_YAML_LIST && v->n == 2 && v->value[0]->kind == SSMQ_YAML_SCALAR &&
           v->value[1]->kind == SSMQ_YAML_SCALAR;
}

static void read_interaction(ssmq_loader *ld, const ssmq_yaml *v)
{
    ssmq_compare_draft *c = &ld->draft.compare;
    if (!is_pair(v)) {
        SSMQ_REPORT(ld, PAIR_FORM, v, "as in [[rot, u], [rot, w]]",
                    "an element of compare.interactions must be a list of two ids of steps");
        return;
    }
    const ssmq_step_pair pair = {v->value[0]->text, v->value[1]->text};
    if (strcmp(pair.a, pair.b) == 0)
        SSMQ_REPORT(ld, PAIR_SELF, v, NULL, "compare.interactions: '%s' stands beside itself",
                    pair.a);
    else if (!in_one_recipe(&ld->draft, &pair))
        SSMQ_REPORT(ld, PAIR_NONE, v, NULL,
                    "compare.interactions: no recipe has both an enabled step '%s' and one '%s'",
                    pair.a, pair.b);
    c->interaction_given[c->n_interaction] = v;
    c->interaction[c->n_interaction++] = pair;
}

/* Recipes are read before. */
static void read_interactions(ssmq_loader *ld, const ssmq_yaml *given)
{
    const ssmq_yaml *v = ssmq_yaml_get(given, "interactions");
    if (!v) return;
    if (v->kind != SSMQ_YAML_LIST) {
        SSMQ_REPORT(ld, PAIR_FORM, v, "as in [[rot, u], [rot, w]]",
                    "compare.interactions must be a list of pairs of steps, found %s",
                    ssmq_yaml_found(ld->arena, v));
        return;
    }
    ld->draft.compare.interaction = SSMQ_ARENA_ARRAY(ld->arena, ssmq_step_pair, v->n + 1);
    ld->draft.compare.interaction_given = SSMQ_ARENA_ARRAY(ld->arena, const ssmq_yaml *, v->n + 1);
    for (int32_t i = 0; i < v->n; i++) read_interaction(ld, v->value[i]);
}

void ssmq_loader_compare(ssmq_loader *ld, const ssmq_yaml *given)
{
    static const char *const own[] = {"against", "metrics", "inputs", "interactions", NULL};
    static const word_list   against = {"against", "the baseline", ssmq_baselines,
                                        1u << SSMQ_AGAINST_FLOAT};
    static const word_list   metrics = {"metrics", "the metric", ssmq_metrics,
                                        SSMQ_METRICS_OF_TOKENS};
    static const word_list   inputs = {"inputs", "the input", ssmq_error_inputs, (1u << SSMQ_INPUTS) - 1};
    ssmq_compare_draft      *c = &ld->draft.compare;
    if (!ssmq_options_mapping(&ld->options, given, "compare")) return;
    ssmq_options_known(&ld->options, ssmq_schema_compare, own, given, "compare");
    ssmq_options_read(&ld->options, ssmq_schema_compare, given, "compare", c);
    read_words(ld, &against, given, &c->against);
    read_words(ld, &metrics, given, &c->metrics);
    read_words(ld, &inputs, given, &c->inputs);
    read_interactions(ld, given);
    find_evaluation(ld, given);
    check_against(ld, given);
    c->given = given;
    if (!has_quantised(&ld->draft))
        SSMQ_REPORT(ld, COMPARE_FLOAT, given, "add the mode fake, or leave compare out",
                    "compare has nothing to compare with float: mode is only float");
}

uint32_t ssmq_loader_against(const ssmq_draft *d, ssmq_mode mode)
{
    if (!d->compare.given || mode == SSMQ_MODE_FLOAT) return 0;
    return mode == SSMQ_MODE_REAL ? d->compare.against : d->compare.against & 1u << SSMQ_AGAINST_FLOAT;
}
