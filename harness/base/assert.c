#include "harness/base/assert.h"
#include <stdio.h>
#include <stdlib.h>

void ssmq_assert_failed(const char *condition, const char *file, int line, const char *func)
{
    fprintf(stderr, "ssmq: internal error: %s is false in %s (%s:%d); please report this\n",
            condition, func, file, line);
    abort();
}
