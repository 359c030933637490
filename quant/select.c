#include "quant/select.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool ssmq_takes(const ssmq_method *method, const char *const *selectors, const ssmq_site *site)
{
    return ssmq_method_takes(method, site) && ssmq_selects(selectors, site);
}

void ssmq_assign(ssmq_plan *plan, int32_t site, const ssmq_qspec *spec,
                 const ssmq_observer *observer)
{
    ssmq_assignment *a = &plan->at[site];
    a->spec = *spec;
    a->params = (ssmq_qparams){0};
    a->codes = (ssmq_tensor){0};
    a->clip_ratio = 1;
    a->step = spec->bits ? plan->step : -1;
    a->observer = spec->bits && observer ? observer->text : NULL;
    a->raised = false;
    a->share = -1;
    a->unclamped = false;
}

ssmq_status ssmq_format_spec(const char *method, int bits, int format, bool symmetric,
                             ssmq_qspec *out)
{
    const int wide = ssmq_format_half((ssmq_format)format) ? 16 : 8;
    if (format != SSMQ_FORMAT_INT && bits != wide && bits != 0)
        return SSMQ_REFUSE(CONFIG, FORMAT_BITS, "%s: the format %s has %d bits, not %d", method,
                           ssmq_formats[format], wide, bits);
    if (format != SSMQ_FORMAT_INT && !symmetric)
        return SSMQ_REFUSE(CONFIG, FORMAT_AFFINE,
                           "%s: the format %s has no zero point; it is symmetric", method,
                           ssmq_formats[format]);
    *out = (ssmq_qspec){.format = (ssmq_format)format, .bits = bits, .symmetric = symmetric};
    return SSMQ_OK;
}

ssmq_status ssmq_arithmetic_spec(const char *method, const ssmq_arithmetic *a, ssmq_qspec *spec)
{
    if (spec->format != SSMQ_FORMAT_INT && a->rounding != SSMQ_ROUNDING_HALF_EVEN)
        return SSMQ_REFUSE(CONFIG, FORMAT_ROUNDING,
                           "%s: the format %s is rounded half-even, not %s", method,
                           ssmq_formats[spec->format], ssmq_roundings[a->rounding]);
    if (ssmq_qspec_half(spec) && (a->scale_dtype || a->quotient_dtype || a->product_dtype))
        return SSMQ_REFUSE(CONFIG, FORMAT_SCOPE,
                           "%s: the format %s has no scale; scale_dtype, quotient_dtype and product_dtype "
                           "say nothing",
                           method, ssmq_formats[spec->format]);
    spec->rounding = (ssmq_rounding)a->rounding;
    spec->scale_dtype = (ssmq_precision)a->scale_dtype;
    spec->quotient_dtype = (ssmq_precision)a->quotient_dtype;
    spec->product_dtype = (ssmq_precision)a->product_dtype;
    return SSMQ_OK;
}

ssmq_status ssmq_half_spec(const char *method, const ssmq_qspec *spec, ssmq_scope scope, bool ranges)
{
    if (!ssmq_qspec_half(spec)) return SSMQ_OK;
    if (scope != SSMQ_SCOPE_TENSOR)
        return SSMQ_REFUSE(CONFIG, FORMAT_SCOPE,
                           "%s: the format %s has no scale; scope %s says nothing", method,
                           ssmq_formats[spec->format], ssmq_scopes[scope]);
    if (ranges)
        return SSMQ_REFUSE(CONFIG, FORMAT_SCOPE,
                           "%s: the format %s has no range; range dynamic and clip_ratio say nothing", method,
                           ssmq_formats[spec->format]);
    return SSMQ_OK;
}

void ssmq_unit_scale(ssmq_plan *plan, int32_t site)
{
    const ssmq_tensor one = ssmq_plan_tensor(plan, SSMQ_F32, 0, NULL);
    *(float *)one.data = 1;
    plan->at[site].params = (ssmq_qparams){.scale = one};
}

ssmq_status ssmq_scope_spec(const char *method, int scope, int group, ssmq_qspec *spec)
{
    if ((scope == SSMQ_SCOPE_GROUP) != (group > 0))
        return SSMQ_REFUSE(CONFIG, GROUP, "%s: scope group and a group above 0 go together",
                           method);
    spec->scope = (ssmq_scope)scope;
    spec->group = group;
    return SSMQ_OK;
}

ssmq_status ssmq_group_divides(const ssmq_qspec *spec, const ssmq_site *site)
{
    if (spec->scope != SSMQ_SCOPE_GROUP || site->width % spec->group == 0) return SSMQ_OK;
    return SSMQ_REFUSE(CONFIG, GROUP_SIZE, "%s: group %d does not divide its %" PRId64 " inputs",
                       site->name, spec->group, site->width);
}

ssmq_status ssmq_refuse_kept(const ssmq_plan *plan, int32_t site, const char *what)
{
    if (!plan->at[site].keep.data) return SSMQ_OK;
    return SSMQ_REFUSE(CONFIG, STEP_ORDER,
                       "outliers of %s are kept by an earlier step; %s has to come before it",
                       plan->model->site[site].name, what);
}

/* ---- ranges to scales ------------------------------------------------------------------ */

/* An affine range holds 0, so that 0 has a code of its own. */
static float affine_scale(const ssmq_range *r, const ssmq_qspec *spec, int32_t *zero)
{
    const float low = r->low < 0 ? r->low : 0, high = r->high > 0 ? r->high : 0;
    const float least = (float)ssmq_code_min(spec), most = (float)ssmq_code_max(spec);
    const float scale = ssmq_scale(high - low, most - least, spec), at = rintf(least - low / scale);
    *zero = (int32_t)(at > least ? (at < most ? at : most) : least);
    return scale;
}

float ssmq_scale_of_range(const ssmq_range *r, const ssmq_qspec *spec, int32_t *zero)
{
    *zero = 0;
    return spec->symmetric ? ssmq_scale(r->high, ssmq_code_limit(spec), spec)
                           : affine_scale(r, spec, zero);
}

ssmq_status ssmq_params_of_ranges(ssmq_plan *plan, int32_t site, const ssmq_range *range,
                                  int32_t rank, const int64_t *dim)
{
    ssmq_assignment  *a = &plan->at[site];
    const ssmq_tensor scale = ssmq_plan_tensor(plan, SSMQ_F32, rank, dim);
    ssmq_tensor       zero = {0};
    if (!a->spec.symmetric) zero = ssmq_plan_tensor(plan, SSMQ_I32, rank, dim);
    for (int64_t i = 0; i < ssmq_tensor_count(&scale); i++) {
        int32_t     at;
        const float value = ssmq_scale_of_range(&range[i], &a->spec, &at);
        if (zero.data) ((int32_t *)zero.data)[i] = at;
        if (!(value > 0) || !isfinite(value))
            return SSMQ_FAIL(NUMERIC, "%s: a range from %g to %g gives no scale",
                             plan->model->site[site].name, (double)range[i].low,
                             (double)range[i].high);
        ((float *)scale.data)[i] = value;
    }
    a->params = (ssmq_qparams){.scale = scale, .zero = zero};
    return SSMQ_OK;
}

/* ---- weights --------------------------------------------------------------------------- */

/* Rows and groups that share a scale, of a weight as rows (R, K). */
static void units_of(const ssmq_qspec *spec, const ssmq_tensor *rows, int64_t dim[2])
{
    dim[0] = spec->scope == SSMQ_SCOPE_TENSOR ? 1 : rows->dim[0];
    dim[1] = spec->scope == SSMQ_SCOPE_GROUP ? (rows->dim[1] + spec->group - 1) / spec->group : 1;
}

static ssmq_tensor unit_at(const ssmq_qspec *spec, const ssmq_tensor *rows, int64_t row,
                           int64_t group)
{
    if (spec->scope == SSMQ_SCOPE_TENSOR) return *rows;
    const ssmq_tensor one = ssmq_tensor_slice(rows, 0, row, 1);
    if (spec->scope == SSMQ_SCOPE_CHANNEL) return one;
    const int64_t begin = group * spec->group, left = rows->dim[1] - begin;
    return ssmq_tensor_slice(&one, 1, begin, left < spec->group ? left : spec->group);
}

/* An all but silent unit gets a scale all the same. */
static void raise(ssmq_range *r, bool *raised)
{
    if (r->high >= SSMQ_AMAX_MIN || r->low <= -SSMQ_AMAX_MIN) return;
    *r = (ssmq_range){.low = -SSMQ_AMAX_MIN, .high = SSMQ_AMAX_MIN};
    *raised = true;
}

/* The range of a unit that begins at a column, without the columns that stay in floating point; where that
 * is all of them there is nothing to quantise, and any range does. */
static ssmq_status unit_range(const ssmq_plan *plan, int32_t site, const ssmq_observer *observer,
                              const ssmq_tensor *unit, int64_t first, ssmq_range *out)
{
    const ssmq_qspec  *spec = &plan->at[site].spec;
    const ssmq_tensor *keep = ssmq_plan_keep(plan, site);
    if (!keep) return observer->statistic->range(observer->statistic_options, unit, spec, out);
    float            *copy = malloc(ssmq_tensor_bytes(unit));
    ssmq_status       st = SSMQ_OK;
    if (!copy) return SSMQ_FAIL(MEMORY, "no memory for a copy of %s", plan->model->site[site].name);
    const ssmq_tensor rest = ssmq_without(unit, keep, first, copy);
    *out = (ssmq_range){-SSMQ_AMAX_MIN, SSMQ_AMAX_MIN};
    if (rest.dim[1] > 0) st = observer->statistic->range(observer->statistic_options, &rest, spec, out);
    free(copy);
    return st;
}

ssmq_status ssmq_weight_params(ssmq_plan *plan, int32_t site, const ssmq_observer *observer)
{
    const ssmq_model    *m = plan->model;
    ssmq_assignment     *a = &plan->at[site];
    const ssmq_statistic *statistic = observer->statistic;
    const ssmq_tensor    rows = ssmq_tensor_rows(ssmq_model_value(m, m->site[site].weight));
    int64_t              dim[2];
    if (rows.dim[0] == 1 && a->spec.scope == SSMQ_SCOPE_CHANNEL) a->spec.scope = SSMQ_SCOPE_TENSOR;
    units_of(&a->spec, &rows, dim);
    ssmq_range *range = ssmq_must_malloc((size_t)(dim[0] * dim[1]) * sizeof *range);
    ssmq_status st = SSMQ_OK;
    for (int64_t i = 0; i < dim[0] * dim[1] && st == SSMQ_OK; i++) {
        const ssmq_tensor unit = unit_at(&a->spec, &rows, i / dim[1], i % dim[1]);
        st = unit_range(plan, site, observer, &unit, i % dim[1] * a->spec.group, &range[i]);
        if (statistic->floor && st == SSMQ_OK) raise(&range[i], &a->raised);
    }
    if (st == SSMQ_OK)
        st = ssmq_params_of_ranges(plan, site, range, a->spec.scope == SSMQ_SCOPE_TENSOR ? 0 : 2, dim);
    free(range);
    ssmq_model_forget(m, m->site[site].weight);
    return st;
}
