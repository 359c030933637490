/* A subcommand: one const struct in one file, one line in the list of harness/cli.  Parsing and
 * --help come from its option table. */
#pragma once
#include <stdio.h>
#include "harness/base/error.h"
#include "harness/base/option.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_catalogue ssmq_catalogue; /* harness/run/experiment/catalogue.h */

typedef struct ssmq_command {
    const char        *name;     /* "run"                                                       */
    const char        *operands; /* "FILE", "KIND RUN...", "a|b|c [DIR]" (one of these words, and
                                  * what may be left out), or NULL                              */
    const char        *help;     /* one line                                                    */
    const ssmq_option *options;
    size_t             options_size;

    /* Results go to out and nowhere else; the returned status decides the exit status.  That out
     * can be written to is the caller's business, which looks at it afterwards. */
    ssmq_status (*run)(const void *options, int n_operand, const char *const *operand,
                       const ssmq_catalogue *cat, FILE *out);

    const char *details; /* what its own page says below help; or NULL */

    /* In place of run: one that tells a person something beside its results, in notes (standard error). */
    ssmq_status (*run_noting)(const void *options, int n_operand, const char *const *operand,
                              const ssmq_catalogue *cat, FILE *out, FILE *notes);
} ssmq_command;

#ifdef __cplusplus
}
#endif
