/* Activations to the nearest code: static scales from calibration, or dynamic ones from the live tensor.
 * Source: quant/quamba-spec.md, 2.3, 2.5, 2.6, 2.9. */
#include "quant/select.h"

typedef struct activations_options {
    const char *const *sites;
    int                bits;   /* 0: off      */
    int                format; /* ssmq_format */
    int                scope;  /* of scopes   */
    bool               symmetric;
    int                range;
    double             clip_ratio;
    ssmq_observer      observer;
    ssmq_arithmetic    arithmetic;
} activations_options;

static const char *const off[] = {"off", NULL};
static const char *const scopes[] = {"tensor", "token", "channel", NULL};
static const ssmq_scope  scope_of[] = {SSMQ_SCOPE_TENSOR, SSMQ_SCOPE_TOKEN, SSMQ_SCOPE_CHANNEL};
static const char *const ranges[] = {"static", "dynamic", NULL};
enum { RANGE_STATIC, RANGE_DYNAMIC };

#define OPT(field) #field, offsetof(activations_options, field)
static const ssmq_option activations_table[] = {
    {OPT(sites), SSMQ_OPTION_SITES, "layers.**", 0, 0, NULL, "which activations"},
    {OPT(bits), SSMQ_OPTION_INT, "8", 2, 16, off,
     "bits per code, 16 of f16 and bf16, else above 8 in fake mode only; off: left in floating point"},
    {OPT(format), SSMQ_OPTION_CHOICE, "int", 0, 0, ssmq_formats,
     "number format of a code; f16, bf16: rounded to 16 bits of floating point, without a range"},
    {OPT(scope), SSMQ_OPTION_CHOICE, "tensor", 0, 0, scopes,
     "what shares a scale; token: dynamic only; channel: static, in fake mode only"},
    {OPT(symmetric), SSMQ_OPTION_BOOL, "true", 0, 0, NULL, "no zero point"},
    {OPT(range), SSMQ_OPTION_CHOICE, "static", 0, 0, ranges,
     "from calibration, or from the live tensor (scope tensor: of each sequence)"},
    {OPT(clip_ratio), SSMQ_OPTION_REAL, "1", 0.01, 1, NULL, "what the range is multiplied with"},
    {OPT(observer), SSMQ_OPTION_OBSERVER, "{statistic: absmax, across: max}", 0, 0, NULL,
     "how a static range is found"},
    SSMQ_ARITHMETIC_OPTIONS(activations_options, arithmetic),
    {0},
};

static ssmq_status check_scope(const activations_options *o)
{
    const bool dynamic = o->range == RANGE_DYNAMIC;
    if (scope_of[o->scope] == SSMQ_SCOPE_TOKEN && !dynamic)
        return SSMQ_REFUSE(CONFIG, TOKEN_STATIC,
                           "activations: scope token needs range dynamic: calibration does not "
                           "see the tokens to come");
    if (scope_of[o->scope] == SSMQ_SCOPE_CHANNEL && dynamic)
        return SSMQ_REFUSE(CONFIG, CHANNEL_DYNAMIC,
                           "activations: scope channel needs range static");
    return SSMQ_OK;
}

static bool observes(const activations_options *o)
{
    return o->bits > 0 && o->range == RANGE_STATIC && !ssmq_format_half((ssmq_format)o->format);
}

static ssmq_status activations_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const activations_options *o = options;
    const bool                 dynamic = o->range == RANGE_DYNAMIC;
    ssmq_qspec                 spec;
    SSMQ_TRY(ssmq_format_spec("activations", o->bits, o->format, o->symmetric, &spec));
    SSMQ_TRY(ssmq_arithmetic_spec("activations", &o->arithmetic, &spec));
    SSMQ_TRY(check_scope(o));
    SSMQ_TRY(ssmq_half_spec("activations", &spec, scope_of[o->scope], dynamic || o->clip_ratio < 1));
    spec.scope = scope_of[o->scope];
    spec.dynamic = dynamic;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_activations, o->sites, &m->site[i])) continue;
        ssmq_assign(plan, i, &spec, observes(o) ? &o->observer : NULL);
        plan->at[i].clip_ratio = (float)o->clip_ratio;
    }
    return SSMQ_OK;
}

static void activations_observe(const void *options, const ssmq_plan *plan, ssmq_calibration *c)
{
    const activations_options *o = options;
    const ssmq_model          *m = plan->model;
    for (int32_t i = 0; observes(o) && i < m->n_site; i++)
        if (ssmq_takes(&ssmq_method_activations, o->sites, &m->site[i]))
            ssmq_calibration_watch(c, i, &o->observer, &plan->at[i].spec);
}

/* The static scales of one site. */
static ssmq_status take_range(const activations_options *o, const ssmq_calibration *c,
                              ssmq_plan *plan, int32_t site)
{
    ssmq_assignment  *a = &plan->at[site];
    const bool        channels = a->spec.scope == SSMQ_SCOPE_CHANNEL;
    const int64_t     n = channels ? plan->model->site[site].width : 1;
    const ssmq_range *range = ssmq_calibration_range(c, site, &o->observer, &a->spec, &a->raised);
    ssmq_range       *clipped = SSMQ_ARENA_ARRAY(plan->arena, ssmq_range, n);
    for (int64_t i = 0; i < n; i++)
        clipped[i] = (ssmq_range){.low = range[i].low * a->clip_ratio,
                                  .high = range[i].high * a->clip_ratio};
    return ssmq_params_of_ranges(plan, site, clipped, channels ? 1 : 0, &n);
}

static ssmq_status activations_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                     ssmq_plan *plan)
{
    const activations_options *o = options;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_activations, o->sites, &m->site[i])) continue;
        if (observes(o)) SSMQ_TRY(take_range(o, c, plan, i));
        else if (ssmq_qspec_half(&plan->at[i].spec)) ssmq_unit_scale(plan, i);
    }
    return SSMQ_OK;
}

static bool activations_needs_data(const void *options)
{
    return observes(options);
}

const ssmq_method ssmq_method_activations = {
    .name = "activations",
    .help = "activations to the nearest code, static or dynamic range",
    .source = "static per-tensor quantisation (quant/quamba-spec.md, 2.3, 2.5, 2.6)",
    .options = activations_table,
    .options_size = sizeof(activations_options),
    .sites = offsetof(activations_options, sites),
    .kinds = 1u << SSMQ_SITE_ACTIVATION,
    .outline = activations_outline,
    .needs_data = activations_needs_data,
    .observe = activations_observe,
    .apply = activations_apply,
};
