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
    for (int32_t i = 0; i < m->n_site; i++) p->at[i].step = -1;
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
    for (int32_t i = 0; i < p->model->n_site; i++) {
        masked->at[i] = p->at[i];
        if (!quantised[i]) masked->at[i].spec = (ssmq_qspec){0};
    }
    return masked;
}

ssmq_tensor ssmq_plan_tensor(ssmq_plan *p, ssmq_dtype dtype, int32_t rank, const int64_t *dim)
{
    ssmq_tensor t = ssmq_tensor_of(NULL, dtype, rank, dim);
    t.data = ssmq_arena_alloc(p->arena, ssmq_tensor_bytes(&t));
    return t;
}
