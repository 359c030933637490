#include "harness/store/examine.h"
#include <hdf5.h>
#include <hdf5_hl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "harness/base/arena.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/store/h5.h"

#define BLOCK_BYTES (4u << 20)
#define PACKED_MAX 1100 /* deflate packs at most some 1030 bytes into one */

typedef struct examiner {
    hid_t            file;
    uint64_t         bytes; /* of the file */
    ssmq_arena      *arena;
    ssmq_json_writer json;  /* within "problems", until that is ended */
    const char     **name;  /* of every object                        */
    size_t           n, capacity;
} examiner;

static void problem(examiner *x, const char *object, const char *what)
{
    ssmq_json_put_text(&x->json, NULL, ssmq_arena_printf(x->arena, "%s %s", object, what));
}

/* ---- one object ------------------------------------------------------------------------ */

/* Rows of the first axis, a few MiB at a time; a scalar as one row. */
static bool read_rows(hid_t d, hid_t type, hid_t space, int rank, const hsize_t *dim, size_t row_bytes)
{
    hsize_t       begin[H5S_MAX_RANK] = {0}, count[H5S_MAX_RANK];
    const hsize_t rows = rank ? dim[0] : 1;
    hsize_t       step = BLOCK_BYTES / (row_bytes ? row_bytes : 1);
    bool          fine = true;
    if (step == 0) step = 1;
    if (step > rows) step = rows;
    void *block = malloc((size_t)step * row_bytes + 1);
    memcpy(count, dim, sizeof(hsize_t) * (size_t)rank);
    for (; block && fine && begin[0] < rows; begin[0] += step) {
        count[0] = rows - begin[0] < step ? rows - begin[0] : step;
        const hid_t memory = rank ? H5Screate_simple(rank, count, NULL) : H5Screate(H5S_SCALAR);
        if (rank) fine = H5Sselect_hyperslab(space, H5S_SELECT_SET, begin, NULL, count, NULL) >= 0;
        fine = fine && H5Dread(d, type, memory, space, H5P_DEFAULT, block) >= 0;
        if (fine && H5Tdetect_class(type, H5T_STRING) > 0) H5Dvlen_reclaim(type, memory, H5P_DEFAULT, block);
        H5Sclose(memory);
    }
    fine = fine && block;
    free(block);
    return fine;
}

/* What is wrong with it, or NULL. */
static const char *read_dataset(const examiner *x, hid_t d)
{
    const hid_t space = H5Dget_space(d), stored = H5Dget_type(d);
    const hid_t type = stored < 0 ? -1 : H5Tget_native_type(stored, H5T_DIR_DEFAULT);
    hsize_t     dim[H5S_MAX_RANK] = {0};
    const int   rank = H5Sget_simple_extent_dims(space, dim, NULL);
    const char *wrong = rank < 0 || type < 0 ? "has no readable type and shape" : NULL;
    double      row = wrong ? 0 : (double)H5Tget_size(type);
    for (int i = 1; i < rank; i++) row *= (double)dim[i];
    const double all = rank > 0 ? row * (double)dim[0] : row;
    if (!wrong && all > (double)x->bytes * PACKED_MAX) wrong = "claims to be larger than its file can hold";
    if (!wrong && all > 0 && !read_rows(d, type, space, rank, dim, (size_t)row)) wrong = "cannot be read";
    H5Tclose(type);
    H5Tclose(stored);
    H5Sclose(space);
    return wrong;
}

static herr_t read_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    const hid_t a = H5Aopen(object, name, H5P_DEFAULT);
    const hid_t stored = H5Aget_type(a), space = H5Aget_space(a);
    const hid_t type = H5Tget_native_type(stored, H5T_DIR_DEFAULT);
    void       *value = calloc(1, (size_t)info->data_size * 16 + 16); /* native types may be wider */
    const bool  fine = a >= 0 && type >= 0 && value && H5Aread(a, type, value) >= 0;
    if (fine && H5Tdetect_class(type, H5T_VLEN) <= 0 && H5Tis_variable_str(type) > 0)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, value);
    if (!fine) *(const char **)context = "has an attribute that cannot be read";
    free(value);
    H5Tclose(type);
    H5Sclose(space);
    H5Tclose(stored);
    H5Aclose(a);
    return 0;
}

static void examine_object(examiner *x, const char *name)
{
    const hid_t o = H5Oopen(x->file, name, H5P_DEFAULT);
    const char *wrong = o < 0 ? "cannot be opened" : NULL;
    hsize_t     at = 0;
    if (!wrong && H5Aiterate2(o, H5_INDEX_NAME, H5_ITER_INC, &at, read_attribute, &wrong) < 0)
        wrong = "has attributes that cannot be listed";
    if (!wrong && H5Iget_type(o) == H5I_DATASET) wrong = read_dataset(x, o);
    if (wrong) problem(x, name, wrong);
    if (o >= 0) H5Oclose(o);
}

static herr_t note_name(hid_t object, const char *name, const H5O_info_t *info, void *context)
{
    examiner *x = context;
    (void)object;
    (void)info;
    if (x->n == x->capacity) {
        const size_t wide = x->capacity ? 2 * x->capacity : 64;
        const char **more = SSMQ_ARENA_ARRAY(x->arena, const char *, wide);
        if (x->n) memcpy(more, x->name, x->n * sizeof *more);
        x->name = more;
        x->capacity = wide;
    }
    x->name[x->n++] = strcmp(name, ".") == 0 ? "/" : ssmq_arena_printf(x->arena, "/%s", name);
    return 0;
}

/* ---- what is compared with other files --------------------------------------------------- */

/* A text of variable length: an attribute of the root, or a scalar dataset; NULL if there is none. */
static const char *text_of(examiner *x, const char *attribute, const char *dataset)
{
    const hid_t wanted = ssmq_h5_text_type();
    const hid_t o = attribute ? H5Aopen(x->file, attribute, H5P_DEFAULT)
                              : H5Dopen2(x->file, dataset, H5P_DEFAULT);
    const hid_t stored = attribute ? H5Aget_type(o) : H5Dget_type(o);
    char       *text = NULL;
    const char *copy = NULL;
    if (o >= 0 && H5Tis_variable_str(stored) > 0) {
        if (attribute) H5Aread(o, wanted, &text);
        else H5Dread(o, wanted, H5S_ALL, H5S_ALL, H5P_DEFAULT, &text);
    }
    if (text) copy = ssmq_arena_strdup(x->arena, text);
    free(text);
    H5Tclose(stored);
    H5Tclose(wanted);
    if (attribute) H5Aclose(o);
    else H5Dclose(o);
    return copy;
}

/* One member of the only row of a table; NaN if it has none. */
static double member_of(examiner *x, const char *table, const char *member)
{
    double      value = (double)NAN;
    const hid_t d = H5Dopen2(x->file, table, H5P_DEFAULT);
    const hid_t type = H5Tcreate(H5T_COMPOUND, sizeof value);
    const hid_t space = H5Dget_space(d);
    H5Tinsert(type, member, 0, H5T_NATIVE_DOUBLE);
    if (d >= 0 && H5Sget_simple_extent_npoints(space) == 1)
        H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(d);
    return value;
}

/* The numbers of a dataset, to be freed; NULL if it cannot be read. */
static double *numbers_of(const examiner *x, const char *dataset, hssize_t *n)
{
    const hid_t d = H5Dopen2(x->file, dataset, H5P_DEFAULT), space = H5Dget_space(d);
    *n = H5Sget_simple_extent_npoints(space);
    double *value = d >= 0 && *n > 0 ? malloc((size_t)*n * sizeof *value) : NULL;
    if (value && H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) < 0) {
        free(value);
        value = NULL;
    }
    H5Sclose(space);
    H5Dclose(d);
    return value;
}

/* weights: a dataset that each value counts by, where the file has it */
static double mean_of(const examiner *x, const char *dataset, const char *weights)
{
    hssize_t   n, m;
    const bool weighted = H5Lexists(x->file, weights, H5P_DEFAULT) > 0;
    double    *value = numbers_of(x, dataset, &n), *weight = weighted ? numbers_of(x, weights, &m) : NULL;
    double     sum = 0, all = 0;
    const bool fine = value && (!weighted || (weight && m == n));
    for (hssize_t i = 0; fine && i < n; i++) {
        const double w = weight ? weight[i] : 1;
        sum += w * value[i];
        all += w;
    }
    free(value);
    free(weight);
    return fine ? sum / all : (double)NAN;
}

static void put_evaluations(examiner *x)
{
    static const char head[] = "/eval/", tail[] = "/window_nll";
    ssmq_json_begin_array(&x->json, "evaluations");
    for (size_t i = 0; i < x->n; i++) {
        const char *name = x->name[i];
        if (!ssmq_str_starts(name, head) || !ssmq_str_ends(name, tail)) continue;
        char *id = ssmq_arena_strdup(x->arena, name + strlen(head));
        id[strlen(id) - strlen(tail)] = '\0';
        ssmq_json_begin_object(&x->json, NULL);
        ssmq_json_put_text(&x->json, "id", id);
        const char *table = ssmq_arena_printf(x->arena, "/eval/%s/summary", id);
        ssmq_json_put_real(&x->json, "nll", member_of(x, table, "nll"));
        const char *weights = ssmq_arena_printf(x->arena, "/eval/%s/window_tokens", id);
        ssmq_json_put_real(&x->json, "mean_nll", mean_of(x, name, weights));
        ssmq_json_end_object(&x->json);
    }
    ssmq_json_end_array(&x->json);
}

static void put_facts(examiner *x)
{
    const char *config = text_of(x, NULL, "/meta/resolved_config");
    char        sum[SSMQ_SHA256_HEX];
    ssmq_json_put_text(&x->json, "conventions", text_of(x, "Conventions", NULL));
    ssmq_json_put_text(&x->json, "run_id", text_of(x, "run_id", NULL));
    ssmq_json_put_text(&x->json, "mode", text_of(x, "mode", NULL));
    ssmq_json_put_text(&x->json, "provenance", text_of(x, NULL, "/meta/provenance"));
    if (config) ssmq_sha256_of(config, strlen(config), sum);
    ssmq_json_put_text(&x->json, "config_sha256", config ? sum : NULL);
    put_evaluations(x);
}

/* ---- all ------------------------------------------------------------------------------- */

void ssmq_examine_file(const char *path, ssmq_str *out)
{
    struct stat st;
    examiner    x = {.arena = ssmq_arena_new(), .json = {.out = out}};
    ssmq_h5_quiet();
    x.bytes = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    x.file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    ssmq_json_begin_object(&x.json, NULL);
    ssmq_json_begin_array(&x.json, "problems");
    if (x.file < 0) problem(&x, "the file", "is no HDF5 file, or was cut short");
    else if (H5Ovisit2(x.file, H5_INDEX_NAME, H5_ITER_INC, note_name, &x, H5O_INFO_BASIC) < 0)
        problem(&x, "the file", "holds groups that cannot be listed");
    for (size_t i = 0; i < x.n; i++) examine_object(&x, x.name[i]);
    ssmq_json_end_array(&x.json);
    if (x.file >= 0) put_facts(&x);
    ssmq_json_end_object(&x.json);
    if (x.file >= 0) H5Fclose(x.file);
    ssmq_arena_free(x.arena);
}
