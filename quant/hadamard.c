/* A Hadamard transform in front of a linear layer: online on the activation, fused into the weight's
 * input side.  H is orthonormal, and so is a diagonal of signs, so every product stays what it was.
 * Source: Quamba, arXiv:2410.13229, section 4.2; quant/quamba-spec.md, 2.8 and Appendix A.  Random signs:
 * QuaRot, arXiv:2404.00456, section 3. */
#include "quant/rotate.h"
#include "quant/select.h"

typedef struct hadamard_options {
    const char *const *sites;
    int                signs;        /* of signs       */
    int                weight_dtype; /* ssmq_precision */
} hadamard_options;

static const char *const signs[] = {"none", "random", NULL};
enum { SIGNS_NONE, SIGNS_RANDOM };

#define OPT(field) #field, offsetof(hadamard_options, field)
static const ssmq_option hadamard_table[] = {
    {OPT(sites), SSMQ_OPTION_SITES, "layers.*.out_proj.in", 0, 0, NULL, "which inputs of linear layers"},
    {OPT(signs), SSMQ_OPTION_CHOICE, "none", 0, 0, signs,
     "random: channels are first multiplied by +1 or -1, drawn with run.seed"},
    {OPT(weight_dtype), SSMQ_OPTION_CHOICE, "f32", 0, 0, ssmq_precisions,
     "f16: the turned weight is rounded to half precision, as released code stores it"},
    {0},
};

/* The reasons why a site cannot be rotated at this point of the recipe. */
static ssmq_status refuse(const ssmq_model *m, const ssmq_plan *plan, int32_t site)
{
    ssmq_hadamard h;
    const char   *name = m->site[site].name;
    if (ssmq_hadamard_find(m->site[site].width, &h) != SSMQ_OK)
        return SSMQ_REFUSE(UNSUPPORTED, HADAMARD_SIZE, "%s cannot be rotated: %s", name,
                           ssmq_error_last()->message);
    if (plan->at[site].rotate)
        return SSMQ_REFUSE(CONFIG, STEP_AGAIN, "%s is already rotated", name);
    SSMQ_TRY(ssmq_refuse_kept(plan, site, "a rotation"));
    for (int32_t i = 0; i < m->n_site; i++)
        if ((i == site || m->site[i].input == site) && plan->at[i].spec.bits)
            return SSMQ_REFUSE(
                CONFIG, STEP_ORDER,
                "%s is quantised by an earlier step; a rotation has to come before it",
                m->site[i].name);
    return SSMQ_OK;
}

/* Each site draws signs of its own, whatever else is rotated. */
static ssmq_tensor draw(ssmq_plan *plan, const ssmq_site *site)
{
    const ssmq_tensor t = ssmq_plan_tensor(plan, SSMQ_F32, 1, &site->width);
    const char       *purpose = ssmq_arena_printf(plan->arena, "hadamard %s", site->name);
    ssmq_draw_signs(plan->seed, purpose, t.data, site->width);
    return t;
}

static ssmq_status hadamard_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const hadamard_options *o = options;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_hadamard, o->sites, &m->site[i])) continue;
        SSMQ_TRY(refuse(m, plan, i));
        plan->at[i].rotate = m->site[i].width;
        if (o->signs == SIGNS_RANDOM) plan->at[i].signs = draw(plan, &m->site[i]);
    }
    return SSMQ_OK;
}

static ssmq_status round_weight(ssmq_model *m, int32_t weight, ssmq_precision precision)
{
    ssmq_tensor w;
    SSMQ_TRY(ssmq_model_writable(m, weight, &w));
    const ssmq_tensor rows = ssmq_tensor_rows(&w);
    for (int64_t i = 0; i < rows.dim[0]; i++) {
        float *row = (float *)rows.data + i * rows.stride[0];
        for (int64_t j = 0; j < rows.dim[1]; j++) row[j] = ssmq_rounded_to(row[j], precision);
    }
    return SSMQ_OK;
}

/* The weights that read a rotated site, turned likewise. */
static ssmq_status turn_weights(const hadamard_options *o, ssmq_model *m, int32_t site, const float *sign)
{
    ssmq_hadamard h;
    SSMQ_TRY(ssmq_hadamard_find(m->site[site].width, &h));
    for (int32_t i = 0; i < m->n_site; i++) {
        if (m->site[i].input != site) continue;
        SSMQ_TRY(ssmq_rotate_weight(m, m->site[i].weight, 1, &h, sign));
        if (o->weight_dtype != SSMQ_PRECISION_F32)
            SSMQ_TRY(round_weight(m, m->site[i].weight, (ssmq_precision)o->weight_dtype));
    }
    return SSMQ_OK;
}

static ssmq_status hadamard_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                  ssmq_plan *plan)
{
    const hadamard_options *o = options;
    (void)c;
    for (int32_t i = 0; i < m->n_site; i++)
        if (ssmq_takes(&ssmq_method_hadamard, o->sites, &m->site[i]))
            SSMQ_TRY(turn_weights(o, m, i, plan->at[i].signs.data));
    return SSMQ_OK;
}

const ssmq_method ssmq_method_hadamard = {
    .name = "hadamard",
    .help = "Hadamard transform of a linear layer's input, weight side fused",
    .source = "Quamba, arXiv:2410.13229 (quant/quamba-spec.md, 2.8); signs: QuaRot, arXiv:2404.00456",
    .options = hadamard_table,
    .options_size = sizeof(hadamard_options),
    .sites = offsetof(hadamard_options, sites),
    .kinds = 1u << SSMQ_SITE_ACTIVATION,
    .op = "linear",
    .keeps_float = true,
    .outline = hadamard_outline,
    .apply = hadamard_apply,
};
