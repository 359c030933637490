#include "harness/run/result_sites.h"
#include <math.h>
#include <string.h>
#include "harness/base/assert.h"

/* One site in all the layers that have it: index into the model's sites by layer; -1: none. */
typedef struct family_site {
    const char *name;  /* without "layers.N."                                    */
    const char *group; /* "/sites/<name>"                                        */
    const char *axis;  /* path of its layer axis                                 */
    int32_t    *site;  /* [n]                                                    */
    int32_t     n;     /* layers; 1 outside them                                 */
} family_site;

static const char *bare_name(const ssmq_site *site)
{
    if (site->layer < 0) return site->name;
    const char *dot = strchr(site->name + strlen("layers."), '.');
    SSMQ_ASSERT(dot != NULL);
    return dot + 1;
}

/* The site first of the model, with its like in the other layers. */
static family_site gather(const ssmq_result *r, int32_t first, ssmq_arena *arena)
{
    const ssmq_model *m = r->model;
    const bool        layered = m->site[first].layer >= 0;
    family_site       f = {.name = bare_name(&m->site[first]), .n = layered ? m->n_layer : 1};
    f.group = ssmq_arena_printf(arena, "/sites/%s", f.name);
    f.axis = layered ? "/axis/layer" : ssmq_arena_printf(arena, "%s/layer", f.group);
    f.site = SSMQ_ARENA_ARRAY(arena, int32_t, f.n);
    for (int32_t i = 0; i < f.n; i++) f.site[i] = -1;
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *s = &m->site[i];
        if ((s->layer >= 0) == layered && strcmp(bare_name(s), f.name) == 0)
            f.site[layered ? s->layer : 0] = i;
    }
    return f;
}

static const ssmq_assignment *at(const ssmq_result *r, const family_site *f, int32_t layer)
{
    static const ssmq_assignment none = {.step = -1};
    return f->site[layer] < 0 ? &none : &r->recipe->plan->at[f->site[layer]];
}

static const char *path(ssmq_arena *arena, const family_site *f, const char *suffix)
{
    return ssmq_arena_printf(arena, "%s/%s", f->group, suffix);
}

/* ---- qparam ---------------------------------------------------------------------------- */

/* scale [layer], or [layer, channel] where some layer has a scale per row; NaN where a layer is left in
 * floating point. */
static ssmq_status write_scales(ssmq_store *s, const ssmq_result *r, const family_site *f,
                                ssmq_arena *arena)
{
    int64_t channels = 0;
    for (int32_t i = 0; i < f->n; i++) {
        const ssmq_tensor *t = &at(r, f, i)->params.scale;
        if (t->data && t->rank == 2 && t->dim[0] > channels) channels = t->dim[0];
    }
    const int64_t width = channels ? channels : 1;
    float        *scale = SSMQ_ARENA_ARRAY(arena, float, f->n * width);
    for (int32_t i = 0; i < f->n; i++) {
        const ssmq_tensor *t = &at(r, f, i)->params.scale;
        const int64_t      n = t->data ? ssmq_tensor_count(t) : 0;
        for (int64_t j = 0; j < width; j++)
            scale[i * width + j] = n ? ((const float *)t->data)[n == 1 ? 0 : j] : NAN;
    }
    const char       *axis[2] = {f->axis, path(arena, f, "qparam/channel")};
    const ssmq_tensor values = SSMQ_TENSOR(scale, SSMQ_F32, f->n, width);
    const ssmq_tensor flat = SSMQ_TENSOR(scale, SSMQ_F32, f->n);
    if (channels) {
        int32_t *index = SSMQ_ARENA_ARRAY(arena, int32_t, channels);
        for (int32_t j = 0; j < channels; j++) index[j] = j;
        const ssmq_tensor t = SSMQ_TENSOR(index, SSMQ_I32, channels);
        SSMQ_TRY(ssmq_store_scale(s, axis[1], &t, "", "row of the weight, from 0"));
    }
    return ssmq_store_tensor(s, path(arena, f, "qparam/scale"), channels ? &values : &flat, axis, "",
                             "scale: a real number is scale * code");
}

/* What differs between layers where steps select some of them: texts by layer, empty where a layer is
 * left in floating point. */
static ssmq_status write_choices(ssmq_store *s, const ssmq_result *r, const family_site *f,
                                 ssmq_arena *arena)
{
    uint8_t     *bits = SSMQ_ARENA_ARRAY(arena, uint8_t, f->n);
    const char **step = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    const char **observer = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    const char **scope = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    const char **rounding = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    for (int32_t i = 0; i < f->n; i++) {
        const ssmq_assignment *a = at(r, f, i);
        const bool             on = a->spec.bits > 0;
        bits[i] = (uint8_t)a->spec.bits;
        step[i] = on ? r->run->recipe->step[a->step].id : "";
        observer[i] = on && a->observer ? a->observer : "";
        scope[i] = on ? ssmq_scope_name(a->spec.scope) : "";
        rounding[i] = on ? ssmq_rounding_name(a->spec.rounding) : "";
    }
    const ssmq_tensor t = SSMQ_TENSOR(bits, SSMQ_U8, f->n);
    const char       *where = path(arena, f, "qparam/bits");
    SSMQ_TRY(ssmq_store_tensor(s, where, &t, &f->axis, "bit", "bits of a code; 0: floating point"));
    SSMQ_TRY(ssmq_store_texts(s, path(arena, f, "qparam/step"), step, f->n, f->axis,
                              "step that assigned it"));
    SSMQ_TRY(ssmq_store_texts(s, path(arena, f, "qparam/observer"), observer, f->n, f->axis,
                              "observer that found the range, as JSON"));
    SSMQ_TRY(ssmq_store_texts(s, path(arena, f, "qparam/scope"), scope, f->n, f->axis,
                              "what shares a scale"));
    return ssmq_store_texts(s, path(arena, f, "qparam/rounding"), rounding, f->n, f->axis,
                            "how a quotient becomes a code");
}

/* ---- samples --------------------------------------------------------------------------- */

/* What the samples gave at the layers of a site: one statistic, [layer, sample] or, with levels,
 * [layer, sample, quantile]; NaN where a layer's observer is another. */
static ssmq_status write_statistic(ssmq_store *s, const ssmq_result *r, const family_site *f,
                                   const ssmq_statistic *statistic, const double *level,
                                   int32_t n_level, ssmq_arena *arena)
{
    const int64_t n = r->samples->n, depth = n_level ? n_level : 1;
    float        *value = SSMQ_ARENA_ARRAY(arena, float, f->n * n * depth);
    for (int64_t i = 0; i < f->n * n * depth; i++) value[i] = NAN;
    for (int32_t l = 0; l < f->n; l++) {
        const ssmq_observation *o =
            f->site[l] < 0 ? NULL : ssmq_recipe_observation(r->recipe, f->site[l]);
        if (!o || o->observer->statistic != statistic) continue;
        int32_t q = 0;
        if (n_level)
            while (level[q] != statistic->quantile(o->observer->statistic_options)) q++;
        for (int64_t i = 0; i < n; i++) value[(l * n + i) * depth + q] = o->value[i];
    }
    const char *suffix = ssmq_arena_printf(arena, "sample/%s", statistic->dataset);
    const char *axis[3] = {f->axis, "/axis/sample", path(arena, f, "sample/quantile")};
    if (n_level) {
        const ssmq_tensor t = SSMQ_TENSOR((void *)(uintptr_t)level, SSMQ_F64, n_level);
        SSMQ_TRY(ssmq_store_scale(s, axis[2], &t, "percent", "quantile of |x|"));
    }
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F32, f->n, n, depth);
    const ssmq_tensor flat = SSMQ_TENSOR(value, SSMQ_F32, f->n, n);
    return ssmq_store_tensor(s, path(arena, f, suffix), n_level ? &t : &flat, axis, "",
                             "range of |x| in each sample");
}

/* The distinct levels that the observers of a statistic use at the layers of a site. */
static int32_t levels_of(const ssmq_result *r, const family_site *f,
                         const ssmq_statistic *statistic, double *level)
{
    int32_t n = 0;
    for (int32_t l = 0; l < f->n && statistic->quantile; l++) {
        const ssmq_observation *o =
            f->site[l] < 0 ? NULL : ssmq_recipe_observation(r->recipe, f->site[l]);
        if (!o || o->observer->statistic != statistic) continue;
        const double value = statistic->quantile(o->observer->statistic_options);
        int32_t      i = 0;
        while (i < n && level[i] != value) i++;
        level[i] = value;
        if (i == n) n++;
    }
    return n;
}

static ssmq_status write_samples(ssmq_store *s, const ssmq_result *r, const family_site *f,
                                 ssmq_arena *arena)
{
    const int64_t          n = r->samples ? r->samples->n : 0;
    float                 *weight = SSMQ_ARENA_ARRAY(arena, float, f->n * n);
    double                *level = SSMQ_ARENA_ARRAY(arena, double, f->n);
    const ssmq_statistic **seen = SSMQ_ARENA_ARRAY(arena, const ssmq_statistic *, f->n);
    int32_t                n_seen = 0;
    for (int32_t l = 0; l < f->n; l++) {
        const ssmq_observation *o =
            f->site[l] < 0 ? NULL : ssmq_recipe_observation(r->recipe, f->site[l]);
        for (int64_t i = 0; i < n; i++) weight[l * n + i] = o ? o->weight[i] : NAN;
        if (!o) continue;
        int32_t known = 0;
        while (known < n_seen && seen[known] != o->observer->statistic) known++;
        if (known == n_seen) seen[n_seen++] = o->observer->statistic;
    }
    if (n_seen == 0) return SSMQ_OK;
    for (int32_t i = 0; i < n_seen; i++) {
        const int32_t n_level = levels_of(r, f, seen[i], level);
        SSMQ_TRY(write_statistic(s, r, f, seen[i], level, n_level, arena));
    }
    const ssmq_tensor t = SSMQ_TENSOR(weight, SSMQ_F32, f->n, n);
    const char *const axis[] = {f->axis, "/axis/sample"};
    return ssmq_store_tensor(s, path(arena, f, "sample/weight"), &t, axis, "",
                             "what each sample counted for");
}

/* ---- a site ---------------------------------------------------------------------------- */

static ssmq_status write_site(ssmq_store *s, const ssmq_result *r, int32_t first,
                              ssmq_arena *arena)
{
    static const char *const kinds[] = {"weight", "activation", "state"};
    const ssmq_site         *site = &r->model->site[first];
    const family_site        f = gather(r, first, arena);
    bool                     on = false;
    int64_t                  rotate = 0;
    for (int32_t i = 0; i < f.n; i++) {
        on |= at(r, &f, i)->spec.bits > 0;
        if (at(r, &f, i)->rotate) rotate = at(r, &f, i)->rotate;
    }
    if (!on && !rotate) return SSMQ_OK;
    SSMQ_TRY(ssmq_store_group(s, f.group));
    SSMQ_TRY(ssmq_store_attribute_text(s, f.group, "kind", kinds[site->kind]));
    SSMQ_TRY(ssmq_store_attribute_text(s, f.group, "op", site->op));
    SSMQ_TRY(ssmq_store_attribute_int(s, f.group, "width", site->width));
    if (rotate) SSMQ_TRY(ssmq_store_attribute_int(s, f.group, "hadamard", rotate));
    if (!on) return SSMQ_OK;
    SSMQ_TRY(ssmq_store_attribute_text(s, f.group, "format", "int"));
    SSMQ_TRY(ssmq_store_attribute_int(s, f.group, "symmetric", 1));
    SSMQ_TRY(ssmq_store_attribute_text(s, f.group, "range", "static"));
    if (site->layer < 0) {
        int32_t           outside = -1;
        const ssmq_tensor t = SSMQ_TENSOR(&outside, SSMQ_I32, 1);
        SSMQ_TRY(ssmq_store_scale(s, f.axis, &t, "", "-1: outside the layers"));
    }
    SSMQ_TRY(write_scales(s, r, &f, arena));
    SSMQ_TRY(write_choices(s, r, &f, arena));
    return write_samples(s, r, &f, arena);
}

ssmq_status ssmq_result_write_sites(ssmq_store *s, const ssmq_result *r, ssmq_arena *arena)
{
    const ssmq_model *m = r->model;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (m->site[i].layer > 0) continue; /* came with layer 0 */
        SSMQ_TRY(write_site(s, r, i, arena));
    }
    return SSMQ_OK;
}
