/* What the ops of a backend take while it runs something: seconds, bytes, operations, op by op and by the
 * site that they work for. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an op needs at least: every operand read or written once; operations in whole numbers, in products of
 * bfloat16 numbers and in floats, a multiply-add counting as two.  An exponential counts as SSMQ_METER_EXP. */
typedef struct ssmq_meter_cost {
    double bytes, i8, bf16, f32;
} ssmq_meter_cost;

#define SSMQ_METER_EXP 20.0                        /* by a polynomial */
#define SSMQ_METER_UPDATE (SSMQ_METER_EXP + 3 * 2) /* of a state: its decay, three multiply-adds */

typedef struct ssmq_meter_entry {
    const char     *op;   /* of the backend's table: "linear_i8"         */
    int32_t         site; /* of the model, as exec said it; -1: none     */
    int64_t         calls;
    double          seconds;
    ssmq_meter_cost cost;
} ssmq_meter_entry;

typedef struct ssmq_meter ssmq_meter;

/* Measures every op of be from now on, until off; sites are below n_site.  Two looks at the clock for each op, a
 * tenth of a microsecond together.  be must not be closed in between, nor measured twice. */
ssmq_meter *ssmq_meter_on(ssmq_backend *be, int32_t n_site);
void        ssmq_meter_off(ssmq_meter *m); /* releases it; accepts NULL */
/* From here on counts begin at 0 again. */
void ssmq_meter_clear(ssmq_meter *m);
/* Entry i of those with a call since, in a fixed order; false: there is none. */
bool ssmq_meter_entry_at(const ssmq_meter *m, int32_t i, ssmq_meter_entry *out);

#ifdef __cplusplus
}
#endif
