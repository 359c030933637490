/* The recipes of a report: a row for each option of each step, a column for each recipe. */
#include <string.h>
#include "analysis/html.h"
#include "analysis/report_parts.h"
#include "harness/base/assert.h"

typedef struct option {
    const char *step, *key; /* "u", "observer.p" */
    const char **value;     /* [n_recipe] NULL: the recipe has no such step, or the step no such option */
} option;

typedef struct recipes {
    ssmq_arena *arena;
    const char **name; /* [n] */
    int32_t      n;
    option      *option; /* [n_option] steps in their order, together */
    int32_t      n_option;
} recipes;

/* ---- facts of recipes -------------------------------------------------------------------- */

static const char *name_of(const ssmq_stored_run *run)
{
    return run->summary.recipe && *run->summary.recipe ? run->summary.recipe : "recipe";
}

/* "recipe.u.observer.p" taken apart; false: it is of no step. */
static bool take_apart(const ssmq_fact *f, ssmq_arena *arena, const char **step, const char **key)
{
    static const char prefix[] = SSMQ_FACT_RECIPE ".";
    if (f->section != SSMQ_FACT_CONFIGURATION || !ssmq_str_starts(f->key, prefix)) return false;
    const char  *begin = f->key + strlen(prefix);
    const size_t n = strcspn(begin, ".");
    if (begin[n] == '\0') return false;
    *step = ssmq_arena_printf(arena, "%.*s", (int)n, begin);
    *key = begin + n + 1;
    return true;
}

static int32_t find_recipe(const recipes *r, const char *name)
{
    int32_t i = 0;
    while (i < r->n && strcmp(r->name[i], name) != 0) i++;
    return i;
}

static int32_t find_option(const recipes *r, const char *step, const char *key)
{
    int32_t i = 0;
    while (i < r->n_option && (strcmp(r->option[i].step, step) != 0 || strcmp(r->option[i].key, key) != 0)) i++;
    return i;
}

/* Behind the last option of the step, if there is one, else of the step that stands before it in its recipe, else first. */
static int32_t place_for(const recipes *r, const char *step, const char *before)
{
    int32_t own = -1, other = -1;
    for (int32_t i = 0; i < r->n_option; i++) {
        if (strcmp(r->option[i].step, step) == 0) own = i;
        if (before && strcmp(r->option[i].step, before) == 0) other = i;
    }
    return (own >= 0 ? own : other) + 1;
}

static option *add_option(recipes *r, const char *step, const char *key, const char *before)
{
    const int32_t at = place_for(r, step, before);
    memmove(&r->option[at + 1], &r->option[at], (size_t)(r->n_option - at) * sizeof *r->option);
    r->option[at] = (option){step, key, SSMQ_ARENA_ARRAY(r->arena, const char *, r->n)};
    r->n_option++;
    return &r->option[at];
}

/* What runs of one recipe differ in, an axis does: "8 or 6". */
static void add_value(const char **value, const char *more, ssmq_arena *arena)
{
    static const char between[] = " or ";
    if (!*value) {
        *value = more;
        return;
    }
    for (const char *p = *value; p; p = strstr(p, between) ? strstr(p, between) + strlen(between) : NULL) {
        const char  *end = strstr(p, between);
        const size_t n = end ? (size_t)(end - p) : strlen(p);
        if (n == strlen(more) && strncmp(p, more, n) == 0) return;
    }
    *value = ssmq_arena_printf(arena, "%s%s%s", *value, between, more);
}

static void add_run(recipes *r, const ssmq_stored_run *run, const ssmq_facts *facts)
{
    const int32_t recipe = find_recipe(r, name_of(run));
    const char   *step, *key, *current = NULL, *before = NULL;
    for (int32_t i = 0; i < facts->n; i++) {
        if (!take_apart(&facts->fact[i], r->arena, &step, &key)) continue;
        if (current && strcmp(current, step) != 0) before = current;
        current = step;
        const int32_t at = find_option(r, step, key);
        option       *o = at < r->n_option ? &r->option[at] : add_option(r, step, key, before);
        add_value(&o->value[recipe], facts->fact[i].value, r->arena);
    }
}

static bool has_steps(const ssmq_facts *facts, ssmq_arena *arena)
{
    const char *step, *key;
    for (int32_t i = 0; i < facts->n; i++)
        if (take_apart(&facts->fact[i], arena, &step, &key)) return true;
    return false;
}

static recipes recipes_of(const ssmq_report_facts *all, ssmq_arena *arena)
{
    int32_t most = 0;
    recipes r = {.arena = arena, .name = SSMQ_ARENA_ARRAY(arena, const char *, all->n + 1)};
    for (int32_t i = 0; i < all->n; i++) {
        const int32_t at = find_recipe(&r, name_of(all->run[i]));
        most += all->of[i].n;
        if (at < r.n || !has_steps(&all->of[i], arena)) continue;
        r.name[r.n++] = name_of(all->run[i]);
    }
    r.option = SSMQ_ARENA_ARRAY(arena, option, most + 1);
    for (int32_t i = 0; i < all->n; i++)
        if (has_steps(&all->of[i], arena)) add_run(&r, all->run[i], &all->of[i]);
    return r;
}

/* ---- what is worth a row ------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const option *method_of(const recipes *r, const char *step)
{
    const int32_t at = find_option(r, step, "method");
    SSMQ_ASSERT(at < r->n_option);
    return &r->option[at];
}

/* Methods and sites always; options on which the steps of a method, of all recipes, do not agree; and all of a step that
 * not every recipe has, where no other step is of its method. */
static bool is_telling(const recipes *r, const option *o)
{
    const option *own = method_of(r, o->step);
    bool          alone = true, everywhere = true, differs = false;
    const char   *first = NULL;
    bool          any = false;
    if (strcmp(o->key, "method") == 0 || strcmp(o->key, "sites") == 0) return true;
    for (int32_t k = 0; k < r->n; k++) everywhere = everywhere && own->value[k];
    for (int32_t i = 0; i < r->n_option; i++) {
        const option *m = &r->option[i];
        if (strcmp(m->key, "method") != 0) continue;
        const int32_t at = find_option(r, m->step, o->key);
        for (int32_t k = 0; k < r->n; k++) {
            bool of_method = false;
            for (int32_t j = 0; j < r->n; j++) of_method = of_method || (m->value[k] && same(m->value[k], own->value[j]));
            if (!of_method) continue;
            const char *v = at < r->n_option ? r->option[at].value[k] : NULL;
            alone = alone && strcmp(m->step, o->step) == 0;
            differs = differs || (any && !same(v, first));
            if (!any) first = v;
            any = true;
        }
    }
    return differs || (alone && !everywhere);
}

/* ---- the tables ------------------------------------------------------------------------------ */

/* "rot, w, a, u": of each recipe. */
static void put_order(const recipes *r, const ssmq_report_facts *all, const char **cell, bool *marked, ssmq_str *out)
{
    cell[0] = "steps, in their order";
    for (int32_t k = 0; k < r->n; k++) {
        ssmq_str text = {0};
        int32_t  run = 0;
        while (strcmp(name_of(all->run[run]), r->name[k]) != 0 || !has_steps(&all->of[run], r->arena)) run++;
        const char *step, *key, *last = "";
        for (int32_t i = 0; i < all->of[run].n; i++) {
            if (!take_apart(&all->of[run].fact[i], r->arena, &step, &key) || strcmp(step, last) == 0) continue;
            ssmq_str_printf(&text, "%s%s", text.length ? ", " : "", step);
            last = step;
        }
        cell[1 + k] = ssmq_arena_strdup(r->arena, ssmq_str_text(&text));
        marked[1 + k] = k > 0 && !same(cell[1 + k], cell[1]);
        ssmq_str_free(&text);
    }
    ssmq_html_row_marked(out, cell, r->n + 1, marked);
}

static void put_option(const recipes *r, const option *o, const char **cell, bool *marked, ssmq_str *out)
{
    cell[0] = ssmq_arena_printf(r->arena, "%s: %s", o->step, o->key);
    for (int32_t k = 0; k < r->n; k++) {
        cell[1 + k] = o->value[k] ? o->value[k] : "-";
        marked[1 + k] = k > 0 && !same(o->value[k], o->value[0]);
    }
    ssmq_html_row_marked(out, cell, r->n + 1, marked);
}

static void put_table(const recipes *r, const ssmq_report_facts *all, const char *caption, bool everything,
                      ssmq_str *out)
{
    const char **cell = SSMQ_ARENA_ARRAY(r->arena, const char *, r->n + 1);
    bool        *marked = SSMQ_ARENA_ARRAY(r->arena, bool, r->n + 1);
    cell[0] = "step: option";
    memcpy(cell + 1, r->name, (size_t)r->n * sizeof *cell);
    ssmq_html_table_begin(out, caption, cell, r->n + 1);
    put_order(r, all, cell, marked, out);
    for (int32_t i = 0; i < r->n_option; i++)
        if (everything || is_telling(r, &r->option[i])) put_option(r, &r->option[i], cell, marked, out);
    ssmq_html_table_end(out);
}

void ssmq_report_recipes(const ssmq_report_facts *all, ssmq_arena *arena, ssmq_str *out)
{
    const recipes r = recipes_of(all, arena);
    if (r.n == 0) return;
    ssmq_html_section(out, "recipes", r.n == 1 ? "Recipe" : "Recipes");
    put_table(&r, all,
              r.n == 1 ? "What the steps do, and where"
                       : ssmq_arena_printf(arena,
                                           "What the steps do, where, and in what they differ; marked: other than in %s",
                                           r.name[0]),
              false, out);
    ssmq_html_fold_begin(out, "All options of all steps");
    put_table(&r, all, "All options of all steps, defaults written out", true, out);
    ssmq_html_fold_end(out);
}

bool ssmq_report_is_of_recipe(const ssmq_report_facts *all, const char *key)
{
    if (strcmp(key, SSMQ_FACT_RECIPE) != 0 && !ssmq_str_starts(key, SSMQ_FACT_RECIPE ".")) return false;
    for (int32_t i = 0; i < all->n; i++)
        for (int32_t k = 0; k < i; k++)
            if (strcmp(name_of(all->run[i]), name_of(all->run[k])) == 0 &&
                !same(ssmq_fact_value(&all->of[i], SSMQ_FACT_CONFIGURATION, key),
                      ssmq_fact_value(&all->of[k], SSMQ_FACT_CONFIGURATION, key)))
                return false;
    return true;
}
