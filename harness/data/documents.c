#include "harness/data/documents.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/data/source.h"
#include "harness/data/subsets.h"
#include "harness/data/wikitext.h"

/* Documents as they come. */
typedef struct growing {
    const ssmq_documents *d;
    ssmq_arena           *arena;
    ssmq_source           source;
    ssmq_encoder         *encoder;
    ssmq_subsets          subsets;
    int64_t              *taken; /* [subsets.room] documents of each; at least one */
    int32_t               counted;
    int32_t               prefix;
    ssmq_ids              token;
    int64_t              *begin, *of;
    ssmq_read_document   *document;
    int64_t               n, room;
    ssmq_str              text; /* room for a page without what was put into it */
} growing;

/* ---- one document ------------------------------------------------------------------------ */

static void make_room(growing *g)
{
    if (g->n < g->room) return;
    g->room = 2 * g->room + 64;
    const size_t room = (size_t)g->room;
    g->begin = ssmq_must_realloc(g->begin, (room + 1) * sizeof *g->begin);
    g->of = ssmq_must_realloc(g->of, room * sizeof *g->of);
    g->document = ssmq_must_realloc(g->document, room * sizeof *g->document);
}

static bool is_full(const growing *g, int32_t subset)
{
    return g->d->limit > 0 && g->taken[subset] == g->d->limit;
}

/* How many of the subset were taken is counted from its first document on. */
static ssmq_status find_subset(growing *g, const char *name, int32_t *out)
{
    SSMQ_TRY(ssmq_subsets_find(&g->subsets, g->d->data, name, g->arena, out));
    if (*out < g->counted) return SSMQ_OK;
    g->taken = ssmq_must_realloc(g->taken, (size_t)(*out + 1) * sizeof *g->taken);
    g->taken[*out] = 0;
    g->counted = *out + 1;
    return SSMQ_OK;
}

/* original: what words and bytes are counted in; read: what is tokenised. */
static ssmq_status add_document(growing *g, const ssmq_piece *original, const ssmq_str *read)
{
    int32_t subset;
    SSMQ_TRY(find_subset(g, original->subset, &subset));
    if (is_full(g, subset)) return SSMQ_OK;
    make_room(g);
    g->begin[g->n] = g->token.length;
    g->of[g->n] = original->subset ? subset : -1;
    g->document[g->n] = (ssmq_read_document){.index = original->document,
                                             .begin = g->token.length,
                                             .subset = subset,
                                             .words = ssmq_count_words(original->text, original->n),
                                             .bytes = (int64_t)original->n};
    ssmq_ids_append(&g->token, &g->prefix, 1);
    SSMQ_TRY(ssmq_source_add(&g->source, g->encoder, read ? ssmq_str_text(read) : original->text,
                             read ? read->length : original->n, &g->token));
    SSMQ_TRY(ssmq_source_finish(&g->source, g->encoder, &g->token));
    g->begin[++g->n] = g->token.length;
    g->taken[subset]++;
    if (g->d->tell) g->d->tell(g->d->context, g->n, ssmq_source_fraction(&g->source));
    return SSMQ_OK;
}

/* Is no more of the file wanted?  With subsets, another one may follow. */
static bool is_done(const growing *g)
{
    return !g->d->data->subset && g->counted > 0 && is_full(g, 0);
}

/* ---- files ------------------------------------------------------------------------------- */

static ssmq_status read_lines(growing *g)
{
    for (bool more = true; more && !is_done(g);) {
        ssmq_piece piece = {0};
        SSMQ_TRY(ssmq_source_text(&g->source, &piece, &more));
        if (more) SSMQ_TRY(add_document(g, &piece, NULL));
    }
    return SSMQ_OK;
}

static ssmq_status read_whole(growing *g)
{
    ssmq_str    text = {0};
    ssmq_status st = SSMQ_OK;
    for (bool more = true; more && st == SSMQ_OK;) {
        ssmq_piece piece = {0};
        st = ssmq_source_text(&g->source, &piece, &more);
        if (st == SSMQ_OK && more) ssmq_str_append(&text, piece.text, piece.n);
    }
    const ssmq_piece all = {.text = ssmq_str_text(&text), .n = text.length};
    if (st == SSMQ_OK) st = add_document(g, &all, NULL);
    ssmq_str_free(&text);
    return st;
}

/* Pages of WikiText as they come. */
typedef struct pages {
    growing *g;
    ssmq_str page, line; /* so far */
    int64_t  lines, n;   /* of the page; pages */
    bool     returned;   /* was the last character a carriage return? */
} pages;

static ssmq_status end_page(pages *p)
{
    const ssmq_piece page = {.text = ssmq_str_text(&p->page), .n = p->page.length, .document = p->n};
    if (is_done(p->g)) return SSMQ_OK;
    ssmq_str_clear(&p->g->text);
    ssmq_wikitext_detokenise(page.text, page.n, &p->g->text);
    p->n++;
    return add_document(p->g, &page, &p->g->text);
}

/* A heading ends the page before it, unless there was nothing yet. */
static ssmq_status end_line(pages *p)
{
    const char *line = ssmq_str_text(&p->line);
    if (ssmq_wikitext_begins_page(line, p->line.length)) {
        if (!ssmq_is_white(ssmq_str_text(&p->page), p->page.length)) SSMQ_TRY(end_page(p));
        ssmq_str_clear(&p->page);
        p->lines = 0;
    }
    if (p->lines++ > 0) ssmq_str_puts(&p->page, "\n");
    ssmq_str_append(&p->page, line, p->line.length);
    ssmq_str_clear(&p->line);
    return SSMQ_OK;
}

/* Python reads each of "\n", "\r" and "\r\n" as the end of a line. */
static ssmq_status add_text(pages *p, const char *text, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t end = at;
        if (p->returned && text[at] == '\n') at = ++end;
        p->returned = false;
        while (end < n && text[end] != '\n' && text[end] != '\r') end++;
        ssmq_str_append(&p->line, text + at, end - at);
        if (end < n) {
            p->returned = text[end++] == '\r';
            SSMQ_TRY(end_line(p));
        }
        at = end;
    }
    return SSMQ_OK;
}

/* What follows the last line feed is a line too, and the last page one, whatever it holds. */
static ssmq_status read_pages(growing *g)
{
    pages       p = {.g = g};
    ssmq_status st = SSMQ_OK;
    for (bool more = true; more && st == SSMQ_OK && !is_done(g);) {
        ssmq_piece piece = {0};
        st = ssmq_source_text(&g->source, &piece, &more);
        if (st == SSMQ_OK && more) st = add_text(&p, piece.text, piece.n);
    }
    if (st == SSMQ_OK) st = end_line(&p);
    if (st == SSMQ_OK) st = end_page(&p);
    ssmq_str_free(&p.page);
    ssmq_str_free(&p.line);
    return st;
}

/* ---- all of them ------------------------------------------------------------------------- */

ssmq_status ssmq_documents_prefix(ssmq_tokenizer *tokenizer, int64_t vocabulary, const char *prefix, int32_t *out)
{
    ssmq_ids          id = {0};
    const ssmq_status st = ssmq_tokenizer_encode(tokenizer, prefix, strlen(prefix), &id);
    const bool        one = st == SSMQ_OK && id.length == 1 && id.data[0] < vocabulary;
    if (one) *out = id.data[0];
    ssmq_ids_free(&id);
    SSMQ_TRY(st);
    return one ? SSMQ_OK
               : SSMQ_FAIL(CONFIG, "documents begin with '%s', which is not one token of the model's tokenizer", prefix);
}

static ssmq_status read_all(growing *g)
{
    ssmq_data as = *g->d->data;
    if (as.format == SSMQ_DATA_WIKITEXT_RAW) as.format = SSMQ_DATA_TEXT; /* its pages are made here */
    SSMQ_TRY(ssmq_source_open(&as, g->d->tokenizer, g->d->vocabulary, &g->source));
    SSMQ_TRY(ssmq_documents_prefix(g->d->tokenizer, g->d->vocabulary, g->d->prefix, &g->prefix));
    g->encoder = ssmq_encoder_new(g->d->tokenizer);
    switch (g->d->data->format) {
    case SSMQ_DATA_JSONL: return read_lines(g);
    case SSMQ_DATA_WIKITEXT_RAW: return read_pages(g);
    default: return read_whole(g);
    }
}

static ssmq_cut cut_of(const growing *g)
{
    const char **subset = SSMQ_ARENA_ARRAY(g->arena, const char *, g->subsets.n);
    for (int32_t i = 0; i < g->subsets.n; i++) subset[i] = g->subsets.name[i];
    return (ssmq_cut){.n = g->n,
                      .token = g->token.data,
                      .begin = g->begin,
                      .of = g->of,
                      .n_document = g->n,
                      .document = g->document,
                      .n_subset = g->subsets.n,
                      .subset = subset,
                      .arena = g->arena};
}

ssmq_status ssmq_documents_cut(const ssmq_documents *d, ssmq_cut *out)
{
    growing g = {.d = d, .arena = ssmq_arena_new(), .subsets = {.last = -1}};
    SSMQ_ASSERT(d->data->format != SSMQ_DATA_TOKENS && d->limit >= 0);
    ssmq_status st = read_all(&g);
    if (st == SSMQ_OK && g.token.length == g.n)
        st = SSMQ_FAIL(INPUT, "%s: none of the %" PRId64 " documents has a token", d->data->file, g.n);
    if (st == SSMQ_OK) *out = cut_of(&g);
    ssmq_source_close(&g.source);
    ssmq_encoder_free(g.encoder);
    ssmq_subsets_free(&g.subsets);
    ssmq_str_free(&g.text);
    free(g.taken);
    if (st == SSMQ_OK) return st;
    ssmq_ids_free(&g.token);
    free(g.begin);
    free(g.of);
    free(g.document);
    ssmq_arena_free(g.arena);
    return st;
}
