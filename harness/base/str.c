#include "harness/base/str.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"

static void reserve(ssmq_str *s, size_t more)
{
    const size_t need = s->length + more + 1;
    if (need <= s->capacity) return;
    size_t capacity = s->capacity ? s->capacity : 64;
    while (capacity < need) capacity *= 2;
    s->data = ssmq_must_realloc(s->data, capacity);
    s->capacity = capacity;
}

void ssmq_str_append(ssmq_str *s, const char *bytes, size_t n)
{
    reserve(s, n);
    if (n) memcpy(s->data + s->length, bytes, n);
    s->length += n;
    s->data[s->length] = '\0';
}

void ssmq_str_puts(ssmq_str *s, const char *text)
{
    ssmq_str_append(s, text, strlen(text));
}

void ssmq_str_printf(ssmq_str *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    SSMQ_ASSERT(n >= 0);
    reserve(s, (size_t)n);
    va_start(args, format);
    vsnprintf(s->data + s->length, (size_t)n + 1, format, args);
    va_end(args);
    s->length += (size_t)n;
}

const char *ssmq_str_text(const ssmq_str *s)
{
    return s->data ? s->data : "";
}

void ssmq_str_clear(ssmq_str *s)
{
    s->length = 0;
    if (s->data) s->data[0] = '\0';
}

void ssmq_str_free(ssmq_str *s)
{
    free(s->data);
    *s = (ssmq_str){0};
}

void ssmq_str_csv(ssmq_str *s, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        ssmq_str_puts(s, text);
        return;
    }
    ssmq_str_puts(s, "\"");
    for (; *text; text++) ssmq_str_append(s, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    ssmq_str_puts(s, "\"");
}

int ssmq_str_distance(const char *a, const char *b)
{
    const size_t n = strlen(b);
    int         *row = ssmq_must_malloc((n + 1) * sizeof *row);
    for (size_t j = 0; j <= n; j++) row[j] = (int)j;
    for (size_t i = 0; a[i]; i++) {
        int diagonal = row[0];
        row[0] = (int)i + 1;
        for (size_t j = 0; j < n; j++) {
            const int change = diagonal + (a[i] != b[j]);
            const int insert = row[j] + 1, remove = row[j + 1] + 1;
            diagonal = row[j + 1];
            row[j + 1] = change < insert ? change : insert;
            if (remove < row[j + 1]) row[j + 1] = remove;
        }
    }
    const int distance = row[n];
    free(row);
    return distance;
}

const char *ssmq_str_nearest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    const int   length = (int)strlen(word);
    int         least = length < 3 ? length : 3; /* found only when below: at most 2 */
    for (; *candidates; candidates++) {
        const int distance = ssmq_str_distance(word, *candidates);
        if (distance >= least) continue;
        least = distance;
        best = *candidates;
    }
    return best;
}

bool ssmq_str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ssmq_str_ends(const char *s, const char *suffix)
{
    const size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}
