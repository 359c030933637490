#include "harness/store/read.h"
#include "harness/store/sealed.h"

/* Results that were there once: a missing file, too, is damage. */
static ssmq_status open_result(const char *path, ssmq_sealed **out)
{
    if (ssmq_sealed_open(path, out) == SSMQ_OK) return SSMQ_OK;
    return SSMQ_FAIL(DAMAGED, "%s: cannot be opened as HDF5", path);
}

ssmq_status ssmq_store_read_f64(const char *path, const char *dataset, ssmq_arena *arena,
                                const double **out, int64_t *n)
{
    ssmq_sealed *s;
    double      *values;
    SSMQ_TRY(open_result(path, &s));
    const ssmq_status st = ssmq_sealed_vector(s, dataset, arena, &values, n);
    ssmq_sealed_close(s);
    if (st == SSMQ_OK) *out = values;
    return st;
}

static ssmq_status read_array(const ssmq_sealed *s, const char *dataset, ssmq_arena *arena,
                              ssmq_store_array *out)
{
    const int64_t    begin[SSMQ_RANK_MAX] = {0};
    ssmq_extent      extent = {0};
    ssmq_store_array a = {.n = 1};
    SSMQ_TRY(ssmq_sealed_extent(s, dataset, &extent));
    if (!extent.number || extent.rank < 1)
        return SSMQ_FAIL(DAMAGED, "%s: %s is no array of numbers", ssmq_sealed_path(s), dataset);
    a.rank = extent.rank;
    for (int32_t i = 0; i < a.rank; i++) {
        a.dim[i] = extent.dim[i];
        a.n *= extent.dim[i];
    }
    double *values = SSMQ_ARENA_ARRAY(arena, double, a.n);
    SSMQ_TRY(ssmq_sealed_block(s, dataset, begin, extent.dim, values));
    a.data = values;
    *out = a;
    return SSMQ_OK;
}

ssmq_status ssmq_store_read_array(const char *path, const char *dataset, ssmq_arena *arena,
                                  ssmq_store_array *out)
{
    ssmq_sealed *s;
    SSMQ_TRY(open_result(path, &s));
    const ssmq_status st = read_array(s, dataset, arena, out);
    ssmq_sealed_close(s);
    return st;
}

ssmq_status ssmq_store_read_texts(const char *path, const char *dataset, ssmq_arena *arena,
                                  const char *const **out, int64_t *n)
{
    ssmq_sealed *s;
    SSMQ_TRY(open_result(path, &s));
    const ssmq_status st = ssmq_sealed_texts(s, dataset, arena, out, n);
    ssmq_sealed_close(s);
    return st;
}

ssmq_status ssmq_store_read_text(const char *path, const char *object, const char *attribute,
                                 ssmq_arena *arena, const char **out)
{
    ssmq_sealed *s;
    SSMQ_TRY(open_result(path, &s));
    const ssmq_status st = ssmq_sealed_attribute(s, object, attribute, arena, out);
    ssmq_sealed_close(s);
    return st;
}
