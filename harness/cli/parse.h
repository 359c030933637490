/* The command line of a subcommand, read and explained by its option table.
 *
 * Options are long, "--name value" or "--name=value", and stand before, between or after the
 * operands; "--" ends them.  "--name" alone sets a BOOL, "--no-name" unsets it.  Names may not be
 * abbreviated, and an option that is no list stands once at most.  "-o FILE" is short for the option
 * "--output" of the commands that have it; there is no other short one but "-h". */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/command.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_arguments {
    bool               help;    /* --help or -h stood there: nothing else was looked at */
    void              *options; /* the command's options struct                         */
    const char *const *operand; /* [n_operand]                                          */
    int                n_operand;
} ssmq_arguments;

/* argument[n]: what stands after the command's name.  Everything in *out is the arena's or the
 * caller's argument's.  USAGE. */
SSMQ_MUST_USE ssmq_status ssmq_arguments_parse(const ssmq_command *command, int n,
                                               const char *const *argument, ssmq_arena *arena,
                                               ssmq_arguments *out);

/* The help page of a command, no wider than width columns where words allow. */
void ssmq_arguments_help(const ssmq_command *command, int32_t width, ssmq_str *out);

/* An option as help pages spell it, "--out TEXT", and what it means, with its range and default. */
void ssmq_option_spelling(const ssmq_option *o, ssmq_str *out);
void ssmq_option_meaning(const ssmq_option *o, ssmq_str *out);

/* Appends text, broken at blanks: the first line goes on at column, the others begin at indent; no
 * line is wider than width where words allow.  Ends with a line break. */
void ssmq_text_wrap(const char *text, int32_t column, int32_t indent, int32_t width, ssmq_str *out);

#ifdef __cplusplus
}
#endif
