/* The order of things is that of Hugging Face's tokenizers: added tokens that are not "normalized"
 * are cut out of the text as it is; what remains between them is normalised, each stretch alone;
 * the other added tokens are cut out of that; the rest is split by the pattern, and each word's
 * bytes are merged. */
#include "harness/data/tokenizer.h"
#include <inttypes.h>
#include <stdlib.h>
#include "harness/base/arena.h"
#include "harness/data/tokenizer_private.h"
#include "harness/data/utf8.h"

/* ---- opening --------------------------------------------------------------------------- */

ssmq_status ssmq_tokenizer_open(const char *path, ssmq_tokenizer **out)
{
    ssmq_tokenizer *t = ssmq_must_malloc(sizeof *t);
    *t = (ssmq_tokenizer){.arena = ssmq_arena_new()};
    t->path = ssmq_arena_strdup(t->arena, path);
    t->raw = ssmq_added_new();
    t->normalised = ssmq_added_new();
    ssmq_status st;
    SSMQ_TRY_DONE(st, ssmq_pretoken_new(&t->pretoken));
    SSMQ_TRY_DONE(st, ssmq_tokenizer_read(t));
    *out = t;
    return SSMQ_OK;
done:
    ssmq_tokenizer_close(t);
    return st;
}

void ssmq_tokenizer_close(ssmq_tokenizer *t)
{
    if (!t) return;
    ssmq_added_free(t->raw);
    ssmq_added_free(t->normalised);
    ssmq_nfc_free(t->nfc);
    ssmq_pretoken_free(t->pretoken);
    ssmq_bpe_free(t->bpe);
    ssmq_str_free(&t->scratch);
    ssmq_arena_free(t->arena);
    free(t);
}

int32_t ssmq_tokenizer_size(const ssmq_tokenizer *t)
{
    return t->size;
}

/* ---- text to ids ----------------------------------------------------------------------- */

static ssmq_status encode_words(ssmq_tokenizer *t, const char *text, size_t n, ssmq_ids *out)
{
    for (size_t at = 0, end = 0; at < n; at = end) {
        SSMQ_TRY(ssmq_pretoken_next(t->pretoken, text, n, at, &end));
        SSMQ_TRY(ssmq_bpe_encode(t->bpe, text + at, end - at, out));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_tokenizer_encode_normalised(ssmq_tokenizer *t, const char *text, size_t n,
                                             ssmq_ids *out)
{
    for (size_t at = 0; at < n;) {
        bool                   undecided;
        const ssmq_added_match m = ssmq_added_find(t->normalised, text, at, n, false, &undecided);
        SSMQ_TRY(encode_words(t, text + at, m.begin - at, out));
        if (m.begin < n) ssmq_ids_append(out, &m.id, 1);
        at = m.end;
    }
    return SSMQ_OK;
}

static ssmq_status encode_stretch(ssmq_tokenizer *t, const char *text, size_t n, ssmq_ids *out)
{
    if (!t->nfc) return ssmq_tokenizer_encode_normalised(t, text, n, out);
    ssmq_str_clear(&t->scratch);
    ssmq_nfc_append(t->nfc, text, n, &t->scratch);
    return ssmq_tokenizer_encode_normalised(t, ssmq_str_text(&t->scratch), t->scratch.length, out);
}

static ssmq_status encode_valid(ssmq_tokenizer *t, const char *text, size_t n, ssmq_ids *out)
{
    for (size_t at = 0; at < n;) {
        bool                   undecided;
        const ssmq_added_match m = ssmq_added_find(t->raw, text, at, n, false, &undecided);
        SSMQ_TRY(encode_stretch(t, text + at, m.begin - at, out));
        if (m.begin < n) ssmq_ids_append(out, &m.id, 1);
        at = m.end;
    }
    return SSMQ_OK;
}

ssmq_status ssmq_tokenizer_encode(ssmq_tokenizer *t, const char *text, size_t n, ssmq_ids *out)
{
    bool         cut;
    const size_t valid = ssmq_utf8_valid(text, n, &cut);
    if (valid < n) return SSMQ_FAIL(INPUT, "the text is not valid UTF-8 at byte %zu", valid);
    const int64_t     before = out->length;
    const ssmq_status st = encode_valid(t, text, n, out);
    if (st != SSMQ_OK) out->length = before;
    SSMQ_TRY(st);
    return SSMQ_OK;
}

/* ---- and back -------------------------------------------------------------------------- */

ssmq_status ssmq_tokenizer_decode(const ssmq_tokenizer *t, const int32_t *id, int64_t n,
                                  ssmq_str *out)
{
    for (int64_t i = 0; i < n; i++)
        if (id[i] < 0 || id[i] >= t->size || !t->token[id[i]].bytes)
            return SSMQ_FAIL(INPUT, "%s: there is no token with the id %" PRId32, t->path, id[i]);
    for (int64_t i = 0; i < n; i++) ssmq_str_append(out, t->token[id[i]].bytes, t->token[id[i]].n);
    return SSMQ_OK;
}
