/* What a stage under way has added up, where that is too bulky for the journal: journal.sums, brought up to date after
 * every piece of the stage, so that a kill loses the piece under way and no more.
 *
 * The sums are in parts, and each part has slots that are written by turns: while one is, another one is whole.  A slot
 * has a sum of its bytes, by which it is told whether it is; the newest that is counts.  Lines of 64 bytes that are 0
 * are left out.  The file belongs to a journal and a stage of it: with another one it begins anew.
 *
 * What was written counts after a kill; after a power failure, what was synced: each part has slots for that too. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/store/journal.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_sums ssmq_sums;

/* What is written of a part. */
typedef struct ssmq_sums_array {
    void  *at;
    size_t bytes;
} ssmq_sums_array;

typedef struct ssmq_sums_content {
    const ssmq_sums_array *often; /* [n_often] what each piece changes */
    int32_t                n_often;
    const ssmq_sums_array *rare; /* [n_rare] what has changed where any of these numbers has; *
                                  * it is written only then                                   */
    int32_t                n_rare;
    int64_t                version[3];
} ssmq_sums_content;

/* Memory that one thread packs a part in; zeroed memory is an empty one. */
typedef struct ssmq_sums_room {
    unsigned char *bytes;
    size_t         size;
} ssmq_sums_room;
void ssmq_sums_room_free(ssmq_sums_room *r);

/* Those of a stage with so many parts; the caller holds the lease of the journal's folder.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_sums_open(ssmq_journal *j, const char *stage, int32_t parts, ssmq_sums **out);
void                      ssmq_sums_close(ssmq_sums *s); /* accepts NULL */

/* Packed bytes of a part as it was found. */
typedef struct ssmq_sums_reader {
    const unsigned char *at, *end;
} ssmq_sums_reader;

/* A part that was there when the file was opened, to be read before it is put again: after how many pieces, from 1.
 * 0: there is none. */
int64_t ssmq_sums_find(const ssmq_sums *s, int32_t part, ssmq_sums_reader *often, ssmq_sums_reader *rare);
/* All that was found has been read. */
void ssmq_sums_forget(ssmq_sums *s);
/* The next array, which has as many bytes as it was put with. */
void ssmq_sums_take(ssmq_sums_reader *r, void *to, size_t n);

/* A part after so many pieces, more than before; threads may put different parts at once.  lasting: in a slot for what
 * is synced.  A failure is told at the end of the piece. */
void ssmq_sums_put(ssmq_sums *s, int32_t part, int64_t pieces, bool lasting, const ssmq_sums_content *what,
                   ssmq_sums_room *room);
/* All parts were put; lasting: syncs them.  IO: what was whole before still is. */
SSMQ_MUST_USE ssmq_status ssmq_sums_end(ssmq_sums *s, bool lasting);

/* What a look at FOLDER's file found; texts are the arena's. */
typedef struct ssmq_sums_check {
    const char *wrong; /* with all of it; NULL: nothing               */
    int32_t     parts; /* that were written; 0: there is no file      */
    int32_t     lost;  /* of them: those that no whole slot is left of */
} ssmq_sums_check;

/* Reads it and changes nothing. */
void ssmq_sums_examine(const char *folder, ssmq_arena *arena, ssmq_sums_check *out);

#ifdef __cplusplus
}
#endif
