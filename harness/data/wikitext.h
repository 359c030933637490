/* WikiText as lm-evaluation-harness 0.4.2 reads it: pages of the raw file, the detokeniser of its task wikitext,
 * words. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Does a line of the raw file, without its line feed, begin a page: is it a heading of the first level? */
bool ssmq_wikitext_begins_page(const char *line, size_t n);

/* A page of UTF-8 without what the tokeniser of WikiText put into it, appended. */
void ssmq_wikitext_detokenise(const char *page, size_t n, ssmq_str *out);

/* Pieces of UTF-8 text between stretches of white space (Unicode's), those at its ends included: what Python's
 * len(re.split(r"\s+", text)) counts as words. */
int64_t ssmq_count_words(const char *text, size_t n);
/* Is there nothing but white space? */
bool ssmq_is_white(const char *text, size_t n);

#ifdef __cplusplus
}
#endif
