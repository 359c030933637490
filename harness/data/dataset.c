#include "harness/data/dataset.h"
#include <inttypes.h>
#include <stdlib.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/base/rng.h"
#include "harness/data/encoder.h"
#include "harness/data/source.h"

const char *const ssmq_data_formats[] = {"wikitext-raw", "text", "jsonl", "tokens", NULL};
const char *const ssmq_select_names[] = {"first", "sampled", NULL};

bool ssmq_data_format_of(const char *file, ssmq_data_format *out)
{
    static const struct {
        const char      *suffix;
        ssmq_data_format format;
    } known[] = {
        {".raw", SSMQ_DATA_WIKITEXT_RAW}, {".txt", SSMQ_DATA_TEXT},   {".jsonl", SSMQ_DATA_JSONL},
        {".jsonl.zst", SSMQ_DATA_JSONL},  {".npy", SSMQ_DATA_TOKENS}, {".json", SSMQ_DATA_TOKENS},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!ssmq_str_ends(file, known[i].suffix)) continue;
        *out = known[i].format;
        return true;
    }
    return false;
}

/* ---- units: what samples are counted in ------------------------------------------------- */

/* A unit is a document that has tokens or, where the format knows no documents, the next `length`
 * tokens; a shorter rest is none. */
typedef struct units {
    const ssmq_data *data;
    ssmq_source      source;
    ssmq_encoder    *encoder; /* NULL for tokens */
    ssmq_queue       pending; /* tokens of the next pieces, where there are no documents */
    int64_t          length, seen;
} units;

static ssmq_status units_open(const ssmq_data *data, ssmq_tokenizer *tokenizer, int64_t vocabulary,
                              int64_t length, units *out)
{
    *out = (units){.data = data, .length = length};
    SSMQ_TRY(ssmq_source_open(data, tokenizer, vocabulary, &out->source));
    if (tokenizer) out->encoder = ssmq_encoder_new(tokenizer);
    return SSMQ_OK;
}

static void units_close(units *u)
{
    ssmq_source_close(&u->source);
    ssmq_encoder_free(u->encoder);
    ssmq_queue_free(&u->pending);
}

/* The first tokens of a document: no more of it is tokenised than they need. */
static ssmq_status encode_head(units *u, const ssmq_piece *document, ssmq_ids *out)
{
    const int64_t end = out->length + u->length;
    const size_t  step = 8192;
    ssmq_encoder_reset(u->encoder);
    for (size_t at = 0, n; at < document->n && out->length < end; at += n) {
        n = ssmq_source_whole(document, at, step);
        SSMQ_TRY(ssmq_source_add(&u->source, u->encoder, document->text + at, n, out));
    }
    if (out->length < end) SSMQ_TRY(ssmq_source_finish(&u->source, u->encoder, out));
    if (out->length > end) out->length = end;
    return SSMQ_OK;
}

/* The next unit, appended to out if it is wanted. */
static ssmq_status next_document(units *u, bool wanted, ssmq_ids *out, int64_t *index, bool *more)
{
    ssmq_piece piece = {0};
    do SSMQ_TRY(ssmq_source_text(&u->source, &piece, more));
    while (*more && piece.n == 0);
    if (!*more) return SSMQ_OK;
    *index = piece.document;
    u->seen++;
    return wanted ? encode_head(u, &piece, out) : SSMQ_OK;
}

static ssmq_status next_tokens(units *u, bool wanted, ssmq_ids *out, int64_t *index, bool *more)
{
    *more = true;
    while (*more && ssmq_queue_length(&u->pending) < u->length)
        SSMQ_TRY(ssmq_source_tokens(&u->source, u->encoder, &u->pending.ids, more));
    *more = ssmq_queue_length(&u->pending) >= u->length;
    if (!*more) return SSMQ_OK;
    if (wanted) ssmq_ids_append(out, ssmq_queue_front(&u->pending), u->length);
    ssmq_queue_take(&u->pending, u->length);
    *index = u->seen++;
    return SSMQ_OK;
}

static ssmq_status next_unit(units *u, bool wanted, ssmq_ids *out, int64_t *index, bool *more)
{
    return u->data->format == SSMQ_DATA_JSONL ? next_document(u, wanted, out, index, more)
                                              : next_tokens(u, wanted, out, index, more);
}

static ssmq_status too_few(const units *u, int64_t count)
{
    if (u->data->format == SSMQ_DATA_JSONL)
        return SSMQ_FAIL(
            INPUT, "%s: has %" PRId64 " documents with text, fewer than the %" PRId64 " asked for",
            u->data->file, u->seen, count);
    return SSMQ_FAIL(INPUT,
                     "%s: has %" PRId64 " pieces of %" PRId64 " tokens, fewer than the %" PRId64
                     " asked for",
                     u->data->file, u->seen, u->length, count);
}

/* ---- drawing ----------------------------------------------------------------------------- */

static ssmq_status count_units(const ssmq_data *data, ssmq_tokenizer *tokenizer, int64_t vocabulary,
                               int64_t count, int64_t length, int64_t *out)
{
    ssmq_ids    none = {0}; /* nothing is wanted, so nothing comes */
    units       u;
    int64_t     index;
    bool        more = true;
    ssmq_status st = units_open(data, tokenizer, vocabulary, length, &u);
    while (st == SSMQ_OK && more) st = next_unit(&u, false, &none, &index, &more);
    if (st == SSMQ_OK && u.seen < count) st = too_few(&u, count);
    *out = u.seen;
    units_close(&u);
    return st;
}

/* Chooses units one after another (selection sampling, Knuth, TAOCP 2, 3.4.2, algorithm S): each of
 * the `rest` units ahead with probability wanted / rest, so that every subset is as likely. */
typedef struct draw {
    bool     all; /* the first ones, without drawing */
    ssmq_rng rng;
    int64_t  rest, wanted;
} draw;

static bool draws(draw *d)
{
    if (d->all) return true;
    const bool hit = (int64_t)ssmq_rng_below(&d->rng, (uint64_t)d->rest) < d->wanted;
    d->rest--;
    d->wanted -= hit;
    return hit;
}

/* ---- samples ----------------------------------------------------------------------------- */

static void add_sample(ssmq_samples *s, int64_t capacity, int64_t before, int64_t document)
{
    /* Grown as samples come: a count from the user may be absurd. */
    if ((s->n & (s->n - 1)) == 0) {
        const int64_t room = 2 * s->n + 1 < capacity ? 2 * s->n + 1 : capacity;
        s->sample = ssmq_must_realloc(s->sample, (size_t)room * sizeof *s->sample);
    }
    s->sample[s->n++] = (ssmq_sample){.length = s->storage.length - before, .document = document};
}

static ssmq_status collect(units *u, draw *d, int64_t count, ssmq_samples *s)
{
    while (s->n < count) {
        const int64_t before = s->storage.length;
        const bool    wanted = !d->all && d->rest == 0 ? false : draws(d);
        int64_t       index = 0;
        bool          more = false;
        SSMQ_TRY(next_unit(u, wanted, &s->storage, &index, &more));
        if (!more) return too_few(u, count); /* or the file has shrunk since it was counted */
        if (wanted) add_sample(s, count, before, index);
    }
    return SSMQ_OK;
}

void ssmq_samples_settle(ssmq_samples *s)
{
    const int32_t *token = s->storage.data;
    for (int64_t i = 0; i < s->n; i++) {
        s->sample[i].token = token;
        token += s->sample[i].length;
    }
    ssmq_sha256 *h = ssmq_sha256_new();
    ssmq_ids_hash(s->storage.data, s->storage.length, h);
    ssmq_sha256_finish(h, s->token_digest);
}

ssmq_status ssmq_samples_read(const ssmq_data *data, ssmq_tokenizer *tokenizer, int64_t vocabulary,
                              ssmq_select select, int64_t count, int64_t length, uint64_t seed,
                              ssmq_samples *out)
{
    SSMQ_ASSERT(count >= 1 && length >= 1 && vocabulary >= 1);
    ssmq_samples s = {0};
    draw         d = {.all = select == SSMQ_SELECT_FIRST, .wanted = count};
    if (!d.all) SSMQ_TRY(count_units(data, tokenizer, vocabulary, count, length, &d.rest));
    ssmq_rng_init(&d.rng, seed, "calibration");
    units       u;
    ssmq_status st = units_open(data, tokenizer, vocabulary, length, &u);
    if (st == SSMQ_OK) st = collect(&u, &d, count, &s);
    units_close(&u);
    if (st != SSMQ_OK) {
        ssmq_samples_free(&s);
        return ssmq_trace(st, __FILE__, __LINE__, __func__);
    }
    ssmq_samples_settle(&s);
    *out = s;
    return SSMQ_OK;
}

void ssmq_samples_free(ssmq_samples *s)
{
    free(s->sample);
    ssmq_ids_free(&s->storage);
    *s = (ssmq_samples){0};
}
