#include "harness/tensor/fine_bins.h"
#include <stdlib.h>
#include "harness/base/assert.h"
#include "harness/tensor/fine_bins.inc"
#include "harness/tensor/selection.h"

#define EACH 8 /* bins that are one of tensor/selection.h */
#define GROUPS (SSMQ_FINE_SIGN / EACH)

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

static void count_piece(const float *x, int64_t n, uint32_t *count)
{
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
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
            const float  *at = (const float *)rows.data + i * rows.stride[0] + j;
            const int64_t n = rows.dim[1] - j < piece ? rows.dim[1] - j : piece;
            ends(at, n, &b->low, &b->high);
            count_piece(at, n, b->count);
        }
}

/* ---- what was touched ------------------------------------------------------------------ */

/* Of the bins of selection.h, those that may hold values: the first, where zeros are, and begin .. end, of either
 * sign. */
typedef struct span {
    int32_t begin, end;
} span;

static span touched(const ssmq_fine_bins *b)
{
    const int32_t first = b->low >> (SSMQ_FINE_SHIFT + 3), last = b->high >> (SSMQ_FINE_SHIFT + 3);
    if (b->low > b->high) return (span){1, 1};
    return (span){first > 1 ? first : 1, last + 1};
}

static void add_groups(const uint32_t *count, int32_t begin, int32_t end, uint32_t *to)
{
    for (int32_t g = begin; g < end; g++) {
        uint32_t n = 0;
        for (int32_t i = 0; i < EACH; i++) n += count[g * EACH + i];
        to[g] += n;
    }
}

void ssmq_fine_bins_coarse(const ssmq_fine_bins *b, uint32_t *count)
{
    const span s = touched(b);
    for (int32_t sign = 0; sign < 2; sign++) {
        add_groups(b->count + sign * SSMQ_FINE_SIGN, 0, 1, count + sign * GROUPS);
        add_groups(b->count + sign * SSMQ_FINE_SIGN, s.begin, s.end, count + sign * GROUPS);
    }
}

void ssmq_fine_bins_clear(ssmq_fine_bins *b)
{
    const span s = touched(b);
    for (int32_t sign = 0; sign < SSMQ_FINE_BINS; sign += SSMQ_FINE_SIGN) {
        memset(b->count + sign, 0, EACH * sizeof *b->count);
        memset(b->count + sign + s.begin * EACH, 0, (size_t)(s.end - s.begin) * EACH * sizeof *b->count);
    }
    forget_ends(b);
}
