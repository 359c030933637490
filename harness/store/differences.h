/* What /fake_real of a results file holds: where codes of a run in real mode differ from those of
 * the same plan in fake mode, and why (harness/run/evaluate/fake_real.h). */
#pragma once
#include "harness/store/sealed.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a code differs: name of the count, for people, what it says. */
#define SSMQ_DIFFER_CAUSES(X)                                                  \
    X(saturated, "saturation", "a value lies outside the range of codes")      \
    X(scale, "scale", "the modes quantise with different scales")              \
    X(tie, "rounding tie", "the values are the same, and rounded differently") \
    X(summation, "order of summation", "the values differ in their last bits") \
    X(carried, "carried", "the values differ, as something before the site does")

/* What is counted of each site and layer: name of the dataset, what it says. */
#define SSMQ_DIFFERENCE_COUNTS(X)                                                     \
    X(n_values, "values that were compared; 0: none")                                 \
    X(n_differ, "codes that differ between the modes")                                \
    X(max_differ, "largest difference of two codes")                                  \
    X(n_inexact, "values, before they are quantised, of which some bit differs")      \
    X(n_saturated, "codes that differ where a value lies outside the range of codes") \
    X(n_scale, "codes that differ where the modes quantise with different scales")    \
    X(n_tie, "codes that differ where the values are the same: only rounding does")   \
    X(n_summation, "codes that differ where values differ in their last bits")        \
    X(n_carried, "codes that differ where something before the site does")

typedef struct ssmq_difference_counts {
#define X(name, long_name) uint64_t name;
    SSMQ_DIFFERENCE_COUNTS(X)
#undef X
} ssmq_difference_counts;

typedef struct ssmq_difference_site {
    const char                   *name;  /* "scan.x"                                      */
    const double                 *layer; /* [n] numbers of the layers; -1: outside of them */
    const ssmq_difference_counts *at;    /* [n] */
    int64_t                       n;
} ssmq_difference_site;

typedef struct ssmq_differences {
    const char                 *evaluation; /* on whose text */
    double                      windows, nll_fake, nll_real, ln_ratio, ln_ratio_se, kl_mean;
    const ssmq_difference_site *site; /* [n] in order of execution */
    int64_t                     n;
    struct { /* the first site of which a code differs, and the first of its codes */
        const char *site, *cause; /* NULL: no code differs */
        double      layer, window, token, channel, fake, real;
    } first;
} ssmq_differences;

/* Was the run compared with fake? */
bool                      ssmq_differences_are_in(const ssmq_sealed *results);
/* All of it, the arena's.  DAMAGED. */
SSMQ_MUST_USE ssmq_status ssmq_differences_read(const ssmq_sealed *results, ssmq_arena *arena,
                                                ssmq_differences *out);
/* b added to a; the largest difference of both. */
void ssmq_difference_add(ssmq_difference_counts *a, const ssmq_difference_counts *b);

#ifdef __cplusplus
}
#endif
