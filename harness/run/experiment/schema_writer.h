/* For json_schema.c: options and mappings as JSON Schema. */
#pragma once
#include "harness/base/json.h"
#include "harness/run/experiment/loader.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One way to fill in a mapping, chosen by its name under some key: a method, a backend, a statistic. */
typedef struct ssmq_schema_variant {
    const char        *name;
    const ssmq_option *options;
} ssmq_schema_variant;

/* All of them under one key. */
typedef struct ssmq_schema_variants {
    const char                *key, *help;
    const char                *fallback; /* the variant where the key is missing; NULL: none */
    const ssmq_schema_variant *variant;
    int32_t                    n;
} ssmq_schema_variants;

typedef struct ssmq_schema_writer {
    ssmq_json_writer      json;
    ssmq_option_context   options; /* arena and diag */
    const ssmq_catalogue *cat;
} ssmq_schema_writer;

/* The catalogue's, the arena's of the writer. */
ssmq_schema_variants ssmq_schema_methods(const ssmq_schema_writer *w);
ssmq_schema_variants ssmq_schema_backends(const ssmq_schema_writer *w);

/* Names for people to choose, as ssmq_option_name() has them. */
#define SSMQ_SCHEMA_NAME "^[A-Za-z0-9_][A-Za-z0-9_-]{0,199}$"
#define SSMQ_SCHEMA_NAME_DOTS "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$"

/* "type": one name, or several. */
void ssmq_schema_put_type(ssmq_schema_writer *w, const char *const *types);
/* A scalar of any type, as the loader takes wherever it wants a text. */
void ssmq_schema_put_text_type(ssmq_schema_writer *w);
/* "enum": the words. */
void ssmq_schema_put_words(ssmq_schema_writer *w, const char *const *words);
/* One of the words, or a list of some, each once. */
void ssmq_schema_put_word_list(ssmq_schema_writer *w, const char *const *words);
void ssmq_schema_put_strings(ssmq_schema_writer *w, const char *key, const char *const *strings);
void ssmq_schema_put_ref(ssmq_schema_writer *w, const char *key, const char *help,
                         const char *definition);

/* A property for each option of a table. */
void ssmq_schema_put_options(ssmq_schema_writer *w, const ssmq_option *table);
/* "required": the options without a default, and the other keys (NULL-terminated, or NULL). */
void ssmq_schema_put_required(ssmq_schema_writer *w, const ssmq_option *table,
                              const char *const *other);
/* The properties of all variants, unless the table or an earlier list has them, with their key. */
void ssmq_schema_put_variant_properties(ssmq_schema_writer *w, const ssmq_schema_variants *all);
/* An element of "allOf" for each: with its name, its options and none of the others'. */
void ssmq_schema_put_variant_rules(ssmq_schema_writer *w, const ssmq_schema_variants *all);

/* Begins a mapping of type object and its properties. */
void ssmq_schema_begin_mapping(ssmq_schema_writer *w, const char *key);
/* Ends the properties; what else belongs to the mapping may follow, then its end. */
void ssmq_schema_end_properties(ssmq_schema_writer *w);
/* All of a mapping but its begin and end: the options of a table, and what more() adds (or NULL). */
void ssmq_schema_put_mapping(ssmq_schema_writer *w, const ssmq_option *table,
                             void (*more)(ssmq_schema_writer *w));

/* json_schema_sweep.c: the sections of these names. */
void ssmq_schema_put_sweep(ssmq_schema_writer *w);
void ssmq_schema_put_expect(ssmq_schema_writer *w);

#ifdef __cplusplus
}
#endif
