/* One table says an option's name, type, default, range and help.  Parsing, checking, --help, the
 * resolved YAML and the store's attributes come from it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/yaml.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_option_type {
    SSMQ_OPTION_BOOL,     /* bool                                                          */
    SSMQ_OPTION_INT,      /* int; choices, where given, are words accepted in place of a   *
                           * number, the k-th of which stands for k ("off" for 0); -1      *
                           * where the default is empty                                    */
    SSMQ_OPTION_REAL,     /* double                                                        */
    SSMQ_OPTION_TEXT,     /* const char *; NULL where the default is empty                 */
    SSMQ_OPTION_CHOICE,   /* int, an index into choices; -1 where the default is empty     */
    SSMQ_OPTION_SITES,    /* one selector or a list: const char *const *, NULL-terminated  */
    SSMQ_OPTION_OBSERVER, /* {statistic: ..., across: ..., their options}: ssmq_observer   */
    SSMQ_OPTION_SIZE,     /* int64_t, bytes: a number, with KiB, MiB or GiB behind it or without */
    SSMQ_OPTION_LIST,     /* texts: const char *const *, NULL-terminated; on the command    *
                           * line each use of the option adds one                           */
} ssmq_option_type;

typedef struct ssmq_option {
    const char        *name;
    size_t             offset;    /* of the field in the options struct             */
    ssmq_option_type   type;
    const char        *fallback;  /* default, in YAML; NULL: must be given          */
    double             min, max;  /* INT, REAL and SIZE, inclusive                  */
    const char *const *choices;   /* CHOICE, NULL-terminated                        */
    const char        *help;      /* one line, with the unit                        */
} ssmq_option;                    /* a table ends with {0}                          */

/* ---- mappings of an experiment --------------------------------------------------------- */

/* What reading and printing need besides the table.  Observers are known only further up, so
 * whoever reads tables that have some brings the two functions. */
typedef struct ssmq_option_context {
    ssmq_arena *arena; /* owns texts, lists and trees */
    ssmq_diag  *diag;
    const void *user;  /* for the functions below     */

    /* Reads a mapping (NULL: nothing given) over the default into the field; false if reported. */
    bool (*observer_read)(const struct ssmq_option_context *cx, const ssmq_option *o,
                          const ssmq_yaml *given, const char *path, void *field);
    /* The field as a mapping, each value standing where given has it. */
    ssmq_yaml *(*observer_tree)(const struct ssmq_option_context *cx, const void *field,
                                const ssmq_yaml *given);
} ssmq_option_context;

/* Is given a mapping?  Reported if not; path is what messages call it, "recipe.u". */
bool ssmq_options_mapping(const ssmq_option_context *cx, const ssmq_yaml *given, const char *path);

/* Reports every key of a mapping that neither a table (NULL: none) nor the list other
 * (NULL-terminated, or NULL) has, with the nearest one, else all of them, as help.  False if there
 * was one. */
bool ssmq_options_known(const ssmq_option_context *cx, const ssmq_option *table,
                        const char *const *other, const ssmq_yaml *given, const char *path);

/* Fills an options struct, zeroed by the caller, from a mapping (NULL: all defaults) and the
 * defaults. Types, ranges, choices, selectors and missing keys are checked and every problem is
 * reported, missing keys at the place of the mapping.  Marks the sources of what it reads as used.
 * False if there were problems. */
bool ssmq_options_read(const ssmq_option_context *cx, const ssmq_option *table,
                       const ssmq_yaml *given, const char *path, void *options);

/* The struct as a mapping in the order of the table, every default written out, each value standing
 * where given (or NULL) has it.  Empty texts and choices are left out. */
ssmq_yaml *ssmq_options_tree(const ssmq_option_context *cx, const ssmq_option *table,
                             const void *options, const ssmq_yaml *given);

/* Reports a key that has to be there, at the place of its mapping. */
void ssmq_option_missing(const ssmq_option_context *cx, const ssmq_yaml *mapping, const char *path,
                         const char *key);

/* A name for people to choose: reported, unless it is of letters, digits, '_' and '-' (and '.'
 * where dots is set) and begins with none of "-.". */
bool ssmq_option_name(const ssmq_option_context *cx, const ssmq_yaml *given, const char *path,
                      bool dots);

/* A size in bytes as it is written, in the largest unit of which it is a whole number: "4GiB". */
#define SSMQ_SIZE_TEXT 32
void ssmq_size_text(int64_t bytes, char text[SSMQ_SIZE_TEXT]);
/* The same for people, to three or four digits: "12.3 MiB". */
void ssmq_size_approximate(int64_t bytes, char text[SSMQ_SIZE_TEXT]);

/* "a, b, c" of a NULL-terminated list. */
const char *ssmq_option_words(ssmq_arena *arena, const char *const *words);

/* Help for a word that is none of these: "did you mean 'a'?", else "there are: a, b, c"; NULL where
 * there are none. */
const char *ssmq_option_help(ssmq_arena *arena, const char *word, const char *const *words);

#ifdef __cplusplus
}
#endif
