/* One table says an option's name, type, default, range and help.  Parsing, checking, --help, the
 * resolved YAML and the store's attributes come from it. */
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_option_type {
    SSMQ_OPTION_BOOL,     /* bool                                                          */
    SSMQ_OPTION_INT,      /* int                                                           */
    SSMQ_OPTION_REAL,     /* double                                                        */
    SSMQ_OPTION_TEXT,     /* const char *; NULL where the default is empty                 */
    SSMQ_OPTION_CHOICE,   /* int, an index into choices                                    */
    SSMQ_OPTION_SITES,    /* one selector or a list: const char *const *, NULL-terminated  */
    SSMQ_OPTION_OBSERVER, /* {statistic: ..., across: ..., their options}: ssmq_observer   */
} ssmq_option_type;

typedef struct ssmq_option {
    const char        *name;
    size_t             offset;    /* of the field in the options struct             */
    ssmq_option_type   type;
    const char        *fallback;  /* default, in YAML; NULL: must be given          */
    double             min, max;  /* INT and REAL, inclusive                        */
    const char *const *choices;   /* CHOICE, NULL-terminated                        */
    const char        *help;      /* one line, with the unit                        */
} ssmq_option;                    /* a table ends with {0}                          */

#ifdef __cplusplus
}
#endif
