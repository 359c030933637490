#include "harness/run/sample_pass.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"

typedef struct pass {
    const ssmq_sample_pass *p;
    ssmq_exec              *ex;
    void                   *state;
    int32_t                 state_B; /* sequences that state is for; 0: there is none */
    int32_t                *token;   /* [batch][longest]                               */
    int64_t                 first;   /* of the samples that are shown                  */
    int32_t                 left;    /* sites that are still to be shown of them       */
} pass;

static const ssmq_sample *sample_at(const ssmq_sample_pass *p, int64_t i)
{
    return &p->samples->sample[p->order ? p->order[i] : i];
}

/* ---- what is shown --------------------------------------------------------------------- */

static bool wants(void *context, int32_t site)
{
    const pass              *f = context;
    const ssmq_sample_watch *w = &f->p->watch;
    return f->p->model->site[site].kind != SSMQ_SITE_WEIGHT && w->wants(w->context, site, f->first);
}

static bool checks(void *context, int32_t site)
{
    const pass              *f = context;
    const ssmq_sample_watch *w = &f->p->watch;
    return w->checks && wants(context, site) && w->checks(w->context, site, f->first);
}

static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    pass                    *f = context;
    const ssmq_sample_watch *w = &f->p->watch;
    if (!wants(f, site)) return SSMQ_OK;
    SSMQ_TRY(w->see(w->context, site, x, f->first));
    f->left--;
    return f->left == 0 ? SSMQ_FAIL(STOPPED, "the rest of the sample is not needed") : SSMQ_OK;
}

/* STOPPED by us is fine. */
static ssmq_status as_far_as_needed(const pass *f, ssmq_status st)
{
    if (st != SSMQ_ERR_STOPPED || f->left > 0) return st;
    ssmq_error_clear();
    return SSMQ_OK;
}

/* ---- samples --------------------------------------------------------------------------- */

/* The head, sample by sample: all rows of one at once, since whoever looks is shown a whole sample. */
static ssmq_status run_head(pass *f, const ssmq_tensor *hidden)
{
    const ssmq_model *m = f->p->model;
    const int64_t     first = f->first, L = hidden->dim[1];
    const int32_t     behind = f->left;
    for (int32_t b = 0; b < hidden->dim[0]; b++) {
        ssmq_tensor rows = ssmq_tensor_slice(hidden, 0, b, 1), logits;
        f->first = first + b;
        f->left = behind;
        SSMQ_TRY(ssmq_exec_scratch(f->ex, SSMQ_EXEC_SLOT_LOGITS, 3, (const int64_t[]){1, L, m->vocabulary},
                                   &logits));
        SSMQ_TRY(as_far_as_needed(f, m->family->head(m, f->ex, &rows, &logits)));
        SSMQ_ASSERT(f->left == 0); /* or the family forgot a site */
    }
    return SSMQ_OK;
}

static ssmq_status state_for(pass *f, int32_t B)
{
    const ssmq_model *m = f->p->model;
    if (f->state_B != B) {
        m->family->state_free(m, f->ex, f->state);
        f->state = NULL;
        f->state_B = 0;
        SSMQ_TRY(m->family->state_new(m, f->ex, B, &f->state));
        f->state_B = B;
    }
    return m->family->state_zero(m, f->ex, f->state);
}

/* B samples of equal length. */
static ssmq_status run_some(pass *f, int64_t first, int32_t B)
{
    const ssmq_model *m = f->p->model;
    const int64_t     L = sample_at(f->p, first)->length;
    const ssmq_batch  in = {.token = f->token, .B = B, .L = (int32_t)L};
    ssmq_tensor       hidden;
    f->first = first;
    f->left = 0;
    for (int32_t i = 0; i < m->n_site; i++) f->left += wants(f, i);
    if (f->left == 0) return SSMQ_OK;
    for (int32_t b = 0; b < B; b++)
        memcpy(f->token + b * L, sample_at(f->p, first + b)->token, (size_t)L * sizeof *f->token);
    SSMQ_TRY(state_for(f, B));
    SSMQ_TRY(as_far_as_needed(f, m->family->forward(m, f->ex, &in, f->state, &hidden)));
    return f->left > 0 ? run_head(f, &hidden) : SSMQ_OK;
}

/* The same; where a value is not finite, one by one, so that the message names the first sample. */
static ssmq_status run_or_name(pass *f, int64_t first, int32_t B)
{
    ssmq_status st = run_some(f, first, B);
    int64_t     i = first;
    if (st != SSMQ_ERR_NUMERIC) return st;
    for (; B > 1 && i < first + B; i++) {
        st = run_some(f, i, 1);
        if (st == SSMQ_ERR_NUMERIC) break;
        SSMQ_TRY(st);
    }
    SSMQ_ASSERT(i < first + B);
    return SSMQ_FAIL(NUMERIC, "%s, sample %" PRId64 " (document %" PRId64 "): %s", f->p->task,
                     f->p->order ? f->p->order[i] : i, sample_at(f->p, i)->document,
                     ssmq_error_last()->message);
}

/* Samples from first on that run at once: neighbours of equal length. */
static int32_t group_at(const ssmq_sample_pass *p, int64_t first)
{
    int32_t B = 1;
    while (B < p->batch && first + B < p->n && sample_at(p, first + B)->length == sample_at(p, first)->length)
        B++;
    return B;
}

static ssmq_status run_all(pass *f)
{
    const ssmq_sample_pass *p = f->p;
    for (int64_t i = p->known; i < p->n;) {
        const int32_t B = group_at(p, i);
        SSMQ_TRY(ssmq_may_go_on(p->listener));
        SSMQ_TRY(run_or_name(f, i, B));
        SSMQ_TRY(p->watch.done(p->watch.context, i, B));
        i += B;
    }
    return SSMQ_OK;
}

static int64_t longest(const ssmq_sample_pass *p)
{
    int64_t most = 0;
    for (int64_t i = p->known; i < p->n; i++)
        if (sample_at(p, i)->length > most) most = sample_at(p, i)->length;
    return most;
}

ssmq_status ssmq_sample_pass_run(const ssmq_sample_pass *p)
{
    pass        f = {.p = p};
    ssmq_status st = SSMQ_OK;
    if (p->known >= p->n) return SSMQ_OK;
    f.token = ssmq_must_malloc((size_t)(longest(p) * (p->batch > 1 ? p->batch : 1)) * sizeof *f.token);
    SSMQ_TRY_DONE(st, ssmq_exec_open(p->be, p->model, p->plan, p->mode, &f.ex));
    ssmq_exec_probe(f.ex, (ssmq_probe){.see = see, .context = &f, .wants = wants, .checks = checks});
    SSMQ_TRY_DONE(st, run_all(&f));
done:
    if (f.ex) p->model->family->state_free(p->model, f.ex, f.state);
    ssmq_exec_close(f.ex);
    free(f.token);
    return st;
}
