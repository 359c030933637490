/* The clip range with the least squared error: candidates are fractions of the whole range, and the error of each is
 * the sum over the values of (what the quantiser makes of it - the value)^2.
 * Source: the clip search of Banner et al., arXiv:1810.05723, by search in place of a fitted law.
 *
 * Exact where there are few values, else out of bins, with the values of a bin at its middle: at most 1/2048 of themselves
 * away (tensor/fine_bins.h), or 1/256 below about 1/128 of the largest magnitude, where that is less in steps.  What is
 * closer to 0 than a quarter of the least step of any candidate is 0 under all of them, adds the same to their errors, and
 * is left out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "quant/observers.h"

#define FEW 1024 /* and four for each code */
#define EIGHT 8
#define FINE (7 << 10) /* bins of seven powers of two */

typedef struct mse_options {
    int candidates;
    int estimate; /* of estimates */
} mse_options;

static const char *const estimates[] = {"exact", "floatbits19", NULL};
enum { ESTIMATE_EXACT, ESTIMATE_FLOATBITS19 };

static const ssmq_option mse_table[] = {
    {"candidates", offsetof(mse_options, candidates), SSMQ_OPTION_INT, "100", 2, 1000, NULL,
     "clip ranges that are tried, evenly spaced"},
    {"estimate", offsetof(mse_options, estimate), SSMQ_OPTION_CHOICE, "floatbits19", 0, 0, estimates,
     "of the error of a clip range: exact, which takes each candidate to each value, or, of more than 1024 values or four "
     "for each code, from a histogram in bins of 1/1024 of their lower end"},
    {0},
};

/* ---- what is searched ------------------------------------------------------------------ */

/* Of bins: how many values, their sum and that of their squares. */
typedef struct sums {
    double n, x, xx;
} sums;

/* A number, and how many values are taken to be it. */
typedef struct entry {
    float    x;
    uint32_t n;
} entry;

typedef struct search {
    const mse_options *options;
    const ssmq_qspec  *spec;
    const ssmq_aid    *aid;
    ssmq_tensor        rows;
    ssmq_range         whole;
    double            *least; /* [threads] of the candidates that a thread has tried     */
    double            *error; /* [candidates] infinite where it is more than another's   */

    int32_t            first, fine; /* fine bins that are looked at, and those not in eights       */
    int32_t            wide, bins;  /* how many eights; with what follows them one by one          */
    int32_t            parts;  /* that values are counted in, where they are not yet             */
    uint32_t          *count;  /* the same: [parts][1 + 2 bins] what is left out, values above 0, others */
    sums              *before[2]; /* [bins + 1] the bins before each: of values above 0, of others; or */
    entry             *entry;     /* [n] whatever the quantiser is asked about one by one              */
    int64_t            n;
} search;


static ssmq_range ends_of(const ssmq_tensor *rows)
{
    ssmq_range ends = {0, 0};
    for (int64_t i = 0; i < rows->dim[0]; i++)
        for (int64_t j = 0; j < rows->dim[1]; j++) {
            const float x = ((const float *)rows->data)[i * rows->stride[0] + j];
            ends.low = x < ends.low ? x : ends.low;
            ends.high = x > ends.high ? x : ends.high;
        }
    return ends;
}

/* The whole range of a sample, with 0, as the spec will use it. */
static ssmq_range whole_range(const ssmq_range *ends, const ssmq_qspec *spec)
{
    const float low = ends->low < 0 ? ends->low : 0, high = ends->high > 0 ? ends->high : 0;
    const float most = fmaxf(-low, high);
    return spec->symmetric ? (ssmq_range){-most, most} : (ssmq_range){low, high};
}

/* ---- the error of a clip range --------------------------------------------------------- */

typedef struct quantiser {
    const ssmq_qspec *spec;
    float             scale;
    int32_t           zero;
} quantiser;

/* Scale 0: half precision has none so small. */
static quantiser quantiser_of(const ssmq_range *clip, const ssmq_qspec *spec)
{
    const float steps = (float)(ssmq_code_max(spec) - ssmq_code_min(spec));
    quantiser   q = {.spec = spec};
    if (spec->symmetric) {
        q.scale = ssmq_scale(clip->high, ssmq_code_limit(spec), spec);
        return q;
    }
    q.scale = ssmq_scale(clip->high - clip->low, steps, spec);
    if (q.scale > 0) q.zero = (int32_t)rintf((float)ssmq_code_min(spec) - clip->low / q.scale);
    return q;
}

/* No further than up to most: what is more is infinite. */
static double error_of_entries(const search *s, const quantiser *q, double most)
{
    enum { piece = 64 };
    double error = 0;
    for (int64_t i = 0; i < s->n; i += piece) {
        for (int64_t k = i; k < s->n && k < i + piece; k++) {
            const entry *e = &s->entry[k];
            const double code = (double)ssmq_code_value(e->x, q->scale, q->zero, q->spec);
            const double d = (code - q->zero) * (double)q->scale - (double)e->x;
            error += d * d * e->n;
        }
        if (error > most) return INFINITY;
    }
    return error;
}

/* Are codes whole numbers that follow one another, few enough to be gone through? */
static bool is_regular(const ssmq_qspec *spec)
{
    return spec->format == SSMQ_FORMAT_INT && spec->bits <= 12 && !spec->wraps &&
           spec->quotient_dtype == SSMQ_PRECISION_F32;
}

/* A bin as it is looked at: eights first, then single ones. */
static float middle_of(const search *s, int32_t i)
{
    if (i >= s->wide) return ssmq_fine_bin_middle(s->fine + i - s->wide);
    return ssmq_fine_bins_middle(s->first + i * EIGHT, EIGHT);
}

/* Where the bins end whose values are up to k steps from 0, which rounding decides where a middle is this close to the
 * edge: two of float are less. */
#define CLOSE 0x1p-20
static int32_t end_of_steps(const search *s, const quantiser *q, bool negative, int32_t k)
{
    const double  edge = (k + (q->spec->rounding == SSMQ_ROUNDING_TRUNCATE ? 1.0 : 0.5)) * (double)q->scale;
    const int32_t bin = ssmq_fine_bin((float)edge);
    if (bin < s->first) return 0;
    const int32_t i = bin < s->fine ? (bin - s->first) / EIGHT : bin - s->fine + s->wide;
    if (i >= s->bins) return s->bins;
    const float  middle = middle_of(s, i);
    const double past = (double)middle - edge;
    if (fabs(past) > CLOSE * edge) return i + (past < 0);
    const int32_t code = ssmq_code(negative ? -middle : middle, q->scale, q->zero, q->spec);
    return i + (abs(code - q->zero) <= k);
}

/* The sum of n (x - a)^2 over bins. */
static double error_around(const sums *begin, const sums *end, double a)
{
    return end->xx - begin->xx - 2 * a * (end->x - begin->x) + a * a * (end->n - begin->n);
}

/* Of the values of a sign: its outermost code, in steps from 0; where the bins of that begin; how far the others have
 * been looked at. */
typedef struct side {
    int32_t codes, outermost, done;
} side;

static side side_of(const search *s, const quantiser *q, bool negative)
{
    const int32_t codes = negative ? q->zero - ssmq_code_min(q->spec) : ssmq_code_max(q->spec) - q->zero;
    return (side){codes, codes > 0 ? end_of_steps(s, q, negative, codes - 1) : 0, 0};
}

/* What is clipped first, then from 0 outwards, where most values are: soon more than most, if ever.  Each of the up to
 * 2^17 sums is rounded by 2^-53 of all of n * end^2; an error comes out of four of them for each bin at worst, and may
 * be below zero by that. */
static double error_of_bins(const search *s, const quantiser *q, double least)
{
    const double n = s->before[0][s->bins].n + s->before[1][s->bins].n;
    const double end = (double)fmaxf(-s->whole.low, s->whole.high);
    const double most = least + n * end * end * 0x1p-34;
    side         two[2];
    double       error = 0;
    for (int i = 0; i < 2; i++) {
        two[i] = side_of(s, q, i == 1);
        error += error_around(&s->before[i][two[i].outermost], &s->before[i][s->bins], two[i].codes * (double)q->scale);
    }
    for (int32_t k = 0; two[0].done < two[0].outermost || two[1].done < two[1].outermost; k++) {
        if (error > most) return INFINITY;
        for (int i = 0; i < 2; i++) {
            if (two[i].done == two[i].outermost) continue;
            const int32_t begin = two[i].done;
            two[i].done = end_of_steps(s, q, i == 1, k);
            error += error_around(&s->before[i][begin], &s->before[i][two[i].done], k * (double)q->scale);
        }
    }
    return error <= most ? error : INFINITY;
}

/* Infinite where it is certain to be more than least. */
static double error_of(const search *s, const ssmq_range *clip, double least)
{
    const quantiser q = quantiser_of(clip, s->spec);
    if (!(q.scale > 0)) return INFINITY;
    return s->before[0] ? error_of_bins(s, &q, least) : error_of_entries(s, &q, least);
}

/* ---- candidates ------------------------------------------------------------------------ */

static ssmq_range candidate_of(const search *s, int64_t i)
{
    const float f = (float)(s->options->candidates - i) / (float)s->options->candidates;
    return (ssmq_range){s->whole.low * f, s->whole.high * f};
}

/* Every so many of them first, so that one of the better ones is soon known. */
#define STRIDE 8
static int64_t strides_of(const search *s)
{
    return (s->options->candidates + STRIDE - 1) / STRIDE;
}

static void try_candidates(void *context, int64_t begin, int64_t end, int32_t worker)
{
    search *s = context;
    for (int64_t k = begin; k < end; k++) {
        const int64_t i = k % strides_of(s) * STRIDE + k / strides_of(s);
        if (i >= s->options->candidates) continue;
        const ssmq_range clip = candidate_of(s, i);
        s->error[i] = error_of(s, &clip, s->least[worker]);
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

static ssmq_status search_all(search *s)
{
    const ssmq_aid *aid = s->aid;
    s->least = malloc((size_t)(aid->threads + s->options->candidates) * sizeof *s->least);
    if (!s->least) return SSMQ_FAIL(MEMORY, "no memory for the candidates of a clip range");
    s->error = s->least + aid->threads;
    for (int32_t i = 0; i < aid->threads; i++) s->least[i] = INFINITY;
    aid->share(aid->by, STRIDE * strides_of(s), strides_of(s), try_candidates, s);
    return SSMQ_OK;
}

/* ---- values one by one ----------------------------------------------------------------- */

static ssmq_status take_values(search *s)
{
    const int64_t rows = s->rows.dim[0], width = s->rows.dim[1];
    s->entry = malloc((size_t)(rows * width) * sizeof *s->entry);
    if (!s->entry) return SSMQ_FAIL(MEMORY, "no memory for %lld values", (long long)(rows * width));
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++)
            s->entry[s->n++] = (entry){((const float *)s->rows.data)[i * s->rows.stride[0] + j], 1};
    return SSMQ_OK;
}

/* ---- values in bins -------------------------------------------------------------------- */

/* The smallest number that has a code of its own, in steps. */
static double least_code(const ssmq_qspec *spec)
{
    return spec->format == SSMQ_FORMAT_INT ? 1 : spec->format == SSMQ_FORMAT_E4M3 ? 0x1p-9 : 0x1p-16;
}

/* Which bins are looked at.  Of half of the least step a number is 0, in half precision of a third. */
static void choose_bins(search *s)
{
    const ssmq_qspec spec = {.format = s->spec->format, .bits = s->spec->bits, .symmetric = s->spec->symmetric};
    const ssmq_range clip = candidate_of(s, s->options->candidates - 1);
    const float      least = (float)(0.25 * least_code(&spec) * (double)quantiser_of(&clip, &spec).scale);
    const int32_t    end = ssmq_fine_bin(fmaxf(-s->whole.low, s->whole.high)) + 1, fine = end - FINE;
    s->first = ssmq_fine_bin(least) / EIGHT * EIGHT;
    s->fine = fine > s->first ? fine / EIGHT * EIGHT : s->first;
    s->wide = (s->fine - s->first) / EIGHT;
    s->bins = s->wide + end - s->fine;
}

/* Without a branch on the value, which would be guessed wrong often: all bits of what does not hold are 0. */
static void count_row(const search *s, const float *x, int64_t n, uint32_t *count)
{
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        const int32_t bin = (bits & INT32_MAX) >> SSMQ_FINE_SHIFT, alone = bin - s->fine;
        const int32_t eight = alone >> 31, at = ((bin - s->first) / EIGHT & eight) | ((alone + s->wide) & ~eight);
        const int32_t in = ~((bin - s->first) >> 31);
        count[in & (1 + at + (s->bins & bits >> 31))]++;
    }
}

static void count_parts(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const search *s = context;
    const int32_t axis = s->rows.dim[0] < s->parts; /* few rows are cut across */
    (void)worker;
    for (int64_t p = begin; p < end; p++) {
        const int64_t     n = s->rows.dim[axis], first = p * n / s->parts;
        const ssmq_tensor part = ssmq_tensor_slice(&s->rows, axis, first, (p + 1) * n / s->parts - first);
        for (int64_t i = 0; i < part.dim[0]; i++)
            count_row(s, (const float *)part.data + i * part.stride[0], part.dim[1], s->count + p * (1 + 2 * s->bins));
    }
}

static void count_all(search *s)
{
    const ssmq_aid *aid = s->aid;
    const int64_t   each = 1 + 2 * s->bins;
    aid->share(aid->by, s->parts, 1, count_parts, s);
    for (int64_t p = 1; p < s->parts; p++)
        for (int64_t i = 0; i < each; i++) s->count[i] += s->count[p * each + i];
}

/* How many values of a sign are in a bin. */
static uint32_t count_at(const search *s, int32_t i, int32_t sign)
{
    if (s->count) return s->count[1 + sign * s->bins + i];
    const uint32_t *fine = s->aid->bins->count + sign * SSMQ_FINE_SIGN;
    if (i >= s->wide) return fine[s->fine + i - s->wide];
    uint32_t n = 0;
    for (int32_t k = 0; k < EIGHT; k++) n += fine[s->first + i * EIGHT + k];
    return n;
}

/* Of n bins from one on, up to eight, many of which are empty in runs.  Only the sums wait for each other. */
static sums sum_some(const search *s, int32_t from, int32_t n, int32_t sign, sums sum, sums *out)
{
    double   here[EIGHT], x[EIGHT];
    uint32_t any = 0;
    for (int32_t i = 0; i < n; i++) {
        const uint32_t count = count_at(s, from + i, sign);
        any |= count;
        here[i] = count;
        x[i] = (double)middle_of(s, from + i);
    }
    for (int32_t i = 0; i < n; i++) {
        out[i] = sum;
        if (any == 0) continue;
        const double of = here[i] * x[i];
        sum = (sums){sum.n + here[i], sum.x + of, sum.xx + of * x[i]};
    }
    return sum;
}

static void take_sides(void *context, int64_t begin, int64_t end, int32_t worker)
{
    search *s = context;
    (void)worker;
    for (int64_t sign = begin; sign < end; sign++) {
        sums *out = s->before[sign], sum = {0, 0, 0};
        for (int32_t i = 0; i < s->bins; i += EIGHT)
            sum = sum_some(s, i, s->bins - i < EIGHT ? s->bins - i : EIGHT, (int32_t)sign, sum, out + i);
        out[s->bins] = sum;
    }
}

/* Bins that hold values, from the largest magnitude on: what is clipped comes first. */
static ssmq_status take_entries(search *s)
{
    s->entry = malloc((size_t)(2 * s->bins) * sizeof *s->entry);
    if (!s->entry) return SSMQ_FAIL(MEMORY, "no memory for %d bins", (int)(2 * s->bins));
    for (int32_t i = s->bins - 1; i >= 0; i--) {
        const float    x = middle_of(s, i);
        const uint32_t n = count_at(s, i, 0), negative = count_at(s, i, 1);
        if (n > 0) s->entry[s->n++] = (entry){x, n};
        if (negative > 0) s->entry[s->n++] = (entry){-x, negative};
    }
    return SSMQ_OK;
}

static ssmq_status count_bins(search *s)
{
    const ssmq_aid *aid = s->aid;
    const int64_t   worth = 65536; /* values, of a part */
    s->parts = s->rows.dim[0] * s->rows.dim[1] < aid->threads * worth ? 1 : aid->threads;
    s->count = calloc((size_t)(s->parts * (1 + 2 * s->bins)), sizeof *s->count);
    if (!s->count) return SSMQ_FAIL(MEMORY, "no memory for %d bins", (int)(2 * s->bins));
    count_all(s);
    return SSMQ_OK;
}

static ssmq_status take_bins(search *s)
{
    choose_bins(s);
    if (!s->aid->bins) SSMQ_TRY(count_bins(s));
    if (!is_regular(s->spec)) return take_entries(s);
    s->before[0] = malloc((size_t)(2 * (s->bins + 1)) * sizeof *s->before[0]);
    if (!s->before[0]) return SSMQ_FAIL(MEMORY, "no memory for %d bins", (int)(2 * s->bins));
    s->before[1] = s->before[0] + s->bins + 1;
    s->aid->share(s->aid->by, 2, 1, take_sides, s);
    return SSMQ_OK;
}

/* ---- the statistic --------------------------------------------------------------------- */

static void close_search(search *s)
{
    free(s->count);
    free(s->before[0]);
    free(s->entry);
    free(s->least);
}

static ssmq_status mse_aided(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec, const ssmq_aid *aid,
                             ssmq_range *out)
{
    const mse_options *o = options;
    search             s = {.options = o, .spec = spec, .aid = aid, .rows = ssmq_tensor_runs(x)};
    const ssmq_range   ends = aid->ends ? *aid->ends : ends_of(&s.rows);
    const int64_t      n = s.rows.dim[0] * s.rows.dim[1];
    const bool         each = o->estimate == ESTIMATE_EXACT || (n <= FEW && n <= 4 << spec->bits);
    *out = s.whole = whole_range(&ends, spec);
    if (!(out->high > out->low)) return SSMQ_OK; /* all zero */
    ssmq_status st = each ? take_values(&s) : take_bins(&s);
    if (st == SSMQ_OK) st = search_all(&s);
    if (st == SSMQ_OK) *out = best_candidate(&s);
    close_search(&s);
    return st;
}

static ssmq_status mse_range(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec,
                             ssmq_range *out)
{
    const ssmq_aid alone = {.threads = 1, .share = ssmq_share_alone};
    return mse_aided(options, x, spec, &alone, out);
}

static bool mse_bins(const void *options)
{
    return ((const mse_options *)options)->estimate == ESTIMATE_FLOATBITS19;
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
    .bins = mse_bins,
};
