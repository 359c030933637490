/* What this machine can do, probed in this process: every timing stands beside it. */
#pragma once
#include <stdint.h>
#include "harness/backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In 1e9 a second; 0: not known, or not probed on the tier. */
typedef struct ssmq_rates {
    double read; /* GB/s, reading memory                                                       */
    double f32;  /* GFLOP/s, multiply-adds in the widest vectors of the CPU                    */
    double i8;   /* GOP/s, products of bytes added to 32 bits, exactly                         */
    double bf16; /* GFLOP/s, products of bfloat16 numbers added to floats; 0: the tier has no
                  * instruction for them, and does them as floats                              */
} ssmq_rates;

typedef struct ssmq_peaks {
    ssmq_rates one, all; /* with 1 and with all threads of the backend */
} ssmq_peaks;

/* The best of several short probes, about half a second in all.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_peaks_probe(ssmq_backend *be, ssmq_peaks *out);

/* Short probes between what is timed, for a machine whose rates change. */
typedef struct ssmq_prober ssmq_prober;

/* Each rate is the best of so many probes; be is lent until closed.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_prober_open(ssmq_backend *be, int32_t threads, int repeats, ssmq_prober **out);
void                      ssmq_prober_close(ssmq_prober *p); /* accepts NULL */
/* All rates but that of reading: some milliseconds a probe, and no memory. */
void ssmq_prober_work(ssmq_prober *p, ssmq_rates *out);
/* The rate of reading, over 128 MiB, which are occupied from the first call until closed.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_prober_read(ssmq_prober *p, ssmq_rates *out);

#ifdef __cplusplus
}
#endif
