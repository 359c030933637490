/* dump.h5: the values at some sites, of the first tokens of the first samples, as they are before they are
 * quantised, or the codes that they become.  Layout: analysis/README.md. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/data/dataset.h"
#include "harness/run/experiment/collect_spec.h"
#include "harness/run/listener.h"
#include "harness/run/statistics/site_stats.h"
#include "harness/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_dump ssmq_dump;

/* Bytes that the file takes at most. */
int64_t ssmq_dump_size(const ssmq_dump_spec *spec, const ssmq_model *m);
/* Why a site has no int8 codes under a plan (NULL: float); NULL: it has. */
const char *ssmq_dump_no_codes(const ssmq_plan *plan, int32_t site);

/* What is dumped; all lent. */
typedef struct ssmq_dump_source {
    const ssmq_collect_spec *spec;
    const ssmq_model        *model;
    const ssmq_plan         *plan;    /* NULL in float mode              */
    const ssmq_samples      *samples; /* NULL where only weights are dumped */
    ssmq_backend            *be;
    const ssmq_listener     *listener; /* keeps what is shown, so that it need not be again after a kill */
} ssmq_dump_source;

/* Creates PATH.part and everything in it but the values of activations and states; the file is held in
 * memory until it is sealed.  IO, MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_dump_open(const ssmq_dump_source *source, const char *path,
                                         ssmq_dump **out);
/* Takes what was shown of the sites first .. end - 1 before the run was killed, which is not wanted any more.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_dump_resume(ssmq_dump *d, int32_t first, int32_t end);
/* Is this sample's live tensor at the site to be shown to ssmq_dump_see()? */
bool ssmq_dump_wants(const ssmq_dump *d, int32_t site, int64_t sample);
/* x (1, L, C), of a state (1, L, E, N).  IO. */
SSMQ_MUST_USE ssmq_status ssmq_dump_see(ssmq_dump *d, int32_t site, int64_t sample, const ssmq_tensor *x);
/* The file, for what else goes into its root. */
ssmq_store *ssmq_dump_store(ssmq_dump *d);
/* Closes it either way.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_dump_seal(ssmq_dump *d);
void                      ssmq_dump_discard(ssmq_dump *d); /* accepts NULL */

#ifdef __cplusplus
}
#endif
