#include "harness/run/evaluate/float_pass.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/evaluate/stretch.h"
#include "harness/run/resume.h"

/* A pass under way. */
typedef struct task {
    const ssmq_float_pass *p;
    const char            *name;
    void                  *state;
    float                 *row;   /* [window][D] */
    ssmq_window            w;     /* under way */
    ssmq_lease            *lease; /* NULL: none is held */
    int64_t               *most_bytes;
    int64_t                windows, found, run; /* seen; with a file from before; run here */
    double                 fraction;
    int64_t               *other; /* [n_other] windows that other processes had begun, ascending */
    int64_t                n_other, at;
} task;

static ssmq_hidden_window window_of(const task *t)
{
    return (ssmq_hidden_window){
        .token = t->w.token, .n = t->w.read, .piece = t->p->piece, .reset = t->p->e->state_reset};
}

/* ---- one window ---------------------------------------------------------------------------- */

static ssmq_status run_piece(const task *t, int64_t first, int64_t n)
{
    const ssmq_float_pass *p = t->p;
    const int64_t          D = p->m->width;
    const ssmq_batch       in = {.token = t->w.token + first, .B = 1, .L = (int32_t)n};
    ssmq_tensor            hidden, mine = SSMQ_TENSOR(t->row + first * D, SSMQ_F32, n, D);
    ssmq_backend          *be = ssmq_exec_backend(p->ex);
    ssmq_exec_position(p->ex, first);
    SSMQ_TRY(p->m->family->forward(p->m, p->ex, &in, t->state, &hidden));
    const ssmq_tensor rows = ssmq_tensor_rows(&hidden);
    return be->ops->copy(be, &mine, &rows);
}

static ssmq_status run_window(const task *t)
{
    const ssmq_float_pass *p = t->p;
    const int64_t          n = t->w.read;
    for (int64_t i = 0, L; i < n; i += L) {
        L = ssmq_stretch_piece(p->e, i, n, p->piece);
        if (ssmq_stretch_at(p->e, i) == 0) SSMQ_TRY(p->m->family->state_zero(p->m, p->ex, t->state));
        SSMQ_TRY(run_piece(t, i, L));
        if (t->lease && ssmq_lease_beat(t->lease) != SSMQ_OK) ssmq_error_clear(); /* the work is then done twice */
        ssmq_tell_update(p->listener, t->windows, t->fraction);
    }
    return SSMQ_OK;
}

static ssmq_status in_window(const task *t, ssmq_status st)
{
    if (st != SSMQ_ERR_NUMERIC) return st;
    return SSMQ_FAIL(NUMERIC, "%s, window %" PRId64 ": %s%s", t->p->e->id, t->windows,
                     t->p->beside ? "the float model beside it: " : "", ssmq_error_last()->message);
}

static ssmq_status make(task *t)
{
    const ssmq_hidden_window w = window_of(t);
    SSMQ_TRY(ssmq_may_go_on(t->p->listener));
    SSMQ_TRY(in_window(t, run_window(t)));
    ssmq_hidden_cache_put(t->p->cache, &w, t->row, t->p->m->width);
    t->run++;
    return SSMQ_OK;
}

static bool is_filed(const task *t)
{
    const ssmq_hidden_window w = window_of(t);
    ssmq_hidden_file         f = {0};
    const bool               filed = ssmq_hidden_cache_open(t->p->cache, &w, true, &f);
    ssmq_hidden_file_close(&f);
    return filed;
}

/* Makes the file, unless it is there by now; *ours: false, if another process is about to make it. */
static ssmq_status take(task *t, bool *ours)
{
    const ssmq_hidden_window w = window_of(t);
    ssmq_status              st = SSMQ_OK;
    *ours = ssmq_hidden_cache_turn(t->p->cache, &w, &t->lease);
    if (*ours && !ssmq_hidden_cache_has(t->p->cache, &w)) st = make(t);
    ssmq_lease_release(t->lease);
    t->lease = NULL;
    return st;
}

static void note_other(task *t)
{
    t->other = ssmq_must_realloc(t->other, (size_t)(t->n_other + 1) * sizeof *t->other);
    t->other[t->n_other++] = t->windows;
}

/* ---- all windows --------------------------------------------------------------------------- */

static bool is_known(const task *t)
{
    const ssmq_float_pass *p = t->p;
    return p->resumes && ssmq_resume_has_window(p->listener, p->e->id, t->windows, t->w.token, t->w.n);
}

/* Counts a window's file; false if there is no room for it. */
static bool use_room(const task *t)
{
    const int64_t bytes = ssmq_hidden_file_bytes(t->w.read, t->p->m->width);
    const bool    fits = *t->most_bytes >= bytes;
    *t->most_bytes = fits ? *t->most_bytes - bytes : 0;
    return fits;
}

static ssmq_status first_look(task *t)
{
    bool ours = true;
    if (is_filed(t)) {
        t->found++;
        (void)use_room(t);
    } else if (!is_known(t) && use_room(t)) {
        SSMQ_TRY(take(t, &ours));
    }
    if (!ours) note_other(t);
    ssmq_tell_update(t->p->listener, t->windows + 1, t->fraction);
    return SSMQ_OK;
}

/* What another process had begun has a file now, or that process lives no more. */
static ssmq_status second_look(task *t)
{
    const ssmq_float_pass   *p = t->p;
    const ssmq_hidden_window w = window_of(t);
    if (t->at == t->n_other || t->other[t->at] != t->windows) return SSMQ_OK;
    t->at++;
    while (!ssmq_hidden_cache_full(p->cache) && !ssmq_hidden_cache_has(p->cache, &w)) {
        bool ours;
        SSMQ_TRY(ssmq_hidden_cache_wait(p->cache, &w, p->listener));
        if (ssmq_hidden_cache_has(p->cache, &w)) break;
        ssmq_tell_begin(p->listener, t->name, "windows");
        const ssmq_status st = take(t, &ours);
        ssmq_tell_end(p->listener);
        SSMQ_TRY(st);
    }
    return SSMQ_OK;
}

static ssmq_status each_window(task *t, ssmq_windows *w, ssmq_status (*look)(task *t))
{
    for (t->windows = 0; !ssmq_hidden_cache_full(t->p->cache); t->windows++) {
        bool more;
        SSMQ_TRY(ssmq_windows_next(w, &t->w, &more));
        if (!more) break;
        SSMQ_TRY(look(t));
        t->fraction = ssmq_windows_fraction(w);
    }
    return SSMQ_OK;
}

static ssmq_status look_at_all(task *t, ssmq_status (*look)(task *t), bool told)
{
    const ssmq_float_pass *p = t->p;
    ssmq_windows          *w;
    SSMQ_TRY(ssmq_texts_windows(p->texts, p->e, p->m->vocabulary, p->listener, &w)); /* which may be a task of its own */
    if (told) ssmq_tell_begin(p->listener, t->name, "windows");
    const ssmq_status st = each_window(t, w, look);
    if (told) ssmq_tell_end(p->listener);
    ssmq_windows_close(w);
    return st;
}

ssmq_status ssmq_float_pass_run(const ssmq_float_pass *p, int64_t *most_bytes)
{
    const size_t window = (size_t)p->e->window;
    ssmq_arena  *arena = ssmq_arena_new();
    task         t = {.p = p, .most_bytes = most_bytes};
    t.name = ssmq_arena_printf(arena, SSMQ_FLOAT_PASS "%s", p->e->id);
    t.row = ssmq_must_malloc(window * (size_t)p->m->width * sizeof *t.row);
    ssmq_status st = p->m->family->state_new(p->m, p->ex, 1, &t.state);
    if (st == SSMQ_OK) st = look_at_all(&t, first_look, true);
    if (st == SSMQ_OK && t.n_other > 0) st = look_at_all(&t, second_look, false);
    SSMQ_LOG_LINE(p->listener ? p->listener->log : NULL, INFO, "the float model's layers",
                  SSMQ_LOG_T("evaluation", p->e->id), SSMQ_LOG_I("run", t.run), SSMQ_LOG_I("found", t.found),
                  SSMQ_LOG_I("windows", t.windows));
    p->m->family->state_free(p->m, p->ex, t.state);
    free(t.other);
    free(t.row);
    ssmq_arena_free(arena);
    return st;
}
