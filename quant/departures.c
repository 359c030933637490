/* What the original real kernels of Quamba do otherwise than its simulation, each by itself, so
 * that it can be seen what it costs: in both modes, or in real mode alone, which is then held
 * against fake mode without it. Source: quant/quamba-spec.md, 3.3, 3.10, 10. */
#include "quant/select.h"

typedef struct departures_options {
    bool shared_xz, shared_dt_bc, int8_biases, f16_residual, no_clamp;
    int  modes; /* of modes */
} departures_options;

static const char *const modes[] = {"both", "real", NULL};
enum { MODES_BOTH, MODES_REAL };

#define OPT(field) #field, offsetof(departures_options, field)
static const ssmq_option departures_table[] = {
    {OPT(shared_xz), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "one scale for the two halves of what in_proj gives, conv.in and gate.z: the larger"},
    {OPT(shared_dt_bc), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "one scale for what x_proj gives, dt_proj.in, scan.B and scan.C: the largest"},
    {OPT(int8_biases), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "biases rounded to 8 bits, a scale each; that of dt_proj is added where it always is, before "
     "scan.dt is "
     "quantised, not in the scan"},
    {OPT(f16_residual), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "the residual stream rounded to half precision after each addition"},
    {OPT(no_clamp), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "codes behind a Hadamard transform are not clamped: those beyond the range keep their low "
     "bits"},
    {OPT(modes), SSMQ_OPTION_CHOICE, "both", 0, 0, modes,
     "both: fake simulates them; real: mode fake goes without, for `ssmq compare --fake-real`"},
    {0},
};

/* Sites of a layer that have one scale from now on. */
static ssmq_status share(ssmq_plan *plan, int32_t layer, const char *const *names)
{
    int32_t first = -1;
    for (; *names; names++) {
        const char   *name = ssmq_arena_printf(plan->arena, "layers.%d.%s", layer, *names);
        const int32_t site = ssmq_model_site(plan->model, name);
        if (site < 0)
            return SSMQ_REFUSE(CONFIG, DEPARTURE_SITE, "departures: the model has no site %s",
                               name);
        const ssmq_qspec *s = &plan->at[site].spec;
        if (!ssmq_qspec_bytes(s) || s->dynamic || !s->symmetric || s->scope != SSMQ_SCOPE_TENSOR)
            return SSMQ_REFUSE(
                CONFIG, DEPARTURE_SITE,
                "departures: %s has no static symmetric scale of its own to share before this step",
                name);
        if (first < 0) first = site;
        if (s->bits != plan->at[first].spec.bits)
            return SSMQ_REFUSE(CONFIG, DEPARTURE_SITE,
                               "departures: %s has another number of bits than %s", name,
                               plan->model->site[first].name);
        plan->at[site].share = first;
    }
    return SSMQ_OK;
}

static ssmq_status share_all(const departures_options *o, ssmq_plan *plan)
{
    static const char *const xz[] = {"conv.in", "gate.z", NULL};
    static const char *const dt_bc[] = {"dt_proj.in", "scan.B", "scan.C", NULL};
    for (int32_t layer = 0; layer < plan->model->n_layer; layer++) {
        if (o->shared_xz) SSMQ_TRY(share(plan, layer, xz));
        if (o->shared_dt_bc) SSMQ_TRY(share(plan, layer, dt_bc));
    }
    return SSMQ_OK;
}

static ssmq_status leave_unclamped(ssmq_plan *plan)
{
    bool any = false;
    for (int32_t i = 0; i < plan->model->n_site; i++) {
        ssmq_assignment *a = &plan->at[i];
        if (!a->rotate || !ssmq_qspec_bytes(&a->spec)) continue;
        a->unclamped = any = true;
    }
    if (any) return SSMQ_OK;
    return SSMQ_REFUSE(
        CONFIG, DEPARTURE_SITE,
        "departures: no_clamp is about codes behind a Hadamard transform; no site has both before "
        "this step");
}

/* Does a plan depart in anything, by earlier steps? */
static bool departs(const ssmq_plan *plan)
{
    bool any = plan->departures.int8_biases || plan->departures.f16_residual;
    for (int32_t i = 0; i < plan->model->n_site; i++) any |= plan->at[i].share >= 0 || plan->at[i].unclamped;
    return any;
}

/* Steps add up, so that each departure can be one of its own; a plan has one answer to where they hold. */
static ssmq_status departures_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const departures_options *o = options;
    ssmq_departures          *d = &plan->departures;
    (void)m;
    if (!(o->shared_xz || o->shared_dt_bc || o->int8_biases || o->f16_residual || o->no_clamp))
        return SSMQ_OK;
    if (departs(plan) && d->real_only != (o->modes == MODES_REAL))
        return SSMQ_REFUSE(CONFIG, REFUSED,
                           "departures: modes is %s here and %s in an earlier step; it is the same for all",
                           modes[o->modes], modes[d->real_only ? MODES_REAL : MODES_BOTH]);
    SSMQ_TRY(share_all(o, plan));
    if (o->no_clamp) SSMQ_TRY(leave_unclamped(plan));
    d->real_only = o->modes == MODES_REAL;
    d->int8_biases |= o->int8_biases;
    d->f16_residual |= o->f16_residual;
    return SSMQ_OK;
}

static ssmq_status departures_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                    ssmq_plan *plan)
{
    (void)options, (void)m, (void)c, (void)plan;
    return SSMQ_OK; /* exec has what it needs in the plan */
}

const ssmq_method ssmq_method_departures = {
    .name = "departures",
    .help = "what the original real kernels do otherwise than their simulation, after the steps "
            "that quantise",
    .source = "Quamba's kernels (quant/quamba-spec.md, 3.3, 3.10, 10)",
    .options = departures_table,
    .options_size = sizeof(departures_options),
    .sites = SSMQ_METHOD_NO_SITES,
    .outline = departures_outline,
    .apply = departures_apply,
};
