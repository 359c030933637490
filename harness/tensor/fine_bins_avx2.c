/* Compiled with the flags of its instruction set where the compiler has it. */
#if defined(__AVX2__)
#include "harness/tensor/fine_bins.inc"

const ssmq_magnitude_ends ssmq_magnitude_ends_avx2 = magnitude_ends;
#else
#include "harness/tensor/fine_bins.h"

const ssmq_magnitude_ends ssmq_magnitude_ends_avx2 = 0;
#endif
