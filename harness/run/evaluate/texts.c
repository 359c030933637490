#include "harness/run/evaluate/texts.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/data/documents.h"
#include "harness/run/cut_file.h"
#include "harness/store/cache.h"
#include "harness/store/own_name.h"

/* Windows of one text, under one tokenizer and of one length. */
typedef struct text {
    const char  *what;  /* text, tokenizer, vocabulary, window: all but the limit */
    int64_t      limit; /* 0: none */
    ssmq_cut     cut;
    struct text *next;
} text;

struct ssmq_texts {
    ssmq_arena            *arena;
    const char            *folder, *code;
    const ssmq_experiment *e;
    const ssmq_log        *log;
    ssmq_tokenizer        *tokenizer;
    const char            *tokenizer_file;
    text                  *first;
};

ssmq_texts *ssmq_texts_new(const char *folder, const char *code, const ssmq_experiment *e, const ssmq_log *log)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_texts *t = ssmq_arena_alloc(arena, sizeof *t);
    *t = (ssmq_texts){.arena = arena,
                      .folder = folder ? ssmq_arena_strdup(arena, folder) : NULL,
                      .code = ssmq_arena_strdup(arena, code),
                      .e = e,
                      .log = log};
    if (folder) ssmq_own_names_sweep(folder);
    return t;
}

void ssmq_texts_free(ssmq_texts *t)
{
    if (!t) return;
    for (text *x = t->first; x; x = x->next) ssmq_cut_free(&x->cut);
    ssmq_arena_free(t->arena);
}

void ssmq_texts_tokenizer(ssmq_texts *t, ssmq_tokenizer *tokenizer, const char *file)
{
    t->tokenizer = tokenizer;
    t->tokenizer_file = file;
}

/* ---- what tokens are known by -------------------------------------------------------------- */

/* The sum of an input as it was when the run's id was formed; its path where nobody has summed it. */
static const char *sum_of(const ssmq_texts *t, const char *path)
{
    for (int32_t i = 0; t->e && i < t->e->n_input; i++)
        if (strcmp(t->e->input[i]->path, path) == 0) return t->e->input[i]->digest;
    return path;
}

static const char *name_text(const ssmq_texts *t, const ssmq_data *d, int64_t vocabulary)
{
    return ssmq_arena_printf(t->arena, "%s numerics %d\n%s%s %s\nsubset %s\ntokenizer %s\nvocabulary %" PRId64 "\n",
                             SSMQ_CUT_KIND, SSMQ_NUMERICS_VERSION, t->code, ssmq_data_formats[d->format],
                             sum_of(t, d->file), d->subset ? d->subset : "",
                             t->tokenizer_file ? sum_of(t, t->tokenizer_file) : "none", vocabulary);
}

/* A cut in the folder, and its key. */
typedef struct place {
    const char *path; /* NULL: there is no folder */
    char        key[SSMQ_SHA256_HEX];
} place;

static place place_of(const ssmq_texts *t, const char *name)
{
    place p = {0};
    ssmq_sha256_of(name, strlen(name), p.key);
    if (t->folder) p.path = ssmq_arena_printf(t->arena, "%s/%.32s.tokens", t->folder, p.key);
    return p;
}

static void warn(const ssmq_texts *t, const char *message)
{
    SSMQ_LOG_LINE(t->log, WARNING, message, SSMQ_LOG_T("reason", ssmq_error_last()->message));
    ssmq_error_clear();
}

static bool fetch(const ssmq_texts *t, const place *p, ssmq_cut *out)
{
    if (!p->path || access(p->path, F_OK) != 0) return false;
    if (ssmq_cut_read(p->path, p->key, out) == SSMQ_OK) {
        ssmq_cache_used(p->path);
        return true;
    }
    warn(t, "stored tokens are of no use; reading the text again");
    return false;
}

/* That it cannot be filed is a warning. */
static void file(const ssmq_texts *t, const place *p, const ssmq_cut *c)
{
    if (!p->path) return;
    ssmq_status st = ssmq_make_directory(t->folder);
    if (st == SSMQ_OK) st = ssmq_cut_write(p->path, p->key, c);
    if (st != SSMQ_OK) warn(t, "tokens were not stored");
}

/* ---- windows ------------------------------------------------------------------------------- */

static void tell(void *context, int64_t n, double fraction)
{
    ssmq_tell_update(context, n, fraction);
}

/* The file in the format that the dialect reads it in. */
static ssmq_data data_of(const ssmq_evaluation *e)
{
    ssmq_data d = e->data;
    d.format = ssmq_dialect_format((ssmq_dialect)e->dialect, d.format);
    return d;
}

/* The documents of calibration samples. */
static ssmq_status leave_out(ssmq_texts *t, const ssmq_calibration_spec *c, int64_t vocabulary,
                             const ssmq_listener *listener, ssmq_windows *w)
{
    ssmq_samples s;
    SSMQ_TRY(ssmq_texts_samples(t, c, vocabulary, listener, &s));
    int64_t *document = ssmq_must_malloc((size_t)(s.n + 1) * sizeof *document);
    for (int64_t i = 0; i < s.n; i++) document[i] = s.sample[i].document;
    ssmq_windows_leave_out(w, document, s.n);
    free(document);
    ssmq_samples_free(&s);
    return SSMQ_OK;
}

static void tell_tokenising(const ssmq_texts *t, const ssmq_evaluation *e, const ssmq_listener *listener,
                            const char *unit)
{
    ssmq_tell_begin(listener, ssmq_arena_printf(t->arena, "tokenising %s", e->id), unit);
}

static ssmq_status read_documents(ssmq_texts *t, const ssmq_evaluation *e, int64_t vocabulary,
                                  const ssmq_listener *listener, ssmq_cut *out)
{
    const ssmq_documents d = {.data = &e->data,
                              .tokenizer = t->tokenizer,
                              .vocabulary = vocabulary,
                              .prefix = e->prefix,
                              .limit = e->limit,
                              .tell = tell,
                              .context = (void *)(uintptr_t)listener};
    tell_tokenising(t, e, listener, "documents");
    const ssmq_status st = ssmq_documents_cut(&d, out);
    ssmq_tell_end(listener);
    return st;
}

static ssmq_status read_windows(ssmq_texts *t, const ssmq_evaluation *e, int64_t vocabulary,
                                const ssmq_listener *listener, ssmq_cut *out)
{
    const ssmq_data data = data_of(e);
    ssmq_windows   *w;
    SSMQ_TRY(ssmq_windows_open(&data, t->tokenizer, vocabulary, e->window, e->limit, &w));
    ssmq_status st = e->without ? leave_out(t, e->without, vocabulary, listener, w) : SSMQ_OK;
    if (st != SSMQ_OK) {
        ssmq_windows_close(w);
        return st;
    }
    tell_tokenising(t, e, listener, "windows");
    st = ssmq_windows_cut(w, tell, (void *)(uintptr_t)listener, out);
    ssmq_tell_end(listener);
    ssmq_windows_close(w);
    return st;
}

/* A text with no limit, or not a smaller one: what is wanted is the beginning of it. */
static const text *find(const ssmq_texts *t, const char *what, int64_t limit)
{
    for (const text *x = t->first; x; x = x->next)
        if (strcmp(x->what, what) == 0 && (x->limit == 0 || (limit > 0 && x->limit >= limit))) return x;
    return NULL;
}

static bool by_document(const ssmq_evaluation *e)
{
    return e->dialect == SSMQ_DIALECT_LM_EVAL;
}

/* All but the limit.  Of documents, windows of any length are made. */
static const char *name_windows(const ssmq_texts *t, const ssmq_evaluation *e, int64_t vocabulary)
{
    const ssmq_data              data = data_of(e);
    const ssmq_calibration_spec *c = e->without;
    const char *without = !c ? "" : ssmq_arena_printf(t->arena, "without %s %" PRId64 " seed %" PRIu64 "\n",
                                                      ssmq_select_names[c->select], c->count, c->seed);
    if (by_document(e))
        return ssmq_arena_printf(t->arena, "%sdocuments behind '%s'\n", name_text(t, &data, vocabulary), e->prefix);
    return ssmq_arena_printf(t->arena, "%s%swindow %" PRId64 "\n", name_text(t, &data, vocabulary), without,
                             e->window);
}

static place place_of_windows(const ssmq_texts *t, const char *what, const ssmq_evaluation *e)
{
    return place_of(t, ssmq_arena_printf(t->arena, "%slimit %" PRId64 "\n", what, e->limit));
}

bool ssmq_texts_stored(ssmq_texts *t, const ssmq_evaluation *e, int64_t vocabulary)
{
    const place p = place_of_windows(t, name_windows(t, e, vocabulary), e);
    return p.path && access(p.path, F_OK) == 0;
}

static ssmq_status add_text(ssmq_texts *t, const char *what, const ssmq_evaluation *e, int64_t vocabulary,
                            const ssmq_listener *listener)
{
    ssmq_cut    cut;
    const place p = place_of_windows(t, what, e);
    if (!fetch(t, &p, &cut)) {
        SSMQ_TRY((by_document(e) ? read_documents : read_windows)(t, e, vocabulary, listener, &cut));
        file(t, &p, &cut);
    }
    text *x = ssmq_arena_alloc(t->arena, sizeof *x);
    *x = (text){.what = what, .limit = e->limit, .cut = cut, .next = t->first};
    t->first = x;
    return SSMQ_OK;
}

ssmq_status ssmq_texts_windows(ssmq_texts *t, const ssmq_evaluation *e, int64_t vocabulary,
                               const ssmq_listener *listener, ssmq_windows **out)
{
    const char *what = name_windows(t, e, vocabulary);
    if (!find(t, what, e->limit)) SSMQ_TRY(add_text(t, what, e, vocabulary, listener));
    const ssmq_cut *cut = &find(t, what, e->limit)->cut;
    if (by_document(e)) ssmq_windows_of_documents(cut, e->window, e->limit, out);
    else ssmq_windows_of_cut(cut, (ssmq_dialect)e->dialect, e->limit, out);
    return SSMQ_OK;
}

/* How many windows there are, of which the first n are counted. */
static ssmq_status weigh(ssmq_windows *w, int64_t n, double *weight, int64_t *group, int64_t *windows)
{
    for (*windows = 0;; ++*windows) {
        ssmq_window next;
        bool        more;
        SSMQ_TRY(ssmq_windows_next(w, &next, &more));
        if (!more) return SSMQ_OK;
        if (*windows >= n) continue;
        weight[*windows] = (double)ssmq_window_scored(&next);
        group[*windows] = next.document;
    }
}

ssmq_status ssmq_texts_weighing(ssmq_texts *t, const ssmq_evaluation *e, int64_t vocabulary,
                                const ssmq_listener *listener, ssmq_arena *arena, ssmq_weighing *out)
{
    double  *weight = NULL;
    int64_t *group = NULL, n = 0;
    *out = (ssmq_weighing){0};
    for (int pass = 0; pass < 2 && by_document(e); pass++) { /* how many, then what each counts */
        ssmq_windows *w;
        SSMQ_TRY(ssmq_texts_windows(t, e, vocabulary, listener, &w));
        const ssmq_status st = weigh(w, n, weight, group, &n);
        ssmq_windows_close(w);
        SSMQ_TRY(st);
        weight = pass ? weight : SSMQ_ARENA_ARRAY(arena, double, n);
        group = pass ? group : SSMQ_ARENA_ARRAY(arena, int64_t, n);
    }
    *out = (ssmq_weighing){weight, group};
    return SSMQ_OK;
}

/* ---- samples ------------------------------------------------------------------------------- */

static ssmq_status read_samples(const ssmq_texts *t, const ssmq_calibration_spec *c, int64_t vocabulary,
                                const ssmq_listener *listener, ssmq_samples *out)
{
    ssmq_tell_begin(listener, "reading calibration samples", "samples");
    const ssmq_status st = ssmq_samples_read(&c->data, t->tokenizer, vocabulary, c->select, c->count, c->length,
                                             c->seed, out);
    if (st == SSMQ_OK) ssmq_tell_update(listener, out->n, 1);
    ssmq_tell_end(listener);
    return st;
}

ssmq_status ssmq_texts_samples(ssmq_texts *t, const ssmq_calibration_spec *c, int64_t vocabulary,
                               const ssmq_listener *listener, ssmq_samples *out)
{
    ssmq_cut    cut = {0};
    const place p = place_of(
        t, ssmq_arena_printf(t->arena, "%ssamples %s %" PRId64 " of %" PRId64 " seed %" PRIu64 "\n",
                             name_text(t, &c->data, vocabulary), ssmq_select_names[c->select], c->count,
                             c->length, c->seed));
    if (fetch(t, &p, &cut)) {
        ssmq_samples_of_cut(&cut, out);
    } else {
        SSMQ_TRY(read_samples(t, c, vocabulary, listener, out));
        ssmq_cut_of_samples(out, &cut);
        file(t, &p, &cut);
    }
    ssmq_cut_free(&cut);
    return SSMQ_OK;
}
