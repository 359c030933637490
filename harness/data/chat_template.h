/* How a dialogue becomes one text: what stands before and behind each message.  A few known templates, or a JSON
 * file; there is no Jinja. */
#pragma once
#include <stdbool.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_chat_part {
    const char *before, *after;
} ssmq_chat_part;

typedef struct ssmq_chat_template {
    const char    *name;   /* "chatml", or the file */
    ssmq_chat_part system, user, assistant;
    const char    *stop;   /* a text that ends a reply; "": only the token that ends texts does */
} ssmq_chat_template;

/* "plain", "chatml", "zephyr"; ends with one whose name is NULL. */
extern const ssmq_chat_template ssmq_chat_templates[];

/* A known name, or the path of a file {"system": {"before": TEXT, "after": TEXT}, "user": ..., "assistant": ...,
 * "stop": TEXT}, of which system and stop may be missing; NULL: what DIRECTORY/tokenizer_config.json has, if that is a
 * known one, and plain where it has none.  Texts are static or the arena's.  INPUT, UNSUPPORTED for a template in
 * Jinja that is none of the known ones. */
SSMQ_MUST_USE ssmq_status ssmq_chat_template_find(const char *name, const char *directory, ssmq_arena *arena,
                                                  ssmq_chat_template *out);

#ifdef __cplusplus
}
#endif
