/* The clip range with the least squared error: candidates are fractions of the whole range, the error of
 * each is taken from a histogram of the sample, with the values of a bin at its middle.
 * Source: the clip search of Banner et al., arXiv:1810.05723, by search in place of a fitted law. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/tensor/grid.h"
#include "quant/observers.h"

/* A bin is 1/8192 of the range: far below the step of any code up to 12 bits. */
#define BINS SSMQ_GRID_CELLS

typedef struct mse_options {
    int candidates;
} mse_options;

static const ssmq_option mse_table[] = {
    {"candidates", offsetof(mse_options, candidates), SSMQ_OPTION_INT, "100", 2, 1000, NULL,
     "clip ranges that are tried, evenly spaced"},
    {0},
};

static float float_of(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static ssmq_range ends_of(const ssmq_tensor *rows)
{
    const ssmq_grid_loops *loops = ssmq_grid_loops_best();
    int32_t                above = 0, below = 0;
    for (int64_t i = 0; i < rows->dim[0]; i++)
        loops->extremes((const float *)rows->data + i * rows->stride[0], rows->dim[1], &above, &below);
    return (ssmq_range){0 - float_of(below), float_of(above)};
}

/* The whole range of a sample, with 0, as the spec will use it. */
static ssmq_range whole_range(const ssmq_range *ends, const ssmq_qspec *spec)
{
    const float low = ends->low < 0 ? ends->low : 0, high = ends->high > 0 ? ends->high : 0;
    const float most = fmaxf(-low, high);
    return spec->symmetric ? (ssmq_range){-most, most} : (ssmq_range){low, high};
}

/* ---- the histogram --------------------------------------------------------------------- */

/* Values of a sample by bins.  Sums are over the bins before i, of 1, i and i * i for each value: whole
 * numbers, so exact. */
typedef struct histogram {
    double    low, width;
    uint32_t *count;                /* [BINS] */
    int32_t   filled[BINS + 1], n_filled; /* bins that hold values, ascending */
    int64_t   sum[BINS + 1][3];
} histogram;

/* Counts values into count [BINS + 1], the last of no meaning. */
static void count_row(const float *x, int64_t n, const ssmq_grid *grid, uint32_t *count)
{
    const ssmq_grid_loops *loops = ssmq_grid_loops_best();
    int64_t                i = 0;
    for (; i + SSMQ_GRID_PIECE <= n; i += SSMQ_GRID_PIECE) {
        int32_t       bin[SSMQ_GRID_PIECE];
        float         rest[SSMQ_GRID_PIECE + 16];
        const int32_t n_rest = loops->cells(x + i, grid, bin, rest);
        for (int k = 0; k < SSMQ_GRID_PIECE; k++) count[bin[k]]++;
        for (int k = 0; k < n_rest; k++) count[ssmq_grid_cell(grid, rest[k])]++;
    }
    for (; i < n; i++) count[ssmq_grid_cell(grid, x[i])]++;
}

static void find_sums(histogram *h)
{
    int64_t sum = 0, first = 0, second = 0;
    for (int64_t i = 0; i < BINS; i++) {
        const int64_t n = h->count[i];
        h->filled[h->n_filled] = (int32_t)i;
        h->n_filled += n > 0;
        h->sum[i][0] = sum;
        h->sum[i][1] = first;
        h->sum[i][2] = second;
        sum += n;
        first += n * i;
        second += n * i * i;
    }
    h->sum[BINS][0] = sum;
    h->sum[BINS][1] = first;
    h->sum[BINS][2] = second;
}

/* ---- the error of a clip range --------------------------------------------------------- */

typedef struct quantiser {
    const ssmq_qspec *spec;
    float             scale;
    int32_t           zero;
} quantiser;

static float code_at(const histogram *h, int32_t bin, const quantiser *q)
{
    const double x = h->low + ((double)bin + 0.5) * h->width;
    return ssmq_code_value((float)x, q->scale, q->zero, q->spec);
}

static double error_by_bins(const histogram *h, const quantiser *q)
{
    double error = 0;
    for (int32_t i = 0; i < h->n_filled; i++) {
        const int32_t bin = h->filled[i];
        const double  x = h->low + ((double)bin + 0.5) * h->width;
        const double  d = ((double)code_at(h, bin, q) - q->zero) * (double)q->scale - x;
        error += d * d * h->count[bin];
    }
    return error;
}

/* Where the bins of a code end that begin at one: looked for from where rounding to nearest would end them. */
static int32_t end_of_code(const histogram *h, int32_t begin, float code, const quantiser *q)
{
    const double edge = ((double)code + 0.5 - q->zero) * (double)q->scale;
    const double guess = ceil((edge - h->low) / h->width - 0.5);
    int32_t      end = guess > begin ? (guess < BINS ? (int32_t)guess : BINS) : begin + 1;
    if (code >= (float)ssmq_code_max(q->spec)) return BINS;
    while (end > begin + 1 && code_at(h, end - 1, q) != code) end--;
    while (end < BINS && code_at(h, end, q) == code) end++;
    return end;
}

/* The place of a code among the bins. */
static double place_of(const histogram *h, float code, const quantiser *q)
{
    return (((double)code - q->zero) * (double)q->scale - h->low) / h->width - 0.5;
}

/* The sum of n (i - a)^2 over the bins begin .. end. */
static double error_around(const histogram *h, int32_t begin, int32_t end, double a)
{
    const double n = (double)(h->sum[end][0] - h->sum[begin][0]);
    const double sum = (double)(h->sum[end][1] - h->sum[begin][1]);
    return (double)(h->sum[end][2] - h->sum[begin][2]) - 2 * a * sum + a * a * n;
}

/* Do codes follow one another, two bins each at least, and round to nearest?  Then the end of one is known
 * without a look at the codes of bins, unless it is so close to the middle of a bin that the rounding of float
 * decides, which is by less than 1/500 of a bin. */
#define CLOSE 0.01
static bool is_regular(const histogram *h, const quantiser *q)
{
    return q->spec->rounding != SSMQ_ROUNDING_TRUNCATE && q->spec->quotient_dtype == SSMQ_PRECISION_F32 &&
           (double)q->scale >= 2 * h->width;
}

static int32_t end_of_regular(const histogram *h, int32_t begin, float code, const quantiser *q, double edge)
{
    if (code >= (float)ssmq_code_max(q->spec)) return BINS;
    if (edge >= BINS) return BINS;
    const int32_t end = (int32_t)edge + 1;
    const double  part = edge - (double)(end - 1);
    if (end <= begin || part < CLOSE || part > 1 - CLOSE) return end_of_code(h, begin, code, q);
    return end;
}

/* The same for integers, code by code: the sum over the bins of one of n (i - a)^2, with a the place of the code
 * among the bins.  No further than up to most: what is more is infinite. */
static double error_by_codes(const histogram *h, const quantiser *q, double most)
{
    const bool   regular = is_regular(h, q);
    const double square = h->width * h->width, step = (double)q->scale / h->width;
    float        code = code_at(h, 0, q);
    double       error = 0;
    for (int32_t i = 0, end; i < BINS; i = end) {
        if (!regular) code = code_at(h, i, q);
        const double a = place_of(h, code, q);
        end = regular ? end_of_regular(h, i, code, q, a + 0.5 * step) : end_of_code(h, i, code, q);
        error += error_around(h, i, end, a);
        if (error * square > most) return INFINITY;
        code++;
    }
    return error * square;
}

/* Of what is beyond the codes alone, on both sides, but for bins that may be within: no more than the error. */
static double least_error_by_codes(const histogram *h, const quantiser *q)
{
    const double  low = place_of(h, (float)ssmq_code_min(q->spec), q);
    const double  high = place_of(h, (float)ssmq_code_max(q->spec), q);
    const int32_t below = low > 1 ? (low < BINS ? (int32_t)low : BINS) : 0;
    const int32_t above = high < BINS - 2 ? (high > 0 ? (int32_t)high + 2 : 0) : BINS;
    return (error_around(h, 0, below, low) + error_around(h, above, BINS, high)) * h->width * h->width;
}

/* Infinite where it is certain to be more than least. */
static double error_of(const histogram *h, const ssmq_range *clip, const ssmq_qspec *spec, double least)
{
    const float steps = (float)(ssmq_code_max(spec) - ssmq_code_min(spec));
    const float scale = spec->symmetric ? ssmq_scale(clip->high, ssmq_code_limit(spec), spec)
                                        : ssmq_scale(clip->high - clip->low, steps, spec);
    if (!(scale > 0)) return INFINITY; /* too small for half precision */
    const quantiser q = {
        spec, scale, spec->symmetric ? 0 : (int32_t)rintf((float)ssmq_code_min(spec) - clip->low / scale)};
    /* About four codes are computed to find the end of one. */
    const bool by_codes = spec->format == SSMQ_FORMAT_INT && h->n_filled > 4 << spec->bits;
    if (!by_codes) return error_by_bins(h, &q);
    /* The sums of a code's bins are off by less than 2^-50 of n * BINS^2, and may be below zero by that. */
    const double slack = (double)h->sum[BINS][0] * BINS * BINS * 0x1p-48 * h->width * h->width;
    const double most = least * (1 + 1e-9) + slack;
    return least_error_by_codes(h, &q) > most ? INFINITY : error_by_codes(h, &q, most);
}

/* ---- the search ------------------------------------------------------------------------ */

typedef struct search {
    const mse_options *options;
    const ssmq_qspec  *spec;
    ssmq_tensor        rows;
    ssmq_range         whole;
    ssmq_grid          grid;
    int32_t            parts; /* that values are counted in, at most one for each thread */
    uint32_t          *count; /* [parts][BINS + 1]                                       */
    histogram          h;
    double            *least; /* [threads] of the candidates that a thread has tried     */
    double            *error; /* [candidates] infinite where it is more than another's   */
} search;

static void count_parts(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const search *s = context;
    const int32_t axis = s->rows.dim[0] < s->parts; /* few rows are cut across */
    (void)worker;
    for (int64_t p = begin; p < end; p++) {
        const int64_t     n = s->rows.dim[axis], first = p * n / s->parts;
        const ssmq_tensor part = ssmq_tensor_slice(&s->rows, axis, first, (p + 1) * n / s->parts - first);
        for (int64_t i = 0; i < part.dim[0]; i++)
            count_row((const float *)part.data + i * part.stride[0], part.dim[1], &s->grid, s->count + p * (BINS + 1));
    }
}

static ssmq_range candidate_of(const search *s, int64_t i)
{
    const float f = (float)(s->options->candidates - i) / (float)s->options->candidates;
    return (ssmq_range){s->whole.low * f, s->whole.high * f};
}

/* The widest first. */
static void try_candidates(void *context, int64_t begin, int64_t end, int32_t worker)
{
    search *s = context;
    for (int64_t i = begin; i < end; i++) {
        const ssmq_range clip = candidate_of(s, i);
        s->error[i] = error_of(&s->h, &clip, s->spec, s->least[worker]);
        s->least[worker] = fmin(s->least[worker], s->error[i]);
    }
}

/* Of equal ones, the widest. */
static ssmq_range best_candidate(const search *s)
{
    double     least = INFINITY;
    ssmq_range best = s->whole;
    for (int i = 0; i < s->options->candidates; i++) {
        if (s->error[i] >= least) continue;
        least = s->error[i];
        best = candidate_of(s, i);
    }
    return best;
}

static void search_all(search *s, const ssmq_aid *aid)
{
    for (int32_t i = 0; i < aid->threads; i++) s->least[i] = INFINITY;
    aid->share(aid->by, s->parts, 1, count_parts, s);
    for (int32_t p = 1; p < s->parts; p++)
        for (int32_t i = 0; i < BINS; i++) s->count[i] += s->count[p * (BINS + 1) + i];
    s->h.low = (double)s->grid.low;
    s->h.width = s->grid.width;
    s->h.count = s->count;
    s->h.n_filled = 0;
    find_sums(&s->h);
    aid->share(aid->by, s->options->candidates, 4, try_candidates, s);
}

static ssmq_status mse_aided(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec, const ssmq_aid *aid,
                             ssmq_range *out)
{
    const mse_options *o = options;
    const ssmq_tensor  rows = ssmq_tensor_runs(x);
    const ssmq_range   ends = aid->ends ? *aid->ends : ends_of(&rows);
    *out = whole_range(&ends, spec);
    if (!(out->high > out->low)) return SSMQ_OK; /* all zero */
    const int32_t parts = rows.dim[0] * rows.dim[1] < (int64_t)aid->threads * BINS ? 1 : aid->threads;
    search       *s = malloc(sizeof *s);
    uint32_t     *count = calloc((size_t)(parts * (BINS + 1)), sizeof *count);
    double       *least = malloc((size_t)(aid->threads + o->candidates) * sizeof *least);
    if (s && count && least) {
        s->options = o;
        s->spec = spec;
        s->rows = rows;
        s->whole = *out;
        s->grid = ssmq_grid_of(out->low, out->high);
        s->parts = parts;
        s->count = count;
        s->least = least;
        s->error = least + aid->threads;
        search_all(s, aid);
        *out = best_candidate(s);
    }
    const ssmq_status st = s && count && least ? SSMQ_OK : SSMQ_FAIL(MEMORY, "no memory for a histogram");
    free(s);
    free(count);
    free(least);
    return st;
}

static ssmq_status mse_range(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec,
                             ssmq_range *out)
{
    const ssmq_aid alone = {.threads = 1, .share = ssmq_share_alone};
    return mse_aided(options, x, spec, &alone, out);
}

const ssmq_statistic ssmq_statistic_mse = {
    .name = "mse",
    .source = "clip range of least squared error, searched (after arXiv:1810.05723)",
    .options = mse_table,
    .options_size = sizeof(mse_options),
    .floor = true,
    .dataset = "mse_high",
    .dataset_low = "mse_low",
    .range = mse_range,
    .range_aided = mse_aided,
};
