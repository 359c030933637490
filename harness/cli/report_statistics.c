#include "harness/cli/report_statistics.h"
#include <inttypes.h>
#include <math.h>
#include "harness/base/table.h"
#include "harness/store/sealed.h"

/* A file under way: the quantile that has a column is the highest below 100, if there is one. */
typedef struct reader {
    const ssmq_sealed *file;
    ssmq_arena        *arena;
    double             percent; /* NaN: no quantile */
    int64_t            at;      /* its place on the axis */
    ssmq_table        *table;
} reader;

/* The largest value over the layers, and the layer. */
typedef struct largest {
    double  value;
    int64_t layer; /* index on the axis */
} largest;

static largest largest_of(const double *x, int64_t n)
{
    largest most = {NAN, -1};
    for (int64_t i = 0; i < n; i++)
        if (!(x[i] <= most.value) && !isnan(x[i])) most = (largest){x[i], i};
    return most;
}

static const char *cell(const reader *r, largest x)
{
    return isnan(x.value) ? "-" : ssmq_arena_printf(r->arena, "%.4g", x.value);
}

static const char *in_site(const reader *r, const char *site, const char *dataset)
{
    return ssmq_arena_printf(r->arena, "/sites/%s/%s", site, dataset);
}

/* A column [layer], or one of [layer, n], of the layers. */
static ssmq_status read_layers(const reader *r, const char *path, int64_t column, double **out, int64_t *n)
{
    ssmq_extent e;
    SSMQ_TRY(ssmq_sealed_extent(r->file, path, &e));
    if (e.rank == 1) return ssmq_sealed_vector(r->file, path, r->arena, out, n);
    *n = e.dim[0];
    *out = SSMQ_ARENA_ARRAY(r->arena, double, *n);
    return ssmq_sealed_block(r->file, path, (const int64_t[]){0, column}, (const int64_t[]){*n, 1}, *out);
}

/* The largest over layers of a dataset; NaN where the site has none. */
static ssmq_status read_largest(const reader *r, const char *path, int64_t column, largest *out)
{
    double *x;
    int64_t n;
    *out = (largest){NAN, -1};
    if (column < 0 || !ssmq_sealed_has(r->file, path)) return SSMQ_OK;
    SSMQ_TRY(read_layers(r, path, column, &x, &n));
    *out = largest_of(x, n);
    return SSMQ_OK;
}

static ssmq_status read_kurtosis(const reader *r, const char *site, largest *out)
{
    double *m2, *m4;
    int64_t n, n4;
    *out = (largest){NAN, -1};
    if (!ssmq_sealed_has(r->file, in_site(r, site, "m4"))) return SSMQ_OK;
    SSMQ_TRY(read_layers(r, in_site(r, site, "m2"), 0, &m2, &n));
    SSMQ_TRY(read_layers(r, in_site(r, site, "m4"), 0, &m4, &n4));
    for (int64_t i = 0; i < n && i < n4; i++) m4[i] = m2[i] > 0 ? m4[i] / (m2[i] * m2[i]) : NAN;
    *out = largest_of(m4, n < n4 ? n : n4);
    return SSMQ_OK;
}

/* Of all top channels of all layers. */
static ssmq_status read_share(const reader *r, const char *site, largest *out)
{
    const char *path = in_site(r, site, "top/share");
    ssmq_extent e;
    *out = (largest){NAN, -1};
    if (!ssmq_sealed_has(r->file, path)) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_extent(r->file, path, &e));
    for (int64_t rank = 0; e.rank == 2 && rank < e.dim[1]; rank++) {
        largest one;
        SSMQ_TRY(read_largest(r, path, rank, &one));
        if (!(one.value <= out->value) && !isnan(one.value)) *out = one;
    }
    return SSMQ_OK;
}

static ssmq_status put_site(const reader *r, const char *site)
{
    largest absmax, quantile, kurtosis, share;
    double *layer;
    int64_t n;
    if (!ssmq_sealed_has(r->file, in_site(r, site, "absmax"))) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_vector(r->file, in_site(r, site, "layer"), r->arena, &layer, &n));
    SSMQ_TRY(read_largest(r, in_site(r, site, "absmax"), 0, &absmax));
    SSMQ_TRY(read_largest(r, in_site(r, site, "abs_quantile"), r->at, &quantile));
    SSMQ_TRY(read_kurtosis(r, site, &kurtosis));
    SSMQ_TRY(read_share(r, site, &share));
    const bool inside = absmax.layer >= 0 && absmax.layer < n && layer[absmax.layer] >= 0;
    const char *where = inside ? ssmq_arena_printf(r->arena, "%.0f", layer[absmax.layer]) : "-";
    ssmq_table_row(r->table, (const char *const[]){site, cell(r, absmax), where, cell(r, quantile),
                                                   cell(r, kurtosis), cell(r, share)});
    return SSMQ_OK;
}

static ssmq_status find_quantile(reader *r)
{
    double *percent;
    int64_t n;
    r->percent = NAN;
    r->at = -1;
    if (!ssmq_sealed_has(r->file, "/axis/quantile_level")) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_vector(r->file, "/axis/quantile_level", r->arena, &percent, &n));
    for (int64_t i = 0; i < n; i++)
        if (percent[i] < 100) {
            r->percent = percent[i];
            r->at = i;
        }
    return SSMQ_OK;
}

static ssmq_status put_sites(reader *r)
{
    const char *const *site;
    SSMQ_TRY(find_quantile(r));
    const char *const heading[] = {
        "site", "absmax", "in layer",
        r->at < 0 ? "quantile" : ssmq_arena_printf(r->arena, "p%.10g", r->percent),
        "kurtosis", "channel share"};
    r->table = ssmq_table_new(6, heading);
    SSMQ_TRY(ssmq_sealed_members(r->file, "/sites", r->arena, &site));
    for (; *site; site++) SSMQ_TRY(put_site(r, *site));
    return SSMQ_OK;
}

/* Has some site statistics? */
static ssmq_status has_statistics(const reader *r, bool *out)
{
    const char *const *site;
    *out = false;
    if (!ssmq_sealed_has(r->file, "/sites")) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_members(r->file, "/sites", r->arena, &site));
    for (; *site; site++) *out = *out || ssmq_sealed_has(r->file, in_site(r, *site, "absmax"));
    return SSMQ_OK;
}

ssmq_status ssmq_report_statistics(const char *path, ssmq_arena *arena, ssmq_str *out)
{
    ssmq_sealed *file;
    bool         any;
    SSMQ_TRY(ssmq_sealed_open(path, &file));
    reader      r = {.file = file, .arena = arena};
    ssmq_status st = has_statistics(&r, &any);
    if (st == SSMQ_OK && any) st = put_sites(&r);
    if (st == SSMQ_OK && any) {
        ssmq_str_puts(out, "\nstatistics, the largest over the layers; channel share: of the squared norm, by one of "
                           "the top channels\n\n");
        ssmq_table_print(r.table, out);
    }
    ssmq_table_free(r.table);
    ssmq_sealed_close(file);
    return st;
}
