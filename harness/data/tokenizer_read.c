/* tokenizer.json to tables.  Every key is looked at: what is not built here is refused by name. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/data/tokenizer_private.h"
#include "harness/data/utf8.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)
#define ID_MAX ((1 << 22) - 1)

/* ---- what is asked for, key by key ------------------------------------------------------- */

static ssmq_status read_whole(const char *path, ssmq_str *out)
{
    ssmq_stream *s;
    SSMQ_TRY(ssmq_stream_open(path, &s));
    ssmq_status st = SSMQ_OK;
    char        bytes[16384];
    size_t      got = 1;
    while (st == SSMQ_OK && got > 0) {
        st = ssmq_stream_read(s, bytes, sizeof bytes, &got);
        if (st != SSMQ_OK) break;
        ssmq_str_append(out, bytes, got);
        if (out->length > FILE_BYTES_MAX)
            st = SSMQ_FAIL(INPUT, "%s: over the limit of %zu bytes", path, FILE_BYTES_MAX);
    }
    ssmq_stream_close(s);
    return st;
}

/* The keys of an object (dotted name; "": the root) are among those allowed. */
static ssmq_status only_keys(const ssmq_json *j, const char *name, const char *const *allowed)
{
    json_t *object = name[0] ? json_object_get(j->root, name) : j->root;
    if (!json_is_object(object))
        return SSMQ_FAIL(INPUT, "%s: '%s' is missing or not an object", j->path, name);
    const char *key;
    json_t     *value;
    json_object_foreach(object, key, value)
    {
        const char *const *a = allowed;
        while (*a && strcmp(*a, key) != 0) a++;
        if (!*a)
            return SSMQ_FAIL(UNSUPPORTED, "%s: the key '%s%s%s' is not supported", j->path, name,
                             name[0] ? "." : "", key);
    }
    return SSMQ_OK;
}

static ssmq_status want_text(const ssmq_json *j, const char *key, const char *wanted)
{
    const char *text = NULL;
    SSMQ_TRY(ssmq_json_text(j, key, true, &text));
    if (strcmp(text, wanted) == 0) return SSMQ_OK;
    return SSMQ_FAIL(UNSUPPORTED, "%s: '%s' is '%s'; only '%s' is supported", j->path, key, text,
                     wanted);
}

static ssmq_status want_bool(const ssmq_json *j, const char *key, bool required, bool wanted)
{
    bool value = wanted;
    SSMQ_TRY(ssmq_json_bool(j, key, required, &value));
    if (value == wanted) return SSMQ_OK;
    return SSMQ_FAIL(UNSUPPORTED, "%s: '%s' is %s; only %s is supported", j->path, key,
                     value ? "true" : "false", wanted ? "true" : "false");
}

static ssmq_status want_null(const ssmq_json *j, const char *key)
{
    if (!ssmq_json_has(j, key)) return SSMQ_OK;
    return SSMQ_FAIL(UNSUPPORTED, "%s: '%s' is set; only null is supported", j->path, key);
}

static ssmq_status want_no_text(const ssmq_json *j, const char *key)
{
    const char *text = "";
    SSMQ_TRY(ssmq_json_text(j, key, false, &text));
    if (!text[0]) return SSMQ_OK;
    return SSMQ_FAIL(UNSUPPORTED, "%s: '%s' is '%s'; only null is supported", j->path, key, text);
}

static const char *const byte_level_keys[] = {"type", "add_prefix_space", "trim_offsets",
                                              "use_regex", NULL};

/* A template that puts nothing around the text: "single": [{"Sequence": {"id": "A", ...}}]. */
static ssmq_status check_template(const ssmq_json *j)
{
    const json_t *post = json_object_get(j->root, "post_processor");
    const json_t *single = json_object_get(post, "single");
    if (json_array_size(single) == 1 && json_object_get(json_array_get(single, 0), "Sequence"))
        return SSMQ_OK;
    return SSMQ_FAIL(UNSUPPORTED,
                     "%s: 'post_processor.single' adds tokens to the text, which is not supported",
                     j->path);
}

/* A post-processor of the byte level kind only moves offsets. */
static ssmq_status check_post_processor(const ssmq_json *j)
{
    if (!ssmq_json_has(j, "post_processor")) return SSMQ_OK;
    const char *type = "";
    SSMQ_TRY(ssmq_json_text(j, "post_processor.type", true, &type));
    if (strcmp(type, "TemplateProcessing") == 0) return check_template(j);
    SSMQ_TRY(want_text(j, "post_processor.type", "ByteLevel"));
    return only_keys(j, "post_processor", byte_level_keys);
}

static ssmq_status check_pipeline(const ssmq_json *j, bool *nfc)
{
    static const char *const keys[] = {
        "version",       "truncation",     "padding", "added_tokens", "normalizer",
        "pre_tokenizer", "post_processor", "decoder", "model",        NULL};
    SSMQ_TRY(only_keys(j, "", keys));
    SSMQ_TRY(want_text(j, "version", "1.0"));
    SSMQ_TRY(want_null(j, "truncation"));
    SSMQ_TRY(want_null(j, "padding"));
    *nfc = ssmq_json_has(j, "normalizer");
    if (*nfc) {
        static const char *const type[] = {"type", NULL};
        SSMQ_TRY(want_text(j, "normalizer.type", "NFC"));
        SSMQ_TRY(only_keys(j, "normalizer", type));
    }
    SSMQ_TRY(want_text(j, "pre_tokenizer.type", "ByteLevel"));
    SSMQ_TRY(want_bool(j, "pre_tokenizer.add_prefix_space", true, false));
    SSMQ_TRY(want_bool(j, "pre_tokenizer.use_regex", false, true));
    SSMQ_TRY(only_keys(j, "pre_tokenizer", byte_level_keys));
    SSMQ_TRY(want_text(j, "decoder.type", "ByteLevel"));
    SSMQ_TRY(only_keys(j, "decoder", byte_level_keys));
    return check_post_processor(j);
}

static ssmq_status check_model(const ssmq_json *j)
{
    static const char *const keys[] = {"type",
                                       "dropout",
                                       "unk_token",
                                       "continuing_subword_prefix",
                                       "fuse_unk",
                                       "byte_fallback",
                                       "ignore_merges",
                                       "end_of_word_suffix",
                                       "vocab",
                                       "merges",
                                       NULL};
    SSMQ_TRY(want_text(j, "model.type", "BPE"));
    SSMQ_TRY(only_keys(j, "model", keys));
    double dropout = 0;
    SSMQ_TRY(ssmq_json_real(j, "model.dropout", false, &dropout));
    if (dropout != 0)
        return SSMQ_FAIL(UNSUPPORTED, "%s: 'model.dropout' is %g; only null or 0 is supported",
                         j->path, dropout);
    SSMQ_TRY(want_no_text(j, "model.unk_token"));
    SSMQ_TRY(want_no_text(j, "model.continuing_subword_prefix"));
    SSMQ_TRY(want_no_text(j, "model.end_of_word_suffix"));
    SSMQ_TRY(want_bool(j, "model.fuse_unk", false, false));
    SSMQ_TRY(want_bool(j, "model.byte_fallback", false, false));
    return want_bool(j, "model.ignore_merges", false, false);
}

/* ---- vocabulary -------------------------------------------------------------------------- */

/* GPT-2 writes a byte as a character: printable ones of Latin-1 as they are, the others as U+0100
 * upwards in order.  byte_of[c] for the characters in use, else -1. */
#define ALPHABET 324

static void fill_alphabet(int16_t byte_of[ALPHABET], uint16_t character_of[256])
{
    for (int c = 0; c < ALPHABET; c++) byte_of[c] = -1;
    uint16_t other = 256;
    for (int b = 0; b < 256; b++) {
        const bool plain = (b >= 33 && b <= 126) || (b >= 161 && b != 173);
        character_of[b] = plain ? (uint16_t)b : other++;
        byte_of[character_of[b]] = (int16_t)b;
    }
}

/* The bytes that a token of the vocabulary stands for; one that is not all in the alphabet stands
 * for its own text. */
static ssmq_token token_of(ssmq_tokenizer *t, const char *text, const int16_t byte_of[ALPHABET])
{
    const size_t n = strlen(text);
    char        *bytes = ssmq_arena_alloc(t->arena, n + 1);
    size_t       length = 0;
    for (size_t at = 0, step; at < n; at += step) {
        const uint32_t c = ssmq_utf8_decode(text + at, &step);
        if (c >= ALPHABET || byte_of[c] < 0) {
            memcpy(bytes, text, n);
            return (ssmq_token){.bytes = bytes, .n = n};
        }
        bytes[length++] = (char)byte_of[c];
    }
    return (ssmq_token){.bytes = bytes, .n = length};
}

static ssmq_status check_id(const ssmq_json *j, const char *where, const json_t *value,
                            int32_t *out)
{
    if (!json_is_integer(value))
        return SSMQ_FAIL(INPUT, "%s: %s: the id is not an integer", j->path, where);
    const int64_t id = json_integer_value(value);
    if (id < 0 || id > ID_MAX)
        return SSMQ_FAIL(INPUT, "%s: %s: the id %" PRId64 " is not within 0 to %d", j->path, where,
                         id, ID_MAX);
    *out = (int32_t)id;
    return SSMQ_OK;
}

/* Largest id over vocabulary and added tokens, plus 1; checks that all are in range. */
static ssmq_status count_ids(ssmq_tokenizer *t, const ssmq_json *j, json_t *vocab,
                             const json_t *added)
{
    int32_t     largest = -1, id = 0;
    const char *key;
    json_t     *value;
    json_object_foreach(vocab, key, value)
    {
        SSMQ_TRY(check_id(j, "model.vocab", value, &id));
        if (id > largest) largest = id;
    }
    if (largest < 0) return SSMQ_FAIL(INPUT, "%s: 'model.vocab' is missing or empty", j->path);
    for (size_t i = 0; i < json_array_size(added); i++) {
        SSMQ_TRY(check_id(j, "added_tokens", json_object_get(json_array_get(added, i), "id"), &id));
        if (id > largest) largest = id;
    }
    t->size = largest + 1;
    t->token = SSMQ_ARENA_ARRAY(t->arena, ssmq_token, t->size);
    return SSMQ_OK;
}

static ssmq_status read_vocab(ssmq_tokenizer *t, const ssmq_json *j, json_t *vocab)
{
    int16_t  byte_of[ALPHABET];
    uint16_t character_of[256];
    fill_alphabet(byte_of, character_of);
    const char *key;
    json_t     *value;
    json_object_foreach(vocab, key, value)
    {
        const int64_t id = json_integer_value(value);
        if (t->token[id].bytes)
            return SSMQ_FAIL(INPUT, "%s: model.vocab: the id %" PRId64 " is given to two tokens",
                             j->path, id);
        t->token[id] = token_of(t, key, byte_of);
    }
    for (int b = 0; b < 256; b++) {
        const uint16_t c = character_of[b];
        const char     text[3] = {(char)(c < 128 ? c : 0xC0 | c >> 6),
                                  (char)(c < 128 ? 0 : 0x80 | (c & 0x3F)), 0};
        value = json_object_get(vocab, text);
        if (value) ssmq_bpe_put_byte(t->bpe, (unsigned char)b, (int32_t)json_integer_value(value));
    }
    return SSMQ_OK;
}

/* ---- merges ------------------------------------------------------------------------------ */

static ssmq_status id_of(const ssmq_json *j, const json_t *vocab, size_t i, const char *token,
                         int32_t *out)
{
    const json_t *value = json_object_get(vocab, token);
    if (!value)
        return SSMQ_FAIL(INPUT, "%s: model.merges[%zu]: '%s' is not in the vocabulary", j->path, i,
                         token);
    *out = (int32_t)json_integer_value(value);
    return SSMQ_OK;
}

/* The two sides of a merge, written "a b" or ["a", "b"], each as a string of its own. */
static ssmq_status split_merge(const ssmq_json *j, const json_t *merge, size_t i, ssmq_str *left,
                               ssmq_str *right)
{
    ssmq_str_clear(left);
    ssmq_str_clear(right);
    const char *text = json_string_value(merge);
    const char *a = json_string_value(json_array_get(merge, 0));
    const char *b = json_string_value(json_array_get(merge, 1));
    if (text) {
        const char *space = strchr(text, ' ');
        if (space && !strchr(space + 1, ' ')) {
            ssmq_str_append(left, text, (size_t)(space - text));
            ssmq_str_puts(right, space + 1);
        }
    } else if (a && b && json_array_size(merge) == 2) {
        ssmq_str_puts(left, a);
        ssmq_str_puts(right, b);
    }
    if (left->length > 0 && right->length > 0) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: model.merges[%zu] is not a pair of tokens", j->path, i);
}

static ssmq_status read_merge(ssmq_tokenizer *t, const ssmq_json *j, const json_t *vocab, size_t i,
                              ssmq_str side[2])
{
    const json_t *merges = json_object_get(json_object_get(j->root, "model"), "merges");
    int32_t       left = 0, right = 0, result = 0;
    SSMQ_TRY(split_merge(j, json_array_get(merges, i), i, &side[0], &side[1]));
    SSMQ_TRY(id_of(j, vocab, i, ssmq_str_text(&side[0]), &left));
    SSMQ_TRY(id_of(j, vocab, i, ssmq_str_text(&side[1]), &right));
    ssmq_str_puts(&side[0], ssmq_str_text(&side[1]));
    SSMQ_TRY(id_of(j, vocab, i, ssmq_str_text(&side[0]), &result));
    if (!ssmq_bpe_put_merge(t->bpe, left, right, result))
        return SSMQ_FAIL(INPUT, "%s: model.merges[%zu] is given twice", j->path, i);
    return SSMQ_OK;
}

/* ---- added tokens ------------------------------------------------------------------------ */

static ssmq_status read_flags(const ssmq_json *j, const json_t *token, size_t i, bool *normalised)
{
    static const struct {
        const char *name;
        bool        supported; /* may it be true? */
    } flag[] = {{"special", true},
                {"normalized", true},
                {"lstrip", false},
                {"rstrip", false},
                {"single_word", false}};
    for (size_t k = 0; k < sizeof flag / sizeof *flag; k++) {
        const json_t *value = json_object_get(token, flag[k].name);
        if (!json_is_boolean(value))
            return SSMQ_FAIL(INPUT, "%s: added_tokens[%zu]: '%s' is missing or not a boolean",
                             j->path, i, flag[k].name);
        if (json_is_true(value) && !flag[k].supported)
            return SSMQ_FAIL(UNSUPPORTED,
                             "%s: added_tokens[%zu]: '%s' is true; only false is supported",
                             j->path, i, flag[k].name);
    }
    *normalised = json_is_true(json_object_get(token, "normalized"));
    return SSMQ_OK;
}

/* The text of an added token, as it is looked for; *out lives in the arena. */
static ssmq_status read_content(ssmq_tokenizer *t, const ssmq_json *j, const json_t *token,
                                size_t i, bool normalised, ssmq_token *out)
{
    const json_t *content = json_object_get(token, "content");
    ssmq_str      text = {0};
    if (json_is_string(content))
        ssmq_str_append(&text, json_string_value(content), json_string_length(content));
    if (normalised && t->nfc) {
        ssmq_str form = {0};
        ssmq_nfc_append(t->nfc, ssmq_str_text(&text), text.length, &form);
        ssmq_str_free(&text);
        text = form;
    }
    out->n = text.length;
    out->bytes = ssmq_arena_strndup(t->arena, ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    if (out->n >= 1 && out->n <= SSMQ_ADDED_BYTES_MAX) return SSMQ_OK;
    return SSMQ_FAIL(INPUT,
                     "%s: added_tokens[%zu]: 'content' is missing, or not 1 to %d bytes long",
                     j->path, i, SSMQ_ADDED_BYTES_MAX);
}

static ssmq_status read_added(ssmq_tokenizer *t, const ssmq_json *j, const json_t *vocab,
                              const json_t *token, size_t i)
{
    bool       normalised = false;
    ssmq_token form = {0};
    SSMQ_TRY(read_flags(j, token, i, &normalised));
    SSMQ_TRY(read_content(t, j, token, i, normalised, &form));
    const int32_t id = (int32_t)json_integer_value(json_object_get(token, "id"));
    const char   *content = json_string_value(json_object_get(token, "content"));
    const json_t *known = json_object_get(vocab, content);
    const bool    same = known && json_integer_value(known) == id;
    if ((known && !same) || (!same && t->token[id].bytes))
        return SSMQ_FAIL(INPUT,
                         "%s: added_tokens[%zu]: the id %" PRId32
                         " contradicts the vocabulary or an earlier added token",
                         j->path, i, id);
    if (!ssmq_added_put(normalised ? t->normalised : t->raw, form.bytes, form.n, id))
        return SSMQ_FAIL(INPUT, "%s: added_tokens[%zu]: '%s' is added twice", j->path, i, content);
    /* Decoding gives its text back, whether or not its characters are in the alphabet of bytes. */
    t->token[id].n = strlen(content);
    t->token[id].bytes = ssmq_arena_strdup(t->arena, content);
    return SSMQ_OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

static ssmq_status read_tables(ssmq_tokenizer *t, const ssmq_json *j)
{
    json_t *model = json_object_get(j->root, "model"), *vocab = json_object_get(model, "vocab");
    const json_t *merges = json_object_get(model, "merges");
    const json_t *added = json_object_get(j->root, "added_tokens");
    if (!json_is_array(merges))
        return SSMQ_FAIL(INPUT, "%s: 'model.merges' is missing or not an array", j->path);
    if (added && !json_is_array(added))
        return SSMQ_FAIL(INPUT, "%s: 'added_tokens' is not an array", j->path);
    SSMQ_TRY(count_ids(t, j, vocab, added));
    t->bpe = ssmq_bpe_new(t->path, json_array_size(merges));
    SSMQ_TRY(read_vocab(t, j, vocab));
    ssmq_str    side[2] = {0};
    ssmq_status st = SSMQ_OK;
    for (size_t i = 0; st == SSMQ_OK && i < json_array_size(merges); i++)
        st = read_merge(t, j, vocab, i, side);
    ssmq_str_free(&side[0]);
    ssmq_str_free(&side[1]);
    SSMQ_TRY(st);
    for (size_t i = 0; i < json_array_size(added); i++)
        SSMQ_TRY(read_added(t, j, vocab, json_array_get(added, i), i));
    return SSMQ_OK;
}

ssmq_status ssmq_tokenizer_read(ssmq_tokenizer *t)
{
    ssmq_str    text = {0};
    ssmq_json   j = {0};
    bool        nfc = false;
    ssmq_status st;
    SSMQ_TRY_DONE(st, read_whole(t->path, &text));
    SSMQ_TRY_DONE(st, ssmq_json_parse(t->path, ssmq_str_text(&text), text.length, &j));
    SSMQ_TRY_DONE(st, check_pipeline(&j, &nfc));
    SSMQ_TRY_DONE(st, check_model(&j));
    if (nfc) t->nfc = ssmq_nfc_new();
    SSMQ_TRY_DONE(st, read_tables(t, &j));
done:
    ssmq_json_close(&j);
    ssmq_str_free(&text);
    return st;
}
