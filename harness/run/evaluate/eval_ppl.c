#include "harness/run/evaluate/eval_ppl.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/stats.h"
#include "harness/data/window.h"
#include "harness/run/evaluate/document_losses.h"
#include "harness/run/evaluate/loss.h"
#include "harness/run/evaluate/stretch.h"
#include "harness/run/resume.h"

/* Values of one block of logits at the most: 32 MiB of floats. */
#define LOGITS_MAX ((int64_t)8 << 20)

int64_t ssmq_eval_piece(const ssmq_evaluation *e, const ssmq_exec *ex)
{
    return ssmq_exec_whole(ex) ? e->window : SSMQ_EVAL_PIECE;
}

int64_t ssmq_eval_block(const ssmq_model *m)
{
    const int64_t most = LOGITS_MAX / m->vocabulary;
    if (most < 1) return 1;
    /* Equal ones of a piece: each reads the whole head. */
    const int64_t blocks = (SSMQ_EVAL_PIECE + most - 1) / most;
    return (SSMQ_EVAL_PIECE + blocks - 1) / blocks;
}

/* One of the models that see the tokens. */
typedef struct side {
    const ssmq_model *m;
    ssmq_exec        *ex;
    void             *state;
    double           *loss; /* [window] of each target */
    ssmq_tensor       rows; /* (n, D) hidden, of the piece under way */
    ssmq_kept_hidden *kept; /* lent; both NULL: its layers always run */
    ssmq_hidden_cache *cache;
    ssmq_hidden_file  file; /* of the window under way; row NULL: there is none */
    float            *copy; /* [piece][D] of its rows: a head may work in place */
} side;

/* What one evaluation works with. */
typedef struct task {
    const ssmq_evaluation *e;
    side                   side[2]; /* the model, and what it is compared with */
    int32_t                sides;
    const char            *beside; /* name of the second */
    int64_t                piece;  /* tokens of a forward pass */
    ssmq_comparison       *comparison; /* where there are two sides */
    const ssmq_beside     *with;   /* the same, as it was asked for; NULL */
    ssmq_pool             *pool;
    ssmq_window            w;      /* under way */
    double                *window_nll;
    int32_t               *window_subset;
    int64_t               *window_tokens, *window_document;
    int64_t                windows, capacity;
    const ssmq_listener *listener;
    double               fraction; /* of the data that the finished windows are */
} task;

/* A tensor only reads it. */
static int32_t *token_at(const task *t, int64_t i)
{
    return (int32_t *)(uintptr_t)(t->w.token + i);
}

/* The logits of some rows of a piece that begins with token first, and their losses. */
static ssmq_status score_block(const task *t, side *s, int64_t first, int64_t at, int64_t n,
                               ssmq_tensor *logits)
{
    ssmq_backend     *be = ssmq_exec_backend(s->ex);
    ssmq_tensor       part = ssmq_tensor_slice(&s->rows, 0, at, n);
    ssmq_tensor       loss = SSMQ_TENSOR(s->loss + first + at, SSMQ_F64, n);
    const ssmq_tensor target = SSMQ_TENSOR(token_at(t, first + at + 1), SSMQ_I32, n);
    ssmq_exec_position(s->ex, first + at);
    SSMQ_TRY(ssmq_exec_scratch(s->ex, SSMQ_EXEC_SLOT_LOGITS, 2,
                               (const int64_t[]){n, s->m->vocabulary}, logits));
    SSMQ_TRY(s->m->family->head(s->m, s->ex, &part, logits));
    ssmq_loss_round_logits(t->e->loss_dtype, logits);
    return be->ops->nll(be, &loss, logits, &target);
}

/* A failure of the model beside is not to be taken for one of the model. */
static ssmq_status on_side(const task *t, const side *s, ssmq_status st)
{
    if (st == SSMQ_OK || s == t->side) return st;
    char message[SSMQ_ERROR_MESSAGE_MAX];
    snprintf(message, sizeof message, "%s", ssmq_error_last()->message);
    return ssmq_fail(st, __FILE__, __LINE__, __func__, "the %s model beside it: %s",
                     t->beside, message);
}

/* The first n tokens of a piece, whose targets are the tokens after them; without those that do not count. */
static ssmq_status score(task *t, int64_t first, int64_t n)
{
    const int64_t block = ssmq_eval_block(t->side[0].m);
    const int64_t unscored = t->w.unscored, begin = first < unscored ? unscored - first : 0;
    for (int64_t i = begin; i < n; i += block) {
        const int64_t rows = n - i < block ? n - i : block;
        ssmq_tensor   logits[2];
        for (int32_t k = 0; k < t->sides; k++)
            SSMQ_TRY(on_side(t, &t->side[k],
                             score_block(t, &t->side[k], first, i, rows, &logits[k])));
        if (t->sides == 2)
            ssmq_comparison_rows(t->comparison, t->pool, first + i - unscored, &logits[1], &logits[0],
                                 t->w.token + first + i + 1);
    }
    return SSMQ_OK;
}

/* Tokens that run at a time. */
static int64_t chunk_of(const task *t)
{
    return ssmq_exec_whole(t->side[0].ex) ? t->e->window : t->piece;
}

/* Rows of the window's file. */
static bool get_filed(const task *t, side *s, int64_t first, int64_t n)
{
    const int64_t D = s->file.width;
    if (!s->file.row) return false;
    if (!s->copy) s->copy = ssmq_must_malloc((size_t)(chunk_of(t) * D) * sizeof *s->copy);
    memcpy(s->copy, s->file.row + first * D, (size_t)(n * D) * sizeof *s->copy);
    s->rows = SSMQ_TENSOR(s->copy, SSMQ_F32, n, D);
    return true;
}

static ssmq_status forward(const task *t, side *s, int64_t first, int64_t n)
{
    const ssmq_batch in = {.token = t->w.token + first, .B = 1, .L = (int32_t)n};
    ssmq_tensor      hidden;
    if (get_filed(t, s, first, n)) return SSMQ_OK;
    if (s->kept && ssmq_kept_hidden_get(s->kept, t->windows, first, n, &s->rows)) return SSMQ_OK;
    ssmq_exec_position(s->ex, first);
    SSMQ_TRY(s->m->family->forward(s->m, s->ex, &in, s->state, &hidden));
    s->rows = ssmq_tensor_rows(&hidden);
    if (s->kept) ssmq_kept_hidden_put(s->kept, t->windows, t->w.read, first, &s->rows);
    return SSMQ_OK;
}

static ssmq_status check_losses(const task *t, const side *s)
{
    for (int64_t i = t->w.unscored; i < t->w.n - 1; i++)
        if (!isfinite(s->loss[i]))
            return SSMQ_FAIL(NUMERIC, "the logits at token %" PRId64 " give a loss of %g", i,
                             s->loss[i]);
    return SSMQ_OK;
}

static double mean_loss(const task *t, side *s)
{
    return ssmq_loss_mean(t->e->loss_dtype, s->loss + t->w.unscored, ssmq_window_scored(&t->w));
}

/* What layers gave before, where that is filed: the sum was looked at when it was made, or found. */
static void open_files(task *t)
{
    const ssmq_hidden_window w = {
        .token = t->w.token, .n = t->w.read, .piece = chunk_of(t), .reset = t->e->state_reset};
    for (int32_t k = 0; k < t->sides; k++) {
        side *s = &t->side[k];
        ssmq_hidden_file_close(&s->file);
        if (s->cache && !ssmq_hidden_cache_open(s->cache, &w, ssmq_hidden_cache_full(s->cache), &s->file)) s->file.row = NULL;
    }
}

static ssmq_status begin_states(const task *t)
{
    for (int32_t k = 0; k < t->sides; k++) {
        const side *s = &t->side[k];
        SSMQ_TRY(on_side(t, s, s->m->family->state_zero(s->m, s->ex, s->state)));
    }
    return SSMQ_OK;
}

/* The losses of one window, piece by piece. */
static ssmq_status run_window(task *t)
{
    const int64_t n = t->w.read, chunk = chunk_of(t);
    open_files(t);
    if (t->with && t->with->begin) t->with->begin(t->with->context, t->windows, &t->w);
    for (int64_t i = 0, L; i < n; i += L) {
        L = ssmq_stretch_piece(t->e, i, n, chunk);
        if (ssmq_stretch_at(t->e, i) == 0) SSMQ_TRY(begin_states(t));
        for (int32_t k = 0; k < t->sides; k++)
            SSMQ_TRY(on_side(t, &t->side[k], forward(t, &t->side[k], i, L)));
        const int64_t targets = i + L < t->w.n ? L : L - 1; /* nothing follows the last token */
        SSMQ_TRY(score(t, i, targets));
        ssmq_tell_update(t->listener, t->windows, t->fraction); /* a sign of life */
    }
    for (int32_t k = 0; k < t->sides; k++)
        SSMQ_TRY(on_side(t, &t->side[k], check_losses(t, &t->side[k])));
    if (t->comparison)
        ssmq_comparison_window(t->comparison, ssmq_window_scored(&t->w), mean_loss(t, &t->side[1]));
    return SSMQ_OK;
}

static void keep(task *t, double nll)
{
    if (t->windows == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        const size_t n = (size_t)t->capacity;
        t->window_nll = ssmq_must_realloc(t->window_nll, n * sizeof *t->window_nll);
        t->window_subset = ssmq_must_realloc(t->window_subset, n * sizeof *t->window_subset);
        t->window_tokens = ssmq_must_realloc(t->window_tokens, n * sizeof *t->window_tokens);
        t->window_document = ssmq_must_realloc(t->window_document, n * sizeof *t->window_document);
    }
    t->window_nll[t->windows] = nll;
    t->window_tokens[t->windows] = ssmq_window_scored(&t->w);
    t->window_document[t->windows] = t->w.document;
    t->window_subset[t->windows++] = t->w.subset;
}

/* The loss of the window under way, computed unless it was before the run was killed. */
static ssmq_status find_loss(task *t, double *nll)
{
    const ssmq_window      *w = &t->w;
    const ssmq_window_yield y = {.comparison = t->comparison,
                                 .targets = ssmq_window_scored(w),
                                 .sums = t->with ? t->with->sums : NULL,
                                 .sums_bytes = t->with ? t->with->sums_bytes : 0};
    if (ssmq_resume_window(t->listener, t->e->id, t->windows, w->token, w->n, &y, nll)) return SSMQ_OK;
    SSMQ_TRY(ssmq_may_go_on(t->listener));
    const ssmq_status st = run_window(t);
    if (st == SSMQ_ERR_NUMERIC)
        return SSMQ_FAIL(NUMERIC, "%s, window %" PRId64 ": %s", t->e->id, t->windows,
                         ssmq_error_last()->message);
    SSMQ_TRY(st);
    *nll = mean_loss(t, &t->side[0]);
    return ssmq_resume_keep_window(t->listener, t->e->id, t->windows, w->token, w->n, &y, *nll);
}

static ssmq_status run_windows(task *t, ssmq_windows *w)
{
    for (;;) {
        bool   more = false;
        double nll = 0;
        SSMQ_TRY(ssmq_windows_next(w, &t->w, &more));
        if (!more) return SSMQ_OK;
        SSMQ_TRY(find_loss(t, &nll));
        keep(t, nll);
        t->fraction = ssmq_windows_fraction(w);
        ssmq_tell_update(t->listener, t->windows, t->fraction);
    }
}

/* ---- figures --------------------------------------------------------------------------- */

/* Of the windows of a subset; -1: of all. */
static ssmq_ppl_figures figures(const ssmq_ppl *p, int64_t windows, int32_t subset)
{
    const size_t     n = (size_t)windows + 1;
    double          *nll = ssmq_must_malloc(n * sizeof *nll), *weight = ssmq_must_malloc(n * sizeof *weight);
    int64_t         *group = ssmq_must_malloc(n * sizeof *group);
    ssmq_ppl_figures f = {.ppl = NAN, .ppl_se = NAN, .nll = NAN, .nll_se = NAN};
    for (int64_t i = 0; i < windows; i++) {
        if (subset >= 0 && p->window_subset[i] != subset) continue;
        nll[f.windows] = p->window_nll[i];
        weight[f.windows] = p->by.weight ? p->by.weight[i] : 1;
        group[f.windows++] = p->by.group ? p->by.group[i] : i;
        f.tokens += p->window_tokens[i];
    }
    const ssmq_weighing by = {p->by.weight ? weight : NULL, group};
    if (f.windows > 0) ssmq_mean_by(nll, &by, f.windows, &f.nll, &f.nll_se);
    f.ppl = exp(f.nll);
    f.ppl_se = f.ppl * f.nll_se;
    ssmq_text_figures(&p->documents, subset, &f.text);
    free(nll);
    free(weight);
    free(group);
    return f;
}

/* The comparison, which is the result's from now on. */
static void conclude_comparison(task *t, const ssmq_beside *beside, ssmq_ppl *p)
{
    const ssmq_compare_basis basis = {.spec = beside->spec,
                                      .evaluation = t->e->id,
                                      .seed = beside->seed,
                                      .window_nll = p->window_nll,
                                      .window_subset = p->window_subset,
                                      .n_subset = p->n_subset,
                                      .by = p->by};
    ssmq_comparison_conclude(t->comparison, &basis);
    p->comparison = t->comparison;
    t->comparison = NULL;
}

static void *copy_of(ssmq_arena *arena, const void *array, size_t bytes)
{
    return memcpy(ssmq_arena_alloc(arena, bytes), array, bytes);
}

/* Windows of different lengths count by their tokens, and those of a document together. */
static ssmq_weighing weighing_of(const task *t, ssmq_arena *arena)
{
    if (t->e->dialect != SSMQ_DIALECT_LM_EVAL) return (ssmq_weighing){0};
    double *weight = SSMQ_ARENA_ARRAY(arena, double, t->windows);
    for (int64_t i = 0; i < t->windows; i++) weight[i] = (double)t->window_tokens[i];
    return (ssmq_weighing){
        weight, copy_of(arena, t->window_document, (size_t)t->windows * sizeof *t->window_document)};
}

static void conclude(task *t, const ssmq_windows *w, const ssmq_beside *beside, ssmq_ppl *out)
{
    ssmq_arena  *arena = ssmq_arena_new();
    const size_t n = (size_t)t->windows;
    ssmq_ppl     p = {.arena = arena,
                      .window_nll = copy_of(arena, t->window_nll, n * sizeof *t->window_nll),
                      .window_subset = copy_of(arena, t->window_subset, n * sizeof *t->window_subset),
                      .window_tokens = copy_of(arena, t->window_tokens, n * sizeof *t->window_tokens),
                      .by = weighing_of(t, arena)};
    if (p.by.weight)
        ssmq_document_losses(w, p.window_nll, t->comparison ? t->comparison->window_nll_float : NULL, &p.by,
                             t->windows, arena, &p.documents);
    p.all = figures(&p, t->windows, -1);
    p.n_subset = ssmq_windows_subsets(w);
    p.subset_name = SSMQ_ARENA_ARRAY(arena, const char *, p.n_subset);
    p.subset = SSMQ_ARENA_ARRAY(arena, ssmq_ppl_figures, p.n_subset);
    for (int32_t i = 0; i < p.n_subset; i++) {
        p.subset_name[i] = ssmq_arena_strdup(arena, ssmq_windows_subset(w, i));
        p.subset[i] = figures(&p, t->windows, i);
    }
    p.text_tokens = ssmq_windows_tokens(w);
    ssmq_windows_digest(w, p.token_digest);
    p.n_document = ssmq_windows_documents(w, arena, &p.document);
    if (beside) conclude_comparison(t, beside, &p);
    *out = p;
}

/* ---- one evaluation -------------------------------------------------------------------- */

static ssmq_status open_side(task *t, const ssmq_model *m, ssmq_exec *ex)
{
    side *s = &t->side[t->sides];
    *s = (side){.m = m, .ex = ex};
    SSMQ_TRY(m->family->state_new(m, ex, 1, &s->state));
    s->loss = ssmq_must_malloc((size_t)t->e->window * sizeof *s->loss);
    t->sides++;
    return SSMQ_OK;
}

static ssmq_status open_beside(task *t, const ssmq_beside *beside)
{
    SSMQ_TRY(open_side(t, beside->m, beside->ex));
    SSMQ_TRY(ssmq_pool_open(ssmq_exec_backend(beside->ex)->threads, &t->pool));
    t->comparison = ssmq_comparison_new(t->e->window);
    t->side[1].cache = beside->cache;
    if (!beside->kept || ssmq_exec_backend(beside->ex)->ops->space != SSMQ_SPACE_HOST) return SSMQ_OK;
    ssmq_kept_hidden_begin(beside->kept, t->e->window, chunk_of(t));
    t->side[1].kept = beside->kept;
    return SSMQ_OK;
}

static void close_task(task *t)
{
    for (int32_t k = 0; k < t->sides; k++) {
        const side *s = &t->side[k];
        s->m->family->state_free(s->m, s->ex, s->state);
        ssmq_hidden_file_close(&t->side[k].file);
        free(s->copy);
        free(s->loss);
    }
    ssmq_pool_close(t->pool);
    ssmq_comparison_free(t->comparison);
    free(t->window_nll);
    free(t->window_subset);
    free(t->window_tokens);
    free(t->window_document);
}

/* cache: of m itself; NULL: none */
static ssmq_status evaluate(const ssmq_evaluation *e, const ssmq_model *m, ssmq_exec *ex, ssmq_hidden_cache *cache,
                            const ssmq_beside *beside, ssmq_texts *texts, const ssmq_listener *listener,
                            ssmq_ppl *out)
{
    task          t = {.e = e, .listener = listener, .beside = "float", .piece = SSMQ_EVAL_PIECE};
    ssmq_windows *w = NULL;
    ssmq_status   st = SSMQ_OK;
    SSMQ_ASSERT(!beside || beside->m->vocabulary == m->vocabulary);
    t.with = beside;
    if (beside && beside->name) t.beside = beside->name;
    if (beside && beside->piece > 0) t.piece = beside->piece;
    SSMQ_TRY(ssmq_texts_windows(texts, e, m->vocabulary, listener, &w));
    ssmq_tell_begin(listener, beside && beside->task ? beside->task : e->id, "windows");
    SSMQ_TRY_DONE(st, open_side(&t, m, ex));
    t.side[0].cache = cache;
    if (beside) SSMQ_TRY_DONE(st, open_beside(&t, beside));
    SSMQ_TRY_DONE(st, run_windows(&t, w));
    conclude(&t, w, beside, out);
done:
    ssmq_tell_end(listener);
    close_task(&t);
    ssmq_windows_close(w);
    return st;
}

ssmq_status ssmq_eval_paired(const ssmq_evaluation *e, const ssmq_model *m, ssmq_exec *ex,
                             const ssmq_beside *beside, ssmq_texts *texts,
                             const ssmq_listener *listener, ssmq_ppl *out)
{
    return evaluate(e, m, ex, NULL, beside, texts, listener, out);
}

ssmq_status ssmq_eval_float(const ssmq_evaluation *e, const ssmq_model *m, ssmq_exec *ex, ssmq_hidden_cache *cache,
                            ssmq_texts *texts, const ssmq_listener *listener, ssmq_ppl *out)
{
    return evaluate(e, m, ex, cache, NULL, texts, listener, out);
}

ssmq_status ssmq_eval_ppl(const ssmq_evaluation *e, const ssmq_model *m, ssmq_exec *ex,
                          ssmq_texts *texts, const ssmq_listener *listener, ssmq_ppl *out)
{
    return evaluate(e, m, ex, NULL, NULL, texts, listener, out);
}

void ssmq_ppl_free(ssmq_ppl *p)
{
    ssmq_comparison_free(p->comparison);
    ssmq_arena_free(p->arena);
    *p = (ssmq_ppl){0};
}
