#include "harness/run/calibrate/replay_channels.h"
#include <stdlib.h>
#include <string.h>
#include "harness/store/sealed.h"

static const char *const tail_names[SSMQ_TAIL_ENDS] = {"tail_magnitude", "tail_high", "tail_low"};
static const char *const tail_texts[SSMQ_TAIL_ENDS] = {"largest |x|, descending", "largest x, descending",
                                                       "smallest x, ascending"};

/* A group: rows for the samples that it has something of. */
typedef struct group {
    ssmq_arena *arena; /* of the group alone */
    const char *path;
    int64_t    *sample; /* [n] indices into the pass's */
    int64_t     n;
    int64_t     channels;
} group;

/* Number `number` of its kind, with room for all samples. */
static group group_new(const ssmq_pass *p, const char *kind, int32_t number)
{
    group g = {.arena = ssmq_arena_new()};
    g.path = ssmq_arena_printf(g.arena, "/%s/%d", kind, (int)number);
    g.sample = SSMQ_ARENA_ARRAY(g.arena, int64_t, p->n_sample);
    return g;
}

static const char *below(const group *g, const char *name)
{
    return ssmq_arena_printf(g->arena, "%s/%s", g->path, name);
}

/* ---- writing --------------------------------------------------------------------------- */

/* Numbers from 0, as a scale. */
static ssmq_status write_numbers(ssmq_store *s, const group *g, const char *name, int64_t n, const char *long_name)
{
    int64_t *number = SSMQ_ARENA_ARRAY(g->arena, int64_t, n);
    for (int64_t i = 0; i < n; i++) number[i] = i;
    const ssmq_tensor t = SSMQ_TENSOR(number, SSMQ_I64, n);
    return ssmq_store_scale(s, below(g, name), &t, "", long_name);
}

static ssmq_status write_axes(ssmq_store *s, const group *g, const char *what, const char *text)
{
    const ssmq_tensor sample = SSMQ_TENSOR(g->sample, SSMQ_I64, g->n);
    SSMQ_TRY(ssmq_store_scale(s, below(g, "sample_index"), &sample, "", "index of /axis/sample"));
    SSMQ_TRY(write_numbers(s, g, "channel", g->channels, "channel"));
    return ssmq_store_attribute_text(s, g->path, what, text);
}

/* In one piece and not compressed: floats of this kind hardly shrink, and there may be very many. */
static ssmq_status write_array(ssmq_store *s, const group *g, const char *name, const ssmq_tensor *t,
                               const char *long_name)
{
    const int64_t     begin[SSMQ_RANK_MAX] = {0};
    const char *const scale[] = {below(g, "sample_index"), below(g, "channel"), below(g, "rank")};
    SSMQ_TRY(ssmq_store_reserve(s, below(g, name), t, t->dim, scale, "", long_name));
    return ssmq_store_fill(s, below(g, name), begin, t);
}

/* The lower or the upper ends of ranges that stand [n][channels]. */
static ssmq_status write_ends(ssmq_store *s, const group *g, ssmq_range *const *range, bool low, const char *name,
                              const char *long_name)
{
    float            *value = SSMQ_ARENA_ARRAY(g->arena, float, g->n * g->channels);
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F32, g->n, g->channels);
    for (int64_t i = 0; i < g->n; i++)
        for (int64_t c = 0; c < g->channels; c++)
            value[i * g->channels + c] = low ? range[i][c].low : range[i][c].high;
    return write_array(s, g, name, &t, long_name);
}

/* Ends of tails, which differ in length: what a shorter one has not is 0. */
static ssmq_status write_tail(ssmq_store *s, const ssmq_pass *p, const group *g, int32_t site, int32_t end,
                              int64_t longest)
{
    const int64_t     row = g->channels * longest;
    float            *value = SSMQ_ARENA_ARRAY(g->arena, float, g->n * row);
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F32, g->n, g->channels, longest);
    bool              any = false;
    for (int64_t i = 0; i < g->n; i++) {
        const ssmq_channel_record *r = p->sample[g->sample[i]]->channels[site];
        for (int64_t c = 0; r->tail[end] && c < g->channels; c++)
            memcpy(value + i * row + c * longest, r->tail[end] + c * r->length, (size_t)r->length * sizeof *value);
        any |= r->tail[end] != NULL;
    }
    return any ? write_array(s, g, tail_names[end], &t, tail_texts[end]) : SSMQ_OK;
}

static ssmq_status write_records(ssmq_store *s, const ssmq_pass *p, group *g, int32_t site)
{
    int64_t     *values = SSMQ_ARENA_ARRAY(g->arena, int64_t, p->n_sample), longest = 0;
    int32_t     *tails = SSMQ_ARENA_ARRAY(g->arena, int32_t, p->n_sample);
    ssmq_range **range = SSMQ_ARENA_ARRAY(g->arena, ssmq_range *, p->n_sample);
    for (int64_t k = 0; k < p->n_sample; k++) {
        const ssmq_channel_record *r = p->sample[k]->channels[site];
        if (!r) continue;
        g->channels = r->channels;
        values[g->n] = r->n;
        range[g->n] = r->range;
        for (int32_t end = 0; end < SSMQ_TAIL_ENDS; end++) tails[g->n] += r->tail[end] != NULL;
        longest = r->length > longest ? r->length : longest;
        g->sample[g->n++] = k;
    }
    SSMQ_TRY(write_axes(s, g, "site", p->site[site].name));
    const char *const scale[] = {below(g, "sample_index")};
    const ssmq_tensor of_values = SSMQ_TENSOR(values, SSMQ_I64, g->n), of_tails = SSMQ_TENSOR(tails, SSMQ_I32, g->n);
    SSMQ_TRY(ssmq_store_tensor(s, below(g, "values"), &of_values, scale, "", "how many values each channel had"));
    SSMQ_TRY(ssmq_store_tensor(s, below(g, "tails"), &of_tails, scale, "",
                               "0, 1 (of magnitudes) or 3 tails were kept"));
    SSMQ_TRY(write_ends(s, g, range, true, "min", "smallest value"));
    SSMQ_TRY(write_ends(s, g, range, false, "max", "largest value"));
    if (longest > 0) SSMQ_TRY(write_numbers(s, g, "rank", longest, "place from the outermost value inwards"));
    for (int32_t end = 0; longest > 0 && end < SSMQ_TAIL_ENDS; end++)
        SSMQ_TRY(write_tail(s, p, g, site, end, longest));
    return SSMQ_OK;
}

static ssmq_status write_answers(ssmq_store *s, const ssmq_pass *p, group *g, int32_t question)
{
    ssmq_range **range = SSMQ_ARENA_ARRAY(g->arena, ssmq_range *, p->n_sample);
    g->channels = p->question[question].units;
    for (int64_t k = 0; k < p->n_sample; k++) {
        if (!p->sample[k]->answer[question]) continue;
        range[g->n] = p->sample[k]->answer[question];
        g->sample[g->n++] = k;
    }
    SSMQ_TRY(write_axes(s, g, "question", p->question[question].text));
    SSMQ_TRY(write_ends(s, g, range, true, "low", "low end of the range of a channel"));
    return write_ends(s, g, range, false, "high", "high end of the range of a channel");
}

static bool any_record(const ssmq_pass *p, int32_t site)
{
    for (int64_t k = 0; k < p->n_sample; k++)
        if (p->sample[k]->channels[site]) return true;
    return false;
}

static bool any_answer(const ssmq_pass *p, int32_t question)
{
    for (int64_t k = 0; p->question[question].units > 1 && k < p->n_sample; k++)
        if (p->sample[k]->answer[question]) return true;
    return false;
}

ssmq_status ssmq_pass_write_channels(ssmq_store *s, const ssmq_pass *p)
{
    ssmq_status st = SSMQ_OK;
    int32_t     sites = 0, questions = 0;
    for (int32_t i = 0; i < p->n_site && st == SSMQ_OK; i++) {
        if (!any_record(p, i)) continue;
        group g = group_new(p, "channel", sites++);
        st = write_records(s, p, &g, i);
        ssmq_arena_free(g.arena);
    }
    for (int32_t i = 0; i < p->n_question && st == SSMQ_OK; i++) {
        if (!any_answer(p, i)) continue;
        group g = group_new(p, "answer", questions++);
        st = write_answers(s, p, &g, i);
        ssmq_arena_free(g.arena);
    }
    return st;
}

/* ---- reading --------------------------------------------------------------------------- */

static ssmq_status damaged(const ssmq_sealed *f, const group *g)
{
    return SSMQ_FAIL(DAMAGED, "%s: %s has another shape than its axes", ssmq_sealed_path(f), g->path);
}

static ssmq_status read_axes(const ssmq_sealed *f, const ssmq_pass *p, group *g)
{
    ssmq_extent extent;
    double     *index;
    SSMQ_TRY(ssmq_sealed_extent(f, below(g, "channel"), &extent));
    SSMQ_TRY(ssmq_sealed_vector(f, below(g, "sample_index"), g->arena, &index, &g->n));
    if (g->n > p->n_sample || extent.rank != 1 || extent.dim[0] < 1) return damaged(f, g);
    g->channels = extent.dim[0];
    for (int64_t i = 0; i < g->n; i++) {
        if (!(index[i] >= 0 && index[i] < (double)p->n_sample)) return damaged(f, g);
        g->sample[i] = (int64_t)index[i];
    }
    return SSMQ_OK;
}

/* An array [n][channels], or with more behind; *row: how many to a sample. */
static ssmq_status read_array(const ssmq_sealed *f, const group *g, const char *name, const double **out, int64_t *row)
{
    const int64_t begin[SSMQ_RANK_MAX] = {0};
    ssmq_extent   e;
    SSMQ_TRY(ssmq_sealed_extent(f, below(g, name), &e));
    if (e.rank < 2 || e.rank > 3 || e.dim[0] != g->n || e.dim[1] != g->channels) return damaged(f, g);
    *row = e.dim[1] * (e.rank == 3 ? e.dim[2] : 1);
    double *values = SSMQ_ARENA_ARRAY(g->arena, double, e.dim[0] * *row);
    *out = values;
    return ssmq_sealed_block(f, below(g, name), begin, e.dim, values);
}

static ssmq_status read_counts(const ssmq_sealed *f, const group *g, const char *name, const double **out)
{
    double *values;
    int64_t n;
    SSMQ_TRY(ssmq_sealed_vector(f, below(g, name), g->arena, &values, &n));
    *out = values;
    return n == g->n ? SSMQ_OK : damaged(f, g);
}

static void take_ranges(ssmq_range *out, const double *low, const double *high, int64_t n)
{
    for (int64_t c = 0; c < n; c++) out[c] = (ssmq_range){(float)low[c], (float)high[c]};
}

/* The arrays of records. */
typedef struct arrays {
    const double *values, *tails, *low, *high, *tail[SSMQ_TAIL_ENDS];
    int64_t       longest;
} arrays;

static ssmq_status read_arrays(const ssmq_sealed *f, const group *g, arrays *a)
{
    int64_t row;
    SSMQ_TRY(read_counts(f, g, "values", &a->values));
    SSMQ_TRY(read_counts(f, g, "tails", &a->tails));
    SSMQ_TRY(read_array(f, g, "min", &a->low, &row));
    SSMQ_TRY(read_array(f, g, "max", &a->high, &row));
    for (int32_t end = 0; end < SSMQ_TAIL_ENDS; end++) {
        if (!ssmq_sealed_has(f, below(g, tail_names[end]))) continue;
        SSMQ_TRY(read_array(f, g, tail_names[end], &a->tail[end], &row));
        a->longest = row / g->channels;
    }
    return SSMQ_OK;
}

static ssmq_status make_record(const ssmq_sealed *f, const group *g, const arrays *a, int64_t i,
                               ssmq_channel_record **out)
{
    const ssmq_wanted_channels w = {.wanted = true, .tail = a->tails[i] > 0, .values = a->tails[i] > 1};
    ssmq_channel_record       *r;
    SSMQ_TRY(ssmq_channel_record_new(&w, g->channels, (int64_t)a->values[i], &r));
    *out = r;
    take_ranges(r->range, a->low + i * g->channels, a->high + i * g->channels, g->channels);
    for (int32_t end = 0; end < SSMQ_TAIL_ENDS; end++) {
        if (r->tail[end] && (!a->tail[end] || r->length > a->longest)) return damaged(f, g);
        for (int64_t c = 0; r->tail[end] && c < g->channels; c++)
            for (int32_t t = 0; t < r->length; t++)
                r->tail[end][c * r->length + t] = (float)a->tail[end][(i * g->channels + c) * a->longest + t];
    }
    return SSMQ_OK;
}

static ssmq_status read_records(const ssmq_sealed *f, ssmq_pass *p, group *g)
{
    const char *name;
    int32_t     site = 0;
    arrays      a = {0};
    SSMQ_TRY(ssmq_sealed_attribute(f, g->path, "site", g->arena, &name));
    while (site < p->n_site && strcmp(p->site[site].name, name) != 0) site++;
    SSMQ_TRY(read_axes(f, p, g));
    if (site == p->n_site || g->channels != ssmq_site_channels(&p->site[site])) return damaged(f, g);
    SSMQ_TRY(read_arrays(f, g, &a));
    for (int64_t i = 0; i < g->n; i++) {
        ssmq_channel_record *r = NULL;
        const ssmq_status    st = make_record(f, g, &a, i, &r);
        ssmq_pass_channels(p, p->sample[g->sample[i]], site, r);
        SSMQ_TRY(st);
    }
    return SSMQ_OK;
}

static ssmq_status read_answers(const ssmq_sealed *f, ssmq_pass *p, group *g)
{
    const char   *text;
    const double *low, *high;
    int64_t       row;
    SSMQ_TRY(ssmq_sealed_attribute(f, g->path, "question", g->arena, &text));
    SSMQ_TRY(read_axes(f, p, g));
    SSMQ_TRY(read_array(f, g, "low", &low, &row));
    SSMQ_TRY(read_array(f, g, "high", &high, &row));
    const int32_t question = ssmq_pass_question(p, text, g->channels);
    for (int64_t i = 0; i < g->n; i++) {
        ssmq_range *out;
        SSMQ_TRY(ssmq_pass_answer(p, p->sample[g->sample[i]], question, &out));
        take_ranges(out, low + i * row, high + i * row, g->channels);
    }
    return SSMQ_OK;
}

/* All groups of a kind, which are numbered. */
static ssmq_status read_groups(const ssmq_sealed *f, ssmq_pass *p, const char *kind,
                               ssmq_status (*read)(const ssmq_sealed *, ssmq_pass *, group *))
{
    ssmq_status st = SSMQ_OK;
    bool        more = true;
    for (int32_t i = 0; st == SSMQ_OK && more; i++) {
        group g = group_new(p, kind, i);
        more = ssmq_sealed_has(f, g.path);
        if (more) st = read(f, p, &g);
        ssmq_arena_free(g.arena);
    }
    return st;
}

ssmq_status ssmq_pass_read_channels(const char *path, ssmq_pass *p)
{
    ssmq_sealed *f;
    SSMQ_TRY(ssmq_sealed_open(path, &f));
    ssmq_status st = read_groups(f, p, "channel", read_records);
    if (st == SSMQ_OK) st = read_groups(f, p, "answer", read_answers);
    ssmq_sealed_close(f);
    return st;
}
