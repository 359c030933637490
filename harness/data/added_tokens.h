/* Added tokens: words of a tokenizer that are looked for in the text before it is split, leftmost
 * first and the longest of those that begin at one place; kept in a trie of bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_ADDED_BYTES_MAX 4096 /* longest content: a bound on what a stream holds back */

typedef struct ssmq_added ssmq_added;

ssmq_added *ssmq_added_new(void);
void        ssmq_added_free(ssmq_added *a); /* accepts NULL */

/* false if the same content is there already.  1 <= n <= SSMQ_ADDED_BYTES_MAX */
bool ssmq_added_put(ssmq_added *a, const char *content, size_t n, int32_t id);

size_t ssmq_added_longest(const ssmq_added *a); /* bytes of the longest content; 0: none */

typedef struct ssmq_added_match {
    size_t  begin, end; /* begin == n: none; then end == n */
    int32_t id;
} ssmq_added_match;

/* The next match in text[from .. n).  With open, more text may follow: a place where a match may
 * yet begin or become longer stops the search, *undecided is set and begin is that place. */
ssmq_added_match ssmq_added_find(const ssmq_added *a, const char *text, size_t from, size_t n,
                                 bool open, bool *undecided);

/* Does any content occur in text so that it begins before `at` and ends behind it? */
bool ssmq_added_across(const ssmq_added *a, const char *text, size_t n, size_t at);

#ifdef __cplusplus
}
#endif
