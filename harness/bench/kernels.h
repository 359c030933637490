/* A case per op of the backends: checked against another backend over random shapes, and timed at the
 * shapes of real models. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/backend/backend.h"
#include "harness/bench/draw.h"
#include "harness/bench/meter.h"
#include "harness/bench/peaks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- checking ---- */

typedef struct ssmq_kernel_case {
    const char *op;    /* "linear" */
    const char *bound; /* how far from the other backend, in words; the derivation stands at the code */
    /* One random shape with random values: NUMERIC if be and other differ by more than the bound, or
     * at all where exact is set (other is then the same kernel with another number of threads). */
    ssmq_status (*check)(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
} ssmq_kernel_case;

/* Ends with a case whose op is NULL. */
extern const ssmq_kernel_case ssmq_kernel_cases[];

/* Runs a case over so many shapes; the first failure's message starts with backend, tier and seed. */
SSMQ_MUST_USE ssmq_status ssmq_kernel_check(const ssmq_kernel_case *c, ssmq_backend *be,
                                            ssmq_backend *other, uint64_t seed, int32_t shapes,
                                            bool exact);

/* ---- timing ---- */

#define SSMQ_BENCH_SAMPLES 21

typedef struct ssmq_bench_result {
    const char *op;
    char        shape[64];
    double      sample_s[SSMQ_BENCH_SAMPLES]; /* sorted                                         */
    double      min_s, median_s;
    double      spread;      /* interquartile range over the median                              */
    double      baseline_s;  /* median of OpenBLAS for products of many rows, of memcpy elsewhere */
    ssmq_meter_cost cost;    /* as of the same op in a profile                                   */
    bool        cold;        /* the caches were emptied before each sample                       */
} ssmq_bench_result;

/* Sizes of a Mamba-1 (contract/model.h). */
typedef struct ssmq_bench_shape {
    const char *name; /* "mamba-130m" */
    int64_t     D, E, N, R, W, V;
} ssmq_bench_shape;
extern const ssmq_bench_shape ssmq_bench_shapes[]; /* the released ones; ends with one whose name is NULL */

typedef struct ssmq_bench_request {
    const ssmq_bench_shape *shape;
    int64_t                 tokens; /* of the prefill                                     */
    const char *const      *op;     /* NULL-terminated: these alone; none, or NULL: all    */
} ssmq_bench_request;

extern const char *const ssmq_bench_ops[]; /* those that are timed, NULL-terminated */

/* Times ops as in a prefill, and in decoding.  *results is lent from a, *n of them.  MEMORY. */
struct ssmq_arena;
SSMQ_MUST_USE ssmq_status ssmq_bench_kernels(ssmq_backend *be, const ssmq_bench_request *r, struct ssmq_arena *a,
                                             ssmq_bench_result **results, int32_t *n);

#ifdef __cplusplus
}
#endif
