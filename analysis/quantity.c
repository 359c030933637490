#include "analysis/quantity.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what makes a quantity -------------------------------------------------------------- */

typedef struct quantity_source {
    const char *name, *label, *setting; /* setting NULL: none makes it but another figure's */
} quantity_source;

#define EXTREMES "collect: {statistics: {}}"
#define MOMENTS "collect: {statistics: {moments: true}}"
#define ERRORS "compare: {metrics: [sqnr, mse, cosine, clip-rate]}"
#define CODES "a recipe that quantises it"

static const quantity_source sources[] = {
    {"absmax", "largest magnitude", EXTREMES},
    {"min", "least value", EXTREMES},
    {"max", "greatest value", EXTREMES},
    {"kurtosis", "kurtosis", MOMENTS},
    {"std", "standard deviation", MOMENTS},
    {"mean", "mean", MOMENTS},
    {"sqnr_db", "SQNR (dB)", ERRORS},
    {"mse", "mean squared error", ERRORS},
    {"cosine", "cosine similarity", ERRORS},
    {"rel_l2", "relative error", ERRORS},
    {"max_err", "largest error", ERRORS},
    {"bias", "mean error", ERRORS},
    {"clip_rate", "share of clipped values", ERRORS},
    {"scale", "step between codes", CODES},
    {"zero_point", "zero point", CODES},
    {"bits", "bits of a code", CODES},
    {"ppl", "perplexity", NULL},
    {"ln_ratio", "change in log-perplexity (nat)", NULL},
    {"kl_mean", "KL divergence (nat)", NULL},
    {"damage", "cost in log-perplexity (nat)", NULL},
};

static const quantity_source *source_of(const char *name)
{
    const char *last = strrchr(name, '/');
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (strcmp(sources[i].name, last ? last + 1 : name) == 0) return &sources[i];
    return NULL;
}

const char *ssmq_quantity_label(const char *name)
{
    const quantity_source *s = source_of(name);
    return s ? s->label : name;
}

/* ---- reading ---------------------------------------------------------------------------- */

static const char *find_dataset(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                                const char *name)
{
    const int   input = rq->o->input;
    const char *place[] = {"%s", "qparam/%s", input == 1 ? NULL : "error/clean/%s",
                           input == 0 ? NULL : "error/propagated/%s"};
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        if (!place[i]) continue;
        const char *prefix = ssmq_arena_strndup(rq->arena, place[i], strlen(place[i]) - 2);
        const char *path =
            ssmq_figure_optional(run, site, ssmq_arena_printf(rq->arena, "%s%s", prefix, name), rq->arena);
        if (path) return path;
    }
    return NULL;
}

/* A layer's largest number. */
static void take_largest(const double *all, int64_t n_layer, int64_t each, double *out)
{
    for (int64_t l = 0; l < n_layer; l++) {
        out[l] = NAN;
        for (int64_t i = 0; i < each; i++) out[l] = fmax(out[l], all[l * each + i]);
    }
}

/* The quantile of each layer whose level stands behind the '@' of the name. */
static ssmq_status take_level(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *path,
                              const char *name, const double *all, ssmq_quantity *out)
{
    char        *end;
    const char  *text = strchr(name, '@') + 1, *words = "";
    const double wanted = strtod(text, &end);
    const char  *scale =
        ssmq_arena_printf(rq->arena, "%.*s/quantile_level", (int)(strrchr(path, '/') - path), path);
    double      *level;
    int64_t      n, k = 0;
    if (end == text || *end || !ssmq_sealed_has(run->results, scale))
        return SSMQ_FAIL(USAGE, "'%s' is no quantile and its level in per cent, as abs_quantile@99.9 is", name);
    SSMQ_TRY(ssmq_sealed_vector(run->results, scale, rq->arena, &level, &n));
    SSMQ_TRY(ssmq_figure_check_axes(run, path, 2, (const int64_t[]){out->n, n}));
    while (k < n && level[k] != wanted) k++;
    for (int64_t l = 0; k < n && l < out->n; l++) out->value[l] = all[l * n + k];
    if (k < n) return SSMQ_OK;
    for (k = 0; k < n; k++) words = ssmq_arena_printf(rq->arena, "%s%s%.10g", words, k ? ", " : "", level[k]);
    return SSMQ_FAIL(INPUT, "%s: %s has no level %s; there are %s", ssmq_sealed_path(run->results), path, text, words);
}

static ssmq_status read_dataset(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                                const char *name, ssmq_quantity *out)
{
    const size_t stem = strcspn(name, "@");
    const char  *path = find_dataset(rq, run, site, ssmq_arena_strndup(rq->arena, name, stem));
    ssmq_extent extent;
    *out = (ssmq_quantity){0};
    if (!path) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_extent(run->results, path, &extent));
    if (!extent.number || extent.rank < 1 || extent.rank > 2)
        return SSMQ_FAIL(USAGE, "'%s' is no number a layer: %s", name, path);
    const int64_t each = extent.rank == 2 ? extent.dim[1] : 1;
    SSMQ_TRY(ssmq_figure_layers(run, path, rq->arena, &out->layer, &out->n));
    double *all = SSMQ_ARENA_ARRAY(rq->arena, double, out->n *each);
    SSMQ_TRY(ssmq_sealed_block(run->results, path, (const int64_t[]){0, 0}, extent.dim, all));
    out->value = SSMQ_ARENA_ARRAY(rq->arena, double, out->n);
    if (!name[stem]) take_largest(all, out->n, each, out->value);
    return name[stem] ? take_level(rq, run, path, name, all, out) : SSMQ_OK;
}

/* A quantity that two datasets give. */
static ssmq_status derive(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                          const char *a, const char *b, double (*of)(double a, double b), ssmq_quantity *out)
{
    ssmq_quantity other;
    SSMQ_TRY(read_dataset(rq, run, site, a, out));
    SSMQ_TRY(read_dataset(rq, run, site, b, &other));
    if (out->n != other.n) out->n = 0;
    for (int64_t i = 0; i < out->n; i++) out->value[i] = of(out->value[i], other.value[i]);
    return SSMQ_OK;
}

static double kurtosis_of(double m4, double m2)
{
    return m2 > 0 ? m4 / (m2 * m2) : NAN;
}

static double std_of(double m2, double same)
{
    (void)same;
    return sqrt(m2);
}

static double rate_of(double part, double all)
{
    return all > 0 ? part / all : NAN;
}

/* Of the values that errors are of: collected ones have a n_clipped, too, but no n_values by layer. */
static ssmq_status read_clip_rate(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                                  ssmq_quantity *out)
{
    *out = (ssmq_quantity){0};
    for (int input = 0; input < 2 && out->n == 0; input++) {
        if (rq->o->input >= 0 && rq->o->input != input) continue;
        const char *place = ssmq_arena_printf(rq->arena, "error/%s", ssmq_figure_inputs[input]);
        SSMQ_TRY(derive(rq, run, site, ssmq_arena_printf(rq->arena, "%s/n_clipped", place),
                        ssmq_arena_printf(rq->arena, "%s/n_values", place), rate_of, out));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_quantity_read(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                               const char *name, ssmq_quantity *out)
{
    if (strcmp(name, "kurtosis") == 0) return derive(rq, run, site, "m4", "m2", kurtosis_of, out);
    if (strcmp(name, "std") == 0) return derive(rq, run, site, "m2", "m2", std_of, out);
    if (strcmp(name, "clip_rate") == 0) return read_clip_rate(rq, run, site, out);
    return read_dataset(rq, run, site, name, out);
}

/* ---- which sites ------------------------------------------------------------------------ */

static ssmq_status lacks(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *name,
                         const char *site)
{
    const quantity_source *s = source_of(name);
    const char            *what = site ? ssmq_arena_printf(rq->arena, "%s of %s", name, site) : name;
    const char            *known[sizeof sources / sizeof *sources + 1] = {NULL};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) known[i] = sources[i].name;
    const char *near = ssmq_str_nearest(name, known);
    if (!s && near) return SSMQ_FAIL(USAGE, "unknown quantity '%s'; did you mean '%s'?", name, near);
    if (!s || !s->setting) return SSMQ_FAIL(INPUT, "%s: no %s", ssmq_sealed_path(run->results), what);
    return ssmq_figure_lacks(run, what, s->setting);
}

/* --site names sites without their layer here. */
static ssmq_status check_given(const ssmq_figure_request *rq, const char *name)
{
    const char *const *sites, *near;
    ssmq_quantity      q;
    for (int32_t i = 0; i < rq->n_run; i++)
        for (int32_t k = 0; rq->o->site[k]; k++) {
            const ssmq_figure_run *run = &rq->run[i];
            SSMQ_TRY(ssmq_quantity_read(rq, run, rq->o->site[k], name, &q));
            if (q.n > 0) continue;
            SSMQ_TRY(ssmq_figure_sites(run, NULL, rq->arena, &sites));
            near = ssmq_str_nearest(rq->o->site[k], sites);
            if (near && strcmp(near, rq->o->site[k]) != 0)
                return SSMQ_FAIL(INPUT, "%s: no site '%s'; did you mean '%s'?",
                                 ssmq_sealed_path(run->results), rq->o->site[k], near);
            return lacks(rq, run, name, rq->o->site[k]);
        }
    return SSMQ_OK;
}

static bool is_among(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, word) == 0) return true;
    return false;
}

/* Adds the sites of a run that have the quantity, of which there has to be one, to a list of n. */
static ssmq_status add_sites(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *name,
                             const char ***out, int32_t *n)
{
    const char *const *sites;
    ssmq_quantity      q;
    int32_t            more = 0;
    bool               found = false;
    SSMQ_TRY(ssmq_figure_sites(run, NULL, rq->arena, &sites));
    while (sites[more]) more++;
    const char **list = SSMQ_ARENA_ARRAY(rq->arena, const char *, *n + more + 1);
    memcpy(list, *out, sizeof *list * (size_t)*n);
    *out = list;
    for (int32_t i = 0; sites[i]; i++) {
        SSMQ_TRY(ssmq_quantity_read(rq, run, sites[i], name, &q));
        bool any = false;
        for (int64_t l = 0; l < q.n; l++) any |= !isnan(q.value[l]);
        if (any && !is_among(sites[i], list)) list[(*n)++] = sites[i];
        found |= any;
    }
    return found ? SSMQ_OK : lacks(rq, run, name, NULL);
}

ssmq_status ssmq_quantity_sites(const ssmq_figure_request *rq, const char *name, const char *const **out)
{
    const char **list = SSMQ_ARENA_ARRAY(rq->arena, const char *, 1);
    int32_t      n = 0;
    *out = rq->o->site;
    if (rq->o->site[0]) return check_given(rq, name);
    for (int32_t i = 0; i < rq->n_run; i++) SSMQ_TRY(add_sites(rq, &rq->run[i], name, &list, &n));
    *out = list;
    return SSMQ_OK;
}
