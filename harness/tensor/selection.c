#include "harness/tensor/selection.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/tensor/histogram.h"

#define SIGN SSMQ_FINE_SIGN
#define EXPONENTS (SSMQ_FINE_POWERS / 2)
#define COARSE (SSMQ_SIGNED_BINS / SSMQ_FINE_POWERS) /* coarse bins of a power  */
#define EACH (SSMQ_FINE_POWER / COARSE)              /* bins of a coarse one    */

static uint32_t bits_of(const float *x)
{
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits;
}

static int32_t bin_of(const float *x)
{
    return (int32_t)(bits_of(x) >> SSMQ_FINE_SHIFT);
}

/* The values behind a quantile: one of a rank within a bin, and the next. */
typedef struct place {
    int32_t bin[2];
    int64_t rank[2]; /* within the bin, in ascending order */
    double  part;    /* of the way to the next */
} place;

struct ssmq_selection {
    const ssmq_fine_bins     *bins;
    const uint32_t           *coarse;
    const ssmq_quantile_list *list;
    int32_t                   n_list;
    uint32_t                  power[SSMQ_FINE_POWERS]; /* sums of bins                          */
    int32_t                   first, exponents; /* elsewhere, of either sign, they are 0        */
    int64_t                   n, n_negative;    /* values; those with a sign, -0 among them     */
    place                    *place;            /* of all lists, one after another              */
    int64_t                   most_places, most_values; /* that there is room for               */
    ssmq_wanted_bins         *wanted;
    int32_t                  *slot;  /* [SSMQ_FINE_BINS] of a wanted bin: its place in          */
    int32_t                  *bin;   /* [n_bin]                                                 */
    int64_t                  *begin; /* [n_bin] of its values in value                          */
    int64_t                  *end;   /* [n_bin] of those that are there                         */
    int32_t                   n_bin;
    int64_t                   n_wanted;
    float                    *loose; /* [n_wanted] as they were collected                       */
    float                    *value; /* [n_wanted] bin by bin                                   */
    _Atomic int64_t           n_loose;
};

/* ---- ranks to bins --------------------------------------------------------------------- */

static void sum_powers(ssmq_selection *s)
{
    s->n = s->n_negative = 0;
    for (int32_t p = 0; p < SSMQ_FINE_POWERS; p++) {
        s->power[p] = 0;
        if (!ssmq_fine_bins_touched(s->bins, p)) continue;
        for (int32_t i = p * COARSE; i < (p + 1) * COARSE; i++) s->power[p] += s->coarse[i];
        s->n += s->power[p];
        if (p >= EXPONENTS) s->n_negative += s->power[p];
    }
    s->first = s->power[0] + s->power[EXPONENTS] > 0 ? 0 : s->bins->low >> 23;
    s->exponents = (s->bins->high >> 23) + 1 - s->first;
    SSMQ_ASSERT(s->n > 0);
}

/* From begin on, or from begin + n - 1 down, to where *rank is, which is within that afterwards.  other:
 * what else is added to each count lies so much further on; 0: nothing is. */
static int32_t walk(const uint32_t *count, int32_t other, int32_t begin, int32_t n, bool down, int64_t *rank)
{
    int32_t at = down ? begin + n - 1 : begin;
    for (;; at += down ? -1 : 1) {
        const int64_t here = (int64_t)count[at] + (other ? count[at + other] : 0);
        if (*rank < here) return at;
        *rank -= here;
    }
}

/* The bin of a rank, by powers, then by coarse bins; *rank is within it afterwards.  Of magnitudes both
 * signs are together, of values the negative ones come first, the largest magnitude leading. */
static int32_t bin_at(const ssmq_selection *s, bool magnitudes, int64_t *rank)
{
    const bool    negative = !magnitudes && *rank < s->n_negative;
    const int32_t first = s->first + (negative ? EXPONENTS : 0);
    if (!magnitudes && !negative) *rank -= s->n_negative;
    const int32_t p = walk(s->power, magnitudes ? EXPONENTS : 0, first, s->exponents, negative, rank);
    const int32_t c = walk(s->coarse, magnitudes ? SIGN / EACH : 0, p * COARSE, COARSE, negative, rank);
    return walk(s->bins->count, magnitudes ? SIGN : 0, c * EACH, EACH, negative, rank);
}

static int64_t count_of(const ssmq_selection *s, bool magnitudes, int32_t bin)
{
    return (int64_t)s->bins->count[bin] + (magnitudes ? s->bins->count[bin | SIGN] : 0);
}

static place place_at(const ssmq_selection *s, bool magnitudes, double rank, bool between)
{
    const int64_t k = (int64_t)rank, next = between && k + 1 < s->n ? k + 1 : k;
    place         p = {.rank = {k, next}, .part = rank - (double)k};
    SSMQ_ASSERT(k >= 0 && next < s->n);
    p.bin[0] = p.bin[1] = bin_at(s, magnitudes, &p.rank[0]);
    const int64_t after = p.rank[0] + next - k;
    if (after < count_of(s, magnitudes, p.bin[0])) p.rank[1] = after;
    else p.bin[1] = bin_at(s, magnitudes, &p.rank[1]);
    return p;
}

void ssmq_want_bin(ssmq_wanted_bins *w, int32_t bin)
{
    w->set[bin >> 5] |= (uint32_t)1 << (bin & 31);
    w->mantissa[bin >> 5 & 31] |= (uint32_t)1 << (bin & 31);
}

static bool is_wanted(const ssmq_wanted_bins *w, int32_t bin)
{
    return w->set[bin >> 5] >> (bin & 31) & 1;
}

/* Of what holds no value nothing is wanted. */
static void want(ssmq_selection *s, int32_t bin)
{
    if (s->bins->count[bin] == 0 || is_wanted(s->wanted, bin)) return;
    ssmq_want_bin(s->wanted, bin);
    s->slot[bin] = s->n_bin;
    s->bin[s->n_bin] = bin;
    s->begin[s->n_bin] = s->end[s->n_bin] = s->n_wanted;
    s->n_wanted += s->bins->count[bin];
    s->n_bin++;
}

static void forget_wanted(ssmq_selection *s)
{
    for (int32_t i = 0; i < s->n_bin; i++) s->wanted->set[s->bin[i] >> 5] = 0;
    memset(s->wanted->mantissa, 0, sizeof s->wanted->mantissa);
    s->n_bin = 0;
    s->n_wanted = 0;
}

static void find_wanted(ssmq_selection *s)
{
    place *p = s->place;
    for (int32_t i = 0; i < s->n_list; p += s->list[i++].n) {
        const ssmq_quantile_list *l = &s->list[i];
        for (int32_t k = 0; k < l->n; k++) {
            const double rank = l->rank ? (double)l->rank[k] : l->p[k] / 100.0 * (double)(s->n - 1);
            p[k] = place_at(s, l->magnitudes, rank, !l->rank);
            for (int j = 0; j < 2; j++) {
                want(s, p[k].bin[j]);
                if (l->magnitudes) want(s, p[k].bin[j] | SIGN);
            }
        }
    }
}

/* ---- memory ---------------------------------------------------------------------------- */

/* Room for the places of this selection: two bins of either sign behind each. */
static ssmq_status make_places(ssmq_selection *s)
{
    size_t all = 0;
    for (int32_t i = 0; i < s->n_list; i++) all += (size_t)s->list[i].n;
    if ((int64_t)all <= s->most_places) return SSMQ_OK;
    free(s->place);
    free(s->bin);
    free(s->begin);
    s->place = malloc(all * sizeof *s->place);
    s->bin = malloc(4 * all * sizeof *s->bin);
    s->begin = malloc(8 * all * sizeof *s->begin);
    s->end = s->begin + 4 * all;
    s->most_places = s->place && s->bin && s->begin ? (int64_t)all : 0;
    return s->most_places > 0 ? SSMQ_OK : SSMQ_FAIL(MEMORY, "no memory for %zu quantiles", all);
}

static ssmq_status make_values(ssmq_selection *s)
{
    if (s->n_wanted <= s->most_values) return SSMQ_OK;
    const int64_t n = s->n_wanted + s->n_wanted / 4;
    free(s->loose);
    free(s->value);
    s->loose = malloc((size_t)n * sizeof *s->loose);
    s->value = malloc((size_t)n * sizeof *s->value);
    s->most_values = s->loose && s->value ? n : 0;
    if (s->most_values > 0) return SSMQ_OK;
    return SSMQ_FAIL(MEMORY, "no memory for %lld values of a quantile", (long long)n);
}

ssmq_status ssmq_selection_new(ssmq_selection **out)
{
    ssmq_selection *s = ssmq_must_malloc(sizeof *s);
    *s = (ssmq_selection){.wanted = calloc(1, sizeof *s->wanted),
                          .slot = malloc(SSMQ_FINE_BINS * sizeof *s->slot)};
    if (s->wanted && s->slot) {
        *out = s;
        return SSMQ_OK;
    }
    ssmq_selection_free(s);
    return SSMQ_FAIL(MEMORY, "no memory for the bins of a quantile");
}

void ssmq_selection_free(ssmq_selection *s)
{
    if (!s) return;
    free(s->place);
    free(s->wanted);
    free(s->slot);
    free(s->bin);
    free(s->begin);
    free(s->loose);
    free(s->value);
    free(s);
}

ssmq_status ssmq_selection_begin(ssmq_selection *s, const ssmq_fine_bins *b, const uint32_t *coarse,
                                 const ssmq_quantile_list *list, int32_t n_list)
{
    s->bins = b;
    s->coarse = coarse;
    s->list = list;
    s->n_list = n_list;
    atomic_store(&s->n_loose, 0);
    forget_wanted(s);
    SSMQ_TRY(make_places(s));
    sum_powers(s);
    find_wanted(s);
    return make_values(s);
}

/* ---- collecting ------------------------------------------------------------------------ */

/* Without a branch, since whether a value is wanted is hard to guess. */
int64_t ssmq_pick_c(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out)
{
    const float *const begin = out;
    for (int64_t i = 0; i < n; i++) {
        *out = x[i];
        out += is_wanted(w, bin_of(&x[i]));
    }
    return out - begin;
}

/* From the last value to the first: where they were counted before, what was read last is in the caches still. */
void ssmq_selection_add(ssmq_selection *s, const ssmq_tensor *x, ssmq_pick pick)
{
    enum { piece = 2048 };
    const ssmq_tensor rows = ssmq_tensor_runs(x);
    float             picked[piece + SSMQ_PICK_ROOM];
    for (int64_t i = rows.dim[0] - 1; i >= 0; i--)
        for (int64_t end = rows.dim[1]; end > 0; end -= piece) {
            const int64_t begin = end > piece ? end - piece : 0;
            const float  *row = (const float *)rows.data + i * rows.stride[0];
            const int64_t n = pick(row + begin, end - begin, s->wanted, picked);
            if (n == 0) continue;
            const int64_t at = atomic_fetch_add(&s->n_loose, n);
            SSMQ_ASSERT(at + n <= s->n_wanted);
            memcpy(s->loose + at, picked, (size_t)n * sizeof *picked);
        }
}

/* ---- ranking --------------------------------------------------------------------------- */

void ssmq_selection_sort(ssmq_selection *s)
{
    SSMQ_ASSERT(atomic_load(&s->n_loose) == s->n_wanted);
    for (int64_t i = 0; i < s->n_wanted; i++) s->value[s->end[s->slot[bin_of(&s->loose[i])]]++] = s->loose[i];
}

/* Values of bins that agree but for the sign. */
typedef struct group {
    const float *v[2];
    int64_t      n[2];
} group;

static group group_of(const ssmq_selection *s, bool magnitudes, int32_t bin)
{
    group g = {0};
    for (int i = 0; i <= magnitudes; i++) {
        const int32_t one = i == 0 ? bin : bin | SIGN;
        g.n[i] = s->bins->count[one];
        if (g.n[i] > 0) g.v[i] = s->value + s->begin[s->slot[one]];
    }
    return g;
}

/* The bits that choose no bin, in two digits. */
#define LOW_BITS (SSMQ_FINE_SHIFT / 2)
#define DIGITS (1 << (SSMQ_FINE_SHIFT - LOW_BITS))

static uint32_t first_digit(const float *x)
{
    return bits_of(x) >> LOW_BITS & (DIGITS - 1);
}

static void count_first(const group *g, uint32_t count[DIGITS])
{
    memset(count, 0, DIGITS * sizeof *count);
    for (int i = 0; i < 2; i++)
        for (int64_t k = 0; k < g->n[i]; k++) count[first_digit(&g->v[i][k])]++;
}

/* Counts the second digits of those with this first one. */
static void count_second(const group *g, uint32_t first, uint32_t count[DIGITS])
{
    memset(count, 0, DIGITS * sizeof *count);
    for (int i = 0; i < 2; i++)
        for (int64_t k = 0; k < g->n[i]; k++)
            count[bits_of(&g->v[i][k]) & ((1 << LOW_BITS) - 1)] += first_digit(&g->v[i][k]) == first;
}

/* The first digit up to which more than *rank are counted; *rank is then among its own. */
static uint32_t digit_of(const uint32_t count[DIGITS], int64_t *rank)
{
    uint32_t digit = 0;
    while (*rank >= count[digit]) *rank -= count[digit++];
    return digit;
}

/* The lower bits of the ones with these ranks by them. */
static void low_bits_at(const group *g, const int64_t rank[2], uint32_t out[2])
{
    uint32_t count[DIGITS];
    int64_t  left[2] = {rank[0], rank[1]};
    count_first(g, count);
    for (int i = 0; i < 2; i++) out[i] = digit_of(count, &left[i]);
    for (int i = 0; i < 2; i++) {
        const uint32_t first = out[i];
        if (i == 0 || first != out[0] >> LOW_BITS) count_second(g, first, count);
        out[i] = first << LOW_BITS | digit_of(count, &left[i]);
    }
}

/* The values of these ranks within a bin. */
static void values_at(const ssmq_selection *s, bool magnitudes, int32_t bin, const int64_t rank[2], float out[2])
{
    const group   g = group_of(s, magnitudes, bin);
    const int64_t n = g.n[0] + g.n[1];
    int64_t       k[2];
    uint32_t      bits[2];
    for (int i = 0; i < 2; i++) k[i] = bin & SIGN ? n - 1 - rank[i] : rank[i]; /* of a negative value the bits descend */
    low_bits_at(&g, k, bits);
    for (int i = 0; i < 2; i++) {
        bits[i] |= (uint32_t)bin << SSMQ_FINE_SHIFT;
        memcpy(&out[i], &bits[i], sizeof out[i]);
    }
}

static float quantile_at(const ssmq_selection *s, bool magnitudes, const place *p)
{
    float v[2], next[2];
    values_at(s, magnitudes, p->bin[0], p->bin[0] == p->bin[1] ? p->rank : (const int64_t[]){p->rank[0], p->rank[0]}, v);
    if (p->bin[0] != p->bin[1]) {
        values_at(s, magnitudes, p->bin[1], (const int64_t[]){p->rank[1], p->rank[1]}, next);
        v[1] = next[0];
    }
    return (float)((double)v[0] + p->part * ((double)v[1] - (double)v[0]));
}

void ssmq_selection_fill(const ssmq_selection *s, int64_t begin, int64_t end)
{
    int64_t first = 0; /* entry of the list */
    for (int32_t i = 0; i < s->n_list && first < end; first += s->list[i++].n) {
        const ssmq_quantile_list *l = &s->list[i];
        for (int64_t k = begin > first ? begin - first : 0; k < l->n && first + k < end; k++)
            l->out[k] = quantile_at(s, l->magnitudes, &s->place[first + k]);
    }
}
