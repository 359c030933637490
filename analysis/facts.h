/* All that is stored about a run as a flat list of facts: what `ssmq diff` compares. */
#pragma once
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/store/runs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sections, in the order in which they are printed. */
typedef enum ssmq_fact_section {
    SSMQ_FACT_CONFIGURATION, /* resolved.yaml                                             */
    SSMQ_FACT_INPUTS,        /* sums of files                                             */
    SSMQ_FACT_BUILD,         /* version, compiler, libraries, backend                     */
    SSMQ_FACT_HOST,          /* processor, system, threads                                */
    SSMQ_FACT_RESULTS,       /* figures                                                   */
    SSMQ_FACT_SECTIONS,
} ssmq_fact_section;
extern const char *const ssmq_fact_sections[]; /* "configuration", ...; indexed by the section */

/* The key of a recipe's name; those of its steps' options are "recipe.STEP.OPTION". */
#define SSMQ_FACT_RECIPE "recipe"

typedef struct ssmq_fact {
    ssmq_fact_section section;
    const char       *key;   /* "recipe.u.observer.p": elements of lists by their id */
    const char       *value;
} ssmq_fact;

typedef struct ssmq_facts {
    ssmq_fact *fact;
    int32_t    n, capacity;
} ssmq_facts;

/* Everything is the arena's.  DAMAGED if a file cannot be read back. */
SSMQ_MUST_USE ssmq_status ssmq_facts_of(const ssmq_stored_run *run, ssmq_arena *arena, ssmq_facts *out);

/* The value of a fact; NULL: there is none of that key. */
const char *ssmq_fact_value(const ssmq_facts *f, ssmq_fact_section section, const char *key);

#ifdef __cplusplus
}
#endif
