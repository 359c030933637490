#include "harness/backend/shape.h"
#include "harness/base/assert.h"

static bool is_f32(const ssmq_tensor *t)
{
    return t->dtype == SSMQ_F32 && t->space == SSMQ_SPACE_HOST;
}

/* A contiguous vector of n floats? */
static bool is_vector(const ssmq_tensor *t, int64_t n)
{
    return is_f32(t) && t->rank == 1 && t->dim[0] == n && ssmq_tensor_contiguous(t);
}

static bool is_vector_or_null(const ssmq_tensor *t, int64_t n)
{
    return !t || is_vector(t, n);
}

static bool same_shape(const ssmq_tensor *a, const ssmq_tensor *b)
{
    const ssmq_tensor ra = ssmq_tensor_rows(a), rb = ssmq_tensor_rows(b);
    return ra.dim[0] == rb.dim[0] && ra.dim[1] == rb.dim[1];
}

ssmq_linear_shape ssmq_shape_linear(const ssmq_tensor *y, const ssmq_tensor *x,
                                    const ssmq_tensor *w)
{
    const ssmq_tensor ry = ssmq_tensor_rows(y), rx = ssmq_tensor_rows(x);
    SSMQ_ASSERT(is_f32(y) && is_f32(x) && is_f32(w) && w->rank == 2);
    SSMQ_ASSERT(ry.dim[0] == rx.dim[0] && ry.dim[1] == w->dim[0] && rx.dim[1] == w->dim[1]);
    const ssmq_tensor rw = ssmq_tensor_rows(w);
    return (ssmq_linear_shape){.M = ry.dim[0],
                               .N = ry.dim[1],
                               .K = rx.dim[1],
                               .stride_y = ry.stride[0],
                               .stride_x = rx.stride[0],
                               .stride_w = rw.stride[0]};
}

ssmq_linear_shape ssmq_shape_linear_i8(const ssmq_tensor *y, const ssmq_tensor *x,
                                       const ssmq_packed *w, const ssmq_epilogue *a)
{
    const ssmq_tensor ry = ssmq_shape_epilogue(y, a), rx = ssmq_tensor_rows(x);
    SSMQ_ASSERT(x->dtype == SSMQ_I8 && x->space == SSMQ_SPACE_HOST && !w->floats);
    SSMQ_ASSERT(!a->zero || (w->zeros && a->zero->dtype == SSMQ_I32 && a->zero->rank == 1 &&
                             a->zero->dim[0] == ry.dim[0] && ssmq_tensor_contiguous(a->zero)));
    SSMQ_ASSERT(ry.dim[0] == rx.dim[0] && ry.dim[1] == w->N && rx.dim[1] == w->K);
    return (ssmq_linear_shape){
        .M = ry.dim[0], .N = w->N, .K = w->K, .stride_y = ry.stride[0], .stride_x = rx.stride[0]};
}

void ssmq_shape_pack_i8(const ssmq_tensor *w, ssmq_packed *out)
{
    SSMQ_ASSERT(w->dtype == SSMQ_I8 && w->rank == 2 && ssmq_tensor_contiguous(w));
    SSMQ_ASSERT(w->dim[1] <= SSMQ_PRODUCT_MAX);
    *out = (ssmq_packed){.N = w->dim[0], .K = w->dim[1], .bits = 8, .dtype = SSMQ_I8};
}

static void pack_half(const ssmq_codes *w, ssmq_packed *out)
{
    const ssmq_tensor *t = w->code;
    SSMQ_ASSERT((t->dtype == SSMQ_F16 || t->dtype == SSMQ_BF16) && t->rank == 2 && ssmq_tensor_contiguous(t));
    SSMQ_ASSERT(w->floats && w->group == 0);
    *out = (ssmq_packed){.N = t->dim[0], .K = t->dim[1], .dtype = t->dtype};
}

void ssmq_shape_pack_q(const ssmq_codes *w, ssmq_packed *out)
{
    if (w->bits == 16) pack_half(w, out);
    else ssmq_shape_pack_i8(w->code, out);
    SSMQ_ASSERT(w->bits == 4 || w->bits == 8 || w->bits == 16);
    out->bits = w->bits;
    out->group = w->group;
    out->zeros = w->zeros;
    out->floats = w->floats;
    out->affine = w->zero != NULL;
    if (w->zero) {
        const int64_t n = ssmq_tensor_count(w->zero);
        SSMQ_ASSERT(w->zero->dtype == SSMQ_I32 && ssmq_tensor_contiguous(w->zero) && !w->floats);
        SSMQ_ASSERT((n == 1 || n == out->N * ssmq_packed_groups(out)) && out->K <= SSMQ_PRODUCT_MAX / 2);
    }
    SSMQ_ASSERT((w->group > 0) == (w->scale != NULL) && !(w->zeros && w->floats));
    if (w->scale)
        SSMQ_ASSERT(is_f32(w->scale) && ssmq_tensor_contiguous(w->scale) &&
                    ssmq_tensor_count(w->scale) == out->N * ssmq_packed_groups(out));
}

ssmq_linear_shape ssmq_shape_linear_w(const ssmq_tensor *y, const ssmq_tensor *x,
                                      const ssmq_packed *w, const ssmq_epilogue *a)
{
    const ssmq_tensor ry = ssmq_shape_epilogue(y, a), rx = ssmq_tensor_rows(x);
    SSMQ_ASSERT(is_f32(x) && w->floats);
    SSMQ_ASSERT(ry.dim[0] == rx.dim[0] && ry.dim[1] == w->N && rx.dim[1] == w->K);
    return (ssmq_linear_shape){
        .M = ry.dim[0], .N = w->N, .K = w->K, .stride_y = ry.stride[0], .stride_x = rx.stride[0]};
}

void ssmq_shape_pack_bf16(const ssmq_tensor *w, ssmq_packed *out)
{
    pack_half(&(ssmq_codes){.code = w, .floats = true}, out);
    SSMQ_ASSERT(w->dtype == SSMQ_BF16);
    out->bits = 16;
    out->floats = true;
}

ssmq_linear_shape ssmq_shape_linear_bf16(const ssmq_tensor *y, const ssmq_tensor *x,
                                         const ssmq_packed *w, const ssmq_epilogue *a)
{
    SSMQ_ASSERT(w->dtype == SSMQ_BF16);
    return ssmq_shape_linear_w(y, x, w, a);
}

/* scale, channel: of an input that may be codes. */
static ssmq_sequence input_of(const ssmq_tensor *t, int64_t B, int64_t L, int64_t width, float scale,
                              const ssmq_tensor *channel)
{
    const bool codes = t->dtype == SSMQ_I8 && t->space == SSMQ_SPACE_HOST;
    SSMQ_ASSERT((codes || is_f32(t)) && t->rank == 3);
    SSMQ_ASSERT(t->dim[0] == B && t->dim[1] == L && t->dim[2] == width);
    SSMQ_ASSERT(t->stride[2] == 1 || width <= 1);
    SSMQ_ASSERT(is_vector_or_null(channel, width));
    return (ssmq_sequence){.data = codes ? NULL : t->data,
                           .code = codes ? t->data : NULL,
                           .scale = scale,
                           .channel = channel ? channel->data : NULL,
                           .batch = t->stride[0],
                           .row = t->stride[1]};
}

static ssmq_sequence sequence(const ssmq_tensor *t, int64_t B, int64_t L, int64_t width)
{
    SSMQ_ASSERT(is_f32(t));
    return input_of(t, B, L, width, 1, NULL);
}

ssmq_conv_shape ssmq_shape_conv(const ssmq_tensor *y, const ssmq_conv_args *a)
{
    SSMQ_ASSERT(a->x->rank == 3 && a->w->rank == 2 && is_f32(a->w));
    ssmq_conv_shape s = {
        .B = a->x->dim[0], .L = a->x->dim[1], .E = a->x->dim[2], .W = a->w->dim[1]};
    SSMQ_ASSERT(s.W >= 2 && s.W <= 4 && a->w->dim[0] == s.E && ssmq_tensor_contiguous(a->w));
    SSMQ_ASSERT(is_vector_or_null(a->bias, s.E) && is_vector_or_null(a->channel, s.E));
    s.x = input_of(a->x, s.B, s.L, s.E, 1, NULL); /* codes as they are: the scale is outside */
    s.state = sequence(a->state, s.B, s.W - 1, s.E);
    const ssmq_sequence out = sequence(y, s.B, s.L, s.E);
    s.batch_y = out.batch;
    s.row_y = out.row;
    return s;
}

bool ssmq_shape_rounds(const ssmq_qspec *s)
{
    const bool known = (s->format == SSMQ_FORMAT_INT && !s->wraps) || ssmq_qspec_half(s);
    const bool scope = s->scope == SSMQ_SCOPE_TENSOR || s->scope == SSMQ_SCOPE_CHANNEL;
    return known && scope && s->bits > 0 && s->symmetric && !s->dynamic;
}

ssmq_scan_shape ssmq_shape_scan(const ssmq_tensor *y, const ssmq_scan_args *a)
{
    SSMQ_ASSERT(a->x->rank == 3 && a->A->rank == 2 && is_f32(a->A));
    ssmq_scan_shape s = {
        .B = a->x->dim[0], .L = a->x->dim[1], .E = a->x->dim[2], .N = a->A->dim[1]};
    SSMQ_ASSERT(a->A->dim[0] == s.E && is_vector(a->D, s.E));
    s.x = input_of(a->x, s.B, s.L, s.E, a->scale.x, a->channel);
    s.dt = input_of(a->dt, s.B, s.L, s.E, a->scale.dt, NULL);
    s.Bm = input_of(a->Bm, s.B, s.L, s.N, a->scale.Bm, NULL);
    s.Cm = input_of(a->Cm, s.B, s.L, s.N, a->scale.Cm, NULL);
    if (a->z) s.z = input_of(a->z, s.B, s.L, s.E, a->scale.z, NULL);
    const ssmq_sequence out = sequence(y, s.B, s.L, s.E), state = sequence(a->h, s.B, s.E, s.N);
    s.batch_y = out.batch;
    s.row_y = out.row;
    s.batch_h = state.batch;
    s.row_h = state.row;
    s.stride_A = a->A->stride[0];
    if (a->states)
        SSMQ_ASSERT(is_f32(a->states) && ssmq_tensor_contiguous(a->states) &&
                    ssmq_tensor_count(a->states) == s.B * s.L * s.E * s.N);
    if (a->round.spec) SSMQ_ASSERT(ssmq_shape_rounds(a->round.spec) && a->round.scale && a->round.broken);
    return s;
}

ssmq_tensor ssmq_shape_embed(const ssmq_tensor *y, const ssmq_tensor *token, const ssmq_tensor *w)
{
    const ssmq_tensor r = ssmq_tensor_rows(y);
    SSMQ_ASSERT(is_f32(y) && w->rank == 2 && r.dim[1] == w->dim[1]);
    SSMQ_ASSERT(is_f32(w) || w->dtype == SSMQ_F16 || w->dtype == SSMQ_BF16);
    SSMQ_ASSERT(token->dtype == SSMQ_I32 && ssmq_tensor_count(token) == r.dim[0]);
    SSMQ_ASSERT(ssmq_tensor_contiguous(token));
    return r;
}

ssmq_tensor ssmq_shape_rmsnorm(const ssmq_tensor *y, const ssmq_tensor *residual,
                               const ssmq_tensor *x, const ssmq_tensor *w)
{
    const ssmq_tensor r = ssmq_tensor_rows(y);
    SSMQ_ASSERT(is_f32(y) && is_f32(residual) && same_shape(y, residual));
    SSMQ_ASSERT(!x || (is_f32(x) && same_shape(x, residual)));
    SSMQ_ASSERT(is_vector(w, r.dim[1]));
    return r;
}

ssmq_tensor ssmq_shape_epilogue(const ssmq_tensor *y, const ssmq_epilogue *a)
{
    const ssmq_tensor r = ssmq_tensor_rows(y);
    SSMQ_ASSERT(is_f32(y));
    SSMQ_ASSERT(is_vector_or_null(a->column, r.dim[1]) && is_vector_or_null(a->row, r.dim[0]));
    SSMQ_ASSERT(is_vector_or_null(a->bias, r.dim[1]));
    return r;
}

ssmq_tensor ssmq_shape_hadamard(const ssmq_tensor *x, const ssmq_tensor *signs)
{
    const ssmq_tensor r = ssmq_tensor_rows(x);
    SSMQ_ASSERT(is_f32(x) && is_vector_or_null(signs, r.dim[1]));
    return r;
}

ssmq_tensor ssmq_shape_nll(const ssmq_tensor *loss, const ssmq_tensor *logits,
                           const ssmq_tensor *target)
{
    const ssmq_tensor r = ssmq_tensor_rows(logits);
    SSMQ_ASSERT(is_f32(logits) && loss->dtype == SSMQ_F64 && target->dtype == SSMQ_I32);
    SSMQ_ASSERT(ssmq_tensor_count(loss) == r.dim[0] && ssmq_tensor_count(target) == r.dim[0]);
    SSMQ_ASSERT(ssmq_tensor_contiguous(loss) && ssmq_tensor_contiguous(target));
    return r;
}

ssmq_scale_map ssmq_shape_scales(const ssmq_tensor *rows, const ssmq_qspec *s,
                                 const ssmq_qparams *p)
{
    const ssmq_tensor *t = &p->scale;
    const int64_t      M = rows->dim[0], C = rows->dim[1];
    SSMQ_ASSERT(is_f32(t) && ssmq_tensor_contiguous(t));
    SSMQ_ASSERT(s->symmetric == !p->zero.data);
    if (p->zero.data)
        SSMQ_ASSERT(p->zero.dtype == SSMQ_I32 && ssmq_tensor_contiguous(&p->zero) &&
                    ssmq_tensor_count(&p->zero) == ssmq_tensor_count(t));
    ssmq_scale_map m = {.scale = t->data, .zero = p->zero.data, .by_row = 0, .group = C ? C : 1};
    const bool     by_row = t->rank == 2 && t->dim[0] == M && t->dim[1] == 1;
    switch (s->scope) {
    case SSMQ_SCOPE_TENSOR: SSMQ_ASSERT(ssmq_tensor_count(t) == 1); break;
    case SSMQ_SCOPE_CHANNEL:
        SSMQ_ASSERT(by_row || (t->rank == 1 && t->dim[0] == C));
        if (by_row) m.by_row = 1;
        else m.group = 1;
        break;
    case SSMQ_SCOPE_TOKEN:
        SSMQ_ASSERT(by_row || (t->rank == 1 && t->dim[0] == M));
        m.by_row = 1;
        break;
    case SSMQ_SCOPE_GROUP: {
        SSMQ_ASSERT(s->group >= 1);
        const int64_t groups = (C + s->group - 1) / s->group;
        SSMQ_ASSERT((t->rank == 1 && t->dim[0] == groups) ||
                    (t->rank == 2 && t->dim[0] == M && t->dim[1] == groups));
        m.group = s->group;
        m.by_row = t->rank == 2 ? groups : 0;
        break;
    }
    }
    return m;
}

void ssmq_shape_quantize(const ssmq_tensor *q, const ssmq_tensor *x, const ssmq_qspec *s)
{
    SSMQ_ASSERT(is_f32(x) && (q->dtype == SSMQ_F32 || q->dtype == SSMQ_I8) && same_shape(q, x));
    SSMQ_ASSERT(s->bits >= 2 && s->bits <= (q->dtype == SSMQ_I8 ? 8 : 16));
    SSMQ_ASSERT(s->format == SSMQ_FORMAT_INT || (q->dtype == SSMQ_F32 && s->symmetric));
}
