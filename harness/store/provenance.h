/* Where a result comes from, as two JSON objects.  `numbers` is what decides the numbers: it
 * stands in run.h5 and holds no time, place, host or thread count, so that equal content gives
 * equal bytes. `moment` is the rest.  manifest.json holds both, and the sums of the files of results. */
#pragma once
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_input_file {
    const char *role; /* what it is to the run, "model/config.json": never a place */
    const char *path;
    char        sha256[SSMQ_SHA256_HEX]; /* "": not computed yet */
    int64_t     bytes;
} ssmq_input_file;

/* Sum and size of those whose sha256 is "".  INPUT, naming the file, if one cannot be read. */
SSMQ_MUST_USE ssmq_status ssmq_input_files_digest(ssmq_input_file *file, int32_t n);

typedef struct ssmq_location {
    const char *name; /* "runs" */
    const char *path;
} ssmq_location;

/* Everything is lent; texts that are not known are NULL and are written as null. */
typedef struct ssmq_provenance {
    /* what decides the numbers */
    const char            *backend, *tier; /* "cpu", "avx512"; tier: the instructions it uses */
    const ssmq_input_file *file;           /* digests computed                                */
    int32_t                n_file;
    /* what describes the moment */
    const char        *started, *finished; /* UTC, ISO 8601                                   */
    double             wall_s;             /* of this run                                     */
    double             cpu_s;              /* of this run, all threads                        */
    int32_t            threads;
    int64_t            journal_bytes;      /* of its files, which are largest at the end; of them journal.sums */
    int64_t            journal_sums_bytes;
    const char *const *argument; /* the command line                                          */
    int32_t            n_argument;
    const char *const *variable; /* names of the environment variables that took effect       */
    int32_t            n_variable;
    const ssmq_location  *place;
    int32_t            n_place;
    const ssmq_input_file *result;         /* what the run left, role: its name; digests computed */
    int32_t                n_result;
} ssmq_provenance;

/* Each appends one JSON object and a line break.  Bytes that are no UTF-8, in names of files or
 * arguments, are replaced by U+FFFD. */
void ssmq_provenance_numbers(const ssmq_provenance *p, ssmq_str *out);
/* {"numbers": ..., "moment": ..., "results": ...}: the content of manifest.json. */
void ssmq_provenance_manifest(const ssmq_provenance *p, ssmq_str *out);

#ifdef __cplusplus
}
#endif
