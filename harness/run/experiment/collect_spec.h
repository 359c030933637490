/* What an experiment asks to be collected besides its figures: statistics of the values at sites, and the
 * values themselves. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/contract/method.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_dump_dtype { SSMQ_DUMP_F32, SSMQ_DUMP_F16, SSMQ_DUMP_CODES } ssmq_dump_dtype;
extern const char *const ssmq_dump_dtypes[]; /* "f32", "f16", "codes", NULL */

/* The values themselves, of the first samples' first tokens. */
typedef struct ssmq_dump_spec {
    const char *const *sites;
    int64_t            samples, tokens; /* as many as there can be: no more than calibration has */
    ssmq_dump_dtype    dtype;
    int64_t            limit;           /* bytes that dump.h5 may take */
} ssmq_dump_spec;

typedef struct ssmq_collect_spec {
    bool                  statistics;   /* else nothing of what follows, up to dump              */
    const char *const    *sites;        /* NULL: all activations and weights of the layers       */
    const double         *quantile;     /* [n_quantile] in per cent, ascending, all different    */
    int32_t               n_quantile;
    bool                  moments, channels;
    bool                  states;       /* of the recurrent state by index, and by channel and index */
    int32_t               top_channels; /* 0: none                                               */
    bool                  histogram;
    const ssmq_dump_spec *dump;         /* NULL: none                                            */
} ssmq_collect_spec;

/* Are statistics of this site collected; is it dumped? */
bool ssmq_collects(const ssmq_collect_spec *c, const ssmq_site *site);
bool ssmq_dumps(const ssmq_collect_spec *c, const ssmq_site *site);
/* Does it need the calibration samples: is anything but weights collected or dumped? */
bool ssmq_collect_needs_samples(const ssmq_collect_spec *c, const ssmq_model *m);

#ifdef __cplusplus
}
#endif
