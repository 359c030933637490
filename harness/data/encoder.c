/* Text passes three stages, each of which holds back what a later piece might change:
 *
 *   raw      until it is settled whether an added token (of the raw kind) begins there;
 *   pending  until a character comes that normalisation keeps apart from what is before it;
 *   ready    normalised text, until a place to cut: one where a word ends whatever is around it
 *            (ssmq_pretoken_divides) and across which no added token lies.
 *
 * An added token of the raw kind ends the stretch of text before it for good, as the end does. */
#include "harness/data/encoder.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/data/tokenizer_private.h"

struct ssmq_encoder {
    ssmq_tokenizer *tokenizer;
    ssmq_str        raw, pending, ready;
    size_t          searched; /* ready[.. searched) has no place to cut */
};

ssmq_encoder *ssmq_encoder_new(ssmq_tokenizer *t)
{
    ssmq_encoder *e = ssmq_must_malloc(sizeof *e);
    *e = (ssmq_encoder){.tokenizer = t};
    return e;
}

void ssmq_encoder_free(ssmq_encoder *e)
{
    if (!e) return;
    ssmq_str_free(&e->raw);
    ssmq_str_free(&e->pending);
    ssmq_str_free(&e->ready);
    free(e);
}

void ssmq_encoder_reset(ssmq_encoder *e)
{
    ssmq_str_clear(&e->raw);
    ssmq_str_clear(&e->pending);
    ssmq_str_clear(&e->ready);
    e->searched = 0;
}

static void drop_front(ssmq_str *s, size_t n)
{
    if (n == 0) return;
    memmove(s->data, s->data + n, s->length - n + 1); /* with the final 0 */
    s->length -= n;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n';
}

/* The last place where ready may be cut; 0 if there is none.  The common place is found without the
 * pattern: a space or line feed after another printable character of ASCII. */
static ssmq_status find_cut(ssmq_encoder *e, size_t *out)
{
    ssmq_tokenizer *t = e->tokenizer;
    const char     *text = ssmq_str_text(&e->ready);
    const size_t    n = e->ready.length, longest = ssmq_added_longest(t->normalised);
    /* A token that begins before a cut reaches less than its length beyond: so much must be seen */
    const size_t    ahead = longest > 1 ? longest - 1 : 1;
    *out = 0;
    if (n <= ahead) return SSMQ_OK;
    for (size_t at = n - ahead; at > e->searched && at > 0; at--) {
        const unsigned char before = (unsigned char)text[at - 1];
        bool                divides = is_space(text[at]) && before > ' ' && before < 0x7F;
        if (!divides) SSMQ_TRY(ssmq_pretoken_divides(t->pretoken, text, n, at, &divides));
        if (!divides || ssmq_added_across(t->normalised, text, n, at)) continue;
        *out = at;
        break;
    }
    if (*out == 0) e->searched = n - ahead;
    return SSMQ_OK;
}

static ssmq_status encode_ready(ssmq_encoder *e, size_t n, ssmq_ids *out)
{
    SSMQ_TRY(ssmq_tokenizer_encode_normalised(e->tokenizer, ssmq_str_text(&e->ready), n, out));
    drop_front(&e->ready, n);
    e->searched = 0;
    return SSMQ_OK;
}

static ssmq_status check_held(const ssmq_encoder *e)
{
    if (e->pending.length <= SSMQ_ENCODER_BYTES_MAX && e->ready.length <= SSMQ_ENCODER_BYTES_MAX)
        return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "more than %zu bytes of text have no place where words divide",
                     SSMQ_ENCODER_BYTES_MAX);
}

/* Text without added tokens of the raw kind. */
static ssmq_status add_plain(ssmq_encoder *e, const char *text, size_t n, ssmq_ids *out)
{
    const ssmq_nfc *nfc = e->tokenizer->nfc;
    if (nfc) {
        const size_t old = e->pending.length;
        ssmq_str_append(&e->pending, text, n);
        const size_t cut = ssmq_nfc_cut(nfc, ssmq_str_text(&e->pending), old, e->pending.length);
        if (cut == SIZE_MAX) return check_held(e);
        ssmq_nfc_append(nfc, ssmq_str_text(&e->pending), cut, &e->ready);
        drop_front(&e->pending, cut);
    } else {
        ssmq_str_append(&e->ready, text, n);
    }
    size_t cut;
    SSMQ_TRY(find_cut(e, &cut));
    if (cut > 0) SSMQ_TRY(encode_ready(e, cut, out));
    return check_held(e);
}

/* The stretch of text is over. */
static ssmq_status end_stretch(ssmq_encoder *e, ssmq_ids *out)
{
    if (e->pending.length > 0)
        ssmq_nfc_append(e->tokenizer->nfc, ssmq_str_text(&e->pending), e->pending.length,
                        &e->ready);
    ssmq_str_clear(&e->pending);
    return encode_ready(e, e->ready.length, out);
}

/* Cuts added tokens out of raw as far as they are settled; open: more text may follow. */
static ssmq_status pass_raw(ssmq_encoder *e, bool open, ssmq_ids *out)
{
    const size_t n = e->raw.length;
    size_t       at = 0;
    while (at < n) {
        const char            *text = ssmq_str_text(&e->raw);
        bool                   undecided;
        const ssmq_added_match m =
            ssmq_added_find(e->tokenizer->raw, text, at, n, open, &undecided);
        if (m.begin > at) SSMQ_TRY(add_plain(e, text + at, m.begin - at, out));
        at = m.begin;
        if (undecided || at == n) break;
        SSMQ_TRY(end_stretch(e, out));
        ssmq_ids_append(out, &m.id, 1);
        at = m.end;
    }
    drop_front(&e->raw, at);
    return SSMQ_OK;
}

ssmq_status ssmq_encoder_add(ssmq_encoder *e, const char *text, size_t n, ssmq_ids *out)
{
    const size_t piece_max = 1 << 16; /* so that a long text is not held thrice */
    while (n > 0) {
        size_t piece = n < piece_max ? n : piece_max;
        while (piece < n && ((unsigned char)text[piece] & 0xC0) == 0x80) piece--;
        ssmq_str_append(&e->raw, text, piece);
        SSMQ_TRY(pass_raw(e, true, out));
        text += piece;
        n -= piece;
    }
    return SSMQ_OK;
}

ssmq_status ssmq_encoder_finish(ssmq_encoder *e, ssmq_ids *out)
{
    SSMQ_TRY(pass_raw(e, false, out));
    return end_stretch(e, out);
}
