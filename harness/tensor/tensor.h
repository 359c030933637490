/* A tensor: a view of memory that someone else owns (an arena, a backend buffer, a mapped
 * file).  Passed by pointer, copied freely, never freed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* name, as written in files, bits */
#define SSMQ_DTYPE_LIST(X) \
    X(F32, "f32", 32)      \
    X(F16, "f16", 16)      \
    X(BF16, "bf16", 16)    \
    X(F64, "f64", 64)      \
    X(I64, "i64", 64)      \
    X(I32, "i32", 32)      \
    X(I8, "i8", 8)         \
    X(I4, "i4", 4)         \
    X(U64, "u64", 64)      \
    X(U8, "u8", 8)

typedef enum ssmq_dtype {
#define X(name, text, bits) SSMQ_##name,
    SSMQ_DTYPE_LIST(X)
#undef X
} ssmq_dtype;

typedef enum ssmq_space { SSMQ_SPACE_HOST, SSMQ_SPACE_DEVICE } ssmq_space;

#define SSMQ_RANK_MAX 4

typedef struct ssmq_tensor {
    void       *data;
    ssmq_dtype  dtype;
    ssmq_space  space;
    int32_t     rank;
    int64_t     dim[SSMQ_RANK_MAX];    /* outermost first, as papers write them: (B, L, D) */
    int64_t     stride[SSMQ_RANK_MAX]; /* elements; stride[rank-1] == 1                    */
    const char *name;                  /* for messages and the store; may be NULL          */
} ssmq_tensor;

const char *ssmq_dtype_name(ssmq_dtype dtype);
int32_t     ssmq_dtype_bits(ssmq_dtype dtype);

/* A contiguous tensor in host memory of rank dimensions. */
ssmq_tensor ssmq_tensor_of(void *data, ssmq_dtype dtype, int32_t rank, const int64_t *dim);

/* SSMQ_TENSOR(p, SSMQ_F32, B, L, E): the same with the dimensions as arguments. */
#define SSMQ_TENSOR(data, dtype, ...)                                                    \
    ssmq_tensor_of((data), (dtype), (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                   (const int64_t[]){__VA_ARGS__})

int64_t ssmq_tensor_count(const ssmq_tensor *t);   /* elements; 1 for rank 0        */
size_t  ssmq_tensor_bytes(const ssmq_tensor *t);   /* of a contiguous copy          */
bool    ssmq_tensor_contiguous(const ssmq_tensor *t);

/* The part [begin, begin + length) of an axis; strides stay. */
ssmq_tensor ssmq_tensor_slice(const ssmq_tensor *t, int32_t axis, int64_t begin, int64_t length);

/* The tensor as rows of its last axis, (M, C) with a row stride: what all elementwise and
 * row-wise ops work on.  The leading axes must be evenly spaced, as those of a contiguous
 * tensor and of a slice of its last axis are; anything else is our mistake (asserted).
 * Rank 0 becomes (1, 1), rank 1 (1, C). */
ssmq_tensor ssmq_tensor_rows(const ssmq_tensor *t);
/* The same values in as few rows as there are runs of memory, for what looks at each by itself: (1, count)
 * where t is contiguous. */
ssmq_tensor ssmq_tensor_runs(const ssmq_tensor *t);

/* The same data under another shape; t must be contiguous and have as many elements. */
ssmq_tensor ssmq_tensor_reshape(const ssmq_tensor *t, int32_t rank, const int64_t *dim);

/* "(8, 512, 1536)" into text; returns text. */
const char *ssmq_tensor_shape(const ssmq_tensor *t, char *text, size_t size);
#define SSMQ_SHAPE_TEXT 96

#ifdef __cplusplus
}
#endif
