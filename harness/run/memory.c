#include "harness/run/memory.h"
#include <string.h>
#include "harness/data/checkpoint.h"
#include "harness/run/calibrate/calibrate.h"
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/run/evaluate/sensitivity.h"
#include "harness/run/execute.h"
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

static int64_t less(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t more(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Does a step rewrite the weight of this site, for what it does to the activation in front? */
static bool is_rewritten(const ssmq_plan *plan, int32_t site)
{
    const ssmq_site *s = &plan->model->site[site];
    if (plan->residual) return true;
    return s->input >= 0 && (plan->at[s->input].rotate || plan->at[s->input].smooth.data);
}

static bool is_against(const ssmq_run *run, ssmq_baseline baseline)
{
    return run->compare && run->compare->against >> baseline & 1;
}

/* Bits of a value of a quantised weight: codes where products read codes, else floats. */
static int64_t bits_of(const ssmq_plan *plan, int32_t site, ssmq_mode mode)
{
    const ssmq_qspec *s = &plan->at[site].spec;
    const int32_t     input = plan->model->site[site].input;
    const bool        linear = input >= 0 && plan->model->site[input].linear;
    const bool        codes = linear && ssmq_qspec_bytes(&plan->at[input].spec);
    if (linear && mode == SSMQ_MODE_REAL && ssmq_qspec_half(s)) return 16;
    if (!linear || !ssmq_qspec_bytes(s) || (!s->symmetric && !codes)) return 32;
    if (mode != SSMQ_MODE_REAL) return codes ? 8 : 32;
    return s->bits <= 4 && !codes ? 4 : 8;
}

/* Bytes of a model's weights. */
typedef struct sizes {
    int64_t all;       /* as floats                                                    */
    int64_t rewritten; /* copies that steps make                                       */
    int64_t floats;    /* read as floats by the run's own model            */
    int64_t turned;    /* copies that are read as floats                               */
    int64_t codes, other_codes; /* of quantised ones, in the run's mode; in mode fake  */
    int64_t largest;   /* of one in the layers                                         */
} sizes;

/* Of an embedding only rows are looked up. */
static void add_site(const ssmq_run *run, const ssmq_plan *plan, int32_t site, sizes *z)
{
    const ssmq_model *m = plan->model;
    const ssmq_site  *s = &m->site[site];
    const int32_t     tied = m->weight[s->weight].tied_to;
    const int64_t     all = bytes_of(m, tied >= 0 ? tied : s->weight), values = all / (int64_t)sizeof(float);
    const bool        rewritten = is_rewritten(plan, site), coded = plan->at[site].spec.bits > 0;
    const bool        rows = s->layer < 0 && s->input < 0;
    if (s->layer >= 0 && all > z->largest) z->largest = all;
    if (rewritten) z->rewritten += all;
    if (coded && !rows) {
        z->codes += values * bits_of(plan, site, run->mode) / 8;
        z->other_codes += values * bits_of(plan, site, SSMQ_MODE_FAKE) / 8;
    } else if (rewritten) z->turned += all;
    else if (!rows) z->floats += all;
}

static sizes sizes_of(const ssmq_run *run, const ssmq_plan *plan)
{
    const ssmq_model *m = plan->model;
    sizes             z = {0};
    for (int32_t i = 0; i < m->n_weight; i++) z.all += bytes_of(m, i);
    z.floats = z.all;
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].kind == SSMQ_SITE_WEIGHT) z.floats -= bytes_of(m, m->site[i].weight); /* norms, biases are left */
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].kind == SSMQ_SITE_WEIGHT) add_site(run, plan, i, &z);
    return z;
}

/* Calibration reads layers as floats; pages of the file do not stay behind it, but where they are read again. */
static int64_t while_calibrating(const ssmq_run *run, const sizes *z)
{
    if (!run->recipe || !run->recipe->observes) return 0;
    return z->rewritten + (is_against(run, SSMQ_AGAINST_FLOAT) ? z->all - z->rewritten : z->largest);
}

/* Codes take the place of copies and of pages, unless somebody reads these again. */
static int64_t while_evaluating(const ssmq_run *run, const sizes *z)
{
    const bool again = ssmq_run_reads_again(run) || run->n_profile > 0;
    return z->codes + (again ? z->rewritten : z->turned) +
           (is_against(run, SSMQ_AGAINST_FLOAT) ? z->all : z->floats);
}

/* The exec of a collection is another than that of evaluations, and has no head. */
static int64_t while_collecting(const ssmq_run *run, const sizes *z)
{
    if (!run->collect) return 0;
    return z->rewritten + z->codes + (run->recipe ? z->largest : z->all);
}

/* Errors at sites are those of all weights as floats, then as codes; fake beside real, of two sets of codes. */
static int64_t while_comparing(const ssmq_run *run, const sizes *z)
{
    int64_t bytes = 0;
    if (is_against(run, SSMQ_AGAINST_FLOAT)) bytes = z->all + z->codes;
    if (is_against(run, SSMQ_AGAINST_FAKE))
        bytes = more(bytes, z->rewritten + z->codes + z->other_codes + z->floats);
    return bytes;
}

/* The states of a sequence. */
static int64_t states(const ssmq_model *m)
{
    int64_t n = 0;
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].kind == SSMQ_SITE_STATE) n += m->site[i].width * m->site[i].rows;
    return n * (int64_t)sizeof(float);
}

/* Each activation of a layer once. */
static int64_t width_of_layer(const ssmq_model *m)
{
    int64_t width = 0;
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].kind == SSMQ_SITE_ACTIVATION && m->site[i].layer <= 0) width += m->site[i].width;
    return width * (int64_t)sizeof(float);
}

/* Tokens that are evaluated at once. */
static int64_t rows_of(const ssmq_run *run)
{
    int64_t rows = 0;
    for (int32_t i = 0; i < run->n_evaluation; i++)
        rows = run->evaluation[i].window > rows ? run->evaluation[i].window : rows;
    return less(rows, SSMQ_EVAL_PIECE);
}

/* Logits of a block, the activations of a layer, states. */
static int64_t activations(const ssmq_run *run, const ssmq_model *m)
{
    const int64_t rows = rows_of(run), block = less(rows, ssmq_eval_block(m));
    return block * m->vocabulary * (int64_t)sizeof(float) + rows * width_of_layer(m) + states(m);
}

static int64_t of_samples(const ssmq_run *run, const ssmq_model *m)
{
    const ssmq_calibration_spec *c = run->calibration;
    return c ? c->batch * (c->length * width_of_layer(m) + states(m)) : 0;
}

/* What calibration keeps of samples by channel: the ends of each. */
static int64_t ranges(const ssmq_run *run, const ssmq_calibration *c)
{
    int64_t channels = 0;
    for (int32_t i = 0; i < c->n_observation; i++)
        if (c->at[i]->spec.scope == SSMQ_SCOPE_CHANNEL) channels += c->at[i]->units;
    if (channels == 0) return 0;
    return less(run->calibration->count * channels * (int64_t)sizeof(ssmq_range), run->keep_ranges);
}

/* Tensors that are kept to be compared: values and codes of what is quantised, as far as there is room. */
static int64_t compared(const ssmq_run *run, const ssmq_plan *plan)
{
    const ssmq_compare_spec *c = run->compare;
    const ssmq_model        *m = plan->model;
    int64_t                  width = 0;
    const bool               sites = c && (is_against(run, SSMQ_AGAINST_FAKE) || c->metrics & ~SSMQ_METRICS_OF_TOKENS);
    for (int32_t i = 0; sites && i < m->n_site; i++)
        if (m->site[i].kind != SSMQ_SITE_WEIGHT && plan->at[i].spec.bits)
            width += m->site[i].width * (m->site[i].rows > 0 ? m->site[i].rows : 1);
    return less(rows_of(run) * width * (int64_t)(sizeof(float) + 1), SSMQ_COMPARE_ROOM);
}

/* What sensitivity keeps of the float model: rows of its windows, as many as it has room for. */
static int64_t kept_rows(const ssmq_run *run, const ssmq_model *m)
{
    const ssmq_compare_spec *c = run->compare;
    if (!c || c->sensitivity == SSMQ_SENSITIVITY_OFF) return 0;
    const ssmq_evaluation *e = &run->evaluation[c->evaluation];
    const int64_t          windows = c->windows > 0 && e->limit > 0 ? less(c->windows, e->limit) : c->windows + e->limit;
    if (windows == 0) return SSMQ_SENSITIVITY_BYTES; /* the whole text */
    return less(windows * e->window * m->width * (int64_t)sizeof(float), SSMQ_SENSITIVITY_BYTES);
}

/* What is held when it holds most.  Ranges are kept from calibration on, and filed out of memory. */
static int64_t held(const ssmq_run *run, const ssmq_plan *plan, const ssmq_calibration *c)
{
    const ssmq_model *m = plan->model;
    const sizes       z = sizes_of(run, plan);
    const int64_t     one = activations(run, m), sample = of_samples(run, m);
    const bool        beside = is_against(run, SSMQ_AGAINST_FLOAT);
    const int64_t     kept = ranges(run, c);
    const int64_t     before = more(while_calibrating(run, &z) + kept, while_collecting(run, &z)) + sample;
    const int64_t     after = while_evaluating(run, &z) + one * (beside ? 2 : 1);
    const int64_t     behind = while_comparing(run, &z) + more(compared(run, plan), kept_rows(run, m)) + one;
    return more(before, run->compare ? more(after, behind) : after) + kept + run->dump_bytes;
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

/* All steps as far as shapes tell, and what they are going to watch. */
static ssmq_status outline(const ssmq_recipe *r, const ssmq_model *m, ssmq_plan *plan, ssmq_calibration *c)
{
    for (int32_t i = 0; r && i < r->n_step; i++) {
        const ssmq_step *step = &r->step[i];
        const bool       asks = step->method->needs_data && step->method->needs_data(step->options);
        plan->step = i;
        if (step->method->outline) SSMQ_TRY(step->method->outline(step->options, m, plan));
        if (asks && !step->method->layerwise) step->method->observe(step->options, plan, c);
    }
    return SSMQ_OK;
}

ssmq_status ssmq_run_memory(const ssmq_catalogue *cat, const ssmq_run *run, ssmq_model **model, int64_t *bytes)
{
    SSMQ_TRY(describe(cat, run->model, model));
    ssmq_plan        *plan = ssmq_plan_new(*model);
    ssmq_calibration *c = ssmq_calibration_new(*model);
    const ssmq_status st = outline(run->recipe, *model, plan, c);
    if (st == SSMQ_OK) *bytes = ssmq_peak_rss_bytes() + LIBRARIES + held(run, plan, c);
    ssmq_calibration_free(c);
    ssmq_plan_free(plan);
    return st;
}
