/* Products of codes for any machine, as the compiler vectorises them. */
#include "harness/backend/cpu/includes.inc"

#define TILE_ROWS 4
#define VECTORS 1
#define LANES 8
#define DEPTH 1
#define STORED 0
#include "harness/backend/cpu/linear_i8.inc"

static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    (void)p, (void)m, (void)count, (void)work;
}

static inline __attribute__((always_inline)) void tile(int rows, int vectors, const product *p,
                                                       int64_t m, int64_t i, int64_t n,
                                                       const uint8_t *w, const void *work)
{
    const int64_t columns = least_of(LANES, p->s.N - n);
    int32_t       sum[TILE_ROWS][LANES] = {{0}};
    (void)vectors, (void)i, (void)work;
    for (int64_t k = 0; k < p->s.K; k++)
        for (int r = 0; r < rows; r++) {
            const int32_t x = p->x[(m + r) * p->s.stride_x + k];
            for (int c = 0; c < LANES; c++) sum[r][c] += x * (int8_t)w[k * LANES + c];
        }
    for (int r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) put_one(p, m + r, n + c, (float)sum[r][c]);
}

static ssmq_status pack(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out)
{
    return pack_all(be, &(ssmq_codes){.code = w, .bits = 8}, out);
}

static ssmq_status linear_i8(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                             const ssmq_packed *w, const ssmq_epilogue *a)
{
    product p = product_of(y, x, w, a);
    return run(be, &p, 0, y, a->to);
}

bool ssmq_cpu_i8_c(ssmq_backend_ops *ops)
{
    ops->pack_i8 = pack;
    ops->linear_i8 = linear_i8;
    return true;
}
