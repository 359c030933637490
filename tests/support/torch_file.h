/* Builds PyTorch zip checkpoints byte by byte, right ones and wrong ones. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/str.h"

/* ---- the archive ---- */

typedef struct zip_maker {
    ssmq_str bytes;     /* the file so far; after zip_end, the whole */
    ssmq_str directory; /* its central directory                     */
    int      n;
    bool     zip64;  /* sizes and offsets in 64-bit fields, as large files have them */
    uint16_t method; /* of the next entry; 0: stored                                 */
    uint16_t flags;
} zip_maker;

void zip_add(zip_maker *z, const char *name, const void *bytes, size_t n);
void zip_end(zip_maker *z);
void zip_free(zip_maker *z);

/* ---- the pickle: opcodes appended one by one ---- */

typedef struct made_tensor {
    const char *name;
    const char *type;    /* "FloatStorage"             */
    const char *storage; /* key                        */
    int64_t     length;  /* elements of the storage    */
    int64_t     offset;
    int         rank;
    int64_t     dim[6], stride[6];
    bool        parameter; /* wrapped as torch.nn.Parameter is */
} made_tensor;

void put_op(ssmq_str *p, const char *opcodes);      /* text as it is                  */
void put_text(ssmq_str *p, const char *text);       /* BINUNICODE                     */
void put_int(ssmq_str *p, int64_t value);           /* the shortest of four           */
void put_global(ssmq_str *p, const char *module, const char *name);
void put_tensor(ssmq_str *p, const made_tensor *t); /* the tensor alone, not its name */

/* The pickle of an OrderedDict of n tensors, with the attributes that state_dict() gives it. */
void put_state_dict(ssmq_str *p, const made_tensor *t, int n);
