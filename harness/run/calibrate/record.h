/* Records of calibration: what is kept of one sample at one site, and ranges out of it. */
#pragma once
#include "harness/contract/method.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which parts records have. */
typedef struct ssmq_wanted {
    const double *level; /* [n_level] ascending, in per cent; lent to the records made with it */
    int32_t       n_level;
    bool          values;    /* quantiles of x, not only of |x| */
    bool          histogram;
    bool          tail;      /* of magnitudes, and with values of these */
    bool          bins;      /* of no record: the counts that the recorder lends (recorder.h) */
} ssmq_wanted;

/* A record as it is kept; the histogram without its empty bins, magnitudes above 2^15 for negative values. */
typedef struct ssmq_kept {
    ssmq_record facts;     /* half NULL                                                 */
    float      *magnitude; /* what facts points to, to be filled                        */
    ssmq_range *value;
    bool        histogram;
    int32_t     n_bin;
    uint16_t   *bin;       /* [n_bin] ascending                                         */
    uint64_t   *count;     /* [n_bin]                                                   */
    float       edge[4];   /* smallest, largest magnitude: negative values, the others  */
    float      *tail[SSMQ_TAIL_ENDS]; /* what facts points to, to be filled; or NULL    */
} ssmq_kept;

/* A record of n values with room for what is wanted, and n_bin bins, all zero; freed by ssmq_kept_free().  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_kept_new(const ssmq_wanted *w, int64_t n, int32_t n_bin, ssmq_kept **out);
void                      ssmq_kept_free(ssmq_kept *k); /* accepts NULL */

/* Bytes of its tail, and a record without it. */
int64_t ssmq_kept_tail_bytes(const ssmq_kept *k); /* 0 for NULL */
void    ssmq_kept_drop_tail(ssmq_kept *k);

/* Gives a record of a histogram room for n bins in place of those it has.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_kept_bins(ssmq_kept *k, int32_t n);

/* The range under an observer; false if the record lacks what it needs.  half [2]: scratch, zero before
 * and afterwards. */
bool ssmq_kept_range(const ssmq_kept *k, const ssmq_observer *o, const ssmq_qspec *spec,
                     ssmq_histogram *half, ssmq_range *out);

#ifdef __cplusplus
}
#endif
