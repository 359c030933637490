/* Samples of a calibration that were measured before the run was killed. */
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/calibrate/calibrate_parts.h"
#include "harness/run/resume.h"

#define STAGE "calibrating"

static bool keeps(const ssmq_calibration_work *w)
{
    return ssmq_keeps(w->listener) && w->pass->digest[0];
}

static bool by_channel(const ssmq_observation *o)
{
    return !o->value;
}

/* Whatever measurements of a sample depend on, besides its tokens. */
static void find_tag(ssmq_calibration_work *w)
{
    const ssmq_calibration *c = w->c;
    ssmq_sha256            *h = ssmq_sha256_new();
    char                    hex[SSMQ_SHA256_HEX];
    ssmq_sha256_add(h, w->pass->digest, sizeof w->pass->digest);
    ssmq_sha256_add(h, w->order, sizeof w->order);
    for (int32_t i = 0; i < c->n_observation; i++) {
        const char *question = ssmq_observation_question(c, c->at[i]);
        ssmq_sha256_add(h, question, strlen(question) + 1);
    }
    for (int32_t i = 0; i < c->model->n_site; i++) {
        const ssmq_wanted *wanted = &w->wanted[i];
        const int32_t      parts[] = {w->recorded[i], wanted->values, wanted->histogram, wanted->n_level};
        ssmq_sha256_add(h, parts, sizeof parts);
        ssmq_sha256_add(h, wanted->level, (size_t)wanted->n_level * sizeof *wanted->level);
    }
    ssmq_sha256_finish(h, hex);
    memcpy(w->tag, hex, sizeof w->tag - 1);
    w->tag[sizeof w->tag - 1] = '\0';
}

/* ---- a sample as bytes ------------------------------------------------------------------ */

/* A record but for its arrays. */
typedef struct head {
    float   low, high, edge[4];
    int32_t n_bin; /* -1: no histogram */
} head;

static void put(ssmq_str *out, const void *bytes, size_t n)
{
    ssmq_str_append(out, bytes, n);
}

static void put_record(const ssmq_kept *k, ssmq_str *out)
{
    const size_t n = (size_t)k->facts.n_level;
    head         h = {.low = k->facts.low, .high = k->facts.high, .n_bin = k->histogram ? k->n_bin : -1};
    memcpy(h.edge, k->edge, sizeof h.edge);
    put(out, &h, sizeof h);
    put(out, k->magnitude, n * sizeof *k->magnitude);
    if (k->value) put(out, k->value, n * sizeof *k->value);
    if (!k->histogram) return;
    put(out, k->bin, (size_t)k->n_bin * sizeof *k->bin);
    put(out, k->count, (size_t)k->n_bin * sizeof *k->count);
}

/* at: of todo. */
static void put_sample(const ssmq_calibration_work *w, int64_t at, ssmq_str *out)
{
    const ssmq_calibration *c = w->c;
    const ssmq_pass_sample *slot = w->slot[w->todo[at]];
    for (int32_t i = 0; i < c->model->n_site; i++)
        if (w->recorded[i]) put_record(slot->at[i], out);
    for (int32_t i = 0; i < c->n_observation; i++) {
        const ssmq_observation *o = c->at[i];
        if (o->question >= 0) put(out, &slot->answer[o->question], sizeof *slot->answer);
        if (by_channel(o))
            put(out, ssmq_calibration_shown(w, i, at), (size_t)o->units * sizeof(ssmq_range));
    }
}

/* ---- and back -------------------------------------------------------------------------- */

typedef struct reader {
    const unsigned char *at, *end;
    bool                 short_of; /* there was less than was asked for */
} reader;

static void get(reader *r, void *out, size_t n)
{
    if ((size_t)(r->end - r->at) < n) r->short_of = true;
    if (r->short_of || n == 0) return;
    memcpy(out, r->at, n);
    r->at += n;
}

static ssmq_status get_record(reader *r, const ssmq_wanted *wanted, ssmq_kept **out)
{
    const size_t n = (size_t)wanted->n_level;
    head         h = {0};
    ssmq_kept   *k;
    get(r, &h, sizeof h);
    SSMQ_TRY(ssmq_kept_new(wanted, h.n_bin > 0 ? h.n_bin : 0, &k));
    k->facts.low = h.low;
    k->facts.high = h.high;
    memcpy(k->edge, h.edge, sizeof h.edge);
    get(r, k->magnitude, n * sizeof *k->magnitude);
    if (k->value) get(r, k->value, n * sizeof *k->value);
    if (k->histogram) get(r, k->bin, (size_t)k->n_bin * sizeof *k->bin);
    if (k->histogram) get(r, k->count, (size_t)k->n_bin * sizeof *k->count);
    *out = k;
    return SSMQ_OK;
}

static ssmq_status get_sample(ssmq_calibration_work *w, int64_t sample, reader *r)
{
    ssmq_calibration *c = w->c;
    ssmq_pass_sample *slot = w->slot[sample];
    for (int32_t i = 0; i < c->model->n_site; i++) {
        if (!w->recorded[i]) continue;
        ssmq_kept_free(slot->at[i]);
        slot->at[i] = NULL;
        SSMQ_TRY(get_record(r, &w->wanted[i], &slot->at[i]));
    }
    for (int32_t i = 0; i < c->n_observation; i++) {
        ssmq_observation *o = c->at[i];
        if (o->question >= 0) get(r, &slot->answer[o->question], sizeof *slot->answer);
        for (int64_t u = 0; by_channel(o) && u < o->units; u++) {
            ssmq_range range = {0};
            get(r, &range, sizeof range);
            ssmq_observation_fold(o, sample, u, range, &o->raised);
        }
    }
    SSMQ_ASSERT(!r->short_of && r->at == r->end); /* its sum was right, and so was what it was computed from */
    return SSMQ_OK;
}

ssmq_status ssmq_calibration_resume(ssmq_calibration_work *w, int64_t *n)
{
    ssmq_journal_entry e;
    *n = 0;
    if (!keeps(w)) return SSMQ_OK;
    find_tag(w);
    w->shown = SSMQ_ARENA_ARRAY(w->c->arena, ssmq_range *, w->c->n_observation);
    for (int32_t i = 0; i < w->c->n_observation; i++)
        if (by_channel(w->c->at[i]))
            w->shown[i] = SSMQ_ARENA_ARRAY(w->c->arena, ssmq_range,
                                           ssmq_calibration_batch(w->c) * w->c->at[i]->units);
    while (*n < w->n_todo && ssmq_resume_any(w->listener, STAGE, w->todo[*n], w->tag, &e)) {
        reader r = {.at = e.data, .end = (const unsigned char *)e.data + e.bytes};
        SSMQ_TRY(get_sample(w, w->todo[*n], &r));
        ++*n;
    }
    return SSMQ_OK;
}

ssmq_status ssmq_calibration_keep(ssmq_calibration_work *w, int64_t first, int64_t n)
{
    ssmq_status st = SSMQ_OK;
    if (!keeps(w)) return SSMQ_OK;
    for (int64_t i = 0; i < n && st == SSMQ_OK; i++) {
        ssmq_str bytes = {0};
        put_sample(w, first + i, &bytes);
        st = ssmq_resume_keep(w->listener, STAGE, w->todo[first + i], w->tag, ssmq_str_text(&bytes),
                              bytes.length);
        ssmq_str_free(&bytes);
    }
    return st;
}
