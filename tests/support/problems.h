/* Problems of a configuration as text for tests. */
#pragma once
#include "harness/base/diag.h"

/* As ssmq_diag_render, without the numbers, " [E203]", at the ends of messages: which problem has which is
 * what tests/conformance/test_problems.c looks at. */
void problems_render(const ssmq_diag *d, ssmq_str *out);
