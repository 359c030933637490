#include "harness/data/utf8.h"
#include <string.h>

/* Length that a first byte announces, and the range of the second byte; 0: no first byte. */
static int first_byte(unsigned char c, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (c < 0x80) return 1;
    if (c < 0xC2) return 0;
    if (c < 0xE0) return 2;
    if (c < 0xF0) {
        if (c == 0xE0) *low = 0xA0;
        if (c == 0xED) *high = 0x9F;
        return 3;
    }
    if (c > 0xF4) return 0;
    if (c == 0xF0) *low = 0x90;
    if (c == 0xF4) *high = 0x8F;
    return 4;
}

/* Length of the character at p; 0 if it is bad; -1 if it is good as far as it goes. */
static int character(const unsigned char *p, size_t n)
{
    unsigned char low, high;
    const int     length = first_byte(p[0], &low, &high);
    for (int i = 1; i < length; i++) {
        if ((size_t)i == n) return -1;
        if (p[i] < low || p[i] > high) return 0;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

size_t ssmq_utf8_valid(const char *text, size_t n, bool *cut)
{
    size_t at = 0;
    *cut = false;
    while (at < n) {
        uint64_t eight;
        while (n - at >= sizeof eight) { /* most text is ASCII */
            memcpy(&eight, text + at, sizeof eight);
            if (eight & 0x8080808080808080u) break;
            at += sizeof eight;
        }
        if (at == n) break;
        const int length = character((const unsigned char *)text + at, n - at);
        if (length <= 0) {
            *cut = length < 0;
            break;
        }
        at += (size_t)length;
    }
    return at;
}

uint32_t ssmq_utf8_decode(const char *text, size_t *length)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80) {
        *length = 1;
        return p[0];
    }
    if (p[0] < 0xE0) {
        *length = 2;
        return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
    }
    if (p[0] < 0xF0) {
        *length = 3;
        return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    }
    *length = 4;
    return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
           (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
}
