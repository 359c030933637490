#include <stdlib.h>
#include "harness/base/arena.h"
#include "harness/contract/method.h"

ssmq_plan *ssmq_plan_new(const ssmq_model *m)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_plan  *p = ssmq_arena_alloc(arena, sizeof *p);
    p->model = m;
    p->arena = arena;
    p->at = SSMQ_ARENA_ARRAY(arena, ssmq_assignment, m->n_site);
    for (int32_t i = 0; i < m->n_site; i++) p->at[i].step = p->at[i].share = -1;
    return p;
}

void ssmq_plan_free(ssmq_plan *p)
{
    if (p) ssmq_arena_free(p->arena);
}

ssmq_plan *ssmq_plan_masked(const ssmq_plan *p, const bool *quantised)
{
    ssmq_plan *masked = ssmq_plan_new(p->model);
    masked->seed = p->seed;
    masked->residual = p->residual;
    masked->departures = p->departures;
    for (int32_t i = 0; i < p->model->n_site; i++) {
        masked->at[i] = p->at[i];
        if (quantised[i]) continue;
        masked->at[i].spec = (ssmq_qspec){0};
        masked->at[i].share = -1;
    }
    return masked;
}

/* The largest scale of the sites that share one with the first; 0: some has none. */
static float shared_scale(const ssmq_plan *p, int32_t first)
{
    float most = 0;
    for (int32_t i = 0; i < p->model->n_site; i++) {
        const ssmq_assignment *a = &p->at[i];
        if (a->share != first) continue;
        if (!a->params.scale.data) return 0;
        const float scale = *(const float *)a->params.scale.data;
        most = scale > most ? scale : most;
    }
    return most;
}

static void share_scales(const ssmq_plan *from, ssmq_plan *to)
{
    for (int32_t i = 0; i < from->model->n_site; i++) {
        const float scale = from->at[i].share >= 0 ? shared_scale(from, from->at[i].share) : 0;
        if (!(scale > 0)) continue;
        to->at[i].params.scale = ssmq_plan_tensor(to, SSMQ_F32, 0, NULL);
        *(float *)to->at[i].params.scale.data = scale;
    }
}

ssmq_plan *ssmq_plan_in_mode(const ssmq_plan *p, bool real)
{
    ssmq_plan *out = ssmq_plan_new(p->model);
    const bool departs = real || !p->departures.real_only;
    out->seed = p->seed;
    out->residual = p->residual;
    for (int32_t i = 0; i < p->model->n_site; i++) {
        ssmq_assignment *a = &out->at[i];
        *a = p->at[i];
        if (!departs) a->share = -1;
        a->unclamped = departs && a->unclamped;
        a->spec.wraps = a->unclamped;
    }
    if (!departs) return out;
    out->departures = p->departures;
    share_scales(p, out);
    return out;
}

ssmq_tensor ssmq_plan_tensor(ssmq_plan *p, ssmq_dtype dtype, int32_t rank, const int64_t *dim)
{
    ssmq_tensor t = ssmq_tensor_of(NULL, dtype, rank, dim);
    t.data = ssmq_arena_alloc(p->arena, ssmq_tensor_bytes(&t));
    return t;
}
