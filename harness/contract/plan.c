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

ssmq_tensor ssmq_plan_tensor(ssmq_plan *p, ssmq_dtype dtype, int32_t rank, const int64_t *dim)
{
    ssmq_tensor t = ssmq_tensor_of(NULL, dtype, rank, dim);
    t.data = ssmq_arena_alloc(p->arena, ssmq_tensor_bytes(&t));
    return t;
}
