#include "harness/run/eval_ppl.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/stats.h"
#include "harness/data/window.h"

/* Tokens of one forward pass: enough for products to run at full speed, few enough for their results to
 * stay in cache. */
#define CHUNK 512
/* Values of one block of logits: 32 MiB of floats. */
#define LOGITS_MAX ((int64_t)8 << 20)

/* What one evaluation works with. */
typedef struct task {
    const ssmq_evaluation *e;
    const ssmq_model      *m;
    ssmq_exec             *ex;
    void                  *state;
    int32_t               *token; /* [window]                      */
    double                *loss;  /* [window - 1] of each target   */
    double                *window_nll;
    int32_t               *window_subset;
    int64_t                windows, capacity;
} task;

/* loss[first .. first + n) of the rows of hidden (n, D), whose targets are the tokens after them. */
static ssmq_status score(task *t, const ssmq_tensor *hidden, int64_t first, int64_t n)
{
    ssmq_backend *be = ssmq_exec_backend(t->ex);
    int64_t       block = LOGITS_MAX / t->m->vocabulary;
    if (block < 1) block = 1;
    for (int64_t i = 0; i < n; i += block) {
        const int64_t     rows = n - i < block ? n - i : block;
        ssmq_tensor       part = ssmq_tensor_slice(hidden, 0, i, rows), logits;
        ssmq_tensor       loss = SSMQ_TENSOR(t->loss + first + i, SSMQ_F64, rows);
        const ssmq_tensor target = SSMQ_TENSOR(t->token + first + i + 1, SSMQ_I32, rows);
        ssmq_exec_position(t->ex, first + i);
        SSMQ_TRY(ssmq_exec_scratch(t->ex, SSMQ_EXEC_SLOT_LOGITS, 2,
                                   (const int64_t[]){rows, t->m->vocabulary}, &logits));
        SSMQ_TRY(t->m->family->head(t->m, t->ex, &part, &logits));
        SSMQ_TRY(be->ops->nll(be, &loss, &logits, &target));
    }
    return SSMQ_OK;
}

/* The losses of one window, chunk by chunk. */
static ssmq_status run_window(task *t)
{
    const int64_t window = t->e->window;
    SSMQ_TRY(t->m->family->state_zero(t->m, t->ex, t->state));
    const int64_t chunk = ssmq_exec_whole(t->ex) ? window : CHUNK;
    for (int64_t i = 0; i < window; i += chunk) {
        const int64_t    L = window - i < chunk ? window - i : chunk;
        const ssmq_batch in = {.token = t->token + i, .B = 1, .L = (int32_t)L};
        ssmq_tensor      hidden;
        ssmq_exec_position(t->ex, i);
        SSMQ_TRY(t->m->family->forward(t->m, t->ex, &in, t->state, &hidden));
        const ssmq_tensor rows = ssmq_tensor_rows(&hidden);
        const int64_t     targets = i + L < window ? L : L - 1; /* nothing follows the last token */
        SSMQ_TRY(score(t, &rows, i, targets));
    }
    for (int64_t i = 0; i < window - 1; i++)
        if (!isfinite(t->loss[i]))
            return SSMQ_FAIL(NUMERIC, "the logits at token %" PRId64 " give a loss of %g", i,
                             t->loss[i]);
    return SSMQ_OK;
}

static void keep(task *t, int32_t subset)
{
    if (t->windows == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        const size_t n = (size_t)t->capacity;
        t->window_nll = ssmq_must_realloc(t->window_nll, n * sizeof *t->window_nll);
        t->window_subset = ssmq_must_realloc(t->window_subset, n * sizeof *t->window_subset);
    }
    const int64_t targets = t->e->window - 1;
    t->window_nll[t->windows] = ssmq_sum(t->loss, targets) / (double)targets;
    t->window_subset[t->windows++] = subset;
}

static ssmq_status run_windows(task *t, ssmq_windows *w, const ssmq_listener *listener)
{
    for (;;) {
        int32_t subset = -1;
        bool    more = false;
        SSMQ_TRY(ssmq_windows_next(w, t->token, &subset, &more));
        if (!more) return SSMQ_OK;
        const ssmq_status st = run_window(t);
        if (st == SSMQ_ERR_NUMERIC)
            return SSMQ_FAIL(NUMERIC, "%s, window %" PRId64 ": %s", t->e->id, t->windows,
                             ssmq_error_last()->message);
        SSMQ_TRY(st);
        keep(t, subset);
        ssmq_tell_update(listener, t->windows, ssmq_windows_fraction(w));
    }
}

/* ---- figures --------------------------------------------------------------------------- */

static ssmq_ppl_figures figures(const double *nll, int64_t n, int64_t window)
{
    ssmq_ppl_figures f = {.windows = n, .tokens = n * (window - 1)};
    ssmq_mean(nll, n, &f.nll, &f.nll_se);
    f.ppl = exp(f.nll);
    f.ppl_se = f.ppl * f.nll_se;
    return f;
}

static ssmq_ppl_figures subset_figures(const task *t, int32_t subset)
{
    double *nll = ssmq_must_malloc((size_t)t->windows * sizeof *nll);
    int64_t n = 0;
    for (int64_t i = 0; i < t->windows; i++)
        if (t->window_subset[i] == subset) nll[n++] = t->window_nll[i];
    ssmq_ppl_figures f = {.ppl = NAN, .ppl_se = NAN, .nll = NAN, .nll_se = NAN};
    if (n) f = figures(nll, n, t->e->window);
    free(nll);
    return f;
}

static void conclude(const task *t, const ssmq_windows *w, ssmq_ppl *out)
{
    ssmq_arena  *arena = ssmq_arena_new();
    const size_t n = (size_t)t->windows;
    ssmq_ppl     p = {.arena = arena, .all = figures(t->window_nll, t->windows, t->e->window)};
    p.window_nll = SSMQ_ARENA_ARRAY(arena, double, n);
    p.window_subset = SSMQ_ARENA_ARRAY(arena, int32_t, n);
    memcpy(p.window_nll, t->window_nll, n * sizeof *p.window_nll);
    memcpy(p.window_subset, t->window_subset, n * sizeof *p.window_subset);
    p.n_subset = ssmq_windows_subsets(w);
    p.subset_name = SSMQ_ARENA_ARRAY(arena, const char *, p.n_subset);
    p.subset = SSMQ_ARENA_ARRAY(arena, ssmq_ppl_figures, p.n_subset);
    for (int32_t i = 0; i < p.n_subset; i++) {
        p.subset_name[i] = ssmq_arena_strdup(arena, ssmq_windows_subset(w, i));
        p.subset[i] = subset_figures(t, i);
    }
    ssmq_windows_digest(w, p.token_digest);
    *out = p;
}

ssmq_status ssmq_eval_ppl(const ssmq_evaluation *e, const ssmq_model *m, ssmq_exec *ex,
                          ssmq_tokenizer *tokenizer, const ssmq_listener *listener, ssmq_ppl *out)
{
    task          t = {.e = e, .m = m, .ex = ex};
    ssmq_windows *w = NULL;
    ssmq_status   st = SSMQ_OK;
    t.token = ssmq_must_malloc((size_t)e->window * sizeof *t.token);
    t.loss = ssmq_must_malloc((size_t)e->window * sizeof *t.loss);
    ssmq_tell_begin(listener, e->id, "windows");
    SSMQ_TRY_DONE(st, ssmq_windows_open(&e->data, tokenizer, m->vocabulary, e->window, e->limit, &w));
    SSMQ_TRY_DONE(st, m->family->state_new(m, ex, 1, &t.state));
    SSMQ_TRY_DONE(st, run_windows(&t, w, listener));
    conclude(&t, w, out);
done:
    ssmq_tell_end(listener);
    m->family->state_free(m, ex, t.state);
    ssmq_windows_close(w);
    free(t.window_nll);
    free(t.window_subset);
    free(t.token);
    free(t.loss);
    return st;
}

void ssmq_ppl_free(ssmq_ppl *p)
{
    ssmq_arena_free(p->arena);
    *p = (ssmq_ppl){0};
}
