/* Compiled with the flags of its instruction set: nothing here may run before dispatch.c has asked
 * the CPU.  Where the compiler does not know the set, the tier is absent. */
#include "harness/backend/cpu/includes.inc"

#if defined(__AVX2__) && defined(__FMA__)
#include "harness/backend/cpu/vec_avx2.inc"
#include "harness/backend/cpu/ops.inc"

bool ssmq_cpu_tier_avx2(ssmq_backend_ops *ops, ssmq_cpu_hand_on *hand_on_of)
{
    fill(ops, hand_on_of);
    return true;
}
#else
bool ssmq_cpu_tier_avx2(ssmq_backend_ops *ops, ssmq_cpu_hand_on *hand_on_of)
{
    (void)ops, (void)hand_on_of;
    return false;
}
#endif
