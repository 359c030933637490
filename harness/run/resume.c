#include "harness/run/resume.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The stage's name in the journal: that of the part that it belongs to before it. */
static const char *full_name(const ssmq_listener *l, const char *stage, ssmq_str *room)
{
    if (!l->part) return stage;
    ssmq_str_printf(room, "%s: %s", l->part, stage);
    return ssmq_str_text(room);
}

bool ssmq_resume_any(const ssmq_listener *l, const char *stage, int64_t piece, const char *tag,
                     ssmq_journal_entry *out)
{
    ssmq_str room = {0};
    if (!ssmq_keeps(l)) return false;
    const bool found = ssmq_journal_find(l->journal, full_name(l, stage, &room), piece, tag, out);
    ssmq_str_free(&room);
    return found;
}

bool ssmq_resume_find(const ssmq_listener *l, const char *stage, int64_t piece, const char *tag, size_t bytes,
                      ssmq_journal_entry *out)
{
    return ssmq_resume_any(l, stage, piece, tag, out) && out->bytes == bytes;
}

bool ssmq_resume_last(const ssmq_listener *l, const char *stage, const char *tag, ssmq_journal_entry *out)
{
    ssmq_str room = {0};
    if (!ssmq_keeps(l)) return false;
    const bool found = ssmq_journal_last(l->journal, full_name(l, stage, &room), tag, out);
    ssmq_str_free(&room);
    return found;
}

static ssmq_status keep(const ssmq_listener *l, ssmq_journal_entry *e)
{
    ssmq_str room = {0};
    e->stage = full_name(l, e->stage, &room);
    const ssmq_status st = ssmq_journal_add(l->journal, e);
    ssmq_str_free(&room);
    return st;
}

ssmq_status ssmq_resume_keep(const ssmq_listener *l, const char *stage, int64_t piece, const char *tag,
                             const void *data, size_t bytes)
{
    ssmq_journal_entry e = {
        .stage = stage, .piece = piece, .tag = tag, .nll = (double)NAN, .data = data, .bytes = bytes};
    return ssmq_keeps(l) ? keep(l, &e) : SSMQ_OK;
}

/* ---- windows --------------------------------------------------------------------------- */

static size_t yield_bytes(const ssmq_window_yield *y)
{
    return (y->comparison ? ssmq_comparison_bytes(y->targets) : 0) + y->sums_bytes;
}

bool ssmq_resume_window(const ssmq_listener *l, const char *evaluation, int64_t window, const int32_t *token,
                        int64_t n, const ssmq_window_yield *y, double *nll)
{
    char               tag[SSMQ_JOURNAL_TAG];
    ssmq_journal_entry e;
    if (!ssmq_keeps(l) || ssmq_journal_count(l->journal) == 0) return false;
    ssmq_journal_tag_of(token, (size_t)n * sizeof *token, tag);
    if (!ssmq_resume_find(l, evaluation, window, tag, yield_bytes(y), &e) || isnan(e.nll)) return false;
    if (y->comparison) ssmq_comparison_unpack(y->comparison, y->targets, e.data);
    if (y->sums_bytes)
        memcpy(y->sums, (const unsigned char *)e.data + e.bytes - y->sums_bytes, y->sums_bytes);
    *nll = e.nll;
    return true;
}

bool ssmq_resume_has_window(const ssmq_listener *l, const char *evaluation, int64_t window, const int32_t *token,
                            int64_t n)
{
    char               tag[SSMQ_JOURNAL_TAG];
    ssmq_journal_entry e;
    if (!ssmq_keeps(l) || ssmq_journal_count(l->journal) == 0) return false;
    ssmq_journal_tag_of(token, (size_t)n * sizeof *token, tag);
    return ssmq_resume_any(l, evaluation, window, tag, &e) && !isnan(e.nll);
}

ssmq_status ssmq_resume_keep_window(const ssmq_listener *l, const char *evaluation, int64_t window,
                                    const int32_t *token, int64_t n, const ssmq_window_yield *y, double nll)
{
    char tag[SSMQ_JOURNAL_TAG];
    if (!ssmq_keeps(l)) return SSMQ_OK;
    ssmq_journal_tag_of(token, (size_t)n * sizeof *token, tag);
    ssmq_journal_entry   e = {.stage = evaluation, .piece = window, .tag = tag, .nll = nll, .bytes = yield_bytes(y)};
    unsigned char *const bytes = ssmq_must_malloc(e.bytes + 1);
    if (e.bytes) e.data = bytes;
    if (y->comparison) ssmq_comparison_pack(y->comparison, window, bytes);
    if (y->sums_bytes) memcpy(bytes + e.bytes - y->sums_bytes, y->sums, y->sums_bytes);
    const ssmq_status st = keep(l, &e);
    free(bytes);
    return st;
}
