/* The selective scan, carried out as the plan says: all tokens at once, or token by token where the
 * state is seen, or quantised in a way that the scan has not, between them. */
#include <inttypes.h>
#include "harness/backend/shape.h"
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

/* Codes whose rows have scales of their own, back to real numbers: bytes in memory apart. */
static ssmq_status rows_dequantised(ssmq_exec *ex, int32_t site, const ssmq_assignment *a,
                                    ssmq_tensor *x)
{
    const ssmq_quantiser by = ssmq_exec_by_rows(a, &ex->live[site]);
    const ssmq_tensor    codes = *x;
    if (x->dtype == SSMQ_I8)
        SSMQ_TRY(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_VALUES, x->rank, codes.dim, x));
    return ex->be->ops->dequantize(ex->be, x, &codes, &by.spec, &by.params);
}

/* A site's tensor back to real numbers, and what smoothing divided it by back into it; bytes are
 * left to the scan, which then needs their scale. */
static ssmq_status dequantised(ssmq_exec *ex, int32_t site, ssmq_tensor *x, float *scale)
{
    const ssmq_assignment *a = ssmq_exec_coded(ex, site), *rowwise = ssmq_exec_rowwise(ex, site);
    if (rowwise) SSMQ_TRY(rows_dequantised(ex, site, rowwise, x));
    if (x->dtype == SSMQ_I8) {
        *scale = ((const float *)a->params.scale.data)[0];
        return SSMQ_OK;
    }
    if (a) SSMQ_TRY(ex->be->ops->dequantize(ex->be, x, x, &a->spec, &a->params));
    if (ex->mode == SSMQ_MODE_FLOAT || !ex->plan->at[site].divide.data) return SSMQ_OK;
    const ssmq_epilogue e = {.scale = 1, .column = &ex->plan->at[site].divide};
    return ex->be->ops->epilogue(ex->be, x, &e);
}

/* ---- the state between tokens ------------------------------------------------------------ */

/* h (B, T, E, N), of T tokens from one on. */
static ssmq_status check_finite(ssmq_exec *ex, int32_t site, const ssmq_tensor *h, int64_t token)
{
    const int64_t     N = h->dim[3], E = h->dim[2], T = h->dim[1];
    const ssmq_tensor rows = ssmq_tensor_reshape(h, 2, (const int64_t[]){h->dim[0] * T, E * N});
    int64_t           bad;
    SSMQ_TRY(ex->be->ops->finite(ex->be, &rows, &bad));
    if (bad < 0) return SSMQ_OK;
    return SSMQ_FAIL(
        NUMERIC,
        "%s is not finite at sequence %" PRId64 ", token %" PRId64 ", channel %" PRId64
        ", state %" PRId64 "; layer and site are the first where a value is not finite",
        ex->model->site[site].name, ex->part_sequence + bad / (T * E * N),
        ex->position + ex->part_token + token + bad / (E * N) % T, bad / N % E, bad % N);
}

/* h (B, E, N) to codes and back; under scope channel each e has a scale, whatever the sequence. */
static ssmq_status quantise_state(ssmq_exec *ex, const ssmq_assignment *a, ssmq_tensor *h)
{
    const ssmq_backend_ops *ops = ex->be->ops;
    for (int64_t b = 0; b < h->dim[0]; b++) {
        ssmq_tensor one = ssmq_tensor_slice(h, 0, b, 1);
        SSMQ_TRY(ops->quantize(ex->be, &one, &one, &a->spec, &a->params));
        SSMQ_TRY(ops->dequantize(ex->be, &one, &one, &a->spec, &a->params));
    }
    return SSMQ_OK;
}

ssmq_dtype ssmq_exec_state_dtype(const ssmq_exec *ex, int32_t site)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    if (!a || ex->mode != SSMQ_MODE_REAL) return SSMQ_F32;
    return ssmq_qspec_half(&a->spec) ? ssmq_half_dtype(a->spec.format) : SSMQ_I8;
}

/* A kept state (B, E, N) to floats. */
static ssmq_status load_state(ssmq_exec *ex, const ssmq_assignment *a, const ssmq_tensor *kept,
                              ssmq_tensor *h)
{
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    if (kept->dtype != SSMQ_I8) ssmq_to_f32(h->data, kept->data, kept->dtype, ssmq_tensor_count(kept));
    for (int64_t b = 0; kept->dtype == SSMQ_I8 && b < kept->dim[0]; b++) {
        const ssmq_tensor from = ssmq_tensor_slice(kept, 0, b, 1);
        ssmq_tensor       to = ssmq_tensor_slice(h, 0, b, 1);
        SSMQ_TRY(ex->be->ops->dequantize(ex->be, &to, &from, &a->spec, &a->params));
    }
    return SSMQ_OK;
}

/* The same back: it was rounded after the last token, so that nothing is lost. */
static ssmq_status store_state(ssmq_exec *ex, const ssmq_assignment *a, const ssmq_tensor *h,
                               ssmq_tensor *kept)
{
    if (kept->dtype != SSMQ_I8) ssmq_from_f32(kept->data, kept->dtype, h->data, ssmq_tensor_count(kept));
    for (int64_t b = 0; kept->dtype == SSMQ_I8 && b < kept->dim[0]; b++) {
        const ssmq_tensor from = ssmq_tensor_slice(h, 0, b, 1);
        ssmq_tensor       to = ssmq_tensor_slice(kept, 0, b, 1);
        SSMQ_TRY(ex->be->ops->quantize(ex->be, &to, &from, &a->spec, &a->params));
    }
    return SSMQ_OK;
}

/* h (B, E, N) as (B, 1, E, N). */
static ssmq_tensor of_one_token(const ssmq_tensor *h)
{
    return ssmq_tensor_reshape(h, 4, (const int64_t[]){h->dim[0], 1, h->dim[1], h->dim[2]});
}

/* The scan of token t alone: its rows of every tensor. */
static ssmq_status scan_token(ssmq_exec *ex, ssmq_tensor *y, const ssmq_scan_args *a, int64_t t)
{
    const ssmq_tensor x = ssmq_tensor_slice(a->x, 1, t, 1), dt = ssmq_tensor_slice(a->dt, 1, t, 1);
    const ssmq_tensor Bm = ssmq_tensor_slice(a->Bm, 1, t, 1),
                      Cm = ssmq_tensor_slice(a->Cm, 1, t, 1);
    const ssmq_tensor z = ssmq_tensor_slice(a->z, 1, t, 1);
    ssmq_tensor       out = ssmq_tensor_slice(y, 1, t, 1);
    ssmq_scan_args    one = *a;
    one.x = &x;
    one.dt = &dt;
    one.Bm = &Bm;
    one.Cm = &Cm;
    one.z = &z;
    return ex->be->ops->scan(ex->be, &out, &one);
}

/* state: what the plan does to it; seen (B, L, E, N), unless NULL, is filled. */
static ssmq_status scan_by_token(ssmq_exec *ex, ssmq_tensor *y, const ssmq_scan_args *a, int32_t site,
                                 const ssmq_assignment *state, ssmq_tensor *seen)
{
    for (int64_t t = 0; t < a->x->dim[1]; t++) {
        SSMQ_TRY(scan_token(ex, y, a, t));
        const ssmq_tensor h = of_one_token(a->h);
        SSMQ_TRY(check_finite(ex, site, &h, t));
        if (seen) {
            ssmq_tensor to = ssmq_tensor_slice(seen, 1, t, 1);
            SSMQ_TRY(ex->be->ops->copy(ex->be, &to, &h));
        }
        SSMQ_TRY(quantise_state(ex, state, a->h));
    }
    return SSMQ_OK;
}

/* The probe sees the state after each token, before it is quantised. */
static ssmq_status scan_watched(ssmq_exec *ex, ssmq_tensor *y, ssmq_scan_args *a, int32_t site,
                                const ssmq_assignment *state)
{
    const int64_t dim[] = {a->h->dim[0], a->x->dim[1], a->h->dim[1], a->h->dim[2]};
    ssmq_tensor   seen;
    SSMQ_TRY(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_STATES, 4, dim, &seen));
    if (state) SSMQ_TRY(scan_by_token(ex, y, a, site, state, &seen));
    else {
        a->states = &seen;
        SSMQ_TRY(ex->be->ops->scan(ex->be, y, a));
        SSMQ_TRY(check_finite(ex, site, &seen, 0));
    }
    return ex->probe.see(ex->probe.context, site, &seen);
}

/* All tokens at once.  Where a state is not finite, once more by token, which tells the first such place. */
static ssmq_status scan_rounding(ssmq_exec *ex, ssmq_tensor *y, ssmq_scan_args *a, int32_t site,
                                 const ssmq_assignment *state)
{
    bool         broken = false;
    ssmq_tensor *h = a->h, before;
    SSMQ_TRY(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_STATES, 3, h->dim, &before));
    SSMQ_TRY(ex->be->ops->copy(ex->be, &before, h));
    a->round.spec = &state->spec;
    a->round.scale = state->params.scale.data;
    a->round.broken = &broken;
    SSMQ_TRY(ex->be->ops->scan(ex->be, y, a));
    if (!broken) return SSMQ_OK;
    a->round.spec = NULL;
    a->to = NULL;
    SSMQ_TRY(ex->be->ops->copy(ex->be, h, &before));
    return scan_by_token(ex, y, a, site, state, NULL);
}

static ssmq_status scan_as_planned(ssmq_exec *ex, ssmq_tensor *y, ssmq_scan_args *a, int32_t site,
                                   const ssmq_assignment *state, bool watched)
{
    if (watched) return scan_watched(ex, y, a, site, state);
    if (ssmq_shape_rounds(&state->spec)) return scan_rounding(ex, y, a, site, state);
    return scan_by_token(ex, y, a, site, state, NULL);
}

/* States that are quantised between tokens, or watched. */
static ssmq_status scan_states(ssmq_exec *ex, ssmq_tensor *y, ssmq_scan_args *a, int32_t site,
                               const ssmq_assignment *state, bool watched)
{
    ssmq_tensor *h = a->h, work;
    if (h->dtype == SSMQ_F32) return scan_as_planned(ex, y, a, site, state, watched);
    SSMQ_TRY(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_STATE, 3, h->dim, &work));
    SSMQ_TRY(load_state(ex, state, h, &work));
    a->h = &work;
    SSMQ_TRY(scan_as_planned(ex, y, a, site, state, watched));
    return store_state(ex, state, &work, h);
}

ssmq_status ssmq_exec_scan(ssmq_exec *ex, ssmq_tensor *y, const ssmq_scan_sites *sites,
                           ssmq_tensor *x, ssmq_tensor *dt, ssmq_tensor *Bm, ssmq_tensor *Cm,
                           ssmq_tensor *z, ssmq_tensor *h, const ssmq_exec_to *to)
{
    ssmq_scan_args a = {.x = x, .dt = dt, .Bm = Bm, .Cm = Cm, .z = z, .h = h};
    ssmq_arrivals  arrivals;
    ex->be->site = sites->state;
    SSMQ_TRY(ssmq_exec_decay(ex, sites->A_log, &a.A));
    SSMQ_TRY(ssmq_exec_values(ex, sites->D, &a.D));
    SSMQ_TRY(dequantised(ex, sites->x, x, &a.scale.x));
    SSMQ_TRY(dequantised(ex, sites->dt, dt, &a.scale.dt));
    SSMQ_TRY(dequantised(ex, sites->B, Bm, &a.scale.Bm));
    SSMQ_TRY(dequantised(ex, sites->C, Cm, &a.scale.Cm));
    SSMQ_TRY(dequantised(ex, sites->z, z, &a.scale.z));
    if (x->dtype == SSMQ_I8 && ex->plan->at[sites->x].divide.data)
        a.channel = &ex->plan->at[sites->x].divide;
    const ssmq_assignment *state = ssmq_exec_quantised(ex, sites->state);
    const bool watched = ex->probe.wants && ex->probe.wants(ex->probe.context, sites->state);
    if (!watched && (!state || ssmq_shape_rounds(&state->spec))) a.to = ssmq_exec_depart(ex, to, y, &arrivals);
    if (state || watched) SSMQ_TRY(scan_states(ex, y, &a, sites->state, state, watched));
    else SSMQ_TRY(ex->be->ops->scan(ex->be, y, &a));
    return ssmq_exec_arrive(ex, to, a.to, &arrivals);
}
