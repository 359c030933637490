#include "analysis/html.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/arena.h"

void ssmq_html_text(ssmq_str *out, const char *text)
{
    for (; text && *text; text++) {
        const char c = *text;
        if (c == '&') ssmq_str_puts(out, "&amp;");
        else if (c == '<') ssmq_str_puts(out, "&lt;");
        else if (c == '>') ssmq_str_puts(out, "&gt;");
        else if (c == '"') ssmq_str_puts(out, "&quot;");
        else if (c == '\'') ssmq_str_puts(out, "&#39;");
        else ssmq_str_append(out, (unsigned char)c < ' ' && c != '\n' ? " " : &c, 1);
    }
}

void ssmq_html_printf(ssmq_str *out, const char *format, ...)
{
    ssmq_arena *arena = ssmq_arena_new();
    va_list     args;
    va_start(args, format);
    ssmq_html_text(out, ssmq_arena_vprintf(arena, format, args));
    va_end(args);
    ssmq_arena_free(arena);
}

void ssmq_html_section(ssmq_str *out, const char *id, const char *title)
{
    ssmq_str_printf(out, "<h2 id=\"%s\">", id);
    ssmq_html_text(out, title);
    ssmq_str_puts(out, "</h2>\n");
}

void ssmq_html_table_begin(ssmq_str *out, const char *caption, const char *const *heading, int32_t n)
{
    ssmq_str_puts(out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
    ssmq_html_text(out, caption);
    ssmq_str_puts(out, "\"><table>\n<caption>");
    ssmq_html_text(out, caption);
    ssmq_str_puts(out, "</caption>\n<thead><tr>");
    for (int32_t i = 0; i < n; i++) {
        const bool numbers = heading[i][0] == '>';
        ssmq_str_puts(out, numbers ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        ssmq_html_text(out, heading[i] + numbers);
        ssmq_str_puts(out, "</th>");
    }
    ssmq_str_puts(out, "</tr></thead>\n<tbody>\n");
}

static bool is_number(const char *text)
{
    if (strcmp(text, "-") == 0) return true;
    text += *text == '+' || *text == '-';
    return isdigit((unsigned char)*text) && text[strspn(text, "0123456789.eE+-*~ \302\261%")] == '\0';
}

/* best, marked: -1, NULL: none */
static void put_row(ssmq_str *out, const char *const *cell, int32_t n, int32_t best, const bool *marked)
{
    ssmq_str_puts(out, "<tr>");
    for (int32_t i = 0; i < n; i++) {
        const char *text = cell[i] ? cell[i] : "";
        const char *around = i == best ? "strong" : marked && marked[i] ? "mark" : NULL;
        if (i == 0) ssmq_str_puts(out, "<th scope=\"row\">");
        else ssmq_str_puts(out, !marked && is_number(text) ? "<td class=\"n\">" : "<td>");
        if (around) ssmq_str_printf(out, "<%s>", around);
        ssmq_html_text(out, text);
        if (around) ssmq_str_printf(out, "</%s>", around);
        ssmq_str_puts(out, i == 0 ? "</th>" : "</td>");
    }
    ssmq_str_puts(out, "</tr>\n");
}

void ssmq_html_row(ssmq_str *out, const char *const *cell, int32_t n, int32_t best)
{
    put_row(out, cell, n, best, NULL);
}

void ssmq_html_row_marked(ssmq_str *out, const char *const *cell, int32_t n, const bool *marked)
{
    put_row(out, cell, n, -1, marked);
}

void ssmq_html_table_end(ssmq_str *out)
{
    ssmq_str_puts(out, "</tbody></table></div>\n");
}

void ssmq_html_fold_begin(ssmq_str *out, const char *summary)
{
    ssmq_str_puts(out, "<details><summary>");
    ssmq_html_text(out, summary);
    ssmq_str_puts(out, "</summary>\n");
}

void ssmq_html_fold_end(ssmq_str *out)
{
    ssmq_str_puts(out, "</details>\n");
}

void ssmq_html_details(ssmq_str *out, const char *summary, const char *text)
{
    ssmq_html_fold_begin(out, summary);
    ssmq_str_puts(out, "<pre>");
    ssmq_html_text(out, text);
    ssmq_str_puts(out, "</pre>");
    ssmq_html_fold_end(out);
}
