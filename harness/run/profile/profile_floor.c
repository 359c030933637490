/* Times held against the rates of the machine that were probed beside them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/profile/profile.h"

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

ssmq_timing ssmq_timing_of(ssmq_arena *arena, const double *sample, int32_t n)
{
    double *sorted = SSMQ_ARENA_ARRAY(arena, double, n);
    memcpy(sorted, sample, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return (ssmq_timing){.sample = sample,
                         .n = n,
                         .min = sorted[0],
                         .median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2,
                         .max = sorted[n - 1]};
}

/* Without a peak for whole numbers or for bfloat16 they count as floats. */
static double seconds_of(const ssmq_work *w, const ssmq_rates *machine)
{
    const double i8 = machine->i8 > 0 ? machine->i8 : machine->f32;
    const double bf16 = machine->bf16 > 0 ? machine->bf16 : machine->f32;
    return w->i8 / (i8 * 1e9) + w->bf16 / (bf16 * 1e9) + w->f32 / (machine->f32 * 1e9);
}

double ssmq_operator_bound(const ssmq_operator *op, const ssmq_rates *machine, bool *memory)
{
    const double reading = op->bytes / (machine->read * 1e9), work = seconds_of(&op->work, machine);
    *memory = reading >= work;
    return *memory ? reading : work;
}

ssmq_profile_floor ssmq_profile_floor_of(const ssmq_profile *p, const ssmq_rates *machine)
{
    const double B = p->request.batch, L = p->request.prompt;
    const double layers = seconds_of(&p->layers, machine), head = seconds_of(&p->head, machine);
    const double reading = p->step_bytes / (machine->read * 1e9), work = B * (layers + head);
    return (ssmq_profile_floor){.ttft = B * (L * layers + head),
                                .tpot = reading > work ? reading : work,
                                .perplexity = B * L * (layers + head)};
}

void ssmq_profile_compare(ssmq_profile *p, ssmq_arena *arena)
{
    const int32_t n = p->ttft.n;
    double       *prefill = SSMQ_ARENA_ARRAY(arena, double, n), *every = SSMQ_ARENA_ARRAY(arena, double, n);
    double       *decode = SSMQ_ARENA_ARRAY(arena, double, n);
    for (int32_t i = 0; i < n; i++) {
        const ssmq_rates         beside = {p->read.sample[i], p->f32.sample[i], p->i8.sample[i], p->bf16.sample[i]};
        const ssmq_profile_floor floor = ssmq_profile_floor_of(p, &beside);
        prefill[i] = floor.ttft / p->ttft.sample[i];
        every[i] = floor.perplexity / p->perplexity.sample[i];
        decode[i] = p->tpot.n ? floor.tpot / p->tpot.sample[i] : NAN;
    }
    p->machine = (ssmq_rates){p->read.median, p->f32.median, p->i8.median, p->bf16.median};
    p->floor = ssmq_profile_floor_of(p, &p->machine);
    p->of_floor = (ssmq_profile_shares){.prefill = ssmq_timing_of(arena, prefill, n).median,
                                        .perplexity = ssmq_timing_of(arena, every, n).median,
                                        .decode = p->tpot.n ? ssmq_timing_of(arena, decode, n).median : NAN};
}
