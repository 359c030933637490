#include "harness/run/result_sites.h"
#include <math.h>
#include <string.h>
#include "harness/run/statistics/site_family.h"

static const ssmq_assignment *at(const ssmq_result *r, const ssmq_site_family *f, int32_t layer)
{
    static const ssmq_assignment none = {.step = -1};
    return f->site[layer] < 0 ? &none : &r->recipe->plan->at[f->site[layer]];
}

static const char *path(ssmq_arena *arena, const ssmq_site_family *f, const char *suffix)
{
    return ssmq_site_path(f, suffix, arena);
}

/* ---- qparam ---------------------------------------------------------------------------- */

/* Numbers of each layer's scales, or zero points: [layer], or [layer, unit] where some layer has several
 * (rows of a weight, groups row by row, channels); none where a layer is left in floating point. */
static ssmq_status write_units(ssmq_store *s, const ssmq_result *r, const ssmq_site_family *f, bool zeros,
                               int64_t width, ssmq_arena *arena)
{
    const ssmq_dtype dtype = zeros ? SSMQ_I32 : SSMQ_F32;
    float           *scale = SSMQ_ARENA_ARRAY(arena, float, f->n * width);
    int32_t         *zero = SSMQ_ARENA_ARRAY(arena, int32_t, f->n * width);
    for (int32_t i = 0; i < f->n; i++) {
        const ssmq_qparams *p = &at(r, f, i)->params;
        const int64_t       n = p->scale.data ? ssmq_tensor_count(&p->scale) : 0;
        for (int64_t j = 0; j < width; j++) {
            const int64_t from = n == 1 ? 0 : j, to = i * width + j;
            scale[to] = from < n ? ((const float *)p->scale.data)[from] : NAN;
            zero[to] = from < n && p->zero.data ? ((const int32_t *)p->zero.data)[from] : 0;
        }
    }
    const char *const axis[2] = {f->axis, path(arena, f, "qparam/unit")};
    void *const       data = zeros ? (void *)zero : (void *)scale;
    const ssmq_tensor flat = SSMQ_TENSOR(data, dtype, f->n);
    const ssmq_tensor wide = SSMQ_TENSOR(data, dtype, f->n, width);
    return ssmq_store_tensor(s, path(arena, f, zeros ? "qparam/zero_point" : "qparam/scale"),
                             width > 1 ? &wide : &flat, axis, "",
                             zeros ? "code of the real number 0"
                                   : "scale: a real number is scale * (code - zero_point)");
}

static ssmq_status write_scales(ssmq_store *s, const ssmq_result *r, const ssmq_site_family *f,
                                ssmq_arena *arena)
{
    int64_t width = 1;
    bool    zeros = false, any = false;
    for (int32_t i = 0; i < f->n; i++) {
        const ssmq_qparams *p = &at(r, f, i)->params;
        if (!p->scale.data) continue;
        any = true;
        zeros |= p->zero.data != NULL;
        if (ssmq_tensor_count(&p->scale) > width) width = ssmq_tensor_count(&p->scale);
    }
    if (!any) return SSMQ_OK; /* all dynamic */
    if (width > 1) {
        int32_t *index = SSMQ_ARENA_ARRAY(arena, int32_t, width);
        for (int32_t j = 0; j < width; j++) index[j] = j;
        const ssmq_tensor t = SSMQ_TENSOR(index, SSMQ_I32, width);
        SSMQ_TRY(ssmq_store_scale(s, path(arena, f, "qparam/unit"), &t, "",
                                  "what shares a scale: rows, groups row by row, or channels"));
    }
    SSMQ_TRY(write_units(s, r, f, false, width, arena));
    return zeros ? write_units(s, r, f, true, width, arena) : SSMQ_OK;
}

/* What differs between layers where steps select some of them: texts by layer, empty where a layer is
 * left in floating point. */
static ssmq_status write_choices(ssmq_store *s, const ssmq_result *r, const ssmq_site_family *f,
                                 ssmq_arena *arena)
{
    uint8_t     *bits = SSMQ_ARENA_ARRAY(arena, uint8_t, f->n);
    const char **step = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    const char **observer = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    const char **scope = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    const char **rounding = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    const char **format = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    const char **range = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    for (int32_t i = 0; i < f->n; i++) {
        const ssmq_assignment *a = at(r, f, i);
        const bool             on = a->spec.bits > 0;
        bits[i] = (uint8_t)a->spec.bits;
        step[i] = on ? r->run->recipe->step[a->step].id : "";
        observer[i] = on && a->observer ? a->observer : "";
        scope[i] = on ? ssmq_scopes[a->spec.scope] : "";
        rounding[i] = on ? ssmq_roundings[a->spec.rounding] : "";
        format[i] = on ? ssmq_formats[a->spec.format] : "";
        range[i] = !on ? "" : a->spec.dynamic ? "dynamic" : "static";
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
    SSMQ_TRY(ssmq_store_texts(s, path(arena, f, "qparam/format"), format, f->n, f->axis,
                              "number format of a code"));
    SSMQ_TRY(ssmq_store_texts(s, path(arena, f, "qparam/range"), range, f->n, f->axis,
                              "where the range is from"));
    return ssmq_store_texts(s, path(arena, f, "qparam/rounding"), rounding, f->n, f->axis,
                            "how a quotient becomes a code");
}

/* ---- samples --------------------------------------------------------------------------- */

/* The observation behind layer l of a site, if its observer has this statistic and one range a sample;
 * ranges by channel are not kept by sample. */
static const ssmq_observation *seen_by(const ssmq_result *r, const ssmq_site_family *f, int32_t l,
                                       const ssmq_statistic *statistic)
{
    const ssmq_observation *o =
        f->site[l] < 0 ? NULL : ssmq_recipe_observation(r->recipe, f->site[l]);
    if (!o || o->units != 1 || (statistic && o->observer->statistic != statistic)) return NULL;
    return o;
}

/* What the samples gave at the layers of a site under one statistic, its high or its low: [layer, sample]
 * or, with levels, [layer, sample, quantile]; NaN where a layer's observer is another. */
static ssmq_status write_statistic(ssmq_store *s, const ssmq_result *r, const ssmq_site_family *f,
                                   const ssmq_statistic *statistic, bool low, const double *level,
                                   int32_t n_level, ssmq_arena *arena)
{
    const int64_t n = r->samples->n, depth = n_level ? n_level : 1;
    float        *value = SSMQ_ARENA_ARRAY(arena, float, f->n * n * depth);
    for (int64_t i = 0; i < f->n * n * depth; i++) value[i] = NAN;
    for (int32_t l = 0; l < f->n; l++) {
        const ssmq_observation *o = seen_by(r, f, l, statistic);
        if (!o) continue;
        int32_t q = 0;
        if (n_level)
            while (level[q] != statistic->quantile(o->observer->statistic_options)) q++;
        for (int64_t i = 0; i < n; i++)
            value[(l * n + i) * depth + q] = low ? o->value[i].low : o->value[i].high;
    }
    const char *suffix = ssmq_arena_printf(arena, "sample/%s",
                                           low ? statistic->dataset_low : statistic->dataset);
    const char *axis[3] = {f->axis, "/axis/sample", path(arena, f, "sample/quantile_level")};
    if (n_level && !low) {
        const ssmq_tensor t = SSMQ_TENSOR((void *)(uintptr_t)level, SSMQ_F64, n_level);
        SSMQ_TRY(ssmq_store_scale(s, axis[2], &t, "percent", "level of a quantile"));
    }
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F32, f->n, n, depth);
    const ssmq_tensor flat = SSMQ_TENSOR(value, SSMQ_F32, f->n, n);
    return ssmq_store_tensor(s, path(arena, f, suffix), n_level ? &t : &flat, axis, "",
                             low ? "low end of the range in each sample"
                                 : "range in each sample: of |x|, or its high end");
}

/* Is some layer's range under this statistic one with a low end of its own? */
static bool has_low(const ssmq_result *r, const ssmq_site_family *f, const ssmq_statistic *statistic)
{
    for (int32_t l = 0; l < f->n && statistic->dataset_low; l++) {
        const ssmq_observation *o = seen_by(r, f, l, statistic);
        if (o && !o->spec.symmetric) return true;
    }
    return false;
}

/* The distinct levels that the observers of a statistic use at the layers of a site. */
static int32_t levels_of(const ssmq_result *r, const ssmq_site_family *f,
                         const ssmq_statistic *statistic, double *level)
{
    int32_t n = 0;
    for (int32_t l = 0; l < f->n && statistic->quantile; l++) {
        const ssmq_observation *o = seen_by(r, f, l, statistic);
        if (!o) continue;
        const double value = statistic->quantile(o->observer->statistic_options);
        int32_t      i = 0;
        while (i < n && level[i] != value) i++;
        level[i] = value;
        if (i == n) n++;
    }
    return n;
}

static ssmq_status write_samples(ssmq_store *s, const ssmq_result *r, const ssmq_site_family *f,
                                 ssmq_arena *arena)
{
    const int64_t          n = r->samples ? r->samples->n : 0;
    float                 *weight = SSMQ_ARENA_ARRAY(arena, float, f->n * n);
    double                *level = SSMQ_ARENA_ARRAY(arena, double, f->n);
    const ssmq_statistic **seen = SSMQ_ARENA_ARRAY(arena, const ssmq_statistic *, f->n);
    int32_t                n_seen = 0;
    for (int32_t l = 0; l < f->n; l++) {
        const ssmq_observation *o = seen_by(r, f, l, NULL);
        for (int64_t i = 0; i < n; i++) weight[l * n + i] = o ? o->weight[i] : NAN;
        if (!o) continue;
        int32_t known = 0;
        while (known < n_seen && seen[known] != o->observer->statistic) known++;
        if (known == n_seen) seen[n_seen++] = o->observer->statistic;
    }
    if (n_seen == 0) return SSMQ_OK;
    for (int32_t i = 0; i < n_seen; i++) {
        const int32_t n_level = levels_of(r, f, seen[i], level);
        SSMQ_TRY(write_statistic(s, r, f, seen[i], false, level, n_level, arena));
        if (has_low(r, f, seen[i]))
            SSMQ_TRY(write_statistic(s, r, f, seen[i], true, level, n_level, arena));
    }
    const ssmq_tensor t = SSMQ_TENSOR(weight, SSMQ_F32, f->n, n);
    const char *const axis[] = {f->axis, "/axis/sample"};
    return ssmq_store_tensor(s, path(arena, f, "sample/weight"), &t, axis, "",
                             "what each sample counted for");
}

/* ---- transforms ------------------------------------------------------------------------ */

static const ssmq_tensor *factors_of(const ssmq_assignment *a)
{
    return &a->smooth;
}

static const ssmq_tensor *signs_of(const ssmq_assignment *a)
{
    return &a->signs;
}

/* Numbers by channel, [layer, channel]; NaN in a layer that has none, nothing where no layer has. */
static ssmq_status write_channels(ssmq_store *s, const ssmq_result *r, const ssmq_site_family *f,
                                  const ssmq_tensor *(*numbers_of)(const ssmq_assignment *a),
                                  int64_t width, const char *suffix, const char *long_name,
                                  ssmq_arena *arena)
{
    float *value = SSMQ_ARENA_ARRAY(arena, float, f->n * width);
    bool   any = false;
    for (int32_t i = 0; i < f->n; i++) {
        const float *from = numbers_of(at(r, f, i))->data;
        for (int64_t c = 0; c < width; c++) value[i * width + c] = from ? from[c] : NAN;
        any |= from != NULL;
    }
    if (!any) return SSMQ_OK;
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F32, f->n, width);
    const char *const axis[] = {f->axis, path(arena, f, "transform/channel")};
    return ssmq_store_tensor(s, path(arena, f, suffix), &t, axis, "", long_name);
}

static ssmq_status write_places(ssmq_store *s, const ssmq_result *r, const ssmq_site_family *f,
                                ssmq_arena *arena)
{
    const char **place = SSMQ_ARENA_ARRAY(arena, const char *, f->n);
    bool         any = false;
    for (int32_t i = 0; i < f->n; i++) {
        const ssmq_assignment *a = at(r, f, i);
        place[i] = a->divide.data ? "live" : a->smooth.data ? "folded" : "";
        any |= a->smooth.data != NULL;
    }
    if (!any) return SSMQ_OK;
    return ssmq_store_texts(s, path(arena, f, "transform/smooth_place"), place, f->n, f->axis,
                            "where channels are divided");
}

/* What is done to the channels of a site before all else. */
static ssmq_status write_transform(ssmq_store *s, const ssmq_result *r, const ssmq_site_family *f,
                                   int64_t width, ssmq_arena *arena)
{
    int32_t *index = SSMQ_ARENA_ARRAY(arena, int32_t, width);
    bool     any = false;
    for (int32_t i = 0; i < f->n; i++)
        any |= at(r, f, i)->smooth.data != NULL || at(r, f, i)->signs.data != NULL;
    if (!any) return SSMQ_OK;
    for (int64_t c = 0; c < width; c++) index[c] = (int32_t)c;
    const ssmq_tensor t = SSMQ_TENSOR(index, SSMQ_I32, width);
    SSMQ_TRY(ssmq_store_scale(s, path(arena, f, "transform/channel"), &t, "", "channel, from 0"));
    SSMQ_TRY(write_channels(s, r, f, factors_of, width, "transform/smooth",
                            "what a channel is divided by", arena));
    SSMQ_TRY(write_places(s, r, f, arena));
    return write_channels(s, r, f, signs_of, width, "transform/signs",
                          "what a channel is multiplied with before the Hadamard transform", arena);
}

/* ---- a site ---------------------------------------------------------------------------- */

static ssmq_status write_site(ssmq_store *s, const ssmq_result *r, int32_t first,
                              ssmq_arena *arena)
{
    const ssmq_site       *site = &r->model->site[first];
    const ssmq_site_family f = ssmq_site_family_of(r->model, first, arena);
    bool                   on = false, smooth = false;
    int64_t                rotate = 0;
    for (int32_t i = 0; i < f.n; i++) {
        on |= at(r, &f, i)->spec.bits > 0;
        smooth |= at(r, &f, i)->smooth.data != NULL;
        if (at(r, &f, i)->rotate) rotate = at(r, &f, i)->rotate;
    }
    if (!on && !rotate && !smooth) return SSMQ_OK;
    SSMQ_TRY(ssmq_site_family_write(s, &f));
    if (rotate) SSMQ_TRY(ssmq_store_attribute_int(s, f.group, "hadamard", rotate));
    SSMQ_TRY(write_transform(s, r, &f, site->width, arena));
    if (!on) return SSMQ_OK;
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
