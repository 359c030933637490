/* Selectors: patterns over dotted names.  `*` (any run) and `?` (one character) stay within one
 * part,
 * `**` spans parts, `{a,b}` lists alternatives, which may hold patterns and further alternatives.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_GLOB_MAX 1000 /* bytes of a pattern */

/* NULL if the pattern is well formed, else what is wrong, with its place in *offset (bytes). */
const char *ssmq_glob_check(const char *pattern, size_t *offset);

/* Does the whole name match?  Takes time proportional to pattern times name at most.  A pattern
 * that is not well formed matches nothing. */
bool ssmq_glob_match(const char *pattern, const char *name);

#ifdef __cplusplus
}
#endif
