#include "harness/store/score_figures.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COMPARED (SSMQ_SCORE_FIGURES_ALWAYS + SSMQ_SCORE_FIGURES_TEXT) /* the first that is paired with float */

const ssmq_score_figure ssmq_score_figures[] = {
    {"ppl", "", "perplexity"},
    {"ppl_se", "", "standard error of the perplexity over windows"},
    {"nll", "nat", "mean loss of a token"},
    {"windows", "", "windows"},
    {"tokens", "", "predicted tokens"},
    {"word_ppl", "", "perplexity of a word of the text"},
    {"word_ppl_se", "", "its standard error over documents"},
    {"byte_ppl", "", "perplexity of a byte of the text"},
    {"byte_ppl_se", "", "its standard error over documents"},
    {"bits_per_byte", "bit", "mean loss of a byte of the text"},
    {"bits_per_byte_se", "bit", "its standard error over documents"},
    {"ln_ratio", "nat", "difference in log-perplexity from float"},
    {"ln_ratio_se", "nat", "its standard error over windows, paired"},
    {"ln_ratio_low", "nat", "lower end of its 95 % interval"},
    {"ln_ratio_high", "nat", "upper end of its 95 % interval"},
    {"kl_mean", "nat", "mean divergence from float"},
    {"kl_se", "nat", "standard error of the mean divergence over windows"},
    {"kl_median", "nat", "median divergence of a token from float"},
    {"kl_p90", "nat", "90th percentile of the divergence of a token"},
    {"kl_p99", "nat", "99th percentile of the divergence of a token"},
    {"kl_p999", "nat", "99.9th percentile of the divergence of a token"},
    {"kl_max", "nat", "largest divergence of a token"},
    {"delta_p_mean", "", "mean change of the target's probability against float"},
    {"delta_p_rms", "", "root mean square of that change over tokens"},
    {"top1", "", "share of tokens whose most likely token is that of float"},
    {0},
};

/* The k-th figure of SSMQ_TEXT_FIELDS. */
static double of_text(const ssmq_text_score *t, int32_t k)
{
    const double field[] = {
#define X(name, unit) t->name,
        SSMQ_TEXT_FIELDS(X)
#undef X
    };
    _Static_assert(sizeof field / sizeof *field == SSMQ_SCORE_FIGURES_TEXT, "a figure for each field");
    return t->documents > 0 ? field[k] : (double)NAN;
}

/* Which of the comparison's fields the k-th figure behind the scores is: in the order of SSMQ_COMPARE_FIELDS. */
static double compared(const ssmq_compare_score *c, int32_t k)
{
    const struct {
        double value;
        int    metric;
    } field[] = {
#define X(name, metric, unit) {c->name, metric},
        SSMQ_COMPARE_FIELDS(X)
#undef X
    };
    _Static_assert(sizeof ssmq_score_figures / sizeof *ssmq_score_figures - 1 - COMPARED == sizeof field / sizeof *field,
                   "a figure for each field");
    const bool there = c->against && (field[k].metric < 0 || c->metrics >> field[k].metric & 1);
    return there ? field[k].value : (double)NAN;
}

double ssmq_score_figure_of(const ssmq_evaluation_score *e, int32_t k)
{
    if (!e) return (double)NAN;
    switch (k) {
    case 0: return e->score.ppl;
    case 1: return e->score.ppl_se;
    case 2: return e->score.nll;
    case 3: return (double)e->score.windows;
    case 4: return (double)e->score.tokens;
    default: break;
    }
    return k < COMPARED ? of_text(&e->score.text, k - SSMQ_SCORE_FIGURES_ALWAYS) : compared(&e->compare, k - COMPARED);
}

int32_t ssmq_score_figure_find(const char *name)
{
    for (int32_t k = 0; ssmq_score_figures[k].name; k++)
        if (strcmp(ssmq_score_figures[k].name, name) == 0) return k;
    return -1;
}

const ssmq_evaluation_score *ssmq_summary_find(const ssmq_summary *s, const char *id)
{
    for (int32_t i = 0; i < s->n_evaluation; i++)
        if (strcmp(s->evaluation[i].id, id) == 0) return &s->evaluation[i];
    return NULL;
}

int32_t ssmq_summaries_evaluations(const ssmq_summary *s, int32_t n, ssmq_arena *arena, const char *const **id)
{
    int32_t most = 0, found = 0;
    for (int32_t i = 0; i < n; i++) most += s[i].n_evaluation;
    const char **all = SSMQ_ARENA_ARRAY(arena, const char *, most + 1);
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < s[i].n_evaluation; k++) {
            int32_t at = 0;
            while (at < found && strcmp(all[at], s[i].evaluation[k].id) != 0) at++;
            if (at == found) all[found++] = s[i].evaluation[k].id;
        }
    *id = all;
    return found;
}

/* Two decimals for the usual range; four significant digits where they would say nothing. */
const char *ssmq_reset_text(int64_t state_reset, char text[SSMQ_RESET_TEXT])
{
    text[0] = 0;
    if (state_reset > 0) snprintf(text, SSMQ_RESET_TEXT, ", states reset every %" PRId64, state_reset);
    return text;
}

void ssmq_ppl_text(double value, char text[SSMQ_PPL_TEXT])
{
    if (isnan(value)) strcpy(text, "-");
    else if (value >= 0.1 && value < 1e5) snprintf(text, SSMQ_PPL_TEXT, "%.2f", value);
    else snprintf(text, SSMQ_PPL_TEXT, "%.4g", value);
}

const char *const ssmq_text_headings[SSMQ_TEXT_CELLS] = {"word ppl", "se", "byte ppl", "se", "bits per byte", "se"};

/* Those of a byte are small numbers. */
void ssmq_text_cells(const ssmq_score *e, ssmq_arena *arena, const char *cell[SSMQ_TEXT_CELLS])
{
    for (int32_t k = 0; k < SSMQ_TEXT_CELLS; k++) {
        const double value = e ? of_text(&e->text, k) : (double)NAN;
        char         text[SSMQ_PPL_TEXT];
        ssmq_ppl_text(value, text);
        cell[k] = k < 2 || isnan(value) ? ssmq_arena_strdup(arena, text) : ssmq_arena_printf(arena, "%.4f", value);
    }
}
