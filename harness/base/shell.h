/* Text for POSIX shells. */
#pragma once
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends a blank and the text as one word, quoted where it has to be. */
void ssmq_shell_word(const char *text, ssmq_str *out);

#ifdef __cplusplus
}
#endif
