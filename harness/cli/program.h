/* The program as a whole, explained from its subcommands' tables: the help page, manual pages in roff,
 * completion for shells.  commands: NULL-terminated, in the order of the help page. */
#pragma once
#include "harness/base/command.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An environment variable, or an exit status, with what it means. */
typedef struct ssmq_program_word {
    const char *name, *help;
} ssmq_program_word;

extern const ssmq_program_word ssmq_program_environment[]; /* each ends with {0} */
extern const ssmq_program_word ssmq_program_statuses[];

/* What `ssmq --help` prints, no wider than width columns where words allow. */
void ssmq_program_help(const ssmq_command *const *commands, int32_t width, ssmq_str *out);

/* A page of section 1: of the program, ssmq(1), or of one command, ssmq-NAME(1). */
void ssmq_program_man(const ssmq_command *const *commands, const ssmq_command *only, ssmq_str *out);

extern const char *const ssmq_shells[]; /* "bash", "zsh", "fish", NULL */

/* A script that completes the program's command lines; shell: index into ssmq_shells. */
void ssmq_program_completion(const ssmq_command *const *commands, int shell, ssmq_str *out);

#ifdef __cplusplus
}
#endif
