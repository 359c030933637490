/* The next token from logits. */
#pragma once
#include <stdint.h>
#include "harness/base/rng.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Applied in this order.  What each is called is the field's; at these values each changes nothing but for the
 * temperature, where 1 is the model's own distribution and 0 takes the most likely token:
 *   repetition_penalty 1, temperature 1, top_k 0, top_p 1, min_p 0. */
typedef struct ssmq_sampling {
    double  repetition_penalty; /* > 0: a logit above 0 of a token seen before is divided by it, another
                                 * multiplied (arXiv:1909.05858)                                       */
    double  temperature;        /* >= 0: logits are divided by it                                      */
    int32_t top_k;              /* the k most likely; 0: all                                           */
    double  top_p;              /* the fewest most likely whose probabilities, of those left by top_k, add up
                                 * to p at least (arXiv:1904.09751)                                    */
    double  min_p;              /* at least this share of the most likely one's probability
                                 * (arXiv:2407.01082)                                                  */
} ssmq_sampling;

typedef struct ssmq_candidate {
    int32_t token;
    double  weight;
} ssmq_candidate;

/* The largest of logit (n), finite, n >= 1; of equals the first. */
int32_t ssmq_most_likely(const float *logit, int32_t n);

/* A token of logit (n), finite; seen: tokens that count as repeated, in any order, each once or more.  room [n].
 * Draws one number from rng, whatever is asked for; ties are decided for the lower id.  Probabilities are in
 * float64. */
int32_t ssmq_sample_token(const ssmq_sampling *s, const float *logit, int32_t n, const int32_t *seen,
                          int64_t n_seen, ssmq_rng *rng, ssmq_candidate *room);

#ifdef __cplusplus
}
#endif
