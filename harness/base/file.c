#include "harness/base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include "harness/base/arena.h"

/* ---- mapped ---------------------------------------------------------------------------- */

static ssmq_status open_regular(const char *path, int *fd, size_t *size)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) return SSMQ_FAIL(INPUT, "%s: %s", path, strerror(errno));
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        const int reason = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        close(*fd);
        return SSMQ_FAIL(INPUT, "%s: not a regular file (%s)", path, strerror(reason));
    }
    *size = (size_t)st.st_size;
    return SSMQ_OK;
}

ssmq_status ssmq_map_open(const char *path, ssmq_mapping *out)
{
    int    fd;
    size_t size = 0;
    SSMQ_TRY(open_regular(path, &fd, &size));
    void *p = NULL;
    if (size > 0) {
        p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED) {
            const int reason = errno;
            close(fd);
            return SSMQ_FAIL(INPUT, "%s: cannot be mapped: %s", path, strerror(reason));
        }
    }
    close(fd);
    *out = (ssmq_mapping){.data = p, .size = size};
    return SSMQ_OK;
}

void ssmq_map_close(ssmq_mapping *m)
{
    if (m->data) munmap((void *)(uintptr_t)m->data, m->size);
    *m = (ssmq_mapping){0};
}

void ssmq_map_forget(const ssmq_mapping *m, size_t offset, size_t bytes)
{
    if (!m->data || offset >= m->size) return;
    const size_t    page = (size_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = ((uintptr_t)m->data + offset + page - 1) / page * page;
    uintptr_t       end = (uintptr_t)m->data + offset + bytes;
    const uintptr_t limit = (uintptr_t)m->data + m->size;
    if (end > limit) end = limit;
    /* Advice only: when it is not taken, the pages merely stay. */
    if (end > begin) (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* ---- streams --------------------------------------------------------------------------- */

struct ssmq_stream {
    FILE         *file;
    char         *path;
    ZSTD_DStream *zstd; /* NULL for plain files */
    ZSTD_inBuffer in;
    void         *buffer;
    size_t        buffer_size;
    size_t        pending; /* what zstd last returned: 0 at the end of a frame */
    size_t        size, taken; /* bytes of the file, and read from it */
};

ssmq_status ssmq_stream_open(const char *path, ssmq_stream **out)
{
    int    fd;
    size_t size = 0;
    SSMQ_TRY(open_regular(path, &fd, &size));
    FILE *file = fdopen(fd, "rb");
    if (!file) {
        close(fd);
        return SSMQ_FAIL(INPUT, "%s: %s", path, strerror(errno));
    }
    ssmq_stream *s = ssmq_must_malloc(sizeof *s);
    *s = (ssmq_stream){.file = file, .size = size};
    s->path = strcpy(ssmq_must_malloc(strlen(path) + 1), path);
    if (ssmq_str_ends(path, ".zst")) {
        s->zstd = ZSTD_createDStream();
        s->buffer_size = ZSTD_DStreamInSize();
        s->buffer = ssmq_must_malloc(s->buffer_size);
        if (!s->zstd) {
            ssmq_stream_close(s);
            return SSMQ_FAIL(MEMORY, "%s: no memory to decompress it", path);
        }
        if (size == 0) s->pending = 1; /* an empty file is no zstd frame: cut short */
    }
    *out = s;
    return SSMQ_OK;
}

static ssmq_status read_plain(ssmq_stream *s, void *bytes, size_t n, size_t *got)
{
    *got = fread(bytes, 1, n, s->file);
    if (*got < n && ferror(s->file))
        return SSMQ_FAIL(INPUT, "%s: read error: %s", s->path, strerror(errno));
    s->taken += *got;
    return SSMQ_OK;
}

ssmq_status ssmq_stream_read(ssmq_stream *s, char *bytes, size_t n, size_t *got)
{
    if (!s->zstd) return read_plain(s, bytes, n, got);
    ZSTD_outBuffer dst = {.dst = bytes, .size = n};
    while (dst.pos < n) {
        if (s->in.pos == s->in.size) {
            size_t more;
            SSMQ_TRY(read_plain(s, s->buffer, s->buffer_size, &more));
            s->in = (ZSTD_inBuffer){.src = s->buffer, .size = more};
            if (more == 0) {
                if (s->pending != 0)
                    return SSMQ_FAIL(INPUT, "%s: the compressed data end too early", s->path);
                break;
            }
        }
        s->pending = ZSTD_decompressStream(s->zstd, &dst, &s->in);
        if (ZSTD_isError(s->pending))
            return SSMQ_FAIL(INPUT, "%s: damaged zstd data: %s", s->path,
                             ZSTD_getErrorName(s->pending));
    }
    *got = dst.pos;
    return SSMQ_OK;
}

double ssmq_stream_fraction(const ssmq_stream *s)
{
    return s->taken < s->size ? (double)s->taken / (double)s->size : 1.0;
}

void ssmq_stream_close(ssmq_stream *s)
{
    if (!s) return;
    fclose(s->file);
    ZSTD_freeDStream(s->zstd);
    free(s->buffer);
    free(s->path);
    free(s);
}

ssmq_status ssmq_file_read(const char *path, size_t limit, ssmq_str *out)
{
    ssmq_mapping m;
    SSMQ_TRY(ssmq_map_open(path, &m));
    if (m.size > limit) {
        const size_t size = m.size;
        ssmq_map_close(&m);
        return SSMQ_FAIL(INPUT, "%s: %zu bytes is over the limit of %zu", path, size, limit);
    }
    ssmq_str_append(out, (const char *)m.data, m.size);
    ssmq_map_close(&m);
    return SSMQ_OK;
}

/* ---- written whole or not at all ------------------------------------------------------- */

static ssmq_status sync_path(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) return SSMQ_FAIL(IO, "%s: %s", path, strerror(errno));
    const int bad = fsync(fd), reason = errno;
    close(fd);
    if (bad) return SSMQ_FAIL(IO, "%s: %s", path, strerror(reason));
    return SSMQ_OK;
}

ssmq_status ssmq_file_seal(const char *part, const char *path)
{
    SSMQ_TRY(sync_path(part, O_RDONLY));
    if (rename(part, path) != 0)
        return SSMQ_FAIL(IO, "%s: cannot be renamed from %s: %s", path, part, strerror(errno));
    ssmq_str folder = {0};
    ssmq_path_folder(path, &folder);
    const ssmq_status st = sync_path(ssmq_str_text(&folder), O_RDONLY | O_DIRECTORY);
    ssmq_str_free(&folder);
    return st;
}

static ssmq_status write_part(const char *part, const char *text, size_t n)
{
    FILE *file = fopen(part, "wb");
    if (!file) return SSMQ_FAIL(IO, "%s: %s", part, strerror(errno));
    const size_t written = fwrite(text, 1, n, file);
    int          reason = written == n ? 0 : errno;
    if (fclose(file) != 0 && !reason) reason = errno;
    if (reason) {
        unlink(part);
        return SSMQ_FAIL(IO, "%s: %s", part, strerror(reason));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_file_write(const char *path, const char *text, size_t n)
{
    ssmq_str part = {0};
    ssmq_str_printf(&part, "%s.part", path);
    ssmq_status st = write_part(ssmq_str_text(&part), text, n);
    if (st == SSMQ_OK) st = ssmq_file_seal(ssmq_str_text(&part), path);
    ssmq_str_free(&part);
    return st;
}

ssmq_status ssmq_make_directory(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode)) return SSMQ_OK;
        return SSMQ_FAIL(IO, "%s: exists and is not a directory", path);
    }
    ssmq_str parent = {0};
    ssmq_path_folder(path, &parent);
    ssmq_status status = SSMQ_OK;
    if (strcmp(ssmq_str_text(&parent), path) != 0)
        status = ssmq_make_directory(ssmq_str_text(&parent));
    ssmq_str_free(&parent);
    SSMQ_TRY(status);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return SSMQ_FAIL(IO, "%s: %s", path, strerror(errno));
    return SSMQ_OK;
}

/* ---- paths ----------------------------------------------------------------------------- */

void ssmq_path_folder(const char *path, ssmq_str *out)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--; /* "a/b/" names the same as "a/b" */
    while (n > 0 && path[n - 1] != '/') n--;
    while (n > 1 && path[n - 1] == '/') n--;
    if (n == 0)
        ssmq_str_puts(out, ".");
    else
        ssmq_str_append(out, path, n);
}

void ssmq_path_beside(const char *base, const char *target, ssmq_str *out)
{
    if (target[0] != '/') {
        ssmq_str folder = {0};
        ssmq_path_folder(base, &folder);
        if (strcmp(ssmq_str_text(&folder), ".") != 0) {
            ssmq_str_puts(out, ssmq_str_text(&folder));
            if (!ssmq_str_ends(ssmq_str_text(&folder), "/")) ssmq_str_puts(out, "/");
        }
        ssmq_str_free(&folder);
    }
    ssmq_str_puts(out, target);
}
