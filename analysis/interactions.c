/* interactions: what two steps of a recipe do together beyond what each does, a bar for each pair. */
#include <math.h>
#include "analysis/kinds.h"
#include "harness/base/table.h"

#define SETTING "compare: {interactions: [[STEP, STEP]]}"
#define GROUP "/interaction/"
#define NOISE_SE 2 /* standard errors, as in comparisons */

typedef struct interaction_source {
    const char *const *step;
    double            *value, *se; /* [n, n]; NaN: the pair was not asked for */
    int64_t            n;
} interaction_source;

static ssmq_status read_source(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                               interaction_source *out)
{
    if (!ssmq_sealed_has(run->results, GROUP "step")) return ssmq_figure_lacks(run, "interactions", SETTING);
    SSMQ_TRY(ssmq_sealed_texts(run->results, GROUP "step", rq->arena, &out->step, &out->n));
    const int64_t begin[] = {0, 0}, dim[] = {out->n, out->n};
    SSMQ_TRY(ssmq_figure_check_axes(run, GROUP "ln_ppl", 2, dim));
    SSMQ_TRY(ssmq_figure_check_axes(run, GROUP "ln_ppl_se", 2, dim));
    out->value = SSMQ_ARENA_ARRAY(rq->arena, double, out->n * out->n);
    out->se = SSMQ_ARENA_ARRAY(rq->arena, double, out->n * out->n);
    SSMQ_TRY(ssmq_sealed_block(run->results, GROUP "ln_ppl", begin, dim, out->value));
    return ssmq_sealed_block(run->results, GROUP "ln_ppl_se", begin, dim, out->se);
}

/* Each pair once, in the order of the recipe. */
static ssmq_status add_run(const ssmq_figure_request *rq, const ssmq_figure_run *run, ssmq_figure *f,
                           int32_t *longest)
{
    interaction_source s;
    SSMQ_TRY(read_source(rq, run, &s));
    SSMQ_TRY(ssmq_figure_reserve(f, s.n * s.n));
    for (int64_t i = 0; i < s.n; i++)
        for (int64_t k = i + 1; k < s.n; k++) {
            const double value = s.value[i * s.n + k], se = s.se[i * s.n + k];
            const char  *pair = ssmq_arena_printf(rq->arena, "%s with %s", s.step[i], s.step[k]);
            if (isnan(value)) continue;
            const char *name =
                rq->n_run > 1 ? ssmq_arena_printf(rq->arena, "%s: %s", run->label, pair) : pair;
            const int32_t length = ssmq_text_width(name);
            const double  rank = (double)f->n_row;
            ssmq_cell    *cell = ssmq_figure_run_row(f, run);
            if (length > *longest) *longest = length;
            cell[0] = SSMQ_NUMBER_CELL(rank);
            cell[1] = SSMQ_TEXT_CELL(name);
            cell[2] = SSMQ_TEXT_CELL(s.step[i]);
            cell[3] = SSMQ_TEXT_CELL(s.step[k]);
            cell[4] = SSMQ_NUMBER_CELL(value);
            cell[5] = SSMQ_NUMBER_CELL(se);
            cell[6] = SSMQ_NUMBER_CELL(fabs(value) <= NOISE_SE * se);
            cell[7] = SSMQ_TEXT_CELL("");
        }
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    int32_t longest = 0;
    ssmq_figure_add_column(f, "rank", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "name", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "step", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "with", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "value", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "se", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "noise", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "status",
                           SSMQ_COLUMN_TEXT); /* which the script writes where there is no value */
    SSMQ_TRY(ssmq_figure_begin_series(f, "pairs"));
    for (int32_t i = 0; i < rq->n_run; i++) SSMQ_TRY(add_run(rq, &rq->run[i], f, &longest));
    ssmq_figure_set_text(f, "x_name", "together beyond each, log-perplexity (nat)");
    ssmq_figure_set_real(f, "rows", (double)f->n_row);
    ssmq_figure_set_real(f, "longest", longest);
    ssmq_figure_title(rq, f, "", -1);
    f->script = "ablation";
    f->height_cm = 1.7 + 0.34 * (double)f->n_row;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_interactions = {
    .name = "interactions",
    .build = build,
};
