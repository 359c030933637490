#include "harness/base/arena.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#define REDZONE 16 /* bytes after each piece that AddressSanitizer reports when touched */
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define REDZONE 0
#endif

#define ALIGN 16
#define BLOCK_BYTES (64 * 1024)

typedef struct block {
    struct block *next;
    size_t        used, size; /* bytes of the payload */
    _Alignas(ALIGN) unsigned char payload[];
} block;

struct ssmq_arena {
    block *head;
};

void *ssmq_must_realloc(void *p, size_t bytes)
{
    void *q = realloc(p, bytes ? bytes : 1);
    if (!q) {
        fprintf(stderr, "ssmq: out of memory (%zu bytes of bookkeeping)\n", bytes);
        exit(5); /* the exit status of MEMORY */
    }
    return q;
}

void *ssmq_must_malloc(size_t bytes)
{
    return ssmq_must_realloc(NULL, bytes);
}

ssmq_arena *ssmq_arena_new(void)
{
    ssmq_arena *a = ssmq_must_malloc(sizeof *a);
    a->head = NULL;
    return a;
}

void ssmq_arena_free(ssmq_arena *a)
{
    if (!a) return;
    for (block *b = a->head; b;) {
        block *next = b->next;
        UNPOISON(b->payload, b->size);
        free(b);
        b = next;
    }
    free(a);
}

static block *block_new(size_t bytes)
{
    const size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    block       *b = ssmq_must_malloc(sizeof *b + size);
    b->next = NULL;
    b->used = 0;
    b->size = size;
    POISON(b->payload, size);
    return b;
}

void *ssmq_arena_alloc(ssmq_arena *a, size_t bytes)
{
    SSMQ_ASSERT(bytes <= (size_t)1 << 40);
    const size_t need = (bytes + REDZONE + ALIGN - 1) / ALIGN * ALIGN;
    if (!a->head || a->head->size - a->head->used < need) {
        block *b = block_new(need);
        b->next = a->head;
        a->head = b;
    }
    void *p = a->head->payload + a->head->used;
    a->head->used += need;
    UNPOISON(p, bytes);
    memset(p, 0, bytes);
    return p;
}

char *ssmq_arena_strndup(ssmq_arena *a, const char *s, size_t n)
{
    char *p = ssmq_arena_alloc(a, n + 1);
    memcpy(p, s, n);
    return p;
}

char *ssmq_arena_strdup(ssmq_arena *a, const char *s)
{
    return ssmq_arena_strndup(a, s, strlen(s));
}

char *ssmq_arena_vprintf(ssmq_arena *a, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    SSMQ_ASSERT(n >= 0);
    char *p = ssmq_arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, args);
    return p;
}

char *ssmq_arena_printf(ssmq_arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *p = ssmq_arena_vprintf(a, format, args);
    va_end(args);
    return p;
}
