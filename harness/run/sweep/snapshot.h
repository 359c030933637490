/* An experiment as it was when it was first looked at: the text of its files, what was set, and the sums of its
 * inputs, in one file.  Whoever carries out a part of it later reads that, so that edits do not matter. */
#pragma once
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_SNAPSHOT_KIND "ssmq-snapshot-1"
#define SSMQ_SNAPSHOT_FOLDER "snapshot" /* of the sweep's: OUT/NAME/snapshot/<digest>.json */

/* Files under the names by which they are read, absolute. */
typedef struct ssmq_snapshot {
    const char                 *path;      /* of the snapshot itself                         */
    const char                 *experiment; /* the file that was given                        */
    const char                 *directory; /* where it was given: --set's paths start there  */
    const ssmq_experiment_file *file;
    int32_t                     n_file;
    const char *const          *override;
    int32_t                     n_override;
    /* Files that run ids stand for, their sums, and what was noted of each when it was summed (loader.h): [n_input], but
     * marks, which older snapshots lack, [n_mark]. */
    const char *const          *input, *const *digest, *const *mark;
    int32_t                     n_input, n_mark;
} ssmq_snapshot;

/* Writes OUT/NAME/snapshot/<digest>.json, if it is not there, or only says what it would be called; its path,
 * absolute, is the arena's.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_experiment_snapshot(const ssmq_experiment *e, const char *out, bool write,
                                                   ssmq_arena *arena, const char **path);

/* Is this file a snapshot, by how it begins?  An experiment may be written as JSON too. */
bool ssmq_is_snapshot(const char *path);

/* Reads it again.  INPUT, naming the first, if an input is no longer what it was, or if the program gives the runs
 * other ids than that which took it; else as ssmq_experiment_read(). */
SSMQ_MUST_USE ssmq_status ssmq_experiment_reread(const char *path, const ssmq_catalogue *cat, ssmq_diag *diag,
                                               ssmq_experiment **out);

#ifdef __cplusplus
}
#endif
