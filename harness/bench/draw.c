#include "harness/bench/draw.h"
#include <math.h>
#include <string.h>
#include "harness/base/assert.h"

ssmq_draw ssmq_draw_new(ssmq_backend *be, uint64_t seed, bool dense)
{
    SSMQ_ASSERT(be->ops->space == SSMQ_SPACE_HOST);
    return (ssmq_draw){.state = seed, .be = be, .dense = dense};
}

void ssmq_draw_free(ssmq_draw *d)
{
    for (int32_t i = 0; i < d->n_owned; i++) d->be->ops->free(d->be, d->owned[i]);
    d->n_owned = 0;
}

/* splitmix64: Steele, Lea and Flood, OOPSLA 2014. */
static uint64_t next(ssmq_draw *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t ssmq_draw_int(ssmq_draw *d, int64_t lo, int64_t hi)
{
    return lo + (int64_t)(next(d) % (uint64_t)(hi - lo + 1));
}

bool ssmq_draw_large(ssmq_draw *d, int64_t *M, int64_t *N)
{
    if (ssmq_draw_int(d, 0, 19) > 0) return false;
    *M = ssmq_draw_int(d, 97, 110);
    *N = ssmq_draw_int(d, 1030, 1100);
    return true;
}

float ssmq_draw_real(ssmq_draw *d, float lo, float hi)
{
    return lo + (hi - lo) * (float)((double)(next(d) >> 40) * 0x1p-24);
}

static ssmq_status own(ssmq_draw *d, size_t bytes, void **out)
{
    SSMQ_ASSERT(d->n_owned < SSMQ_DRAW_MAX);
    SSMQ_TRY(d->be->ops->alloc(d->be, bytes, out));
    d->owned[d->n_owned++] = *out;
    return SSMQ_OK;
}

/* Elements from the first of the first row to the end of the last row's gap. */
static int64_t span(const ssmq_tensor *t)
{
    return t->rank < 2 ? ssmq_tensor_count(t) : t->dim[0] * t->stride[0];
}

static ssmq_status draw(ssmq_draw *d, int32_t rank, const int64_t *dim, int64_t gap,
                        const float range[2], ssmq_tensor *out)
{
    ssmq_tensor t = ssmq_tensor_of(NULL, SSMQ_F32, rank, dim);
    if (rank >= 2) t.stride[rank - 2] += gap;
    if (rank >= 3) t.stride[0] = t.dim[1] * t.stride[1];
    SSMQ_TRY(own(d, (size_t)span(&t) * sizeof(float), &t.data));
    float *p = t.data;
    for (int64_t i = 0; i < span(&t); i++) p[i] = NAN;
    const ssmq_tensor r = ssmq_tensor_rows(&t);
    for (int64_t m = 0; m < r.dim[0]; m++)
        for (int64_t i = 0; i < r.dim[1]; i++)
            p[m * r.stride[0] + i] = ssmq_draw_real(d, range[0], range[1]);
    *out = t;
    return SSMQ_OK;
}

ssmq_status ssmq_draw_tensor(ssmq_draw *d, int32_t rank, const int64_t *dim, float lo, float hi,
                             ssmq_tensor *out)
{
    const int64_t gap = d->dense || next(d) % 2 ? 0 : ssmq_draw_int(d, 1, 9);
    return draw(d, rank, dim, gap, (const float[2]){lo, hi}, out);
}

ssmq_status ssmq_draw_dense(ssmq_draw *d, int32_t rank, const int64_t *dim, float lo, float hi,
                            ssmq_tensor *out)
{
    return draw(d, rank, dim, 0, (const float[2]){lo, hi}, out);
}

ssmq_status ssmq_draw_codes(ssmq_draw *d, int32_t rank, const int64_t *dim, ssmq_tensor *out)
{
    ssmq_tensor t;
    SSMQ_TRY(ssmq_draw_tensor(d, rank, dim, 0, 1, &t));
    t.dtype = SSMQ_I8;
    for (int32_t i = 0; i < rank - 1; i++) t.stride[i] *= (int64_t)sizeof(float);
    const ssmq_tensor r = ssmq_tensor_rows(&t);
    for (int64_t m = 0; m < r.dim[0]; m++)
        for (int64_t i = 0; i < r.dim[1]; i++)
            ((int8_t *)r.data)[m * r.stride[0] + i] = (int8_t)ssmq_draw_int(d, -128, 127);
    *out = t;
    return SSMQ_OK;
}

ssmq_status ssmq_draw_index(ssmq_draw *d, int64_t n, int32_t lo, int32_t hi, ssmq_tensor *out)
{
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I32, 1, &n, out));
    for (int64_t i = 0; i < n; i++) ((int32_t *)out->data)[i] = (int32_t)ssmq_draw_int(d, lo, hi);
    return SSMQ_OK;
}

ssmq_status ssmq_draw_zero(ssmq_draw *d, ssmq_dtype dtype, int32_t rank, const int64_t *dim,
                           ssmq_tensor *out)
{
    ssmq_tensor t = ssmq_tensor_of(NULL, dtype, rank, dim);
    SSMQ_TRY(own(d, ssmq_tensor_bytes(&t), &t.data));
    *out = t;
    return SSMQ_OK;
}

ssmq_status ssmq_draw_copy(ssmq_draw *d, const ssmq_tensor *t, ssmq_tensor *out)
{
    ssmq_tensor  copy = *t;
    const size_t bytes = (size_t)span(t) * (size_t)ssmq_dtype_bits(t->dtype) / 8;
    SSMQ_TRY(own(d, bytes, &copy.data));
    if (bytes) memcpy(copy.data, t->data, bytes);
    *out = copy;
    return SSMQ_OK;
}

static double value(const ssmq_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case SSMQ_F32: return (double)((const float *)t->data)[i];
    case SSMQ_F64: return ((const double *)t->data)[i];
    case SSMQ_I8: return ((const int8_t *)t->data)[i];
    default: SSMQ_ASSERT(t->dtype == SSMQ_I32); return ((const int32_t *)t->data)[i];
    }
}

static bool same_bits(const ssmq_tensor *a, const ssmq_tensor *b, int64_t i)
{
    const size_t n = (size_t)ssmq_dtype_bits(a->dtype) / 8;
    return memcmp((const char *)a->data + (size_t)i * n, (const char *)b->data + (size_t)i * n, n) == 0;
}

static bool close_enough(double got, double want, double bound)
{
    return (isnan(got) && isnan(want)) || got == want || fabs(got - want) <= bound;
}

ssmq_status ssmq_draw_compare(const char *op, const ssmq_tensor *got, const ssmq_tensor *want,
                              const double *bound)
{
    const ssmq_tensor rg = ssmq_tensor_rows(got), rw = ssmq_tensor_rows(want);
    SSMQ_ASSERT(rg.dim[0] == rw.dim[0] && rg.dim[1] == rw.dim[1] && rg.stride[0] == rw.stride[0]);
    SSMQ_ASSERT(got->dtype == want->dtype);
    char shape[SSMQ_SHAPE_TEXT];
    ssmq_tensor_shape(got, shape, sizeof shape);
    for (int64_t i = 0; i < span(got); i++) {
        const int64_t m = rg.stride[0] ? i / rg.stride[0] : 0, c = i - m * rg.stride[0];
        const bool    gap = c >= rg.dim[1];
        if (same_bits(got, want, i)) continue;
        if (gap) return SSMQ_FAIL(NUMERIC, "%s %s: written past the end of row %lld", op, shape,
                                  (long long)m);
        const double g = value(got, i), w = value(want, i), b = bound ? bound[m * rg.dim[1] + c] : 0;
        if (bound && close_enough(g, w, b)) continue;
        return SSMQ_FAIL(NUMERIC, "%s %s: element (%lld, %lld) is %.9g, not %.9g (bound %.3g)", op,
                         shape, (long long)m, (long long)c, g, w, b);
    }
    return SSMQ_OK;
}
