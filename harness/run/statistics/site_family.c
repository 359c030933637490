#include "harness/run/statistics/site_family.h"
#include <string.h>
#include "harness/base/assert.h"

const char *ssmq_site_bare_name(const ssmq_site *site)
{
    if (site->layer < 0) return site->name;
    const char *dot = strchr(site->name + strlen("layers."), '.');
    SSMQ_ASSERT(dot != NULL);
    return dot + 1;
}

ssmq_site_family ssmq_site_family_of(const ssmq_model *m, int32_t first, ssmq_arena *arena)
{
    const bool       layered = m->site[first].layer >= 0;
    ssmq_site_family f = {.model = m,
                          .name = ssmq_site_bare_name(&m->site[first]),
                          .n = layered ? m->n_layer : 1,
                          .first = first};
    f.group = ssmq_arena_printf(arena, "/sites/%s", f.name);
    f.axis = layered ? "/axis/layer" : ssmq_arena_printf(arena, "%s/layer", f.group);
    f.site = SSMQ_ARENA_ARRAY(arena, int32_t, f.n);
    for (int32_t i = 0; i < f.n; i++) f.site[i] = -1;
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *s = &m->site[i];
        if ((s->layer >= 0) == layered && strcmp(ssmq_site_bare_name(s), f.name) == 0)
            f.site[layered ? s->layer : 0] = i;
    }
    return f;
}

const char *ssmq_site_path(const ssmq_site_family *f, const char *suffix, ssmq_arena *arena)
{
    return ssmq_arena_printf(arena, "%s/%s", f->group, suffix);
}

/* The layer axis of a site outside the layers. */
static ssmq_status write_axis(ssmq_store *s, const ssmq_site_family *f)
{
    int32_t           outside = -1;
    const ssmq_tensor t = SSMQ_TENSOR(&outside, SSMQ_I32, 1);
    if (f->model->site[f->first].layer >= 0) return SSMQ_OK;
    return ssmq_store_scale(s, f->axis, &t, "", "-1: outside the layers");
}

ssmq_status ssmq_site_family_write(ssmq_store *s, const ssmq_site_family *f)
{
    static const char *const kinds[] = {"weight", "activation", "state"};
    const ssmq_site         *site = &f->model->site[f->first];
    if (ssmq_store_has(s, f->group)) return SSMQ_OK;
    SSMQ_TRY(ssmq_store_group(s, f->group));
    SSMQ_TRY(ssmq_store_attribute_text(s, f->group, "kind", kinds[site->kind]));
    SSMQ_TRY(ssmq_store_attribute_text(s, f->group, "op", site->op));
    SSMQ_TRY(ssmq_store_attribute_int(s, f->group, "width", site->width));
    return write_axis(s, f);
}
