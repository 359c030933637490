/* Helpers of methods: which sites a step takes, and ranges turned into scales. */
#pragma once
#include "quant/methods.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Does a step of this method with these selectors take this site? */
bool ssmq_takes(const ssmq_method *method, const char *const *selectors, const ssmq_site *site);

/* Assigns a spec, without scales, to a site in the name of the step under way, in place of what an
 * earlier step assigned. */
void ssmq_assign(ssmq_plan *plan, int32_t site, const ssmq_qspec *spec,
                 const ssmq_observer *observer);

/* scale[at] = range / largest code, and *out = scale.  NUMERIC, naming the site, if it is not a finite
 * number above 0. */
SSMQ_MUST_USE ssmq_status ssmq_scale_of_range(const ssmq_site *site, float range,
                                              const ssmq_qspec *spec, ssmq_tensor scale, int64_t at,
                                              ssmq_tensor *out);

/* The scales of a weight site under its spec, () or (rows, 1), into the plan: the weight is the sample. */
SSMQ_MUST_USE ssmq_status ssmq_weight_params(ssmq_plan *plan, int32_t site,
                                             const ssmq_observer *observer);

#ifdef __cplusplus
}
#endif
