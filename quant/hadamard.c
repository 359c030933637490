/* A Hadamard transform in front of a linear layer: online on the activation, fused into the weight's
 * input side.  H is orthonormal, so every product stays what it was.
 * Source: Quamba, arXiv:2410.13229, section 4.2; quant/quamba-spec.md, 2.8 and Appendix A. */
#include <stdlib.h>
#include "harness/tensor/hadamard.h"
#include "quant/select.h"

typedef struct hadamard_options {
    const char *const *sites;
} hadamard_options;

static const ssmq_option hadamard_table[] = {
    {"sites", offsetof(hadamard_options, sites), SSMQ_OPTION_SITES, "layers.*.out_proj.in", 0, 0,
     NULL, "which inputs of linear layers"},
    {0},
};

/* The reasons why a site cannot be rotated at this point of the recipe. */
static ssmq_status refuse(const ssmq_model *m, const ssmq_plan *plan, int32_t site)
{
    ssmq_hadamard h;
    const char   *name = m->site[site].name;
    if (ssmq_hadamard_find(m->site[site].width, &h) != SSMQ_OK)
        return SSMQ_FAIL(UNSUPPORTED, "%s cannot be rotated: %s", name,
                         ssmq_error_last()->message);
    if (plan->at[site].rotate) return SSMQ_FAIL(CONFIG, "%s is already rotated", name);
    for (int32_t i = 0; i < m->n_site; i++)
        if ((i == site || m->site[i].input == site) && plan->at[i].spec.bits)
            return SSMQ_FAIL(CONFIG,
                             "%s is quantised by an earlier step; a rotation has to come before it",
                             m->site[i].name);
    return SSMQ_OK;
}

static ssmq_status hadamard_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const hadamard_options *o = options;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_hadamard, o->sites, &m->site[i])) continue;
        SSMQ_TRY(refuse(m, plan, i));
        plan->at[i].rotate = m->site[i].width;
    }
    return SSMQ_OK;
}

/* Every row of a weight (N, K), K = h->n, through the transform. */
static ssmq_status rotate_rows(ssmq_model *m, int32_t weight, const ssmq_hadamard *h)
{
    ssmq_tensor w;
    SSMQ_TRY(ssmq_model_writable(m, weight, &w));
    float *scratch = ssmq_must_malloc((size_t)h->n * sizeof *scratch);
    for (int64_t i = 0; i < w.dim[0]; i++)
        ssmq_hadamard_apply(h, (float *)w.data + i * w.stride[0], scratch);
    free(scratch);
    return SSMQ_OK;
}

static ssmq_status hadamard_apply(const void *options, ssmq_model *m, const ssmq_calibration *c,
                                  ssmq_plan *plan)
{
    const hadamard_options *o = options;
    (void)c;
    (void)plan;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_takes(&ssmq_method_hadamard, o->sites, &m->site[i])) continue;
        ssmq_hadamard h;
        SSMQ_TRY(ssmq_hadamard_find(m->site[i].width, &h));
        for (int32_t j = 0; j < m->n_site; j++)
            if (m->site[j].input == i) SSMQ_TRY(rotate_rows(m, m->site[j].weight, &h));
    }
    return SSMQ_OK;
}

const ssmq_method ssmq_method_hadamard = {
    .name = "hadamard",
    .help = "Hadamard transform of a linear layer's input, weight side fused",
    .source = "Quamba, arXiv:2410.13229 (quant/quamba-spec.md, 2.8)",
    .options = hadamard_table,
    .options_size = sizeof(hadamard_options),
    .sites = offsetof(hadamard_options, sites),
    .kinds = 1u << SSMQ_SITE_ACTIVATION,
    .op = "linear",
    .keeps_float = true,
    .outline = hadamard_outline,
    .apply = hadamard_apply,
};
