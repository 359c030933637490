/* Smoothing: channels of an activation are divided by factors that the weights behind it absorb, so that
 * large channels of the one are paid for by the other.
 *
 * s_c = max(a_c^alpha / w_c^(1 - alpha), 1e-5), in f32, of a_c, the largest |x| of channel c over all
 * samples, and w_c, the largest |w| of the columns that multiply it, both raised to 1e-5.  The factor goes
 * into the weight in front of the site where the family names one (ssmq_site.fold); elsewhere the activation
 * is divided at run time.  What the scan reads is not absorbed by any weight of its own, so exec multiplies
 * it back there.
 *
 * Source: SmoothQuant, arXiv:2211.10438, equation 4; for Mamba quant/quamba-spec.md, 2.7 and 5, where nothing
 * is folded (fold: false) and arithmetic is fp16. */
#include <math.h>
#include "quant/observers.h"
#include "quant/select.h"

typedef struct smoothquant_options {
    const char *const *sites;
    double             alpha;
    bool               fold;
} smoothquant_options;

#define OPT(field) #field, offsetof(smoothquant_options, field)
static const ssmq_option smoothquant_table[] = {
    {OPT(sites), SSMQ_OPTION_SITES, "layers.*.{{in_proj,dt_proj,out_proj}.in,scan.x}", 0, 0, NULL,
     "which inputs of linear layers"},
    {OPT(alpha), SSMQ_OPTION_REAL, "0.5", 0, 1, NULL,
     "how much of a channel's range moves into the weights: 0 none of it, 1 all"},
    {OPT(fold), SSMQ_OPTION_BOOL, "true", 0, 0, NULL,
     "factors into the weight before the site where there is one; false: divided at run time"},
    {0},
};

/* a_c: whatever the options, the largest magnitude of each channel. */
static const ssmq_observer observer = {.statistic = &ssmq_statistic_absmax,
                                       .across = &ssmq_across_max,
                                       .text = "{\"statistic\":\"absmax\",\"across\":\"max\"}"};
static const ssmq_qspec    by_channel = {.symmetric = true, .scope = SSMQ_SCOPE_CHANNEL};

static bool takes(const smoothquant_options *o, const ssmq_model *m, int32_t site)
{
    return ssmq_takes(&ssmq_method_smoothquant, o->sites, &m->site[site]);
}

static bool folds(const smoothquant_options *o, const ssmq_model *m, int32_t site)
{
    return o->fold && m->site[site].fold >= 0;
}

/* ---- what cannot work ------------------------------------------------------------------ */

/* The weight that the factors of a site would be folded into is settled already. */
static ssmq_status refuse_fold(const ssmq_model *m, const ssmq_plan *plan, int32_t site)
{
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].weight == m->site[site].fold && plan->at[i].spec.bits)
            return SSMQ_REFUSE(CONFIG, STEP_ORDER,
                               "%s is quantised by an earlier step, so the factors of %s cannot be "
                               "folded into it; smooth before it, or with fold: false",
                               m->site[i].name, m->site[site].name);
    return SSMQ_OK;
}

static ssmq_status refuse(const smoothquant_options *o, const ssmq_model *m, const ssmq_plan *plan,
                          int32_t site)
{
    const char *name = m->site[site].name;
    if (plan->at[site].smooth.data)
        return SSMQ_REFUSE(CONFIG, STEP_AGAIN, "%s is already smoothed", name);
    SSMQ_TRY(ssmq_refuse_kept(plan, site, "smoothing"));
    if (plan->at[site].rotate)
        return SSMQ_REFUSE(CONFIG, STEP_ORDER,
                           "%s is rotated by an earlier step; smoothing has to come before it",
                           name);
    for (int32_t i = 0; i < m->n_site; i++)
        if ((i == site || m->site[i].input == site) && plan->at[i].spec.bits)
            return SSMQ_REFUSE(
                CONFIG, STEP_ORDER,
                "%s is quantised by an earlier step; smoothing has to come before it",
                m->site[i].name);
    return folds(o, m, site) ? refuse_fold(m, plan, site) : SSMQ_OK;
}

static ssmq_tensor ones(ssmq_plan *plan, int64_t n)
{
    const ssmq_tensor t = ssmq_plan_tensor(plan, SSMQ_F32, 1, &n);
    for (int64_t i = 0; i < n; i++) ((float *)t.data)[i] = 1;
    return t;
}

/* Factors are 1 until they are known, so that calibration sees the activation as it is. */
static ssmq_status smoothquant_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const smoothquant_options *o = options;
    for (int32_t i = 0; i < m->n_site; i++) {
        ssmq_assignment *a = &plan->at[i];
        if (!takes(o, m, i)) continue;
        SSMQ_TRY(refuse(o, m, plan, i));
        a->smooth = ones(plan, m->site[i].width);
        if (folds(o, m, i)) continue;
        a->divide = a->smooth;
        a->inverse = ones(plan, m->site[i].width);
    }
    return SSMQ_OK;
}

/* ---- factors --------------------------------------------------------------------------- */

static bool smoothquant_needs_data(const void *options)
{
    (void)options;
    return true;
}

static void smoothquant_observe(const void *options, const ssmq_plan *plan, ssmq_calibration *c)
{
    for (int32_t i = 0; i < plan->model->n_site; i++)
        if (takes(options, plan->model, i)) ssmq_calibration_watch(c, i, &observer, &by_channel);
}

/* most[c] = largest |w| of column c over the weights that read a site. */
static void column_max(const ssmq_model *m, int32_t site, float *most)
{
    for (int64_t c = 0; c < m->site[site].width; c++) most[c] = SSMQ_AMAX_MIN;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (m->site[i].input != site) continue;
        const ssmq_tensor *w = ssmq_model_value(m, m->site[i].weight);
        for (int64_t row = 0; row < w->dim[0]; row++)
            for (int64_t c = 0; c < w->dim[1]; c++)
                most[c] = fmaxf(most[c], fabsf(((const float *)w->data)[row * w->stride[0] + c]));
        ssmq_model_forget(m, m->site[i].weight);
    }
}

static void find_factors(const smoothquant_options *o, const ssmq_plan *plan,
                         const ssmq_calibration *c, int32_t site)
{
    const int64_t     n = plan->model->site[site].width;
    const float       alpha = (float)o->alpha;
    bool              raised = false; /* a silent channel is nothing to warn of */
    const ssmq_range *range = ssmq_calibration_range(c, site, &observer, &by_channel, &raised);
    float            *s = plan->at[site].smooth.data;
    column_max(plan->model, site, s);
    for (int64_t i = 0; i < n; i++)
        s[i] = fmaxf(powf(range[i].high, alpha) / powf(s[i], 1 - alpha), SSMQ_AMAX_MIN);
}

/* ---- where they go --------------------------------------------------------------------- */

/* Columns of the weights that read a site, times its factors. */
static ssmq_status absorb(ssmq_model *m, int32_t site, const float *s)
{
    for (int32_t i = 0; i < m->n_site; i++) {
        if (m->site[i].input != site) continue;
        ssmq_tensor w;
        SSMQ_TRY(ssmq_model_writable(m, m->site[i].weight, &w));
        for (int64_t row = 0; row < w.dim[0]; row++)
            for (int64_t c = 0; c < w.dim[1]; c++)
                ((float *)w.data)[row * w.stride[0] + c] *= s[c];
    }
    return SSMQ_OK;
}

/* Rows of the weight in front of a site, or elements of a gain, divided by the factors. */
static ssmq_status fold(ssmq_model *m, const ssmq_site *site, const float *s)
{
    ssmq_tensor w;
    SSMQ_TRY(ssmq_model_writable(m, site->fold, &w));
    const int64_t length = w.rank == 1 ? 1 : w.dim[1];
    for (int64_t c = 0; c < site->width; c++) {
        float *row = (float *)w.data + (site->fold_row + c) * w.stride[0];
        for (int64_t i = 0; i < length; i++) row[i] /= s[c];
    }
    return SSMQ_OK;
}

/* All factors are found from weights as they were: a fold changes rows of what another site's factors
 * are found from. */
static ssmq_status smoothquant_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                     ssmq_plan *plan)
{
    const smoothquant_options *o = options;
    for (int32_t i = 0; i < m->n_site; i++)
        if (takes(o, m, i)) find_factors(o, plan, c, i);
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!takes(o, m, i)) continue;
        const float *s = plan->at[i].smooth.data;
        float       *inverse = plan->at[i].inverse.data;
        SSMQ_TRY(absorb(m, i, s));
        if (folds(o, m, i)) SSMQ_TRY(fold(m, &m->site[i], s));
        for (int64_t k = 0; inverse && k < m->site[i].width; k++) inverse[k] = 1 / s[k];
    }
    return SSMQ_OK;
}

const ssmq_method ssmq_method_smoothquant = {
    .name = "smoothquant",
    .help = "channels of activations scaled down, columns of weights up",
    .source = "SmoothQuant, arXiv:2211.10438 (quant/quamba-spec.md, 2.7; folded where it can be)",
    .options = smoothquant_table,
    .options_size = sizeof(smoothquant_options),
    .sites = offsetof(smoothquant_options, sites),
    .kinds = 1u << SSMQ_SITE_ACTIVATION,
    .linear = true,
    .keeps_float = true,
    .transforms = true,
    .outline = smoothquant_outline,
    .needs_data = smoothquant_needs_data,
    .observe = smoothquant_observe,
    .apply = smoothquant_apply,
};
