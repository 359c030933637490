/* Observers in YAML, {statistic: ..., across: ..., their options}: the two functions that tables
 * with options of this type need (harness/base/option.h).  The context's user is the catalogue. */
#pragma once
#include "harness/base/option.h"
#include "harness/run/experiment/catalogue.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads into an ssmq_observer whose options and texts are the arena's.  What given leaves out comes
 * from the option's default: its statistic with that one's options, its across with that one's.
 * Where the default has no across (weights: one sample), none may be given. */
bool ssmq_observer_read(const ssmq_option_context *cx, const ssmq_option *o, const ssmq_yaml *given,
                        const char *path, void *field);
/* The default of an option of that type as a mapping, whose places are empty. */
ssmq_yaml *ssmq_observer_default(const ssmq_option_context *cx, const ssmq_option *o);
ssmq_yaml *ssmq_observer_tree(const ssmq_option_context *cx, const void *field,
                              const ssmq_yaml *given);

#ifdef __cplusplus
}
#endif
