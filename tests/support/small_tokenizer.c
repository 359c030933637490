#include "tests/support/small_tokenizer.h"
#include <stdbool.h>
#include <string.h>
#include "tests/support/check.h"

static const char head[] =
    "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [\n"
    "{\"id\": 260, \"content\": \"<|end|>\", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": false, \"special\": true},\n"
    "{\"id\": 261, \"content\": \"<|end|>!\", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": false, \"special\": false},\n"
    "{\"id\": 262, \"content\": \"  \", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": true, \"special\": false},\n"
    "{\"id\": 263, \"content\": \"   \", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": true, \"special\": false},\n"
    "{\"id\": 264, \"content\": \"[\xC3\xA9]\", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": true, \"special\": false},\n"
    "{\"id\": 265, \"content\": \"b 12.c\", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": true, \"special\": false}],\n"
    "\"normalizer\": {\"type\": \"NFC\"},\n"
    "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false,"
    " \"trim_offsets\": true, \"use_regex\": true},\n"
    "\"post_processor\": {\"type\": \"ByteLevel\", \"trim_offsets\": true},\n"
    "\"decoder\": {\"type\": \"ByteLevel\", \"trim_offsets\": true},\n"
    "\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null,"
    " \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, \"fuse_unk\": false,"
    " \"byte_fallback\": false, \"ignore_merges\": false,\n \"vocab\": {";
static const char tail[] = "\"ab\": 256, \"abc\": 257, \"\xC4\xA0"
                           "a\": 258, \"bc\": 259},\n"
                           " \"merges\": [\"a b\", \"ab c\", \"\xC4\xA0 a\", \"b c\"]}}\n";

/* The 256 bytes in GPT-2's characters. */
static void put_bytes(ssmq_str *s)
{
    int other = 256;
    for (int b = 0; b < 256; b++) {
        const bool plain = (b >= 33 && b <= 126) || (b >= 161 && b != 173);
        ssmq_str_printf(s, "\"\\u%04x\": %d, ", (unsigned)(plain ? b : other++), b);
    }
}

const char *small_tokenizer_text(const scratch *s, const char *from, const char *to)
{
    ssmq_str text = {0};
    ssmq_str_puts(&text, head);
    put_bytes(&text);
    ssmq_str_puts(&text, tail);
    const char *at = from ? strstr(text.data, from) : NULL;
    if (from) assert_non_null(at);
    const char *out = at ? ssmq_arena_printf(s->a, "%.*s%s%s", (int)(at - text.data), text.data, to,
                                             at + strlen(from))
                         : ssmq_arena_strdup(s->a, text.data);
    ssmq_str_free(&text);
    return out;
}

const char *small_tokenizer(const scratch *s, const char *from, const char *to)
{
    const char *text = small_tokenizer_text(s, from, to);
    return scratch_write(s, "tokenizer.json", text, strlen(text));
}
