/* Files that end in their own SHA-256, "sha256:<64 hex digits>" and a line break, which HDF5 does not look at: so a
 * damaged file is known before the library, which may crash on one, opens it. */
#pragma once
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_SUM_BYTES 72 /* of a file: "sha256:", 64 digits, line break */

/* Adds the sum of a closed file to its end.  INPUT, IO. */
SSMQ_MUST_USE ssmq_status ssmq_summed_append(const char *path);
/* DAMAGED if the file does not end in the sum of what is before it; INPUT if it cannot be read. */
SSMQ_MUST_USE ssmq_status ssmq_summed_check(const char *path);

#ifdef __cplusplus
}
#endif
