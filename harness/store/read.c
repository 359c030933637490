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

/* Numbers of one axis; false if it is anything else. */
static bool read_numbers(hid_t d, ssmq_arena *arena, const double **out, int64_t *n)
{
    const hid_t space = H5Dget_space(d), type = H5Dget_type(d);
    hsize_t     dim = 0;
    const bool  number = H5Tget_class(type) == H5T_FLOAT || H5Tget_class(type) == H5T_INTEGER;
    bool        fine = number && H5Sget_simple_extent_ndims(space) == 1 &&
                H5Sget_simple_extent_dims(space, &dim, NULL) == 1;
    /* No array is larger than its file uncompressed but for long runs of one value: a bound that
     * keeps absurd sizes from being asked for. */
    fine = fine && dim <= (hsize_t)1 << 32;
    if (fine) {
        double *values = SSMQ_ARENA_ARRAY(arena, double, dim);
        fine = H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
        *out = values;
        *n = (int64_t)dim;
    }
    H5Tclose(type);
    H5Sclose(space);
    return fine;
}

ssmq_status ssmq_store_read_f64(const char *path, const char *dataset, ssmq_arena *arena,
                                const double **out, int64_t *n)
{
    const hid_t file = open_file(path);
    if (file < 0) return SSMQ_FAIL(DAMAGED, "%s: cannot be opened as HDF5", path);
    const hid_t   d = H5Dopen2(file, dataset, H5P_DEFAULT);
    const double *values = NULL;
    int64_t       count = 0;
    const bool    fine = d >= 0 && read_numbers(d, arena, &values, &count);
    if (d >= 0) H5Dclose(d);
    H5Fclose(file);
    if (d < 0) return damaged(path, dataset, "is missing");
    if (!fine) return damaged(path, dataset, "is no array of numbers of one axis");
    *out = values;
    *n = count;
    return SSMQ_OK;
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
