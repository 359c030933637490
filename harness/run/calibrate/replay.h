/* Calibration without a forward pass: what the samples of a pass gave is kept, in memory for the runs of an
 * experiment, and in a file for later ones, FOLDER/<digest>.h5 (analysis/README.md).
 *
 * A pass is known by a digest of all that its numbers depend on but the samples: the code's version, the model,
 * the backend, and the transforms and rewritten weights that earlier steps left.  A sample is known by its
 * tokens.  So another percentile, combination or count of samples finds what it needs, and what has changed is
 * not found. */
#pragma once
#include "harness/base/hash.h"
#include "harness/base/log.h"
#include "harness/run/calibrate/channel_record.h"
#include "harness/run/calibrate/record.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_pass_sample {
    char                  digest[SSMQ_SHA256_HEX]; /* of its tokens                 */
    ssmq_kept           **at;                      /* [n_site] records; NULL: none  */
    ssmq_channel_record **channels;                /* [n_site] the same by channel  */
    ssmq_range          **answer;                  /* [n_question][units]; NULL: none */
} ssmq_pass_sample;

/* What a statistic is asked that does not replay. */
typedef struct ssmq_question {
    const char *text;  /* site, statistic and spec */
    int64_t     units; /* ranges of an answer      */
} ssmq_question;

/* Ranges by channel, of all samples together, where what single ones gave was not kept. */
typedef struct ssmq_combined {
    const char *question;
    char        samples[SSMQ_SHA256_HEX]; /* of their digests, in order */
    int64_t     units;
    ssmq_range *range; /* [units] */
    bool        raised;
} ssmq_combined;

typedef struct ssmq_pass {
    ssmq_arena        *arena;
    char               digest[SSMQ_SHA256_HEX];
    const ssmq_site   *site;     /* [n_site] of the model, lent                                   */
    int32_t            n_site;
    const double      *level;    /* [n_level] of new records; ascending                           */
    int32_t            n_level;
    ssmq_pass_sample **sample;
    int64_t            n_sample, capacity;
    ssmq_question     *question; /* [n_question]                                                  */
    int32_t            n_question;
    int64_t            large;    /* bytes of what samples gave by channel, and of tails            */
    ssmq_combined     *combined;
    int32_t            n_combined;
} ssmq_pass;

/* Without level; the sites of m are lent, which all models of one checkpoint share. */
ssmq_pass *ssmq_pass_new(const ssmq_model *m, const char *digest);
void       ssmq_pass_free(ssmq_pass *p); /* accepts NULL */

/* Has new records hold these quantiles too, n in any order. */
void ssmq_pass_levels(ssmq_pass *p, const double *level, int32_t n);
/* The sample of this digest, made if there is none. */
ssmq_pass_sample *ssmq_pass_sample_of(ssmq_pass *p, const char *digest);
/* The number of a question, made if it is new; one that was known, by its text, has as many units. */
int32_t ssmq_pass_question(ssmq_pass *p, const char *text, int64_t units);
/* Put in the place of what was there; the pass frees it. */
void ssmq_pass_record(ssmq_pass *p, ssmq_pass_sample *s, int32_t site, ssmq_kept *k);
void ssmq_pass_channels(ssmq_pass *p, ssmq_pass_sample *s, int32_t site, ssmq_channel_record *r);
/* An answer of as many units as the question has, to be filled, in the place of what was there.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_pass_answer(ssmq_pass *p, ssmq_pass_sample *s, int32_t question, ssmq_range **out);
/* As if it had not been answered. */
void ssmq_pass_no_answer(ssmq_pass *p, ssmq_pass_sample *s, int32_t question);
/* Drops what a sample gave by channel, and its tails, if the pass has more than so many bytes of such. */
void ssmq_pass_limit(ssmq_pass *p, ssmq_pass_sample *s, int64_t bytes);
/* NULL if it is not there. */
const ssmq_combined *ssmq_pass_combined(const ssmq_pass *p, const char *question, const char *samples);
void                 ssmq_pass_combine(ssmq_pass *p, const char *question, const char *samples, int64_t units,
                                       const ssmq_range *range, bool raised);

typedef struct ssmq_replay ssmq_replay;

typedef struct ssmq_replay_options {
    const char     *folder;      /* where passes are filed; NULL: in memory only                         */
    const char     *identity;    /* model, data and backend, as text                                     */
    const double   *level;       /* [n_level] quantiles that records are to hold besides those asked for */
    int32_t         n_level;
    int64_t         keep_ranges; /* bytes, in each pass, of what samples give by channel, and of tails   */
    const ssmq_log *log;         /* lent; NULL: none                                                     */
} ssmq_replay_options;

/* All but the log is copied. */
ssmq_replay *ssmq_replay_new(const ssmq_replay_options *options);
void         ssmq_replay_free(ssmq_replay *r); /* accepts NULL */

/* The pass of a model, as its recipe has rewritten it so far, under a plan's transforms; from the file if there is
 * one, else empty.  A file that cannot be read, or is damaged, is passed over with a warning.  Where there is no file
 * and another process is about to write it, that is waited for: no two processes run the same pass.  STOPPED, while
 * it waits. */
SSMQ_MUST_USE ssmq_status ssmq_replay_pass(ssmq_replay *r, const ssmq_model *m, const ssmq_plan *plan,
                                           const ssmq_listener *listener, ssmq_pass **out);
int64_t ssmq_replay_keeps(const ssmq_replay *r); /* keep_ranges */
/* A sign of life for those that wait for the pass, and that they need not wait any more; nothing where nobody can. */
void ssmq_replay_beat(const ssmq_replay *r);
void ssmq_replay_done(ssmq_replay *r);
/* How many samples the folder keeps of a described model before any step, under an identity. */
int64_t ssmq_replay_kept(const char *folder, const char *identity, const ssmq_model *m);

/* Files the pass; that it cannot be written is a warning. */
void ssmq_replay_save(const ssmq_replay *r, const ssmq_pass *p);

#define SSMQ_PASS_KIND "calibration-2" /* version of the file's layout */

/* The file of a pass (replay_write.c, replay_read.c, replay_channels.c); it ends in its own sum (store/summed.h).
 * Read: into an empty pass; DAMAGED if it is none, INPUT if there is no file. */
SSMQ_MUST_USE ssmq_status ssmq_pass_read(const char *path, ssmq_pass *p);
SSMQ_MUST_USE ssmq_status ssmq_pass_write(const char *path, const ssmq_pass *p);

#ifdef __cplusplus
}
#endif
