/* Text and tables of a page. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Text as it is to be read, in an element or in a quoted attribute.  NULL: nothing. */
void ssmq_html_text(ssmq_str *out, const char *text);
/* The same with a format. */
void ssmq_html_printf(ssmq_str *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "<h2 id=...>"; the id is also where the contents point. */
void ssmq_html_section(ssmq_str *out, const char *id, const char *title);

/* A table that scrolls sideways where the page is narrow; caption for those who do not see it, too.  A
 * heading that begins with ">" is that of a column of numbers. */
void ssmq_html_table_begin(ssmq_str *out, const char *caption, const char *const *heading, int32_t n);
/* A row; its first cell is its heading, cells that begin as numbers stand to the right.  best: index of a
 * cell that is set off; -1: none. */
void ssmq_html_row(ssmq_str *out, const char *const *cell, int32_t n, int32_t best);
/* The same with cells that are marked as different from what they stand beside; all of them stand to the left. */
void ssmq_html_row_marked(ssmq_str *out, const char *const *cell, int32_t n, const bool *marked);
void ssmq_html_table_end(ssmq_str *out);

/* What is seen once somebody asks for it. */
void ssmq_html_fold_begin(ssmq_str *out, const char *summary);
void ssmq_html_fold_end(ssmq_str *out);
/* The same with text that keeps its lines. */
void ssmq_html_details(ssmq_str *out, const char *summary, const char *text);

#ifdef __cplusplus
}
#endif
