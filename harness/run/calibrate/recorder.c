#include "harness/run/calibrate/recorder.h"
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/tensor/histogram.h"
#include "harness/tensor/selection.h"

#define SIGN 0x8000
#define COARSE (SSMQ_SIGNED_BINS / SSMQ_FINE_POWERS) /* bins of a histogram in a power */

struct ssmq_recorder {
    ssmq_backend    *be;
    ssmq_pick        pick;
    uint32_t       **coarse;    /* [threads][SSMQ_SIGNED_BINS] of a sequence under way              */
    ssmq_selection **selection; /* [threads] the same                                               */
    ssmq_fine_bins  *part;      /* [threads] of parts of a sequence behind the first                */
    ssmq_fine_bins  *bins;      /* [n_bins] of the sequences measured last, or of those under way   */
    int32_t          n_bins;
};

static ssmq_status make_room(ssmq_recorder *r)
{
    const int32_t threads = r->be->threads;
    for (int32_t i = 0; i < threads; i++) {
        r->coarse[i] = calloc(SSMQ_SIGNED_BINS, sizeof **r->coarse);
        if (!r->coarse[i]) return SSMQ_FAIL(MEMORY, "no memory for the bins of samples");
        SSMQ_TRY(ssmq_selection_new(&r->selection[i]));
    }
    for (int32_t i = 0; i < threads; i++) SSMQ_TRY(ssmq_fine_bins_new(&r->part[i]));
    return SSMQ_OK;
}

ssmq_status ssmq_recorder_new(ssmq_backend *be, ssmq_recorder **out)
{
    const bool     avx512 = strcmp(be->tier, "avx512") == 0 && ssmq_pick_avx512;
    const size_t   threads = (size_t)be->threads;
    ssmq_recorder *r = ssmq_must_malloc(sizeof *r);
    *r = (ssmq_recorder){.be = be, .pick = avx512 ? ssmq_pick_avx512 : ssmq_pick_c};
    r->coarse = ssmq_must_malloc(threads * sizeof *r->coarse);
    r->selection = ssmq_must_malloc(threads * sizeof *r->selection);
    r->part = ssmq_must_malloc(threads * sizeof *r->part);
    memset(r->coarse, 0, threads * sizeof *r->coarse);
    memset(r->selection, 0, threads * sizeof *r->selection);
    memset(r->part, 0, threads * sizeof *r->part);
    const ssmq_status st = make_room(r);
    if (st == SSMQ_OK) *out = r;
    else ssmq_recorder_free(r);
    return st;
}

void ssmq_recorder_free(ssmq_recorder *r)
{
    if (!r) return;
    for (int32_t i = 0; i < r->be->threads; i++) {
        free(r->coarse[i]);
        ssmq_selection_free(r->selection[i]);
    }
    for (int32_t i = 0; i < r->be->threads; i++) ssmq_fine_bins_free(&r->part[i]);
    for (int32_t i = 0; i < r->n_bins; i++) ssmq_fine_bins_free(&r->bins[i]);
    free(r->coarse);
    free(r->selection);
    free(r->part);
    free(r->bins);
    free(r);
}

/* Room for the bins of so many sequences. */
static ssmq_status make_bins(ssmq_recorder *r, int32_t n)
{
    if (n <= r->n_bins) return SSMQ_OK;
    ssmq_fine_bins *bins = realloc(r->bins, (size_t)n * sizeof *bins);
    if (!bins) return SSMQ_FAIL(MEMORY, "no memory for the bins of %d samples", (int)n);
    r->bins = bins;
    for (; r->n_bins < n; r->n_bins++) SSMQ_TRY(ssmq_fine_bins_new(&bins[r->n_bins]));
    return SSMQ_OK;
}

const ssmq_fine_bins *ssmq_recorder_bins(const ssmq_recorder *r, int32_t sequence)
{
    SSMQ_ASSERT(sequence < r->n_bins);
    return &r->bins[sequence];
}

/* ---- one sequence ---------------------------------------------------------------------- */

/* A sequence being measured. */
typedef struct measuring {
    ssmq_fine_bins     *bins;   /* of its first part; once they are counted, of all    */
    uint32_t           *coarse; /* of all, in a histogram's bins, where any is touched */
    int64_t             minus_zeros;
    ssmq_kept          *k;
    double             *below; /* [n_level] 100 - level, which descend, turned round */
    float              *low, *high; /* [n_level] */
    float               end[4];
    int64_t             rank[4];

    float                innermost[SSMQ_TAIL_ENDS]; /* of each tail */
    int64_t              tail_rank[SSMQ_TAIL_ENDS];
    ssmq_tail_collection collection[SSMQ_TAIL_ENDS];
    ssmq_quantile_list   list[4 + SSMQ_TAIL_ENDS];
    int32_t              n_list;
    ssmq_selection      *selection;
} measuring;

/* Ranks of the ends of both halves: the largest magnitude of the negative values, their smallest, and those of
 * the others the other way round; of a half without values, any.  n values are counted. */
static void find_ends(measuring *m, int64_t n)
{
    int64_t negative = -m->minus_zeros; /* they share a bin with negative values, behind them in order */
    for (int32_t p = SSMQ_FINE_POWERS / 2; p < SSMQ_FINE_POWERS; p++) {
        if (!ssmq_fine_bins_touched(m->bins, p)) continue;
        for (int32_t i = p * COARSE; i < (p + 1) * COARSE; i++) negative += m->coarse[i];
    }
    m->rank[0] = 0;
    m->rank[1] = negative > 0 ? negative - 1 : 0;
    m->rank[2] = negative < n ? negative : n - 1;
    m->rank[3] = n - 1;
}

static int32_t tails_of(const ssmq_wanted *w)
{
    if (!w->tail) return 0;
    return w->values ? SSMQ_TAIL_ENDS : 1;
}

/* All that the selection is to find: the quantiles of x, its ends, and where its tails begin. */
static void make_lists(measuring *m, const ssmq_wanted *w, int64_t n_values)
{
    ssmq_quantile_list *l = m->list;
    *l++ = (ssmq_quantile_list){false, 4, NULL, m->end, m->rank};
    *l++ = (ssmq_quantile_list){true, w->n_level, w->level, m->k->magnitude, NULL};
    if (w->values) *l++ = (ssmq_quantile_list){false, w->n_level, w->level, m->high, NULL};
    if (w->values) *l++ = (ssmq_quantile_list){false, w->n_level, m->below, m->low, NULL};
    for (int32_t i = 0; i < tails_of(w); i++) {
        m->tail_rank[i] = ssmq_tail_rank((ssmq_tail_end)i, n_values);
        *l++ = (ssmq_quantile_list){i == SSMQ_TAIL_MAGNITUDE, 1, NULL, &m->innermost[i], &m->tail_rank[i]};
    }
    m->n_list = (int32_t)(l - m->list);
}

static ssmq_status begin_measuring(measuring *m, const ssmq_wanted *w, int64_t n_values)
{
    const size_t n = (size_t)w->n_level;
    SSMQ_TRY(ssmq_kept_new(w, n_values, 0, &m->k));
    m->low = malloc((2 * n + 1) * sizeof *m->low);
    m->below = malloc((n + 1) * sizeof *m->below);
    if (!m->low || !m->below) return SSMQ_FAIL(MEMORY, "no memory for the quantiles of a sample");
    m->high = m->low + n;
    for (size_t i = 0; i < n; i++) m->below[i] = 100 - w->level[n - 1 - i];
    find_ends(m, n_values);
    make_lists(m, w, n_values);
    return ssmq_selection_begin(m->selection, m->bins, m->coarse, m->list, m->n_list);
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

/* The bins of a histogram that hold values, ascending, into k unless it is NULL; returns how many. */
static int32_t list_bins(const measuring *m, ssmq_kept *k)
{
    int32_t n = 0;
    for (int32_t p = 0; p < SSMQ_FINE_POWERS; p++) {
        if (!ssmq_fine_bins_touched(m->bins, p)) continue;
        for (int32_t i = p * COARSE; i < (p + 1) * COARSE; i++) {
            if (k && m->coarse[i] > 0) k->bin[n] = (uint16_t)i;
            if (k && m->coarse[i] > 0) k->count[n] = m->coarse[i];
            n += m->coarse[i] > 0;
        }
    }
    return n;
}

/* -0 counts as 0, which is no negative value. */
static ssmq_status fill_bins(measuring *m)
{
    m->coarse[SIGN] -= (uint32_t)m->minus_zeros;
    m->coarse[0] += (uint32_t)m->minus_zeros;
    SSMQ_TRY(ssmq_kept_bins(m->k, list_bins(m, NULL)));
    list_bins(m, m->k);
    return SSMQ_OK;
}

static void fill_record(measuring *m, const ssmq_wanted *w)
{
    const int32_t n = w->n_level;
    take_ends(m);
    for (int32_t i = 0; w->values && i < n; i++)
        m->k->value[i] = (ssmq_range){m->low[n - 1 - i], m->high[i]};
}

static void end_measuring(measuring *m)
{
    ssmq_kept_free(m->k);
    free(m->low);
    free(m->below);
}

/* ---- a few of them, in parts ----------------------------------------------------------- */

/* Sequences first .. first + n of x, each cut into as many parts. */
typedef struct group {
    ssmq_recorder     *r;
    const ssmq_tensor *x;
    const ssmq_wanted *w;
    int32_t            first, n, parts;
    measuring         *m;      /* [n] */
    atomic_int         failed; /* an ssmq_status */
} group;

static ssmq_tensor sequence_of(const group *g, int64_t b)
{
    return ssmq_tensor_slice(g->x, 0, g->first + b, 1);
}

/* Part i, counted through all sequences: its rows, of which there may be none. */
static ssmq_tensor part_of(const group *g, int64_t i)
{
    const ssmq_tensor one = sequence_of(g, i / g->parts);
    const int64_t     L = one.dim[1], p = i % g->parts, begin = p * L / g->parts;
    return ssmq_tensor_slice(&one, 1, begin, (p + 1) * L / g->parts - begin);
}

/* Where it is counted. */
static ssmq_fine_bins *bins_of(const group *g, int64_t i)
{
    const int64_t b = i / g->parts, p = i % g->parts;
    return p == 0 ? g->m[b].bins : &g->r->part[b * (g->parts - 1) + p - 1];
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
        ssmq_fine_bins_clear(bins_of(g, i));
        if (ssmq_tensor_count(&part) > 0) ssmq_fine_bins_add(bins_of(g, i), &part);
    }
}

/* Powers of the first one's bins, the next one's and so on: the counts of all parts to the first part's. */
static void merge_powers(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group *g = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const int64_t    b = i / SSMQ_FINE_POWERS;
        const int32_t    power = (int32_t)(i % SSMQ_FINE_POWERS);
        const measuring *m = &g->m[b];
        if (!ssmq_fine_bins_touched(m->bins, power)) continue;
        for (int64_t p = 1; p < g->parts; p++)
            ssmq_fine_bins_merge(m->bins, bins_of(g, b * g->parts + p), power);
        ssmq_fine_bins_coarse(m->bins, power, m->coarse);
    }
}

static void merge_parts(group *g)
{
    for (int64_t i = 0; i < (int64_t)g->n * g->parts; i++)
        ssmq_fine_bins_reach(g->m[i / g->parts].bins, bins_of(g, i));
    g->r->be->ops->share(g->r->be, (int64_t)g->n * SSMQ_FINE_POWERS, 16, merge_powers, g);
}

/* Those that are infinite or not a number are the last magnitudes. */
static bool is_finite(const ssmq_fine_bins *b)
{
    return ssmq_fine_bin(INFINITY) > b->high >> SSMQ_FINE_SHIFT;
}

static void begin_sequences(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group *g = context;
    (void)worker;
    for (int64_t b = begin; b < end; b++) {
        measuring        *m = &g->m[b];
        const ssmq_tensor one = sequence_of(g, b);
        if (m->bins->count[SSMQ_FINE_SIGN] > 0) m->minus_zeros = minus_zeros_of(&one);
        const ssmq_status st =
            is_finite(m->bins) ? begin_measuring(m, g->w, ssmq_tensor_count(&one)) : SSMQ_ERR_NUMERIC;
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

/* Two tasks for each sequence: the histogram, and what was selected, bin by bin. */
static void sort_sequences(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group *g = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        measuring  *m = &g->m[i / 2];
        ssmq_status st = SSMQ_OK;
        if (i % 2 == 1) ssmq_selection_sort(m->selection);
        else if (g->w->histogram) st = fill_bins(m);
        if (st != SSMQ_OK) atomic_store(&g->failed, (int)st);
    }
}

/* Entries of its lists. */
static int64_t entries_of(const measuring *m)
{
    int64_t n = 0;
    for (int32_t i = 0; i < m->n_list; i++) n += m->list[i].n;
    return n;
}

/* Entries of the first one's lists, the next one's and so on. */
static void fill_entries(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group        *g = context;
    const int64_t each = entries_of(g->m);
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        ssmq_selection_fill(g->m[i / each].selection, i % each, i % each + 1);
}

static void collect_tails(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group *g = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const ssmq_tensor part = part_of(g, i);
        if (ssmq_tensor_count(&part) > 0) ssmq_tail_add(g->m[i / g->parts].collection, tails_of(g->w), &part);
    }
}

/* Ends of the first one's tails, the next one's and so on. */
static void finish_tails(void *context, int64_t begin, int64_t end, int32_t worker)
{
    group        *g = context;
    const int64_t tails = tails_of(g->w);
    (void)worker;
    for (int64_t i = begin; i < end; i++) ssmq_tail_finish(&g->m[i / tails].collection[i % tails]);
}

/* The values beyond those that were selected last. */
static void measure_tails(group *g)
{
    const int32_t tails = tails_of(g->w);
    ssmq_backend *be = g->r->be;
    if (tails == 0) return;
    for (int32_t i = 0; i < g->n * tails; i++) {
        measuring    *m = &g->m[i / tails];
        const int32_t t = i % tails;
        ssmq_tail_begin(&m->collection[t], (ssmq_tail_end)t, m->k->facts.tail.length, m->innermost[t], m->k->tail[t]);
    }
    be->ops->share(be, (int64_t)g->n * g->parts, 1, collect_tails, g);
    be->ops->share(be, (int64_t)g->n * tails, 1, finish_tails, g);
}

static ssmq_status measure_group(group *g, ssmq_kept **out)
{
    ssmq_backend *be = g->r->be;
    be->ops->share(be, (int64_t)g->n * g->parts, 1, count_parts, g);
    merge_parts(g);
    be->ops->share(be, g->n, 1, begin_sequences, g);
    if (atomic_load(&g->failed) == SSMQ_OK) {
        be->ops->share(be, (int64_t)g->n * g->parts, 1, select_parts, g);
        be->ops->share(be, 2 * g->n, 1, sort_sequences, g);
        be->ops->share(be, g->n * entries_of(g->m), 4, fill_entries, g);
        measure_tails(g);
    }
    const ssmq_status st = (ssmq_status)atomic_load(&g->failed);
    for (int32_t b = 0; b < g->n; b++) {
        if (st == SSMQ_OK) fill_record(&g->m[b], g->w);
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
    ssmq_status   st = make_bins(r, w->bins ? B : most);
    int32_t       done = 0;
    SSMQ_ASSERT(x->rank >= 3 && x->dtype == SSMQ_F32 && x->space == SSMQ_SPACE_HOST);
    while (done < B && st == SSMQ_OK) {
        const int32_t n = B - done < most ? B - done : most;
        group g = {.r = r, .x = x, .w = w, .first = done, .n = n, .parts = (threads + n - 1) / n, .m = m};
        memset(m, 0, (size_t)n * sizeof *m);
        for (int32_t b = 0; b < n; b++) {
            m[b].bins = &r->bins[w->bins ? done + b : b];
            m[b].coarse = r->coarse[b];
            m[b].selection = r->selection[b];
        }
        st = measure_group(&g, out + done);
        if (st == SSMQ_OK) done += n;
    }
    for (int32_t b = 0; st != SSMQ_OK && b < done; b++) ssmq_kept_free(out[b]);
    free(m);
    return st;
}
