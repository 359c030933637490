/* states: numbers of the recurrent state by layer and index, or, of one layer, by channel and index. */
#include <math.h>
#include <string.h>
#include "analysis/quantity.h"
#include "analysis/rebin.h"

#define SETTING "collect: {sites: [layers.*.scan.state], statistics: {states: true}}"
#define PICTURE_POINTS 128

static const char *const of_index[] = {"absmax", "min", "max", "mean", "var", "kurtosis", "std", "rms", NULL};
static const char *const of_channel[] = {"absmax", "mean", "var", "std", "rms", NULL};

/* What is shown: of a layer its channels side by side, else layers. */
typedef struct states_view {
    const char *group, *columns; /* "state", "layer"; "channel_state", "channel" */
    const char *quantity;
} states_view;

typedef struct states_table {
    double *value;  /* [n, n_state] */
    double *number; /* [n] of the layer, or first channel of a pool */
    int64_t n, n_state;
    double  each; /* channels of a pool; 1 */
} states_table;

static ssmq_status view_of(const ssmq_figure_request *rq, const ssmq_figure_subject *subject,
                           states_view *out)
{
    const bool         channels = subject->layer >= 0;
    const char *const *known = channels ? of_channel : of_index;
    *out = (states_view){channels ? "channel_state" : "state", channels ? "channel" : "layer",
                         rq->o->quantity ? rq->o->quantity : "absmax"};
    for (int i = 0; known[i]; i++)
        if (strcmp(known[i], out->quantity) == 0) return SSMQ_OK;
    return SSMQ_FAIL(USAGE, "unknown quantity '%s' of states%s; there are %s", out->quantity,
                     channels ? " by channel" : "", ssmq_option_words(rq->arena, known));
}

/* ---- reading ---------------------------------------------------------------------------- */

/* A dataset [layer, state], or of a layer [layer, channel, state]. */
static ssmq_status read_dataset(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                                const ssmq_figure_subject *subject, const states_view *view, const char *name,
                                states_table *out)
{
    const ssmq_figure_need need = {"statistics of states",
                                   ssmq_arena_printf(rq->arena, "%s/%s", view->group, name), SETTING};
    const bool             channels = subject->layer >= 0;
    const char            *path;
    ssmq_extent            extent;
    int64_t                at;
    int32_t                layer;
    SSMQ_TRY(ssmq_figure_dataset(run, subject->site, &need, rq->arena, &path));
    SSMQ_TRY(ssmq_figure_check_axes(run, path, channels ? 3 : 2, (const int64_t[]){-1, -1, -1}));
    SSMQ_TRY(ssmq_sealed_extent(run->results, path, &extent));
    *out =
        (states_table){.n = extent.dim[channels ? 1 : 0], .n_state = extent.dim[channels ? 2 : 1], .each = 1};
    if (!channels) {
        out->value = SSMQ_ARENA_ARRAY(rq->arena, double, out->n * out->n_state);
        SSMQ_TRY(ssmq_figure_layers(run, path, rq->arena, &out->number, &out->n));
        return ssmq_sealed_block(run->results, path, (const int64_t[]){0, 0}, extent.dim, out->value);
    }
    out->number = SSMQ_ARENA_ARRAY(rq->arena, double, out->n);
    for (int64_t c = 0; c < out->n; c++) out->number[c] = (double)c;
    SSMQ_TRY(ssmq_figure_layer_index(run, path, subject->layer, rq->arena, &at, &layer));
    int64_t all;
    return ssmq_figure_slice(run, path, at, rq->arena, &out->value, &all);
}

/* std and rms come of the variance and the mean. */
static ssmq_status read_table(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                              const ssmq_figure_subject *subject, const states_view *view, states_table *out)
{
    const bool   std = strcmp(view->quantity, "std") == 0, rms = strcmp(view->quantity, "rms") == 0;
    states_table mean;
    SSMQ_TRY(read_dataset(rq, run, subject, view, std || rms ? "var" : view->quantity, out));
    if (rms) {
        SSMQ_TRY(read_dataset(rq, run, subject, view, "mean", &mean));
        for (int64_t i = 0; i < out->n * out->n_state; i++) out->value[i] += mean.value[i] * mean.value[i];
    }
    for (int64_t i = 0; (std || rms) && i < out->n * out->n_state; i++) out->value[i] = sqrt(out->value[i]);
    return SSMQ_OK;
}

/* Neighbouring channels pooled by the number of the largest magnitude. */
static void pool(const ssmq_figure_request *rq, states_table *t)
{
    const int64_t limit = rq->o->points >= 0 ? rq->o->points : rq->picture ? PICTURE_POINTS : 0;
    const int64_t n = limit && limit < t->n ? limit : t->n, N = t->n_state;
    for (int64_t i = 0; i < n; i++) {
        const int64_t begin = ssmq_pool_begin(i, n, t->n), end = ssmq_pool_begin(i + 1, n, t->n);
        t->number[i] = t->number[begin];
        for (int64_t k = 0; k < N; k++) {
            double most = t->value[begin * N + k];
            for (int64_t c = begin; c < end; c++)
                if (!(fabs(t->value[c * N + k]) <= fabs(most))) most = t->value[c * N + k];
            t->value[i * N + k] = most;
        }
    }
    t->each = (double)t->n / (double)n;
    t->n = n;
}

/* ---- the table -------------------------------------------------------------------------- */

typedef struct states_span {
    double  least, most; /* finite values */
    double  first, last; /* of the columns */
    double  each;        /* layers or channels of one */
    int64_t n_state;
} states_span;

static ssmq_status add_rows(const ssmq_figure_run *run, const ssmq_figure_subject *subject,
                            const states_table *t, states_span *span, ssmq_figure *f)
{
    const bool channels = subject->layer >= 0;
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, t->n * t->n_state));
    for (int64_t i = 0; i < t->n * t->n_state; i++) {
        const double number = t->number[i / t->n_state], value = t->value[i];
        ssmq_cell   *cell = ssmq_figure_run_row(f, run);
        *cell++ = SSMQ_TEXT_CELL(subject->site);
        *cell++ = SSMQ_NUMBER_CELL(channels ? subject->layer : number);
        if (channels) *cell++ = SSMQ_NUMBER_CELL(number);
        *cell++ = SSMQ_NUMBER_CELL(i % t->n_state);
        *cell = SSMQ_NUMBER_CELL(value);
        span->first = fmin(span->first, number);
        span->last = fmax(span->last, number);
        if (!isfinite(value)) continue;
        span->least = fmin(span->least, value);
        span->most = fmax(span->most, value);
    }
    span->each = fmax(span->each, t->each);
    span->n_state = t->n_state > span->n_state ? t->n_state : span->n_state;
    return SSMQ_OK;
}

static ssmq_status add_runs(const ssmq_figure_request *rq, const ssmq_figure_subject *subject,
                            const states_view *view, states_span *span, ssmq_figure *f)
{
    for (int32_t i = 0; i < rq->n_run; i++) {
        states_table t;
        SSMQ_TRY(read_table(rq, &rq->run[i], subject, view, &t));
        if (subject->layer >= 0) pool(rq, &t);
        SSMQ_TRY(add_rows(&rq->run[i], subject, &t, span, f));
    }
    return SSMQ_OK;
}

/* Names of the rows, some of many. */
static void set_rows(const ssmq_figure_request *rq, int64_t n, ssmq_figure *f)
{
    const char  **name = SSMQ_ARENA_ARRAY(rq->arena, const char *, n);
    const int64_t step = (n + 15) / 16;
    for (int64_t i = 0; i < n; i++) name[i] = i % step ? "" : ssmq_arena_printf(rq->arena, "%d", (int)i);
    ssmq_figure_set_real(f, "n_site", (double)n);
    ssmq_figure_set_texts(f, "site_name", name, (int32_t)n);
}

static ssmq_status set_script(const ssmq_figure_request *rq, const states_view *view, const states_span *span,
                              ssmq_figure *f)
{
    const bool log = rq->o->log >= 0 && (rq->o->log & SSMQ_LOG_AXIS_Y);
    if (log && !(span->least > 0))
        return SSMQ_FAIL(USAGE, "option '--log' is 'y', and %s is %g somewhere", view->quantity, span->least);
    set_rows(rq, span->n_state, f);
    ssmq_figure_set_text(f, "quantity", view->quantity);
    ssmq_figure_set_text(f, "name", ssmq_quantity_label(view->quantity));
    ssmq_figure_set_text(f, "x_column", view->columns);
    ssmq_figure_set_text(f, "y_column", "state");
    ssmq_figure_set_text(f, "y_name", "state index");
    ssmq_figure_set_real(f, "x_step", span->each);
    ssmq_figure_set_real(f, "log_z", log);
    ssmq_figure_set_real(f, "least", span->least);
    ssmq_figure_set_real(f, "most", span->most);
    ssmq_figure_set_real(f, "layer_first", span->first);
    ssmq_figure_set_real(f, "layer_last", span->last);
    f->script = "heat";
    f->height_cm = 1.6 + (1.0 + 0.2 * (double)(span->n_state < 32 ? span->n_state : 32)) * rq->n_run;
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const ssmq_figure_need need = {"statistics of states", "state/absmax", SETTING};
    ssmq_figure_subject           subject;
    states_view                   view;
    states_span                   span = {INFINITY, -INFINITY, INFINITY, -INFINITY, 0, 0};
    SSMQ_TRY(ssmq_figure_subject_of(rq, &need, &subject));
    SSMQ_TRY(view_of(rq, &subject, &view));
    ssmq_figure_add_column(f, "site", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "layer", SSMQ_COLUMN_INT);
    if (subject.layer >= 0) ssmq_figure_add_column(f, "channel", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "state", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, ssmq_arena_strdup(rq->arena, view.quantity), SSMQ_COLUMN_REAL);
    SSMQ_TRY(add_runs(rq, &subject, &view, &span, f));
    ssmq_figure_title(rq, f, subject.site, subject.layer);
    return set_script(rq, &view, &span, f);
}

const ssmq_figure_kind ssmq_figure_kind_states = {
    .name = "states",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LAYER | SSMQ_TAKES_LOG | SSMQ_TAKES_QUANTITY | SSMQ_TAKES_POINTS,
    .build = build,
};
