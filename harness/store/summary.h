/* summary.json, the numbers that people copy out of a run, and the same run as `ssmq run
 * --format json` prints it.  A number that is not finite is null, with "<key>_nonfinite": "nan",
 * "inf" or "-inf" beside it. */
#pragma once
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A perplexity with what it is over. */
typedef struct ssmq_score {
    double  ppl;    /* exp(nll)                                       */
    double  ppl_se; /* its standard error over windows                */
    double  nll;    /* mean loss of a token, in nats                  */
    int64_t windows, tokens;
} ssmq_score;

typedef struct ssmq_subset_score {
    const char *name;
    ssmq_score  score;
} ssmq_subset_score;

typedef struct ssmq_evaluation_score {
    const char              *id;
    ssmq_score               score;
    const char              *dialect; /* "gptq"; two of them are never compared */
    int64_t                  window;  /* tokens                                 */
    const ssmq_subset_score *subset;
    int32_t                  n_subset;
} ssmq_evaluation_score;

typedef struct ssmq_summary {
    const char *id, *name;
    const char *mode;   /* "float", "fake", "real"                   */
    const char *recipe; /* its name; NULL: none, or it has none      */
    const char *status; /* "done", "failed", ... (rundir.h)          */
    const char *reason; /* of any status but "done"; or NULL         */
    const ssmq_evaluation_score *evaluation;
    int32_t                      n_evaluation;
} ssmq_summary;

/* Replaces path as a whole; IO. */
SSMQ_MUST_USE ssmq_status ssmq_summary_write(const ssmq_summary *s, const char *path);
/* All of *out lives in a.  INPUT, naming file and key, if it is missing or malformed. */
SSMQ_MUST_USE ssmq_status ssmq_summary_read(const char *path, ssmq_arena *a, ssmq_summary *out);

/* One element of "runs" of `ssmq run --format json`. */
void ssmq_summary_put_run(ssmq_json_writer *w, const ssmq_summary *s);

/* A real number, or null and the sibling key that says which non-finite value it is. */
void ssmq_summary_put_real(ssmq_json_writer *w, const char *key, double value);

#ifdef __cplusplus
}
#endif
