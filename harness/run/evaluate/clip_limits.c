#include "harness/run/evaluate/clip_limits.h"
#include <float.h>
#include <math.h>
#include <string.h>

static const ssmq_assignment *with_scales(const ssmq_plan *plan, int32_t site)
{
    const ssmq_assignment *a = plan ? &plan->at[site] : NULL;
    return a && a->spec.bits > 0 && !a->spec.dynamic && a->params.scale.data ? a : NULL;
}

/* The float of magnitude bits and a sign. */
static float signed_float(uint32_t bits, float sign)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return copysignf(x, sign);
}

/* The largest magnitude, on the side of sign, that is not clamped: 0 has a code, and what is clamped stays so
 * further out, so it can be searched for by halves, floats being ordered as their bits. */
static double limit_of(const ssmq_qspec *s, float scale, int32_t zero, float sign)
{
    const float most = FLT_MAX;
    uint32_t    in = 0, out;
    memcpy(&out, &most, sizeof out);
    if (!ssmq_code_clamped(signed_float(out, sign), scale, zero, s)) return (double)copysignf(INFINITY, sign);
    while (out - in > 1) {
        const uint32_t middle = in + (out - in) / 2;
        if (ssmq_code_clamped(signed_float(middle, sign), scale, zero, s)) out = middle;
        else in = middle;
    }
    return (double)signed_float(in, sign);
}

static void unit_limits(const ssmq_assignment *a, int64_t unit, double *low, double *high)
{
    const float    scale = ((const float *)a->params.scale.data)[unit];
    const int32_t *zeros = a->params.zero.data, zero = zeros ? zeros[unit] : 0;
    *low = limit_of(&a->spec, scale, zero, -1);
    *high = limit_of(&a->spec, scale, zero, 1);
}

/* What is not quantised is not clipped. */
static void spare_kept(const ssmq_tensor *keep, double *low, double *high)
{
    for (int64_t i = 0; keep && i < keep->dim[0]; i++) {
        const int32_t c = ((const int32_t *)keep->data)[i];
        low[c] = -INFINITY;
        high[c] = INFINITY;
    }
}

ssmq_clip_limits ssmq_clip_limits_of(const ssmq_plan *plan, int32_t site, ssmq_arena *arena)
{
    const ssmq_assignment *a = with_scales(plan, site);
    if (!a || plan->model->site[site].kind == SSMQ_SITE_WEIGHT) return (ssmq_clip_limits){0};
    const int64_t    C = ssmq_site_shape_of(plan->model, site).channels;
    const bool       one = ssmq_tensor_count(&a->params.scale) == 1;
    ssmq_clip_limits l = {.low = SSMQ_ARENA_ARRAY(arena, double, C),
                          .high = SSMQ_ARENA_ARRAY(arena, double, C)};
    for (int64_t c = 0; c < C; c++) {
        if (one && c > 0) {
            l.low[c] = l.low[0];
            l.high[c] = l.high[0];
        } else {
            unit_limits(a, c, &l.low[c], &l.high[c]);
        }
    }
    spare_kept(ssmq_plan_keep(plan, site), l.low, l.high);
    return l;
}

uint64_t ssmq_clipped_weights(const ssmq_model *m, const ssmq_plan *plan, int32_t site, bool *known)
{
    const ssmq_assignment *a = with_scales(plan, site);
    *known = a != NULL;
    if (!a) return 0;
    const ssmq_tensor  w = ssmq_tensor_rows(ssmq_model_value(m, m->site[site].weight));
    const ssmq_tensor *keep = ssmq_plan_keep(plan, site);
    const int64_t      units = ssmq_tensor_count(&a->params.scale), each = ssmq_tensor_count(&w) / units;
    ssmq_arena        *arena = ssmq_arena_new();
    bool              *kept = SSMQ_ARENA_ARRAY(arena, bool, w.dim[1]);
    uint64_t           count = 0;
    for (int64_t i = 0; keep && i < keep->dim[0]; i++) kept[((const int32_t *)keep->data)[i]] = true;
    for (int64_t u = 0; u < units; u++) { /* rows, or groups row by row: units follow each other */
        double low, high;
        unit_limits(a, u, &low, &high);
        for (int64_t i = u * each; i < (u + 1) * each; i++) {
            const double x = (double)((const float *)w.data)[i];
            count += !kept[i % w.dim[1]] && (x < low || x > high);
        }
    }
    ssmq_arena_free(arena);
    return count;
}
