#include "harness/run/profile/breakdown.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/str.h"

const char *const ssmq_profile_phases[] = {"prefill", "decode", NULL};

/* "in_proj" of layers.3.in_proj.weight, "head" of head.weight. */
static const char *layer_name(const ssmq_site *s, ssmq_arena *arena)
{
    const char *name = s->layer < 0 ? s->name : strchr(s->name + strlen("layers."), '.') + 1;
    return ssmq_arena_strndup(arena, name, strcspn(name, "."));
}

static const char *operator_name(const ssmq_meter_entry *e, const ssmq_model *m, ssmq_arena *arena)
{
    if (!ssmq_str_starts(e->op, "linear") || e->site < 0) return e->op;
    return ssmq_arena_printf(arena, "linear %s", layer_name(&m->site[e->site], arena));
}

static ssmq_operator *find(ssmq_breakdown *b, const char *name)
{
    for (int32_t i = 0; i < b->n; i++)
        if (strcmp(b->op[i].name, name) == 0) return &b->op[i];
    b->op[b->n] = (ssmq_operator){.name = name};
    return &b->op[b->n++];
}

static int by_falling_time(const void *a, const void *b)
{
    const ssmq_operator *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return strcmp(x->name, y->name);
}

void ssmq_breakdown_make(const ssmq_meter *meter, const ssmq_model *m, double seconds,
                         int64_t times, ssmq_arena *arena, ssmq_breakdown *out)
{
    ssmq_meter_entry e;
    int32_t          n = 0;
    const double     k = 1 / (double)times;
    while (ssmq_meter_entry_at(meter, n, &e)) n++;
    *out =
        (ssmq_breakdown){.op = SSMQ_ARENA_ARRAY(arena, ssmq_operator, n), .seconds = seconds * k};
    for (int32_t i = 0; i < n && ssmq_meter_entry_at(meter, i, &e); i++) {
        ssmq_operator *op = find(out, operator_name(&e, m, arena));
        op->calls += (double)e.calls * k;
        op->seconds += e.seconds * k;
        op->bytes += e.cost.bytes * k;
        op->work.i8 += e.cost.i8 * k;
        op->work.bf16 += e.cost.bf16 * k;
        op->work.f32 += e.cost.f32 * k;
    }
    qsort(out->op, (size_t)out->n, sizeof *out->op, by_falling_time);
}

double ssmq_breakdown_between(const ssmq_breakdown *b)
{
    double between = b->seconds;
    for (int32_t i = 0; i < b->n; i++) between -= b->op[i].seconds;
    return between;
}
