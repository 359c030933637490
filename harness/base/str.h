/* A growing string, and the few string questions that several modules ask. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A growing, always 0-terminated string.  Start from {0}; ssmq_str_free() when done. */
typedef struct ssmq_str {
    char  *data; /* NULL while empty and never written */
    size_t length, capacity;
} ssmq_str;

void        ssmq_str_append(ssmq_str *s, const char *bytes, size_t n);
void        ssmq_str_puts(ssmq_str *s, const char *text);
void        ssmq_str_printf(ssmq_str *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *ssmq_str_text(const ssmq_str *s); /* never NULL */
void        ssmq_str_clear(ssmq_str *s);      /* empty, memory kept */
void        ssmq_str_free(ssmq_str *s);       /* empty, memory released; may be used again */

/* A cell of CSV (RFC 4180), appended: in quotes where commas, quotes or line breaks ask for them. */
void ssmq_str_csv(ssmq_str *s, const char *text);

/* Levenshtein distance of two strings in bytes, for "did you mean". */
int ssmq_str_distance(const char *a, const char *b);

/* The candidate nearest to word within distance 2 (and less than word's length); NULL if none.
 * candidates: NULL-terminated. */
const char *ssmq_str_nearest(const char *word, const char *const *candidates);

bool ssmq_str_starts(const char *s, const char *prefix);
bool ssmq_str_ends(const char *s, const char *suffix);

#ifdef __cplusplus
}
#endif
