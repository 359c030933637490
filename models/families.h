/* The registry of model families.  To add one: write models/<name>.c, add one line here. */
#pragma once
#include "harness/contract/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_FAMILIES(X) X(mamba)

#define X(name) extern const ssmq_family ssmq_family_##name;
SSMQ_FAMILIES(X)
#undef X

extern const ssmq_family *const ssmq_families[]; /* NULL-terminated */

#ifdef __cplusplus
}
#endif
