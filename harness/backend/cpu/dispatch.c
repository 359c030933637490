#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/backend/cpu/kernels.h"
#include "harness/backend/host.h"
#include "harness/backend/ref/ref.h"
#include "harness/base/arena.h"

static const char *const isa_names[] = {"auto", "c", "avx2", "avx512", NULL};

/* Does this CPU run code of the tier? */
static bool offers(ssmq_cpu_isa isa)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    switch (isa) {
    case SSMQ_CPU_ISA_AVX2: return avx2;
    case SSMQ_CPU_ISA_AVX512:
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    default: return true;
    }
#else
    return isa == SSMQ_CPU_ISA_C;
#endif
}

static bool has_vnni(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512vnni");
#else
    return false;
#endif
}

static bool has_bf16(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

/* Writes the tier's entries over the table; false where the CPU or this build lacks it.  Products of codes and
 * of bfloat16 are the same bits whatever computes them. */
static bool fill_tier(ssmq_cpu_isa isa, ssmq_backend_ops *ops, ssmq_cpu_hand_on *hand_on)
{
    if (!offers(isa)) return false;
    switch (isa) {
    case SSMQ_CPU_ISA_AVX512:
        return ssmq_cpu_tier_avx512(ops, hand_on) &&
               ((has_vnni() && ssmq_cpu_i8_avx512vnni(ops) && ssmq_cpu_q_avx512vnni(ops)) ||
                (ssmq_cpu_i8_avx2(ops) && ssmq_cpu_q_avx2(ops))) &&
               ((has_bf16() && ssmq_cpu_bf16_avx512bf16(ops)) || ssmq_cpu_bf16_avx2(ops));
    case SSMQ_CPU_ISA_AVX2:
        return ssmq_cpu_tier_avx2(ops, hand_on) && ssmq_cpu_i8_avx2(ops) && ssmq_cpu_q_avx2(ops) &&
               ssmq_cpu_bf16_avx2(ops);
    default:
        return ssmq_cpu_tier_c(ops, hand_on) && ssmq_cpu_i8_c(ops) && ssmq_cpu_q_c(ops) && ssmq_cpu_bf16_c(ops);
    }
}

/* ref's table under this backend's name. */
static ssmq_backend_ops base_table(void)
{
    ssmq_backend_ops ops = ssmq_backend_ref;
    ops.name = ssmq_backend_cpu.name;
    ops.help = ssmq_backend_cpu.help;
    ops.options = ssmq_backend_cpu.options;
    ops.options_size = ssmq_backend_cpu.options_size;
    ops.open = ssmq_backend_cpu.open;
    ops.close = ssmq_backend_cpu.close;
    ops.share = ssmq_backend_cpu.share;
    return ops;
}

static ssmq_status cpu_open(ssmq_backend *be, const void *options)
{
    const ssmq_cpu_options *o = options;
    ssmq_backend_ops        ops = base_table();
    ssmq_cpu_hand_on        hand_on = NULL;
    ssmq_cpu_isa            isa = o ? (ssmq_cpu_isa)o->isa : SSMQ_CPU_ISA_AUTO;
    if (isa == SSMQ_CPU_ISA_AUTO)
        for (isa = SSMQ_CPU_ISA_AVX512; !fill_tier(isa, &ops, &hand_on);) isa--;
    else if (!fill_tier(isa, &ops, &hand_on))
        return SSMQ_FAIL(UNSUPPORTED, "isa %s is not offered by this CPU (%s runs everywhere)",
                         isa_names[isa], isa_names[SSMQ_CPU_ISA_C]);
    ssmq_cpu_state *s = ssmq_must_malloc(sizeof *s);
    memset(s, 0, sizeof *s);
    s->ops = ops;
    s->hand_on = hand_on;
    const ssmq_status st = ssmq_pool_open(be->threads, &s->pool);
    if (st != SSMQ_OK) {
        free(s);
        return ssmq_trace(st, __FILE__, __LINE__, __func__);
    }
    be->state = s;
    be->ops = &s->ops;
    ssmq_host_cpu_name(be->device, sizeof be->device);
    snprintf(be->tier, sizeof be->tier, "%s", isa_names[isa]);
    return SSMQ_OK;
}

ssmq_status ssmq_cpu_work(ssmq_backend *be, size_t bytes, void **out)
{
    ssmq_cpu_state *s = be->state;
    if (bytes > s->work_bytes) {
        ssmq_host_free(be, s->work);
        s->work = NULL;
        s->work_bytes = 0;
        SSMQ_TRY(ssmq_host_alloc(be, bytes, &s->work));
        s->work_bytes = bytes;
    }
    *out = s->work;
    return SSMQ_OK;
}

static void cpu_close(ssmq_backend *be)
{
    ssmq_cpu_state *s = be->state;
    ssmq_host_free(be, s->work);
    ssmq_pool_close(s->pool);
    free(s);
}

static void cpu_share(ssmq_backend *be, int64_t n, int64_t grain, ssmq_backend_part part,
                      void *context)
{
    ssmq_pool_run(((ssmq_cpu_state *)be->state)->pool, n, grain, part, context);
}

static const ssmq_option cpu_options[] = {
    {.name = "isa",
     .offset = offsetof(ssmq_cpu_options, isa),
     .type = SSMQ_OPTION_CHOICE,
     .fallback = "auto",
     .choices = isa_names,
     .help = "instruction set of the kernels; auto takes the widest that the CPU has"},
    {0},
};

const ssmq_backend_ops ssmq_backend_cpu = {
    .name = "cpu",
    .help = "vectorised kernels in tiers of instruction sets, and OpenBLAS",
    .options = cpu_options,
    .options_size = sizeof(ssmq_cpu_options),
    .space = SSMQ_SPACE_HOST,
    .open = cpu_open,
    .close = cpu_close,
    .alloc = ssmq_host_alloc,
    .free = ssmq_host_free,
    .zero = ssmq_host_zero,
    .copy = ssmq_host_copy,
    .sync = ssmq_host_sync,
    .pack_i8 = ssmq_ref_pack_i8, /* each tier has its own; here they say that there is one */
    .linear_i8 = ssmq_ref_linear_i8,
    .pack_q = ssmq_ref_pack_q,
    .linear_q = ssmq_ref_linear_q,
    .linear_w = ssmq_ref_linear_w,
    .pack_bf16 = ssmq_ref_pack_bf16,
    .linear_bf16 = ssmq_ref_linear_bf16,
    .share = cpu_share,
};
