/* Compiled with the flags of its instruction set: nothing here may run before dispatch.c has asked
 * the CPU.  Where the compiler does not know the set, the tier is absent. */
#include "harness/backend/cpu/includes.inc"

#if defined(__AVX512F__) && defined(__AVX512BW__) && \
    defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "harness/backend/cpu/vec_avx512.inc"
#include "harness/backend/cpu/ops.inc"

bool ssmq_cpu_tier_avx512(ssmq_backend_ops *ops, ssmq_cpu_hand_on *hand_on_of)
{
    fill(ops, hand_on_of);
    return true;
}
#else
bool ssmq_cpu_tier_avx512(ssmq_backend_ops *ops, ssmq_cpu_hand_on *hand_on_of)
{
    (void)ops, (void)hand_on_of;
    return false;
}
#endif
