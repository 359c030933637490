/* Tensors, scales, texts and tables: what ssmq_store_* take, as arrays of HDF5 types. */
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/base/str.h"
#include "harness/store/h5.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "memory is written as it is, into little-endian types");

/* CF conventions: a pure number has the unit "1". */
static const char *unit_of(const char *unit)
{
    return unit && unit[0] ? unit : "1";
}

/* ---- types ----------------------------------------------------------------------------- */

/* 16-bit floats, which HDF5 1.10 has no names for: sign in bit 15, then exponent, then fraction.
 * h5py shows binary16 as float16 and bfloat16 as float32; netCDF shows both as float32. */
static hid_t half_type(size_t exponent, size_t fraction, size_t bias)
{
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    if (H5Tset_fields(type, 15, fraction, exponent, 0, fraction) < 0 || H5Tset_size(type, 2) < 0 ||
        H5Tset_ebias(type, bias) < 0) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

/* The caller closes it. */
static hid_t type_of(ssmq_dtype dtype)
{
    switch (dtype) {
    case SSMQ_F32: return H5Tcopy(H5T_IEEE_F32LE);
    case SSMQ_F16: return half_type(5, 10, 15);
    case SSMQ_BF16: return half_type(8, 7, 127);
    case SSMQ_F64: return H5Tcopy(H5T_IEEE_F64LE);
    case SSMQ_I64: return H5Tcopy(H5T_STD_I64LE);
    case SSMQ_I32: return H5Tcopy(H5T_STD_I32LE);
    case SSMQ_I8: return H5Tcopy(H5T_STD_I8LE);
    case SSMQ_U64: return H5Tcopy(H5T_STD_U64LE);
    case SSMQ_U8: return H5Tcopy(H5T_STD_U8LE);
    case SSMQ_I4: break; /* two codes share a byte: no array type of HDF5 */
    }
    SSMQ_ASSERT(!"a dtype that has a type in HDF5");
    return -1;
}

/* What stands for a missing value, bit by bit and in the type itself, as netCDF wants it: NaN in
 * float arrays; integers have none in general. */
static const void *missing_of(ssmq_dtype dtype)
{
    static const uint64_t f64 = 0x7ff8000000000000u;
    static const uint32_t f32 = 0x7fc00000u;
    static const uint16_t f16 = 0x7e00u, bf16 = 0x7fc0u;
    switch (dtype) {
    case SSMQ_F64: return &f64;
    case SSMQ_F32: return &f32;
    case SSMQ_F16: return &f16;
    case SSMQ_BF16: return &bf16;
    default: return NULL;
    }
}

/* ---- tensors and scales ---------------------------------------------------------------- */

/* chunk: of one that is filled in later; else NULL. */
static ssmq_status put_tensor(ssmq_store *s, const char *path, const ssmq_tensor *t,
                              const hsize_t *chunk, bool is_scale, const char *const *scale,
                              const char *unit, const char *long_name)
{
    ssmq_h5_quiet();
    SSMQ_ASSERT(t->space == SSMQ_SPACE_HOST && ssmq_tensor_contiguous(t));
    ssmq_h5_array a = {
        .type = type_of(t->dtype),
        .rank = t->rank,
        .data = chunk ? NULL : t->data,
        .chunk = chunk,
        .is_scale = is_scale,
        .missing = is_scale ? NULL : missing_of(t->dtype),
        .unit = unit_of(unit),
        .long_name = long_name,
    };
    for (int32_t i = 0; i < t->rank; i++) a.dim[i] = (hsize_t)t->dim[i];
    const ssmq_status st = ssmq_h5_put_array(s, path, &a, scale, NULL);
    H5Tclose(a.type);
    return st;
}

ssmq_status ssmq_store_scale(ssmq_store *s, const char *path, const ssmq_tensor *values,
                             const char *unit, const char *long_name)
{
    SSMQ_ASSERT(values->rank == 1);
    return put_tensor(s, path, values, NULL, true, NULL, unit, long_name);
}

ssmq_status ssmq_store_tensor(ssmq_store *s, const char *path, const ssmq_tensor *t,
                              const char *const *scale, const char *unit, const char *long_name)
{
    SSMQ_ASSERT(t->rank == 0 || scale);
    return put_tensor(s, path, t, NULL, false, scale, unit, long_name);
}

ssmq_status ssmq_store_reserve(ssmq_store *s, const char *path, const ssmq_tensor *shape,
                               const int64_t *chunk, const char *const *scale, const char *unit,
                               const char *long_name)
{
    hsize_t piece[SSMQ_RANK_MAX];
    SSMQ_ASSERT(shape->rank > 0 && scale);
    for (int32_t i = 0; i < shape->rank; i++) piece[i] = (hsize_t)chunk[i];
    return put_tensor(s, path, shape, piece, false, scale, unit, long_name);
}

ssmq_status ssmq_store_fill(ssmq_store *s, const char *path, const int64_t *begin,
                            const ssmq_tensor *part)
{
    ssmq_h5_quiet();
    hsize_t at[SSMQ_RANK_MAX], count[SSMQ_RANK_MAX];
    SSMQ_ASSERT(part->space == SSMQ_SPACE_HOST && ssmq_tensor_contiguous(part));
    for (int32_t i = 0; i < part->rank; i++) {
        at[i] = (hsize_t)begin[i];
        count[i] = (hsize_t)part->dim[i];
    }
    const hid_t d = H5Dopen2(s->file, path, H5P_DEFAULT);
    if (ssmq_h5_bad(s, d)) return ssmq_h5_fail(s, path, "cannot be opened");
    const hid_t to = H5Dget_space(d), from = H5Screate_simple(part->rank, count, NULL);
    const hid_t type = type_of(part->dtype);
    const bool  bad =
        ssmq_h5_bad(s, H5Sselect_hyperslab(to, H5S_SELECT_SET, at, NULL, count, NULL)) ||
        ssmq_h5_bad(s, H5Dwrite(d, type, from, to, H5P_DEFAULT, part->data));
    H5Tclose(type);
    H5Sclose(from);
    H5Sclose(to);
    H5Dclose(d);
    return bad ? ssmq_h5_fail(s, path, "cannot be written") : SSMQ_OK;
}

/* ---- texts ----------------------------------------------------------------------------- */

/* HDF5 takes addresses of 0-terminated texts as they are. */
static ssmq_status put_texts(ssmq_store *s, const char *path, const char *const *values, int64_t n,
                             bool is_scale, const char *scale, const char *long_name)
{
    ssmq_h5_quiet();
    const ssmq_h5_array a = {
        .type = ssmq_h5_text_type(),
        .rank = 1,
        .dim = {(hsize_t)n},
        .data = values,
        .is_scale = is_scale,
        .unit = "",
        .long_name = long_name,
    };
    const ssmq_status st = ssmq_h5_put_array(s, path, &a, scale ? &scale : NULL, NULL);
    H5Tclose(a.type);
    return st;
}

ssmq_status ssmq_store_scale_text(ssmq_store *s, const char *path, const char *const *values,
                                  int64_t n, const char *long_name)
{
    return put_texts(s, path, values, n, true, NULL, long_name);
}

ssmq_status ssmq_store_texts(ssmq_store *s, const char *path, const char *const *values, int64_t n,
                             const char *scale, const char *long_name)
{
    SSMQ_ASSERT(scale);
    return put_texts(s, path, values, n, false, scale, long_name);
}

_Static_assert(SSMQ_STORE_AXES_MAX >= SSMQ_RANK_MAX, "an array has room for a tensor's axes");

ssmq_status ssmq_store_grid(ssmq_store *s, const char *path, const double *real, const char *const *text,
                            int32_t n_axis, const int32_t *dim, const char *const *scale,
                            const char *unit, const char *long_name)
{
    ssmq_h5_quiet();
    SSMQ_ASSERT((real != NULL) + (text != NULL) == 1 && n_axis > 0 && n_axis <= SSMQ_STORE_AXES_MAX);
    ssmq_h5_array a = {
        .type = real ? type_of(SSMQ_F64) : ssmq_h5_text_type(),
        .rank = n_axis,
        .data = real ? (const void *)real : (const void *)text,
        .missing = real ? missing_of(SSMQ_F64) : NULL,
        .unit = real ? unit_of(unit) : "",
        .long_name = long_name,
    };
    for (int32_t i = 0; i < n_axis; i++) a.dim[i] = (hsize_t)dim[i];
    const ssmq_status st = ssmq_h5_put_array(s, path, &a, scale, NULL);
    H5Tclose(a.type);
    return st;
}

ssmq_status ssmq_store_text(ssmq_store *s, const char *path, const char *value,
                            const char *media_type)
{
    ssmq_h5_quiet();
    ssmq_str name = {0}; /* "resolved_config" is described as "resolved config" */
    ssmq_str_puts(&name, strrchr(path, '/') + 1);
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] == '_') name.data[i] = ' ';
    const ssmq_h5_array a = {
        .type = ssmq_h5_text_type(),
        .data = &value,
        .unit = "",
        .long_name = ssmq_str_text(&name),
    };
    ssmq_status st = ssmq_h5_put_array(s, path, &a, NULL, NULL);
    H5Tclose(a.type);
    ssmq_str_free(&name);
    if (st == SSMQ_OK) st = ssmq_store_attribute_text(s, path, "media_type", media_type);
    return st;
}

/* ---- tables ---------------------------------------------------------------------------- */

#define CELL_BYTES 8 /* a double, a count or the address of a text */

_Static_assert(sizeof(double) == CELL_BYTES && sizeof(char *) == CELL_BYTES, "cells have one size");

/* All cells of a row have one size, so that columns are found by their number; h5py reads such a
 * table as a record array. */
static hid_t row_type(const ssmq_store_column *column, int32_t n_column)
{
    const hid_t row = H5Tcreate(H5T_COMPOUND, (size_t)n_column * CELL_BYTES);
    const hid_t text = ssmq_h5_text_type();
    bool        bad = false;
    for (int32_t i = 0; i < n_column; i++) {
        const ssmq_store_column *c = &column[i];
        SSMQ_ASSERT((c->real != NULL) + (c->count != NULL) + (c->text != NULL) == 1);
        const hid_t cell = c->real ? H5T_IEEE_F64LE : c->count ? H5T_STD_U64LE : text;
        bad = bad || H5Tinsert(row, c->name, (size_t)i * CELL_BYTES, cell) < 0;
    }
    H5Tclose(text);
    if (!bad) return row;
    H5Tclose(row);
    return -1;
}

/* Columns to rows; free() when done. */
static unsigned char *rows_of(const ssmq_store_column *column, int32_t n_column, int64_t n_row)
{
    unsigned char *rows = ssmq_must_malloc((size_t)n_row * (size_t)n_column * CELL_BYTES);
    unsigned char *cell = rows;
    for (int64_t r = 0; r < n_row; r++) {
        for (int32_t i = 0; i < n_column; i++, cell += CELL_BYTES) {
            const ssmq_store_column *c = &column[i];
            if (c->real)
                memcpy(cell, &c->real[r], CELL_BYTES);
            else if (c->count)
                memcpy(cell, &c->count[r], CELL_BYTES);
            else
                memcpy(cell, &c->text[r], CELL_BYTES);
        }
    }
    return rows;
}

/* A scale 0, 1, ... beside the table: readers refuse an axis without one. */
static ssmq_status put_rows(ssmq_store *s, const char *path, int64_t n_row)
{
    int32_t *number = ssmq_must_malloc((size_t)n_row * sizeof *number);
    for (int64_t i = 0; i < n_row; i++) number[i] = (int32_t)i;
    const ssmq_tensor t = SSMQ_TENSOR(number, SSMQ_I32, n_row);
    const ssmq_status st = ssmq_store_scale(s, path, &t, "", "row of the table, from 0");
    free(number);
    return st;
}

static ssmq_status put_table(ssmq_store *s, const char *path, const ssmq_store_column *column,
                             int32_t n_column, int64_t n_row, const char *scale,
                             const char *long_name)
{
    /* One `units` for all members of a compound type would say nothing: theirs are an array. */
    const char **units = ssmq_must_malloc((size_t)n_column * sizeof *units);
    for (int32_t i = 0; i < n_column; i++)
        units[i] = column[i].text ? "" : unit_of(column[i].unit);
    unsigned char      *rows = rows_of(column, n_column, n_row);
    const ssmq_h5_array a = {
        .type = row_type(column, n_column),
        .rank = 1,
        .dim = {(hsize_t)n_row},
        .data = rows,
        .unit = "",
        .long_name = long_name,
    };
    hid_t       d = -1;
    ssmq_status st = ssmq_h5_put_array(s, path, &a, &scale, &d);
    if (st == SSMQ_OK) {
        if (!ssmq_h5_put_texts(s, d, "member_units", units, n_column))
            st = ssmq_h5_fail(s, path, "cannot be given its attributes");
        H5Dclose(d);
    }
    H5Tclose(a.type);
    free(rows);
    free(units);
    return st;
}

ssmq_status ssmq_store_table(ssmq_store *s, const char *path, const ssmq_store_column *column,
                             int32_t n_column, int64_t n_row, const char *scale,
                             const char *long_name)
{
    ssmq_h5_quiet();
    SSMQ_ASSERT(n_column > 0);
    if (scale) return put_table(s, path, column, n_column, n_row, scale, long_name);
    ssmq_str rows = {0};
    ssmq_str_printf(&rows, "%s_row", path);
    ssmq_status st = put_rows(s, ssmq_str_text(&rows), n_row);
    if (st == SSMQ_OK)
        st = put_table(s, path, column, n_column, n_row, ssmq_str_text(&rows), long_name);
    ssmq_str_free(&rows);
    return st;
}
