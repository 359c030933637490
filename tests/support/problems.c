#include "tests/support/problems.h"
#include <string.h>

static bool ends_in_number(const char *line, size_t n)
{
    static const size_t tail = sizeof " [E203]" - 1;
    if (n < tail) return false;
    line += n - tail;
    return strncmp(line, " [", 2) == 0 && (line[2] == 'E' || line[2] == 'W') &&
           line[tail - 1] == ']';
}

void problems_render(const ssmq_diag *d, ssmq_str *out)
{
    ssmq_str whole = {0};
    ssmq_diag_render(d, &whole);
    for (const char *line = ssmq_str_text(&whole); *line;) {
        const size_t n = strcspn(line, "\n");
        ssmq_str_append(out, line, ends_in_number(line, n) ? n - (sizeof " [E203]" - 1) : n);
        line += n;
        if (*line) ssmq_str_append(out, line++, 1);
    }
    ssmq_str_free(&whole);
}
