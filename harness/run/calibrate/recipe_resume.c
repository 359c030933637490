#include "harness/run/calibrate/recipe_resume.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/resume.h"

/* A tensor but for its values; rank -1: there is none. */
typedef struct shape {
    int32_t rank, dtype;
    int64_t dim[SSMQ_RANK_MAX];
} shape;

static bool is_of_layer(const ssmq_plan *plan, int32_t site)
{
    const ssmq_site *s = &plan->model->site[site];
    return s->kind == SSMQ_SITE_WEIGHT && s->layer == plan->layer && plan->at[site].step == plan->step;
}

static void stage_of(const ssmq_plan *plan, char stage[64])
{
    snprintf(stage, 64, "step %" PRId32 " of the recipe, layer by layer", plan->step);
}

static void put_tensor(const ssmq_tensor *t, ssmq_str *out)
{
    shape s = {.rank = t->data ? t->rank : -1, .dtype = (int32_t)t->dtype};
    for (int32_t i = 0; i < s.rank; i++) s.dim[i] = t->dim[i];
    ssmq_str_append(out, (const char *)&s, sizeof s);
    if (t->data) ssmq_str_append(out, t->data, ssmq_tensor_bytes(t));
}

static const unsigned char *get_tensor(const unsigned char *at, ssmq_plan *plan, ssmq_tensor *t)
{
    shape s;
    memcpy(&s, at, sizeof s);
    at += sizeof s;
    *t = (ssmq_tensor){0};
    if (s.rank < 0) return at;
    *t = ssmq_plan_tensor(plan, (ssmq_dtype)s.dtype, s.rank, s.dim);
    memcpy(t->data, at, ssmq_tensor_bytes(t));
    return at + ssmq_tensor_bytes(t);
}

bool ssmq_layer_take(const ssmq_listener *l, ssmq_plan *plan)
{
    char               stage[64];
    ssmq_journal_entry e;
    stage_of(plan, stage);
    if (!ssmq_resume_any(l, stage, plan->layer, NULL, &e)) return false;
    const unsigned char *at = e.data;
    for (int32_t i = 0; i < plan->model->n_site; i++) {
        ssmq_assignment *a = &plan->at[i];
        if (!is_of_layer(plan, i)) continue;
        at = get_tensor(at, plan, &a->params.scale);
        at = get_tensor(at, plan, &a->params.zero);
        at = get_tensor(at, plan, &a->codes);
        a->raised = *at++;
    }
    SSMQ_ASSERT(at == (const unsigned char *)e.data + e.bytes); /* its sum was right */
    return true;
}

ssmq_status ssmq_layer_keep(const ssmq_listener *l, const ssmq_plan *plan)
{
    char     stage[64];
    ssmq_str bytes = {0};
    if (!ssmq_keeps(l)) return SSMQ_OK;
    for (int32_t i = 0; i < plan->model->n_site; i++) {
        const ssmq_assignment *a = &plan->at[i];
        const char             raised = a->raised;
        if (!is_of_layer(plan, i)) continue;
        put_tensor(&a->params.scale, &bytes);
        put_tensor(&a->params.zero, &bytes);
        put_tensor(&a->codes, &bytes);
        ssmq_str_append(&bytes, &raised, 1);
    }
    stage_of(plan, stage);
    const ssmq_status st = bytes.length ? ssmq_resume_keep(l, stage, plan->layer, NULL, ssmq_str_text(&bytes),
                                                           bytes.length)
                                        : SSMQ_OK;
    ssmq_str_free(&bytes);
    return st;
}
