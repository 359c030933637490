#include "harness/store/h5.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"

#define GROWTH_BYTES (64 * 1024)

/* ---- a file in memory ------------------------------------------------------------------ */

/* HDF5 asks in steps of GROWTH_BYTES; growing by half each time keeps the copies few.  It does not
 * survive a "no", so running out ends the program, as with all bookkeeping. */
static void *image_realloc(void *p, size_t bytes, H5FD_file_image_op_t op, void *context)
{
    (void)op;
    ssmq_h5_image *image = context;
    SSMQ_ASSERT(p == image->data);
    if (bytes > image->capacity) {
        const size_t half_more = image->capacity + image->capacity / 2;
        image->capacity = bytes > half_more ? bytes : half_more;
        image->data = ssmq_must_realloc(image->data, image->capacity);
    }
    return image->data;
}

/* When the file is closed its bytes stay with us. */
static herr_t image_keep(void *p, H5FD_file_image_op_t op, void *context)
{
    const ssmq_h5_image *image = context;
    SSMQ_ASSERT(op == H5FD_FILE_IMAGE_OP_FILE_CLOSE && p == image->data);
    return 0;
}

static void *context_copy(void *context)
{
    return context;
}

static herr_t context_free(void *context)
{
    (void)context;
    return 0;
}

herr_t ssmq_h5_set_up_group(hid_t list)
{
    if (H5Pset_obj_track_times(list, false) < 0) return -1;
    return H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
}

hid_t ssmq_h5_create(const char *label, ssmq_h5_image *image)
{
    H5FD_file_image_callbacks_t callbacks = {
        .image_realloc = image_realloc,
        .image_free = image_keep,
        .udata_copy = context_copy,
        .udata_free = context_free,
        .udata = image,
    };
    /* A list that could not be made is negative, and the call that is given it fails. */
    hid_t       file = -1;
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE);
    /* These bounds: what every current tool reads, with room for large attributes. */
    if (H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_fapl_core(access, GROWTH_BYTES, false) >= 0 &&
        H5Pset_file_image_callbacks(access, &callbacks) >= 0 && ssmq_h5_set_up_group(create) >= 0)
        file = H5Fcreate(label, H5F_ACC_EXCL, create, access);
    H5Pclose(access);
    H5Pclose(create);
    return file;
}

size_t ssmq_h5_image_size(const ssmq_h5_image *image)
{
    /* Superblock, version 2: signature (8 bytes), version, two sizes, flags, base address (8),
     * extension address (8), end-of-file address (8). */
    SSMQ_ASSERT(image->capacity >= 48 && image->data[8] == 2 && image->data[9] == 8);
    uint64_t size = 0;
    for (int i = 7; i >= 0; i--) size = size << 8 | image->data[28 + i];
    SSMQ_ASSERT(size >= 48 && size <= image->capacity);
    return (size_t)size;
}

/* ---- failures -------------------------------------------------------------------------- */

void ssmq_h5_quiet(void)
{
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* HDF5 keeps a stack of errors per thread and clears it when the next call begins, H5?close
 * included: hence ssmq_h5_bad() right after each call that may fail.  Called from the innermost
 * entry outwards; the first one says what went wrong, the rest where that was noticed. */
static herr_t keep_reason(unsigned n, const H5E_error2_t *entry, void *context)
{
    char *reason = context;
    if (n == 0) snprintf(reason, SSMQ_H5_REASON, "%s", entry->desc ? entry->desc : "");
    return 0;
}

bool ssmq_h5_bad(ssmq_store *s, int64_t result)
{
    if (result >= 0) return false;
    if (!s->reason[0]) (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_reason, s->reason);
    return true;
}

ssmq_status ssmq_h5_fail(ssmq_store *s, const char *object, const char *what)
{
    char reason[SSMQ_H5_REASON];
    memcpy(reason, s->reason, sizeof reason); /* the caller may close the store before it looks */
    s->reason[0] = '\0';
    return SSMQ_FAIL(IO, "%s: %s %s: %s (HDF5 %d.%d.%d)", s->path, object, what,
                     reason[0] ? reason : "no reason given", H5_VERS_MAJOR, H5_VERS_MINOR,
                     H5_VERS_RELEASE);
}

/* ---- attributes ------------------------------------------------------------------------ */

/* Fixed-length texts come back as bytes in h5py; those of variable length as str. */

hid_t ssmq_h5_text_type(void)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

bool ssmq_h5_put_attribute(ssmq_store *s, hid_t object, const char *name, hid_t type, hid_t space,
                           const void *value)
{
    const hid_t a = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (ssmq_h5_bad(s, a)) return false;
    const bool bad = ssmq_h5_bad(s, H5Awrite(a, type, value));
    H5Aclose(a);
    return !bad;
}

bool ssmq_h5_put_text(ssmq_store *s, hid_t object, const char *name, const char *value)
{
    const hid_t type = ssmq_h5_text_type(), space = H5Screate(H5S_SCALAR);
    const bool  ok = ssmq_h5_put_attribute(s, object, name, type, space, &value);
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}

bool ssmq_h5_put_texts(ssmq_store *s, hid_t object, const char *name, const char *const *value,
                       int32_t n)
{
    const hsize_t dim = (hsize_t)n;
    const hid_t   type = ssmq_h5_text_type(), space = H5Screate_simple(1, &dim, NULL);
    const bool    ok = ssmq_h5_put_attribute(s, object, name, type, space, value);
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}
