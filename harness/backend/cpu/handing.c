/* What becomes of an op's result: what its threads share. */
#include <math.h>
#include "harness/backend/cpu/kernels.h"
#include "harness/backend/shape.h"
#include "harness/base/assert.h"

/* An element and what stands there, in the order of the elements. */
enum { IS_NAN, IS_INFINITE, IS_MINUS_INFINITE, KINDS };

void ssmq_cpu_handing_begin(ssmq_cpu_handing *h, const ssmq_tensor *y, const ssmq_handing *to)
{
    h->n = 0;
    if (!to) return;
    h->y = ssmq_tensor_rows(y);
    h->n = to->n;
    for (int32_t i = 0; i < h->n; i++) {
        const ssmq_handed      *t = &to->part[i];
        const ssmq_encode_args *a = t->encode;
        const ssmq_tensor q = ssmq_tensor_rows(t->q), x = ssmq_tensor_slice(&h->y, 1, t->begin, q.dim[1]);
        SSMQ_ASSERT(i == 0 || t->begin >= h->part[i - 1].end);
        h->part[i].begin = t->begin;
        h->part[i].end = t->begin + q.dim[1];
        h->part[i].q = q;
        h->part[i].spec = a ? a->spec : NULL;
        h->part[i].factor = a && a->factor ? a->factor->data : NULL;
        h->part[i].found = INT64_MAX;
        if (!a) continue;
        SSMQ_ASSERT(!a->rotate && a->spec->format == SSMQ_FORMAT_INT && !a->spec->wraps);
        SSMQ_ASSERT(a->spec->scope == SSMQ_SCOPE_TENSOR && a->spec->symmetric);
        SSMQ_ASSERT(!a->factor || a->factor->dim[0] == q.dim[1]);
        ssmq_shape_quantize(&q, &x, a->spec);
        h->part[i].scale = *ssmq_shape_scales(&x, a->spec, a->params).scale;
    }
}

void ssmq_cpu_handing_end(const ssmq_cpu_handing *h, ssmq_handing *to)
{
    static const float value[KINDS] = {NAN, INFINITY, -INFINITY};
    for (int32_t i = 0; i < h->n; i++) {
        const int64_t found = h->part[i].found;
        to->part[i].first = found == INT64_MAX ? -1 : found / KINDS;
        if (found != INT64_MAX) to->part[i].value = value[found % KINDS];
    }
}

void ssmq_cpu_not_finite(ssmq_cpu_handing *h, int32_t part, int64_t at, float value)
{
    const int64_t is = at * KINDS + (isnan(value) ? IS_NAN : value > 0 ? IS_INFINITE : IS_MINUS_INFINITE);
    int64_t       before = __atomic_load_n(&h->part[part].found, __ATOMIC_RELAXED);
    while (is < before && !__atomic_compare_exchange_n(&h->part[part].found, &before, is, true,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
}
