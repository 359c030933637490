/* Products of bfloat16 numbers for any machine, one operation after another. */
#include "harness/backend/cpu/includes.inc"

#define TILE_ROWS 4
#define VECTORS 1
#define LANES 8
#define WORK_EACH(p) 0
#include "harness/backend/cpu/linear_bf16.inc"

static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    (void)p, (void)m, (void)count, (void)work;
}

static inline __attribute__((always_inline)) void tile(int rows, int vectors, const product *p, int64_t m,
                                                       int64_t i, int64_t n, const uint8_t *w,
                                                       const void *work)
{
    float sum[TILE_ROWS][LANES] = {{0}};
    (void)vectors, (void)i, (void)work;
    for (int64_t k = 0; k < p->s.K; k += 2, w += 4 * LANES)
        for (int r = 0; r < rows; r++) {
            const float *x = p->x + (m + r) * p->s.stride_x + k;
            for (int c = 0; c < LANES; c++) {
                uint16_t pair[2];
                memcpy(pair, w + 4 * c, sizeof pair);
                const float odd = k + 1 < p->s.K ? x[1] : 0;
                sum[r][c] = ssmq_ref_bf16_add(sum[r][c], odd, ssmq_bf16_to_f32(pair[1]));
                sum[r][c] = ssmq_ref_bf16_add(sum[r][c], x[0], ssmq_bf16_to_f32(pair[0]));
            }
        }
    for (int r = 0; r < rows; r++)
        for (int64_t c = 0; c < least_of(LANES, p->s.N - n); c++) put_one(p, m + r, n + c, sum[r][c]);
}

bool ssmq_cpu_bf16_c(ssmq_backend_ops *ops)
{
    ops->pack_bf16 = pack_bf16;
    ops->linear_bf16 = linear_bf16;
    return true;
}
