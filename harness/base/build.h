/* How this ssmq was built: for `ssmq --version` and for the provenance of results. */
#pragma once
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_build {
    const char *version;  /* "0.1.0"                                                    */
    const char *commit;   /* 40 hex digits; "unknown" when built from an unpacked archive */
    bool        dirty;    /* files under version control differed from the commit       */
    const char *compiler; /* "GNU 12.2.0"                                               */
    const char *flags;    /* those that may change code; warnings are left out          */
    const char *type;     /* "Release", "Debug"                                         */
} ssmq_build;

/* Constant; never NULL, nor is any of its texts. */
const ssmq_build *ssmq_build_info(void);

#ifdef __cplusplus
}
#endif
