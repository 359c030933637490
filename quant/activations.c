/* Activations to the nearest code with a static scale from calibration.
 * Source: quant/quamba-spec.md, 2.3, 2.5, 2.6. */
#include "quant/select.h"

typedef struct activations_options {
    const char *const *sites;
    int                bits;
    int                scope; /* ssmq_scope */
    ssmq_observer      observer;
} activations_options;

static const char *const scopes[] = {"tensor", NULL}; /* as in ssmq_scope */

#define OPT(field) #field, offsetof(activations_options, field)
static const ssmq_option activations_table[] = {
    {OPT(sites), SSMQ_OPTION_SITES, "layers.**", 0, 0, NULL, "which activations"},
    {OPT(bits), SSMQ_OPTION_INT, "8", 2, 16, NULL, "bits per code; above 8 in fake mode only"},
    {OPT(scope), SSMQ_OPTION_CHOICE, "tensor", 0, 0, scopes, "what shares a scale"},
    {OPT(observer), SSMQ_OPTION_OBSERVER, "{statistic: absmax, across: max}", 0, 0, NULL,
     "how the range is found"},
    {0},
};

static ssmq_status activations_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const activations_options *o = options;
    const ssmq_qspec           spec = {
        .bits = o->bits, .symmetric = true, .scope = (ssmq_scope)o->scope};
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_activations, o->sites, &m->site[i])) continue;
        ssmq_assign(plan, i, &spec, &o->observer);
    }
    return SSMQ_OK;
}

static void activations_observe(const void *options, const ssmq_model *m, ssmq_calibration *c)
{
    const activations_options *o = options;
    for (int32_t i = 0; i < m->n_site; i++)
        if (ssmq_takes(&ssmq_method_activations, o->sites, &m->site[i]))
            ssmq_calibration_watch(c, i, &o->observer);
}

static ssmq_status activations_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                     ssmq_plan *plan)
{
    const activations_options *o = options;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_activations, o->sites, &m->site[i])) continue;
        ssmq_assignment *a = &plan->at[i];
        const float      range = ssmq_calibration_range(c, i, &o->observer, &a->raised);
        SSMQ_TRY(ssmq_scale_of_range(&m->site[i], range, &a->spec, ssmq_plan_scales(plan, 0), 0,
                                     &a->params.scale));
    }
    return SSMQ_OK;
}

const ssmq_method ssmq_method_activations = {
    .name = "activations",
    .help = "activations to the nearest code, static range from calibration",
    .source = "static per-tensor quantisation (quant/quamba-spec.md, 2.3, 2.5, 2.6)",
    .options = activations_table,
    .options_size = sizeof(activations_options),
    .sites = offsetof(activations_options, sites),
    .kinds = 1u << SSMQ_SITE_ACTIVATION,
    .outline = activations_outline,
    .observe = activations_observe,
    .apply = activations_apply,
};
