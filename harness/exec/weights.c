/* Weights as the ops read them. */
#include <math.h>
#include "harness/base/assert.h"
#include "harness/base/file.h"
#include "harness/exec/internal.h"
#include "harness/tensor/nibbles.h"

/* A tensor of the backend shaped like t. */
static ssmq_status make(ssmq_exec *ex, const ssmq_tensor *t, ssmq_placed *p)
{
    ssmq_tensor made;
    SSMQ_TRY(ssmq_backend_tensor(ex->be, t->name, SSMQ_F32, t->rank, t->dim, &made));
    p->value = made;
    p->owned = true;
    return SSMQ_OK;
}

/* A weight whose values a model keeps once, under the name of another: that one. */
static int32_t untied(const ssmq_model *m, int32_t weight)
{
    const ssmq_weight *w = &m->weight[weight];
    return w->tied_to >= 0 && m->weight[w->tied_to].value.data == w->value.data ? w->tied_to : weight;
}

/* A weight as it is: the model's own tensor where the backend can read it there, else a copy of it. */
static ssmq_status place(ssmq_exec *ex, int32_t weight, bool by_rows, const ssmq_tensor **out)
{
    const int32_t      at = untied(ex->model, weight);
    const ssmq_weight *w = &ex->model->weight[at];
    ssmq_placed       *p = &ex->weight[at];
    *out = &p->value;
    if (ex->moves && !by_rows && w->mapped && !p->owned) {
        SSMQ_TRY(ssmq_exec_move(ex, at, &p->value));
        p->owned = true;
    }
    if (p->owned) return SSMQ_OK;
    if (w->value.space == ex->be->ops->space) {
        p->value = w->value;
        if (!by_rows) (void)ssmq_model_value(ex->model, at); /* somebody may have forgotten it since */
        else *out = ssmq_model_rows(ex->model, at);
        return SSMQ_OK;
    }
    SSMQ_TRY(make(ex, &w->value, p));
    return ex->be->ops->copy(ex->be, &p->value, ssmq_model_value(ex->model, at));
}

ssmq_status ssmq_exec_plain(ssmq_exec *ex, int32_t weight, const ssmq_tensor **out)
{
    return place(ex, weight, false, out);
}

ssmq_status ssmq_exec_rows(ssmq_exec *ex, int32_t weight, const ssmq_tensor **out)
{
    return place(ex, weight, true, out);
}

static const ssmq_tensor *weight_of(const ssmq_exec *ex, int32_t site)
{
    const int32_t weight = ex->model->site[site].weight;
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    SSMQ_ASSERT(weight >= 0);
    SSMQ_ASSERT(ex->model->weight[weight].value.data != NULL || (a && (a->codes.data || a->nibbles)));
    return &ex->model->weight[weight].value;
}

/* The same, with values where there are no codes. */
static const ssmq_tensor *values_of(const ssmq_exec *ex, int32_t site)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    const ssmq_tensor     *w = weight_of(ex, site);
    return a && (a->codes.data || a->nibbles) ? w : ssmq_model_value(ex->model, ex->model->site[site].weight);
}

/* A weight whose codes are made need not stay in memory beside them. */
static void forget(const ssmq_exec *ex, int32_t site)
{
    const int32_t      weight = ex->model->site[site].weight;
    const ssmq_weight *w = &ex->model->weight[weight];
    if (ex->owner) ssmq_model_drop(ex->owner, weight);
    ssmq_model_forget(ex->model, weight);
    if (!w->mapped || w->value.data) return;
    const ssmq_assignment *a = &ex->plan->at[site];
    const int64_t          K = w->value.dim[w->value.rank - 1], rows = ssmq_tensor_count(&w->value) / K;
    const size_t           bytes = a->nibbles ? (size_t)(rows * ssmq_nibble_bytes(K)) : ssmq_tensor_bytes(&a->codes);
    const ssmq_mapping     m = {.data = a->nibbles ? a->nibbles : a->codes.data, .size = bytes};
    ssmq_map_forget(&m, 0, m.size);
}

/* Codes that somebody found before, as bytes: lent, or, where they lie two to a byte, *made. */
static ssmq_status found_codes(ssmq_exec *ex, const ssmq_assignment *a, const ssmq_tensor *w, ssmq_tensor *out,
                               bool *made)
{
    const int64_t K = w->dim[w->rank - 1];
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST && a->spec.bits <= 8);
    *out = a->codes;
    *made = a->nibbles != NULL;
    if (!*made) return SSMQ_OK;
    SSMQ_TRY(ssmq_backend_tensor(ex->be, w->name, SSMQ_I8, w->rank, w->dim, out));
    ssmq_nibbles_unpack(a->nibbles, ssmq_tensor_count(w) / K, K, out->data);
    return SSMQ_OK;
}

ssmq_status ssmq_exec_bias(ssmq_exec *ex, int32_t weight, const ssmq_tensor **out)
{
    ssmq_placed       *p = &ex->weight[weight];
    const ssmq_tensor *b = &ex->model->weight[weight].value;
    if (p->value.data || !ex->plan || !ex->plan->departures.int8_biases) return ssmq_exec_plain(ex, weight, out);
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST && ssmq_tensor_contiguous(b));
    const ssmq_qspec spec = {.bits = 8, .symmetric = true};
    float            most = SSMQ_AMAX_MIN;
    for (int64_t i = 0; i < ssmq_tensor_count(b); i++) most = fmaxf(most, fabsf(((const float *)b->data)[i]));
    float              scale = ssmq_scale(most, ssmq_code_limit(&spec), &spec);
    const ssmq_qparams params = {.scale = ssmq_tensor_of(&scale, SSMQ_F32, 0, NULL)};
    SSMQ_TRY(make(ex, b, p));
    *out = &p->value;
    SSMQ_TRY(ex->be->ops->quantize(ex->be, &p->value, b, &spec, &params));
    return ex->be->ops->dequantize(ex->be, &p->value, &p->value, &spec, &params);
}

/* The values of a weight to its codes: those that a method solved, else the nearest ones. */
static ssmq_status encode(ssmq_exec *ex, const ssmq_assignment *a, ssmq_tensor *value)
{
    if (a->codes.data && ssmq_qspec_half(&a->spec)) {
        SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
        ssmq_to_f32(value->data, a->codes.data, a->codes.dtype, ssmq_tensor_count(value));
        return SSMQ_OK;
    }
    if (!a->codes.data && !a->nibbles) return ex->be->ops->quantize(ex->be, value, value, &a->spec, &a->params);
    float              one = 1; /* a scale of 1 carries integers over into floats */
    const ssmq_qspec   plain = {.bits = 8, .symmetric = true};
    const ssmq_qparams p = {.scale = ssmq_tensor_of(&one, SSMQ_F32, 0, NULL)};
    ssmq_tensor        codes;
    bool               made;
    SSMQ_TRY(found_codes(ex, a, value, &codes, &made));
    const ssmq_status st = ex->be->ops->dequantize(ex->be, value, &codes, &plain, &p);
    if (made) ex->be->ops->free(ex->be, codes.data);
    return st;
}

/* A copy of a weight's values; nothing is looked at where there are codes alone. */
static ssmq_status make_copy(ssmq_exec *ex, int32_t site, ssmq_placed *p)
{
    const int32_t      weight = ex->model->site[site].weight;
    const ssmq_tensor *w = weight_of(ex, site);
    SSMQ_TRY(make(ex, w, p));
    if (!ex->model->weight[weight].lent) return w->data ? ex->be->ops->copy(ex->be, &p->value, w) : SSMQ_OK;
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    ssmq_model_copy(ex->model, weight, 0, ssmq_tensor_count(w), p->value.data);
    return SSMQ_OK;
}

ssmq_status ssmq_exec_codes(ssmq_exec *ex, int32_t site, const ssmq_tensor **out)
{
    ssmq_placed           *p = &ex->site[site];
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    *out = &p->value;
    if (!a) {
        SSMQ_TRY(ssmq_exec_plain(ex, ex->model->site[site].weight, out));
        p->value = **out;
        return SSMQ_OK;
    }
    if (p->value.data) return SSMQ_OK;
    SSMQ_TRY(make_copy(ex, site, p));
    const ssmq_tensor *keep = ssmq_plan_keep(ex->plan, site);
    ssmq_tensor        kept;
    if (keep) SSMQ_TRY(ssmq_exec_take_out(ex, keep, &p->value, &kept));
    SSMQ_TRY(encode(ex, a, &p->value));
    forget(ex, site);
    if (!ssmq_exec_coded(ex, site)) {
        SSMQ_TRY(ex->be->ops->dequantize(ex->be, &p->value, &p->value, &a->spec, &a->params));
        if (keep) ssmq_exec_put_back(keep, &kept, &p->value);
    }
    return ssmq_exec_settle(ex, &p->value.data, ssmq_tensor_bytes(&p->value));
}

/* The codes of a weight as bytes: those that a method solved, else the nearest ones. */
static ssmq_status bytes_of(ssmq_exec *ex, const ssmq_assignment *a, const ssmq_tensor *w, ssmq_tensor *out,
                            bool *made)
{
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    if (a->codes.data || a->nibbles) return found_codes(ex, a, w, out, made);
    *made = true;
    SSMQ_TRY(ssmq_backend_tensor(ex->be, w->name, SSMQ_I8, w->rank, w->dim, out));
    return ex->be->ops->quantize(ex->be, out, w, &a->spec, &a->params);
}

/* The values of a weight in half precision: those that were stored, else the nearest ones. */
static ssmq_status halves_of(ssmq_exec *ex, const ssmq_assignment *a, const ssmq_tensor *w, ssmq_tensor *out,
                             bool *made)
{
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    *out = a->codes;
    *made = a->codes.data == NULL;
    if (!*made) return SSMQ_OK;
    SSMQ_ASSERT(ssmq_tensor_contiguous(w));
    SSMQ_TRY(ssmq_backend_tensor(ex->be, w->name, ssmq_half_dtype(a->spec.format), w->rank, w->dim, out));
    ssmq_from_f32(out->data, out->dtype, w->data, ssmq_tensor_count(w));
    return SSMQ_OK;
}

/* Packed for the products that the site takes part in. */
static ssmq_status pack(ssmq_exec *ex, int32_t site, const ssmq_assignment *a, const ssmq_tensor *codes,
                        ssmq_packed *out)
{
    const int32_t input = ex->model->site[site].input;
    const bool    rowwise = ssmq_exec_rowwise(ex, input), floats = !rowwise && !ssmq_exec_coded(ex, input);
    const bool    group = a->spec.scope == SSMQ_SCOPE_GROUP, zeros = rowwise && !ex->plan->at[input].spec.symmetric;
    const bool half = ssmq_qspec_half(&a->spec), affine = !a->spec.symmetric && a->params.zero.data != NULL;
    if (half && ssmq_exec_bf16(ex, input, site)) return ex->be->ops->pack_bf16(ex->be, codes, out);
    const ssmq_codes w = {.code = codes,
                          .bits = half ? 16 : a->spec.bits <= 4 ? 4 : 8,
                          .group = group ? a->spec.group : 0,
                          .scale = group ? &a->params.scale : NULL,
                          .zero = affine ? &a->params.zero : NULL,
                          .zeros = zeros,
                          .floats = floats};
    if (!floats && !zeros && !affine && !ssmq_exec_grouped(ex, site)) return ex->be->ops->pack_i8(ex->be, codes, out);
    return ex->be->ops->pack_q(ex->be, &w, out);
}

ssmq_status ssmq_exec_packed(ssmq_exec *ex, int32_t site, const ssmq_packed **out)
{
    ssmq_packed *p = &ex->packed[site];
    *out = p;
    if (p->data) return SSMQ_OK;
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    ssmq_tensor            codes = {0};
    bool                   made = false;
    const bool             half = ssmq_exec_half(ex, site);
    ssmq_status            st = (half ? halves_of : bytes_of)(ex, a, values_of(ex, site), &codes, &made);
    if (st == SSMQ_OK) st = pack(ex, site, a, &codes, p);
    forget(ex, site);
    if (made) ex->be->ops->free(ex->be, codes.data);
    return st == SSMQ_OK ? ssmq_exec_settle(ex, &p->data, p->bytes) : st;
}

ssmq_status ssmq_exec_weight_codes(ssmq_exec *ex, int32_t site, ssmq_tensor *out)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    const ssmq_tensor     *w = weight_of(ex, site), *keep = ssmq_plan_keep(ex->plan, site);
    const ssmq_qspec       plain = {.bits = 8, .symmetric = true};
    float                  one = 1; /* a scale of 1 carries integers over */
    const ssmq_qparams     p = {.scale = ssmq_tensor_of(&one, SSMQ_F32, 0, NULL)};
    ssmq_placed            copy = {0};
    ssmq_tensor            kept;
    ssmq_status            st;
    SSMQ_ASSERT(a && ssmq_qspec_bytes(&a->spec));
    SSMQ_TRY(ssmq_backend_tensor(ex->be, w->name, SSMQ_I8, w->rank, w->dim, out));
    SSMQ_TRY_DONE(st, make_copy(ex, site, &copy));
    if (keep) SSMQ_TRY_DONE(st, ssmq_exec_take_out(ex, keep, &copy.value, &kept));
    SSMQ_TRY_DONE(st, encode(ex, a, &copy.value));
    SSMQ_TRY_DONE(st, ex->be->ops->quantize(ex->be, out, &copy.value, &plain, &p));
done:
    ex->be->ops->free(ex->be, copy.value.data);
    if (st != SSMQ_OK) ex->be->ops->free(ex->be, out->data);
    return st;
}

ssmq_status ssmq_exec_values(ssmq_exec *ex, int32_t site, const ssmq_tensor **out)
{
    const bool             made = ex->site[site].value.data != NULL;
    const ssmq_assignment *a = ssmq_exec_coded(ex, site);
    SSMQ_TRY(ssmq_exec_codes(ex, site, out));
    ssmq_tensor *value = &ex->site[site].value;
    if (!made && a) SSMQ_TRY(ex->be->ops->dequantize(ex->be, value, value, &a->spec, &a->params));
    return SSMQ_OK;
}

/* The exponential is taken on the host, once, so that every backend scans with the same A. */
ssmq_status ssmq_exec_decay(ssmq_exec *ex, int32_t site, const ssmq_tensor **out)
{
    ssmq_placed           *p = &ex->site[site];
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    if (!p->value.data) {
        const ssmq_tensor *w = weight_of(ex, site);
        const int64_t      n = ssmq_tensor_count(w);
        SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST && ssmq_tensor_contiguous(w));
        SSMQ_TRY(make_copy(ex, site, p));
        if (a) {
            SSMQ_TRY(encode(ex, a, &p->value));
            SSMQ_TRY(ex->be->ops->dequantize(ex->be, &p->value, &p->value, &a->spec, &a->params));
        }
        float *v = p->value.data;
        for (int64_t i = 0; i < n; i++) v[i] = -expf(v[i]);
        SSMQ_TRY(ssmq_exec_settle(ex, &p->value.data, ssmq_tensor_bytes(&p->value)));
    }
    *out = &p->value;
    return SSMQ_OK;
}

static float scale_of(const ssmq_assignment *a)
{
    return ((const float *)a->params.scale.data)[0];
}

void ssmq_exec_rescale(const ssmq_exec *ex, int32_t site_x, int32_t site_w, float *scale,
                       ssmq_tensor *channel)
{
    const ssmq_assignment *x = ssmq_exec_coded(ex, site_x), *w = ssmq_exec_coded(ex, site_w);
    *scale = x ? scale_of(x) : 1.0f;
    *channel = (ssmq_tensor){0};
    if (!w && ssmq_exec_integer(ex, site_x, site_w)) w = ssmq_exec_quantised(ex, site_w); /* with zero points */
    if (!w || w->spec.scope == SSMQ_SCOPE_GROUP) return;
    if (w->spec.scope == SSMQ_SCOPE_TENSOR) *scale *= scale_of(w);
    else *channel = ssmq_tensor_reshape(&w->params.scale, 1, w->params.scale.dim);
}

/* Is a weight that is read by rows, as codes, counted with another that is tied to it? */
static bool is_tied(const ssmq_exec *ex, int32_t site)
{
    for (int32_t i = 0; i < ex->model->n_weight; i++)
        if (ex->model->weight[i].tied_to == ex->model->site[site].weight) return true;
    return false;
}

int64_t ssmq_exec_weight_bytes(const ssmq_exec *ex)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < ex->model->n_site; i++) {
        const ssmq_placed *p = &ex->site[i];
        bytes += ex->packed[i].bytes;
        if (p->by_rows && !is_tied(ex, i))
            bytes += (size_t)(ssmq_tensor_count(weight_of(ex, i)) * ex->plan->at[i].spec.bits / 8);
        if (p->owned) bytes += ssmq_tensor_bytes(&p->value);
    }
    for (int32_t i = 0; i < ex->model->n_weight; i++)
        if (ex->weight[i].value.data) bytes += ssmq_tensor_bytes(&ex->weight[i].value);
    return (int64_t)bytes;
}
