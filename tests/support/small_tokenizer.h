/* A small tokenizer.json made up for tests, with one place changed or none. */
#pragma once
#include "tests/support/scratch.h"

/* Ids: the byte b is b; merges "a b" = 256, "ab c" = 257, "Ġ a" = 258, "b c" = 259; added:
 * "<|end|>" = 260 and "<|end|>!" = 261 (of the raw kind), two spaces = 262, three spaces = 263,
 * "[é]" = 264, "b 12.c" = 265. */
enum {
    SMALL_AB = 256,
    SMALL_ABC,
    SMALL_SPACE_A,
    SMALL_BC,
    SMALL_END,
    SMALL_END_X,
    SMALL_TWO,
    SMALL_THREE,
    SMALL_E,
    SMALL_LONG,
    SMALL_SIZE
};

/* The text, with the first `from` replaced by `to` (from: NULL for none), in the arena. */
const char *small_tokenizer_text(const scratch *s, const char *from, const char *to);
/* The same as a file; its path. */
const char *small_tokenizer(const scratch *s, const char *from, const char *to);
