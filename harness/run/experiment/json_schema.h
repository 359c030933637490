/* The form of an experiment as JSON Schema (draft 2020-12), written from the tables that the loader
 * reads by: for editors and for other programs that write experiments.
 *
 * It refuses nothing that the loader accepts, but for data sets under `data` that nothing names, of
 * which the loader looks at the keys only.  What takes more than the form to see (sites, files,
 * shapes, rules between keys) is the loader's to report: `ssmq check`. */
#pragma once
#include "harness/base/str.h"
#include "harness/run/experiment/catalogue.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_schema_kind {
    SSMQ_SCHEMA_EXPERIMENT,
    SSMQ_SCHEMA_FRAGMENT, /* what an experiment includes: nothing is required */
    SSMQ_SCHEMA_RECIPE,   /* a file that holds a list of steps                */
} ssmq_schema_kind;
extern const char *const ssmq_schema_kinds[]; /* "experiment", ..., NULL; indexed by the kind */

/* Appends the document. */
void ssmq_json_schema(const ssmq_catalogue *cat, ssmq_schema_kind kind, ssmq_str *out);

#ifdef __cplusplus
}
#endif
