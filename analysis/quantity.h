/* Numbers of which a site has one in each layer, by the names that `--quantity` takes. */
#pragma once
#include "analysis/kinds.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_quantity {
    double *layer; /* [n]: numbers of the layers, -1 for a site outside them */
    double *value; /* [n]: NaN where the layer has none                      */
    int64_t n;     /* 0: the run has none at this site                       */
} ssmq_quantity;

/* A name means, in this order: kurtosis (m4 / m2^2), std (the root of m2), clip_rate (n_clipped / n_values of the errors);
 * a dataset of the site, "absmax", "qparam/scale", "abs_quantile@99.9" with the level in per cent; one of qparam/ or of error/<input>/, "scale", "sqnr_db",
 * the input being --input, else the first of clean and propagated that is there.  Of several numbers a layer,
 * the largest.  The arena's. */
SSMQ_MUST_USE ssmq_status ssmq_quantity_read(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                                             const char *site, const char *name, ssmq_quantity *out);

/* Sites that have the quantity in some run, in the order of the runs, NULL-terminated: those that --site
 * names, each of which must have it in every run, else all.  INPUT, with what would make it. */
SSMQ_MUST_USE ssmq_status ssmq_quantity_sites(const ssmq_figure_request *rq, const char *name,
                                              const char *const **out);

/* What an axis is called, "SQNR (dB)"; the name itself where nothing better is known. */
const char *ssmq_quantity_label(const char *name);

#ifdef __cplusplus
}
#endif
