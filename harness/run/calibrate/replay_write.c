/* A pass to its file: arrays over sites, samples and quantiles, NaN where nothing is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/run/calibrate/replay.h"
#include "harness/run/calibrate/replay_channels.h"
#include "harness/store/own_name.h"
#include "harness/store/store.h"
#include "harness/store/summed.h"

/* ---- arrays ---------------------------------------------------------------------------- */

/* Records side by side: the sites that have any, all samples, all quantiles of any record. */
typedef struct layout {
    int32_t      *site; /* [n_site] indices into the pass's sites */
    int32_t       n_site, n_level;
    int64_t       n_sample;
    const double *level;
} layout;

static const ssmq_kept *record_at(const ssmq_pass *p, const layout *l, int32_t site, int64_t sample)
{
    return p->sample[sample]->at[l->site[site]];
}

static layout layout_of(const ssmq_pass *p, ssmq_arena *arena)
{
    layout l = {.site = SSMQ_ARENA_ARRAY(arena, int32_t, p->n_site),
                .n_level = p->n_level,
                .n_sample = p->n_sample,
                .level = p->level};
    for (int32_t i = 0; i < p->n_site; i++) {
        bool any = false;
        for (int64_t k = 0; k < p->n_sample; k++) any |= p->sample[k]->at[i] != NULL;
        if (any) l.site[l.n_site++] = i;
    }
    return l;
}

/* What of a record an array holds; level -1 where it has no such axis. */
typedef float (*part_of)(const ssmq_kept *k, int32_t level);

static float part_low(const ssmq_kept *k, int32_t i)
{
    (void)i;
    return k->facts.low;
}

static float part_high(const ssmq_kept *k, int32_t i)
{
    (void)i;
    return k->facts.high;
}

static float part_magnitude(const ssmq_kept *k, int32_t i)
{
    return k->magnitude[i];
}

static float part_value_low(const ssmq_kept *k, int32_t i)
{
    return k->value ? k->value[i].low : NAN;
}

static float part_value_high(const ssmq_kept *k, int32_t i)
{
    return k->value ? k->value[i].high : NAN;
}

/* The values of one record along the levels of the layout. */
static void put_levels(const ssmq_kept *k, const layout *l, part_of part, float *out)
{
    int32_t at = 0;
    for (int32_t i = 0; i < l->n_level; i++) {
        while (at < k->facts.n_level && k->facts.level[at] < l->level[i]) at++;
        if (at < k->facts.n_level && k->facts.level[at] == l->level[i]) out[i] = part(k, at);
    }
}

static ssmq_status write_records(ssmq_store *s, const ssmq_pass *p, const layout *l, const char *path,
                                 part_of part, bool levels, const char *long_name, ssmq_arena *arena)
{
    const int64_t deep = levels ? l->n_level : 1, n = l->n_site * l->n_sample * deep;
    float        *value = SSMQ_ARENA_ARRAY(arena, float, n);
    bool          any = false;
    for (int64_t i = 0; i < n; i++) value[i] = NAN;
    for (int32_t i = 0; i < l->n_site; i++)
        for (int64_t k = 0; k < l->n_sample; k++) {
            const ssmq_kept *r = record_at(p, l, i, k);
            float           *out = value + (i * l->n_sample + k) * deep;
            if (r && levels) put_levels(r, l, part, out);
            else if (r) *out = part(r, -1);
        }
    for (int64_t i = 0; i < n; i++) any |= !isnan(value[i]);
    if (!any) return SSMQ_OK;
    const char *const axis[] = {"/axis/site", "/axis/sample", "/axis/quantile"};
    const ssmq_tensor deep3 = SSMQ_TENSOR(value, SSMQ_F32, l->n_site, l->n_sample, l->n_level);
    const ssmq_tensor flat = SSMQ_TENSOR(value, SSMQ_F32, l->n_site, l->n_sample);
    return ssmq_store_tensor(s, path, levels ? &deep3 : &flat, axis, "", long_name);
}

/* ---- writing --------------------------------------------------------------------------- */

static ssmq_status write_axes(ssmq_store *s, const ssmq_pass *p, const layout *l, ssmq_arena *arena)
{
    const char **site = SSMQ_ARENA_ARRAY(arena, const char *, l->n_site + 1);
    const char **sample = SSMQ_ARENA_ARRAY(arena, const char *, l->n_sample + 1);
    for (int32_t i = 0; i < l->n_site; i++) site[i] = p->site[l->site[i]].name;
    for (int64_t i = 0; i < l->n_sample; i++) sample[i] = p->sample[i]->digest;
    SSMQ_TRY(ssmq_store_scale_text(s, "/axis/sample", sample, l->n_sample,
                                   "SHA-256 of the tokens of a sample, int32 little-endian"));
    if (l->n_site == 0) return SSMQ_OK;
    SSMQ_TRY(ssmq_store_scale_text(s, "/axis/site", site, l->n_site, "site"));
    const ssmq_tensor level = SSMQ_TENSOR((void *)(uintptr_t)l->level, SSMQ_F64, l->n_level);
    return ssmq_store_scale(s, "/axis/quantile", &level, "percent", "quantile");
}

/* One column of the histograms, which are one list of bins: site, sample, bin, count. */
typedef double (*column_of)(int32_t site, int64_t sample, const ssmq_kept *k, int32_t bin);

static double column_site(int32_t site, int64_t sample, const ssmq_kept *k, int32_t bin)
{
    (void)sample, (void)k, (void)bin;
    return site;
}

static double column_sample(int32_t site, int64_t sample, const ssmq_kept *k, int32_t bin)
{
    (void)site, (void)k, (void)bin;
    return (double)sample;
}

static double column_bin(int32_t site, int64_t sample, const ssmq_kept *k, int32_t bin)
{
    (void)site, (void)sample;
    return k->bin[bin];
}

static double column_count(int32_t site, int64_t sample, const ssmq_kept *k, int32_t bin)
{
    (void)site, (void)sample;
    return (double)k->count[bin];
}

static ssmq_status write_column(ssmq_store *s, const ssmq_pass *p, const layout *l, const char *path,
                                column_of column, int64_t n, const char *long_name, ssmq_arena *arena)
{
    uint64_t *value = SSMQ_ARENA_ARRAY(arena, uint64_t, n);
    int64_t   at = 0;
    for (int32_t i = 0; i < l->n_site; i++)
        for (int64_t k = 0; k < l->n_sample; k++) {
            const ssmq_kept *r = record_at(p, l, i, k);
            for (int32_t b = 0; r && b < r->n_bin; b++) value[at++] = (uint64_t)column(i, k, r, b);
        }
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_U64, n);
    const char *const axis[] = {"/axis/entry"};
    return ssmq_store_tensor(s, path, &t, axis, "", long_name);
}

static ssmq_status write_edges(ssmq_store *s, const ssmq_pass *p, const layout *l, ssmq_arena *arena)
{
    float *value = SSMQ_ARENA_ARRAY(arena, float, 4 * l->n_site * l->n_sample);
    for (int32_t i = 0; i < l->n_site; i++)
        for (int64_t k = 0; k < l->n_sample; k++) {
            const ssmq_kept *r = record_at(p, l, i, k);
            for (int e = 0; e < 4; e++)
                value[(i * l->n_sample + k) * 4 + e] = r && r->histogram ? r->edge[e] : NAN;
        }
    static const char *const names[] = {"negative low", "negative high", "other low", "other high"};
    SSMQ_TRY(ssmq_store_scale_text(s, "/axis/of_half", names, 4, "end of a half of the values"));
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F32, l->n_site, l->n_sample, 4);
    const char *const axis[] = {"/axis/site", "/axis/sample", "/axis/of_half"};
    return ssmq_store_tensor(s, "/record/end", &t, axis, "", "smallest and largest magnitude of a half");
}

static ssmq_status write_histograms(ssmq_store *s, const ssmq_pass *p, const layout *l, ssmq_arena *arena)
{
    int64_t n = 0;
    for (int32_t i = 0; i < l->n_site; i++)
        for (int64_t k = 0; k < l->n_sample; k++)
            if (record_at(p, l, i, k)) n += record_at(p, l, i, k)->n_bin;
    if (n == 0) return SSMQ_OK;
    int64_t *number = SSMQ_ARENA_ARRAY(arena, int64_t, n);
    for (int64_t i = 0; i < n; i++) number[i] = i;
    const ssmq_tensor t = SSMQ_TENSOR(number, SSMQ_I64, n);
    SSMQ_TRY(ssmq_store_scale(s, "/axis/entry", &t, "", "bin of some histogram, from 0"));
    SSMQ_TRY(write_column(s, p, l, "/histogram/site_index", column_site, n, "index of /axis/site", arena));
    SSMQ_TRY(write_column(s, p, l, "/histogram/sample_index", column_sample, n, "index of /axis/sample", arena));
    SSMQ_TRY(write_column(s, p, l, "/histogram/bin", column_bin, n,
                          "upper 16 of the 32 bits of the values counted", arena));
    SSMQ_TRY(write_column(s, p, l, "/histogram/count", column_count, n, "values", arena));
    return write_edges(s, p, l, arena);
}

/* The outermost values of all records, which differ in number, one record after another. */
static ssmq_status write_tails(ssmq_store *s, const ssmq_pass *p, const layout *l, ssmq_tail_end end, int64_t n,
                               const char *path, const char *long_name, ssmq_arena *arena)
{
    float  *value = SSMQ_ARENA_ARRAY(arena, float, n);
    int64_t at = 0;
    bool    any = false;
    for (int32_t i = 0; i < l->n_site; i++)
        for (int64_t k = 0; k < l->n_sample; k++) {
            const ssmq_kept *r = record_at(p, l, i, k);
            const int32_t    length = r ? r->facts.tail.length : 0;
            for (int32_t t = 0; t < length; t++) value[at++] = r->tail[end] ? r->tail[end][t] : NAN;
            any |= length > 0 && r->tail[end];
        }
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F32, n);
    const char *const axis[] = {"/axis/of_tail"};
    return any ? ssmq_store_tensor(s, path, &t, axis, "", long_name) : SSMQ_OK;
}

static ssmq_status write_all_tails(ssmq_store *s, const ssmq_pass *p, const layout *l, ssmq_arena *arena)
{
    int64_t *length = SSMQ_ARENA_ARRAY(arena, int64_t, l->n_site * l->n_sample), n = 0;
    int64_t *values = SSMQ_ARENA_ARRAY(arena, int64_t, l->n_site * l->n_sample);
    for (int32_t i = 0; i < l->n_site; i++)
        for (int64_t k = 0; k < l->n_sample; k++) {
            const ssmq_kept *r = record_at(p, l, i, k);
            if (!r) continue;
            values[i * l->n_sample + k] = r->facts.tail.n;
            n += length[i * l->n_sample + k] = r->facts.tail.length;
        }
    const char *const axis[] = {"/axis/site", "/axis/sample"};
    const ssmq_tensor of_values = SSMQ_TENSOR(values, SSMQ_I64, l->n_site, l->n_sample);
    const ssmq_tensor of_length = SSMQ_TENSOR(length, SSMQ_I64, l->n_site, l->n_sample);
    SSMQ_TRY(ssmq_store_tensor(s, "/record/values", &of_values, axis, "", "how many values there were"));
    if (n == 0) return SSMQ_OK;
    int64_t *number = SSMQ_ARENA_ARRAY(arena, int64_t, n);
    for (int64_t i = 0; i < n; i++) number[i] = i;
    const ssmq_tensor of_tail = SSMQ_TENSOR(number, SSMQ_I64, n);
    SSMQ_TRY(ssmq_store_tensor(s, "/record/tail_length", &of_length, axis, "", "how many of the outermost are kept"));
    SSMQ_TRY(ssmq_store_scale(s, "/axis/of_tail", &of_tail, "", "place in the tails, which stand record by record"));
    SSMQ_TRY(write_tails(s, p, l, SSMQ_TAIL_MAGNITUDE, n, "/tail/magnitude", "largest |x|, descending", arena));
    SSMQ_TRY(write_tails(s, p, l, SSMQ_TAIL_HIGH, n, "/tail/high", "largest x, descending", arena));
    return write_tails(s, p, l, SSMQ_TAIL_LOW, n, "/tail/low", "smallest x, ascending", arena);
}

static ssmq_status write_answers(ssmq_store *s, const ssmq_pass *p, const int32_t *question, int32_t n, bool low,
                                 ssmq_arena *arena)
{
    float *value = SSMQ_ARENA_ARRAY(arena, float, n * p->n_sample);
    for (int32_t q = 0; q < n; q++)
        for (int64_t i = 0; i < p->n_sample; i++) {
            const ssmq_range *r = p->sample[i]->answer[question[q]];
            value[q * p->n_sample + i] = !r ? NAN : low ? r->low : r->high;
        }
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F32, n, p->n_sample);
    const char *const axis[] = {"/axis/question", "/axis/sample"};
    return ssmq_store_tensor(s, low ? "/range/low" : "/range/high", &t, axis, "",
                             "range that a statistic found in a sample");
}

/* Those of the tensor as a whole, side by side. */
static ssmq_status write_questions(ssmq_store *s, const ssmq_pass *p, ssmq_arena *arena)
{
    int32_t     *question = SSMQ_ARENA_ARRAY(arena, int32_t, p->n_question), n = 0;
    const char **text = SSMQ_ARENA_ARRAY(arena, const char *, p->n_question);
    for (int32_t i = 0; i < p->n_question; i++) {
        if (p->question[i].units > 1) continue;
        text[n] = p->question[i].text;
        question[n++] = i;
    }
    if (n == 0) return SSMQ_OK;
    SSMQ_TRY(ssmq_store_scale_text(s, "/axis/question", text, n, "site, statistic and spec"));
    SSMQ_TRY(write_answers(s, p, question, n, true, arena));
    return write_answers(s, p, question, n, false, arena);
}

static ssmq_status write_combined(ssmq_store *s, const ssmq_combined *c, int32_t number, ssmq_arena *arena)
{
    const char *group = ssmq_arena_printf(arena, "/combined/%d", (int)number);
    const char *unit = ssmq_arena_printf(arena, "%s/unit", group);
    float      *low = SSMQ_ARENA_ARRAY(arena, float, c->units), *high = SSMQ_ARENA_ARRAY(arena, float, c->units);
    int32_t    *index = SSMQ_ARENA_ARRAY(arena, int32_t, c->units);
    for (int64_t i = 0; i < c->units; i++) {
        low[i] = c->range[i].low;
        high[i] = c->range[i].high;
        index[i] = (int32_t)i;
    }
    const ssmq_tensor of_low = SSMQ_TENSOR(low, SSMQ_F32, c->units), of_high = SSMQ_TENSOR(high, SSMQ_F32, c->units);
    const ssmq_tensor units = SSMQ_TENSOR(index, SSMQ_I32, c->units);
    SSMQ_TRY(ssmq_store_scale(s, unit, &units, "", "channel"));
    SSMQ_TRY(ssmq_store_attribute_text(s, group, "question", c->question));
    SSMQ_TRY(ssmq_store_attribute_text(s, group, "samples", c->samples));
    SSMQ_TRY(ssmq_store_attribute_text(s, group, "raised", c->raised ? "yes" : "no"));
    SSMQ_TRY(ssmq_store_tensor(s, ssmq_arena_printf(arena, "%s/low", group), &of_low, &unit, "",
                               "low end of the range of all samples"));
    return ssmq_store_tensor(s, ssmq_arena_printf(arena, "%s/high", group), &of_high, &unit, "",
                             "high end of the range of all samples");
}

static ssmq_status write_all(ssmq_store *s, const ssmq_pass *p, ssmq_arena *arena)
{
    const layout l = layout_of(p, arena);
    SSMQ_TRY(ssmq_store_attribute_text(s, "/", "kind", SSMQ_PASS_KIND));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/", "pass", p->digest));
    SSMQ_TRY(ssmq_store_attribute_text(
        s, "/", "parts",
        ssmq_arena_printf(arena, "%d %d", (int)l.n_site, (int)p->n_combined)));
    SSMQ_TRY(write_axes(s, p, &l, arena));
    if (l.n_site > 0) {
        SSMQ_TRY(write_records(s, p, &l, "/record/min", part_low, false, "smallest value", arena));
        SSMQ_TRY(write_records(s, p, &l, "/record/max", part_high, false, "largest value", arena));
        SSMQ_TRY(write_records(s, p, &l, "/record/abs_quantile", part_magnitude, true,
                               "exact quantile of |x|", arena));
        SSMQ_TRY(write_records(s, p, &l, "/record/low_quantile", part_value_low, true,
                               "exact quantile of x at 100 less the level", arena));
        SSMQ_TRY(write_records(s, p, &l, "/record/high_quantile", part_value_high, true,
                               "exact quantile of x", arena));
        SSMQ_TRY(write_histograms(s, p, &l, arena));
        SSMQ_TRY(write_all_tails(s, p, &l, arena));
    }
    SSMQ_TRY(write_questions(s, p, arena));
    SSMQ_TRY(ssmq_pass_write_channels(s, p));
    for (int32_t i = 0; i < p->n_combined; i++) SSMQ_TRY(write_combined(s, &p->combined[i], i, arena));
    return SSMQ_OK;
}

/* ---- written whole --------------------------------------------------------------------- */

/* Under a name of this process's own until it is whole: of two writers, the last one's file stays. */
ssmq_status ssmq_pass_write(const char *path, const ssmq_pass *p)
{
    ssmq_arena *arena = ssmq_arena_new();
    const char *own = ssmq_own_name(arena, path);
    ssmq_store *s = NULL;
    ssmq_status st = SSMQ_OK;
    SSMQ_TRY_DONE(st, ssmq_store_create(own, &s));
    SSMQ_TRY_DONE(st, write_all(s, p, arena));
    st = ssmq_store_seal(s);
    s = NULL;
    if (st == SSMQ_OK) st = ssmq_summed_append(own);
    if (st == SSMQ_OK) st = ssmq_file_seal(own, path);
    if (st != SSMQ_OK) unlink(own);
done:
    ssmq_store_discard(s);
    ssmq_arena_free(arena);
    return st;
}

