#include "harness/base/shell.h"
#include <string.h>

void ssmq_shell_word(const char *text, ssmq_str *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=@%+";
    ssmq_str_puts(out, " ");
    if (*text && strspn(text, plain) == strlen(text)) {
        ssmq_str_puts(out, text);
        return;
    }
    ssmq_str_puts(out, "'");
    for (; *text; text++) {
        if (*text == '\'') ssmq_str_puts(out, "'\\''");
        else ssmq_str_append(out, text, 1);
    }
    ssmq_str_puts(out, "'");
}
