/* Products of codes of 4 and 8 bits with scales by group, for any machine. */
#include "harness/backend/cpu/includes.inc"

#define TILE_ROWS 4
#define VECTORS 1
#define LANES 8
#define DEPTH 1
#define STORED 0
#include "harness/backend/cpu/linear_i8.inc"
#include "harness/backend/cpu/linear_q.inc"

static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    (void)p, (void)m, (void)count, (void)work;
}

/* Adds a step of k of one row of x to its sums. */
static inline void add_step(const product *p, const int8_t *x, int64_t left, const uint8_t *w,
                            int32_t sum[LANES])
{
    for (int c = 0; c < LANES; c++) {
        if (p->bits == 8) sum[c] += x[0] * (int8_t)w[c];
        else {
            sum[c] += x[0] * ((w[c] & 15) - STORED4);
            if (left > 1) sum[c] += x[1] * ((w[c] >> 4) - STORED4);
        }
    }
}

static inline __attribute__((always_inline)) void tile(int rows, int vectors, const product *p,
                                                       int64_t m, int64_t i, int64_t n,
                                                       const uint8_t *w, const void *work)
{
    float         total[TILE_ROWS][LANES];
    const int64_t step = step_of(p->bits);
    (void)vectors, (void)i, (void)work;
    for (int64_t g = 0; g < p->groups; g++) {
        int32_t       sum[TILE_ROWS][LANES] = {{0}};
        const int64_t begin = g * p->group, end = least_of(begin + p->group, p->s.K);
        for (int64_t k = begin; k < begin + p->length; k += step, w += LANES)
            for (int r = 0; r < rows && k < end; r++)
                add_step(p, p->x + (m + r) * p->s.stride_x + k, end - k, w, sum[r]);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < LANES; c++) {
                if (p->zero) sum[r][c] -= p->zero[m + r] * p->group_sum[g * p->columns + n + c];
                if (p->code_zero)
                    sum[r][c] -= p->row_sum[(m + r) * p->groups + g] * p->code_zero[g * p->columns + n + c];
                add_group(p, g, n + c, sum[r][c], &total[r][c]);
            }
    }
    for (int r = 0; r < rows; r++)
        for (int64_t c = 0; c < least_of(LANES, p->s.N - n); c++)
            put_one(p, m + r, n + c, total[r][c]);
}

bool ssmq_cpu_q_c(ssmq_backend_ops *ops)
{
    ops->pack_q = pack_q;
    ops->linear_q = linear_q;
    return true;
}
