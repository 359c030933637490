/* What `ssmq --version` says. */
#pragma once
#include <stdio.h>
#include "harness/base/command.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version and commit; compiler and build type; libraries as compiled against and as loaded;
 * processor features; backends with the tiers that this machine can run. */
SSMQ_MUST_USE ssmq_status ssmq_version_print(const ssmq_catalogue *cat, FILE *out);

#ifdef __cplusplus
}
#endif
