#include "harness/store/read.h"
#include <hdf5.h>
#include <string.h>
#include "harness/store/h5.h"

static hid_t open_file(const char *path)
{
    ssmq_h5_quiet();
    return H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
}

/* Every handle may be negative: closing those fails without harm, as errors are not printed. */
static ssmq_status damaged(const char *path, const char *object, const char *what)
{
    return SSMQ_FAIL(DAMAGED, "%s: %s %s", path, object, what);
}

/* Shape of a dataset of 1 to 4 axes; false if it has another, or an absurd size. */
static bool read_shape(hid_t d, ssmq_store_array *out)
{
    const hid_t   space = H5Dget_space(d);
    const int     rank = H5Sget_simple_extent_ndims(space);
    hsize_t       dim[4] = {0};
    bool          fine = rank >= 1 && rank <= 4 && H5Sget_simple_extent_dims(space, dim, NULL) == rank;
    /* No array is larger than its file uncompressed but for long runs of one value: a bound that
     * keeps absurd sizes from being asked for. */
    const hsize_t most = (hsize_t)1 << 32;
    hsize_t       n = 1;
    for (int i = 0; fine && i < rank; i++) {
        fine = dim[i] <= most && n * dim[i] <= most;
        n *= dim[i];
        out->dim[i] = (int64_t)dim[i];
    }
    out->rank = rank;
    out->n = (int64_t)n;
    H5Sclose(space);
    return fine;
}

static bool read_numbers(hid_t d, ssmq_arena *arena, ssmq_store_array *out)
{
    const hid_t type = H5Dget_type(d);
    bool        fine = (H5Tget_class(type) == H5T_FLOAT || H5Tget_class(type) == H5T_INTEGER) &&
                read_shape(d, out);
    if (fine) {
        double *values = SSMQ_ARENA_ARRAY(arena, double, out->n);
        fine = H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
        out->data = values;
    }
    H5Tclose(type);
    return fine;
}

/* rank 0: any. */
static ssmq_status read_array(const char *path, const char *dataset, ssmq_arena *arena, int32_t rank,
                              ssmq_store_array *out)
{
    const hid_t file = open_file(path);
    if (file < 0) return SSMQ_FAIL(DAMAGED, "%s: cannot be opened as HDF5", path);
    const hid_t      d = H5Dopen2(file, dataset, H5P_DEFAULT);
    ssmq_store_array a = {0};
    const bool       fine = d >= 0 && read_numbers(d, arena, &a);
    if (d >= 0) H5Dclose(d);
    H5Fclose(file);
    if (d < 0) return damaged(path, dataset, "is missing");
    if (!fine || (rank && a.rank != rank))
        return damaged(path, dataset,
                       rank ? "is no array of numbers of one axis" : "is no array of numbers");
    *out = a;
    return SSMQ_OK;
}

ssmq_status ssmq_store_read_array(const char *path, const char *dataset, ssmq_arena *arena,
                                  ssmq_store_array *out)
{
    return read_array(path, dataset, arena, 0, out);
}

ssmq_status ssmq_store_read_f64(const char *path, const char *dataset, ssmq_arena *arena,
                                const double **out, int64_t *n)
{
    ssmq_store_array a;
    SSMQ_TRY(read_array(path, dataset, arena, 1, &a));
    *out = a.data;
    *n = a.n;
    return SSMQ_OK;
}

static bool read_text_array(hid_t d, ssmq_arena *arena, const char *const **out, int64_t *n)
{
    ssmq_store_array a;
    const hid_t      type = H5Dget_type(d), space = H5Dget_space(d), wanted = ssmq_h5_text_type();
    bool             fine = H5Tis_variable_str(type) > 0 && read_shape(d, &a) && a.rank == 1;
    if (fine) {
        char **text = SSMQ_ARENA_ARRAY(arena, char *, a.n);
        fine = H5Dread(d, wanted, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) >= 0;
        const char **copy = SSMQ_ARENA_ARRAY(arena, const char *, a.n);
        for (int64_t i = 0; fine && i < a.n; i++) copy[i] = ssmq_arena_strdup(arena, text[i] ? text[i] : "");
        if (fine) H5Dvlen_reclaim(wanted, space, H5P_DEFAULT, text);
        *out = copy;
        *n = a.n;
    }
    H5Tclose(wanted);
    H5Sclose(space);
    H5Tclose(type);
    return fine;
}

ssmq_status ssmq_store_read_texts(const char *path, const char *dataset, ssmq_arena *arena,
                                  const char *const **out, int64_t *n)
{
    const hid_t file = open_file(path);
    if (file < 0) return SSMQ_FAIL(DAMAGED, "%s: cannot be opened as HDF5", path);
    const hid_t d = H5Dopen2(file, dataset, H5P_DEFAULT);
    const bool  fine = d >= 0 && read_text_array(d, arena, out, n);
    if (d >= 0) H5Dclose(d);
    H5Fclose(file);
    return fine ? SSMQ_OK : damaged(path, dataset, "is no array of texts");
}

/* A scalar text of variable length, as ours are. */
static bool read_text(hid_t a, ssmq_arena *arena, const char **out)
{
    const hid_t type = H5Aget_type(a), space = H5Aget_space(a), wanted = ssmq_h5_text_type();
    char       *text = NULL;
    const bool  fine = H5Tis_variable_str(type) > 0 &&
                      H5Sget_simple_extent_type(space) == H5S_SCALAR &&
                      H5Aread(a, wanted, &text) >= 0 && text;
    if (fine) {
        *out = ssmq_arena_strdup(arena, text);
        H5Dvlen_reclaim(wanted, space, H5P_DEFAULT, &text);
    }
    H5Tclose(wanted);
    H5Sclose(space);
    H5Tclose(type);
    return fine;
}

ssmq_status ssmq_store_read_text(const char *path, const char *object, const char *attribute,
                                 ssmq_arena *arena, const char **out)
{
    const hid_t file = open_file(path);
    if (file < 0) return SSMQ_FAIL(DAMAGED, "%s: cannot be opened as HDF5", path);
    const hid_t a = H5Aopen_by_name(file, object, attribute, H5P_DEFAULT, H5P_DEFAULT);
    const char *text = NULL;
    const bool  fine = a >= 0 && read_text(a, arena, &text);
    if (a >= 0) H5Aclose(a);
    H5Fclose(file);
    if (!fine)
        return SSMQ_FAIL(DAMAGED, "%s: %s has no text attribute '%s'", path, object, attribute);
    *out = text;
    return SSMQ_OK;
}
