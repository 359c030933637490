/* What a run has computed so far, so that a killed one goes on where it was: journal.jsonl in its directory, a line
 * for each piece of work, and journal.bin, which holds what is too bulky for a line.
 *
 * Both are only ever appended to, and synced at least every SSMQ_JOURNAL_SYNC_S seconds: a kill loses the piece
 * under way, a power failure no more than so many seconds besides.  Every line ends with a sum of its bytes, and
 * has that of its bytes in journal.bin.  When a journal is opened again, a torn last line is dropped; from a line
 * on whose sum is wrong everything is, with a warning; a journal of another run, code or processor is of no use and
 * begins anew, with a warning too. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/log.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_JOURNAL "journal.jsonl"
#define SSMQ_JOURNAL_BIN "journal.bin"
#define SSMQ_JOURNAL_SUMS "journal.sums" /* sums.h */
#define SSMQ_JOURNAL_SYNC_S 0.25
#define SSMQ_JOURNAL_TAG 17 /* 16 hex digits, with the final 0 */

typedef struct ssmq_journal ssmq_journal;

/* A piece of work that is done.  stage and piece name it; tag stands for what it was computed from. */
typedef struct ssmq_journal_entry {
    const char *stage; /* "wt2", "calibrating ..."                        */
    int64_t     piece; /* window, sample, unit, from 0                   */
    const char *tag;   /* NULL: none                                     */
    double      nll;   /* mean loss of a window, in nats; NaN: it has none */
    const void *data;  /* [bytes] of this machine's layout; lent until the journal is closed */
    size_t      bytes;
} ssmq_journal_entry;

/* FOLDER's journal, made if there is none; the caller holds its lease.  identity: all that its numbers depend on
 * besides stage, piece and tag.  afresh: what is there is not to be used.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_journal_open(const char *folder, const char *identity, bool afresh,
                                            const ssmq_log *log, ssmq_journal **out);
/* Synced; accepts NULL. */
void ssmq_journal_close(ssmq_journal *j);

const char *ssmq_journal_folder(const ssmq_journal *j);
const char *ssmq_journal_identity(const ssmq_journal *j);
/* Pieces that were read when it was opened. */
int64_t ssmq_journal_count(const ssmq_journal *j);
/* One of them; false if it is not there, or under another tag. */
bool ssmq_journal_find(ssmq_journal *j, const char *stage, int64_t piece, const char *tag,
                       ssmq_journal_entry *out);
/* Is there one of this stage, whatever its piece and tag? */
bool ssmq_journal_has_stage(const ssmq_journal *j, const char *stage);
/* The last one of a stage and tag. */
bool ssmq_journal_last(const ssmq_journal *j, const char *stage, const char *tag, ssmq_journal_entry *out);

/* IO: no space, for example; what was written before stays good. */
SSMQ_MUST_USE ssmq_status ssmq_journal_add(ssmq_journal *j, const ssmq_journal_entry *e);
/* A line for people: what happened, and when. */
SSMQ_MUST_USE ssmq_status ssmq_journal_note(ssmq_journal *j, const char *event, const char *text);

/* What a look through a journal found. */
typedef struct ssmq_journal_check {
    const char *identity; /* as it was opened with; NULL: there is no journal, or it says none */
    const char *wrong;    /* with the first line that is of no use; NULL: all are          */
    int64_t     line;     /* the number of that line, from 1                                */
    bool        torn;     /* the last one was cut off by a kill, or is just being written */
} ssmq_journal_check;

/* Reads FOLDER's journal and changes nothing; done: the run is, so that journal.bin is of no matter.  Texts are the
 * arena's. */
void ssmq_journal_examine(const char *folder, bool done, ssmq_arena *arena, ssmq_journal_check *out);

/* 16 hex digits that stand for these bytes. */
void ssmq_journal_tag_of(const void *bytes, size_t n, char tag[SSMQ_JOURNAL_TAG]);

/* Bytes that the journal takes now, with journal.sums, which do not grow with the pieces that are done: *sums of them. */
int64_t ssmq_journal_bytes(const ssmq_journal *j, int64_t *sums);

/* The run is done: journal.bin and journal.sums, which are of no use any more, are removed; an error is passed over. */
void ssmq_journal_remove_bulk(const char *folder);

#ifdef __cplusplus
}
#endif
