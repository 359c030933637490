#include "harness/run/evaluate/fake_real.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/backend/shape.h"
#include "harness/base/assert.h"
#include "harness/run/evaluate/stretch.h"

#define TASK "real against fake"
#define PIECE_MIN 16

/* A site's tensor in real mode, of the piece under way. */
typedef struct kept {
    float  *value; /* [piece * width]; NULL: the site is not compared */
    int8_t *code;
} kept;

typedef struct pass {
    const ssmq_fake_real_request *r;
    ssmq_fake_real               *out;
    ssmq_exec                    *fake, *real;
    int64_t  window;                /* under way                                    */
    int64_t *seen_real, *seen_fake; /* [n_site] tokens of it that come before the next */
    kept    *kept;                  /* [n_site]                                */
    float   *value;                 /* fake's values of the site under way     */
    int8_t  *code;                  /* and its codes                           */
    int64_t  piece;
} pass;

/* ---- one code -------------------------------------------------------------------------- */

/* A value with its code and how it got it. */
typedef struct coded {
    float             value, scale;
    int32_t           zero, code;
    const ssmq_qspec *spec;
} coded;

static bool is_outside(const coded *c)
{
    return ssmq_code_clamped(c->value, c->scale, c->zero, c->spec);
}

static ssmq_differ_cause cause_of(const coded *fake, const coded *real)
{
    const float range = real->scale * ssmq_code_limit(real->spec);
    if (is_outside(fake) || is_outside(real)) return SSMQ_DIFFER_saturated;
    if (fake->scale != real->scale || fake->zero != real->zero) return SSMQ_DIFFER_scale;
    if (fake->value == real->value) return SSMQ_DIFFER_tie;
    if (fabsf(fake->value - real->value) <= SSMQ_FAKE_REAL_LAST_BITS * range)
        return SSMQ_DIFFER_summation;
    return SSMQ_DIFFER_carried;
}

/* token: of the window. */
static void count(const pass *p, ssmq_fake_real_site *s, const coded *fake, const coded *real,
                  int64_t token, int64_t channel)
{
    const uint64_t distance = (uint64_t)abs(fake->code - real->code);
    s->count.n_values++;
    s->count.n_inexact += fake->value != real->value;
    if (distance == 0) return;
    const ssmq_differ_cause cause = cause_of(fake, real);
    if (s->count.n_differ == 0) {
        s->first.window = p->window;
        s->first.token = token;
        s->first.channel = channel;
        s->first.fake = fake->code;
        s->first.real = real->code;
        s->first.cause = cause;
    }
    s->count.n_differ++;
    if (distance > s->count.max_differ) s->count.max_differ = distance;
    switch (cause) {
#define X(name, text, long_name) \
    case SSMQ_DIFFER_##name: s->count.n_##name++; break;
        SSMQ_DIFFER_CAUSES(X)
#undef X
    }
}

/* ---- rows ------------------------------------------------------------------------------ */

/* The head sees only tokens whose targets are scored. */
static void begin_window(void *context, int64_t index, const ssmq_window *w)
{
    pass *p = context;
    p->window = index;
    for (int32_t i = 0; i < p->r->model->n_site; i++)
        p->seen_real[i] = p->seen_fake[i] = p->r->model->site[i].layer < 0 ? w->unscored : 0;
}

/* Where the token that a site has come to lies in the piece. */
static int64_t in_piece(const pass *p, int64_t seen)
{
    return ssmq_stretch_at(p->r->evaluation, seen) % p->piece;
}

static int64_t width_of(const ssmq_site *s)
{
    return s->width * (s->kind == SSMQ_SITE_STATE ? s->rows : 1);
}

static void copy_values(const ssmq_tensor *x, float *to)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    for (int64_t m = 0; m < rows.dim[0]; m++)
        memcpy(to + m * rows.dim[1], (const float *)rows.data + m * rows.stride[0],
               (size_t)rows.dim[1] * sizeof *to);
}

/* Codes of either type as bytes. */
static void copy_codes(const ssmq_tensor *q, int8_t *to)
{
    const ssmq_tensor rows = ssmq_tensor_rows(q);
    for (int64_t m = 0; m < rows.dim[0]; m++)
        for (int64_t c = 0; c < rows.dim[1]; c++) {
            const int64_t at = m * rows.stride[0] + c;
            to[m * rows.dim[1] + c] = q->dtype == SSMQ_I8 ? ((const int8_t *)rows.data)[at]
                                                          : (int8_t)((const float *)rows.data)[at];
        }
}

/* Some rows of a site, each a token's, or of a state one of a token's. */
typedef struct part {
    int32_t       site;
    int64_t       seen; /* the first row's token, of the window                      */
    int64_t       rows, width;
    int64_t       rows_per_token;
    const int8_t *code; /* of fake; NULL: both modes' are found from their values     */
    int64_t       at;   /* of the first value in fake's values and in those kept      */
    int64_t       kept_at;
} part;

/* Column c of row m. */
static coded coded_at(const ssmq_quantiser *by, const ssmq_scale_map *map, int64_t m, int64_t c,
                      float value, const int8_t *code)
{
    const int64_t which = m * map->by_row + c / map->group;
    coded         v = {value, map->scale[which], map->zero ? map->zero[which] : 0, 0, &by->spec};
    v.code = code ? *code : ssmq_code(v.value, v.scale, v.zero, v.spec);
    return v;
}

static void compare_part(pass *p, const part *w)
{
    const ssmq_quantiser by_fake = ssmq_exec_quantiser(p->fake, w->site);
    const ssmq_quantiser by_real = ssmq_exec_quantiser(p->real, w->site);
    const ssmq_tensor    shape = SSMQ_TENSOR(p->value + w->at, SSMQ_F32, w->rows, w->width);
    const ssmq_scale_map fake = ssmq_shape_scales(&shape, &by_fake.spec, &by_fake.params);
    const ssmq_scale_map real = ssmq_shape_scales(&shape, &by_real.spec, &by_real.params);
    const kept          *k = &p->kept[w->site];
    for (int64_t m = 0; m < w->rows; m++) {
        const int64_t token = w->seen + m / w->rows_per_token;
        for (int64_t c = 0; c < w->width; c++) {
            const int64_t i = m * w->width + c, of_real = w->kept_at + i;
            const coded   f =
                coded_at(&by_fake, &fake, m, c, p->value[w->at + i], w->code ? &w->code[i] : NULL);
            const coded r = coded_at(&by_real, &real, m, c, k->value[of_real],
                                     w->code ? &k->code[of_real] : NULL);
            count(p, &p->out->at[w->site], &f, &r, token, m % w->rows_per_token * w->width + c);
        }
    }
}

/* ---- what the modes show --------------------------------------------------------------- */

static bool is_state(const pass *p, int32_t site)
{
    return p->r->model->site[site].kind == SSMQ_SITE_STATE;
}

static bool wants(void *context, int32_t site)
{
    const pass *p = context;
    return p->kept[site].value != NULL;
}

static ssmq_status see_real(void *context, int32_t site, const ssmq_tensor *x)
{
    const pass   *p = context;
    const int64_t width = width_of(&p->r->model->site[site]);
    if (!p->kept[site].value) return SSMQ_OK;
    copy_values(x, p->kept[site].value + in_piece(p, p->seen_real[site]) * width);
    if (is_state(p, site)) p->seen_real[site] += ssmq_tensor_count(x) / width;
    return SSMQ_OK;
}

static ssmq_status codes_real(void *context, int32_t site, const ssmq_tensor *q)
{
    const pass   *p = context;
    const int64_t width = width_of(&p->r->model->site[site]);
    if (!p->kept[site].value) return SSMQ_OK;
    copy_codes(q, p->kept[site].code + in_piece(p, p->seen_real[site]) * width);
    p->seen_real[site] += ssmq_tensor_count(q) / width;
    return SSMQ_OK;
}

/* The states after n tokens, whose values are in p->value. */
static void compare_states(pass *p, int32_t site, int64_t n)
{
    const ssmq_site *s = &p->r->model->site[site];
    for (int64_t t = 0; t < n; t++, p->seen_fake[site]++) {
        const int64_t width = width_of(s);
        const part    w = {.site = site,
                           .seen = p->seen_fake[site],
                           .rows = s->rows,
                           .width = s->width,
                           .rows_per_token = s->rows,
                           .at = t * width,
                           .kept_at = in_piece(p, p->seen_fake[site]) * width};
        compare_part(p, &w);
    }
}

static ssmq_status see_fake(void *context, int32_t site, const ssmq_tensor *x)
{
    pass *p = context;
    if (!p->kept[site].value) return SSMQ_OK;
    copy_values(x, p->value);
    if (is_state(p, site))
        compare_states(p, site, ssmq_tensor_count(x) / width_of(&p->r->model->site[site]));
    return SSMQ_OK;
}

static ssmq_status codes_fake(void *context, int32_t site, const ssmq_tensor *q)
{
    pass         *p = context;
    const int64_t width = p->r->model->site[site].width, rows = ssmq_tensor_count(q) / width;
    const int64_t seen = p->seen_fake[site];
    if (!p->kept[site].value) return SSMQ_OK;
    copy_codes(q, p->code);
    const part w = {.site = site,
                    .seen = seen,
                    .rows = rows,
                    .width = width,
                    .rows_per_token = 1,
                    .code = p->code,
                    .kept_at = in_piece(p, seen) * width};
    compare_part(p, &w);
    p->seen_fake[site] += rows;
    return SSMQ_OK;
}

/* ---- all of it ------------------------------------------------------------------------- */

static bool is_compared(const pass *p, int32_t site)
{
    return p->r->model->site[site].kind != SSMQ_SITE_WEIGHT &&
           ssmq_qspec_bytes(&p->r->plan->at[site].spec);
}

/* Room for a piece of every site. */
static ssmq_status make_room(pass *p)
{
    const ssmq_model *m = p->r->model;
    int64_t           width = 1, widest = 1;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!is_compared(p, i)) continue;
        width += width_of(&m->site[i]);
        if (width_of(&m->site[i]) > widest) widest = width_of(&m->site[i]);
    }
    const int64_t room = p->r->room > 0 ? p->r->room : SSMQ_COMPARE_ROOM, fit = room / (width * 5);
    p->piece = fit < PIECE_MIN ? PIECE_MIN : fit > SSMQ_EVAL_PIECE ? SSMQ_EVAL_PIECE : fit;
    if (ssmq_exec_whole(p->real) || p->piece > p->r->evaluation->window)
        p->piece = p->r->evaluation->window;
    p->value = malloc((size_t)(p->piece * widest) * sizeof *p->value);
    p->code = malloc((size_t)(p->piece * widest));
    bool missing = !p->value || !p->code;
    for (int32_t i = 0; i < m->n_site && !missing; i++) {
        const size_t n = (size_t)(p->piece * width_of(&m->site[i]));
        if (!is_compared(p, i)) continue;
        p->kept[i] = (kept){malloc(n * sizeof(float)), malloc(n)};
        missing = !p->kept[i].value || !p->kept[i].code;
    }
    return missing
               ? SSMQ_FAIL(MEMORY, "no memory for the tensors that fake and real are compared in")
               : SSMQ_OK;
}

static ssmq_status open_pass(const ssmq_fake_real_request *r, pass *p)
{
    const size_t n = (size_t)r->model->n_site;
    ssmq_arena  *arena = ssmq_arena_new();
    *p = (pass){.r = r, .out = ssmq_arena_alloc(arena, sizeof *p->out)};
    *p->out = (ssmq_fake_real){.arena = arena, .model = r->model, .first = -1};
    p->out->at = SSMQ_ARENA_ARRAY(arena, ssmq_fake_real_site, n);
    p->seen_real = SSMQ_ARENA_ARRAY(arena, int64_t, n);
    p->seen_fake = SSMQ_ARENA_ARRAY(arena, int64_t, n);
    p->kept = SSMQ_ARENA_ARRAY(arena, kept, n);
    SSMQ_TRY(ssmq_exec_open(r->be, r->model, r->plan, SSMQ_MODE_REAL, &p->real));
    SSMQ_TRY(
        ssmq_exec_open(r->be, r->model, r->fake ? r->fake : r->plan, SSMQ_MODE_FAKE, &p->fake));
    ssmq_exec_probe(
        p->real, (ssmq_probe){.see = see_real, .codes = codes_real, .wants = wants, .context = p});
    ssmq_exec_probe(
        p->fake, (ssmq_probe){.see = see_fake, .codes = codes_fake, .wants = wants, .context = p});
    return make_room(p);
}

static void close_pass(pass *p)
{
    for (int32_t i = 0; i < p->r->model->n_site; i++) {
        free(p->kept[i].value);
        free(p->kept[i].code);
    }
    free(p->value);
    free(p->code);
    ssmq_exec_close(p->real);
    ssmq_exec_close(p->fake);
}

static void conclude(const pass *p, const ssmq_ppl *ppl)
{
    ssmq_fake_real           *f = p->out;
    const ssmq_compare_score *c = &ppl->comparison->all;
    f->windows = ppl->all.windows;
    f->nll_real = ppl->all.nll;
    f->ln_ratio = c->ln_ratio;
    f->ln_ratio_se = c->ln_ratio_se;
    f->nll_fake = f->nll_real - f->ln_ratio;
    f->kl_mean = c->kl_mean;
    for (int32_t i = f->model->n_site - 1; i >= 0; i--)
        if (f->at[i].count.n_differ > 0) f->first = i;
}

ssmq_status ssmq_fake_real_run(const ssmq_fake_real_request *r, ssmq_fake_real **out)
{
    const ssmq_compare_spec spec = {.metrics = 1u << SSMQ_METRIC_KL};
    pass                    p;
    ssmq_ppl                ppl = {0};
    ssmq_listener           l = r->listener ? *r->listener : (ssmq_listener){0};
    ssmq_status             st = open_pass(r, &p);
    l.part = TASK; /* these windows are not those of the evaluation itself */
    if (st == SSMQ_OK) {
        const ssmq_beside beside = {.m = r->model,
                                    .ex = p.fake,
                                    .spec = &spec,
                                    .seed = r->seed,
                                    .name = "fake",
                                    .task = TASK,
                                    .piece = p.piece,
                                    .sums = p.out->at,
                                    .sums_bytes = (size_t)r->model->n_site * sizeof *p.out->at,
                                    .begin = begin_window,
                                    .context = &p};
        st = ssmq_eval_paired(r->evaluation, r->model, p.real, &beside, r->texts, &l, &ppl);
    }
    if (st == SSMQ_OK) {
        conclude(&p, &ppl);
        ssmq_ppl_free(&ppl);
        *out = p.out;
    }
    close_pass(&p);
    if (st != SSMQ_OK) ssmq_fake_real_free(p.out);
    return st;
}

void ssmq_fake_real_free(ssmq_fake_real *f)
{
    if (f) ssmq_arena_free(f->arena);
}
