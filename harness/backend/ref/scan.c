#include <math.h>
#include <string.h>
#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

static float softplus(float v)
{
    return v > 20.0f ? v : log1pf(expf(v));
}

static float silu(float v)
{
    return v / (1.0f + expf(-v));
}

/* The state of a channel after a step, N numbers, to codes and back. */
static void round_state(const ssmq_scan_args *a, int64_t e, float *h, int64_t N)
{
    const ssmq_qspec *s = a->round.spec;
    const float       scale = a->round.scale[s->scope == SSMQ_SCOPE_CHANNEL ? e : 0];
    for (int64_t n = 0; n < N; n++) {
        if (!isfinite(h[n])) __atomic_store_n(a->round.broken, true, __ATOMIC_RELAXED);
        h[n] = ssmq_product(ssmq_code_value(h[n], scale, 0, s), 0, scale, s);
    }
}

ssmq_status ssmq_ref_scan(ssmq_backend *be, ssmq_tensor *y, const ssmq_scan_args *a)
{
    const ssmq_scan_shape s = ssmq_shape_scan(y, a);
#pragma omp parallel for num_threads(be->threads) collapse(2) schedule(static)
    for (int64_t b = 0; b < s.B; b++)
        for (int64_t e = 0; e < s.E; e++) {
            float       *h = (float *)a->h->data + b * s.batch_h + e * s.row_h;
            const float *A = (const float *)a->A->data + e * s.stride_A;
            const float  D = ((const float *)a->D->data)[e];
            for (int64_t t = 0; t < s.L; t++) {
                const float x = ssmq_sequence_at(&s.x, b, t, e);
                const float delta = softplus(ssmq_sequence_at(&s.dt, b, t, e));
                float       sum = 0;
                for (int64_t n = 0; n < s.N; n++) {
                    h[n] = expf(delta * A[n]) * h[n] + delta * x * ssmq_sequence_at(&s.Bm, b, t, n);
                    sum += h[n] * ssmq_sequence_at(&s.Cm, b, t, n);
                }
                if (a->states)
                    memcpy((float *)a->states->data + ((b * s.L + t) * s.E + e) * s.N, h, (size_t)s.N * sizeof *h);
                if (a->round.spec) round_state(a, e, h, s.N);
                float v = sum + D * x;
                if (a->z) v *= silu(ssmq_sequence_at(&s.z, b, t, e));
                ((float *)y->data)[b * s.batch_y + t * s.row_y + e] = v;
            }
        }
    return ssmq_ref_hand_on(be, y, a->to);
}
