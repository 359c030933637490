/* Weights to the nearest code, ranges from the weights themselves: the simplest method, and the one
 * to copy when adding another.
 * Source: the baseline of every PTQ paper; quant/quamba-spec.md, 2.4. */
#include "quant/select.h"

typedef struct weights_options {
    const char *const *sites;
    int                bits;   /* 0: off           */
    int                format; /* ssmq_format      */
    int                scope;  /* ssmq_scope       */
    int                group;
    bool               symmetric;
    ssmq_observer      observer;
    ssmq_arithmetic    arithmetic;
} weights_options;

static const char *const off[] = {"off", NULL};
static const char *const scopes[] = {"tensor", "channel", "group", NULL}; /* as in ssmq_scope  */

#define OPT(field) #field, offsetof(weights_options, field)
static const ssmq_option weights_table[] = {
    {OPT(sites), SSMQ_OPTION_SITES, "layers.**", 0, 0, NULL, "which weights"},
    {OPT(bits), SSMQ_OPTION_INT, "8", 2, 16, off,
     "bits per code, 16 of f16 and bf16, else above 8 in fake mode only; off: left in floating point"},
    {OPT(format), SSMQ_OPTION_CHOICE, "int", 0, 0, ssmq_formats,
     "number format of a code; f16, bf16: rounded to 16 bits of floating point, without a range"},
    {OPT(scope), SSMQ_OPTION_CHOICE, "tensor", 0, 0, scopes,
     "what shares a scale: all, a row (a vector is one), or a group of inputs of a row"},
    {OPT(group), SSMQ_OPTION_INT, "0", 0, 65536, NULL, "inputs per scale, with scope group"},
    {OPT(symmetric), SSMQ_OPTION_BOOL, "true", 0, 0, NULL, "no zero point"},
    {OPT(observer), SSMQ_OPTION_OBSERVER, "{statistic: absmax}", 0, 0, NULL, "the clip range"},
    SSMQ_ARITHMETIC_OPTIONS(weights_options, arithmetic),
    {0},
};

static ssmq_status weights_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const weights_options *o = options;
    ssmq_qspec             spec;
    SSMQ_TRY(ssmq_format_spec("weights", o->bits, o->format, o->symmetric, &spec));
    SSMQ_TRY(ssmq_arithmetic_spec("weights", &o->arithmetic, &spec));
    SSMQ_TRY(ssmq_scope_spec("weights", o->scope, o->group, &spec));
    SSMQ_TRY(ssmq_half_spec("weights", &spec, spec.scope, false));
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_weights, o->sites, &m->site[i])) continue;
        SSMQ_TRY(ssmq_group_divides(&spec, &m->site[i]));
        ssmq_assign(plan, i, &spec, ssmq_qspec_half(&spec) ? NULL : &o->observer);
    }
    return SSMQ_OK;
}

static bool weights_ranges(const void *options)
{
    const weights_options *o = options;
    return o->bits > 0 && !ssmq_format_half((ssmq_format)o->format);
}

static ssmq_status weights_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                 ssmq_plan *plan)
{
    const weights_options *o = options;
    (void)c;
    if (o->bits == 0) return SSMQ_OK;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_weights, o->sites, &m->site[i])) continue;
        if (ssmq_qspec_half(&plan->at[i].spec)) ssmq_unit_scale(plan, i);
        else SSMQ_TRY(ssmq_weight_params(plan, i, &o->observer));
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
    .ranges_weights = weights_ranges,
    .apply = weights_apply,
};
