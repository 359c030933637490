/* The backend `cpu`: OpenBLAS and vectorised kernels in tiers, chosen when it is opened. */
#pragma once
#include "harness/backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values of the option `isa`; ascending, so that AUTO takes the last that the CPU has. */
typedef enum ssmq_cpu_isa {
    SSMQ_CPU_ISA_AUTO,
    SSMQ_CPU_ISA_C,
    SSMQ_CPU_ISA_AVX2,
    SSMQ_CPU_ISA_AVX512,
} ssmq_cpu_isa;

typedef struct ssmq_cpu_options {
    int isa; /* an ssmq_cpu_isa */
} ssmq_cpu_options;

extern const ssmq_backend_ops ssmq_backend_cpu;

#ifdef __cplusplus
}
#endif
