#include "harness/run/calibrate/recorder.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/tensor/selection.h"

#define SIGN 0x8000

struct ssmq_recorder {
    ssmq_backend *be;
    ssmq_pick     pick;
    int32_t       n_table;
    uint32_t    **table; /* [n_table][SSMQ_SIGNED_BINS], zero between the calls */
    ssmq_selection **selection; /* [threads] */
    ssmq_fine_bins *bins;       /* [n_bins] of parts of the sequences measured last, or not there yet */
    int32_t        *first;      /* [sequences + 1] of bins                                            */
    int32_t         n_bins;
};

static ssmq_status make_room(ssmq_recorder *r)
{
    for (int32_t i = 0; i < r->n_table; i++) {
        r->table[i] = calloc(SSMQ_SIGNED_BINS, sizeof **r->table);
        if (!r->table[i]) return SSMQ_FAIL(MEMORY, "no memory for the bins of samples");
    }
    for (int32_t i = 0; i < r->be->threads; i++) SSMQ_TRY(ssmq_selection_new(&r->selection[i]));
    return SSMQ_OK;
}

ssmq_status ssmq_recorder_new(ssmq_backend *be, ssmq_recorder **out)
{
    const bool     avx512 = strcmp(be->tier, "avx512") == 0 && ssmq_pick_avx512;
    ssmq_recorder *r = ssmq_must_malloc(sizeof *r);
    *r = (ssmq_recorder){.be = be, .pick = avx512 ? ssmq_pick_avx512 : ssmq_pick_c, .n_table = 2 * be->threads};
    r->table = ssmq_must_malloc((size_t)r->n_table * sizeof *r->table);
    r->selection = ssmq_must_malloc((size_t)be->threads * sizeof *r->selection);
    for (int32_t i = 0; i < r->n_table; i++) r->table[i] = NULL;
    for (int32_t i = 0; i < be->threads; i++) r->selection[i] = NULL;
    const ssmq_status st = make_room(r);
    if (st == SSMQ_OK) *out = r;
    else ssmq_recorder_free(r);
    return st;
}

void ssmq_recorder_free(ssmq_recorder *r)
{
    if (!r) return;
    for (int32_t i = 0; i < r->n_table; i++) free(r->table[i]);
    for (int32_t i = 0; i < r->be->threads; i++) ssmq_selection_free(r->selection[i]);
    for (int32_t i = 0; i < r->n_bins; i++) ssmq_fine_bins_free(&r->bins[i]);
    free(r->table);
    free(r->selection);
    free(r->bins);
    free(r->first);
    free(r);
}

/* Room for the bins of B sequences and their parts, of which the last ones have more than one. */
static ssmq_status make_room_for_bins(ssmq_recorder *r, int32_t B)
{
    const int32_t n = B + r->n_table;
    if (n <= r->n_bins) return SSMQ_OK;
    ssmq_fine_bins *bins = realloc(r->bins, (size_t)n * sizeof *bins);
    if (bins) r->bins = bins;
    int32_t *first = realloc(r->first, (size_t)(B + 1) * sizeof *first);
    if (first) r->first = first;
    if (!bins || !first) return SSMQ_FAIL(MEMORY, "no memory for the bins of %d samples", (int)B);
    memset(r->bins + r->n_bins, 0, (size_t)(n - r->n_bins) * sizeof *bins);
    r->n_bins = n;
    r->first[0] = 0;
    return SSMQ_OK;
}

/* Where those of so many sequences lie, each cut into as many parts. */
static ssmq_status place_bins(ssmq_recorder *r, int32_t begin, int32_t n, int32_t parts)
{
    for (int32_t b = begin; b < begin + n; b++) {
        r->first[b + 1] = r->first[b] + parts;
        SSMQ_ASSERT(r->first[b + 1] <= r->n_bins);
        for (int32_t i = r->first[b]; i < r->first[b + 1]; i++)
            if (!r->bins[i].count) SSMQ_TRY(ssmq_fine_bins_new(&r->bins[i]));
    }
    return SSMQ_OK;
}

const ssmq_fine_bins *ssmq_recorder_bins(const ssmq_recorder *r, int32_t sequence, int32_t *n)
{
    *n = r->first[sequence + 1] - r->first[sequence];
    return &r->bins[r->first[sequence]];
}

/* ---- one sequence ---------------------------------------------------------------------- */

/* A sequence being measured. */
typedef struct measuring {
    uint32_t           *count; /* the first of its tables: of all parts, once they are counted */
    ssmq_bin_blocks     blocks; /* of count */
    int64_t             n, minus_zeros; /* values; -0 among them */
    ssmq_kept          *k;
    double             *below; /* [n_level] 100 - level, which descend, turned round */
    float              *low, *high; /* [n_level] */
    float               end[4];
    int64_t             rank[4];
    ssmq_quantile_list  list[4];
    ssmq_selection     *selection;
} measuring;

/* Ranks of the ends of both halves: the largest magnitude of the negative values, their smallest, and those of
 * the others the other way round; of a half without values, any. */
static void find_ends(measuring *m)
{
    int64_t negative = -m->minus_zeros; /* they share a bin with negative values, behind them in order */
    m->n = 0;
    for (int32_t at = 0; at < SSMQ_SIGNED_BINS; at += SSMQ_BIN_BLOCK) {
        int64_t n = 0;
        if (!ssmq_block_filled(&m->blocks, at / SSMQ_BIN_BLOCK)) continue;
        for (int32_t i = 0; i < SSMQ_BIN_BLOCK; i++) n += m->count[at + i];
        m->n += n;
        if (at >= SIGN) negative += n;
    }
    m->rank[0] = 0;
    m->rank[1] = negative > 0 ? negative - 1 : 0;
    m->rank[2] = negative < m->n ? negative : m->n - 1;
    m->rank[3] = m->n - 1;
}

/* The quantiles of x and its ends are all out of one selection. */
static ssmq_status begin_measuring(measuring *m, const ssmq_wanted *w)
{
    const size_t n = (size_t)w->n_level;
    SSMQ_TRY(ssmq_kept_new(w, 0, &m->k));
    m->low = malloc((2 * n + 1) * sizeof *m->low);
    m->below = malloc((n + 1) * sizeof *m->below);
    if (!m->low || !m->below) return SSMQ_FAIL(MEMORY, "no memory for the quantiles of a sample");
    m->high = m->low + n;
    for (size_t i = 0; i < n; i++) m->below[i] = 100 - w->level[n - 1 - i];
    find_ends(m);
    m->list[0] = (ssmq_quantile_list){false, 4, NULL, m->end, m->rank};
    m->list[1] = (ssmq_quantile_list){true, w->n_level, w->level, m->k->magnitude, NULL};
    m->list[2] = (ssmq_quantile_list){false, w->n_level, w->level, m->high, NULL};
    m->list[3] = (ssmq_quantile_list){false, w->n_level, m->below, m->low, NULL};
    return ssmq_selection_begin(m->selection, m->count, &m->blocks, m->list, w->values ? 4 : 2);
}

static void take_ends(measuring *m)
{
    const bool negative = m->end[0] < 0, others = m->end[3] >= 0;
    m->k->facts.low = m->end[0];
    m->k->facts.high = m->end[3];
    m->k->edge[0] = negative ? -m->end[1] : 0;
    m->k->edge[1] = negative ? -m->end[0] : 0;
    m->k->edge[2] = others ? fabsf(m->end[2]) : 0;
    m->k->edge[3] = others ? m->end[3] : 0;
}

/* -0 counts as 0, which is no negative value. */
static ssmq_status fill_bins(measuring *m)
{
    m->count[SIGN] -= (uint32_t)m->minus_zeros;
    m->count[0] += (uint32_t)m->minus_zeros;
    m->blocks.set[0] |= 1;
    SSMQ_TRY(ssmq_kept_bins(m->k, ssmq_filled_bins(m->count, &m->blocks, NULL)));
    ssmq_filled_bins(m->count, &m->blocks, m->k->bin);
    for (int32_t i = 0; i < m->k->n_bin; i++) m->k->count[i] = m->count[m->k->bin[i]];
    return SSMQ_OK;
}

static ssmq_status fill_record(measuring *m, const ssmq_wanted *w)
{
    const int32_t n = w->n_level;
    take_ends(m);
    for (int32_t i = 0; w->values && i < n; i++)
        m->k->value[i] = (ssmq_range){m->low[n - 1 - i], m->high[i]};
    return w->histogram ? fill_bins(m) : SSMQ_OK;
}

/* Its table is zero afterwards. */
static void end_measuring(measuring *m)
{
    ssmq_kept_free(m->k);
    free(m->low);
    free(m->below);
    ssmq_clear_bins(m->count, &m->blocks);
}

/* ---- a few of them, in parts ----------------------------------------------------------- */

/* Sequences first .. first + n of x, each cut into as many parts; every part has a table. */
typedef struct group {
    ssmq_recorder     *r;
    const ssmq_tensor *x;
    const ssmq_wanted *w;
    int32_t            first, n, parts;
    measuring         *m;      /* [n] */
    atomic_int         failed; /* an ssmq_status */
} group;

/* Part i, counted through all sequences: its rows, of which there may be none. */
static ssmq_tensor part_of(const group *g, int64_t i)
{
    const ssmq_tensor one = ssmq_tensor_slice(g->x, 0, g->first + i / g->parts, 1);
    const int64_t     L = one.dim[1], p = i % g->parts, begin = p * L / g->parts;
    return ssmq_tensor_slice(&one, 1, begin, (p + 1) * L / g->parts - begin);
}

static int64_t minus_zeros_of(const ssmq_tensor *x)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    int64_t           n = 0;
    for (int64_t i = 0; i < rows.dim[0]; i++)
        for (int64_t j = 0; j < rows.dim[1]; j++) {
            int32_t bits;
            memcpy(&bits, (const float *)rows.data + i * rows.stride[0] + j, sizeof bits);
            n += bits == INT32_MIN;
        }
    return n;
}

static void count_parts(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group *g = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const ssmq_tensor part = part_of(g, i);
        ssmq_fine_bins   *bins = g->w->bins ? &g->r->bins[g->r->first[g->first] + i] : NULL;
        if (bins) ssmq_fine_bins_clear(bins);
        if (ssmq_tensor_count(&part) == 0) continue;
        if (bins) ssmq_fine_bins_add(bins, &part);
        if (bins) ssmq_fine_bins_coarse(bins, g->r->table[i]);
        else ssmq_count_bins(&part, g->r->table[i]);
    }
}

/* Values that are not finite have the bins of the largest exponent. */
static bool is_finite(const ssmq_bin_blocks *b)
{
    for (int32_t bin = 0x7f80; bin < SSMQ_SIGNED_BINS; bin += SIGN)
        for (int32_t i = bin; i < (bin | (SIGN - 1)); i += SSMQ_BIN_BLOCK)
            if (ssmq_block_filled(b, i / SSMQ_BIN_BLOCK)) return false;
    return true;
}

/* Moves the counts of all parts to the first one's. */
static void begin_sequences(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group *g = context;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        measuring *m = &g->m[b];
        m->count = g->r->table[b * g->parts];
        m->selection = g->r->selection[b];
        for (int32_t p = 1; p < g->parts; p++) ssmq_move_bins(m->count, g->r->table[b * g->parts + p]);
        const ssmq_tensor one = ssmq_tensor_slice(g->x, 0, g->first + b, 1);
        ssmq_find_blocks(m->count, &m->blocks);
        if (m->count[SIGN] > 0) m->minus_zeros = minus_zeros_of(&one);
        const ssmq_status st = is_finite(&m->blocks) ? begin_measuring(m, g->w) : SSMQ_ERR_NUMERIC;
        if (st != SSMQ_OK) atomic_store(&g->failed, (int)st);
    }
}

static void select_parts(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group *g = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const ssmq_tensor part = part_of(g, i);
        ssmq_selection   *s = g->m[i / g->parts].selection;
        if (ssmq_tensor_count(&part) > 0) ssmq_selection_add(s, &part, g->r->pick);
    }
}

static void sort_sequences(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group *g = context;
    (void)worker;
    for (int64_t b = begin; b < end; b++) ssmq_selection_sort(g->m[b].selection);
}

/* Entries of its lists. */
static int64_t entries_of(const measuring *m, const ssmq_wanted *w)
{
    return m->list[0].n + (int64_t)(w->values ? 3 : 1) * w->n_level;
}

/* Entries of the first one's lists, the next one's and so on. */
static void fill_entries(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group        *g = context;
    const int64_t each = entries_of(g->m, g->w);
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        ssmq_selection_fill(g->m[i / each].selection, i % each, i % each + 1);
}

static void fill_sequences(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group *g = context;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        const ssmq_status st = fill_record(&g->m[b], g->w);
        if (st != SSMQ_OK) atomic_store(&g->failed, (int)st);
    }
}

static ssmq_status measure_group(group *g, ssmq_kept **out)
{
    ssmq_backend *be = g->r->be;
    be->ops->share(be, (int64_t)g->n * g->parts, 1, count_parts, g);
    be->ops->share(be, g->n, 1, begin_sequences, g);
    if (atomic_load(&g->failed) == SSMQ_OK) be->ops->share(be, (int64_t)g->n * g->parts, 1, select_parts, g);
    if (atomic_load(&g->failed) == SSMQ_OK) {
        be->ops->share(be, g->n, 1, sort_sequences, g);
        be->ops->share(be, g->n * entries_of(g->m, g->w), 4, fill_entries, g);
        be->ops->share(be, g->n, 1, fill_sequences, g);
    }
    const ssmq_status st = (ssmq_status)atomic_load(&g->failed);
    for (int32_t b = 0; b < g->n; b++) {
        if (st == SSMQ_OK) out[b] = g->m[b].k;
        if (st == SSMQ_OK) g->m[b].k = NULL;
        end_measuring(&g->m[b]);
    }
    if (st == SSMQ_OK) return SSMQ_OK;
    if (st == SSMQ_ERR_NUMERIC) return SSMQ_FAIL(NUMERIC, "a value that is measured is not finite");
    return ssmq_fail(st, __FILE__, __LINE__, __func__, "no memory for the records of %d samples", (int)g->n);
}

/* ---- a batch --------------------------------------------------------------------------- */

ssmq_status ssmq_recorder_measure(ssmq_recorder *r, const ssmq_tensor *x, const ssmq_wanted *w, ssmq_kept **out)
{
    const int32_t B = (int32_t)x->dim[0], threads = r->be->threads, most = B < threads ? B : threads;
    measuring    *m = ssmq_must_malloc((size_t)most * sizeof *m);
    ssmq_status   st = SSMQ_OK;
    int32_t       done = 0;
    SSMQ_ASSERT(x->rank >= 3 && x->dtype == SSMQ_F32 && x->space == SSMQ_SPACE_HOST);
    if (w->bins) st = make_room_for_bins(r, B);
    while (done < B && st == SSMQ_OK) {
        const int32_t n = B - done < most ? B - done : most;
        group g = {.r = r, .x = x, .w = w, .first = done, .n = n, .parts = (threads + n - 1) / n, .m = m};
        memset(m, 0, (size_t)n * sizeof *m);
        if (w->bins) st = place_bins(r, done, n, g.parts);
        if (st == SSMQ_OK) st = measure_group(&g, out + done);
        if (st == SSMQ_OK) done += n;
    }
    for (int32_t b = 0; st != SSMQ_OK && b < done; b++) ssmq_kept_free(out[b]);
    free(m);
    return st;
}
