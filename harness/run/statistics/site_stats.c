#include "harness/run/statistics/site_stats.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/base/str.h"
#include "harness/run/statistics/stats_block.h"
#include "harness/tensor/quantiles.h"

#define LANES SSMQ_STATS_LANES   /* channels that are worked on side by side: a cache line of floats */
#define GROUPS 8 /* of so many channels in turn: what is asked for ahead is for the same thread */
#define BLOCK_ROWS 512 /* numbers of a channel at a time: with 16 channels 32 KiB, which L1 holds */

/* ---- shapes ---------------------------------------------------------------------------- */

ssmq_site_shape ssmq_site_shape_of(const ssmq_model *m, int32_t site)
{
    const ssmq_site *s = &m->site[site];
    if (s->kind == SSMQ_SITE_STATE)
        return (ssmq_site_shape){0, s->rows, s->width, "sample,token,channel,state"};
    if (s->kind == SSMQ_SITE_ACTIVATION)
        return (ssmq_site_shape){0, s->width, 1, "sample,token,channel"};
    const bool         conv = strcmp(s->op, "conv") == 0, scan = strcmp(s->op, "scan") == 0;
    const ssmq_weight *w = &m->weight[s->weight];
    const ssmq_tensor  stored = ssmq_tensor_of(NULL, SSMQ_F32, w->rank, w->dim);
    const int64_t      rows = ssmq_tensor_count(&stored) / s->width;
    if (rows == 1) return (ssmq_site_shape){1, s->width, 1, "channel"};
    if (conv) return (ssmq_site_shape){1, rows, s->width, "channel,tap"};
    if (scan) return (ssmq_site_shape){1, rows, s->width, "channel,state"};
    return (ssmq_site_shape){rows, s->width, 1, "output,channel"};
}

/* ---- memory ---------------------------------------------------------------------------- */

/* The worker's table of counts and what is known of the two halves of the values that it has seen. */
struct ssmq_stats_worker {
    float    *block; /* [2][rows of a block][LANES] */
    uint32_t *count; /* [SSMQ_SIGNED_BINS] */
    float     least[2], most[2]; /* magnitudes of negative values and of others; most < 0: none */
    uint64_t  n_values, n_zero, n_nonfinite, n_clipped;
};

static void forget(ssmq_stats_worker *w)
{
    for (int h = 0; h < 2; h++) {
        w->least[h] = INFINITY;
        w->most[h] = -1;
    }
    w->n_values = w->n_zero = w->n_nonfinite = w->n_clipped = 0;
}

/* The best that the backend's tier allows. */
static const ssmq_stats_loops *loops_of(const ssmq_backend *be)
{
    if (strcmp(be->tier, "avx512") == 0 && ssmq_stats_loops_avx512) return ssmq_stats_loops_avx512;
    if (strncmp(be->tier, "avx", 3) == 0 && ssmq_stats_loops_avx2) return ssmq_stats_loops_avx2;
    return &ssmq_stats_loops_c;
}

ssmq_status ssmq_stats_workers_open(const ssmq_backend *be, int64_t inner, ssmq_stats_workers *out)
{
    ssmq_stats_workers w = {.n = be->threads,
                            .loops = loops_of(be),
                            .rows = inner > BLOCK_ROWS ? inner : BLOCK_ROWS};
    w.worker = ssmq_must_malloc((size_t)w.n * sizeof *w.worker);
    bool fine = true;
    for (int32_t i = 0; i < w.n; i++) {
        ssmq_stats_worker *one = &w.worker[i];
        *one = (ssmq_stats_worker){
            .block = aligned_alloc(64, (size_t)(2 * w.rows * LANES) * sizeof *one->block),
            .count = calloc(SSMQ_SIGNED_BINS, sizeof *one->count)};
        fine = fine && one->block && one->count;
    }
    *out = w;
    if (fine) return SSMQ_OK;
    ssmq_stats_workers_close(out);
    return SSMQ_FAIL(MEMORY, "no memory for statistics on %d threads", be->threads);
}

void ssmq_stats_workers_close(ssmq_stats_workers *w)
{
    for (int32_t i = 0; i < w->n; i++) {
        free(w->worker[i].block);
        free(w->worker[i].count);
    }
    free(w->worker);
    *w = (ssmq_stats_workers){0};
}

static bool with_histogram(const ssmq_collect_spec *spec)
{
    return spec->histogram || spec->n_quantile > 0;
}

/* A weight by channel and state has one row, and its numbers are its statistics. */
static bool with_cells(const ssmq_collect_spec *spec, const ssmq_site_shape *shape)
{
    return spec->states && shape->rows == 0 && ssmq_str_ends(shape->axes, ",state");
}

int64_t ssmq_site_stats_bytes(const ssmq_collect_spec *spec, const ssmq_site_shape *shape, int64_t rows)
{
    const int64_t channel = 2 * (int64_t)sizeof(float) + (int64_t)sizeof(ssmq_moments) + 24;
    const int64_t cells = with_cells(spec, shape) ? shape->inner : 0;
    return shape->channels * (1 + cells) * channel +
           (with_histogram(spec) ? 2 * (int64_t)sizeof(ssmq_histogram) : 0) +
           (spec->channels ? ssmq_channel_bins_bytes(shape->channels, rows * shape->inner) : 0);
}

static ssmq_status open_cells(ssmq_site_stats *s)
{
    static const ssmq_collect_spec plain = {.statistics = true, .moments = true};
    const ssmq_site_shape          shape = {0, s->shape.channels * s->shape.inner, 1, "sample,token,cell"};
    s->cells = ssmq_must_malloc(sizeof *s->cells);
    *s->cells = (ssmq_site_stats){0};
    return ssmq_site_stats_open(&plain, &shape, s->cells);
}

ssmq_status ssmq_site_stats_open(const ssmq_collect_spec *spec, const ssmq_site_shape *shape,
                                 ssmq_site_stats *out)
{
    const size_t    C = (size_t)shape->channels;
    ssmq_site_stats s = {.shape = *shape,
                         .n_top = spec->top_channels,
                         .with_bins = spec->channels,
                         .bins.channels = shape->channels};
    if (s.n_top > shape->channels) s.n_top = (int32_t)shape->channels;
    s.low = malloc(C * sizeof *s.low);
    s.high = malloc(C * sizeof *s.high);
    s.moments = calloc(C, sizeof *s.moments);
    s.among_top = calloc(C, sizeof *s.among_top);
    s.sample_absmax = malloc(C * sizeof *s.sample_absmax);
    s.late = malloc((C / LANES + 1) * sizeof *s.late);
    if (with_histogram(spec)) s.half = calloc(2, sizeof *s.half);
    *out = s;
    if (s.low && s.high && s.moments && s.among_top && s.sample_absmax && s.late &&
        (s.half || !with_histogram(spec))) {
        for (size_t c = 0; c < C; c++) {
            s.low[c] = INFINITY;
            s.high[c] = -INFINITY;
        }
        if (!with_cells(spec, shape) || open_cells(out) == SSMQ_OK) return SSMQ_OK;
    }
    ssmq_site_stats_close(out);
    return SSMQ_FAIL(MEMORY, "no memory for the statistics of %zu channels", C);
}

void ssmq_site_stats_close(ssmq_site_stats *s)
{
    free(s->low);
    free(s->high);
    free(s->moments);
    free(s->among_top);
    free(s->sample_absmax);
    free(s->late);
    free(s->half);
    ssmq_channel_bins_free(&s->bins);
    if (s->cells) ssmq_site_stats_close(s->cells);
    free(s->cells);
    *s = (ssmq_site_stats){0};
}

/* ---- a block --------------------------------------------------------------------------- */

/* A sample under way. */
typedef struct sample {
    ssmq_site_stats    *s;
    ssmq_stats_workers *workers;
    const float        *x;
    int64_t             rows, row_stride, chunk; /* chunk: rows of a block */
} sample;

static bool is_finite(const float *block, int64_t n)
{
    bool finite = true;
    for (int64_t i = 0; i < n * LANES; i++) finite &= isfinite(block[i]) != 0;
    return finite;
}

/* Rows of lanes channels from channel c on, side by side; -0 becomes 0.  Lanes beyond them are 0.  Are all
 * finite? */
static bool pack(const sample *m, int64_t c, int64_t lanes, int64_t row, int64_t rows, float *block)
{
    const int64_t K = m->s->shape.inner;
    const float  *x = m->x + row * m->row_stride + c * K;
    const ssmq_channel_bins *b = &m->s->bins;
    const int64_t            counters = LANES * ssmq_channel_bins_stride(b);
    if (K == 1 && lanes == LANES)
        return m->workers->loops->pack(x, m->row_stride, rows, block, b->recent ? b->recent + c / LANES * counters : NULL,
                                       b->recent ? counters * (int64_t)sizeof *b->recent : 0);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < K; k++)
            for (int64_t l = 0; l < LANES; l++)
                block[(r * K + k) * LANES + l] = l < lanes ? x[r * m->row_stride + l * K + k] + 0.0f : 0.0f;
    return is_finite(block, rows * K);
}

/* What a worker keeps of a block's first lanes. */
static void keep_looks(const ssmq_block_looks *o, int64_t lanes, ssmq_stats_worker *w)
{
    for (int64_t l = 0; l < lanes; l++) {
        w->n_zero += (uint64_t)o->zero[l];
        for (int h = 0; h < 2; h++) w->least[h] = fminf(w->least[h], o->least[h][l]);
        if (o->low[l] < 0) w->most[0] = fmaxf(w->most[0], -o->low[l]);
        if (o->high[l] >= 0) w->most[1] = fmaxf(w->most[1], o->high[l]);
    }
}

/* Values whose codes are clamped. */
static uint64_t clipped(const float *v, int64_t n, int64_t lanes, const double *low, const double *high)
{
    uint64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t l = 0; l < lanes; l++) {
            const double x = (double)v[i * LANES + l];
            count += (x < low[l]) | (x > high[l]);
        }
    return count;
}

static void add_bins(const sample *m, int64_t c, int64_t lanes, const float *v, int64_t n)
{
    ssmq_channel_bins_room(&m->s->bins, c, n);
    if (lanes == LANES) m->workers->loops->bins(&m->s->bins, c, v, n);
    else ssmq_channel_bins_add(&m->s->bins, c, lanes, v, n);
}

/* n finite rows of lanes channels from channel c on, but for their bins; returns the largest magnitude. */
static float add_block(const sample *m, ssmq_stats_worker *w, int64_t c, int64_t lanes, const float *v,
                       int64_t n)
{
    ssmq_site_stats *s = m->s;
    ssmq_block_looks looks;
    ssmq_moments     moments[LANES];
    float            most = 0;
    if (n == 0) return 0;
    m->workers->loops->look(v, n, &looks);
    m->workers->loops->moments(v, n, moments);
    keep_looks(&looks, lanes, w);
    for (int64_t l = 0; l < lanes; l++) {
        const float absmax = fmaxf(-looks.low[l], looks.high[l]);
        s->low[c + l] = fminf(s->low[c + l], looks.low[l]);
        s->high[c + l] = fmaxf(s->high[c + l], looks.high[l]);
        s->sample_absmax[c + l] = fmaxf(s->sample_absmax[c + l], absmax);
        most = fmaxf(most, absmax);
        ssmq_moments_merge(&s->moments[c + l], &moments[l]);
    }
    if (s->clip.low) w->n_clipped += clipped(v, n, lanes, s->clip.low + c, s->clip.high + c);
    w->n_values += (uint64_t)(n * lanes);
    if (!s->half) return most;
    ssmq_tensor t = lanes == LANES ? SSMQ_TENSOR((void *)(uintptr_t)v, SSMQ_F32, 1, n * LANES)
                                   : SSMQ_TENSOR((void *)(uintptr_t)v, SSMQ_F32, n, lanes);
    if (lanes < LANES) t.stride[0] = LANES;
    ssmq_count_bins(&t, w->count);
    return most;
}

/* The finite values of a lane of a block, in the first lane of another. */
static int64_t finite_lane(const float *v, int64_t n, int64_t lane, float *column)
{
    int64_t kept = 0;
    memset(column, 0, (size_t)(n * LANES) * sizeof *column);
    for (int64_t i = 0; i < n; i++)
        if (isfinite(v[i * LANES + lane])) column[kept++ * LANES] = v[i * LANES + lane];
    return kept;
}

/* Lane by lane, without what is not finite. */
static void add_finite(const sample *m, ssmq_stats_worker *w, int64_t c, int64_t lanes, const float *v,
                       int64_t n)
{
    float *column = w->block + m->workers->rows * LANES;
    for (int64_t l = 0; l < lanes; l++) {
        const int64_t kept = finite_lane(v, n, l, column);
        w->n_nonfinite += (uint64_t)(n - kept);
        add_block(m, w, c + l, 1, column, kept);
    }
}

/* A block of a sample that the window of the bins may not hold: then it, and all later ones of its channels, wait.
 * So do those with values that are not finite. */
static void add_rows(const sample *m, ssmq_stats_worker *w, int64_t c, int64_t lanes, int64_t row, int64_t rows)
{
    ssmq_site_stats *s = m->s;
    const int64_t    n = rows * s->shape.inner;
    int64_t         *late = &s->late[c / LANES];
    if (!pack(m, c, lanes, row, rows, w->block)) {
        add_finite(m, w, c, lanes, w->block, n);
        return;
    }
    const float most = add_block(m, w, c, lanes, w->block, n);
    if (!s->with_bins || *late < row || !ssmq_channel_bins_holds(&s->bins, most)) return;
    add_bins(m, c, lanes, w->block, n);
    *late = row + rows;
}

/* Bins of a block that waited. */
static void add_late_rows(const sample *m, ssmq_stats_worker *w, int64_t c, int64_t lanes, int64_t row,
                          int64_t rows)
{
    float        *column = w->block + m->workers->rows * LANES;
    const int64_t n = rows * m->s->shape.inner;
    if (pack(m, c, lanes, row, rows, w->block)) {
        add_bins(m, c, lanes, w->block, n);
        return;
    }
    ssmq_channel_bins_room(&m->s->bins, c, n);
    for (int64_t l = 0; l < lanes; l++) {
        const int64_t kept = finite_lane(w->block, n, l, column);
        ssmq_channel_bins_add(&m->s->bins, c + l, 1, column, kept);
    }
}

/* Channels begin * LANES .. end * LANES of a sample, all its rows. */
static void add_channels(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const sample      *m = context;
    ssmq_stats_worker *w = &m->workers->worker[worker];
    const int64_t      C = m->s->shape.channels;
    for (int64_t c = begin * LANES; c < end * LANES && c < C; c += LANES) {
        const int64_t lanes = C - c < LANES ? C - c : LANES;
        for (int64_t l = 0; l < lanes; l++) m->s->sample_absmax[c + l] = 0;
        m->s->late[c / LANES] = 0;
        for (int64_t row = 0; row < m->rows; row += m->chunk)
            add_rows(m, w, c, lanes, row, m->rows - row < m->chunk ? m->rows - row : m->chunk);
    }
}

static void add_late_channels(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const sample      *m = context;
    ssmq_stats_worker *w = &m->workers->worker[worker];
    const int64_t      C = m->s->shape.channels;
    for (int64_t c = begin * LANES; c < end * LANES && c < C; c += LANES)
        for (int64_t row = m->s->late[c / LANES]; row < m->rows; row += m->chunk)
            add_late_rows(m, w, c, C - c < LANES ? C - c : LANES, row,
                          m->rows - row < m->chunk ? m->rows - row : m->chunk);
}

/* ---- a sample -------------------------------------------------------------------------- */

/* What a worker counted, to the site; its table is empty afterwards. */
static void take_counts(ssmq_site_stats *s, ssmq_stats_worker *w)
{
    s->n_values += w->n_values + w->n_nonfinite;
    s->n_zero += w->n_zero;
    s->n_nonfinite += w->n_nonfinite;
    s->n_clipped += w->n_clipped;
    for (int h = 0; s->half && h < 2; h++) {
        ssmq_histogram *to = &s->half[h];
        uint32_t       *from = w->count + (h == 0 ? SSMQ_HISTOGRAM_BINS : 0); /* the sign on top */
        if (w->most[h] < 0) continue;
        to->low = to->n > 0 ? fminf(to->low, w->least[h]) : w->least[h];
        to->high = fmaxf(to->high, w->most[h]);
        const int32_t end = ssmq_histogram_bin(w->most[h]);
        for (int32_t bin = ssmq_histogram_bin(w->least[h]); bin <= end; bin++) {
            to->count[bin] += from[bin];
            to->n += from[bin];
            from[bin] = 0;
        }
    }
}

/* The channels with the largest magnitudes of this sample. */
static void find_top(ssmq_site_stats *s)
{
    const float *x = s->sample_absmax;
    int64_t      top[1024];
    int32_t      n = 0;
    for (int64_t c = 0; c < s->shape.channels; c++) {
        if (!(x[c] > 0) || (n == s->n_top && x[c] <= x[top[n - 1]])) continue;
        int32_t at = n < s->n_top ? n++ : n - 1;
        for (; at > 0 && x[top[at - 1]] < x[c]; at--) top[at] = top[at - 1];
        top[at] = c;
    }
    for (int32_t i = 0; i < n; i++) s->among_top[top[i]]++;
}

static ssmq_status check_count(const ssmq_site_stats *s, int64_t rows)
{
    if ((s->n_rows + rows) <= (int64_t)UINT32_MAX / s->shape.inner) return SSMQ_OK;
    return SSMQ_FAIL(UNSUPPORTED, "statistics of channels are for less than 2^32 values of each");
}

/* Channel by channel and index by index. */
static ssmq_status add_cells(ssmq_site_stats *s, ssmq_backend *be, ssmq_stats_workers *w, const ssmq_tensor *x)
{
    const int64_t     width = s->shape.channels * s->shape.inner, dim[] = {ssmq_tensor_count(x) / width, width};
    const ssmq_tensor rows = ssmq_tensor_reshape(x, 2, dim);
    float             absmax;
    return ssmq_site_stats_add(s->cells, be, w, &rows, &absmax);
}

ssmq_status ssmq_site_stats_add(ssmq_site_stats *s, ssmq_backend *be, ssmq_stats_workers *w,
                                const ssmq_tensor *x, float *absmax)
{
    const ssmq_site_shape *shape = &s->shape;
    const int64_t          width = shape->channels * shape->inner;
    SSMQ_ASSERT(x->dtype == SSMQ_F32 && x->space == SSMQ_SPACE_HOST && s->n_top <= 1024);
    SSMQ_ASSERT(w->n == be->threads && w->rows >= shape->inner);
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    sample            m = {.s = s,
                           .workers = w,
                           .x = x->data,
                           .rows = ssmq_tensor_count(x) / width,
                           .row_stride = shape->inner == 1 ? rows.stride[0] : width,
                           .chunk = w->rows / shape->inner};
    SSMQ_ASSERT(shape->inner == 1 || ssmq_tensor_contiguous(x));
    SSMQ_TRY(check_count(s, m.rows));
    if (s->cells) SSMQ_TRY(add_cells(s, be, w, x));
    if (s->with_bins) SSMQ_TRY(ssmq_channel_bins_expect(&s->bins, m.rows * shape->inner));
    const int64_t groups = (shape->channels + LANES - 1) / LANES;
    bool          late = false;
    *absmax = 0;
    for (int32_t i = 0; i < w->n; i++) forget(&w->worker[i]);
    be->ops->share(be, groups, GROUPS, add_channels, &m);
    for (int32_t i = 0; i < w->n; i++) take_counts(s, &w->worker[i]);
    for (int64_t c = 0; c < shape->channels; c++) *absmax = fmaxf(*absmax, s->sample_absmax[c]);
    for (int64_t g = 0; g < groups; g++) late |= s->late[g] < m.rows;
    if (s->with_bins) SSMQ_TRY(ssmq_channel_bins_reach(&s->bins, *absmax));
    if (s->with_bins && late) be->ops->share(be, groups, GROUPS, add_late_channels, &m);
    if (s->n_top > 0) find_top(s);
    s->n_rows += m.rows;
    s->n_samples++;
    return SSMQ_OK;
}
