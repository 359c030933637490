/* The machine and the libraries: for `ssmq --version` and for the provenance of results. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What cannot be found out is "unknown", or 0. */
typedef struct ssmq_machine {
    char    cpu[128];      /* model as the system names it: "AMD EPYC 9B14"                  */
    char    features[256]; /* vector instructions that may be used: "avx avx2 fma avx512f"   */
    int32_t cores;         /* logical processors that this process may use                   */
    int64_t memory_bytes;  /* of the machine                                                 */
    char    host[256];
    char    os[128];       /* "Debian GNU/Linux 12 (bookworm)"                               */
    char    kernel[256];   /* "Linux 6.1.0-18-amd64 x86_64"                                  */
} ssmq_machine;

void ssmq_machine_read(ssmq_machine *out);

/* The most memory that this process has occupied so far, in bytes. */
int64_t ssmq_peak_rss_bytes(void);
/* Begins it anew: freed memory goes back to the system, and the peak is what is occupied now, where the system offers that. */
void    ssmq_peak_rss_restart(void);

typedef struct ssmq_library {
    const char *name;        /* "OpenBLAS"                                                       */
    char        header[32];  /* version compiled against; "" where its headers do not say        */
    char        runtime[32]; /* version loaded                                                   */
    char        detail[128]; /* OpenBLAS: how it was built, and the kernels it chose; else ""    */
} ssmq_library;

#define SSMQ_LIBRARY_MAX 12

/* Fills out in a fixed order; returns how many. */
int32_t ssmq_libraries_list(ssmq_library out[SSMQ_LIBRARY_MAX]);

#ifdef __cplusplus
}
#endif
