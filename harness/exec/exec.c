#include "harness/exec/exec.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

const char *const ssmq_modes[] = {"float", "fake", "real", NULL};

ssmq_status ssmq_exec_open(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan,
                           ssmq_mode mode, ssmq_exec **out)
{
    SSMQ_ASSERT((mode == SSMQ_MODE_FLOAT) == (plan == NULL));
    int32_t site;
    SSMQ_TRY(ssmq_exec_offers(be->ops, m, plan, mode, &site));
    ssmq_exec *ex = ssmq_must_malloc(sizeof *ex);
    *ex = (ssmq_exec){.be = be, .model = m, .mode = mode};
    if (plan) ex->plan = ssmq_plan_in_mode(plan, mode == SSMQ_MODE_REAL);
    ex->site = ssmq_must_malloc((size_t)m->n_site * sizeof *ex->site);
    ex->weight = ssmq_must_malloc((size_t)m->n_weight * sizeof *ex->weight);
    ex->packed = ssmq_must_malloc((size_t)m->n_site * sizeof *ex->packed);
    for (int32_t i = 0; i < m->n_site; i++) ex->site[i] = (ssmq_placed){0};
    for (int32_t i = 0; i < m->n_site; i++) ex->packed[i] = (ssmq_packed){0};
    for (int32_t i = 0; i < m->n_weight; i++) ex->weight[i] = (ssmq_placed){0};
    ex->live = ssmq_must_malloc((size_t)m->n_site * sizeof *ex->live);
    for (int32_t i = 0; i < m->n_site; i++) ex->live[i] = (ssmq_live){0};
    *out = ex;
    return SSMQ_OK;
}

void ssmq_exec_close(ssmq_exec *ex)
{
    if (!ex) return;
    for (int32_t i = 0; i < ex->model->n_site; i++)
        if (ex->site[i].owned) ssmq_exec_release(ex, ex->site[i].value.data);
    for (int32_t i = 0; i < ex->model->n_site; i++) ssmq_exec_release(ex, ex->packed[i].data);
    for (int32_t i = 0; i < ex->model->n_weight; i++)
        if (ex->weight[i].owned) ssmq_exec_release(ex, ex->weight[i].value.data);
    for (int32_t i = 0; i < ex->blocks.n; i++) ex->be->ops->free(ex->be, ex->blocks.at[i]);
    free(ex->blocks.at);
    for (int32_t i = 0; i < SSMQ_EXEC_SLOTS; i++) ex->be->ops->free(ex->be, ex->slot[i].data);
    ssmq_plan_free(ex->plan);
    for (int32_t i = 0; i < ex->model->n_site; i++) ssmq_live_free(&ex->live[i]);
    free(ex->live);
    free(ex->packed);
    free(ex->site);
    free(ex->weight);
    free(ex);
}

void ssmq_exec_owns(ssmq_exec *ex, ssmq_model *m)
{
    SSMQ_ASSERT(m == ex->model);
    ex->owner = m;
}

void ssmq_exec_moves(ssmq_exec *ex)
{
    ex->moves = ex->be->ops->space == SSMQ_SPACE_HOST;
}

void ssmq_exec_probe(ssmq_exec *ex, ssmq_probe probe)
{
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    ex->probe = probe;
}

void ssmq_exec_position(ssmq_exec *ex, int64_t first_token)
{
    ex->position = first_token;
}

void ssmq_exec_part(ssmq_exec *ex, int64_t sequence, int64_t token)
{
    ex->part_sequence = sequence;
    ex->part_token = token;
}

/* Of the 130m, what a layer makes of 64 tokens as codes is 2 MiB; every thread has a cache of its own.  Products
 * of floats take longer parts, as their weights are read, or unpacked, once for each: 256 tokens, 9 MiB, for the
 * cache that is shared. */
#define PART_OF_THREAD 64
#define PART_OF_FLOATS 256

/* Does a layer multiply what is packed for products of whole numbers, or of bfloat16? */
static bool multiplies_codes(const ssmq_exec *ex)
{
    for (int32_t i = 0; ex->mode != SSMQ_MODE_FLOAT && i < ex->model->n_site; i++) {
        const ssmq_site *s = &ex->model->site[i];
        if (s->kind != SSMQ_SITE_WEIGHT || s->layer < 0) continue;
        if (ssmq_exec_is_integer(ex, i) || ssmq_exec_is_bf16(ex, i)) return true;
    }
    return false;
}

int64_t ssmq_exec_part_length(const ssmq_exec *ex, int64_t L)
{
    const bool seen = ex->probe.see || ex->probe.codes, host = ex->be->ops->space == SSMQ_SPACE_HOST;
    if (L <= PART_OF_THREAD || seen || !host || ex->be->ops->rows_vary || ssmq_exec_whole(ex)) return L;
    const int64_t part = multiplies_codes(ex) ? (int64_t)PART_OF_THREAD * ex->be->threads : PART_OF_FLOATS;
    return L > part ? part : L;
}

ssmq_backend *ssmq_exec_backend(ssmq_exec *ex)
{
    return ex->be;
}

ssmq_status ssmq_exec_scratch(ssmq_exec *ex, int32_t slot, int32_t rank, const int64_t *dim,
                              ssmq_tensor *out)
{
    SSMQ_ASSERT(slot >= 0 && slot < SSMQ_EXEC_SLOTS);
    ssmq_tensor  t = ssmq_tensor_of(NULL, SSMQ_F32, rank, dim);
    const size_t bytes = ssmq_tensor_bytes(&t);
    if (bytes > ex->slot[slot].bytes) {
        ex->be->ops->free(ex->be, ex->slot[slot].data);
        ex->slot[slot].data = NULL;
        ex->slot[slot].bytes = 0;
        SSMQ_TRY(ex->be->ops->alloc(ex->be, bytes, &ex->slot[slot].data));
        ex->slot[slot].bytes = bytes;
    }
    t.data = ex->slot[slot].data;
    t.space = ex->be->ops->space;
    *out = t;
    return SSMQ_OK;
}

const ssmq_assignment *ssmq_exec_quantised(const ssmq_exec *ex, int32_t site)
{
    if (ex->mode == SSMQ_MODE_FLOAT || ex->plan->at[site].spec.bits == 0) return NULL;
    const ssmq_assignment *a = &ex->plan->at[site];
    SSMQ_ASSERT(a->spec.dynamic || a->params.scale.data != NULL);
    return a;
}

const ssmq_assignment *ssmq_exec_coded(const ssmq_exec *ex, int32_t site)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    if (!a || a->spec.dynamic || !a->spec.symmetric || ssmq_plan_keep(ex->plan, site)) return NULL;
    if (ssmq_qspec_half(&a->spec) || a->spec.product_dtype != SSMQ_PRECISION_F32) return NULL;
    if (a->spec.scope == SSMQ_SCOPE_TENSOR) return a;
    const bool weight = ex->model->site[site].kind == SSMQ_SITE_WEIGHT;
    return weight && a->spec.scope == SSMQ_SCOPE_CHANNEL ? a : NULL;
}

/* What the plan does to a linear layer's weight, if all of it and if the backend has kernels for it. */
static const ssmq_assignment *linear_weight(const ssmq_exec *ex, int32_t site_w)
{
    const ssmq_site       *s = &ex->model->site[site_w];
    const ssmq_assignment *w = ssmq_exec_quantised(ex, site_w);
    if (!w || s->input < 0 || !ex->model->site[s->input].linear || !ex->be->ops->linear_q) return NULL;
    return ssmq_plan_keep(ex->plan, site_w) ? NULL : w;
}

/* Can rows of an activation be handed on as codes, one by one or all with one scale? */
static bool has_rows_of_codes(const ssmq_exec *ex, int32_t site)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    if (!a || !ssmq_qspec_bytes(&a->spec) || ex->model->site[site].kind != SSMQ_SITE_ACTIVATION) return false;
    if (ssmq_plan_keep(ex->plan, site) || a->spec.product_dtype != SSMQ_PRECISION_F32) return false;
    return a->spec.scope == SSMQ_SCOPE_TENSOR || a->spec.scope == SSMQ_SCOPE_TOKEN;
}

bool ssmq_exec_packable(const ssmq_exec *ex, int32_t site_w)
{
    const ssmq_assignment *w = linear_weight(ex, site_w);
    const int64_t          K = ex->model->site[site_w].width;
    if (!w || !ssmq_qspec_bytes(&w->spec) || w->spec.dynamic || w->spec.product_dtype != SSMQ_PRECISION_F32) return false;
    if (w->spec.symmetric) return K <= SSMQ_PRODUCT_MAX;
    return K <= SSMQ_PRODUCT_MAX / 2 && has_rows_of_codes(ex, ex->model->site[site_w].input);
}

bool ssmq_exec_half(const ssmq_exec *ex, int32_t site_w)
{
    const ssmq_assignment *w = linear_weight(ex, site_w);
    return w && ssmq_qspec_half(&w->spec);
}

bool ssmq_exec_grouped(const ssmq_exec *ex, int32_t site_w)
{
    const ssmq_qspec *s = &ex->plan->at[site_w].spec;
    return s->bits <= 4 || s->scope == SSMQ_SCOPE_GROUP;
}

/* Are all weights that multiply an activation packable, and is there one? */
static bool meets_packable(const ssmq_exec *ex, int32_t site)
{
    bool any = false;
    for (int32_t i = 0; i < ex->model->n_site; i++) {
        if (ex->model->site[i].kind != SSMQ_SITE_WEIGHT || ex->model->site[i].input != site) continue;
        if (!ssmq_exec_packable(ex, i)) return false;
        any = true;
    }
    return any;
}

const ssmq_assignment *ssmq_exec_rowwise(const ssmq_exec *ex, int32_t site)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    if (!a || !(a->spec.dynamic || !a->spec.symmetric) || !has_rows_of_codes(ex, site)) return NULL;
    if (ex->live[site].use == SSMQ_LIVE_UNKNOWN)
        ex->live[site].use = meets_packable(ex, site) ? SSMQ_LIVE_CODES : SSMQ_LIVE_VALUES;
    return ex->live[site].use == SSMQ_LIVE_CODES ? a : NULL;
}

bool ssmq_exec_integer(const ssmq_exec *ex, int32_t site_x, int32_t site_w)
{
    const ssmq_assignment *x = ssmq_exec_coded(ex, site_x);
    return ((x && ssmq_qspec_bytes(&x->spec)) || ssmq_exec_rowwise(ex, site_x)) && ssmq_exec_packable(ex, site_w);
}

bool ssmq_exec_bf16(const ssmq_exec *ex, int32_t site_x, int32_t site_w)
{
    const ssmq_assignment *x = ssmq_exec_quantised(ex, site_x);
    if (!x || x->spec.format != SSMQ_FORMAT_BF16 || ssmq_plan_keep(ex->plan, site_x)) return false;
    return ssmq_exec_half(ex, site_w) && ex->plan->at[site_w].spec.format == SSMQ_FORMAT_BF16;
}

/* Is the product of a linear layer's weight with its input such a one? */
static bool is_product(const ssmq_exec *ex, int32_t site_w, bool (*such)(const ssmq_exec *, int32_t, int32_t))
{
    const ssmq_site *s = &ex->model->site[site_w];
    return s->input >= 0 && ex->model->site[s->input].linear && such(ex, s->input, site_w);
}

bool ssmq_exec_is_bf16(const ssmq_exec *ex, int32_t site_w)
{
    return is_product(ex, site_w, ssmq_exec_bf16);
}

bool ssmq_exec_is_integer(const ssmq_exec *ex, int32_t site_w)
{
    return is_product(ex, site_w, ssmq_exec_integer);
}

bool ssmq_exec_whole(const ssmq_exec *ex)
{
    for (int32_t i = 0; ex->mode != SSMQ_MODE_FLOAT && i < ex->model->n_site; i++) {
        const ssmq_qspec *s = &ex->plan->at[i].spec;
        if (s->bits && s->dynamic && s->scope == SSMQ_SCOPE_TENSOR) return true;
    }
    return false;
}

/* ---- activations ----------------------------------------------------------------------- */

ssmq_status ssmq_exec_not_finite(const ssmq_exec *ex, int32_t site, const ssmq_tensor *x, int64_t at,
                                 float value)
{
    const int64_t width = x->dim[x->rank - 1], length = x->dim[x->rank - 2];
    const int64_t row = at / width, channel = at % width;
    return SSMQ_FAIL(NUMERIC,
                     "%s is %s at sequence %" PRId64 ", token %" PRId64 ", channel %" PRId64
                     "; layer and site are the first where a value is not finite",
                     ex->model->site[site].name,
                     isnan(value) ? "nan" : value > 0 ? "infinite" : "-infinite",
                     ex->part_sequence + row / length, ex->position + ex->part_token + row % length, channel);
}

static ssmq_status not_finite(const ssmq_exec *ex, int32_t site, const ssmq_tensor *x, int64_t at)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    const int64_t     width = rows.dim[1];
    return ssmq_exec_not_finite(ex, site, x, at,
                                ((const float *)rows.data)[at / width * rows.stride[0] + at % width]);
}

/* What comes before everything else at a site: smoothing, rotation. */
static ssmq_status transform(ssmq_exec *ex, const ssmq_assignment *a, ssmq_tensor *x)
{
    if (a->divide.data) {
        const ssmq_epilogue e = {.scale = 1, .column = &a->inverse};
        SSMQ_TRY(ex->be->ops->epilogue(ex->be, x, &e));
    }
    if (!a->rotate) return SSMQ_OK;
    return ex->be->ops->hadamard(ex->be, x, a->signs.data ? &a->signs : NULL);
}

ssmq_tensor ssmq_exec_bytes_in(const ssmq_tensor *x)
{
    ssmq_tensor q = *x;
    q.dtype = SSMQ_I8;
    for (int32_t i = 0; i < q.rank - 1; i++) q.stride[i] *= (int64_t)sizeof(float);
    return q;
}

/* Codes as bytes in the front of the rows of x, which becomes them. */
static ssmq_status to_bytes(ssmq_exec *ex, const ssmq_quantiser *by, ssmq_tensor *x)
{
    ssmq_tensor q = ssmq_exec_bytes_in(x);
    SSMQ_TRY(ex->be->ops->quantize(ex->be, &q, x, &by->spec, &by->params));
    *x = q;
    return SSMQ_OK;
}

/* To codes, and back unless it is handed on as codes. */
static ssmq_status quantise(ssmq_exec *ex, int32_t site, const ssmq_assignment *a, ssmq_tensor *x)
{
    const ssmq_backend_ops *ops = ex->be->ops;
    const bool              rowwise = ssmq_exec_rowwise(ex, site), handed_on = rowwise || ssmq_exec_coded(ex, site);
    ssmq_quantiser          by = {.spec = a->spec, .params = a->params};
    if (rowwise || a->spec.dynamic) {
        ssmq_exec_find(ex, a, x, &ex->live[site]);
        by = ssmq_exec_by_rows(a, &ex->live[site]);
    }
    if (ex->mode == SSMQ_MODE_REAL && handed_on) SSMQ_TRY(to_bytes(ex, &by, x));
    else SSMQ_TRY(ops->quantize(ex->be, x, x, &by.spec, &by.params));
    if (ex->probe.codes) SSMQ_TRY(ex->probe.codes(ex->probe.context, site, x));
    if (handed_on || ssmq_qspec_half(&a->spec)) return SSMQ_OK;
    return ops->dequantize(ex->be, x, x, &by.spec, &by.params);
}

bool ssmq_exec_at_once(const ssmq_exec *ex, int32_t site, const ssmq_assignment *a)
{
    return ex->be->ops->encode && !ex->probe.see && a->spec.format == SSMQ_FORMAT_INT && !a->spec.wraps &&
           !a->spec.dynamic && !ssmq_plan_keep(ex->plan, site) && !ssmq_exec_rowwise(ex, site);
}

static ssmq_status encode(ssmq_exec *ex, int32_t site, const ssmq_assignment *a, ssmq_tensor *x)
{
    const bool             handed_on = ssmq_exec_coded(ex, site);
    const ssmq_encode_args e = {.factor = a->divide.data ? &a->inverse : NULL,
                                .rotate = a->rotate,
                                .signs = a->signs.data ? &a->signs : NULL,
                                .spec = &a->spec,
                                .params = &a->params};
    ssmq_tensor            q = ex->mode == SSMQ_MODE_REAL && handed_on ? ssmq_exec_bytes_in(x) : *x;
    int64_t                bad;
    SSMQ_TRY(ex->be->ops->encode(ex->be, &q, x, &e, &bad));
    if (bad >= 0) return not_finite(ex, site, x, bad);
    *x = q;
    if (ex->probe.codes) SSMQ_TRY(ex->probe.codes(ex->probe.context, site, x));
    return handed_on ? SSMQ_OK : ex->be->ops->dequantize(ex->be, x, x, &a->spec, &a->params);
}

static ssmq_status check_finite(ssmq_exec *ex, int32_t site, const ssmq_tensor *x)
{
    int64_t bad;
    SSMQ_TRY(ex->be->ops->finite(ex->be, x, &bad));
    return bad >= 0 ? not_finite(ex, site, x, bad) : SSMQ_OK;
}

/* Does the probe look for what is not finite, in the values as they come? */
static bool is_checked_by_probe(const ssmq_exec *ex, int32_t site)
{
    if (!ex->probe.checks || !ex->probe.checks(ex->probe.context, site)) return false;
    const ssmq_assignment *a = ex->mode != SSMQ_MODE_FLOAT ? &ex->plan->at[site] : NULL;
    return !a || (!a->divide.data && !a->rotate);
}

static ssmq_status show(ssmq_exec *ex, int32_t site, const ssmq_tensor *x, bool checked)
{
    const ssmq_status st = ex->probe.see ? ex->probe.see(ex->probe.context, site, x) : SSMQ_OK;
    if (checked && st == SSMQ_ERR_NUMERIC) SSMQ_TRY(check_finite(ex, site, x));
    return st;
}

ssmq_status ssmq_exec_site(ssmq_exec *ex, int32_t site, ssmq_tensor *x)
{
    SSMQ_DEBUG_ASSERT(ex->model->site[site].kind == SSMQ_SITE_ACTIVATION);
    SSMQ_DEBUG_ASSERT(x->dim[x->rank - 1] == ex->model->site[site].width);
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    ex->be->site = site;
    if (a && ssmq_exec_at_once(ex, site, a)) return encode(ex, site, a, x);
    const bool checked = is_checked_by_probe(ex, site);
    if (!checked) SSMQ_TRY(check_finite(ex, site, x)); /* before a rotation spreads one bad channel over all */
    if (ex->mode != SSMQ_MODE_FLOAT) SSMQ_TRY(transform(ex, &ex->plan->at[site], x));
    SSMQ_TRY(show(ex, site, x, checked));
    if (!a) return SSMQ_OK;
    const ssmq_tensor *keep = ssmq_plan_keep(ex->plan, site);
    if (!keep) return quantise(ex, site, a, x);
    ssmq_tensor kept;
    SSMQ_TRY(ssmq_exec_take_out(ex, keep, x, &kept));
    SSMQ_TRY(quantise(ex, site, a, x));
    ssmq_exec_put_back(keep, &kept, x);
    return SSMQ_OK;
}
