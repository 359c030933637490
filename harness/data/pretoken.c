#define PCRE2_CODE_UNIT_WIDTH 8
#include "harness/data/pretoken.h"
#include <pcre2.h>
#include <stdlib.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/data/utf8.h"

/* Unicode's White_Space, as the reference's regular expressions have it.  PCRE2's own \s is another
 * set: it has U+180E besides. */
#define SPACES                                                                                   \
    "\\x09-\\x0D\\x20\\x85\\xA0\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}" \
    "\\x{3000}"
#define SPACE "[" SPACES "]"
#define OTHER "[^" SPACES "\\p{L}\\p{N}]"

/* The pattern of GPT-2's encoder.py. */
static const char words[] = "'s|'t|'re|'ve|'m|'ll|'d"
                            "| ?\\p{L}+| ?\\p{N}+| ?" OTHER "+"
                            "|" SPACE "+(?!" /* not before a non-space */ "[^" SPACES "])"
                            "|" SPACE "+";

/* Places where a word ends whatever is around: no alternative above holds such two characters side
 * by side, and none that ends on the left one looks further.  Of the pairs of unlike characters,
 * two kinds are missing: after a space, which may belong to the word behind it, and other before
 * letter, since "'" and "s" may be one word. */
static const char cuts[] = "(?<=[^" SPACES "])(?=" SPACE ")"
                           "|(?<=\\p{L})(?!\\p{L})"
                           "|(?<=\\p{N})(?!\\p{N})"
                           "|(?<=" OTHER ")(?=\\p{N})";

/* Bytes of stack for compiled patterns.  Neither pattern backtracks by more than a step, however
 * long the text is, so that this is plenty. */
#define STACK_MIN (32 * 1024)
#define STACK_MAX (1024 * 1024)

struct ssmq_pretoken {
    pcre2_code          *word, *cut;
    pcre2_match_data    *match;
    pcre2_match_context *context;
    pcre2_jit_stack     *stack;
};

static ssmq_status compile(const char *pattern, pcre2_code **out)
{
    int        code;
    PCRE2_SIZE at;
    *out = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED | PCRE2_NO_START_OPTIMIZE, &code,
                         &at, NULL);
    if (!*out) {
        PCRE2_UCHAR text[128] = "";
        pcre2_get_error_message(code, text, sizeof text);
        return SSMQ_FAIL(UNSUPPORTED, "this PCRE2 has no Unicode properties: %s", (char *)text);
    }
    /* Without a compiler for this processor, PCRE2 interprets the pattern: slower, same matches. */
    (void)pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);
    return SSMQ_OK;
}

ssmq_status ssmq_pretoken_new(ssmq_pretoken **out)
{
    ssmq_pretoken *p = ssmq_must_malloc(sizeof *p);
    *p = (ssmq_pretoken){0};
    ssmq_status st;
    SSMQ_TRY_DONE(st, compile(words, &p->word));
    SSMQ_TRY_DONE(st, compile(cuts, &p->cut));
    p->match = pcre2_match_data_create(1, NULL);
    p->context = pcre2_match_context_create(NULL);
    if (!p->match || !p->context) {
        st = SSMQ_FAIL(MEMORY, "no memory for a regular expression");
        goto done;
    }
    p->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL); /* NULL where there is no JIT */
    if (p->stack) pcre2_jit_stack_assign(p->context, NULL, p->stack);
    *out = p;
    return SSMQ_OK;
done:
    ssmq_pretoken_free(p);
    return st;
}

void ssmq_pretoken_free(ssmq_pretoken *p)
{
    if (!p) return;
    pcre2_jit_stack_free(p->stack);
    pcre2_match_context_free(p->context);
    pcre2_match_data_free(p->match);
    pcre2_code_free(p->cut);
    pcre2_code_free(p->word);
    free(p);
}

static int match(ssmq_pretoken *p, const pcre2_code *code, const char *text, size_t n, size_t at)
{
    return pcre2_match(code, (PCRE2_SPTR)text, n, at, PCRE2_NO_UTF_CHECK, p->match, p->context);
}

ssmq_status ssmq_pretoken_next(ssmq_pretoken *p, const char *text, size_t n, size_t at, size_t *end)
{
    const int code = match(p, p->word, text, n, at);
    if (code < 1) /* the pattern matches everywhere, so it is some limit of PCRE2's */
        return SSMQ_FAIL(UNSUPPORTED, "PCRE2 could not split %zu bytes of text (error %d)", n - at,
                         code);
    *end = pcre2_get_ovector_pointer(p->match)[1];
    SSMQ_ASSERT(*end > at);
    return SSMQ_OK;
}

ssmq_status ssmq_pretoken_divides(ssmq_pretoken *p, const char *text, size_t n, size_t at,
                                  bool *out)
{
    *out = false;
    if (at == 0 || at >= n || ssmq_utf8_continues(text[at])) return SSMQ_OK;
    const int code = match(p, p->cut, text, n, at);
    if (code < 0 && code != PCRE2_ERROR_NOMATCH)
        return SSMQ_FAIL(UNSUPPORTED, "PCRE2 could not examine a text (error %d)", code);
    *out = code > 0;
    return SSMQ_OK;
}
