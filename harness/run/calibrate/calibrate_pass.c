/* The forward pass of a calibration: what is shown of samples side by side is measured of each on its own. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/calibrate/calibrate_parts.h"
#include "harness/run/calibrate/recorder.h"
#include "harness/run/sample_pass.h"

typedef struct forward {
    ssmq_calibration_work *w;
    int64_t                first;   /* of todo: the first sequence of what is shown   */
    atomic_int             failed;  /* an ssmq_status, of what threads share          */
    ssmq_recorder         *recorder;
} forward;

/* ---- measuring ------------------------------------------------------------------------- */

/* What a statistic takes from the tensor only is measured of a sequence at a time. */
typedef struct task {
    int32_t sequence, observation;
} task;

typedef struct look {
    forward           *f;
    const ssmq_tensor *x; /* (B, ...) */
    task              *task;
} look;

static ssmq_pass_sample *slot_of(const forward *f, int32_t sequence)
{
    return f->w->slot[f->w->todo[f->first + sequence]];
}

static ssmq_status failed_at(const forward *f, int32_t site, const char *how)
{
    const int st = atomic_load(&f->failed);
    if (st == SSMQ_OK) return SSMQ_OK;
    return ssmq_fail((ssmq_status)st, __FILE__, __LINE__, __func__, "no memory to measure %s%s",
                     f->w->c->model->site[site].name, how);
}

static void share_by_backend(void *by, int64_t n, int64_t grain, ssmq_aid_part part, void *context)
{
    ssmq_backend *be = by;
    be->ops->share(be, n, grain, part, context);
}

/* One task, by this thread or, together, by all. */
static void answer(const look *l, const task *t, bool together)
{
    ssmq_calibration_work  *w = l->f->w;
    const ssmq_observation *o = w->c->at[t->observation];
    const ssmq_statistic   *s = o->observer->statistic;
    const void             *options = o->observer->statistic_options;
    const ssmq_tensor       one = ssmq_tensor_slice(l->x, 0, t->sequence, 1);
    const ssmq_kept        *k = w->recorded[o->site] ? slot_of(l->f, t->sequence)->at[o->site] : NULL;
    ssmq_range             *out = slot_of(l->f, t->sequence)->answer[o->question];
    const ssmq_range        ends = k ? (ssmq_range){k->facts.low, k->facts.high} : (ssmq_range){0};
    const bool              counted = k && w->wanted[o->site].bins;
    const ssmq_aid          aid = {.ends = k ? &ends : NULL,
                                   .bins = counted ? ssmq_recorder_bins(l->f->recorder, t->sequence) : NULL,
                                   .threads = together ? w->be->threads : 1,
                                   .share = together ? share_by_backend : ssmq_share_alone,
                                   .by = w->be};
    const ssmq_status st = s->range_aided ? s->range_aided(options, &one, &o->spec, &aid, out)
                                          : s->range(options, &one, &o->spec, out);
    if (st != SSMQ_OK) atomic_store(&l->f->failed, (int)st);
}

static void answer_part(void *context, int64_t begin, int64_t end, int32_t worker)
{
    look *l = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) answer(l, &l->task[i], false);
}

static ssmq_status make_answers(const forward *f, const task *tasks, int64_t n)
{
    ssmq_range *out;
    for (int64_t i = 0; i < n; i++) {
        const int32_t question = f->w->c->at[tasks[i].observation]->question;
        SSMQ_TRY(ssmq_pass_answer(f->w->pass, slot_of(f, tasks[i].sequence), question, &out));
    }
    return SSMQ_OK;
}

/* What was not answered must not look as if it were: a later run may have the same pass. */
static void forget_answers(const forward *f, const task *tasks, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        ssmq_pass_no_answer(f->w->pass, slot_of(f, tasks[i].sequence), f->w->c->at[tasks[i].observation]->question);
}

/* Each answer is a task's own.  What is left when all threads have had as many, they answer together. */
static ssmq_status share_tasks(forward *f, int32_t site, look *l, int64_t n)
{
    ssmq_backend *be = f->w->be;
    const int64_t each = n - n % be->threads;
    SSMQ_TRY(make_answers(f, l->task, n));
    be->ops->share(be, each, 1, answer_part, l);
    for (int64_t i = each; i < n; i++) answer(l, &l->task[i], true);
    return failed_at(f, site, "");
}

/* Threads share the questions about all sequences. */
static ssmq_status answer_all(forward *f, int32_t site, const ssmq_tensor *x)
{
    const ssmq_calibration *c = f->w->c;
    task *tasks = malloc((size_t)(x->dim[0] * c->n_observation) * sizeof *tasks);
    look  l = {.f = f, .x = x, .task = tasks};
    int64_t n = 0;
    if (!tasks) return SSMQ_FAIL(MEMORY, "no memory to measure %s", c->model->site[site].name);
    for (int32_t b = 0; b < x->dim[0]; b++)
        for (int32_t i = 0; i < c->n_observation; i++)
            if (c->at[i]->site == site && c->at[i]->value && c->at[i]->question >= 0) tasks[n++] = (task){b, i};
    const ssmq_status st = share_tasks(f, site, &l, n);
    if (st != SSMQ_OK) forget_answers(f, tasks, n);
    free(tasks);
    return st;
}

static ssmq_status record_all(forward *f, int32_t site, const ssmq_tensor *x)
{
    ssmq_kept **k = ssmq_must_malloc((size_t)x->dim[0] * sizeof *k);
    const ssmq_status st = ssmq_recorder_measure(f->recorder, x, &f->w->wanted[site], k);
    for (int32_t b = 0; st == SSMQ_OK && b < x->dim[0]; b++) ssmq_pass_record(f->w->pass, slot_of(f, b), site, k[b]);
    free(k);
    return st;
}

static ssmq_status measure(forward *f, int32_t site, const ssmq_tensor *x)
{
    if (f->w->recorded[site]) SSMQ_TRY(record_all(f, site, x));
    return answer_all(f, site, x);
}

/* The same without the channels that stay in floating point; where that is all of them there is nothing to
 * measure, nor to quantise, and any range does. */
static ssmq_status measure_rest(forward *f, int32_t site, const ssmq_tensor *x, const ssmq_tensor *keep)
{
    const int64_t     B = x->dim[0], C = x->dim[x->rank - 1] - keep->dim[0];
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    float            *copy = malloc(ssmq_tensor_bytes(x) + (size_t)(2 * B) * sizeof *copy);
    if (!copy) return SSMQ_FAIL(MEMORY, "no memory for the channels of a sample");
    for (int64_t i = 0; i < 2 * B; i++) copy[i] = i % 2 ? SSMQ_AMAX_MIN : -SSMQ_AMAX_MIN;
    if (C > 0) ssmq_without(&rows, keep, 0, copy);
    const ssmq_tensor rest = C > 0 ? SSMQ_TENSOR(copy, SSMQ_F32, B, rows.dim[0] / B, C)
                                   : SSMQ_TENSOR(copy, SSMQ_F32, B, 1, 2);
    const ssmq_status st = measure(f, site, &rest);
    free(copy);
    return st;
}

static ssmq_status measure_all(forward *f, int32_t site, const ssmq_tensor *x)
{
    const ssmq_tensor *keep = ssmq_plan_keep(f->w->plan, site);
    return keep ? measure_rest(f, site, x, keep) : measure(f, site, x);
}

/* ---- channels -------------------------------------------------------------------------- */

typedef struct channels {
    forward             *f;
    ssmq_channel_record *record; /* being measured; or NULL, and                 */
    ssmq_observation    *o;      /* being answered, or folded                    */
    const ssmq_tensor   *x;      /* of one sequence; channels are slices of axis */
    int32_t              axis;
    int64_t              sample; /* of the calibration                           */
    atomic_bool          raised;
} channels;

/* An answer, or a record, of single channels. */
static ssmq_status measure_channel(const channels *s, int64_t unit)
{
    const ssmq_tensor x = ssmq_tensor_slice(s->x, s->axis, unit, 1);
    if (s->record) return ssmq_channel_record_measure(s->record, unit, &x);
    const ssmq_observer *by = s->o->observer;
    ssmq_range          *out = s->f->w->slot[s->sample]->answer[s->o->question];
    return by->statistic->range(by->statistic_options, &x, &s->o->spec, &out[unit]);
}

static void channel_part(void *context, int64_t begin, int64_t end, int32_t worker)
{
    channels *s = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const ssmq_status st = measure_channel(s, i);
        if (st != SSMQ_OK) atomic_store(&s->f->failed, (int)st);
    }
}

static void fold_part(void *context, int64_t begin, int64_t end, int32_t worker)
{
    channels *s = context;
    bool      raised = false;
    (void)worker;
    ssmq_observation_fold(s->f->w, s->o, s->sample + 1, begin, end, &raised);
    if (raised) atomic_store(&s->raised, true);
}

/* x (M, C) to out (C, M), in blocks that the first-level cache holds. */
static ssmq_tensor turned(const ssmq_tensor *x, float *out)
{
    enum { side = 32 };
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    const int64_t     M = rows.dim[0], C = rows.dim[1];
    for (int64_t i = 0; i < M; i += side)
        for (int64_t j = 0; j < C; j += side)
            for (int64_t c = j; c < C && c < j + side; c++)
                for (int64_t m = i; m < M && m < i + side; m++)
                    out[c * M + m] = ((const float *)rows.data)[m * rows.stride[0] + c];
    return SSMQ_TENSOR(out, SSMQ_F32, C, M);
}

static bool asks(const ssmq_observation *o, int32_t site)
{
    return o->site == site && ssmq_observation_asks_channels(o);
}

static void share_channels(channels *s, ssmq_aid_part part)
{
    ssmq_backend *be = s->f->w->be;
    be->ops->share(be, s->x->dim[s->axis], 64, part, s);
}

/* A record, and answers, of the channels of x along axis. */
static ssmq_status measure_channels(forward *f, int32_t site, channels *s)
{
    ssmq_calibration_work *w = f->w;
    ssmq_pass_sample      *slot = w->slot[s->sample];
    ssmq_range            *out;
    const int64_t          units = s->x->dim[s->axis];
    if (ssmq_calibration_records_channels(w->c, site)) {
        SSMQ_TRY(ssmq_channel_record_new(&w->channels[site], units, ssmq_tensor_count(s->x) / units, &s->record));
        ssmq_pass_channels(w->pass, slot, site, s->record);
        share_channels(s, channel_part);
        s->record = NULL;
        if (atomic_load(&f->failed) != SSMQ_OK) ssmq_pass_channels(w->pass, slot, site, NULL);
    }
    for (int32_t i = 0; i < w->c->n_observation; i++) {
        s->o = w->c->at[i];
        if (!asks(s->o, site) || s->o->question < 0) continue;
        SSMQ_TRY(ssmq_pass_answer(w->pass, slot, s->o->question, &out));
        share_channels(s, channel_part);
        if (atomic_load(&f->failed) != SSMQ_OK) ssmq_pass_no_answer(w->pass, slot, s->o->question);
    }
    return failed_at(f, site, " by channel");
}

/* Of x (1, L, C), or a state (1, L, E, N) whose channels are its rows. */
static ssmq_status see_turned(forward *f, int32_t site, const ssmq_tensor *x, int32_t axis, int64_t sample)
{
    const ssmq_calibration *c = f->w->c;
    channels                s = {.f = f, .x = x, .axis = axis, .sample = sample};
    SSMQ_TRY(measure_channels(f, site, &s));
    for (int32_t i = 0; i < c->n_observation; i++) {
        ssmq_observation *o = s.o = c->at[i];
        if (!asks(o, site)) continue;
        atomic_store(&s.raised, false);
        share_channels(&s, fold_part);
        o->raised |= atomic_load(&s.raised);
        o->next = sample + 1;
    }
    return SSMQ_OK;
}

static bool is_asked(const ssmq_calibration *c, int32_t site)
{
    for (int32_t i = 0; i < c->n_observation; i++)
        if (asks(c->at[i], site)) return true;
    return false;
}

/* One sequence for all that observe it by channel. */
static ssmq_status see_channels(forward *f, int32_t site, const ssmq_tensor *x, int64_t at)
{
    const int64_t sample = f->w->todo[at];
    if (!is_asked(f->w->c, site)) return SSMQ_OK;
    if (f->w->c->model->site[site].kind == SSMQ_SITE_STATE) return see_turned(f, site, x, x->rank - 2, sample);
    float *copy = malloc(ssmq_tensor_bytes(x));
    if (!copy) return SSMQ_FAIL(MEMORY, "no memory for the channels of a sample");
    const ssmq_tensor columns = turned(x, copy);
    const ssmq_status st = see_turned(f, site, &columns, 0, sample);
    free(copy);
    return st;
}

/* ---- what the pass shows --------------------------------------------------------------- */

static bool is_observed(const ssmq_calibration *c, int32_t site)
{
    for (int32_t i = 0; i < c->n_observation; i++)
        if (c->at[i]->site == site) return true;
    return false;
}

static ssmq_gram *gram_of(const ssmq_calibration *c, int32_t site)
{
    for (int32_t i = 0; i < c->n_gram; i++)
        if (c->gram[i].site == site) return &c->gram[i];
    return NULL;
}

static bool wants(void *context, int32_t site, int64_t first)
{
    const ssmq_calibration *c = ((const forward *)context)->w->c;
    (void)first;
    return is_observed(c, site) || gram_of(c, site);
}

/* Records are made of all values, unless channels are left out. */
static bool checks(void *context, int32_t site, int64_t first)
{
    const ssmq_calibration_work *w = ((const forward *)context)->w;
    (void)first;
    return w->recorded[site] && !ssmq_plan_keep(w->plan, site);
}

static ssmq_status observe(forward *f, int32_t site, const ssmq_tensor *x)
{
    SSMQ_TRY(measure_all(f, site, x));
    for (int32_t b = 0; b < x->dim[0]; b++) { /* in the order of the samples */
        const ssmq_tensor one = ssmq_tensor_slice(x, 0, b, 1);
        SSMQ_TRY(see_channels(f, site, &one, f->first + b));
    }
    return SSMQ_OK;
}

/* Shows a live tensor (B, ...) to all that watch its site. */
static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x, int64_t first)
{
    forward   *f = context;
    ssmq_gram *gram = gram_of(f->w->c, site);
    f->first = first;
    if (is_observed(f->w->c, site)) SSMQ_TRY(observe(f, site, x));
    for (int32_t b = 0; gram && b < x->dim[0]; b++) {
        const ssmq_tensor one = ssmq_tensor_slice(x, 0, b, 1);
        SSMQ_TRY(ssmq_gram_add(gram, f->w->be, &one));
    }
    return SSMQ_OK;
}

static ssmq_status done(void *context, int64_t first, int32_t n)
{
    const forward         *f = context;
    ssmq_calibration_work *w = f->w;
    SSMQ_TRY(ssmq_calibration_keep(w, first, n));
    for (int64_t i = first; i < first + n; i++) ssmq_calibration_limit(w, w->todo[i]);
    ssmq_tell_update(w->listener, first + n, (double)(first + n) / (double)w->n_todo);
    if (w->c->replay) ssmq_replay_beat(w->c->replay);
    return SSMQ_OK;
}

/* ---- all of it ------------------------------------------------------------------------- */

/* What calibration runs under: floating point, with the transforms that will be there, and with weights that
 * are quantised already where asked for.  Tensors stay the plan's. */
static ssmq_plan *plan_of_pass(const ssmq_plan *plan, bool weights)
{
    ssmq_plan *p = ssmq_plan_new(plan->model);
    for (int32_t i = 0; i < plan->model->n_site; i++) {
        p->at[i].divide = plan->at[i].divide;
        p->at[i].inverse = plan->at[i].inverse;
        p->at[i].rotate = plan->at[i].rotate;
        p->at[i].signs = plan->at[i].signs;
        p->at[i].keep = plan->at[i].keep;
        const bool weight = plan->model->site[i].kind == SSMQ_SITE_WEIGHT;
        if (!weights || !weight || !plan->at[i].params.scale.data) continue;
        p->at[i].spec = plan->at[i].spec;
        p->at[i].params = plan->at[i].params;
        p->at[i].codes = plan->at[i].codes;
    }
    return p;
}

static int64_t longest(const ssmq_samples *samples)
{
    int64_t most = 0;
    for (int64_t i = 0; i < samples->n; i++)
        if (samples->sample[i].length > most) most = samples->sample[i].length;
    return most;
}

/* Second moments gain nothing from samples side by side. */
static ssmq_status forward_all(forward *f, const ssmq_plan *transforms)
{
    const ssmq_calibration_work *w = f->w;
    ssmq_sample_pass             p = {.task = "calibration",
                                      .model = w->c->model,
                                      .plan = transforms,
                                      .mode = SSMQ_MODE_FAKE,
                                      .be = w->be,
                                      .samples = w->samples,
                                      .order = w->todo,
                                      .n = w->n_todo,
                                      .batch = w->c->n_gram == 0 ? w->c->batch : 1,
                                      .listener = w->listener,
                                      .watch = {.context = f, .wants = wants, .see = see, .checks = checks, .done = done}};
    SSMQ_TRY(ssmq_calibration_resume(f->w, &p.known));
    return ssmq_sample_pass_run(&p);
}

ssmq_status ssmq_calibration_forward(ssmq_calibration_work *w)
{
    ssmq_calibration *c = w->c;
    ssmq_plan        *transforms = plan_of_pass(w->plan, c->n_gram > 0);
    forward           f = {.w = w};
    const int64_t     most = longest(w->samples);
    ssmq_status       st = SSMQ_OK;
    ssmq_tell_begin(w->listener, "calibrating", "samples");
    for (int32_t i = 0; i < c->n_gram; i++) SSMQ_TRY_DONE(st, ssmq_gram_begin(&c->gram[i], w->be, most));
    SSMQ_TRY_DONE(st, ssmq_recorder_new(w->be, &f.recorder));
    SSMQ_TRY_DONE(st, forward_all(&f, transforms));
done:
    ssmq_tell_end(w->listener);
    for (int32_t i = 0; i < c->n_gram; i++) ssmq_gram_end(&c->gram[i], w->be);
    ssmq_recorder_free(f.recorder);
    ssmq_plan_free(transforms);
    return st;
}
