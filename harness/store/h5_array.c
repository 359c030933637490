/* Datasets: groups above them, layout, attributes, dimension scales. */
#include <hdf5_hl.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/str.h"
#include "harness/store/h5.h"

/* Filters pay from here on: a smaller array is written as it is. */
#define FILTER_BYTES (64 * 1024)
#define CHUNK_BYTES (512 * 1024)

/* ---- groups and links ------------------------------------------------------------------ */

/* HDF5 can create missing groups itself (H5Pset_create_intermediate_group), but those carry times,
 * and equal content would no longer give equal bytes. */

/* Length of the path of the group that holds path, without its last "/"; 0 for the root. */
static size_t parent_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    SSMQ_ASSERT(path[0] == '/' && slash[1]);
    return (size_t)(slash - path);
}

static ssmq_status make_group(ssmq_store *s, const char *path)
{
    const htri_t exists = H5Lexists(s->file, path, H5P_DEFAULT);
    if (ssmq_h5_bad(s, exists)) return ssmq_h5_fail(s, path, "cannot be looked up");
    if (exists) return SSMQ_OK;
    const hid_t g = H5Gcreate2(s->file, path, H5P_DEFAULT, s->group_list, H5P_DEFAULT);
    if (ssmq_h5_bad(s, g)) return ssmq_h5_fail(s, path, "cannot be created");
    H5Gclose(g);
    return SSMQ_OK;
}

ssmq_status ssmq_h5_make_parents(ssmq_store *s, const char *path)
{
    const size_t n = parent_length(path);
    ssmq_str     group = {0};
    ssmq_status  st = SSMQ_OK;
    for (size_t i = 1; i <= n && st == SSMQ_OK; i++) {
        if (path[i] != '/') continue;
        ssmq_str_clear(&group);
        ssmq_str_append(&group, path, i);
        st = make_group(s, ssmq_str_text(&group));
    }
    ssmq_str_free(&group);
    return st;
}

static bool same_object(ssmq_store *s, const char *a, const char *b)
{
    hobj_ref_t x, y; /* where the object's header lies */
    return H5Rcreate(&x, s->file, a, H5R_OBJECT, -1) >= 0 &&
           H5Rcreate(&y, s->file, b, H5R_OBJECT, -1) >= 0 && x == y;
}

/* A hard link to the scale in the group of the dataset at path.  netCDF knows the dimensions of a
 * group and of those above it only: h5netcdf and netCDF4 refuse a file with scales elsewhere. */
static ssmq_status link_scale(ssmq_store *s, const char *path, const char *scale)
{
    const hid_t f = s->file;
    ssmq_str    local = {0};
    ssmq_str_append(&local, path, parent_length(path));
    ssmq_str_puts(&local, scale + parent_length(scale));
    const char  *link = ssmq_str_text(&local);
    ssmq_status  st = SSMQ_OK;
    const htri_t exists = H5Lexists(f, link, H5P_DEFAULT);
    if (ssmq_h5_bad(s, exists))
        st = ssmq_h5_fail(s, link, "cannot be looked up");
    else if (exists)
        SSMQ_ASSERT(same_object(s, link, scale)); /* one name, one axis within a group */
    else if (ssmq_h5_bad(s, H5Lcreate_hard(f, scale, f, link, H5P_DEFAULT, H5P_DEFAULT)))
        st = ssmq_h5_fail(s, scale, "cannot be linked into the group of a dataset");
    ssmq_str_free(&local);
    return st;
}

static ssmq_status attach_scale(ssmq_store *s, hid_t dataset, const ssmq_h5_array *a, int32_t axis,
                                const char *scale)
{
    /* A missing scale was noticed when it was linked: this is for what is no dataset. */
    const hid_t d = H5Dopen2(s->file, scale, H5P_DEFAULT);
    if (ssmq_h5_bad(s, d)) return ssmq_h5_fail(s, scale, "cannot be opened as a scale");
    const hid_t   space = H5Dget_space(d);
    const hsize_t length = (hsize_t)H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    SSMQ_ASSERT(length == a->dim[axis]);
    const bool bad = ssmq_h5_bad(s, H5DSattach_scale(dataset, d, (unsigned)axis));
    H5Dclose(d);
    return bad ? ssmq_h5_fail(s, scale, "cannot be attached as a scale") : SSMQ_OK;
}

/* ---- datasets -------------------------------------------------------------------------- */

static size_t bytes_of(const ssmq_h5_array *a)
{
    size_t bytes = H5Tget_size(a->type);
    for (int32_t i = 0; i < a->rank; i++) bytes *= (size_t)a->dim[i];
    return bytes;
}

/* Whole rows of the fastest axes, up to CHUNK_BYTES. */
static void choose_chunk(const ssmq_h5_array *a, hsize_t chunk[SSMQ_STORE_AXES_MAX])
{
    hsize_t inner = H5Tget_size(a->type);
    for (int32_t i = a->rank - 1; i >= 0; i--) {
        const hsize_t fit = CHUNK_BYTES / inner;
        chunk[i] = fit < 1 ? 1 : fit < a->dim[i] ? fit : a->dim[i];
        inner *= chunk[i];
    }
}

/* How the dataset is created: without times; shuffled and compressed where that pays. */
static hid_t creation_list(ssmq_store *s, const ssmq_h5_array *a)
{
    const hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    bool        bad = ssmq_h5_bad(s, H5Pset_obj_track_times(list, false));
    if (a->chunk) {
        bad = bad || ssmq_h5_bad(s, H5Pset_chunk(list, a->rank, a->chunk)) ||
              ssmq_h5_bad(s, H5Pset_fletcher32(list));
        if (!bad) return list;
        H5Pclose(list);
        return -1;
    }
    /* Texts and tables of texts lie on HDF5's heap, where no filter reaches them. */
    if (bytes_of(a) >= FILTER_BYTES && H5Tis_variable_str(a->type) == 0 &&
        H5Tget_class(a->type) != H5T_COMPOUND) {
        hsize_t chunk[SSMQ_STORE_AXES_MAX];
        choose_chunk(a, chunk);
        bad = bad || ssmq_h5_bad(s, H5Pset_chunk(list, a->rank, chunk)) ||
              ssmq_h5_bad(s, H5Pset_shuffle(list)) || ssmq_h5_bad(s, H5Pset_deflate(list, 1));
    }
    if (!bad) return list;
    H5Pclose(list);
    return -1;
}

static ssmq_status create_dataset(ssmq_store *s, const char *path, const ssmq_h5_array *a,
                                  hid_t *out)
{
    const hid_t list = creation_list(s, a);
    const hid_t space =
        a->rank ? H5Screate_simple(a->rank, a->dim, NULL) : H5Screate(H5S_SCALAR);
    const hid_t d = H5Dcreate2(s->file, path, a->type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    bool        bad = ssmq_h5_bad(s, d);
    H5Sclose(space);
    H5Pclose(list);
    if (bad) return ssmq_h5_fail(s, path, "cannot be created");
    if (a->data && bytes_of(a) > 0) /* an axis may be empty */
        bad = ssmq_h5_bad(s, H5Dwrite(d, a->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->data));
    if (bad) {
        H5Dclose(d);
        return ssmq_h5_fail(s, path, "cannot be written");
    }
    *out = d;
    return SSMQ_OK;
}

/* Attributes are written before the scales are attached, so that h5dump shows them first. */
static ssmq_status describe(ssmq_store *s, hid_t d, const char *path, const ssmq_h5_array *a)
{
    bool ok = ssmq_h5_put_text(s, d, "units", a->unit) &&
              ssmq_h5_put_text(s, d, "long_name", a->long_name);
    if (ok && a->missing) {
        const hid_t space = H5Screate(H5S_SCALAR);
        ok = ssmq_h5_put_attribute(s, d, "_FillValue", a->type, space, a->missing);
        H5Sclose(space);
    }
    if (ok && a->is_scale) /* its name is what netCDF calls the dimension */
        ok = !ssmq_h5_bad(s, H5DSset_scale(d, path + parent_length(path) + 1));
    return ok ? SSMQ_OK : ssmq_h5_fail(s, path, "cannot be given its attributes");
}

ssmq_status ssmq_h5_put_array(ssmq_store *s, const char *path, const ssmq_h5_array *a,
                              const char *const *scale, hid_t *out)
{
    SSMQ_TRY(ssmq_h5_make_parents(s, path));
    const int32_t n_scale = scale ? a->rank : 0;
    for (int32_t i = 0; i < n_scale; i++) SSMQ_TRY(link_scale(s, path, scale[i]));
    hid_t d = -1;
    SSMQ_TRY(create_dataset(s, path, a, &d));
    ssmq_status st = describe(s, d, path, a);
    for (int32_t i = 0; i < n_scale && st == SSMQ_OK; i++)
        st = attach_scale(s, d, a, i, scale[i]);
    if (st == SSMQ_OK && out)
        *out = d;
    else
        H5Dclose(d);
    return st;
}
