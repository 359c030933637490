#include <math.h>
#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

/* Input t of channel e of sequence b; the W - 1 before the first come from the state. */
static float input(const ssmq_conv_shape *s, int64_t b, int64_t t, int64_t e)
{
    if (t >= 0) return ssmq_sequence_at(&s->x, b, t, e);
    return s->state.data[b * s->state.batch + (s->W - 1 + t) * s->state.row + e];
}

static float silu(float v)
{
    return v / (1.0f + expf(-v));
}

ssmq_status ssmq_ref_conv(ssmq_backend *be, ssmq_tensor *y, const ssmq_conv_args *a)
{
    const ssmq_conv_shape s = ssmq_shape_conv(y, a);
    const float          *w = a->w->data;
    const float          *bias = a->bias ? a->bias->data : NULL;
    const float          *channel = a->channel ? a->channel->data : NULL;
    float                *state = a->state->data;
#pragma omp parallel for num_threads(be->threads) collapse(2) schedule(static)
    for (int64_t b = 0; b < s.B; b++)
        for (int64_t e = 0; e < s.E; e++) {
            const float factor = channel ? a->scale * channel[e] : a->scale;
            for (int64_t t = 0; t < s.L; t++) {
                float sum = 0;
                for (int64_t k = 0; k < s.W; k++)
                    sum += w[e * s.W + k] * input(&s, b, t - s.W + 1 + k, e);
                const float v = factor * sum + (bias ? bias[e] : 0.0f);
                ((float *)y->data)[b * s.batch_y + t * s.row_y + e] = silu(v);
            }
            /* Ascending, so that with L < W - 1 an old input is read before it is overwritten. */
            for (int64_t j = 0; j < s.W - 1; j++)
                state[b * s.state.batch + j * s.state.row + e] =
                    input(&s, b, s.L - (s.W - 1) + j, e);
        }
    return ssmq_ref_hand_on(be, y, a->to);
}
