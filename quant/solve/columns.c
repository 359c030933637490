#include "quant/solve/columns.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "quant/select.h"
#include "quant/solve/cholesky.h"

#define ROWS 16 /* of the weight at a time, so that a row of the factor is read once for all of them */

typedef struct work {
    int64_t  n;      /* columns to quantise           */
    int64_t *column; /* [n] in their order            */
    bool    *begins; /* [n] is it the first of its group in that order? */
    double  *factor; /* (n, n)                        */
    double  *open;   /* (ROWS, n): values still to be quantised, in that order */
} work;

/* ---- order and factor ------------------------------------------------------------------ */

typedef struct entry {
    double  size;
    int64_t column;
} entry;

/* The largest first; of equal ones the first column. */
static int compare(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return x->column < y->column ? -1 : 1;
}

static bool is_kept(const ssmq_tensor *keep, int64_t column)
{
    for (int64_t i = 0; keep && i < keep->dim[0]; i++)
        if (((const int32_t *)keep->data)[i] == column) return true;
    return false;
}

static bool begins_group(const ssmq_columns *a, const work *w, int64_t j)
{
    if (a->spec->scope != SSMQ_SCOPE_GROUP) return false;
    for (int64_t i = 0; i < j; i++)
        if (w->column[i] / a->spec->group == w->column[j] / a->spec->group) return false;
    return true;
}

static ssmq_status choose_order(const ssmq_columns *a, work *w)
{
    const int64_t K = a->w->dim[1];
    entry        *e = malloc((size_t)K * sizeof *e);
    w->column = malloc((size_t)K * sizeof *w->column);
    w->begins = malloc((size_t)K * sizeof *w->begins);
    if (!e || !w->column || !w->begins) {
        free(e);
        return SSMQ_FAIL(MEMORY, "no memory for the order of %lld columns", (long long)K);
    }
    for (int64_t i = 0; i < K; i++)
        if (!is_kept(a->keep, i)) e[w->n++] = (entry){a->hessian[i * K + i], i};
    if (a->by_size) qsort(e, (size_t)w->n, sizeof *e, compare);
    for (int64_t i = 0; i < w->n; i++) {
        w->column[i] = e[i].column;
        w->begins[i] = begins_group(a, w, i);
    }
    free(e);
    return SSMQ_OK;
}

/* The Hessian of the columns in their order, damped, to the upper factor of its inverse. */
static ssmq_status make_factor(const ssmq_columns *a, work *w)
{
    const int64_t K = a->w->dim[1], n = w->n;
    double        mean = 0;
    w->factor = malloc((size_t)(n * n) * sizeof *w->factor + 1);
    w->open = malloc((size_t)(ROWS * n) * sizeof *w->open + 1);
    if (!w->factor || !w->open)
        return SSMQ_FAIL(MEMORY, "no memory for a factor of %lld columns", (long long)n);
    for (int64_t i = 0; i < n; i++) {
        mean += a->hessian[w->column[i] * K + w->column[i]] / (double)n;
        for (int64_t j = 0; j < n; j++)
            w->factor[i * n + j] = a->hessian[w->column[i] * K + w->column[j]];
    }
    for (int64_t i = 0; i < n; i++) {
        double *diagonal = &w->factor[i * n + i];
        if (*diagonal == 0) *diagonal = 1; /* silent inputs: no error counts, nor does it spread */
        *diagonal += a->damping * mean;
    }
    return ssmq_inverse_factor(w->factor, n);
}

/* ---- columns --------------------------------------------------------------------------- */

/* The scale, number at, of the group of column[first] in a row, from the values its columns have become. */
static void group_scale(const ssmq_columns *a, const work *w, int64_t at, int64_t first,
                        const double *open, bool *raised)
{
    const int64_t group = w->column[first] / a->spec->group;
    ssmq_range    r = {0};
    for (int64_t j = first; j < w->n; j++) {
        if (w->column[j] / a->spec->group != group) continue;
        r.low = fminf(r.low, (float)open[j]);
        r.high = fmaxf(r.high, (float)open[j]);
    }
    if (fmaxf(-r.low, r.high) < SSMQ_AMAX_MIN) {
        r = (ssmq_range){-SSMQ_AMAX_MIN, SSMQ_AMAX_MIN};
        *raised = true;
    }
    if (a->spec->symmetric) r.high = fmaxf(-r.low, r.high);
    int32_t zero;
    ((float *)a->params->scale.data)[at] = ssmq_scale_of_range(&r, a->spec, &zero);
    if (a->params->zero.data) ((int32_t *)a->params->zero.data)[at] = zero;
}

/* Index of the scale of a row and column. */
static int64_t scale_at(const ssmq_columns *a, int64_t row, int64_t column)
{
    if (a->spec->scope == SSMQ_SCOPE_TENSOR) return 0;
    if (a->spec->scope == SSMQ_SCOPE_CHANNEL) return row;
    return row * a->params->scale.dim[1] + column / a->spec->group;
}

/* The code of one value; what it leaves goes, weighed by the factor's row, to the values behind it. */
static int8_t settle(const ssmq_columns *a, const work *w, int64_t at, int64_t j, double *open)
{
    const double *factor = w->factor + j * w->n;
    const float   scale = ((const float *)a->params->scale.data)[at];
    const int32_t zero = a->params->zero.data ? ((const int32_t *)a->params->zero.data)[at] : 0;
    const int32_t code = ssmq_code((float)open[j], scale, zero, a->spec);
    const double  error = (open[j] - (double)(((float)code - (float)zero) * scale)) / factor[j];
    for (int64_t k = j + 1; k < w->n; k++) open[k] -= error * factor[k];
    return (int8_t)code;
}

/* Rows first .. first + rows - 1. */
static void solve_rows(const ssmq_columns *a, const work *w, int64_t first, int64_t rows, int8_t *codes,
                       bool *raised)
{
    const int64_t K = a->w->dim[1], n = w->n;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < n; j++)
            w->open[r * n + j] =
                (double)((const float *)a->w->data)[(first + r) * a->w->stride[0] + w->column[j]];
    for (int64_t j = 0; j < n; j++) {
        const int64_t column = w->column[j];
        for (int64_t r = 0; r < rows; r++) {
            const int64_t row = first + r, at = scale_at(a, row, column);
            if (w->begins[j]) group_scale(a, w, at, j, w->open + r * n, raised);
            codes[row * K + column] = settle(a, w, at, j, w->open + r * n);
        }
    }
}

/* Groups of kept columns alone need a scale like any other; it is never used. */
static void fill_scales(const ssmq_columns *a)
{
    if (a->spec->scope != SSMQ_SCOPE_GROUP) return;
    float *scale = a->params->scale.data;
    for (int64_t i = 0; i < ssmq_tensor_count(&a->params->scale); i++) scale[i] = 1;
}

ssmq_status ssmq_columns_solve(const ssmq_columns *a, int8_t *codes, bool *raised)
{
    const int64_t N = a->w->dim[0], K = a->w->dim[1];
    work          w = {0};
    ssmq_status   st = SSMQ_OK;
    memset(codes, 0, (size_t)(N * K));
    fill_scales(a);
    SSMQ_TRY_DONE(st, choose_order(a, &w));
    SSMQ_TRY_DONE(st, make_factor(a, &w));
    for (int64_t i = 0; i < N; i += ROWS)
        solve_rows(a, &w, i, N - i < ROWS ? N - i : ROWS, codes, raised);
done:
    free(w.column);
    free(w.begins);
    free(w.factor);
    free(w.open);
    return st;
}
