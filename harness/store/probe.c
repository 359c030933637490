#include "harness/store/probe.h"
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/store/h5.h"

#define SKEW_MAX_S 5 /* of the file system's clock: a lease of another host is stale after minutes */

typedef struct prober {
    ssmq_arena *arena;
    const char *folder, *a, *b; /* two names in it */
    ssmq_probe *out;
    int32_t     n;
} prober;

static void add(prober *p, const char *name, bool needed, bool works, const char *detail)
{
    p->out[p->n++] = (ssmq_probe){name, works, needed, detail ? detail : ""};
}

/* With the system's reason where it does not work. */
static bool add_call(prober *p, const char *name, bool needed, bool works)
{
    add(p, name, needed, works, works ? "" : ssmq_arena_strdup(p->arena, strerror(errno)));
    return works;
}

/* ---- a folder -------------------------------------------------------------------------- */

static const char *existing(ssmq_arena *arena, const char *folder)
{
    struct stat st;
    while (stat(folder, &st) != 0 && strcmp(folder, ".") != 0 && strcmp(folder, "/") != 0) {
        ssmq_str up = {0};
        ssmq_path_folder(folder, &up);
        folder = ssmq_arena_strdup(arena, ssmq_str_text(&up));
        ssmq_str_free(&up);
    }
    return folder;
}

static bool sync_folder(const char *folder)
{
    const int  fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool fine = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return fine;
}

static bool renames_over(const prober *p)
{
    struct stat st;
    const int   fd = open(p->b, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return false;
    close(fd);
    return rename(p->a, p->b) == 0 && stat(p->b, &st) == 0 && st.st_size == 4;
}

static void probe_clock(prober *p, int fd)
{
    struct stat st;
    const bool  fine = futimens(fd, NULL) == 0 && fstat(fd, &st) == 0;
    const int64_t skew = fine ? (int64_t)st.st_mtime - (int64_t)time(NULL) : 0;
    add(p, "clock of the file system", false, fine && skew <= SKEW_MAX_S && skew >= -SKEW_MAX_S,
        ssmq_arena_printf(p->arena, "%" PRId64 " s off this host's", skew));
}

static void probe_space(prober *p)
{
    struct statvfs v;
    if (statvfs(p->folder, &v) != 0) {
        add_call(p, "free space", true, false);
        return;
    }
    const double gib = (double)v.f_bavail * (double)v.f_frsize / 0x1p30;
    add(p, "free space", true, gib > 0.1, ssmq_arena_printf(p->arena, "%.1f GiB", gib));
}

/* With the file at a open. */
static void probe_file(prober *p, int fd)
{
    add_call(p, "sync a file", true, write(fd, "text", 4) == 4 && fsync(fd) == 0);
    const int second = open(p->a, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    add(p, "exclusive creation (leases)", true, second < 0 && errno == EEXIST,
        second < 0 ? "" : "a second one succeeded");
    if (second >= 0) close(second);
    add_call(p, "flock (not needed)", false, flock(fd, LOCK_EX | LOCK_NB) == 0);
    probe_clock(p, fd);
    add_call(p, "rename over a file", true, renames_over(p));
    add_call(p, "sync the folder", true, sync_folder(p->folder));
}

int32_t ssmq_probe_folder(const char *folder, ssmq_arena *arena, ssmq_probe out[SSMQ_PROBE_MAX])
{
    prober p = {.arena = arena, .folder = existing(arena, folder), .out = out};
    p.a = ssmq_arena_printf(arena, "%s/ssmq-doctor-%ld-a", p.folder, (long)getpid());
    p.b = ssmq_arena_printf(arena, "%s/ssmq-doctor-%ld-b", p.folder, (long)getpid());
    const int fd = open(p.a, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (add_call(&p, "create a file", true, fd >= 0)) {
        probe_file(&p, fd);
        close(fd);
        unlink(p.a);
        unlink(p.b);
    }
    probe_space(&p);
    return p.n;
}

/* ---- HDF5 ------------------------------------------------------------------------------ */

/* A number through a file in memory. */
static bool round_trip(void)
{
    ssmq_h5_image image = {0};
    double        in = 1.5, out = 0;
    const hid_t   file = ssmq_h5_create("probe", &image), space = H5Screate(H5S_SCALAR);
    const hid_t   d = H5Dcreate2(file, "x", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const bool    fine = d >= 0 && H5Dwrite(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &in) >= 0 &&
                      H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &out) >= 0;
    H5Dclose(d);
    H5Sclose(space);
    H5Fclose(file);
    free(image.data);
    return fine && out == in;
}

int32_t ssmq_probe_hdf5(ssmq_arena *arena, ssmq_probe out[SSMQ_PROBE_MAX])
{
    prober   p = {.arena = arena, .out = out};
    unsigned major, minor, patch;
    hbool_t  safe = false;
    ssmq_h5_quiet();
    const bool known = H5get_libversion(&major, &minor, &patch) >= 0;
    add(&p, "same HDF5 as compiled against", false,
        known && major == H5_VERS_MAJOR && minor == H5_VERS_MINOR,
        ssmq_arena_printf(arena, "%u.%u.%u, headers %d.%d.%d", major, minor, patch, H5_VERS_MAJOR,
                          H5_VERS_MINOR, H5_VERS_RELEASE));
    add(&p, "deflate filter", true, H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0, "");
    add(&p, "shuffle filter", true, H5Zfilter_avail(H5Z_FILTER_SHUFFLE) > 0, "");
    H5is_library_threadsafe(&safe);
    add(&p, "thread-safe build (not needed)", false, safe, "");
    add(&p, "write and read back", true, round_trip(), "");
    return p.n;
}
