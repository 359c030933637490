/* What is kept of the channels of one sample at a site: what other observers by channel replay from. */
#pragma once
#include "harness/contract/method.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All floats lie one after another, from range on; those of a tail channel by channel. */
typedef struct ssmq_channel_record {
    int64_t     channels, n; /* n: values of each                                              */
    int32_t     length;      /* of the ends of their tails; 0: none                            */
    ssmq_range *range;       /* [channels] smallest, largest value                             */
    float      *tail[SSMQ_TAIL_ENDS]; /* [channels][length] as ssmq_tail.value has them; or NULL */
} ssmq_channel_record;

/* Which parts such records have. */
typedef struct ssmq_wanted_channels {
    bool wanted;
    bool tail;   /* of magnitudes           */
    bool values; /* with tail: of values too */
} ssmq_wanted_channels;

/* Does an observer by channel replay from such records, and what of them does it read?  All else is asked of the
 * tensor, and the answers are kept. */
ssmq_wanted_channels ssmq_channel_record_for(const ssmq_observer *o, const ssmq_qspec *spec);

/* Freed by ssmq_channel_record_free().  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_channel_record_new(const ssmq_wanted_channels *w, int64_t channels, int64_t n,
                                                  ssmq_channel_record **out);
void                      ssmq_channel_record_free(ssmq_channel_record *r); /* accepts NULL */
int64_t                   ssmq_channel_record_bytes(const ssmq_channel_record *r); /* 0 for NULL */

/* Fills in one channel: x holds its n values, f32 on the host, finite, rows may be strided.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_channel_record_measure(ssmq_channel_record *r, int64_t channel, const ssmq_tensor *x);

/* Has it all that is wanted? */
bool ssmq_channel_record_has(const ssmq_channel_record *r, const ssmq_wanted_channels *w);
/* The range of a channel under an observer that it has all for. */
ssmq_range ssmq_channel_record_range(const ssmq_channel_record *r, int64_t channel, const ssmq_observer *o,
                                     const ssmq_qspec *spec);

#ifdef __cplusplus
}
#endif
