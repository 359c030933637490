#include "harness/bench/meter.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/clock.h"

#define OPS(X)    \
    X(copy)       \
    X(embed)      \
    X(rmsnorm)    \
    X(linear)     \
    X(epilogue)   \
    X(conv)       \
    X(scan)       \
    X(hadamard)   \
    X(nll)        \
    X(finite)     \
    X(quantize)   \
    X(dequantize) \
    X(pack_i8)    \
    X(linear_i8)  \
    X(pack_q)     \
    X(linear_q)   \
    X(linear_w)   \
    X(pack_bf16)  \
    X(linear_bf16) \
    X(encode)

#define X(name) OP_##name,
enum { OPS(X) N_OP };
#undef X
#define X(name) #name,
static const char *const op_names[] = {OPS(X)};
#undef X

typedef struct count {
    int64_t         calls;
    double          seconds;
    ssmq_meter_cost cost;
} count;

struct ssmq_meter {
    ssmq_backend_ops        ops;   /* what the backend has in the meantime */
    const ssmq_backend_ops *inner; /* what it had                          */
    ssmq_backend           *be;
    int32_t                 n_site;
    count                  *at; /* [N_OP, n_site + 1], the first for no site */
};

static void take(const ssmq_backend *be, int op, double begin, ssmq_meter_cost cost)
{
    const double end = ssmq_monotonic_s();
    SSMQ_ASSERT(be->site >= -1 && be->site < be->meter->n_site);
    count *c = &be->meter->at[op * (be->meter->n_site + 1) + be->site + 1];
    c->calls++;
    c->seconds += end - begin;
    c->cost.bytes += cost.bytes;
    c->cost.i8 += cost.i8;
    c->cost.bf16 += cost.bf16;
    c->cost.f32 += cost.f32;
}

/* The body of an op of the same name: the inner one, timed; behind it what it needs at least. */
#define MEASURE(op, arguments, ...)                                \
    do {                                                           \
        const double      begin_ = ssmq_monotonic_s();             \
        const ssmq_status st_ = be->meter->inner->op arguments;    \
        take(be, OP_##op, begin_, (ssmq_meter_cost){__VA_ARGS__}); \
        return st_;                                                \
    } while (0)

/* ---- what ops need ----------------------------------------------------------------------- */

static double elements(const ssmq_tensor *t)
{
    return t ? (double)ssmq_tensor_count(t) : 0;
}

static double bytes(const ssmq_tensor *t)
{
    return t ? (double)ssmq_tensor_bytes(t) : 0;
}

/* A result as it is written. */
static double written(const ssmq_tensor *y, const ssmq_handing *to)
{
    double sum = bytes(y);
    for (int32_t i = 0; to && i < to->n; i++)
        sum += bytes(to->part[i].q) - (double)sizeof(float) * elements(to->part[i].q);
    return sum;
}

/* Looked at, divided, rounded, limited at both ends. */
static double handed_on(const ssmq_handing *to)
{
    double sum = 0;
    for (int32_t i = 0; to && i < to->n; i++) {
        const ssmq_encode_args *a = to->part[i].encode;
        sum += elements(to->part[i].q) * (a ? 5 + (a->factor != NULL) : 1);
    }
    return sum;
}

static double length_of_rows(const ssmq_tensor *t)
{
    return (double)t->dim[t->rank - 1];
}

/* ---- the table --------------------------------------------------------------------------- */

static ssmq_status metered_copy(ssmq_backend *be, ssmq_tensor *dst, const ssmq_tensor *src)
{
    MEASURE(copy, (be, dst, src), .bytes = bytes(dst) + bytes(src));
}

static ssmq_status metered_embed(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *token,
                                 const ssmq_tensor *w)
{
    MEASURE(embed, (be, y, token, w), .bytes = bytes(y) * (1 + ssmq_dtype_bits(w->dtype) / 32.0) + bytes(token));
}

static ssmq_status metered_rmsnorm(ssmq_backend *be, ssmq_tensor *y, ssmq_tensor *residual,
                                   const ssmq_tensor *x, const ssmq_tensor *w, float eps, ssmq_handing *to)
{
    MEASURE(rmsnorm, (be, y, residual, x, w, eps, to),
            .bytes = written(y, to) + (x ? 2 : 1) * bytes(residual) + bytes(x) + bytes(w),
            .f32 = 4 * elements(y) + elements(x) + handed_on(to));
}

static ssmq_status metered_linear(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                                  const ssmq_tensor *w)
{
    MEASURE(linear, (be, y, x, w), .bytes = bytes(y) + bytes(x) + bytes(w),
            .f32 = 2 * elements(y) * length_of_rows(x));
}

static ssmq_status metered_epilogue(ssmq_backend *be, ssmq_tensor *y, const ssmq_epilogue *a)
{
    MEASURE(epilogue, (be, y, a),
            .bytes = bytes(y) + written(y, a->to) + bytes(a->column) + bytes(a->row) + bytes(a->bias),
            .f32 = elements(y) * (1 + (a->column != NULL) + (a->row != NULL) + (a->bias != NULL)) +
                   handed_on(a->to));
}

/* With SiLU: an exponential, a sum, a quotient. */
static ssmq_status metered_conv(ssmq_backend *be, ssmq_tensor *y, const ssmq_conv_args *a)
{
    MEASURE(conv, (be, y, a),
            .bytes = written(y, a->to) + bytes(a->x) + bytes(a->w) + bytes(a->bias) + 2 * bytes(a->state),
            .f32 = elements(y) * (2 * length_of_rows(a->w) + SSMQ_METER_EXP + 2) + handed_on(a->to));
}

/* Updates only: what else it does for a channel is little beside those of its N states. */
static ssmq_status metered_scan(ssmq_backend *be, ssmq_tensor *y, const ssmq_scan_args *a)
{
    MEASURE(scan, (be, y, a),
            .bytes = written(y, a->to) + bytes(a->x) + bytes(a->dt) + bytes(a->A) + bytes(a->Bm) +
                     bytes(a->Cm) + bytes(a->D) + bytes(a->z) + 2 * bytes(a->h),
            .f32 = SSMQ_METER_UPDATE * elements(y) * length_of_rows(a->A));
}

/* The fast transform of n = 2^k; other sizes have a few more additions. */
static ssmq_status metered_hadamard(ssmq_backend *be, ssmq_tensor *x, const ssmq_tensor *signs)
{
    MEASURE(hadamard, (be, x, signs), .bytes = 2 * bytes(x) + bytes(signs),
            .f32 = elements(x) * (log2(length_of_rows(x)) + 1 + (signs != NULL)));
}

static ssmq_status metered_nll(ssmq_backend *be, ssmq_tensor *loss, const ssmq_tensor *logits,
                               const ssmq_tensor *target)
{
    MEASURE(nll, (be, loss, logits, target), .bytes = bytes(loss) + bytes(logits) + bytes(target),
            .f32 = elements(logits) * (SSMQ_METER_EXP + 2));
}

static ssmq_status metered_finite(ssmq_backend *be, const ssmq_tensor *x, int64_t *first)
{
    MEASURE(finite, (be, x, first), .bytes = bytes(x), .f32 = elements(x));
}

/* Divided, rounded, limited at both ends. */
static ssmq_status metered_quantize(ssmq_backend *be, ssmq_tensor *q, const ssmq_tensor *x,
                                    const ssmq_qspec *s, const ssmq_qparams *p)
{
    MEASURE(quantize, (be, q, x, s, p), .bytes = bytes(q) + bytes(x) + bytes(&p->scale),
            .f32 = 4 * elements(x));
}

static ssmq_status metered_encode(ssmq_backend *be, ssmq_tensor *q, ssmq_tensor *x,
                                  const ssmq_encode_args *a, int64_t *first)
{
    MEASURE(encode, (be, q, x, a, first),
            .bytes = bytes(q) + bytes(x) + bytes(a->factor) + bytes(a->signs) + bytes(&a->params->scale),
            .f32 = elements(x) * (5 + (a->factor != NULL) + (a->signs != NULL) +
                                  (a->rotate ? log2(length_of_rows(x)) + 1 : 0)));
}

static ssmq_status metered_dequantize(ssmq_backend *be, ssmq_tensor *x, const ssmq_tensor *q,
                                      const ssmq_qspec *s, const ssmq_qparams *p)
{
    MEASURE(dequantize, (be, x, q, s, p), .bytes = bytes(q) + bytes(x) + bytes(&p->scale),
            .f32 = 2 * elements(x));
}

static ssmq_status metered_pack_i8(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out)
{
    MEASURE(pack_i8, (be, w, out), .bytes = bytes(w) + (double)out->bytes);
}

static ssmq_status metered_linear_i8(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                                     const ssmq_packed *w, const ssmq_epilogue *a)
{
    MEASURE(linear_i8, (be, y, x, w, a), .bytes = written(y, a->to) + bytes(x) + (double)(w->N * w->K),
            .i8 = 2 * elements(y) * length_of_rows(x));
}

static ssmq_status metered_pack_q(ssmq_backend *be, const ssmq_codes *w, ssmq_packed *out)
{
    MEASURE(pack_q, (be, w, out), .bytes = bytes(w->code) + (double)out->bytes);
}

static ssmq_status metered_linear_q(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                                    const ssmq_packed *w, const ssmq_epilogue *a)
{
    MEASURE(linear_q, (be, y, x, w, a), .bytes = written(y, a->to) + bytes(x) + (double)w->bytes,
            .i8 = 2 * elements(y) * length_of_rows(x));
}

static ssmq_status metered_linear_w(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                                    const ssmq_packed *w, const ssmq_epilogue *a)
{
    MEASURE(linear_w, (be, y, x, w, a), .bytes = written(y, a->to) + bytes(x) + (double)w->bytes,
            .f32 = 2 * elements(y) * length_of_rows(x));
}

static ssmq_status metered_pack_bf16(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out)
{
    MEASURE(pack_bf16, (be, w, out), .bytes = bytes(w) + (double)out->bytes);
}

static ssmq_status metered_linear_bf16(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                                       const ssmq_packed *w, const ssmq_epilogue *a)
{
    MEASURE(linear_bf16, (be, y, x, w, a), .bytes = written(y, a->to) + bytes(x) + 2 * (double)(w->N * w->K),
            .bf16 = 2 * elements(y) * length_of_rows(x));
}

/* ---- on and off -------------------------------------------------------------------------- */

static void put_over(ssmq_backend_ops *ops)
{
#define X(name) \
    if (ops->name) ops->name = metered_##name;
    OPS(X)
#undef X
}

ssmq_meter *ssmq_meter_on(ssmq_backend *be, int32_t n_site)
{
    SSMQ_ASSERT(!be->meter);
    ssmq_meter *m = ssmq_must_malloc(sizeof *m);
    *m = (ssmq_meter){.ops = *be->ops, .inner = be->ops, .be = be, .n_site = n_site};
    m->at = ssmq_must_malloc((size_t)(N_OP * (n_site + 1)) * sizeof *m->at);
    put_over(&m->ops);
    ssmq_meter_clear(m);
    be->ops = &m->ops;
    be->meter = m;
    return m;
}

void ssmq_meter_off(ssmq_meter *m)
{
    if (!m) return;
    m->be->ops = m->inner;
    m->be->meter = NULL;
    free(m->at);
    free(m);
}

void ssmq_meter_clear(ssmq_meter *m)
{
    memset(m->at, 0, (size_t)(N_OP * (m->n_site + 1)) * sizeof *m->at);
}

bool ssmq_meter_entry_at(const ssmq_meter *m, int32_t i, ssmq_meter_entry *out)
{
    const int32_t per_op = m->n_site + 1;
    for (int32_t k = 0; k < N_OP * per_op; k++) {
        const count *c = &m->at[k];
        if (c->calls == 0 || i-- > 0) continue;
        *out = (ssmq_meter_entry){.op = op_names[k / per_op],
                                  .site = k % per_op - 1,
                                  .calls = c->calls,
                                  .seconds = c->seconds,
                                  .cost = c->cost};
        return true;
    }
    return false;
}
