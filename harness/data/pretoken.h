/* The pattern that GPT-2 splits text with before byte pairs are merged, through PCRE2. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_pretoken ssmq_pretoken;

SSMQ_MUST_USE ssmq_status ssmq_pretoken_new(ssmq_pretoken **out);
void                      ssmq_pretoken_free(ssmq_pretoken *p); /* accepts NULL */

/* The end of the word that begins at `at` in n bytes of valid UTF-8; at < n, *end > at. */
SSMQ_MUST_USE ssmq_status ssmq_pretoken_next(ssmq_pretoken *p, const char *text, size_t n,
                                             size_t at, size_t *end);

/* May text be cut at `at` (0 < at < n), so that the parts split as the whole does, whatever comes
 * before and after?  Told from the two characters beside the cut. */
SSMQ_MUST_USE ssmq_status ssmq_pretoken_divides(ssmq_pretoken *p, const char *text, size_t n,
                                                size_t at, bool *out);

#ifdef __cplusplus
}
#endif
