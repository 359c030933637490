#include "harness/cli/report.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/json.h"
#include "harness/cli/results.h"
#include "harness/cli/table.h"

static const ssmq_evaluation_score *find(const ssmq_summary *run, const char *id)
{
    for (int32_t i = 0; i < run->n_evaluation; i++)
        if (strcmp(run->evaluation[i].id, id) == 0) return &run->evaluation[i];
    return NULL;
}

/* A row for each subset of an evaluation in each run. */
static void print_subsets(const ssmq_summary *run, int32_t n, const ssmq_evaluation_score *e,
                          ssmq_str *out)
{
    const char *heading[] = {"subset", "run", "ppl", "se", "windows"};
    ssmq_table *t = ssmq_table_new(5, heading);
    for (int32_t s = 0; s < e->n_subset; s++)
        for (int32_t i = 0; i < n; i++) {
            const ssmq_evaluation_score *mine = find(&run[i], e->id);
            if (!mine || mine->n_subset <= s) continue;
            char ppl[SSMQ_PPL_TEXT], se[SSMQ_PPL_TEXT], windows[32];
            ssmq_ppl_text(mine->subset[s].score.ppl, ppl);
            ssmq_ppl_text(mine->subset[s].score.ppl_se, se);
            snprintf(windows, sizeof windows, "%" PRId64, mine->subset[s].score.windows);
            ssmq_table_row(t, (const char *[]){mine->subset[s].name, run[i].name, ppl, se, windows});
        }
    ssmq_str_puts(out, "\n");
    ssmq_table_print(t, out);
    ssmq_table_free(t);
}

static void print_evaluation(const ssmq_summary *run, int32_t n, const ssmq_evaluation_score *e,
                             ssmq_str *out)
{
    ssmq_str_printf(out,
                    "\n%s: perplexity of the model's own tokens, dialect %s, %" PRId64
                    " window%s of %" PRId64 " tokens\n",
                    e->id, e->dialect, e->score.windows, e->score.windows == 1 ? "" : "s",
                    e->window);
    if (e->n_subset > 0) print_subsets(run, n, e, out);
}

void ssmq_report_text(const ssmq_summary *run, int32_t n, ssmq_str *out)
{
    if (n == 0) return;
    ssmq_results_table(run, n, out);
    int32_t with = 0; /* a run that has figures says which evaluations there are */
    while (with < n && run[with].n_evaluation == 0) with++;
    for (int32_t i = 0; with < n && i < run[with].n_evaluation; i++)
        print_evaluation(run, n, &run[with].evaluation[i], out);
}

void ssmq_report_json(const ssmq_summary *run, int32_t n, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_begin_array(&w, "runs");
    for (int32_t i = 0; i < n; i++) ssmq_summary_put_run(&w, &run[i]);
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
}
