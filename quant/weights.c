/* Weights to the nearest code, ranges from the weights themselves: the simplest method, and the one
 * to copy when adding another.
 * Source: the baseline of every PTQ paper; quant/quamba-spec.md, 2.4. */
#include "quant/select.h"

typedef struct weights_options {
    const char *const *sites;
    int                bits;
    int                scope; /* ssmq_scope */
    ssmq_observer      observer;
} weights_options;

static const char *const scopes[] = {"tensor", "channel", NULL}; /* as in ssmq_scope */

#define OPT(field) #field, offsetof(weights_options, field)
static const ssmq_option weights_table[] = {
    {OPT(sites), SSMQ_OPTION_SITES, "layers.**", 0, 0, NULL, "which weights"},
    {OPT(bits), SSMQ_OPTION_INT, "8", 2, 16, NULL, "bits per code; above 8 in fake mode only"},
    {OPT(scope), SSMQ_OPTION_CHOICE, "tensor", 0, 0, scopes, "what shares a scale"},
    {OPT(observer), SSMQ_OPTION_OBSERVER, "{statistic: absmax}", 0, 0, NULL, "the clip range"},
    {0},
};

static ssmq_status weights_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const weights_options *o = options;
    const ssmq_qspec       spec = {
        .bits = o->bits, .symmetric = true, .scope = (ssmq_scope)o->scope};
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_weights, o->sites, &m->site[i])) continue;
        ssmq_assign(plan, i, &spec, &o->observer);
    }
    return SSMQ_OK;
}

static ssmq_status weights_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                 ssmq_plan *plan)
{
    const weights_options *o = options;
    (void)c;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_weights, o->sites, &m->site[i])) continue;
        SSMQ_TRY(ssmq_weight_params(plan, i, &o->observer));
    }
    return SSMQ_OK;
}

const ssmq_method ssmq_method_weights = {
    .name = "weights",
    .help = "weights to the nearest code, static range",
    .source = "round to nearest (quant/quamba-spec.md, 2.3, 2.4)",
    .options = weights_table,
    .options_size = sizeof(weights_options),
    .sites = offsetof(weights_options, sites),
    .kinds = 1u << SSMQ_SITE_WEIGHT,
    .outline = weights_outline,
    .apply = weights_apply,
};
