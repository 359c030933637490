/* A pass out of its file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/calibrate/replay.h"
#include "harness/run/calibrate/replay_channels.h"
#include "harness/store/read.h"
#include "harness/store/summed.h"

/* What the arrays of the file stand along. */
typedef struct axes {
    int32_t      *site; /* [n_site] indices into the pass's sites */
    int32_t       n_site, n_level;
    int64_t       n_sample;
    const double *level;
} axes;

static ssmq_status damaged(const char *path, const char *what)
{
    return SSMQ_FAIL(DAMAGED, "%s: %s", path, what);
}

/* A file being read.  Its bytes are as they were written, so what is missing was not written. */
typedef struct input {
    const char *path;
    ssmq_pass  *p;
    ssmq_arena *arena;
    axes        l;
    int         n_combined;
} input;

static ssmq_status read_head(input *in)
{
    const char *kind, *pass, *parts;
    int         sites;
    SSMQ_TRY(ssmq_store_read_text(in->path, "/", "kind", in->arena, &kind));
    SSMQ_TRY(ssmq_store_read_text(in->path, "/", "pass", in->arena, &pass));
    SSMQ_TRY(ssmq_store_read_text(in->path, "/", "parts", in->arena, &parts));
    if (strcmp(kind, SSMQ_PASS_KIND) != 0) return damaged(in->path, "has the layout of another version");
    if (strcmp(pass, in->p->digest) != 0 || sscanf(parts, "%d %d", &sites, &in->n_combined) != 2)
        return damaged(in->path, "is the file of another pass");
    in->l.n_site = sites;
    return SSMQ_OK;
}

static ssmq_status read_axes(input *in)
{
    const char *const *name, *const *digest;
    int64_t            n;
    SSMQ_TRY(ssmq_store_read_texts(in->path, "/axis/sample", in->arena, &digest, &in->l.n_sample));
    for (int64_t i = 0; i < in->l.n_sample; i++) {
        if (strlen(digest[i]) != SSMQ_SHA256_HEX - 1) return damaged(in->path, "names a sample by no SHA-256");
        ssmq_pass_sample_of(in->p, digest[i]);
    }
    if (in->l.n_site == 0) return SSMQ_OK;
    SSMQ_TRY(ssmq_store_read_texts(in->path, "/axis/site", in->arena, &name, &n));
    if (n != in->l.n_site) return damaged(in->path, "has another number of sites than it says");
    in->l.site = SSMQ_ARENA_ARRAY(in->arena, int32_t, n);
    for (int32_t i = 0; i < n; i++) {
        int32_t at = 0;
        while (at < in->p->n_site && strcmp(in->p->site[at].name, name[i]) != 0) at++;
        if (at == in->p->n_site) return damaged(in->path, "names a site that the model has not");
        in->l.site[i] = at;
    }
    SSMQ_TRY(ssmq_store_read_f64(in->path, "/axis/quantile", in->arena, &in->l.level, &n));
    in->l.n_level = (int32_t)n;
    ssmq_pass_levels(in->p, in->l.level, in->l.n_level);
    return SSMQ_OK;
}

/* An array over sites, samples and, where depth > 0, something else; NULL data where it was not written. */
static ssmq_status read_cube(const input *in, const char *dataset, int64_t depth, bool required,
                             const double **out)
{
    ssmq_store_array a;
    *out = NULL;
    const ssmq_status st = ssmq_store_read_array(in->path, dataset, in->arena, &a);
    if (st != SSMQ_OK && !required) {
        ssmq_error_clear();
        return SSMQ_OK;
    }
    SSMQ_TRY(st);
    if (a.rank != (depth ? 3 : 2) || a.dim[0] != in->l.n_site || a.dim[1] != in->l.n_sample ||
        (depth && a.dim[2] != depth))
        return damaged(in->path, "has an array of another shape than its axes");
    *out = a.data;
    return SSMQ_OK;
}

/* What the records of a file are made of; NULL where it has none of it. */
typedef struct cubes {
    const double *low, *high, *magnitude, *value_low, *value_high, *edge, *values, *tail_length;
} cubes;

/* The record of one site and sample, at element i of arrays without levels. */
static ssmq_status make_record(const input *in, const cubes *c, int64_t i, ssmq_kept **out)
{
    const int32_t n = in->l.n_level;
    double       *level = SSMQ_ARENA_ARRAY(in->p->arena, double, n);
    int32_t      *at = SSMQ_ARENA_ARRAY(in->arena, int32_t, n);
    ssmq_wanted   w = {.level = level,
                       .histogram = c->edge && !isnan(c->edge[4 * i]),
                       .tail = c->tail_length && c->tail_length[i] > 0};
    for (int32_t q = 0; q < n; q++) {
        if (isnan(c->magnitude[i * n + q])) continue;
        at[w.n_level] = q;
        level[w.n_level++] = in->l.level[q];
    }
    w.values = c->value_low && w.n_level > 0 && !isnan(c->value_low[i * n + at[0]]);
    SSMQ_TRY(ssmq_kept_new(&w, (int64_t)c->values[i], 0, out));
    ssmq_kept *k = *out;
    k->facts.low = (float)c->low[i];
    k->facts.high = (float)c->high[i];
    for (int32_t q = 0; q < w.n_level; q++) {
        k->magnitude[q] = (float)c->magnitude[i * n + at[q]];
        if (w.values)
            k->value[q] = (ssmq_range){(float)c->value_low[i * n + at[q]], (float)c->value_high[i * n + at[q]]};
    }
    for (int e = 0; w.histogram && e < 4; e++) k->edge[e] = (float)c->edge[4 * i + e];
    return SSMQ_OK;
}

static ssmq_status read_records(const input *in)
{
    const axes *l = &in->l;
    cubes         c;
    if (l->n_site == 0) return SSMQ_OK;
    SSMQ_TRY(read_cube(in, "/record/min", 0, true, &c.low));
    SSMQ_TRY(read_cube(in, "/record/max", 0, true, &c.high));
    SSMQ_TRY(read_cube(in, "/record/abs_quantile", l->n_level, true, &c.magnitude));
    SSMQ_TRY(read_cube(in, "/record/low_quantile", l->n_level, false, &c.value_low));
    SSMQ_TRY(read_cube(in, "/record/high_quantile", l->n_level, c.value_low != NULL, &c.value_high));
    SSMQ_TRY(read_cube(in, "/record/end", 4, false, &c.edge));
    SSMQ_TRY(read_cube(in, "/record/values", 0, true, &c.values));
    SSMQ_TRY(read_cube(in, "/record/tail_length", 0, false, &c.tail_length));
    for (int32_t i = 0; i < l->n_site; i++)
        for (int64_t k = 0; k < l->n_sample; k++) {
            const int64_t at = i * l->n_sample + k;
            ssmq_kept    *record;
            if (isnan(c.low[at])) continue;
            SSMQ_TRY(make_record(in, &c, at, &record));
            ssmq_pass_record(in->p, in->p->sample[k], l->site[i], record);
        }
    return SSMQ_OK;
}

/* The bins of the histograms, which stand record by record. */
static ssmq_status read_histograms(const input *in)
{
    static const char *const names[] = {"/histogram/site_index", "/histogram/sample_index", "/histogram/bin",
                                        "/histogram/count"};
    const double *column[4];
    int64_t       n[4], end;
    if (ssmq_store_read_f64(in->path, names[0], in->arena, &column[0], &n[0]) != SSMQ_OK) {
        ssmq_error_clear();
        return SSMQ_OK;
    }
    for (int i = 1; i < 4; i++) {
        SSMQ_TRY(ssmq_store_read_f64(in->path, names[i], in->arena, &column[i], &n[i]));
        if (n[i] != n[0]) return damaged(in->path, "has columns of a histogram that differ in length");
    }
    for (int64_t begin = 0; begin < n[0]; begin = end) {
        const double site = column[0][begin], sample = column[1][begin];
        if (!(site >= 0 && site < in->l.n_site && sample >= 0 && sample < (double)in->l.n_sample))
            return damaged(in->path, "has a histogram of no record");
        ssmq_kept *k = in->p->sample[(int64_t)sample]->at[in->l.site[(int32_t)site]];
        for (end = begin; end < n[0] && column[0][end] == site && column[1][end] == sample;) end++;
        if (!k || !k->histogram || k->n_bin > 0) return damaged(in->path, "has a histogram of no record");
        SSMQ_TRY(ssmq_kept_bins(k, (int32_t)(end - begin)));
        for (int64_t i = begin; i < end; i++) {
            k->bin[i - begin] = (uint16_t)column[2][i];
            k->count[i - begin] = (uint64_t)column[3][i];
        }
    }
    return SSMQ_OK;
}

/* One end of all tails, which stand record by record. */
static ssmq_status read_tails(const input *in, ssmq_tail_end end, const char *dataset)
{
    const double *value;
    int64_t       n, at = 0;
    if (ssmq_store_read_f64(in->path, dataset, in->arena, &value, &n) != SSMQ_OK) {
        ssmq_error_clear();
        return SSMQ_OK;
    }
    for (int32_t i = 0; i < in->l.n_site; i++)
        for (int64_t k = 0; k < in->l.n_sample; k++) {
            const ssmq_kept *r = in->p->sample[k]->at[in->l.site[i]];
            const int32_t    length = r ? r->facts.tail.length : 0;
            if (at + length > n) return damaged(in->path, "has fewer of the outermost values than it says");
            for (int32_t t = 0; r && r->tail[end] && t < length; t++) r->tail[end][t] = (float)value[at + t];
            at += length;
        }
    return SSMQ_OK;
}

static ssmq_status read_answers(const input *in)
{
    const char *const *question;
    ssmq_store_array   low, high;
    int64_t            n;
    if (ssmq_store_read_texts(in->path, "/axis/question", in->arena, &question, &n) != SSMQ_OK) {
        ssmq_error_clear();
        return SSMQ_OK;
    }
    SSMQ_TRY(ssmq_store_read_array(in->path, "/range/low", in->arena, &low));
    SSMQ_TRY(ssmq_store_read_array(in->path, "/range/high", in->arena, &high));
    if (low.n != n * in->l.n_sample || high.n != low.n)
        return damaged(in->path, "has ranges of another number than questions and samples");
    for (int32_t q = 0; q < n; q++) {
        const int32_t at = ssmq_pass_question(in->p, question[q], 1);
        for (int64_t i = 0; i < in->l.n_sample; i++) {
            const int64_t k = q * in->l.n_sample + i;
            ssmq_range   *out;
            if (isnan(low.data[k])) continue;
            SSMQ_TRY(ssmq_pass_answer(in->p, in->p->sample[i], at, &out));
            *out = (ssmq_range){(float)low.data[k], (float)high.data[k]};
        }
    }
    return SSMQ_OK;
}

static ssmq_status read_combined(const input *in, int32_t number)
{
    const char   *group = ssmq_arena_printf(in->arena, "/combined/%d", (int)number);
    const char   *question, *samples, *raised;
    const double *low, *high;
    int64_t       n[2];
    SSMQ_TRY(ssmq_store_read_text(in->path, group, "question", in->arena, &question));
    SSMQ_TRY(ssmq_store_read_text(in->path, group, "samples", in->arena, &samples));
    SSMQ_TRY(ssmq_store_read_text(in->path, group, "raised", in->arena, &raised));
    SSMQ_TRY(ssmq_store_read_f64(in->path, ssmq_arena_printf(in->arena, "%s/low", group), in->arena, &low, &n[0]));
    SSMQ_TRY(ssmq_store_read_f64(in->path, ssmq_arena_printf(in->arena, "%s/high", group), in->arena, &high, &n[1]));
    if (n[0] != n[1] || strlen(samples) != SSMQ_SHA256_HEX - 1) return damaged(in->path, "has ranges of no channels");
    ssmq_range *range = SSMQ_ARENA_ARRAY(in->arena, ssmq_range, n[0]);
    for (int64_t i = 0; i < n[0]; i++) range[i] = (ssmq_range){(float)low[i], (float)high[i]};
    ssmq_pass_combine(in->p, question, samples, n[0], range, strcmp(raised, "yes") == 0);
    return SSMQ_OK;
}

ssmq_status ssmq_pass_read(const char *path, ssmq_pass *p)
{
    input       in = {.path = path, .p = p, .arena = ssmq_arena_new()};
    ssmq_status st = SSMQ_OK;
    SSMQ_TRY_DONE(st, ssmq_summed_check(path));
    SSMQ_TRY_DONE(st, read_head(&in));
    SSMQ_TRY_DONE(st, read_axes(&in));
    SSMQ_TRY_DONE(st, read_records(&in));
    SSMQ_TRY_DONE(st, read_histograms(&in));
    SSMQ_TRY_DONE(st, read_tails(&in, SSMQ_TAIL_MAGNITUDE, "/tail/magnitude"));
    SSMQ_TRY_DONE(st, read_tails(&in, SSMQ_TAIL_HIGH, "/tail/high"));
    SSMQ_TRY_DONE(st, read_tails(&in, SSMQ_TAIL_LOW, "/tail/low"));
    SSMQ_TRY_DONE(st, read_answers(&in));
    SSMQ_TRY_DONE(st, ssmq_pass_read_channels(path, p));
    for (int32_t i = 0; i < in.n_combined; i++) SSMQ_TRY_DONE(st, read_combined(&in, i));
done:
    ssmq_arena_free(in.arena);
    return st;
}
