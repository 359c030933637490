/* Unicode's normalisation form C (UAX #15) over utf8proc's tables, with what a streaming caller
 * needs beside it: where a text may be cut so that the parts normalise as the whole does. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_nfc ssmq_nfc;

ssmq_nfc *ssmq_nfc_new(void);
void      ssmq_nfc_free(ssmq_nfc *f); /* accepts NULL */

/* Appends the NFC form of n bytes of valid UTF-8. */
void ssmq_nfc_append(const ssmq_nfc *f, const char *text, size_t n, ssmq_str *out);

/* The last position in from .. n - 1 where text may be cut: NFC(text) = NFC(before) NFC(from there
 * on), whatever is appended to text.  SIZE_MAX: there is none.  text + from begins a character. */
size_t ssmq_nfc_cut(const ssmq_nfc *f, const char *text, size_t from, size_t n);

#ifdef __cplusplus
}
#endif
