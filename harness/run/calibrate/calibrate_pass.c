/* The forward pass of a calibration: samples of equal length side by side, each measured on its own. */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/exec/exec.h"
#include "harness/run/calibrate/calibrate_parts.h"
#include "harness/run/calibrate/recorder.h"

typedef struct forward {
    ssmq_calibration_work *w;
    ssmq_exec             *ex;
    void                  *state;
    int32_t                state_B; /* sequences that state is for; 0: there is none */
    int32_t               *token;   /* [batch][longest]                               */
    int64_t                first;   /* of todo: the first sequence of what is shown   */
    int32_t                behind;  /* in the head: observations that are still to come; -1: not there */
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

static void answer_part(void *context, int64_t begin, int64_t end, int32_t worker)
{
    look *l = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const ssmq_tensor       one = ssmq_tensor_slice(l->x, 0, l->task[i].sequence, 1);
        const ssmq_observation *o = l->f->w->c->at[l->task[i].observation];
        const ssmq_status       st =
            o->observer->statistic->range(o->observer->statistic_options, &one, &o->spec,
                                          &slot_of(l->f, l->task[i].sequence)->answer[o->question]);
        if (st != SSMQ_OK) atomic_store(&l->f->failed, (int)st);
    }
}

/* Threads share the questions about all sequences: each answer is a task's own. */
static ssmq_status answer_all(forward *f, int32_t site, const ssmq_tensor *x)
{
    const ssmq_calibration *c = f->w->c;
    task *tasks = malloc((size_t)(x->dim[0] * c->n_observation) * sizeof *tasks);
    look  l = {.f = f, .x = x, .task = tasks};
    int64_t n = 0;
    if (!tasks) return SSMQ_FAIL(MEMORY, "no memory to measure %s", c->model->site[site].name);
    for (int32_t b = 0; b < x->dim[0]; b++)
        for (int32_t i = 0; i < c->n_observation; i++)
            if (c->at[i]->site == site && c->at[i]->question >= 0) tasks[n++] = (task){b, i};
    f->w->be->ops->share(f->w->be, n, 1, answer_part, &l);
    free(tasks);
    return failed_at(f, site, "");
}

static ssmq_status record_all(forward *f, int32_t site, const ssmq_tensor *x)
{
    ssmq_kept **k = ssmq_must_malloc((size_t)x->dim[0] * sizeof *k);
    const ssmq_status st = ssmq_recorder_measure(f->recorder, x, &f->w->wanted[site], k);
    for (int32_t b = 0; st == SSMQ_OK && b < x->dim[0]; b++) {
        ssmq_kept_free(slot_of(f, b)->at[site]);
        slot_of(f, b)->at[site] = k[b];
    }
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
    forward          *f;
    ssmq_observation *o;
    const ssmq_tensor *x;      /* of one sequence; channels are slices of axis     */
    int32_t            axis;
    int64_t            sample; /* of the calibration                               */
    ssmq_range        *shown;  /* [units] takes what single channels gave; or NULL */
    atomic_bool        raised;
} channels;

static void fold(channels *s, int64_t unit, ssmq_range r)
{
    bool raised = false;
    ssmq_observation_fold(s->o, s->sample, unit, r, &raised);
    if (s->shown) s->shown[unit] = r;
    if (raised) atomic_store(&s->raised, true);
}

static void channel_part(void *context, int64_t begin, int64_t end, int32_t worker)
{
    channels *s = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const ssmq_tensor channel = ssmq_tensor_slice(s->x, s->axis, i, 1);
        ssmq_range        r = {0};
        const ssmq_status st =
            s->o->observer->statistic->range(s->o->observer->statistic_options, &channel, &s->o->spec, &r);
        if (st != SSMQ_OK) atomic_store(&s->f->failed, (int)st);
        else fold(s, i, r);
    }
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

/* One sequence x (1, L, C), or a state (1, L, E, N) whose channels are its rows, for all that observe it by
 * channel. */
static ssmq_status see_channels(forward *f, int32_t site, const ssmq_tensor *x, int64_t at)
{
    ssmq_calibration *c = f->w->c;
    const bool        state = c->model->site[site].kind == SSMQ_SITE_STATE;
    float            *copy = NULL;
    ssmq_tensor       columns = *x;
    for (int32_t i = 0; i < c->n_observation; i++) {
        ssmq_observation *o = c->at[i];
        if (o->site != site || o->spec.scope != SSMQ_SCOPE_CHANNEL) continue;
        if (!copy && !state) {
            copy = malloc(ssmq_tensor_bytes(x));
            if (!copy) return SSMQ_FAIL(MEMORY, "no memory for the channels of a sample");
            columns = turned(x, copy);
        }
        channels s = {.f = f,
                      .o = o,
                      .x = &columns,
                      .axis = state ? x->rank - 2 : 0,
                      .sample = f->w->todo[at],
                      .shown = f->w->shown ? f->w->shown[i] + (at - f->w->group) * o->units : NULL};
        f->w->be->ops->share(f->w->be, o->units, 64, channel_part, &s);
        o->raised |= atomic_load(&s.raised);
    }
    free(copy);
    return failed_at(f, site, " by channel");
}

/* ---- what the probe shows -------------------------------------------------------------- */

/* Was every site shown, so that the rest of the sample need not run?  Passes over the samples for each layer
 * ask for nothing but second moments. */
static bool shown_all(const ssmq_calibration *c)
{
    return c->n_gram > 0 && c->n_observation == 0 && c->gram_seen == c->n_gram;
}

/* Shows a live tensor (B, ...) to all that watch its site. */
static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    forward          *f = context;
    ssmq_calibration *c = f->w->c;
    bool              watched = false;
    for (int32_t i = 0; i < c->n_observation; i++) {
        if (c->at[i]->site != site) continue;
        c->at[i]->seen += x->dim[0];
        if (f->behind > 0) f->behind--;
        watched = true;
    }
    if (watched) SSMQ_TRY(measure_all(f, site, x));
    for (int32_t b = 0; watched && b < x->dim[0]; b++) { /* in the order of the samples */
        const ssmq_tensor one = ssmq_tensor_slice(x, 0, b, 1);
        SSMQ_TRY(see_channels(f, site, &one, f->first + b));
    }
    for (int32_t i = 0; i < c->n_gram; i++) {
        if (c->gram[i].site != site) continue;
        for (int32_t b = 0; b < x->dim[0]; b++) {
            const ssmq_tensor one = ssmq_tensor_slice(x, 0, b, 1);
            SSMQ_TRY(ssmq_gram_add(&c->gram[i], f->w->be, &one));
        }
        if (f->behind > 0) f->behind--;
        c->gram_seen++;
    }
    return shown_all(c) || f->behind == 0 ? SSMQ_FAIL(STOPPED, "the rest of the sample is not needed")
                                           : SSMQ_OK;
}

static bool wants(void *context, int32_t site)
{
    const ssmq_calibration *c = ((const forward *)context)->w->c;
    for (int32_t i = 0; i < c->n_observation; i++)
        if (c->at[i]->site == site) return true;
    return false;
}

/* ---- sequences ------------------------------------------------------------------------- */

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

/* How many watch a site outside the layers, behind the last of them? */
static int32_t watchers_of_head(const ssmq_calibration *c)
{
    int32_t n = 0;
    for (int32_t i = 0; i < c->n_observation; i++) n += c->model->site[c->at[i]->site].layer < 0;
    for (int32_t i = 0; i < c->n_gram; i++) n += c->model->site[c->gram[i].site].layer < 0;
    return n;
}

static const ssmq_sample *sample_at(const forward *f, int64_t i)
{
    return &f->w->samples->sample[f->w->todo[i]];
}

/* The head, sequence by sequence: all rows of one at once, since a statistic is shown a whole sample; and no
 * further than to the last site that is watched, for nobody needs logits. */
static ssmq_status run_head(forward *f, const ssmq_tensor *hidden)
{
    const ssmq_model *m = f->w->c->model;
    const int64_t     first = f->first, L = hidden->dim[1];
    ssmq_status       st = SSMQ_OK;
    for (int32_t b = 0; b < hidden->dim[0] && st == SSMQ_OK; b++) {
        ssmq_tensor rows = ssmq_tensor_slice(hidden, 0, b, 1), logits;
        f->first = first + b;
        f->behind = watchers_of_head(f->w->c);
        st = ssmq_exec_scratch(f->ex, SSMQ_EXEC_SLOT_LOGITS, 3, (const int64_t[]){1, L, m->vocabulary}, &logits);
        if (st == SSMQ_OK) st = m->family->head(m, f->ex, &rows, &logits);
        if (st == SSMQ_ERR_STOPPED && f->behind == 0) {
            ssmq_error_clear();
            st = SSMQ_OK;
        }
    }
    f->behind = -1;
    f->first = first;
    return st;
}

/* B samples of todo from first on, of equal length, through the model; through its head only where somebody
 * watches there. */
static ssmq_status forward_some(forward *f, int64_t first, int32_t B)
{
    const ssmq_model  *m = f->w->c->model;
    const ssmq_family *family = m->family;
    const int64_t      L = sample_at(f, first)->length;
    const ssmq_batch   in = {.token = f->token, .B = B, .L = (int32_t)L};
    ssmq_tensor        hidden;
    f->first = first;
    f->w->c->gram_seen = 0;
    for (int32_t b = 0; b < B; b++)
        memcpy(f->token + b * L, sample_at(f, first + b)->token, (size_t)L * sizeof *f->token);
    if (f->state_B != B) {
        family->state_free(m, f->ex, f->state);
        f->state = NULL;
        f->state_B = 0;
        SSMQ_TRY(family->state_new(m, f->ex, B, &f->state));
        f->state_B = B;
    }
    SSMQ_TRY(family->state_zero(m, f->ex, f->state));
    SSMQ_TRY(family->forward(m, f->ex, &in, f->state, &hidden));
    return watchers_of_head(f->w->c) > 0 ? run_head(f, &hidden) : SSMQ_OK;
}

/* The same; where a value is not finite, one by one, so that the message names the first sample. */
static ssmq_status forward_or_name(forward *f, int64_t first, int32_t B)
{
    ssmq_calibration *c = f->w->c;
    ssmq_status       st = forward_some(f, first, B);
    if (st == SSMQ_ERR_STOPPED && shown_all(c)) {
        ssmq_error_clear();
        return SSMQ_OK;
    }
    if (st != SSMQ_ERR_NUMERIC) return st;
    int64_t i = first;
    for (; B > 1 && i < first + B; i++) {
        st = forward_some(f, i, 1);
        if (st == SSMQ_ERR_NUMERIC) break;
        SSMQ_TRY(st);
    }
    SSMQ_ASSERT(i < first + B);
    return SSMQ_FAIL(NUMERIC, "calibration, sample %" PRId64 " (document %" PRId64 "): %s", f->w->todo[i],
                     sample_at(f, i)->document, ssmq_error_last()->message);
}

/* Samples from todo[first] on that run at once: neighbours of equal length.  Second moments gain nothing. */
static int32_t group_at(const forward *f, int64_t first)
{
    const int32_t most = f->w->c->n_gram == 0 ? f->w->c->batch : 1;
    int32_t       B = 1;
    while (B < most && first + B < f->w->n_todo && sample_at(f, first + B)->length == sample_at(f, first)->length)
        B++;
    return B;
}

static ssmq_status forward_all(forward *f)
{
    ssmq_calibration *c = f->w->c;
    const int64_t     n = f->w->n_todo;
    int64_t           i = 0;
    SSMQ_TRY(ssmq_calibration_resume(f->w, &i));
    while (i < n) {
        const int32_t B = group_at(f, i);
        f->w->group = i;
        SSMQ_TRY(ssmq_may_go_on(f->w->listener));
        SSMQ_TRY(forward_or_name(f, i, B));
        i += B;
        for (int32_t k = 0; k < c->n_observation; k++) /* once a sample, or the family forgot it */
            SSMQ_ASSERT(c->at[k]->seen == i);
        SSMQ_ASSERT(c->gram_seen == c->n_gram);
        SSMQ_TRY(ssmq_calibration_keep(f->w, B));
        ssmq_tell_update(f->w->listener, i, (double)i / (double)n);
        if (f->w->c->replay) ssmq_replay_beat(f->w->c->replay);
    }
    return SSMQ_OK;
}

static int64_t longest(const ssmq_samples *samples)
{
    int64_t most = 0;
    for (int64_t i = 0; i < samples->n; i++)
        if (samples->sample[i].length > most) most = samples->sample[i].length;
    return most;
}

ssmq_status ssmq_calibration_forward(ssmq_calibration_work *w)
{
    ssmq_calibration *c = w->c;
    ssmq_plan        *transforms = plan_of_pass(w->plan, c->n_gram > 0);
    forward           f = {.w = w, .behind = -1};
    const int64_t     most = longest(w->samples);
    ssmq_status       st = SSMQ_OK;
    ssmq_tell_begin(w->listener, "calibrating", "samples");
    f.token = ssmq_must_malloc((size_t)(most * (c->batch > 1 ? c->batch : 1)) * sizeof *f.token);
    for (int32_t i = 0; i < c->n_gram; i++) SSMQ_TRY_DONE(st, ssmq_gram_begin(&c->gram[i], w->be, most));
    SSMQ_TRY_DONE(st, ssmq_recorder_new(w->be, &f.recorder));
    SSMQ_TRY_DONE(st, ssmq_exec_open(w->be, c->model, transforms, SSMQ_MODE_FAKE, &f.ex));
    ssmq_exec_probe(f.ex, (ssmq_probe){.see = see, .context = &f, .wants = wants});
    SSMQ_TRY_DONE(st, forward_all(&f));
done:
    ssmq_tell_end(w->listener);
    for (int32_t i = 0; i < c->n_gram; i++) ssmq_gram_end(&c->gram[i], w->be);
    if (f.ex) c->model->family->state_free(c->model, f.ex, f.state);
    ssmq_exec_close(f.ex);
    ssmq_recorder_free(f.recorder);
    ssmq_plan_free(transforms);
    free(f.token);
    return st;
}
