#include "harness/tensor/fine_bins.h"
#include <stdlib.h>
#include "harness/base/assert.h"
#include "harness/tensor/fine_bins.inc"

/* ---- memory ---------------------------------------------------------------------------- */

static void forget_ends(ssmq_fine_bins *b)
{
    b->low = INT32_MAX;
    b->high = 0;
}

ssmq_status ssmq_fine_bins_new(ssmq_fine_bins *out)
{
    forget_ends(out);
    out->count = calloc(SSMQ_FINE_BINS, sizeof *out->count);
    return out->count ? SSMQ_OK : SSMQ_FAIL(MEMORY, "no memory for the bins of values");
}

void ssmq_fine_bins_free(ssmq_fine_bins *b)
{
    free(b->count);
    b->count = NULL;
}

/* ---- counting -------------------------------------------------------------------------- */

void ssmq_magnitude_ends_c(const float *x, int64_t n, int32_t *low, int32_t *high)
{
    magnitude_ends(x, n, low, high);
}

static ssmq_magnitude_ends best_ends(void)
{
#if defined(__x86_64__) || defined(__i386__)
    if (ssmq_magnitude_ends_avx512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return ssmq_magnitude_ends_avx512;
    if (ssmq_magnitude_ends_avx2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return ssmq_magnitude_ends_avx2;
#endif
    return ssmq_magnitude_ends_c;
}

/* With the sign on top. */
static uint32_t bin_of(const float *x)
{
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits >> SSMQ_FINE_SHIFT;
}

/* ahead: as many that are looked at next, and asked for in the meantime. */
static void count_piece(const float *x, const float *ahead, int64_t n, uint32_t *count)
{
    enum { line = 16 };
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        if (i % line == 0) __builtin_prefetch(&ahead[i]);
        count[bin_of(&x[i])]++;
        count[bin_of(&x[i + 1])]++;
        count[bin_of(&x[i + 2])]++;
        count[bin_of(&x[i + 3])]++;
    }
    for (; i < n; i++) count[bin_of(&x[i])]++;
}

/* Piece by piece, which the first-level cache holds for the second look. */
void ssmq_fine_bins_add(ssmq_fine_bins *b, const ssmq_tensor *x)
{
    enum { piece = 2048 };
    const ssmq_tensor         rows = ssmq_tensor_runs(x);
    const ssmq_magnitude_ends ends = best_ends();
    SSMQ_ASSERT(x->dtype == SSMQ_F32 && x->space == SSMQ_SPACE_HOST);
    for (int64_t i = 0; i < rows.dim[0]; i++)
        for (int64_t j = 0; j < rows.dim[1]; j += piece) {
            const float  *row = (const float *)rows.data + i * rows.stride[0], *at = row + j;
            const int64_t n = rows.dim[1] - j < piece ? rows.dim[1] - j : piece;
            const float  *below = i + 1 < rows.dim[0] ? row + rows.stride[0] : at;
            const float  *ahead = j + 2 * n <= rows.dim[1] ? at + n : below;
            ends(at, n, &b->low, &b->high);
            count_piece(at, ahead, n, b->count);
        }
}

/* ---- what was touched ------------------------------------------------------------------ */

static void clear_powers(ssmq_fine_bins *b, int32_t begin, int32_t end)
{
    if (begin >= end) return;
    memset(b->count + begin * SSMQ_FINE_POWER, 0, (size_t)(end - begin) * SSMQ_FINE_POWER * sizeof *b->count);
}

/* What ssmq_fine_bins_touched() tells, at once. */
void ssmq_fine_bins_clear(ssmq_fine_bins *b)
{
    const int32_t begin = b->low >> 23, end = (b->high >> 23) + 1;
    for (int32_t sign = 0; sign < SSMQ_FINE_POWERS; sign += SSMQ_FINE_POWERS / 2) {
        clear_powers(b, sign, sign + 1);
        clear_powers(b, sign + begin, sign + end);
    }
    forget_ends(b);
}

void ssmq_fine_bins_reach(ssmq_fine_bins *b, const ssmq_fine_bins *from)
{
    b->low = from->low < b->low ? from->low : b->low;
    b->high = from->high > b->high ? from->high : b->high;
}

void ssmq_fine_bins_merge(ssmq_fine_bins *b, const ssmq_fine_bins *from, int32_t power)
{
    uint32_t       *to = b->count + power * SSMQ_FINE_POWER;
    const uint32_t *add = from->count + power * SSMQ_FINE_POWER;
    if (!ssmq_fine_bins_touched(from, power)) return;
    for (int32_t i = 0; i < SSMQ_FINE_POWER; i++) to[i] += add[i];
}

void ssmq_fine_bins_coarse(const ssmq_fine_bins *b, int32_t power, uint32_t *count)
{
    enum { each = 8, coarse = SSMQ_FINE_POWER / each };
    const uint32_t *from = b->count + power * SSMQ_FINE_POWER;
    for (int32_t g = 0; g < coarse; g++) {
        uint32_t n = 0;
        for (int32_t i = 0; i < each; i++) n += from[g * each + i];
        count[power * coarse + g] = n;
    }
}
