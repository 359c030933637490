#include "harness/store/sums.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/arena.h"
#include "harness/base/hash.h"

struct ssmq_sums {
    ssmq_journal *journal;
    ssmq_arena   *arena;
    const char   *path, *part;
    FILE         *file;
    ssmq_sha256  *hash;
    int           reason; /* why it could not be written; 0: it could */
};

static ssmq_status failed(const char *path, int reason)
{
    return SSMQ_FAIL(IO, "%s: %s", path, strerror(reason));
}

ssmq_status ssmq_sums_begin(ssmq_journal *j, ssmq_sums **out)
{
    ssmq_arena *a = ssmq_arena_new();
    ssmq_sums  *s = ssmq_arena_alloc(a, sizeof *s);
    *s = (ssmq_sums){.journal = j, .arena = a};
    s->path = ssmq_arena_printf(a, "%s/" SSMQ_JOURNAL_SUMS, ssmq_journal_folder(j));
    s->part = ssmq_arena_printf(a, "%s.part", s->path);
    s->file = fopen(s->part, "wbe");
    if (!s->file) {
        const ssmq_status st = failed(s->part, errno);
        ssmq_arena_free(a);
        return st;
    }
    s->hash = ssmq_sha256_new();
    *out = s;
    return SSMQ_OK;
}

void ssmq_sums_put(ssmq_sums *s, const void *bytes, size_t n)
{
    if (s->reason || n == 0) return;
    ssmq_sha256_add(s->hash, bytes, n);
    if (fwrite(bytes, 1, n, s->file) != n) s->reason = errno ? errno : EIO;
}

static void tag_of(const char *hex, char tag[SSMQ_JOURNAL_TAG])
{
    memcpy(tag, hex, SSMQ_JOURNAL_TAG - 1);
    tag[SSMQ_JOURNAL_TAG - 1] = '\0';
}

/* First the journal speaks of the file, then it is there: whatever a kill leaves, the file has its line. */
static ssmq_status put_in_place(const ssmq_sums *s, const ssmq_journal_entry *e)
{
    SSMQ_TRY(ssmq_journal_add(s->journal, e));
    return rename(s->part, s->path) == 0 ? SSMQ_OK : failed(s->path, errno);
}

ssmq_status ssmq_sums_end(ssmq_sums *s, const char *stage, int64_t piece)
{
    char                     hex[SSMQ_SHA256_HEX], tag[SSMQ_JOURNAL_TAG];
    const ssmq_journal_entry e = {.stage = stage, .piece = piece, .tag = tag, .nll = (double)NAN};
    ssmq_sha256_finish(s->hash, hex);
    tag_of(hex, tag);
    if (fclose(s->file) != 0 && !s->reason) s->reason = errno;
    const ssmq_status st = s->reason ? failed(s->part, s->reason) : put_in_place(s, &e);
    if (st != SSMQ_OK) unlink(s->part);
    ssmq_arena_free(s->arena);
    return st;
}

/* The entry that the file's bytes belong to. */
static bool entry_of(const ssmq_journal *j, const char *stage, const ssmq_mapping *m, ssmq_journal_entry *out)
{
    char hex[SSMQ_SHA256_HEX], tag[SSMQ_JOURNAL_TAG];
    ssmq_sha256_of(m->data, m->size, hex);
    tag_of(hex, tag);
    return ssmq_journal_last(j, stage, tag, out);
}

bool ssmq_sums_find(ssmq_journal *j, const char *stage, const ssmq_log *log, ssmq_mapping *out, int64_t *piece)
{
    ssmq_journal_entry e;
    ssmq_mapping       m = {0};
    ssmq_str           path = {0};
    bool               found = false;
    if (!ssmq_journal_has_stage(j, stage)) return false;
    ssmq_str_printf(&path, "%s/" SSMQ_JOURNAL_SUMS, ssmq_journal_folder(j));
    if (ssmq_map_open(ssmq_str_text(&path), &m) == SSMQ_OK) found = entry_of(j, stage, &m, &e);
    if (found) {
        *out = m;
        *piece = e.piece;
    } else {
        SSMQ_LOG_LINE(log, WARNING, "not what the journal speaks of; it is computed again",
                      SSMQ_LOG_T("file", ssmq_str_text(&path)), SSMQ_LOG_T("stage", stage));
        ssmq_map_close(&m);
        ssmq_error_clear();
    }
    ssmq_str_free(&path);
    return found;
}
