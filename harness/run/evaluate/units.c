#include "harness/run/evaluate/units.h"
#include <string.h>
#include "harness/run/statistics/site_family.h"

/* ---- units ----------------------------------------------------------------------------- */

/* What a quantised site is filed under; NULL: it is in no unit. */
static const char *label(const ssmq_plan *plan, const ssmq_recipe *recipe, ssmq_unit_kind kind,
                         int32_t site, ssmq_arena *arena)
{
    const ssmq_site *s = &plan->model->site[site];
    switch (kind) {
    case SSMQ_UNIT_SITE: return ssmq_site_bare_name(s);
    case SSMQ_UNIT_SITE_LAYER: return s->name;
    case SSMQ_UNIT_LAYER:
        return s->layer < 0 ? s->name : ssmq_arena_printf(arena, "layers.%d", s->layer);
    case SSMQ_UNIT_WEIGHT: return s->kind == SSMQ_SITE_WEIGHT ? ssmq_site_bare_name(s) : NULL;
    case SSMQ_UNIT_STEP: return recipe->step[plan->at[site].step].id;
    }
    return NULL;
}

ssmq_units ssmq_units_of(const ssmq_plan *plan, const ssmq_recipe *recipe, ssmq_unit_kind kind,
                         ssmq_arena *arena)
{
    const int32_t n = plan->model->n_site;
    ssmq_units    u = {.at = SSMQ_ARENA_ARRAY(arena, ssmq_unit, n)};
    for (int32_t i = 0; i < n; i++) {
        const char *name = plan->at[i].spec.bits ? label(plan, recipe, kind, i, arena) : NULL;
        int32_t     k = 0;
        if (!name) continue;
        while (k < u.n && strcmp(u.at[k].name, name) != 0) k++;
        if (k == u.n)
            u.at[u.n++] = (ssmq_unit){.name = ssmq_arena_strdup(arena, name),
                                      .site = SSMQ_ARENA_ARRAY(arena, bool, n)};
        u.at[k].site[i] = true;
    }
    return u;
}

/* ---- steps that switch one off --------------------------------------------------------- */

/* The methods that take sites of a kind, by ssmq_site_kind. */
static const char *const methods[] = {"weights", "activations", "state"};

/* Has the unit a site in every layer that the plan quantises it in? */
static bool in_all_layers(const ssmq_unit *u, const ssmq_plan *plan, int32_t site)
{
    const ssmq_model *m = plan->model;
    const char       *name = ssmq_site_bare_name(&m->site[site]);
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].layer >= 0 && plan->at[i].spec.bits && !u->site[i] &&
            strcmp(ssmq_site_bare_name(&m->site[i]), name) == 0)
            return false;
    return m->site[site].layer >= 0;
}

/* Is there a site before it that is selected in the same words? */
static bool said_before(const ssmq_unit *u, const ssmq_model *m, int32_t site)
{
    for (int32_t i = 0; i < site; i++)
        if (u->site[i] && m->site[i].layer >= 0 &&
            strcmp(ssmq_site_bare_name(&m->site[i]), ssmq_site_bare_name(&m->site[site])) == 0)
            return true;
    return false;
}

static bool has_kind(const ssmq_unit *u, const ssmq_model *m, ssmq_site_kind kind)
{
    for (int32_t i = 0; i < m->n_site; i++)
        if (u->site[i] && m->site[i].kind == kind) return true;
    return false;
}

static void put_sites(const ssmq_unit *u, const ssmq_plan *plan, ssmq_site_kind kind, ssmq_str *out)
{
    const ssmq_model *m = plan->model;
    const char       *before = "";
    for (int32_t i = 0; i < m->n_site; i++) {
        const bool all = in_all_layers(u, plan, i);
        if (!u->site[i] || m->site[i].kind != kind || (all && said_before(u, m, i))) continue;
        if (all) ssmq_str_printf(out, "%s\"layers.*.%s\"", before, ssmq_site_bare_name(&m->site[i]));
        else ssmq_str_printf(out, "%s\"%s\"", before, m->site[i].name);
        before = ", ";
    }
}

void ssmq_unit_steps(const ssmq_unit *u, const ssmq_plan *plan, const char *id, ssmq_str *out)
{
    for (int kind = 0; kind < (int)(sizeof methods / sizeof *methods); kind++) {
        if (!has_kind(u, plan->model, (ssmq_site_kind)kind)) continue;
        ssmq_str_printf(out, "- {id: %s-%s, method: %s, sites: [", id, methods[kind], methods[kind]);
        put_sites(u, plan, (ssmq_site_kind)kind, out);
        ssmq_str_puts(out, "], bits: off}\n");
    }
}
