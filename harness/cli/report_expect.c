#include "harness/cli/report_expect.h"
#include <math.h>
#include "harness/base/arena.h"
#include "harness/base/table.h"
#include "harness/store/score_figures.h"

static double got_of(const ssmq_summary *run, const ssmq_expectation *e)
{
    return ssmq_score_figure_of(ssmq_summary_find(run, e->evaluation), e->figure);
}

static bool is_inside(const ssmq_expectation *e, double got)
{
    return fabs(got - e->value) <= e->tolerance; /* false for NaN */
}

void ssmq_report_expected(const ssmq_summary *run, int32_t n, const ssmq_rows *rows, ssmq_str *out)
{
    static const char *const heading[] = {"run", "figure", "expected", "within", "got", "deviation", "", "source"};
    ssmq_arena              *arena = ssmq_arena_new();
    ssmq_table              *t = ssmq_table_new(8, heading);
    bool                     any = false;
    for (int32_t k = 0; k < rows->n_expect; k++)
        for (int32_t i = 0; i < n; i++) {
            const ssmq_expectation *e = &rows->expect[k];
            const double            got = got_of(&run[i], e);
            if (!e->of[i] || isnan(got)) continue;
            any = true;
            ssmq_table_row(t, (const char *[]){
                                  run[i].name,
                                  ssmq_arena_printf(arena, "%s %s", e->evaluation, ssmq_score_figures[e->figure].name),
                                  ssmq_arena_printf(arena, "%.6g", e->value),
                                  ssmq_arena_printf(arena, "%.3g", e->tolerance),
                                  ssmq_arena_printf(arena, "%.6g", got),
                                  ssmq_arena_printf(arena, "%+.3g", got - e->value),
                                  is_inside(e, got) ? "inside" : "OUTSIDE",
                                  e->source,
                              });
        }
    if (any) {
        ssmq_str_puts(out, "\nagainst what was expected\n\n");
        ssmq_table_print(t, out);
    }
    ssmq_table_free(t);
    ssmq_arena_free(arena);
}

void ssmq_report_put_expected(ssmq_json_writer *w, const ssmq_summary *run, const ssmq_rows *rows, int32_t row)
{
    ssmq_json_begin_array(w, "expected");
    for (int32_t k = 0; k < rows->n_expect; k++) {
        const ssmq_expectation *e = &rows->expect[k];
        const double            got = got_of(run, e);
        if (!e->of[row]) continue;
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "evaluation", e->evaluation);
        ssmq_json_put_text(w, "metric", ssmq_score_figures[e->figure].name);
        ssmq_json_put_real(w, "value", e->value);
        ssmq_json_put_real(w, "tolerance", e->tolerance);
        ssmq_json_put_text(w, "source", e->source);
        ssmq_json_put_real(w, "got", got);
        ssmq_json_put_real(w, "deviation", got - e->value);
        if (isnan(got)) ssmq_json_put_null(w, "inside");
        else ssmq_json_put_bool(w, "inside", is_inside(e, got));
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
}

int32_t ssmq_report_outside(const ssmq_summary *run, int32_t n, const ssmq_rows *rows)
{
    int32_t outside = 0;
    for (int32_t k = 0; k < rows->n_expect; k++)
        for (int32_t i = 0; i < n; i++) {
            const double got = got_of(&run[i], &rows->expect[k]);
            outside += rows->expect[k].of[i] && !isnan(got) && !is_inside(&rows->expect[k], got);
        }
    return outside;
}
