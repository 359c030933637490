#include "analysis/points.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "harness/store/score_figures.h"

#define METRICS_MAX 64

/* ---- metrics ---------------------------------------------------------------------------- */

static const char *label_of(const char *name)
{
    static const char *const known[][2] = {{"change", "change of perplexity (%)"},
                                           {"difference", "change of log-perplexity (nat)"},
                                           {"ppl", "perplexity"},
                                           {"word_ppl", "perplexity of a word"},
                                           {"byte_ppl", "perplexity of a byte"},
                                           {"bits_per_byte", "bits per byte"},
                                           {"nll", "loss (nat)"},
                                           {"ln_ratio", "log-perplexity less float's (nat)"},
                                           {"kl_mean", "KL from float (nat)"},
                                           {"top1", "top-1 agreement with float"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i][0], name) == 0) return known[i][1];
    return name;
}

/* Which figure is the standard error of another; nll has that of ln ppl (ssmq_point_of). */
static int32_t se_of(const char *name)
{
    if (strcmp(name, "ppl") == 0) return ssmq_score_figure_find("ppl_se");
    if (strcmp(name, "word_ppl") == 0) return ssmq_score_figure_find("word_ppl_se");
    if (strcmp(name, "byte_ppl") == 0) return ssmq_score_figure_find("byte_ppl_se");
    if (strcmp(name, "bits_per_byte") == 0) return ssmq_score_figure_find("bits_per_byte_se");
    if (strcmp(name, "ln_ratio") == 0) return ssmq_score_figure_find("ln_ratio_se");
    if (strcmp(name, "kl_mean") == 0) return ssmq_score_figure_find("kl_se");
    return -1;
}

ssmq_status ssmq_points_metric(const ssmq_figure_request *rq, const char *fallback, ssmq_metric_of *out)
{
    const char *names[METRICS_MAX] = {"change", "difference"};
    const char *wanted = rq->o->metric ? rq->o->metric : fallback;
    int32_t     n = 2;
    for (int32_t k = 0; ssmq_score_figures[k].name && n < METRICS_MAX - 1; k++)
        names[n++] = ssmq_score_figures[k].name;
    for (int32_t i = 0; i < n; i++)
        if (strcmp(names[i], wanted) == 0) {
            *out = (ssmq_metric_of){names[i], label_of(names[i]), ssmq_score_figure_find(names[i]),
                                    se_of(names[i])};
            return SSMQ_OK;
        }
    const char *near = ssmq_str_nearest(wanted, names);
    if (near) return SSMQ_FAIL(USAGE, "no metric has the name '%s'; did you mean '%s'?", wanted, near);
    return SSMQ_FAIL(USAGE, "no metric has the name '%s'; there are %s", wanted,
                     ssmq_option_words(rq->arena, names));
}

static ssmq_point against_baseline(const ssmq_comparison *c, int32_t run, bool percent)
{
    const ssmq_comparison_cell *cell = ssmq_comparison_at(c, run, 0);
    if (!cell->score) return (ssmq_point){(double)NAN, (double)NAN, false};
    if (c->against[run] < 0) return (ssmq_point){0, (double)NAN, false};
    if (!cell->compared) return (ssmq_point){(double)NAN, (double)NAN, false};
    if (percent) return (ssmq_point){ssmq_cell_change(cell), ssmq_cell_change_se(cell), cell->noise};
    return (ssmq_point){cell->ln_ratio, cell->ln_ratio_se, cell->noise};
}

ssmq_point ssmq_point_of(const ssmq_comparison *c, int32_t run, const ssmq_metric_of *metric)
{
    const ssmq_evaluation_score *e = ssmq_comparison_at(c, run, 0)->score;
    if (metric->figure < 0) return against_baseline(c, run, strcmp(metric->name, "change") == 0);
    ssmq_point p = {.value = ssmq_score_figure_of(e, metric->figure), .se = (double)NAN};
    if (metric->se >= 0) p.se = ssmq_score_figure_of(e, metric->se);
    if (e && strcmp(metric->name, "nll") == 0) p.se = e->score.ppl_se / e->score.ppl;
    return p;
}

/* ---- names ------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Do quantised runs differ in their modes, or in their recipes? */
static bool differ(const ssmq_comparison *c, bool mode)
{
    const ssmq_summary *first = NULL;
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_summary *s = &c->run[i]->summary;
        if (strcmp(s->mode, "float") == 0) continue;
        if (!first) first = s;
        if (!same(mode ? s->mode : s->recipe, mode ? first->mode : first->recipe)) return true;
    }
    return false;
}

static void put_word(const char *word, ssmq_str *out)
{
    if (word) ssmq_str_printf(out, "%s%s", out->length ? " " : "", word);
}

const char *ssmq_point_rest(const ssmq_comparison *c, int32_t run, int32_t axis, ssmq_arena *arena)
{
    const ssmq_summary *s = &c->run[run]->summary;
    ssmq_str            text = {0};
    if (strcmp(s->mode, "float") == 0 || differ(c, true)) put_word(s->mode, &text);
    if (differ(c, false)) put_word(s->recipe, &text);
    for (int32_t a = 0; a < c->n_axis; a++) {
        const char *label = c->value[run * c->n_axis + a].label;
        if (label && a != axis) put_word(ssmq_arena_printf(arena, "%s=%s", c->axis[a], label), &text);
    }
    const char *out = ssmq_arena_strdup(arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return out;
}

ssmq_status ssmq_points_names(const ssmq_figure_request *rq, const char *const **out)
{
    const ssmq_comparison *c = rq->table;
    const char           **name = SSMQ_ARENA_ARRAY(rq->arena, const char *, c->n_run + 1);
    int32_t                n = 0;
    while (rq->o->label[n]) n++;
    if (n && n != c->n_run)
        return SSMQ_FAIL(USAGE, "option '--label' stands %d times for %d runs", n, c->n_run);
    for (int32_t i = 0; i < c->n_run; i++) {
        const char *rest = ssmq_point_rest(c, i, -1, rq->arena);
        name[i] = n ? rq->o->label[i] : *rest ? rest : c->label[i];
    }
    *out = name;
    return SSMQ_OK;
}

void ssmq_points_title(const ssmq_figure_request *rq, ssmq_figure *f)
{
    const ssmq_evaluation_score *e = rq->table->column[0];
    char                         reset[SSMQ_RESET_TEXT];
    f->title = rq->o->title ? rq->o->title
                            : ssmq_arena_printf(rq->arena, "%s, %s, windows of %" PRId64 " tokens%s", e->id, e->dialect,
                                                e->window, ssmq_reset_text(e->state_reset, reset));
}

ssmq_cell *ssmq_points_row(ssmq_figure *f, const ssmq_comparison *c, int32_t run)
{
    ssmq_cell *cell = ssmq_figure_row(f);
    cell[0] = SSMQ_TEXT_CELL(c->label[run]);
    cell[1] = SSMQ_TEXT_CELL(c->run[run]->summary.id);
    return cell + 2;
}
