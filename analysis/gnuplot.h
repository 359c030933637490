/* The program gnuplot, as a filter from a script to a picture. */
#pragma once
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs a script that sets no output; what it draws is appended to out.  IO: gnuplot is not installed (with
 * the package to install), does not end well, warns, or draws nothing; the message is gnuplot's. */
SSMQ_MUST_USE ssmq_status ssmq_gnuplot_run(const char *script, size_t n, ssmq_str *out);

#ifdef __cplusplus
}
#endif
