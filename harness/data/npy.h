/* The header of a NumPy .npy file, versions 1 to 3 (numpy.lib.format), for arrays of integers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_NPY_MAGIC "\x93NUMPY"
#define SSMQ_NPY_PREFIX 12         /* bytes that tell how long the header is (10 in version 1) */
#define SSMQ_NPY_HEADER_MAX 65535u /* bytes of a header that are accepted */

typedef struct ssmq_npy {
    int64_t n;     /* elements                   */
    int32_t bytes; /* of an element: 1, 2, 4, 8  */
    bool    is_signed;
    bool    big_endian;
} ssmq_npy;

/* Where the header begins and how many bytes it has, out of the file's first SSMQ_NPY_PREFIX bytes.
 * INPUT if they are not those of a .npy file. */
SSMQ_MUST_USE ssmq_status ssmq_npy_prefix(const char *path, const unsigned char *prefix,
                                          size_t *begin, size_t *length);

/* Parses the header (0-terminated).  INPUT unless it is a one-dimensional array of an integer type
 * in C order. */
SSMQ_MUST_USE ssmq_status ssmq_npy_header(const char *path, const char *header, ssmq_npy *out);

#ifdef __cplusplus
}
#endif
