/* Channels with large values stay in floating point: of the activation in front of a linear layer, and with
 * them the columns of its weights that multiply them.  A channel is kept if some |x| in the calibration
 * samples exceeds the threshold.  Ranges of later steps are taken without them.
 *
 * Source: LLM.int8, arXiv:2208.07339, section 3.2, which looks for such channels in every input anew; here
 * they are chosen once.  Who else reads the site (the scan reads the input of x_proj) reads the kept channels
 * in floating point too. */
#include "quant/observers.h"
#include "quant/select.h"

typedef struct outliers_options {
    const char *const *sites;
    double             threshold;
} outliers_options;

#define OPT(field) #field, offsetof(outliers_options, field)
static const ssmq_option outliers_table[] = {
    {OPT(sites), SSMQ_OPTION_SITES, "layers.**", 0, 0, NULL, "which inputs of linear layers"},
    {OPT(threshold), SSMQ_OPTION_REAL, "6", 0, 1e30, NULL,
     "a channel is kept where some |x| of the calibration samples is above it"},
    {0},
};

/* The largest magnitude of each channel over all samples. */
static const ssmq_observer observer = {.statistic = &ssmq_statistic_absmax,
                                       .across = &ssmq_across_max,
                                       .text = "{\"statistic\":\"absmax\",\"across\":\"max\"}"};
static const ssmq_qspec    by_channel = {.symmetric = true, .scope = SSMQ_SCOPE_CHANNEL};

static bool takes(const void *options, const ssmq_model *m, int32_t site)
{
    const outliers_options *o = options;
    return ssmq_takes(&ssmq_method_outliers, o->sites, &m->site[site]);
}

/* Ranges that earlier steps took had the outliers in them. */
static ssmq_status refuse(const ssmq_model *m, const ssmq_plan *plan, int32_t site)
{
    for (int32_t i = 0; i < m->n_site; i++)
        if ((i == site || m->site[i].input == site) && plan->at[i].spec.bits)
            return SSMQ_REFUSE(
                CONFIG, STEP_ORDER,
                "%s is quantised by an earlier step; outliers have to be found before it",
                m->site[i].name);
    return SSMQ_OK;
}

static ssmq_status outliers_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!takes(options, m, i)) continue;
        SSMQ_TRY(refuse(m, plan, i));
        plan->at[i].keep = ssmq_plan_tensor(plan, SSMQ_I32, 1, &m->site[i].width);
        plan->at[i].keep.dim[0] = 0; /* none chosen yet */
    }
    return SSMQ_OK;
}

static bool outliers_needs_data(const void *options)
{
    (void)options;
    return true;
}

static void outliers_observe(const void *options, const ssmq_plan *plan, ssmq_calibration *c)
{
    for (int32_t i = 0; i < plan->model->n_site; i++)
        if (takes(options, plan->model, i)) ssmq_calibration_watch(c, i, &observer, &by_channel);
}

static ssmq_status outliers_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                  ssmq_plan *plan)
{
    const outliers_options *o = options;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!takes(options, m, i)) continue;
        bool              raised = false;
        const ssmq_range *range = ssmq_calibration_range(c, i, &observer, &by_channel, &raised);
        ssmq_tensor      *keep = &plan->at[i].keep;
        for (int64_t channel = 0; channel < m->site[i].width; channel++)
            if ((double)range[channel].high > o->threshold)
                ((int32_t *)keep->data)[keep->dim[0]++] = (int32_t)channel;
    }
    return SSMQ_OK;
}

const ssmq_method ssmq_method_outliers = {
    .name = "outliers",
    .help = "channels with large values, and their columns, in floating point",
    .source = "LLM.int8, arXiv:2208.07339, 3.2; channels chosen once, from calibration",
    .options = outliers_table,
    .options_size = sizeof(outliers_options),
    .sites = offsetof(outliers_options, sites),
    .kinds = 1u << SSMQ_SITE_ACTIVATION,
    .linear = true,
    .keeps_float = true,
    .transforms = true,
    .outline = outliers_outline,
    .needs_data = outliers_needs_data,
    .observe = outliers_observe,
    .apply = outliers_apply,
};
