#include "harness/store/sealed.h"
#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "harness/store/h5.h"

struct ssmq_sealed {
    char *path;
    hid_t file;
};

/* No array is larger than its file uncompressed but for long runs of one value: a bound that keeps absurd
 * sizes from being asked for. */
#define COUNT_MAX ((hsize_t)1 << 32)

/* ---- the file --------------------------------------------------------------------------- */

ssmq_status ssmq_sealed_open(const char *path, ssmq_sealed **out)
{
    struct stat st;
    if (stat(path, &st) != 0) return SSMQ_FAIL(INPUT, "%s: %s", path, strerror(errno));
    ssmq_h5_quiet();
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) return SSMQ_FAIL(DAMAGED, "%s: cannot be opened as HDF5", path);
    ssmq_sealed *r = ssmq_must_malloc(sizeof *r);
    *r = (ssmq_sealed){.path = strdup(path), .file = file};
    *out = r;
    return SSMQ_OK;
}

void ssmq_sealed_close(ssmq_sealed *r)
{
    if (!r) return;
    H5Fclose(r->file);
    free(r->path);
    free(r);
}

const char *ssmq_sealed_path(const ssmq_sealed *r)
{
    return r->path;
}

/* HDF5 looks up the last link of a path only, and fails where one before it is missing. */
bool ssmq_sealed_has(const ssmq_sealed *r, const char *object)
{
    char *part = ssmq_must_malloc(strlen(object) + 1);
    bool  there = true;
    for (const char *p = object; there && *p;) {
        p += 1 + strcspn(p + 1, "/");
        memcpy(part, object, (size_t)(p - object));
        part[p - object] = '\0';
        there = strcmp(part, "/") == 0 || H5Lexists(r->file, part, H5P_DEFAULT) > 0;
    }
    free(part);
    return there;
}

static ssmq_status damaged(const ssmq_sealed *r, const char *object, const char *what)
{
    return SSMQ_FAIL(DAMAGED, "%s: %s %s", r->path, object, what);
}

/* ---- numbers ---------------------------------------------------------------------------- */

static bool get_extent(hid_t d, ssmq_extent *out)
{
    const hid_t space = H5Dget_space(d), type = H5Dget_type(d);
    hsize_t     dim[SSMQ_RANK_MAX] = {0};
    const int   rank = H5Sget_simple_extent_ndims(space);
    bool fine = rank >= 0 && rank <= SSMQ_RANK_MAX && H5Sget_simple_extent_dims(space, dim, NULL) == rank;
    *out = (ssmq_extent){.rank = rank};
    hsize_t count = 1;
    for (int i = 0; i < rank && fine; i++) {
        out->dim[i] = (int64_t)dim[i];
        fine = dim[i] <= COUNT_MAX && (dim[i] == 0 || count <= COUNT_MAX / dim[i]);
        count *= dim[i];
    }
    const H5T_class_t class = H5Tget_class(type);
    out->number = class == H5T_FLOAT || class == H5T_INTEGER;
    H5Tclose(type);
    H5Sclose(space);
    return fine;
}

ssmq_status ssmq_sealed_extent(const ssmq_sealed *r, const char *dataset, ssmq_extent *out)
{
    const hid_t d = H5Dopen2(r->file, dataset, H5P_DEFAULT);
    if (d < 0) return damaged(r, dataset, "is missing");
    const bool fine = get_extent(d, out);
    H5Dclose(d);
    return fine ? SSMQ_OK : damaged(r, dataset, "has a shape that no result has");
}

/* Every handle may be negative: closing those fails without harm, as errors are not printed. */
static bool read_block(hid_t d, int32_t rank, const int64_t *begin, const int64_t *count, double *out)
{
    hsize_t from[SSMQ_RANK_MAX] = {0}, n[SSMQ_RANK_MAX] = {0}, total = 1;
    for (int32_t i = 0; i < rank; i++) {
        from[i] = (hsize_t)begin[i];
        n[i] = (hsize_t)count[i];
        total *= n[i];
    }
    if (total == 0) return true;
    const hid_t space = H5Dget_space(d), memory = H5Screate_simple(1, &total, NULL);
    const bool  fine = (rank == 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, n, NULL) >= 0) &&
                      H5Dread(d, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, out) >= 0;
    H5Sclose(memory);
    H5Sclose(space);
    return fine;
}

ssmq_status ssmq_sealed_block(const ssmq_sealed *r, const char *dataset, const int64_t *begin,
                              const int64_t *count, double *out)
{
    const hid_t d = H5Dopen2(r->file, dataset, H5P_DEFAULT);
    if (d < 0) return damaged(r, dataset, "is missing");
    ssmq_extent extent = {0};
    const bool  fine =
        get_extent(d, &extent) && extent.number && read_block(d, extent.rank, begin, count, out);
    H5Dclose(d);
    return fine ? SSMQ_OK : damaged(r, dataset, "cannot be read as numbers");
}

ssmq_status ssmq_sealed_vector(const ssmq_sealed *r, const char *dataset, ssmq_arena *arena, double **out,
                               int64_t *n)
{
    ssmq_extent extent = {0};
    SSMQ_TRY(ssmq_sealed_extent(r, dataset, &extent));
    if (extent.rank != 1 || !extent.number) return damaged(r, dataset, "is no array of numbers of one axis");
    double *values = SSMQ_ARENA_ARRAY(arena, double, extent.dim[0]);
    SSMQ_TRY(ssmq_sealed_block(r, dataset, &(int64_t){0}, extent.dim, values));
    *out = values;
    *n = extent.dim[0];
    return SSMQ_OK;
}

/* ---- texts ------------------------------------------------------------------------------ */

/* Texts of variable length, as ours are; count of them in a space. */
static const char **keep_texts(char **text, int64_t n, ssmq_arena *arena)
{
    const char **kept = SSMQ_ARENA_ARRAY(arena, const char *, n + 1);
    for (int64_t i = 0; i < n; i++) kept[i] = ssmq_arena_strdup(arena, text[i] ? text[i] : "");
    return kept;
}

static bool read_texts(hid_t d, ssmq_arena *arena, const char *const **out, int64_t *n)
{
    const hid_t type = H5Dget_type(d), space = H5Dget_space(d), wanted = ssmq_h5_text_type();
    ssmq_extent extent;
    bool        fine = get_extent(d, &extent) && extent.rank <= 1 && H5Tis_variable_str(type) > 0;
    if (fine) {
        const int64_t count = extent.rank ? extent.dim[0] : 1;
        char        **text = SSMQ_ARENA_ARRAY(arena, char *, count + 1);
        fine = count == 0 || H5Dread(d, wanted, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) >= 0;
        if (fine) {
            *out = keep_texts(text, count, arena);
            *n = count;
            H5Dvlen_reclaim(wanted, space, H5P_DEFAULT, text);
        }
    }
    H5Tclose(wanted);
    H5Sclose(space);
    H5Tclose(type);
    return fine;
}

ssmq_status ssmq_sealed_texts(const ssmq_sealed *r, const char *dataset, ssmq_arena *arena,
                              const char *const **out, int64_t *n)
{
    const hid_t d = H5Dopen2(r->file, dataset, H5P_DEFAULT);
    if (d < 0) return damaged(r, dataset, "is missing");
    const bool fine = read_texts(d, arena, out, n);
    H5Dclose(d);
    return fine ? SSMQ_OK : damaged(r, dataset, "cannot be read as texts");
}

static bool read_attribute(hid_t a, ssmq_arena *arena, const char **out)
{
    const hid_t type = H5Aget_type(a), space = H5Aget_space(a), wanted = ssmq_h5_text_type();
    char       *text = NULL;
    const bool  fine = H5Tis_variable_str(type) > 0 && H5Sget_simple_extent_type(space) == H5S_SCALAR &&
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

ssmq_status ssmq_sealed_attribute(const ssmq_sealed *r, const char *object, const char *name,
                                  ssmq_arena *arena, const char **out)
{
    const hid_t a = H5Aopen_by_name(r->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    const bool  fine = a >= 0 && read_attribute(a, arena, out);
    if (a >= 0) H5Aclose(a);
    if (fine) return SSMQ_OK;
    return SSMQ_FAIL(DAMAGED, "%s: %s has no text attribute '%s'", r->path, object, name);
}

double ssmq_sealed_number(const ssmq_sealed *r, const char *object, const char *name)
{
    double      value = NAN;
    const hid_t a = H5Aopen_by_name(r->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (a < 0) return NAN;
    const hid_t type = H5Aget_type(a), space = H5Aget_space(a);
    const H5T_class_t class = H5Tget_class(type);
    if (H5Sget_simple_extent_type(space) == H5S_SCALAR && (class == H5T_FLOAT || class == H5T_INTEGER) &&
        H5Aread(a, H5T_NATIVE_DOUBLE, &value) < 0)
        value = NAN;
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(a);
    return value;
}

/* ---- groups ----------------------------------------------------------------------------- */

static const char *member_name(hid_t group, H5_index_t order, hsize_t i, ssmq_arena *arena)
{
    const ssize_t n = H5Lget_name_by_idx(group, ".", order, H5_ITER_INC, i, NULL, 0, H5P_DEFAULT);
    if (n < 0) return NULL;
    char *name = SSMQ_ARENA_ARRAY(arena, char, n + 1);
    return H5Lget_name_by_idx(group, ".", order, H5_ITER_INC, i, name, (size_t)n + 1, H5P_DEFAULT) < 0 ? NULL
                                                                                                       : name;
}

static bool list_members(hid_t group, ssmq_arena *arena, const char *const **out)
{
    H5G_info_t info;
    if (H5Gget_info(group, &info) < 0) return false;
    const hid_t list = H5Gget_create_plist(group);
    unsigned    flags = 0;
    const bool  tracked = H5Pget_link_creation_order(list, &flags) >= 0 && flags & H5P_CRT_ORDER_INDEXED;
    H5Pclose(list);
    const char **name = SSMQ_ARENA_ARRAY(arena, const char *, info.nlinks + 1);
    for (hsize_t i = 0; i < info.nlinks; i++)
        if (!(name[i] = member_name(group, tracked ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, i, arena)))
            return false;
    *out = name;
    return true;
}

ssmq_status ssmq_sealed_members(const ssmq_sealed *r, const char *group, ssmq_arena *arena,
                                const char *const **out)
{
    static const char *const none[] = {NULL};
    const hid_t              object = H5Oopen(r->file, group, H5P_DEFAULT);
    if (object < 0) return damaged(r, group, "cannot be opened");
    *out = none;
    const bool fine = H5Iget_type(object) != H5I_GROUP || list_members(object, arena, out);
    H5Oclose(object);
    return fine ? SSMQ_OK : damaged(r, group, "cannot be listed");
}
