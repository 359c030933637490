/* kl: what quantisation does to the distribution of each token, and how many tokens it does more to. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/evaluation.h"

#define SETTING "compare: {tokens: true, metrics: [kl, delta-p, top1]}"
#define PICTURE_POINTS 256

enum { KL, DELTA_P, TOP1, FIGURES };
static const char *const datasets[] = {"token_kl", "token_delta_p", "token_top1"};
static const char *const metrics[] = {"kl", "delta_p", NULL}; /* of those that a picture is of */

static ssmq_status find_metric(const ssmq_figure_request *rq, int *out)
{
    const char *name = rq->o->metric ? rq->o->metric : metrics[KL];
    for (*out = 0; metrics[*out]; ++*out)
        if (strcmp(metrics[*out], name) == 0) return SSMQ_OK;
    return SSMQ_FAIL(USAGE, "no metric of tokens has the name '%s'; there are %s", name,
                     ssmq_option_words(rq->arena, metrics));
}

/* ---- ranks ------------------------------------------------------------------------------ */

typedef struct ranked {
    double  size; /* of the divergence, or of the change */
    int64_t token;
} ranked;

static int by_falling_size(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return x->token < y->token ? -1 : 1;
}

static ranked *rank_tokens(const double *value, int64_t n, ssmq_arena *arena)
{
    ranked *order = SSMQ_ARENA_ARRAY(arena, ranked, n);
    for (int64_t i = 0; i < n; i++) order[i] = (ranked){fabs(value[i]), i};
    qsort(order, (size_t)n, sizeof *order, by_falling_size);
    return order;
}

/* ---- the table -------------------------------------------------------------------------- */

typedef struct kl_source {
    const ssmq_figure_evaluation *e;
    double                       *value[FIGURES]; /* [n]; NULL: not stored */
    double                       *share;          /* [n] of tokens with as much or more */
    int64_t                      *window;         /* [n] */
    double                       *position;       /* [n] in the window; NaN where windows share tokens */
    ranked                       *order;          /* [n] */
    int64_t                       n;
} kl_source;

static void place_tokens(kl_source *s, ssmq_arena *arena)
{
    const bool alike = strcmp(s->e->dialect, "lm-eval") != 0;
    int64_t    at = 0;
    s->window = SSMQ_ARENA_ARRAY(arena, int64_t, s->n);
    s->position = SSMQ_ARENA_ARRAY(arena, double, s->n);
    for (int64_t w = 0; w < s->e->n; w++) {
        const int64_t n = (int64_t)s->e->tokens[w];
        for (int64_t i = 0; i < n && at < s->n; i++, at++) {
            s->window[at] = w;
            s->position[at] = alike ? (double)(s->e->window - n + i) : (double)NAN;
        }
    }
}

static ssmq_status read_source(const ssmq_figure_request *rq, const ssmq_figure_evaluation *e, int metric,
                               kl_source *out)
{
    *out = (kl_source){.e = e};
    for (int64_t w = 0; w < e->n; w++) out->n += (int64_t)e->tokens[w];
    for (int k = 0; k < FIGURES; k++)
        SSMQ_TRY(ssmq_figure_evaluation_read(e, datasets[k], out->n, rq->arena, &out->value[k]));
    if (!out->value[metric] || out->n == 0)
        return ssmq_figure_lacks(e->run, ssmq_arena_printf(rq->arena, "%s of tokens", metrics[metric]),
                                 SETTING);
    out->order = rank_tokens(out->value[metric], out->n, rq->arena);
    out->share = SSMQ_ARENA_ARRAY(rq->arena, double, out->n);
    for (int64_t r = 0; r < out->n; r++) out->share[out->order[r].token] = (double)(r + 1) / (double)out->n;
    place_tokens(out, rq->arena);
    return SSMQ_OK;
}

static void put_row(const kl_source *s, int64_t token, ssmq_figure *f)
{
    ssmq_cell *cell = ssmq_figure_run_row(f, s->e->run);
    cell[0] = SSMQ_TEXT_CELL(s->e->id);
    cell[1] = SSMQ_NUMBER_CELL(s->window[token]);
    cell[2] = SSMQ_NUMBER_CELL(s->position[token]);
    for (int k = 0; k < FIGURES; k++)
        cell[3 + k] = SSMQ_NUMBER_CELL(s->value[k] ? s->value[k][token] : (double)NAN);
    cell[3 + FIGURES] = SSMQ_NUMBER_CELL(s->share[token]);
}

/* A picture has tokens by falling size, at even distances of the logarithm of their rank. */
static ssmq_status add_rows(const ssmq_figure_request *rq, const kl_source *s, ssmq_figure *f)
{
    const int64_t limit = rq->o->points >= 0 ? rq->o->points : rq->picture ? PICTURE_POINTS : 0;
    int64_t       rank = 0;
    SSMQ_TRY(ssmq_figure_begin_series(f, s->e->run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, s->n));
    for (int64_t i = 0; limit == 0 && i < s->n; i++) put_row(s, i, f);
    for (int64_t i = 0; i < limit; i++) {
        const double  part = limit > 1 ? (double)i / (double)(limit - 1) : 1;
        const int64_t next = (int64_t)(pow((double)s->n, part) + 0.5);
        if (next <= rank) continue;
        rank = next < s->n ? next : s->n;
        put_row(s, s->order[rank - 1].token, f);
    }
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    ssmq_figure_evaluation *e;
    int                     metric;
    double                  most = 0;
    SSMQ_TRY(find_metric(rq, &metric));
    SSMQ_TRY(ssmq_figure_evaluations(rq, &e));
    ssmq_figure_add_column(f, "evaluation", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "window", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "position", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "kl", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "delta_p", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "top1", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "share", SSMQ_COLUMN_REAL);
    for (int32_t i = 0; i < rq->n_run; i++) {
        kl_source s;
        SSMQ_TRY(read_source(rq, &e[i], metric, &s));
        SSMQ_TRY(add_rows(rq, &s, f));
        most = fmax(most, s.order[0].size);
    }
    ssmq_figure_evaluation_title(rq, &e[0], f);
    ssmq_figure_set_text(f, "quantity", metrics[metric]);
    ssmq_figure_set_text(f, "name",
                         metric == KL ? "KL divergence from float (nat)"
                                      : "change of the target's probability, either way");
    ssmq_figure_set_real(f, "most", most);
    f->height_cm = 5.4 + 0.3 * rq->n_run;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_kl = {
    .name = "kl",
    .takes = SSMQ_TAKES_METRIC | SSMQ_TAKES_POINTS,
    .build = build,
};
