/* Options of methods, statistics and others from YAML text, over the program's catalogue. */
#pragma once
#include "harness/base/option.h"

/* The options struct of a table, read from a mapping ("{bits: 4}"; NULL: all defaults); the arena's.
 * A problem fails the test. */
void *test_options(ssmq_arena *arena, const ssmq_option *table, size_t size, const char *text);
