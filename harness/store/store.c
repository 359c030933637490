#include "harness/store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/base/file.h"
#include "harness/store/h5.h"

#define CONVENTIONS "ssmq-1"

/* ---- created, sealed, discarded -------------------------------------------------------- */

static void release(ssmq_store *s)
{
    if (s->group_list >= 0) H5Pclose(s->group_list);
    if (s->file >= 0) H5Fclose(s->file);
    if (s->fd >= 0) close(s->fd);
    free(s->image.data);
    free(s->path);
    free(s->part);
    free(s);
}

/* The part is created now, though it stays empty until the end: it keeps a second writer out, and a
 * folder that cannot be written into is noticed before hours of computing and not after them. */
static ssmq_status create_part(const ssmq_store *s, int *fd)
{
    struct stat found;
    if (lstat(s->path, &found) == 0) return SSMQ_FAIL(IO, "%s: exists already", s->path);
    *fd = open(s->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (*fd >= 0) return SSMQ_OK;
    if (errno == EEXIST)
        return SSMQ_FAIL(IO, "%s: exists already; another process may be writing it", s->part);
    return SSMQ_FAIL(IO, "%s: %s", s->part, strerror(errno));
}

/* A root with the name of the schema, and the list by which groups are made. */
static ssmq_status begin_file(ssmq_store *s)
{
    s->file = ssmq_h5_create(s->path, &s->image);
    if (ssmq_h5_bad(s, s->file)) return ssmq_h5_fail(s, "/", "cannot be created");
    s->group_list = H5Pcreate(H5P_GROUP_CREATE);
    if (ssmq_h5_bad(s, ssmq_h5_set_up_group(s->group_list)))
        return ssmq_h5_fail(s, "/", "cannot be set up");
    return ssmq_store_attribute_text(s, "/", "Conventions", CONVENTIONS);
}

ssmq_status ssmq_store_create(const char *path, ssmq_store **out)
{
    ssmq_h5_quiet();
    ssmq_store *s = ssmq_must_malloc(sizeof *s);
    *s = (ssmq_store){.fd = -1, .file = -1, .group_list = -1};
    const size_t n = strlen(path);
    s->path = memcpy(ssmq_must_malloc(n + 1), path, n + 1);
    s->part = memcpy(ssmq_must_malloc(n + sizeof ".part"), path, n);
    memcpy(s->part + n, ".part", sizeof ".part");
    ssmq_status st = create_part(s, &s->fd);
    if (st != SSMQ_OK) {
        release(s); /* the part is someone else's: it stays */
        return st;
    }
    st = begin_file(s);
    if (st != SSMQ_OK) {
        ssmq_store_discard(s);
        return st;
    }
    *out = s;
    return SSMQ_OK;
}

static ssmq_status write_part(ssmq_store *s)
{
    const size_t size = ssmq_h5_image_size(&s->image);
    int          reason = 0;
    for (size_t at = 0; at < size && !reason;) {
        const ssize_t n = write(s->fd, s->image.data + at, size - at);
        if (n >= 0)
            at += (size_t)n;
        else if (errno != EINTR)
            reason = errno;
    }
    const int fd = s->fd;
    s->fd = -1;
    if (close(fd) != 0 && !reason) reason = errno; /* where a quota or NFS says so late */
    if (reason)
        return SSMQ_FAIL(IO, "%s: %s (%zu bytes to be written)", s->part, strerror(reason), size);
    return SSMQ_OK;
}

/* From here on only our own write(), fsync() and rename() touch the disk; each can say no. */
ssmq_status ssmq_store_seal(ssmq_store *s)
{
    ssmq_h5_quiet();
    ssmq_status  st = SSMQ_OK;
    const herr_t closed = H5Fclose(s->file);
    s->file = -1;
    SSMQ_TRY_DONE(st, ssmq_h5_bad(s, closed) ? ssmq_h5_fail(s, "/", "cannot be closed") : SSMQ_OK);
    SSMQ_TRY_DONE(st, write_part(s));
    SSMQ_TRY_DONE(st, ssmq_file_seal(s->part, s->path));
done:
    if (st == SSMQ_OK)
        release(s);
    else
        ssmq_store_discard(s);
    return st;
}

void ssmq_store_discard(ssmq_store *s)
{
    if (!s) return;
    ssmq_h5_quiet();
    unlink(s->part);
    release(s);
}

/* ---- groups and attributes ------------------------------------------------------------- */

ssmq_status ssmq_store_group(ssmq_store *s, const char *path)
{
    ssmq_h5_quiet();
    SSMQ_ASSERT(path[0] == '/' && path[1]);
    ssmq_str inside = {0}; /* a group is the parent of whatever is in it */
    ssmq_str_printf(&inside, "%s/.", path);
    const ssmq_status st = ssmq_h5_make_parents(s, ssmq_str_text(&inside));
    ssmq_str_free(&inside);
    return st;
}

bool ssmq_store_has(ssmq_store *s, const char *path)
{
    ssmq_h5_quiet();
    const hid_t object = H5Oopen(s->file, path, H5P_DEFAULT);
    if (object >= 0) H5Oclose(object);
    return object >= 0;
}

static ssmq_status put_scalar(ssmq_store *s, const char *path, const char *name, hid_t type,
                              const void *value)
{
    ssmq_h5_quiet();
    /* Groups and datasets alike. */
    const hid_t object = H5Oopen(s->file, path, H5P_DEFAULT);
    if (ssmq_h5_bad(s, object)) return ssmq_h5_fail(s, path, "cannot be opened");
    const hid_t space = H5Screate(H5S_SCALAR);
    const bool  ok = ssmq_h5_put_attribute(s, object, name, type, space, value);
    H5Sclose(space);
    H5Oclose(object);
    return ok ? SSMQ_OK : ssmq_h5_fail(s, path, "cannot be given an attribute");
}

ssmq_status ssmq_store_attribute_text(ssmq_store *s, const char *path, const char *name,
                                      const char *value)
{
    const hid_t       type = ssmq_h5_text_type();
    const ssmq_status st = put_scalar(s, path, name, type, &value);
    H5Tclose(type);
    return st;
}

ssmq_status ssmq_store_attribute_int(ssmq_store *s, const char *path, const char *name,
                                     int64_t value)
{
    return put_scalar(s, path, name, H5T_STD_I64LE, &value);
}

ssmq_status ssmq_store_attribute_real(ssmq_store *s, const char *path, const char *name,
                                      double value)
{
    return put_scalar(s, path, name, H5T_IEEE_F64LE, &value);
}

/* ---- looked at ------------------------------------------------------------------------- */

/* By its bytes alone, since the library may crash on a damaged file: the signature, the length that the
 * superblock states (format specification of HDF5, version 2 and 3: at byte 28), and the run's id. */
bool ssmq_store_is_one(const char *path, const char *run_id)
{
    static const uint8_t signature[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    ssmq_mapping         m;
    uint64_t             end = 0;
    if (ssmq_map_open(path, &m) != SSMQ_OK) return false;
    bool is = m.size > 48 && memcmp(m.data, signature, sizeof signature) == 0;
    if (is) memcpy(&end, m.data + 28, sizeof end);
    is = is && end == m.size && memmem(m.data, m.size, run_id, strlen(run_id)) != NULL;
    ssmq_map_close(&m);
    return is;
}
