#include "harness/data/stored.h"

bool ssmq_stored_bytes(ssmq_dtype dtype, int32_t rank, const int64_t *dim, int64_t *bytes)
{
    const int64_t element = ssmq_dtype_bits(dtype) / 8;
    int64_t       n = element, stride = element; /* stride: as if empty axes had one element */
    for (int32_t i = 0; i < rank; i++) {
        if (__builtin_mul_overflow(stride, dim[i] > 0 ? dim[i] : 1, &stride)) return false;
        n *= dim[i];
    }
    *bytes = n;
    return true;
}
