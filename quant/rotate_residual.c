/* The residual stream turned by an orthonormal Hadamard matrix, offline: what writes to the stream writes
 * turned vectors, what reads from it has been turned the same way, and nothing is done at run time.  An
 * RMSNorm without gain gives the turned vector the same norm, so the gains go into the weights that read
 * through them first.
 * Source: QuaRot, arXiv:2404.00456, section 4.1; quant/quamba-spec.md, 5 and 6.3. */
#include "quant/rotate.h"
#include "quant/select.h"

typedef struct residual_options {
    int signs; /* of signs */
} residual_options;

static const char *const signs[] = {"none", "random", NULL};
enum { SIGNS_NONE, SIGNS_RANDOM };

static const ssmq_option residual_table[] = {
    {"signs", offsetof(residual_options, signs), SSMQ_OPTION_CHOICE, "none", 0, 0, signs,
     "random: channels are first multiplied by +1 or -1, drawn with run.seed"},
    {0},
};

/* ---- what cannot work ------------------------------------------------------------------ */

static ssmq_status refuse_quantised(const ssmq_model *m, const ssmq_plan *plan, int32_t site)
{
    if (!plan->at[site].spec.bits) return SSMQ_OK;
    return SSMQ_REFUSE(
        CONFIG, STEP_ORDER,
        "%s is quantised by an earlier step; a rotation of the residual stream has to "
        "come before it",
        m->site[site].name);
}

/* The activation in front of a weight that reads the stream turns with it, so nothing may have been decided
 * about its channels. */
static ssmq_status refuse_input(const ssmq_model *m, const ssmq_plan *plan, int32_t site)
{
    const ssmq_assignment *a = &plan->at[site];
    SSMQ_TRY(refuse_quantised(m, plan, site));
    SSMQ_TRY(ssmq_refuse_kept(plan, site, "a rotation"));
    if (!a->divide.data && !a->rotate) return SSMQ_OK;
    return SSMQ_REFUSE(CONFIG, STEP_ORDER,
                       "%s is %s at run time by an earlier step; a rotation of the residual stream "
                       "has to come before it",
                       m->site[site].name, a->rotate ? "rotated" : "divided");
}

static ssmq_status refuse_weight(const ssmq_model *m, const ssmq_plan *plan, int32_t weight, bool reads)
{
    for (int32_t i = 0; i < m->n_site; i++) {
        if (m->site[i].weight != weight) continue;
        SSMQ_TRY(refuse_quantised(m, plan, i));
        if (reads && m->site[i].input >= 0) SSMQ_TRY(refuse_input(m, plan, m->site[i].input));
    }
    return SSMQ_OK;
}

static ssmq_status residual_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const ssmq_residual *r = &m->residual;
    ssmq_hadamard        h;
    (void)options;
    if (r->n_read == 0)
        return SSMQ_FAIL(UNSUPPORTED, "family '%s' does not say what reads its residual stream",
                         m->family->name);
    if (ssmq_hadamard_find(m->width, &h) != SSMQ_OK)
        return SSMQ_REFUSE(UNSUPPORTED, HADAMARD_SIZE, "the residual stream cannot be rotated: %s",
                           ssmq_error_last()->message);
    if (plan->residual)
        return SSMQ_REFUSE(CONFIG, STEP_AGAIN, "the residual stream is already rotated");
    for (int32_t i = 0; i < r->n_read; i++) SSMQ_TRY(refuse_weight(m, plan, r->read[i].weight, true));
    for (int32_t i = 0; i < r->n_write; i++)
        SSMQ_TRY(refuse_weight(m, plan, r->write[i].weight, false));
    plan->residual = h.n;
    return SSMQ_OK;
}

/* ---- weights --------------------------------------------------------------------------- */

/* Gains into the columns of the weights that read through them; then they are 1. */
static ssmq_status fold_gains(ssmq_model *m)
{
    const ssmq_residual *r = &m->residual;
    for (int32_t i = 0; i < r->n_read; i++) {
        const float *gain = ssmq_model_value(m, r->read[i].gain)->data;
        ssmq_tensor  w;
        SSMQ_TRY(ssmq_model_writable(m, r->read[i].weight, &w));
        for (int64_t row = 0; row < w.dim[0]; row++)
            for (int64_t c = 0; c < w.dim[1]; c++)
                ((float *)w.data)[row * w.stride[0] + c] *= gain[c];
    }
    for (int32_t i = 0; i < r->n_read; i++) {
        ssmq_tensor gain;
        SSMQ_TRY(ssmq_model_writable(m, r->read[i].gain, &gain));
        for (int64_t c = 0; c < gain.dim[0]; c++) ((float *)gain.data)[c] = 1;
    }
    return SSMQ_OK;
}

/* With Q = H diag(sign) / sqrt(D): readers W become W Q^T, each row turned; what is written becomes Q v. */
static ssmq_status turn_all(ssmq_model *m, const ssmq_hadamard *h, const float *sign)
{
    const ssmq_residual *r = &m->residual;
    for (int32_t i = 0; i < r->n_read; i++)
        SSMQ_TRY(ssmq_rotate_weight(m, r->read[i].weight, 1, h, sign));
    for (int32_t i = 0; i < r->n_write; i++)
        SSMQ_TRY(ssmq_rotate_weight(m, r->write[i].weight, r->write[i].axis, h, sign));
    return SSMQ_OK;
}

static ssmq_status residual_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                  ssmq_plan *plan)
{
    const residual_options *o = options;
    ssmq_hadamard           h;
    float                  *sign = NULL;
    (void)c;
    SSMQ_TRY(ssmq_hadamard_find(m->width, &h));
    if (o->signs == SIGNS_RANDOM) {
        sign = SSMQ_ARENA_ARRAY(plan->arena, float, h.n);
        ssmq_draw_signs(plan->seed, "rotate-residual", sign, h.n);
    }
    SSMQ_TRY(fold_gains(m));
    return turn_all(m, &h, sign);
}

const ssmq_method ssmq_method_rotate_residual = {
    .name = "rotate-residual",
    .help = "residual stream turned by a Hadamard matrix in the weights, norm gains folded",
    .source = "QuaRot, arXiv:2404.00456 (quant/quamba-spec.md, 5, 6.3)",
    .options = residual_table,
    .options_size = sizeof(residual_options),
    .sites = SSMQ_METHOD_NO_SITES,
    .keeps_float = true,
    .outline = residual_outline,
    .apply = residual_apply,
};
