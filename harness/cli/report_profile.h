/* What `ssmq profile` prints. */
#pragma once
#include <stdio.h>
#include "harness/run/profile/profile.h"

#ifdef __cplusplus
extern "C" {
#endif

/* {"profiles": [...]}, a profile each. */
void ssmq_report_profile_json(const ssmq_profile *p, int32_t n, FILE *out);
/* The same as tables: times beside their floors, then op by op. */
void ssmq_report_profile_text(const ssmq_profile *p, int32_t n, FILE *out);

#ifdef __cplusplus
}
#endif
