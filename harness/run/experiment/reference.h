/* The configuration reference, configs/README.md, written from the tables that the loader reads by,
 * and the page of errors, configs/ERRORS.md, from the list of problems. */
#pragma once
#include "harness/base/str.h"
#include "harness/run/experiment/catalogue.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends the page as Markdown; a test compares it with the file. */
void ssmq_reference(const ssmq_catalogue *cat, ssmq_str *out);
void ssmq_reference_problems(ssmq_str *out);

#ifdef __cplusplus
}
#endif
