/* What a person ought to know before believing a run's numbers: alarms. */
#pragma once
#include "harness/run/calibrate/recipe.h"
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/run/evaluate/site_error.h"
#include "harness/run/session.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The events that programs look for. */
#define SSMQ_ALARM_ZERO "scale of zero"
#define SSMQ_ALARM_PERCENTILE "percentile finer than the sample"
#define SSMQ_ALARM_OVERLAP "calibration overlaps evaluation"
#define SSMQ_ALARM_BETTER "better than float"
#define SSMQ_ALARM_CLIPPING "clip rate over the limit"

typedef struct ssmq_alarms {
    ssmq_arena     *arena; /* owns all of it */
    const ssmq_log *log;   /* gets a warning for each; or NULL */
    const char     *run;   /* its name */
    ssmq_alarm     *alarm;
    int32_t         n, capacity;
} ssmq_alarms;

void ssmq_alarms_open(const char *run, const ssmq_log *log, ssmq_alarms *out);
void ssmq_alarms_close(ssmq_alarms *a);

/* Scales of zero, for each site; and for each step percentiles p with (1 - p / 100) (n - 1) < 1, n values in
 * the smallest sample of some site: they lie between the two largest values. */
void ssmq_alarms_of_recipe(ssmq_alarms *a, const ssmq_recipe *recipe, const ssmq_recipe_result *r,
                           const ssmq_samples *samples);

/* Calibration samples of text that an evaluation uses: both data files have the same bytes, and the same
 * documents (jsonl) or tokens of them were taken, or nobody can tell, as they are read in two ways. */
void ssmq_alarms_of_overlap(ssmq_alarms *a, ssmq_session *s, const ssmq_run *run,
                            const ssmq_ppl *ppl);

/* Sites, each layer by itself, of which more values are clipped than the limit allows: in the quantised model
 * where that was measured, else of clean inputs.  Nothing where clip rates were not asked for. */
void ssmq_alarms_of_clipping(ssmq_alarms *a, const ssmq_site_errors *e, const ssmq_compare_spec *spec);

/* A mean loss below float's by more than noise; se: of the paired difference. */
void ssmq_alarms_of_difference(ssmq_alarms *a, const char *evaluation, double ln_ratio, double se);
/* The same for each evaluation, from what was compared, else from the float run of the same experiment
 * (its run.h5; NULL: there is none); what cannot be paired raises no alarm. */
void ssmq_alarms_of_baseline(ssmq_alarms *a, const ssmq_run *run, const ssmq_ppl *ppl,
                             const char *float_results);

/* The same of one evaluation of a finished run, from its run.h5. */
void ssmq_alarms_of_results(ssmq_alarms *a, const char *evaluation, const char *results, const char *float_results);

/* How many samples are of these documents, ascending. */
int64_t ssmq_overlap_documents(const ssmq_samples *samples, const int64_t *document, int64_t n);
/* How many samples, consecutive pieces of length tokens, begin within the first tokens of the text. */
int64_t ssmq_overlap_pieces(const ssmq_samples *samples, int64_t length, int64_t tokens);

#ifdef __cplusplus
}
#endif
