/* Private to harness/store/store*.c: the open file, and HDF5 calls whose failure becomes a status.
 *
 * The file is put together in memory (HDF5's core driver) and written out by us when it is sealed.
 * HDF5 1.10.8 ends in a segmentation fault when a write to a full disk is refused, whichever call
 * it happens in; so it never writes to the disk itself. */
#pragma once
#include <hdf5.h>
#include <stdbool.h>
#include "harness/store/store.h"

#define SSMQ_H5_REASON 200

/* The bytes of the file, which HDF5 grows and leaves to us when it closes. */
typedef struct ssmq_h5_image {
    unsigned char *data;
    size_t         capacity;
} ssmq_h5_image;

struct ssmq_store {
    char         *path, *part;
    int           fd; /* of part, empty until the store is sealed */
    hid_t         file;
    hid_t         group_list; /* how groups are created */
    ssmq_h5_image image;
    char          reason[SSMQ_H5_REASON]; /* of the first HDF5 call that failed; "" */
};

/* An array as it is written: file and memory have the same type, little-endian. */
typedef struct ssmq_h5_array {
    hid_t       type;
    int32_t     rank;
    hsize_t     dim[SSMQ_STORE_AXES_MAX];
    const void *data;                 /* NULL: written later */
    const hsize_t *chunk;             /* [rank] with a checksum and no other filter; NULL: by size */
    bool        is_scale;
    const void *missing; /* value of the attribute _FillValue; NULL: none */
    const char *unit, *long_name;
} ssmq_h5_array;

/* An open core-driver file whose bytes end up in image; negative on failure. */
hid_t ssmq_h5_create(const char *label, ssmq_h5_image *image);
/* For a creation list of files or groups: no object times, links in the order of their creation. */
herr_t ssmq_h5_set_up_group(hid_t list);
/* Length in bytes of the closed file in image, as its superblock says. */
size_t ssmq_h5_image_size(const ssmq_h5_image *image);

/* Is this the result of a failed call?  If so, keeps HDF5's reason, which the next call clears. */
bool ssmq_h5_bad(ssmq_store *s, int64_t result);
/* IO: "FILE: OBJECT WHAT: REASON (HDF5 ...)"; forgets the reason. */
ssmq_status ssmq_h5_fail(ssmq_store *s, const char *object, const char *what);
/* HDF5 prints errors to stderr, in each thread, until told not to. */
void ssmq_h5_quiet(void);

/* Variable-length UTF-8; the caller closes it. */
hid_t ssmq_h5_text_type(void);
/* false: the reason is kept. */
bool ssmq_h5_put_attribute(ssmq_store *s, hid_t object, const char *name, hid_t type, hid_t space,
                           const void *value);
bool ssmq_h5_put_text(ssmq_store *s, hid_t object, const char *name, const char *value);
bool ssmq_h5_put_texts(ssmq_store *s, hid_t object, const char *name, const char *const *value,
                       int32_t n);

/* Makes the groups above path, then the dataset with its attributes and scales; scale: a path for
 * each axis, NULL for scales and for rank 0.  *out, if wanted, is closed by the caller. */
SSMQ_MUST_USE ssmq_status ssmq_h5_put_array(ssmq_store *s, const char *path, const ssmq_h5_array *a,
                                            const char *const *scale, hid_t *out);
SSMQ_MUST_USE ssmq_status ssmq_h5_make_parents(ssmq_store *s, const char *path);
