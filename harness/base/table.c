#include "harness/base/table.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "harness/base/arena.h"

struct ssmq_table {
    ssmq_arena  *arena;
    int32_t      n_column;
    int64_t      n_row, capacity; /* the heading is row 0 */
    const char **cell;            /* [capacity * n_column] */
};

/* ---- display width --------------------------------------------------------------------- */

/* The next character: its bytes; its columns into *width. */
static size_t next(const char *text, int32_t *width)
{
    utf8proc_int32_t       c;
    const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &c);
    *width = 1;
    if (n <= 0) return 1;
    *width = utf8proc_charwidth(c);
    return (size_t)n;
}

int32_t ssmq_text_width(const char *text)
{
    int32_t total = 0, width;
    while (*text) {
        text += next(text, &width);
        total += width;
    }
    return total;
}

size_t ssmq_text_fit(const char *text, int32_t width)
{
    size_t  n = 0;
    int32_t w;
    while (text[n]) {
        const size_t more = next(text + n, &w);
        if (w > width) break;
        width -= w;
        n += more;
    }
    return n;
}

/* ---- the table ------------------------------------------------------------------------- */

ssmq_table *ssmq_table_new(int32_t n_column, const char *const *heading)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_table *t = ssmq_arena_alloc(arena, sizeof *t);
    t->arena = arena;
    t->n_column = n_column;
    ssmq_table_row(t, heading);
    return t;
}

static const char *copy_cell(ssmq_arena *arena, const char *text)
{
    char *copy = ssmq_arena_strdup(arena, text ? text : "");
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
    return copy;
}

void ssmq_table_row(ssmq_table *t, const char *const *cell)
{
    const size_t width = (size_t)t->n_column;
    if (t->n_row == t->capacity) {
        const int64_t capacity = t->capacity ? 2 * t->capacity : 16;
        const char  **all = SSMQ_ARENA_ARRAY(t->arena, const char *, capacity * t->n_column);
        if (t->n_row) memcpy(all, t->cell, (size_t)t->n_row * width * sizeof *all);
        t->cell = all;
        t->capacity = capacity;
    }
    const char **row = t->cell + (size_t)t->n_row * width;
    for (int32_t i = 0; i < t->n_column; i++) row[i] = copy_cell(t->arena, cell[i]);
    t->n_row++;
}

void ssmq_table_free(ssmq_table *t)
{
    if (t) ssmq_arena_free(t->arena);
}

/* Digits after an optional sign, or a word that stands for a missing or odd number. */
static bool is_number(const char *text)
{
    static const char *const words[] = {"", "-", "nan", "inf", "-inf"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0) return true;
    if (*text == '+' || *text == '-') text++;
    if (!strchr("0123456789", *text) || !*text) return false;
    return strspn(text, "0123456789.,eE+-% ") == strlen(text);
}

typedef struct layout {
    int32_t width;
    bool    right;
} layout;

static layout measure(const ssmq_table *t, int32_t column)
{
    layout a = {0, t->n_row > 1};
    for (int64_t r = 0; r < t->n_row; r++) {
        const char   *text = t->cell[r * t->n_column + column];
        const int32_t width = ssmq_text_width(text);
        if (width > a.width) a.width = width;
        if (r > 0 && !is_number(text)) a.right = false;
    }
    return a;
}

static void pad(ssmq_str *out, int32_t n, const char *with)
{
    for (; n > 0; n--) ssmq_str_puts(out, with);
}

static void trim_line(ssmq_str *out)
{
    while (out->length && out->data[out->length - 1] == ' ') out->data[--out->length] = '\0';
    ssmq_str_puts(out, "\n");
}

static void print_row(const ssmq_table *t, int64_t row, const layout *a, ssmq_str *out)
{
    for (int32_t i = 0; i < t->n_column; i++) {
        const char   *text = t->cell[row * t->n_column + i];
        const int32_t room = a[i].width - ssmq_text_width(text);
        if (i > 0) ssmq_str_puts(out, "  ");
        if (a[i].right) pad(out, room, " ");
        ssmq_str_puts(out, text);
        if (!a[i].right) pad(out, room, " ");
    }
    trim_line(out);
}

void ssmq_table_print(const ssmq_table *t, ssmq_str *out)
{
    layout *a = ssmq_must_malloc(sizeof *a * (size_t)t->n_column);
    for (int32_t i = 0; i < t->n_column; i++) a[i] = measure(t, i);
    print_row(t, 0, a, out);
    for (int32_t i = 0; i < t->n_column; i++) {
        if (i > 0) ssmq_str_puts(out, "  ");
        pad(out, a[i].width, "-");
    }
    trim_line(out);
    for (int64_t r = 1; r < t->n_row; r++) print_row(t, r, a, out);
    free(a);
}
