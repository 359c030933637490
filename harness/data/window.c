#include "harness/data/window.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/data/encoder.h"
#include "harness/data/source.h"
#include "harness/data/subsets.h"

const char *const ssmq_dialects[] = {"gptq", "disjoint", "llama.cpp", "lm-eval", NULL};

int64_t ssmq_dialect_unscored(ssmq_dialect dialect, int64_t window)
{
    return dialect == SSMQ_DIALECT_LLAMA_CPP ? window / 2 : 0;
}

ssmq_data_format ssmq_dialect_format(ssmq_dialect dialect, ssmq_data_format format)
{
    return dialect == SSMQ_DIALECT_LLAMA_CPP && format == SSMQ_DATA_WIKITEXT_RAW ? SSMQ_DATA_TEXT : format;
}

/* One text to be cut into windows: a subset's documents joined, or the whole file. */
typedef struct lane {
    const char   *name;    /* NULL: the file has no subsets  */
    ssmq_encoder *encoder; /* NULL for tokens                */
    ssmq_queue    queue;
    int64_t       windows; /* handed out; lm-eval: documents */
    bool          begun;   /* has it a document yet?         */
} lane;

struct ssmq_windows {
    ssmq_data       data; /* its strings are in the arena */
    ssmq_arena     *arena;
    ssmq_tokenizer *tokenizer;
    ssmq_source     source;
    int64_t         window, unscored, limit, handed;
    int32_t        *token; /* [window] of the last one that was read */
    ssmq_subsets    subsets;
    lane          **lane;
    int32_t         lanes, room;
    int32_t         current;  /* the lane that was added to last; -1: none                 */
    int32_t         finished; /* lanes whose end is tokenised, in order, once source.ended */
    ssmq_read_document *document; /* those that were added to a lane, in the order of the file */
    int64_t         documents, document_room;
    const int64_t  *left_out; /* [n_left_out] documents that are passed over, ascending */
    int64_t         n_left_out;
    ssmq_sha256    *sum;
    const ssmq_cut *cut; /* what is handed out; NULL: the source is read */
    int64_t         at;  /* in it */
    bool            by_document; /* is it one of documents?                             */
    int64_t         taken;              /* documents that are done with                 */
    int64_t         scored, all_scored; /* tokens of the document at `at`, and of all   */
};

/* ---- lanes ----------------------------------------------------------------------------- */

static lane *add_lane(ssmq_windows *w, const char *name)
{
    if (w->lanes == w->room) {
        w->room = 2 * w->room + 4;
        w->lane = ssmq_must_realloc(w->lane, (size_t)w->room * sizeof *w->lane);
    }
    lane *l = ssmq_arena_alloc(w->arena, sizeof *l);
    l->name = name;
    if (w->tokenizer) l->encoder = ssmq_encoder_new(w->tokenizer);
    w->lane[w->lanes++] = l;
    return l;
}

static bool is_full(const ssmq_windows *w, const lane *l)
{
    return w->limit > 0 && l->windows == w->limit;
}

/* ---- opening --------------------------------------------------------------------------- */

ssmq_status ssmq_windows_open(const ssmq_data *data, ssmq_tokenizer *tokenizer, int64_t vocabulary,
                              int64_t window, int64_t limit, ssmq_windows **out)
{
    SSMQ_ASSERT(vocabulary >= 1 && window >= 1 && limit >= 0);
    ssmq_windows *w = ssmq_must_malloc(sizeof *w);
    *w = (ssmq_windows){.arena = ssmq_arena_new(),
                        .tokenizer = data->format == SSMQ_DATA_TOKENS ? NULL : tokenizer,
                        .window = window,
                        .limit = limit,
                        .token = ssmq_must_malloc((size_t)window * sizeof *w->token),
                        .current = -1,
                        .subsets = {.last = -1},
                        .sum = ssmq_sha256_new()};
    w->data = (ssmq_data){.file = ssmq_arena_strdup(w->arena, data->file), .format = data->format};
    if (data->subset) w->data.subset = ssmq_arena_strdup(w->arena, data->subset);
    if (!data->subset) add_lane(w, NULL);
    const ssmq_status st = ssmq_source_open(&w->data, tokenizer, vocabulary, &w->source);
    if (st != SSMQ_OK) {
        ssmq_windows_close(w);
        return ssmq_trace(st, __FILE__, __LINE__, __func__);
    }
    *out = w;
    return SSMQ_OK;
}

void ssmq_windows_close(ssmq_windows *w)
{
    if (!w) return;
    ssmq_source_close(&w->source);
    for (int32_t i = 0; i < w->lanes; i++) {
        ssmq_encoder_free(w->lane[i]->encoder);
        ssmq_queue_free(&w->lane[i]->queue);
    }
    ssmq_subsets_free(&w->subsets);
    free(w->lane);
    free(w->token);
    free(w->document);
    char ignored[SSMQ_SHA256_HEX];
    ssmq_sha256_finish(w->sum, ignored);
    ssmq_arena_free(w->arena);
    free(w);
}

static ssmq_windows *windows_of(const ssmq_cut *cut, int64_t window, int64_t limit)
{
    ssmq_windows *w = ssmq_must_malloc(sizeof *w);
    *w = (ssmq_windows){.arena = ssmq_arena_new(),
                        .limit = limit,
                        .window = window,
                        .current = -1,
                        .subsets = {.last = -1},
                        .sum = ssmq_sha256_new(),
                        .cut = cut};
    const size_t documents = (size_t)cut->n_document * sizeof *w->document;
    if (cut->n_subset > 0) w->data.subset = cut->subset[0]; /* there are some */
    for (int32_t i = 0; i < cut->n_subset; i++) add_lane(w, cut->subset[i]);
    if (cut->n_subset == 0) add_lane(w, NULL);
    w->document = ssmq_must_malloc(documents + 1);
    w->documents = cut->n_document;
    if (documents > 0) memcpy(w->document, cut->document, documents);
    return w;
}

void ssmq_windows_of_cut(const ssmq_cut *cut, ssmq_dialect dialect, int64_t limit, ssmq_windows **out)
{
    const int64_t window = cut->n > 0 ? cut->begin[1] : 0;
    SSMQ_ASSERT(dialect != SSMQ_DIALECT_LM_EVAL);
    *out = windows_of(cut, window, limit);
    (*out)->unscored = ssmq_dialect_unscored(dialect, window);
}

void ssmq_windows_of_documents(const ssmq_cut *cut, int64_t window, int64_t limit, ssmq_windows **out)
{
    *out = windows_of(cut, window, limit);
    (*out)->by_document = true;
}

void ssmq_windows_leave_out(ssmq_windows *w, const int64_t *document, int64_t n)
{
    int64_t *copy = SSMQ_ARENA_ARRAY(w->arena, int64_t, n + 1);
    SSMQ_ASSERT(w->data.format == SSMQ_DATA_JSONL && w->handed == 0);
    if (n > 0) memcpy(copy, document, (size_t)n * sizeof *copy);
    w->left_out = copy;
    w->n_left_out = n;
}

/* ---- reading on ------------------------------------------------------------------------- */

static void note_document(ssmq_windows *w, int64_t index)
{
    if (w->documents == w->document_room) {
        w->document_room = 2 * w->document_room + 64;
        w->document = ssmq_must_realloc(w->document, (size_t)w->document_room * sizeof *w->document);
    }
    const lane *l = w->lane[w->current];
    w->document[w->documents++] =
        (ssmq_read_document){.index = index,
                        .begin = l->windows * w->window + ssmq_queue_length(&l->queue),
                        .subset = w->current};
}

static int compare_indices(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool is_left_out(const ssmq_windows *w, int64_t document)
{
    return w->n_left_out > 0 &&
           bsearch(&document, w->left_out, (size_t)w->n_left_out, sizeof document, compare_indices);
}

/* The next document of a jsonl file into its lane. */
static ssmq_status add_document(ssmq_windows *w)
{
    ssmq_piece piece = {0};
    bool       more;
    int32_t    at;
    SSMQ_TRY(ssmq_source_text(&w->source, &piece, &more));
    w->source.ended = !more;
    if (!more || is_left_out(w, piece.document)) return SSMQ_OK;
    SSMQ_TRY(ssmq_subsets_find(&w->subsets, &w->data, piece.subset, w->arena, &at));
    if (at == w->lanes) add_lane(w, w->subsets.name[at]);
    w->current = at;
    lane *l = w->lane[at];
    if (is_full(w, l)) return SSMQ_OK;
    if (piece.n > 0) note_document(w, piece.document);
    if (l->begun) SSMQ_TRY(ssmq_source_add(&w->source, l->encoder, " ", 1, &l->queue.ids));
    l->begun = true;
    return ssmq_source_add(&w->source, l->encoder, piece.text, piece.n, &l->queue.ids);
}

/* After the last document: the end of each lane's text in turn. */
static ssmq_status finish_lane(ssmq_windows *w)
{
    lane *l = w->lane[w->finished];
    w->current = w->finished++;
    if (is_full(w, l)) return SSMQ_OK;
    return ssmq_source_finish(&w->source, l->encoder, &l->queue.ids);
}

/* One step on; *more is false when there is nothing left to do. */
static ssmq_status advance(ssmq_windows *w, bool *more)
{
    *more = true;
    if (w->data.format != SSMQ_DATA_JSONL) {
        w->current = 0;
        return ssmq_source_tokens(&w->source, w->lane[0]->encoder, &w->lane[0]->queue.ids, more);
    }
    if (!w->source.ended) return add_document(w);
    *more = w->finished < w->lanes;
    return *more ? finish_lane(w) : SSMQ_OK;
}

/* ---- windows ---------------------------------------------------------------------------- */

static void count(ssmq_windows *w, lane *l, const ssmq_window *window)
{
    ssmq_ids_hash(window->token, window->n, w->sum);
    l->windows++;
    w->handed++;
}

/* Windows of one length. */
static ssmq_window window_of(const ssmq_windows *w, const int32_t *token)
{
    return (ssmq_window){
        .token = token, .n = w->window, .read = w->window, .unscored = w->unscored, .subset = -1, .document = -1};
}

static void hand_out(ssmq_windows *w, lane *l, ssmq_window *out)
{
    memcpy(w->token, ssmq_queue_front(&l->queue), (size_t)w->window * sizeof *w->token);
    ssmq_queue_take(&l->queue, w->window);
    *out = window_of(w, w->token);
    if (l->name) out->subset = w->current;
    count(w, l, out);
    if (!is_full(w, l)) return;
    ssmq_queue_free(&l->queue);
    if (l->encoder) ssmq_encoder_reset(l->encoder);
}

static ssmq_status at_the_end(const ssmq_windows *w)
{
    if (w->handed > 0) return SSMQ_OK;
    if (w->data.subset)
        return SSMQ_FAIL(INPUT,
                         "%s: none of the %" PRId32 " subsets has one window of %" PRId64 " tokens",
                         w->data.file, w->lanes, w->window);
    const char *rest = w->n_left_out == 0 ? ""
                                          : ssmq_arena_printf(w->arena,
                                                              " without the %" PRId64
                                                              " documents that calibration takes",
                                                              w->n_left_out);
    return SSMQ_FAIL(INPUT, "%s: has %" PRId64 " tokens%s, fewer than one window of %" PRId64,
                     w->data.file, ssmq_queue_length(&w->lane[0]->queue), rest, w->window);
}

/* The lane that was added to last, if it holds a window that is wanted. */
static lane *ready_lane(const ssmq_windows *w)
{
    lane *l = w->current >= 0 ? w->lane[w->current] : NULL;
    return l && !is_full(w, l) && ssmq_queue_length(&l->queue) >= w->window ? l : NULL;
}

/* The lane of the next window of the cut that is wanted; NULL at the end. */
static lane *next_of_cut(ssmq_windows *w)
{
    for (; w->at < w->cut->n; w->at++) {
        w->current = w->cut->of[w->at] < 0 ? 0 : (int32_t)w->cut->of[w->at];
        if (!is_full(w, w->lane[w->current])) return w->lane[w->current];
    }
    return NULL;
}

/* The next document that is wanted and has tokens left to score; false at the end. */
static bool find_document(ssmq_windows *w)
{
    for (; next_of_cut(w); w->at++) {
        if (w->scored < w->cut->begin[w->at + 1] - w->cut->begin[w->at] - 1) return true;
        w->lane[w->current]->windows++;
        w->taken++;
        w->scored = 0;
    }
    return false;
}

/* The next window of the document: its token 0 stands before the text.  Tokens up to `end` are scored with it. */
static void hand_out_rolling(ssmq_windows *w, ssmq_window *out, bool *more)
{
    *more = find_document(w);
    if (!*more) return;
    const int64_t first = w->cut->begin[w->at], tokens = w->cut->begin[w->at + 1] - first - 1;
    const int64_t end = w->scored + w->window < tokens ? w->scored + w->window : tokens;
    const int64_t begin = end > w->window ? end - w->window : 0;
    *out = (ssmq_window){.token = w->cut->token + first + begin,
                         .n = end - begin + 1,
                         .read = end - begin,
                         .unscored = w->scored - begin,
                         .subset = (int32_t)w->cut->of[w->at],
                         .document = w->taken};
    ssmq_ids_hash(out->token, out->n, w->sum);
    w->handed++;
    w->all_scored += end - w->scored;
    w->scored = end;
}

static void hand_out_cut(ssmq_windows *w, ssmq_window *out, bool *more)
{
    lane *l = next_of_cut(w);
    *more = l;
    if (!l) return;
    *out = window_of(w, w->cut->token + w->cut->begin[w->at]);
    out->subset = (int32_t)w->cut->of[w->at++];
    count(w, l, out);
}

ssmq_status ssmq_windows_next(ssmq_windows *w, ssmq_window *out, bool *more)
{
    bool left = true;
    if (w->cut) {
        (w->by_document ? hand_out_rolling : hand_out_cut)(w, out, more);
        return SSMQ_OK;
    }
    for (;;) {
        lane *l = ready_lane(w);
        if (l) {
            hand_out(w, l, out);
            *more = true;
            return SSMQ_OK;
        }
        /* With subsets, another one may follow whatever the limit of those seen. */
        if (!left || (!w->data.subset && is_full(w, w->lane[0]))) break;
        SSMQ_TRY(advance(w, &left));
    }
    *more = false;
    return at_the_end(w);
}

static double fraction_of_cut(const ssmq_windows *w)
{
    const int64_t n = w->cut->n, done = w->by_document ? w->taken : w->handed;
    if (w->data.subset) return (double)w->at / (double)n;
    return (double)done / (double)(w->limit > 0 && w->limit < n ? w->limit : n);
}

double ssmq_windows_fraction(const ssmq_windows *w)
{
    if (w->cut) return fraction_of_cut(w);
    const double read = ssmq_source_fraction(&w->source);
    if (w->limit == 0 || w->data.subset) return read;
    const double reached = (double)w->handed / (double)w->limit;
    return reached > read ? reached : read;
}

int32_t ssmq_windows_subsets(const ssmq_windows *w)
{
    return w->data.subset ? w->lanes : 0;
}

const char *ssmq_windows_subset(const ssmq_windows *w, int32_t i)
{
    SSMQ_ASSERT(w->data.subset && i >= 0 && i < w->lanes);
    return w->lane[i]->name;
}

int64_t ssmq_windows_documents(const ssmq_windows *w, ssmq_arena *arena, const int64_t **out)
{
    int64_t *index = SSMQ_ARENA_ARRAY(arena, int64_t, w->documents), n = 0;
    if (w->by_document) {
        const ssmq_read_document *text;
        n = ssmq_windows_texts(w, arena, &text);
        for (int64_t i = 0; i < n; i++) index[i] = text[i].index;
        *out = index;
        return n;
    }
    for (int64_t i = 0; i < w->documents; i++) {
        const ssmq_read_document *d = &w->document[i];
        if (d->begin < w->lane[d->subset]->windows * w->window) index[n++] = d->index;
    }
    *out = index;
    return n;
}

int64_t ssmq_windows_texts(const ssmq_windows *w, ssmq_arena *arena, const ssmq_read_document **out)
{
    SSMQ_ASSERT(w->by_document);
    ssmq_read_document *text = SSMQ_ARENA_ARRAY(arena, ssmq_read_document, w->documents);
    int64_t            *seen = SSMQ_ARENA_ARRAY(arena, int64_t, w->lanes), n = 0;
    for (int64_t i = 0; i < w->documents && i <= w->at; i++) {
        const ssmq_read_document *d = &w->document[i];
        const bool                under_way = i == w->at && w->scored > 0;
        if (under_way || seen[d->subset]++ < w->lane[d->subset]->windows) text[n++] = *d;
    }
    *out = text;
    return n;
}

int64_t ssmq_windows_tokens(const ssmq_windows *w)
{
    return w->by_document ? w->all_scored : w->handed * w->window;
}

void ssmq_windows_digest(const ssmq_windows *w, char hex[SSMQ_SHA256_HEX])
{
    ssmq_sha256_peek(w->sum, hex);
}

/* ---- all of them at once ------------------------------------------------------------------ */

typedef struct growing {
    ssmq_ids token;
    int64_t *begin, *of;
    int64_t  n, room;
} growing;

static void add_window(growing *g, const ssmq_window *w)
{
    if (g->n == g->room) {
        g->room = 2 * g->room + 64;
        g->begin = ssmq_must_realloc(g->begin, (size_t)(g->room + 1) * sizeof *g->begin);
        g->of = ssmq_must_realloc(g->of, (size_t)g->room * sizeof *g->of);
    }
    g->begin[g->n] = g->token.length;
    g->of[g->n++] = w->subset;
    ssmq_ids_append(&g->token, w->token, w->n);
    g->begin[g->n] = g->token.length;
}

static void settle_cut(const ssmq_windows *w, const growing *g, ssmq_cut *out)
{
    const size_t        documents = (size_t)w->documents * sizeof *w->document;
    ssmq_read_document *document = ssmq_must_malloc(documents + 1);
    ssmq_arena         *arena = ssmq_arena_new();
    const int32_t       n = ssmq_windows_subsets(w);
    const char        **name = SSMQ_ARENA_ARRAY(arena, const char *, n);
    if (documents > 0) memcpy(document, w->document, documents);
    for (int32_t i = 0; i < n; i++) name[i] = ssmq_arena_strdup(arena, w->lane[i]->name);
    *out = (ssmq_cut){.n = g->n,
                      .token = g->token.data,
                      .begin = g->begin,
                      .of = g->of,
                      .n_document = w->documents,
                      .document = document,
                      .n_subset = n,
                      .subset = name,
                      .arena = arena};
}

ssmq_status ssmq_windows_cut(ssmq_windows *w, void (*tell)(void *context, int64_t n, double fraction),
                             void *context, ssmq_cut *out)
{
    growing     g = {0};
    bool        more = true;
    ssmq_status st = SSMQ_OK;
    SSMQ_ASSERT(w->handed == 0);
    while (more) {
        ssmq_window next = {0};
        SSMQ_TRY_DONE(st, ssmq_windows_next(w, &next, &more));
        if (more) add_window(&g, &next);
        if (tell) tell(context, g.n, ssmq_windows_fraction(w));
    }
    settle_cut(w, &g, out);
done:
    if (st == SSMQ_OK) return st;
    ssmq_ids_free(&g.token);
    free(g.begin);
    free(g.of);
    return st;
}
