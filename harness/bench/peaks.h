/* What this machine can do, probed in this process: every timing stands beside it. */
#pragma once
#include <stdint.h>
#include "harness/backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_peaks {
    double read_one, read_all; /* GB/s, reading memory with 1 and with all threads of the backend */
    double fma_one, fma_all;   /* GFLOP/s, fp32 multiply-adds in the widest vectors of the CPU      */
    double i8_one, i8_all;     /* GOP/s, products of bytes added to 32 bits, exactly; 0: not probed on
                                * the tier                                                         */
    double bf16_one, bf16_all; /* GFLOP/s, products of bfloat16 numbers added to floats; 0: the tier has no
                                * instruction for them, and does them as floats                     */
} ssmq_peaks;

/* The best of several short probes, about half a second in all.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_peaks_probe(ssmq_backend *be, ssmq_peaks *out);

#ifdef __cplusplus
}
#endif
