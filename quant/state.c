/* The recurrent state of the scan, rounded after every token: to codes with a static range, or to half
 * precision.  What a token's output is computed from is the state before it is rounded.
 * Source: Quamba2, arXiv:2503.22879 (quant/quamba-spec.md, 6.4); half precision between tokens is what
 * released models run with (1.4). */
#include "quant/select.h"

typedef struct state_options {
    const char *const *sites;
    int                bits;   /* 0: off; -1: those of the format */
    int                format; /* ssmq_format                     */
    int                scope;  /* ssmq_scope                      */
    ssmq_observer      observer;
} state_options;

static const char *const off[] = {"off", NULL};
static const char *const scopes[] = {"tensor", "channel", NULL};           /* as in ssmq_scope  */

#define OPT(field) #field, offsetof(state_options, field)
static const ssmq_option state_table[] = {
    {OPT(sites), SSMQ_OPTION_SITES, "layers.*.scan.state", 0, 0, NULL, "which states"},
    {OPT(bits), SSMQ_OPTION_INT, "", 2, 16, off,
     "bits per code, 8 unless said, 16 of f16 and bf16; off: left in floating point"},
    {OPT(format), SSMQ_OPTION_CHOICE, "int", 0, 0, ssmq_formats,
     "number format of a code; f16, bf16: rounded to 16 bits of floating point, without a range"},
    {OPT(scope), SSMQ_OPTION_CHOICE, "tensor", 0, 0, scopes,
     "what shares a scale: all of a layer's state, or the N numbers of an inner channel"},
    {OPT(observer), SSMQ_OPTION_OBSERVER, "{statistic: absmax, across: max}", 0, 0, NULL,
     "how the range is found, over the state after each token"},
    {0},
};

static int bits_of(const state_options *o)
{
    return o->bits >= 0 ? o->bits : ssmq_format_half((ssmq_format)o->format) ? 16 : 8;
}

static bool observes(const state_options *o)
{
    return o->bits != 0 && !ssmq_format_half((ssmq_format)o->format);
}

static ssmq_status state_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const state_options *o = options;
    ssmq_qspec           spec;
    SSMQ_TRY(ssmq_format_spec("state", bits_of(o), o->format, true, &spec));
    SSMQ_TRY(ssmq_half_spec("state", &spec, (ssmq_scope)o->scope, false));
    spec.scope = (ssmq_scope)o->scope;
    for (int32_t i = 0; i < m->n_site; i++)
        if (ssmq_takes(&ssmq_method_state, o->sites, &m->site[i]))
            ssmq_assign(plan, i, &spec, observes(o) ? &o->observer : NULL);
    return SSMQ_OK;
}

static bool state_needs_data(const void *options)
{
    return observes(options);
}

static void state_observe(const void *options, const ssmq_plan *plan, ssmq_calibration *c)
{
    const state_options *o = options;
    const ssmq_model    *m = plan->model;
    for (int32_t i = 0; i < m->n_site; i++)
        if (ssmq_takes(&ssmq_method_state, o->sites, &m->site[i]))
            ssmq_calibration_watch(c, i, &o->observer, &plan->at[i].spec);
}

static ssmq_status state_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                               ssmq_plan *plan)
{
    const state_options *o = options;
    for (int32_t i = 0; o->bits != 0 && i < m->n_site; i++) {
        ssmq_assignment *a = &plan->at[i];
        if (!ssmq_takes(&ssmq_method_state, o->sites, &m->site[i])) continue;
        if (!observes(o)) {
            ssmq_unit_scale(plan, i);
            continue;
        }
        const ssmq_range *range = ssmq_calibration_range(c, i, &o->observer, &a->spec, &a->raised);
        const int64_t     rows[2] = {m->site[i].rows, 1}; /* a scale each, (E, 1) */
        SSMQ_TRY(ssmq_params_of_ranges(plan, i, range, o->scope == SSMQ_SCOPE_CHANNEL ? 2 : 0, rows));
    }
    return SSMQ_OK;
}

const ssmq_method ssmq_method_state = {
    .name = "state",
    .help = "the recurrent state to the nearest code after each token; mode real keeps it so, in bytes or half precision",
    .source = "Quamba2, arXiv:2503.22879 (quant/quamba-spec.md, 1.4, 6.4)",
    .options = state_table,
    .options_size = sizeof(state_options),
    .sites = offsetof(state_options, sites),
    .kinds = 1u << SSMQ_SITE_STATE,
    .outline = state_outline,
    .needs_data = state_needs_data,
    .observe = state_observe,
    .apply = state_apply,
};
