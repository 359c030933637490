/* Helpers of methods: which sites a step takes, and ranges turned into scales. */
#pragma once
#include "quant/methods.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Does a step of this method with these selectors take this site? */
bool ssmq_takes(const ssmq_method *method, const char *const *selectors, const ssmq_site *site);

/* Assigns a spec, without scales, to a site in the name of the step under way, in place of what an
 * earlier step assigned.  bits 0: the site stays in floating point.  observer: NULL for none. */
void ssmq_assign(ssmq_plan *plan, int32_t site, const ssmq_qspec *spec,
                 const ssmq_observer *observer);

/* CONFIG, if an earlier step has chosen channels to keep at a site, for a method whose work would make others
 * of them: what ("a rotation") has to come before that step. */
SSMQ_MUST_USE ssmq_status ssmq_refuse_kept(const ssmq_plan *plan, int32_t site, const char *what);

/* The number format as three options say it.  CONFIG, naming the method, if they contradict each other:
 * fp8 has 8 bits, f16 and bf16 have 16, and no zero point. */
SSMQ_MUST_USE ssmq_status ssmq_format_spec(const char *method, int bits, int format, bool symmetric,
                                           ssmq_qspec *out);

/* How codes are computed, as four options of a step say it: the published code that is to be replicated may
 * differ from the definition. */
typedef struct ssmq_arithmetic {
    int rounding;                                   /* ssmq_rounding  */
    int scale_dtype, quotient_dtype, product_dtype; /* ssmq_precision */
} ssmq_arithmetic;

/* Their rows in the table of an options struct with a member of that type. */
#define SSMQ_ARITHMETIC_OPTIONS(type, member)                                                            \
    {"rounding", offsetof(type, member.rounding), SSMQ_OPTION_CHOICE, "half-even", 0, 0, ssmq_roundings, \
     "of a quotient to a code"},                                                                         \
    {"scale_dtype", offsetof(type, member.scale_dtype), SSMQ_OPTION_CHOICE, "f32", 0, 0, ssmq_precisions, \
     "f16: the scale in half precision"},                                                          \
    {"quotient_dtype", offsetof(type, member.quotient_dtype), SSMQ_OPTION_CHOICE, "f32", 0, 0,           \
     ssmq_precisions, "f16: the tensor, and its quotient by the scale, in half precision"},              \
    {"product_dtype", offsetof(type, member.product_dtype), SSMQ_OPTION_CHOICE, "f32", 0, 0,             \
     ssmq_precisions, "f16: codes times the scale in half precision"}

/* CONFIG, naming the method, if the spec's format knows one rounding only and another is asked for, or has no
 * scale. */
SSMQ_MUST_USE ssmq_status ssmq_arithmetic_spec(const char *method, const ssmq_arithmetic *a,
                                               ssmq_qspec *spec);

/* CONFIG, naming the method, if the spec's format has no range and a scope is asked for, or something of ranges. */
SSMQ_MUST_USE ssmq_status ssmq_half_spec(const char *method, const ssmq_qspec *spec, ssmq_scope scope,
                                         bool ranges);
/* The scale of such a format, 1, into the plan. */
void ssmq_unit_scale(ssmq_plan *plan, int32_t site);

/* What shares a scale of a weight, as two options say it: CONFIG, naming the method, unless scope group and a
 * group above 0 go together; and CONFIG, naming the site, where a group does not divide its inputs. */
SSMQ_MUST_USE ssmq_status ssmq_scope_spec(const char *method, int scope, int group, ssmq_qspec *spec);
SSMQ_MUST_USE ssmq_status ssmq_group_divides(const ssmq_qspec *spec, const ssmq_site *site);

/* The scale of a range, and its zero point (0 where the spec is symmetric). */
float ssmq_scale_of_range(const ssmq_range *r, const ssmq_qspec *spec, int32_t *zero);

/* Scales, and zero points where the spec has them, of ranges [count of shape], into the plan: shape is
 * (), (rows, 1), (rows, groups) or (channels).  NUMERIC, naming the site, where a scale would not be a
 * finite number above 0. */
SSMQ_MUST_USE ssmq_status ssmq_params_of_ranges(ssmq_plan *plan, int32_t site,
                                                const ssmq_range *range, int32_t rank,
                                                const int64_t *dim);

/* The scales of a weight site under its spec into the plan: each unit that shares a scale is a sample of
 * the statistic.  MEMORY, NUMERIC. */
SSMQ_MUST_USE ssmq_status ssmq_weight_params(ssmq_plan *plan, int32_t site,
                                             const ssmq_observer *observer);

#ifdef __cplusplus
}
#endif
