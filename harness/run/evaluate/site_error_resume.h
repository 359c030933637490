/* Errors at sites after a kill: the sums of a pass as they were after its last finished window.  kept [n_site]: not
 * NULL for the sites of the pass, at least one. */
#pragma once
#include "harness/run/evaluate/site_error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes them; returns how many windows they are of. */
int64_t ssmq_site_errors_take(ssmq_site_errors *to, float *const *kept, const ssmq_listener *l);
/* Keeps them after a window.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_site_errors_keep(const ssmq_site_errors *from, float *const *kept, int64_t window,
                                                const ssmq_listener *l);

#ifdef __cplusplus
}
#endif
