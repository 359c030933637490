#include "harness/run/evaluate/site_error.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/data/window.h"
#include "harness/exec/exec.h"
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/run/evaluate/site_error_resume.h"
#include "harness/run/evaluate/stretch.h"

#define PIECE_MIN 32 /* tokens: below, products run slowly */

/* ---- figures --------------------------------------------------------------------------- */

void ssmq_error_add(ssmq_error_sums *a, const ssmq_error_sums *b)
{
    a->n_values += b->n_values;
    a->n_clipped += b->n_clipped;
    a->error += b->error;
    a->square_error += b->square_error;
    a->square_reference += b->square_reference;
    a->square_value += b->square_value;
    a->product += b->product;
    a->most = fmax(a->most, b->most);
}

ssmq_error_figures ssmq_error_figures_of(const ssmq_error_sums *s)
{
    const double n = (double)s->n_values, e = s->square_error, r = s->square_reference;
    return (ssmq_error_figures){
        .mse = e / n,
        .sqnr_db = e == 0 ? (double)INFINITY : 10 * log10(r / e),
        .rel_l2 = e == 0 ? 0 : sqrt(e / r),
        .cosine = s->product / sqrt(r * s->square_value),
        .max_err = s->most,
        .bias = s->error / n,
        .clip_rate = (double)s->n_clipped / n,
    };
}

/* ---- sums of rows ---------------------------------------------------------------------- */

typedef struct rows_job {
    const float     *reference, *value; /* [rows * width] */
    int64_t          width;
    ssmq_error_sums *row; /* [rows] */
} rows_job;

static void rows_part(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const rows_job *j = context;
    (void)worker;
    for (int64_t m = begin; m < end; m++) {
        const float    *r = j->reference + m * j->width, *v = j->value + m * j->width;
        ssmq_error_sums s = {.n_values = j->width};
        for (int64_t c = 0; c < j->width; c++) {
            const double x = (double)r[c], y = (double)v[c], e = y - x;
            s.error += e;
            s.square_error += e * e;
            s.square_reference += x * x;
            s.square_value += y * y;
            s.product += x * y;
            s.most = fabs(e) > s.most ? fabs(e) : s.most;
        }
        j->row[m] = s;
    }
}

/* ---- a pass ---------------------------------------------------------------------------- */

enum { REFERENCE, QUANTISED, SIDES };

struct pass;
typedef struct side {
    struct pass *pass;
    int32_t      which;
    ssmq_exec   *ex;
    void        *state;
    int64_t     *seen; /* [n_site] tokens of the piece under way */
} side;

/* Some sites, over all windows. */
typedef struct pass {
    const ssmq_site_error_request *r;
    ssmq_site_errors              *out;
    side                           side[SIDES];
    float                        **kept; /* [n_site] the reference's piece; NULL: not of this pass */
    float                         *value;   /* room for a site's piece           */
    ssmq_error_sums               *row;     /* [tokens of a piece]               */
    int64_t                       *clamped; /* [tokens of a piece]               */
    int64_t                        piece, first; /* tokens; the first of the one under way */
    bool                           head; /* some site lies behind the layers' output */
} pass;

static bool asks(const pass *p, ssmq_error_input input)
{
    return p->r->spec->inputs >> input & 1;
}

static bool clips(const pass *p)
{
    return p->r->spec->metrics >> SSMQ_METRIC_CLIP_RATE & 1;
}

static int64_t room_of(const pass *p)
{
    return p->r->room > 0 ? p->r->room : SSMQ_COMPARE_ROOM;
}

/* Values of a token. */
static int64_t width_of(const ssmq_site *s)
{
    return s->width * (s->kind == SSMQ_SITE_STATE ? s->rows : 1);
}

/* The n tokens from the piece's token at on; reference and value are contiguous. */
static void add_rows(pass *p, ssmq_error_sums *to, const float *reference, int64_t at, int64_t n,
                     int64_t width)
{
    rows_job j = {.reference = reference, .value = p->value, .width = width, .row = p->row};
    p->r->be->ops->share(p->r->be, n, 1, rows_part, &j);
    for (int64_t i = 0; i < n; i++) {
        p->row[i].n_clipped = p->clamped[i];
        ssmq_error_add(to, &p->row[i]);
        if (!to->token_error) continue;
        const int64_t bin = (p->first + at + i) / p->out->bin_tokens;
        to->token_error[bin] += p->row[i].square_error;
        to->token_reference[bin] += p->row[i].square_reference;
    }
}

/* The live tensor of a site, row by row without gaps. */
static void copy_rows(const ssmq_tensor *x, float *to)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    for (int64_t m = 0; m < rows.dim[0]; m++)
        memcpy(to + m * rows.dim[1], (const float *)rows.data + m * rows.stride[0],
               (size_t)rows.dim[1] * sizeof *to);
}

/* What readers in the quantised model make of the n tokens in value. */
static ssmq_status recode(pass *p, int32_t site, int64_t n)
{
    const ssmq_site *s = &p->r->model->site[site];
    ssmq_tensor      x = SSMQ_TENSOR(p->value, SSMQ_F32, n, s->width);
    if (s->kind == SSMQ_SITE_STATE) x = SSMQ_TENSOR(p->value, SSMQ_F32, n, s->rows, s->width);
    memset(p->clamped, 0, (size_t)n * sizeof *p->clamped);
    return ssmq_exec_recode(p->side[QUANTISED].ex, site, &x, clips(p) ? p->clamped : NULL);
}

static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    side         *s = context;
    pass         *p = s->pass;
    const int64_t width = width_of(&p->r->model->site[site]), n = ssmq_tensor_count(x) / width;
    const int64_t at = s->seen[site];
    if (!p->kept[site]) return SSMQ_OK;
    float *const kept = p->kept[site] + at * width;
    SSMQ_ASSERT(at + n <= p->piece);
    s->seen[site] += n;
    copy_rows(x, s->which == REFERENCE ? kept : p->value);
    if (s->which == QUANTISED) {
        SSMQ_TRY(recode(p, site, n));
        add_rows(p, &p->out->at[SSMQ_INPUT_PROPAGATED][site], kept, at, n, width);
    } else if (asks(p, SSMQ_INPUT_CLEAN) && p->r->plan->at[site].spec.bits) {
        memcpy(p->value, kept, (size_t)(n * width) * sizeof *kept);
        SSMQ_TRY(recode(p, site, n));
        add_rows(p, &p->out->at[SSMQ_INPUT_CLEAN][site], kept, at, n, width);
    }
    return SSMQ_OK;
}

static bool wants(void *context, int32_t site)
{
    const side *s = context;
    return s->pass->kept[site] != NULL;
}

/* ---- text ------------------------------------------------------------------------------ */

/* The rows of a piece through the head, which shows them block by block. */
static ssmq_status run_head(const pass *p, const side *s, const ssmq_tensor *hidden)
{
    const ssmq_model *m = p->r->model;
    const int64_t     block = ssmq_eval_block(m);
    const ssmq_tensor rows = ssmq_tensor_rows(hidden);
    for (int64_t i = 0; i < rows.dim[0]; i += block) {
        const int64_t n = rows.dim[0] - i < block ? rows.dim[0] - i : block;
        ssmq_tensor   part = ssmq_tensor_slice(&rows, 0, i, n), logits;
        ssmq_exec_position(s->ex, p->first + i);
        SSMQ_TRY(ssmq_exec_scratch(s->ex, SSMQ_EXEC_SLOT_LOGITS, 2,
                                   (const int64_t[]){n, m->vocabulary}, &logits));
        SSMQ_TRY(m->family->head(m, s->ex, &part, &logits));
    }
    return SSMQ_OK;
}

static ssmq_status run_piece(pass *p, const int32_t *token, int64_t n)
{
    const ssmq_model *m = p->r->model;
    const ssmq_batch  in = {.token = token + p->first, .B = 1, .L = (int32_t)n};
    for (int32_t k = 0; k < SIDES; k++) {
        side       *s = &p->side[k];
        ssmq_tensor hidden;
        if (k == QUANTISED && !asks(p, SSMQ_INPUT_PROPAGATED)) continue;
        memset(s->seen, 0, (size_t)m->n_site * sizeof *s->seen);
        ssmq_exec_position(s->ex, p->first);
        SSMQ_TRY(m->family->forward(m, s->ex, &in, s->state, &hidden));
        if (p->head) SSMQ_TRY(run_head(p, s, &hidden));
        for (int32_t i = 0; i < m->n_site; i++) /* each token once, or the family forgot the site */
            SSMQ_ASSERT(!p->kept[i] || s->seen[i] == n);
    }
    return SSMQ_OK;
}

static ssmq_status run_window(pass *p, const ssmq_window *w)
{
    const ssmq_model      *m = p->r->model;
    const ssmq_evaluation *e = p->r->evaluation;
    int64_t                n = 0;
    for (p->first = 0; p->first < w->read; p->first += n) {
        n = ssmq_stretch_piece(e, p->first, w->read, p->piece);
        for (int32_t k = 0; k < SIDES && ssmq_stretch_at(e, p->first) == 0; k++)
            SSMQ_TRY(m->family->state_zero(m, p->side[k].ex, p->side[k].state));
        SSMQ_TRY(run_piece(p, w->token, n));
    }
    return SSMQ_OK;
}

static void count_tokens(ssmq_site_errors *e, int64_t n)
{
    e->tokens += n;
    for (int64_t b = 0, left = n; left > 0; b++, left -= e->bin_tokens)
        e->in_bin[b] += left < e->bin_tokens ? left : e->bin_tokens;
}

/* done: the part of all passes that are finished; share: of all, that this one is. */
static ssmq_status run_windows(pass *p, ssmq_windows *w, double done, double share)
{
    const int64_t known = ssmq_site_errors_take(p->out, p->kept, p->r->listener);
    p->out->tokens = 0;
    memset(p->out->in_bin, 0, (size_t)p->out->bins * sizeof *p->out->in_bin);
    for (int64_t i = 0;; i++) {
        ssmq_window next;
        bool        more = false;
        SSMQ_TRY(ssmq_windows_next(w, &next, &more));
        p->out->windows = i;
        if (!more) return SSMQ_OK;
        count_tokens(p->out, next.read);
        if (i < known) continue;
        SSMQ_TRY(ssmq_may_go_on(p->r->listener));
        const ssmq_status st = run_window(p, &next);
        if (st == SSMQ_ERR_NUMERIC)
            return SSMQ_FAIL(NUMERIC, "errors per site, %s, window %" PRId64 ": %s",
                             p->r->evaluation->id, i, ssmq_error_last()->message);
        SSMQ_TRY(st);
        SSMQ_TRY(ssmq_site_errors_keep(p->out, p->kept, i, p->r->listener));
        ssmq_tell_update(p->r->listener, i + 1, done + share * ssmq_windows_fraction(w));
    }
}

static ssmq_status run_pass(pass *p, double done, double share)
{
    const ssmq_evaluation *e = p->r->evaluation;
    ssmq_windows          *w;
    ssmq_status st = ssmq_texts_windows(p->r->texts, e, p->r->model->vocabulary, p->r->listener, &w);
    if (st == SSMQ_OK) {
        st = run_windows(p, w, done, share);
        ssmq_windows_close(w);
    }
    return st;
}

/* ---- which sites ----------------------------------------------------------------------- */

static bool is_measured(const pass *p, int32_t site)
{
    const bool quantised = p->r->plan->at[site].spec.bits > 0;
    switch (p->r->model->site[site].kind) {
    case SSMQ_SITE_ACTIVATION: return quantised || asks(p, SSMQ_INPUT_PROPAGATED);
    case SSMQ_SITE_STATE: return quantised;
    case SSMQ_SITE_WEIGHT: break;
    }
    return false;
}

/* The end of the sites, from begin on, whose tensors fit beside each other; at least one does.  *n of them
 * are measured. */
static int32_t end_of_pass(const pass *p, int32_t begin, int32_t *n)
{
    const ssmq_model *m = p->r->model;
    int64_t           bytes = 0;
    int32_t           i = begin;
    for (*n = 0; i < m->n_site; i++) {
        if (!is_measured(p, i)) continue;
        bytes += width_of(&m->site[i]) * p->piece * (int64_t)sizeof(float);
        if (bytes > room_of(p) && *n > 0) break;
        ++*n;
    }
    return i;
}

/* Tokens of a piece: all of a window where ranges are taken from it. */
static int64_t piece_of(const pass *p)
{
    const ssmq_model *m = p->r->model;
    int64_t           width = 1;
    if (ssmq_exec_whole(p->side[QUANTISED].ex)) return p->r->evaluation->window;
    for (int32_t i = 0; i < m->n_site; i++)
        if (is_measured(p, i)) width += width_of(&m->site[i]);
    const int64_t fit = room_of(p) / (width * (int64_t)sizeof(float));
    return fit < PIECE_MIN ? PIECE_MIN : fit > SSMQ_EVAL_PIECE ? SSMQ_EVAL_PIECE : fit;
}

static void add_token_bins(const pass *p, ssmq_error_sums *s)
{
    s->token_error = SSMQ_ARENA_ARRAY(p->out->arena, double, p->out->bins);
    s->token_reference = SSMQ_ARENA_ARRAY(p->out->arena, double, p->out->bins);
}

static ssmq_status no_memory(void)
{
    return SSMQ_FAIL(MEMORY, "no memory for the tensors that errors per site are taken from");
}

/* Room for the sites begin .. end - 1. */
static ssmq_status make_room(pass *p, int32_t begin, int32_t end)
{
    const ssmq_model *m = p->r->model;
    int64_t           widest = 1;
    p->head = false;
    for (int32_t i = begin; i < end; i++) {
        if (!is_measured(p, i)) continue;
        const int64_t width = width_of(&m->site[i]);
        if (width > widest) widest = width;
        p->kept[i] = malloc((size_t)(width * p->piece) * sizeof **p->kept);
        if (!p->kept[i]) return no_memory();
        for (int k = 0; k < SSMQ_INPUTS; k++) add_token_bins(p, &p->out->at[k][i]);
        p->head |= m->site[i].layer < 0;
    }
    p->value = malloc((size_t)(widest * p->piece) * sizeof *p->value);
    return p->value ? SSMQ_OK : no_memory();
}

static void free_room(pass *p)
{
    for (int32_t i = 0; i < p->r->model->n_site; i++) {
        free(p->kept[i]);
        p->kept[i] = NULL;
    }
    free(p->value);
    p->value = NULL;
}

static ssmq_status run_activations(pass *p)
{
    const int32_t n = p->r->model->n_site;
    for (int32_t begin = 0, measured; begin < n;) {
        const int32_t end = end_of_pass(p, begin, &measured);
        ssmq_status   st = make_room(p, begin, end);
        if (st == SSMQ_OK && measured > 0)
            st = run_pass(p, (double)begin / n, (double)(end - begin) / n);
        free_room(p);
        SSMQ_TRY(st);
        begin = end;
    }
    return SSMQ_OK;
}

/* ---- weights --------------------------------------------------------------------------- */

/* Rows of the weight as they are against what products read; ex is for this weight only. */
static ssmq_status add_weight(const pass *p, ssmq_exec *ex, int32_t site, ssmq_error_sums *to)
{
    const ssmq_model  *m = p->r->model;
    const int32_t      weight = m->site[site].weight;
    const ssmq_tensor  w = ssmq_tensor_rows(&m->weight[weight].value);
    const ssmq_tensor *value;
    int64_t           *clamped = ssmq_must_malloc((size_t)w.dim[0] * sizeof *clamped);
    ssmq_error_sums   *row = ssmq_must_malloc((size_t)w.dim[0] * sizeof *row);
    memset(clamped, 0, (size_t)w.dim[0] * sizeof *clamped);
    const ssmq_status st = ssmq_exec_recode_weight(ex, site, &value, clamped);
    if (st == SSMQ_OK) {
        (void)ssmq_model_value(m, weight); /* the exec has forgotten it */
        rows_job j = {.reference = w.data, .value = value->data, .width = w.dim[1], .row = row};
        p->r->be->ops->share(p->r->be, w.dim[0], 1, rows_part, &j);
        for (int64_t i = 0; i < w.dim[0]; i++) {
            row[i].n_clipped = clamped[i];
            ssmq_error_add(to, &row[i]);
        }
    }
    ssmq_model_forget(m, weight);
    free(row);
    free(clamped);
    return st;
}

static ssmq_status run_weights(const pass *p)
{
    const ssmq_model *m = p->r->model;
    for (int32_t i = 0; asks(p, SSMQ_INPUT_CLEAN) && i < m->n_site; i++) {
        ssmq_exec *ex;
        if (m->site[i].kind != SSMQ_SITE_WEIGHT || !p->r->plan->at[i].spec.bits) continue;
        SSMQ_TRY(ssmq_exec_open(p->r->be, m, p->r->plan, SSMQ_MODE_FAKE, &ex));
        const ssmq_status st = add_weight(p, ex, i, &p->out->at[SSMQ_INPUT_CLEAN][i]);
        ssmq_exec_close(ex);
        SSMQ_TRY(st);
    }
    return SSMQ_OK;
}

/* ---- all of it ------------------------------------------------------------------------- */

static ssmq_status open_side(pass *p, int32_t which, const ssmq_plan *plan)
{
    const ssmq_model *m = p->r->model;
    side             *s = &p->side[which];
    *s = (side){.pass = p, .which = which};
    SSMQ_TRY(ssmq_exec_open(p->r->be, m, plan, SSMQ_MODE_FAKE, &s->ex));
    SSMQ_TRY(m->family->state_new(m, s->ex, 1, &s->state));
    s->seen = ssmq_must_malloc((size_t)m->n_site * sizeof *s->seen);
    ssmq_exec_probe(s->ex, (ssmq_probe){.see = see, .context = s, .wants = wants});
    return SSMQ_OK;
}

static void close_pass(pass *p)
{
    for (int32_t k = 0; k < SIDES; k++) {
        side *s = &p->side[k];
        if (s->ex) p->r->model->family->state_free(p->r->model, s->ex, s->state);
        ssmq_exec_close(s->ex);
        free(s->seen);
    }
    free(p->kept);
    free(p->row);
    free(p->clamped);
}

static ssmq_site_errors *errors_new(const ssmq_site_error_request *r)
{
    ssmq_arena       *arena = ssmq_arena_new();
    ssmq_site_errors *e = ssmq_arena_alloc(arena, sizeof *e);
    const int64_t     window = r->evaluation->window;
    e->arena = arena;
    e->model = r->model;
    e->bin_tokens = (window + SSMQ_ERROR_BINS - 1) / SSMQ_ERROR_BINS;
    e->bins = (window + e->bin_tokens - 1) / e->bin_tokens;
    e->in_bin = SSMQ_ARENA_ARRAY(arena, int64_t, e->bins);
    for (int k = 0; k < SSMQ_INPUTS; k++)
        e->at[k] = SSMQ_ARENA_ARRAY(arena, ssmq_error_sums, r->model->n_site);
    return e;
}

ssmq_status ssmq_site_errors_run(const ssmq_site_error_request *r, ssmq_site_errors **out)
{
    pass        p = {.r = r, .out = errors_new(r)};
    bool       *none = SSMQ_ARENA_ARRAY(p.out->arena, bool, r->model->n_site);
    ssmq_plan  *reference = ssmq_plan_masked(r->plan, none);
    ssmq_status st = SSMQ_OK;
    p.kept = ssmq_must_malloc((size_t)r->model->n_site * sizeof *p.kept);
    for (int32_t i = 0; i < r->model->n_site; i++) p.kept[i] = NULL;
    ssmq_tell_begin(r->listener, "errors per site", "windows");
    SSMQ_TRY_DONE(st, open_side(&p, REFERENCE, reference));
    SSMQ_TRY_DONE(st, open_side(&p, QUANTISED, r->plan));
    p.piece = piece_of(&p);
    p.row = ssmq_must_malloc((size_t)p.piece * sizeof *p.row);
    p.clamped = ssmq_must_malloc((size_t)p.piece * sizeof *p.clamped);
    SSMQ_TRY_DONE(st, run_weights(&p));
    SSMQ_TRY_DONE(st, run_activations(&p));
done:
    ssmq_tell_end(r->listener);
    close_pass(&p);
    ssmq_plan_free(reference);
    if (st == SSMQ_OK) *out = p.out;
    else ssmq_site_errors_free(p.out);
    return st;
}

void ssmq_site_errors_free(ssmq_site_errors *e)
{
    if (e) ssmq_arena_free(e->arena);
}
