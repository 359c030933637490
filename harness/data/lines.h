/* A file's lines, one at a time; decompressed where its name ends in ".zst". */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_LINE_BYTES_MAX ((size_t)128 << 20)

typedef struct ssmq_lines ssmq_lines;

SSMQ_MUST_USE ssmq_status ssmq_lines_open(const char *path, ssmq_lines **out);
/* The next line without its line feed, lent until the next call.  INPUT if a line is over
 * SSMQ_LINE_BYTES_MAX or the file cannot be read. */
SSMQ_MUST_USE ssmq_status ssmq_lines_next(ssmq_lines *l, const char **line, size_t *n, bool *more);
int64_t                   ssmq_lines_number(const ssmq_lines *l);   /* of the last line, from 1 */
double                    ssmq_lines_fraction(const ssmq_lines *l); /* 0..1 of the file read    */
void                      ssmq_lines_close(ssmq_lines *l);          /* accepts NULL             */

#ifdef __cplusplus
}
#endif
