/* UTF-8: checked as it streams by (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing
 * above U+10FFFF), and characters of text that was checked. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How many leading bytes of text are whole, valid characters.  What follows is bad, unless *cut:
 * then it is the beginning of a character whose rest may follow. */
size_t ssmq_utf8_valid(const char *text, size_t n, bool *cut);

/* The character at text (checked before), and its length in bytes, 1 to 4. */
uint32_t ssmq_utf8_decode(const char *text, size_t *length);

/* Is this byte the second or later one of a character? */
static inline bool ssmq_utf8_continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

#ifdef __cplusplus
}
#endif
