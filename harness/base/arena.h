/* An arena: bookkeeping memory (names, tables, trees) that is freed all at once.  Running out of
 * it ends the program: nobody recovers from that, and it halves the error paths.  Bulk memory
 * (weights, activations) does not come from here but from a backend, with a status. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_arena ssmq_arena;

ssmq_arena *ssmq_arena_new(void);
void        ssmq_arena_free(ssmq_arena *a); /* accepts NULL */

/* Zeroed memory, aligned for any type; valid until the arena is freed.  Never NULL. */
void *ssmq_arena_alloc(ssmq_arena *a, size_t bytes);

/* Copies of strings, 0-terminated. */
char *ssmq_arena_strdup(ssmq_arena *a, const char *s);
char *ssmq_arena_strndup(ssmq_arena *a, const char *s, size_t n);
char *ssmq_arena_printf(ssmq_arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *ssmq_arena_vprintf(ssmq_arena *a, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* An array of n zeroed elements of a type. */
#define SSMQ_ARENA_ARRAY(a, type, n) ((type *)ssmq_arena_alloc((a), sizeof(type) * (size_t)(n)))

/* Memory from malloc() that must not be missing, for growing buffers outside an arena. */
void *ssmq_must_malloc(size_t bytes);
void *ssmq_must_realloc(void *p, size_t bytes);

#ifdef __cplusplus
}
#endif
