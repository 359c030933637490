#include "harness/run/memory.h"
#include <string.h>
#include "harness/data/checkpoint.h"
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/store/host.h"

/* Buffers of OpenBLAS and HDF5 and code that only a run touches, as measured. */
#define LIBRARIES (8 << 20)

static int64_t bytes_of(const ssmq_model *m, int32_t weight)
{
    const ssmq_weight *w = &m->weight[weight];
    int64_t            n = (int64_t)sizeof(float);
    if (w->tied_to >= 0) return 0;
    for (int32_t a = 0; a < w->rank; a++) n *= w->dim[a];
    return n;
}

/* Do the weights lie in their file as the program reads them, in f32?  Then pages that a copy
 * replaced, or that are not read any more, are given back. */
static bool is_mapped(const ssmq_experiment *e, const ssmq_run *run, int64_t weights)
{
    int64_t      files = 0;
    const size_t n = strlen(run->model);
    for (int32_t i = 0; i < e->n_input; i++)
        if (strncmp(e->input[i]->path, run->model, n) == 0 && e->input[i]->path[n] == '/')
            files += e->input[i]->bytes;
    return files >= weights;
}

/* Does a step rewrite the weight of this site, for what it does to the activation in front? */
static bool is_rewritten(const ssmq_plan *plan, int32_t site)
{
    const ssmq_site *s = &plan->model->site[site];
    if (plan->residual) return true;
    return s->input >= 0 && (plan->at[s->input].rotate || plan->at[s->input].smooth.data);
}

/* What the codes of a weight take, which are floats in fake mode. */
static int64_t codes_of(const ssmq_run *run, int64_t all)
{
    return run->mode == SSMQ_MODE_REAL ? all / (int64_t)sizeof(float) : all;
}

/* What quantised weights take beside those of the file, where all of them stay. */
static int64_t copies_beside(const ssmq_run *run, bool rewritten, bool coded, int64_t all)
{
    return (rewritten ? all : 0) + (coded ? codes_of(run, all) : 0);
}

/* The same where nobody reads a weight any more when its codes are made: copies take the place of pages of the file, and
 * codes that of copies.  Profiles are taken before, by an exec that leaves the copies to the next. */
static int64_t copies_instead(const ssmq_run *run, bool rewritten, bool coded, int64_t all)
{
    if (rewritten) return coded && run->n_profile > 0 ? codes_of(run, all) : 0;
    return coded ? codes_of(run, all) - all : 0;
}

static int64_t copies_of(const ssmq_run *run, const ssmq_plan *plan, bool mapped)
{
    const ssmq_model *m = plan->model;
    const bool        beside = !mapped || run->compare, observes = run->recipe && run->recipe->observes;
    int64_t           bytes = 0, outside = 0; /* the latter of the head and the embedding */
    for (int32_t i = 0; i < m->n_site; i++) {
        if (m->site[i].kind != SSMQ_SITE_WEIGHT) continue;
        const int64_t all = bytes_of(m, m->site[i].weight);
        if (m->site[i].layer < 0) outside += all;
        const bool    rewritten = is_rewritten(plan, i), coded = plan->at[i].spec.bits > 0;
        bytes += (beside ? copies_beside : copies_instead)(run, rewritten, coded, all);
    }
    return observes && bytes < -outside ? -outside : bytes; /* calibration reads those of layers as floats */
}

/* Logits of a block, and each activation of a layer once. */
static int64_t activations(const ssmq_run *run, const ssmq_model *m)
{
    int64_t rows = 0, width = 0;
    for (int32_t i = 0; i < run->n_evaluation; i++)
        rows = run->evaluation[i].window > rows ? run->evaluation[i].window : rows;
    rows = rows < SSMQ_EVAL_PIECE ? rows : SSMQ_EVAL_PIECE;
    const int64_t block = rows < ssmq_eval_block(m) ? rows : ssmq_eval_block(m);
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].kind == SSMQ_SITE_ACTIVATION && m->site[i].layer <= 0)
            width += m->site[i].width;
    return (block * m->vocabulary + rows * width) * (int64_t)sizeof(float);
}

static ssmq_status describe(const ssmq_catalogue *cat, const char *directory, ssmq_model **model)
{
    ssmq_json config = {0};
    if (*model && strcmp((*model)->path, directory) == 0) return SSMQ_OK;
    ssmq_model_free(*model);
    *model = NULL;
    SSMQ_TRY(ssmq_checkpoint_config(directory, &config));
    const ssmq_status st = ssmq_model_describe(cat->families, directory, &config, model);
    ssmq_json_close(&config);
    return st;
}

/* All steps as far as shapes tell. */
static ssmq_status outline(const ssmq_recipe *r, const ssmq_model *m, ssmq_plan *plan)
{
    for (int32_t i = 0; r && i < r->n_step; i++) {
        const ssmq_step *step = &r->step[i];
        plan->step = i;
        if (step->method->outline) SSMQ_TRY(step->method->outline(step->options, m, plan));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_run_memory(const ssmq_experiment *e, const ssmq_catalogue *cat,
                            const ssmq_run *run, ssmq_model **model, int64_t *bytes)
{
    int64_t weights = 0;
    SSMQ_TRY(describe(cat, run->model, model));
    for (int32_t i = 0; i < (*model)->n_weight; i++) weights += bytes_of(*model, i);
    ssmq_plan        *plan = ssmq_plan_new(*model);
    const ssmq_status st = outline(run->recipe, *model, plan);
    if (st == SSMQ_OK)
        *bytes = ssmq_peak_rss_bytes() + LIBRARIES + weights +
                 copies_of(run, plan, is_mapped(e, run, weights)) +
                 activations(run, *model) * (run->compare ? 2 : 1) + run->dump_bytes;
    ssmq_plan_free(plan);
    return st;
}
