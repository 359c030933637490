/* A plain table of text: columns aligned by display width, numbers to the right. */
#pragma once
#include <stdint.h>
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_table ssmq_table;

/* n_column headings, copied; a NULL heading is an empty one. */
ssmq_table *ssmq_table_new(int32_t n_column, const char *const *heading);
/* One row of n_column cells, copied; NULL: empty.  Line breaks and other control characters in a
 * cell become blanks. */
void        ssmq_table_row(ssmq_table *t, const char *const *cell);
/* Appends heading, rule and rows.  A column whose cells are all numbers (or empty, or "-") is
 * aligned to the right.  Lines end without blanks. */
void        ssmq_table_print(const ssmq_table *t, ssmq_str *out);
void        ssmq_table_free(ssmq_table *t); /* accepts NULL */

/* Columns that a UTF-8 text takes up on a terminal.  A byte that is not UTF-8 counts as one. */
int32_t ssmq_text_width(const char *text);
/* Bytes of the longest beginning of text, in whole characters, that fits into width columns. */
size_t  ssmq_text_fit(const char *text, int32_t width);

#ifdef __cplusplus
}
#endif
