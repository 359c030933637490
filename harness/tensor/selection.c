#include "harness/tensor/selection.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"

#define SIGN 0x8000
#define MAGNITUDE_BINS 0x8000

static uint32_t bits_of(const float *x)
{
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits;
}

static uint32_t bin_of(const float *x)
{
    return bits_of(x) >> 16;
}

/* ---- counting -------------------------------------------------------------------------- */

void ssmq_count_bins(const ssmq_tensor *x, uint32_t *count)
{
    const ssmq_tensor rows = ssmq_tensor_runs(x);
    SSMQ_ASSERT(x->dtype == SSMQ_F32 && x->space == SSMQ_SPACE_HOST);
    for (int64_t i = 0; i < rows.dim[0]; i++) {
        const float *row = (const float *)rows.data + i * rows.stride[0];
        int64_t      j = 0;
        for (; j + 4 <= rows.dim[1]; j += 4) {
            count[bin_of(&row[j])]++;
            count[bin_of(&row[j + 1])]++;
            count[bin_of(&row[j + 2])]++;
            count[bin_of(&row[j + 3])]++;
        }
        for (; j < rows.dim[1]; j++) count[bin_of(&row[j])]++;
    }
}

#define BLOCK SSMQ_BIN_BLOCK
static bool empty_block(const uint32_t *count)
{
    uint32_t any = 0;
    for (int i = 0; i < BLOCK; i++) any |= count[i];
    return any == 0;
}

void ssmq_move_bins(uint32_t *to, uint32_t *from)
{
    for (int32_t at = 0; at < SSMQ_SIGNED_BINS; at += BLOCK) {
        if (empty_block(from + at)) continue;
        for (int32_t i = at; i < at + BLOCK; i++) {
            to[i] += from[i];
            from[i] = 0;
        }
    }
}

void ssmq_find_blocks(const uint32_t *count, ssmq_bin_blocks *out)
{
    memset(out, 0, sizeof *out);
    for (int32_t i = 0; i < SSMQ_BIN_BLOCKS; i++)
        out->set[i >> 6] |= (uint64_t)!empty_block(count + i * BLOCK) << (i & 63);
}

int32_t ssmq_filled_bins(const uint32_t *count, const ssmq_bin_blocks *b, uint16_t *bin)
{
    int32_t n = 0;
    for (int32_t at = 0; at < SSMQ_SIGNED_BINS; at += BLOCK) {
        if (!ssmq_block_filled(b, at / BLOCK)) continue;
        for (int32_t i = at; i < at + BLOCK; i++) {
            if (count[i] == 0) continue;
            if (bin) bin[n] = (uint16_t)i;
            n++;
        }
    }
    return n;
}

void ssmq_clear_bins(uint32_t *count, const ssmq_bin_blocks *b)
{
    for (int32_t i = 0; i < SSMQ_BIN_BLOCKS; i++)
        if (ssmq_block_filled(b, i)) memset(count + i * BLOCK, 0, BLOCK * sizeof *count);
}

/* ---- bins in order --------------------------------------------------------------------- */

/* The bins that hold values, in ascending order of what they hold: of magnitudes by number, both signs together; of
 * values the negative ones first, the largest magnitude leading. */
typedef struct order {
    int32_t *bin; /* [n] */
    int64_t *count;
    int32_t  n;
} order;

static bool order_new(order *o, int32_t bins)
{
    o->bin = malloc((size_t)bins * sizeof *o->bin);
    o->count = malloc((size_t)bins * sizeof *o->count);
    return o->bin && o->count;
}

/* Adds a bin of magnitudes, or of values, unless it is empty. */
static void add_bin(order *o, const uint32_t *count, int32_t bin, bool magnitudes)
{
    const int64_t n = (int64_t)count[bin] + (magnitudes ? count[bin | SIGN] : 0);
    if (n == 0) return;
    o->bin[o->n] = bin;
    o->count[o->n++] = n;
}

static void order_magnitudes(order *o, const uint32_t *count, const ssmq_bin_blocks *b)
{
    for (int32_t i = 0; i < MAGNITUDE_BINS / BLOCK; i++) {
        if (!ssmq_block_filled(b, i) && !ssmq_block_filled(b, i + SIGN / BLOCK)) continue;
        for (int32_t k = 0; k < BLOCK; k++) add_bin(o, count, i * BLOCK + k, true);
    }
}

static void order_values(order *o, const uint32_t *count, const ssmq_bin_blocks *b)
{
    for (int32_t i = SSMQ_BIN_BLOCKS - 1; i >= SIGN / BLOCK; i--) {
        if (!ssmq_block_filled(b, i)) continue;
        for (int32_t k = BLOCK - 1; k >= 0; k--) add_bin(o, count, i * BLOCK + k, false);
    }
    for (int32_t i = 0; i < MAGNITUDE_BINS / BLOCK; i++) {
        if (!ssmq_block_filled(b, i)) continue;
        for (int32_t k = 0; k < BLOCK; k++) add_bin(o, count, i * BLOCK + k, false);
    }
}

/* ---- ranks to bins --------------------------------------------------------------------- */

/* The values behind a quantile: one of a rank within a bin, and the next. */
typedef struct place {
    int32_t bin[2];
    int64_t rank[2]; /* within the bin, in ascending order */
    double  part;    /* of the way to the next */
} place;

struct ssmq_selection {
    const uint32_t           *count;
    const ssmq_quantile_list *list;
    int32_t                   n_list;
    int64_t                   n;
    order                     magnitudes, values;
    place                    *place; /* of all lists, one after another           */
    int64_t                   most_places, most_values; /* that there is room for */
    ssmq_wanted_bins         *wanted;
    int64_t                  *begin; /* [SSMQ_SIGNED_BINS] in value, of wanted    */
    int64_t                   n_wanted;
    float                    *loose; /* [n_wanted] as they were collected         */
    float                    *value; /* [n_wanted] bin by bin, those of either sign of a magnitude side by side */
    _Atomic int64_t           n_loose;
};

/* Places of ascending quantiles of n values. */
static void find_places(const order *o, const ssmq_quantile_list *l, int64_t n, place *out)
{
    int32_t at = 0;
    int64_t before = 0;
    for (int32_t i = 0; i < l->n; i++) {
        const double  rank = l->rank ? (double)l->rank[i] : l->p[i] / 100.0 * (double)(n - 1);
        const int64_t k = l->rank ? l->rank[i] : (int64_t)rank;
        const int64_t next = !l->rank && k + 1 < n ? k + 1 : k;
        SSMQ_ASSERT(k >= before && next < n);
        while (before + o->count[at] <= k) before += o->count[at++];
        out[i] = (place){{o->bin[at], o->bin[at]}, {k - before, next - before}, rank - (double)k};
        if (next - before < o->count[at]) continue;
        out[i].bin[1] = o->bin[at + 1];
        out[i].rank[1] = 0;
    }
}

void ssmq_want_bin(ssmq_wanted_bins *w, int32_t bin)
{
    w->bin[bin] = 1;
    w->lower[bin >> 5 & 31] |= (uint32_t)1 << (bin & 31);
    w->upper[bin >> 11] |= (uint32_t)1 << (bin >> 6 & 31);
}

static void want_place(ssmq_wanted_bins *w, bool magnitudes, const place *p)
{
    for (int i = 0; i < 2; i++) {
        ssmq_want_bin(w, p->bin[i]);
        if (magnitudes) ssmq_want_bin(w, p->bin[i] | SIGN);
    }
}

/* Where the values of the wanted bins are to lie. */
static void place_bins(ssmq_selection *s)
{
    s->n_wanted = 0;
    for (int32_t i = 0; i < s->magnitudes.n; i++)
        for (int32_t sign = 0; sign <= SIGN; sign += SIGN) {
            const int32_t bin = s->magnitudes.bin[i] | sign;
            s->begin[bin] = s->n_wanted;
            if (s->wanted->bin[bin]) s->n_wanted += s->count[bin];
        }
}

static void find_wanted(ssmq_selection *s)
{
    place *p = s->place;
    memset(s->wanted, 0, sizeof *s->wanted);
    s->n = 0;
    for (int32_t i = 0; i < s->magnitudes.n; i++) s->n += s->magnitudes.count[i];
    SSMQ_ASSERT(s->n > 0);
    for (int32_t i = 0; i < s->n_list; p += s->list[i++].n) {
        const ssmq_quantile_list *l = &s->list[i];
        find_places(l->magnitudes ? &s->magnitudes : &s->values, l, s->n, p);
        for (int32_t k = 0; k < l->n; k++) want_place(s->wanted, l->magnitudes, &p[k]);
    }
    place_bins(s);
}

/* Room for the places and the values of this selection. */
static ssmq_status make_places(ssmq_selection *s)
{
    int64_t all = 0;
    for (int32_t i = 0; i < s->n_list; i++) all += s->list[i].n;
    if (all <= s->most_places) return SSMQ_OK;
    free(s->place);
    s->place = malloc((size_t)all * sizeof *s->place);
    s->most_places = s->place ? all : 0;
    return s->place ? SSMQ_OK : SSMQ_FAIL(MEMORY, "no memory for %lld quantiles", (long long)all);
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
    *s = (ssmq_selection){.wanted = malloc(sizeof *s->wanted),
                          .begin = malloc(SSMQ_SIGNED_BINS * sizeof *s->begin)};
    if (s->wanted && s->begin && order_new(&s->magnitudes, MAGNITUDE_BINS) &&
        order_new(&s->values, SSMQ_SIGNED_BINS)) {
        *out = s;
        return SSMQ_OK;
    }
    ssmq_selection_free(s);
    return SSMQ_FAIL(MEMORY, "no memory for the bins of a quantile");
}

void ssmq_selection_free(ssmq_selection *s)
{
    if (!s) return;
    free(s->magnitudes.bin);
    free(s->magnitudes.count);
    free(s->values.bin);
    free(s->values.count);
    free(s->place);
    free(s->wanted);
    free(s->begin);
    free(s->loose);
    free(s->value);
    free(s);
}

ssmq_status ssmq_selection_begin(ssmq_selection *s, const uint32_t *count, const ssmq_bin_blocks *b,
                                 const ssmq_quantile_list *list, int32_t n_list)
{
    s->count = count;
    s->list = list;
    s->n_list = n_list;
    s->magnitudes.n = s->values.n = 0;
    atomic_store(&s->n_loose, 0);
    SSMQ_TRY(make_places(s));
    order_magnitudes(&s->magnitudes, count, b);
    order_values(&s->values, count, b);
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
        out += w->bin[bin_of(&x[i])];
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

static uint32_t low_bits(const float *x)
{
    return bits_of(x) & 0xffff;
}

/* The first digit up to which more than *rank are counted; *rank is then among its own. */
static uint32_t digit_of(const uint32_t count[256], int64_t *rank)
{
    uint32_t digit = 0;
    while (*rank >= count[digit]) *rank -= count[digit++];
    return digit;
}

/* Counts the second digits of those with this first one. */
static void count_second(const float *v, int64_t n, uint32_t first, uint32_t count[256])
{
    memset(count, 0, 256 * sizeof *count);
    for (int64_t i = 0; i < n; i++) {
        const uint32_t low = low_bits(&v[i]);
        count[low & 255] += low >> 8 == first;
    }
}

/* The lower halves of the bits of the ones with these ranks by them, of v (n), whose upper halves agree but for the
 * sign. */
static void low_bits_at(const float *v, int64_t n, const int64_t rank[2], uint32_t out[2])
{
    uint32_t count[256] = {0};
    int64_t  left[2] = {rank[0], rank[1]};
    if (n == 1) {
        out[0] = out[1] = low_bits(v);
        return;
    }
    for (int64_t i = 0; i < n; i++) count[low_bits(&v[i]) >> 8]++;
    for (int i = 0; i < 2; i++) out[i] = digit_of(count, &left[i]);
    for (int i = 0; i < 2; i++) {
        const uint32_t first = out[i];
        if (i == 0 || first != out[0] >> 8) count_second(v, n, first, count);
        out[i] = first << 8 | digit_of(count, &left[i]);
    }
}

/* The values of these ranks within a bin. */
static void values_at(const ssmq_selection *s, bool magnitudes, int32_t bin, const int64_t rank[2], float out[2])
{
    const int64_t n = (int64_t)s->count[bin] + (magnitudes ? s->count[bin | SIGN] : 0);
    int64_t       k[2];
    uint32_t      bits[2];
    for (int i = 0; i < 2; i++) k[i] = bin & SIGN ? n - 1 - rank[i] : rank[i]; /* of a negative value the bits descend */
    low_bits_at(s->value + s->begin[bin], n, k, bits);
    for (int i = 0; i < 2; i++) {
        bits[i] |= (uint32_t)bin << 16;
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

void ssmq_selection_sort(ssmq_selection *s)
{
    SSMQ_ASSERT(atomic_load(&s->n_loose) == s->n_wanted);
    for (int64_t i = 0; i < s->n_wanted; i++) s->value[s->begin[bin_of(&s->loose[i])]++] = s->loose[i];
    place_bins(s);
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
