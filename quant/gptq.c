/* Weights of linear layers to codes that make the layer's output, not each weight, come out right: columns
 * are rounded one after the other, and what a column loses is made up for by those behind it, as the second
 * moments of the layer's inputs say.  Layer by layer: the inputs are those that come out of the layers
 * before, quantised; within a layer all weights see the inputs of its float weights.
 *
 * Source: GPTQ, arXiv:2210.17323; as in quant/quamba-spec.md, 6.6, the scales of groups are those of the group
 * as it has become.  Unlike there: a group's scale with act_order is taken when the first of its columns is
 * reached, sums of products are in f64 over samples and f32 within one, solving is in f64. */
#include "quant/observers.h"
#include "quant/select.h"
#include "quant/solve/columns.h"

typedef struct gptq_options {
    const char *const *sites;
    int                bits;
    int                scope; /* ssmq_scope */
    int                group;
    bool               symmetric;
    double             damping;
    bool               act_order;
} gptq_options;

static const char *const scopes[] = {"tensor", "channel", "group", NULL}; /* as in ssmq_scope */

#define OPT(field) #field, offsetof(gptq_options, field)
static const ssmq_option gptq_table[] = {
    {OPT(sites), SSMQ_OPTION_SITES, "layers.**", 0, 0, NULL, "which weights of linear layers"},
    {OPT(bits), SSMQ_OPTION_INT, "4", 2, 8, NULL, "bits per code"},
    {OPT(scope), SSMQ_OPTION_CHOICE, "channel", 0, 0, scopes,
     "what shares a scale: all, a row, or a group of inputs of a row"},
    {OPT(group), SSMQ_OPTION_INT, "0", 0, 65536, NULL, "inputs per scale, with scope group"},
    {OPT(symmetric), SSMQ_OPTION_BOOL, "true", 0, 0, NULL, "no zero point"},
    {OPT(damping), SSMQ_OPTION_REAL, "0.01", 0, 1, NULL,
     "added to the diagonal of the second moments, as a part of its mean"},
    {OPT(act_order), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "inputs with the largest second moment first, in place of the first"},
    {0},
};

/* The range is that of the values: what a weight of this grid would have under the step weights. */
static const ssmq_observer observer = {.statistic = &ssmq_statistic_minmax, .text = "{}"};

/* Of the layer under way? */
static bool takes_now(const gptq_options *o, const ssmq_plan *plan, int32_t site)
{
    const ssmq_site *s = &plan->model->site[site];
    return s->layer == plan->layer && ssmq_takes(&ssmq_method_gptq, o->sites, s);
}

static ssmq_status gptq_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const gptq_options *o = options;
    ssmq_qspec          spec = {.bits = o->bits, .symmetric = o->symmetric};
    SSMQ_TRY(ssmq_scope_spec("gptq", o->scope, o->group, &spec));
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_gptq, o->sites, &m->site[i])) continue;
        SSMQ_TRY(ssmq_group_divides(&spec, &m->site[i]));
        ssmq_assign(plan, i, &spec, NULL);
    }
    return SSMQ_OK;
}

static bool gptq_needs_data(const void *options)
{
    (void)options;
    return true;
}

static void gptq_observe(const void *options, const ssmq_plan *plan, ssmq_calibration *c)
{
    for (int32_t i = 0; i < plan->model->n_site; i++)
        if (takes_now(options, plan, i)) ssmq_calibration_watch_gram(c, plan->model->site[i].input);
}

/* Scales of the whole weight or its rows; room for those of groups, which solving finds. */
static ssmq_status make_params(ssmq_plan *plan, int32_t site)
{
    const ssmq_tensor *w = &plan->model->weight[plan->model->site[site].weight].value;
    ssmq_assignment   *a = &plan->at[site];
    if (a->spec.scope != SSMQ_SCOPE_GROUP) return ssmq_weight_params(plan, site, &observer);
    const int64_t dim[2] = {w->dim[0], w->dim[1] / a->spec.group};
    a->params = (ssmq_qparams){.scale = ssmq_plan_tensor(plan, SSMQ_F32, 2, dim)};
    if (!a->spec.symmetric) a->params.zero = ssmq_plan_tensor(plan, SSMQ_I32, 2, dim);
    return SSMQ_OK;
}

static ssmq_status solve(const gptq_options *o, const ssmq_calibration *c, ssmq_plan *plan, int32_t site)
{
    const ssmq_site   *s = &plan->model->site[site];
    ssmq_assignment   *a = &plan->at[site];
    SSMQ_TRY(make_params(plan, site));
    const ssmq_tensor *w = ssmq_model_value(plan->model, s->weight);
    const ssmq_tensor  codes = ssmq_plan_tensor(plan, SSMQ_I8, w->rank, w->dim);
    const ssmq_columns args = {.w = w,
                               .hessian = ssmq_calibration_gram(c, s->input),
                               .spec = &a->spec,
                               .params = &a->params,
                               .keep = ssmq_plan_keep(plan, site),
                               .damping = o->damping,
                               .by_size = o->act_order};
    const ssmq_status  st = ssmq_columns_solve(&args, codes.data, &a->raised);
    ssmq_model_forget(plan->model, s->weight);
    if (st == SSMQ_ERR_NUMERIC)
        return SSMQ_FAIL(NUMERIC,
                         "%s: the second moments of its inputs cannot be inverted with damping %g: %s",
                         s->name, o->damping, ssmq_error_last()->message);
    SSMQ_TRY(st);
    a->codes = codes;
    return SSMQ_OK;
}

static ssmq_status gptq_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                              ssmq_plan *plan)
{
    for (int32_t i = 0; i < m->n_site; i++)
        if (takes_now(options, plan, i)) SSMQ_TRY(solve(options, c, plan, i));
    return SSMQ_OK;
}

const ssmq_method ssmq_method_gptq = {
    .name = "gptq",
    .help = "weights to codes that keep the layer's output, layer by layer",
    .source = "GPTQ, arXiv:2210.17323 (quant/quamba-spec.md, 6.6)",
    .options = gptq_table,
    .options_size = sizeof(gptq_options),
    .sites = offsetof(gptq_options, sites),
    .kinds = 1u << SSMQ_SITE_WEIGHT,
    .op = "linear",
    .layerwise = true,
    .outline = gptq_outline,
    .needs_data = gptq_needs_data,
    .observe = gptq_observe,
    .apply = gptq_apply,
};
