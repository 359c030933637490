#include "harness/tensor/tensor.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/assert.h"

const char *ssmq_dtype_name(ssmq_dtype dtype)
{
    static const char *const names[] = {
#define X(name, text, bits) text,
        SSMQ_DTYPE_LIST(X)
#undef X
    };
    return names[dtype];
}

int32_t ssmq_dtype_bits(ssmq_dtype dtype)
{
    static const int32_t bits_of[] = {
#define X(name, text, bits) bits,
        SSMQ_DTYPE_LIST(X)
#undef X
    };
    return bits_of[dtype];
}

ssmq_tensor ssmq_tensor_of(void *data, ssmq_dtype dtype, int32_t rank, const int64_t *dim)
{
    SSMQ_ASSERT(rank >= 0 && rank <= SSMQ_RANK_MAX);
    ssmq_tensor t = {.data = data, .dtype = dtype, .space = SSMQ_SPACE_HOST, .rank = rank};
    int64_t     stride = 1;
    for (int32_t i = rank - 1; i >= 0; i--) {
        SSMQ_ASSERT(dim[i] >= 0);
        t.dim[i] = dim[i];
        t.stride[i] = stride;
        stride *= dim[i];
    }
    return t;
}

int64_t ssmq_tensor_count(const ssmq_tensor *t)
{
    int64_t n = 1;
    for (int32_t i = 0; i < t->rank; i++) n *= t->dim[i];
    return n;
}

size_t ssmq_tensor_bytes(const ssmq_tensor *t)
{
    return ((size_t)ssmq_tensor_count(t) * (size_t)ssmq_dtype_bits(t->dtype) + 7) / 8;
}

bool ssmq_tensor_contiguous(const ssmq_tensor *t)
{
    int64_t stride = 1;
    for (int32_t i = t->rank - 1; i >= 0; i--) {
        if (t->dim[i] != 1 && t->stride[i] != stride) return false;
        stride *= t->dim[i];
    }
    return true;
}

ssmq_tensor ssmq_tensor_slice(const ssmq_tensor *t, int32_t axis, int64_t begin, int64_t length)
{
    SSMQ_ASSERT(axis >= 0 && axis < t->rank);
    SSMQ_ASSERT(begin >= 0 && length >= 0 && begin + length <= t->dim[axis]);
    SSMQ_ASSERT(ssmq_dtype_bits(t->dtype) >= 8);
    ssmq_tensor  part = *t;
    const size_t element = (size_t)ssmq_dtype_bits(t->dtype) / 8;
    if (t->data) part.data = (char *)t->data + (size_t)(begin * t->stride[axis]) * element;
    part.dim[axis] = length;
    return part;
}

ssmq_tensor ssmq_tensor_rows(const ssmq_tensor *t)
{
    ssmq_tensor r = *t;
    r.rank = 2;
    r.dim[0] = 1;
    r.dim[1] = t->rank ? t->dim[t->rank - 1] : 1;
    r.stride[0] = r.dim[1];
    r.stride[1] = 1;
    bool found = false; /* the innermost leading axis longer than 1 gives the row stride */
    for (int32_t i = t->rank - 2; i >= 0; i--) {
        if (t->dim[i] == 1) continue;
        if (!found) r.stride[0] = t->stride[i];
        else SSMQ_ASSERT(t->stride[i] == r.stride[0] * r.dim[0]);
        found = true;
        r.dim[0] *= t->dim[i];
    }
    return r;
}

ssmq_tensor ssmq_tensor_runs(const ssmq_tensor *t)
{
    if (!ssmq_tensor_contiguous(t)) return ssmq_tensor_rows(t);
    return ssmq_tensor_reshape(t, 2, (const int64_t[]){1, ssmq_tensor_count(t)});
}

ssmq_tensor ssmq_tensor_reshape(const ssmq_tensor *t, int32_t rank, const int64_t *dim)
{
    SSMQ_ASSERT(ssmq_tensor_contiguous(t));
    ssmq_tensor r = ssmq_tensor_of(t->data, t->dtype, rank, dim);
    SSMQ_ASSERT(ssmq_tensor_count(&r) == ssmq_tensor_count(t));
    r.space = t->space;
    r.name = t->name;
    return r;
}

const char *ssmq_tensor_shape(const ssmq_tensor *t, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (int32_t i = 0; i < t->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? ", " : "", t->dim[i]);
    if (used < size) snprintf(text + used, size - used, ")");
    return text;
}
