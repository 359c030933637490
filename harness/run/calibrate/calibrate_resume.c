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
        const bool  asked = c->at[i]->combined == NULL;
        ssmq_sha256_add(h, question, strlen(question) + 1);
        ssmq_sha256_add(h, &asked, sizeof asked);
    }
    for (int32_t i = 0; i < c->model->n_site; i++) {
        const ssmq_wanted *wanted = &w->wanted[i];
        const int32_t      parts[] = {w->recorded[i], wanted->values, wanted->histogram, wanted->tail,
                                      wanted->n_level, w->channels[i].wanted, w->channels[i].tail,
                                      w->channels[i].values};
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
    int64_t n;     /* values */
    int64_t n_bin; /* -1: no histogram */
    float   low, high, edge[4];
} head;

static void put(ssmq_str *out, const void *bytes, size_t n)
{
    ssmq_str_append(out, bytes, n);
}

static void put_record(const ssmq_kept *k, ssmq_str *out)
{
    const size_t n = (size_t)k->facts.n_level;
    head         h = {.n = k->facts.tail.n,
                      .n_bin = k->histogram ? k->n_bin : -1,
                      .low = k->facts.low,
                      .high = k->facts.high};
    memcpy(h.edge, k->edge, sizeof h.edge);
    put(out, &h, sizeof h);
    put(out, k->magnitude, n * sizeof *k->magnitude);
    if (k->value) put(out, k->value, n * sizeof *k->value);
    for (int32_t i = 0; i < SSMQ_TAIL_ENDS; i++)
        if (k->tail[i]) put(out, k->tail[i], (size_t)k->facts.tail.length * sizeof *k->tail[i]);
    if (!k->histogram) return;
    put(out, k->bin, (size_t)k->n_bin * sizeof *k->bin);
    put(out, k->count, (size_t)k->n_bin * sizeof *k->count);
}

static size_t channel_bytes(const ssmq_channel_record *r)
{
    return (size_t)ssmq_channel_record_bytes(r) - sizeof *r;
}

static void put_channels(const ssmq_channel_record *r, ssmq_str *out)
{
    put(out, &r->n, sizeof r->n);
    put(out, r->range, channel_bytes(r));
}

/* Is there an answer of each sample that runs? */
static bool answers(const ssmq_observation *o)
{
    return o->question >= 0 && !o->combined;
}

static void put_sample(const ssmq_calibration_work *w, int64_t sample, ssmq_str *out)
{
    const ssmq_calibration *c = w->c;
    const ssmq_pass_sample *slot = w->slot[sample];
    for (int32_t i = 0; i < c->model->n_site; i++) {
        if (w->recorded[i]) put_record(slot->at[i], out);
        if (ssmq_calibration_records_channels(c, i)) put_channels(slot->channels[i], out);
    }
    for (int32_t i = 0; i < c->n_observation; i++) {
        const ssmq_observation *o = c->at[i];
        if (answers(o)) put(out, slot->answer[o->question], (size_t)o->units * sizeof(ssmq_range));
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
    SSMQ_TRY(ssmq_kept_new(wanted, h.n, h.n_bin > 0 ? (int32_t)h.n_bin : 0, &k));
    k->facts.low = h.low;
    k->facts.high = h.high;
    memcpy(k->edge, h.edge, sizeof h.edge);
    get(r, k->magnitude, n * sizeof *k->magnitude);
    if (k->value) get(r, k->value, n * sizeof *k->value);
    for (int32_t i = 0; i < SSMQ_TAIL_ENDS; i++)
        if (k->tail[i]) get(r, k->tail[i], (size_t)k->facts.tail.length * sizeof *k->tail[i]);
    if (k->histogram) get(r, k->bin, (size_t)k->n_bin * sizeof *k->bin);
    if (k->histogram) get(r, k->count, (size_t)k->n_bin * sizeof *k->count);
    *out = k;
    return SSMQ_OK;
}

static ssmq_status get_channels(const ssmq_calibration_work *w, int32_t site, ssmq_pass_sample *slot, reader *r)
{
    ssmq_channel_record *record;
    int64_t              n = 0;
    get(r, &n, sizeof n);
    SSMQ_TRY(ssmq_channel_record_new(&w->channels[site], ssmq_site_channels(&w->c->model->site[site]), n, &record));
    get(r, record->range, channel_bytes(record));
    ssmq_pass_channels(w->pass, slot, site, record);
    return SSMQ_OK;
}

static ssmq_status get_measured(ssmq_calibration_work *w, int64_t sample, reader *r)
{
    ssmq_calibration *c = w->c;
    ssmq_pass_sample *slot = w->slot[sample];
    for (int32_t i = 0; i < c->model->n_site; i++) {
        ssmq_kept *record = NULL;
        if (w->recorded[i]) SSMQ_TRY(get_record(r, &w->wanted[i], &record));
        if (w->recorded[i]) ssmq_pass_record(w->pass, slot, i, record);
        if (ssmq_calibration_records_channels(c, i)) SSMQ_TRY(get_channels(w, i, slot, r));
    }
    for (int32_t i = 0; i < c->n_observation; i++) {
        const ssmq_observation *o = c->at[i];
        ssmq_range             *answer;
        if (!answers(o)) continue;
        SSMQ_TRY(ssmq_pass_answer(w->pass, slot, o->question, &answer));
        get(r, answer, (size_t)o->units * sizeof *answer);
    }
    SSMQ_ASSERT(!r->short_of && r->at == r->end); /* its sum was right, and so was what it was computed from */
    return SSMQ_OK;
}

static ssmq_status get_sample(ssmq_calibration_work *w, int64_t sample, reader *r)
{
    SSMQ_TRY(get_measured(w, sample, r));
    for (int32_t i = 0; i < w->c->n_observation; i++) {
        ssmq_observation *o = w->c->at[i];
        if (!ssmq_observation_asks_channels(o)) continue;
        ssmq_observation_fold(w, o, sample + 1, 0, o->units, &o->raised);
        o->next = sample + 1;
    }
    ssmq_calibration_limit(w, sample);
    return SSMQ_OK;
}

ssmq_status ssmq_calibration_resume(ssmq_calibration_work *w, int64_t *n)
{
    ssmq_journal_entry e;
    *n = 0;
    if (!keeps(w)) return SSMQ_OK;
    find_tag(w);
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
        put_sample(w, w->todo[first + i], &bytes);
        st = ssmq_resume_keep(w->listener, STAGE, w->todo[first + i], w->tag, ssmq_str_text(&bytes),
                              bytes.length);
        ssmq_str_free(&bytes);
    }
    return st;
}
