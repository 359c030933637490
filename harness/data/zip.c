#include "harness/data/zip.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    END_BYTES = 22,       /* end of central directory, without its comment */
    END64_BYTES = 56,     /* its ZIP64 form                                */
    LOCATOR_BYTES = 20,   /* what points to the ZIP64 form                 */
    CENTRAL_BYTES = 46,   /* a central directory entry, without its tail   */
    LOCAL_BYTES = 30,     /* a local header, likewise                      */
    COMMENT_MAX = 0xffff, /* length of the archive's comment               */
    NAME_MAX_BYTES = 512,
};

static const uint32_t NONE32 = 0xffffffffu; /* "see the ZIP64 extra field" */

typedef struct reader {
    const char         *path;
    const ssmq_mapping *m;
    ssmq_arena         *a;
    uint64_t            directory, directory_size; /* the central directory */
    uint64_t            n;                         /* entries in it         */
} reader;

static uint64_t little(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static bool inside(uint64_t offset, uint64_t bytes, uint64_t limit)
{
    return offset <= limit && bytes <= limit - offset;
}

#define DAMAGED(r, what) SSMQ_FAIL(INPUT, "%s: damaged zip archive: %s", (r)->path, (what))

/* ---- the end of the file, where a reader starts ----------------------------------------- */

/* Offset of the end record: the last one whose comment reaches exactly to the end of the file. */
static ssmq_status find_end(const reader *r, uint64_t *end)
{
    const uint8_t *data = r->m->data;
    const uint64_t size = r->m->size;
    if (size >= END_BYTES) {
        const uint64_t last = size - END_BYTES;
        const uint64_t first = last > COMMENT_MAX ? last - COMMENT_MAX : 0;
        for (uint64_t at = last + 1; at-- > first;) {
            if (little(data + at, 4) != 0x06054b50u || little(data + at + 20, 2) != last - at)
                continue;
            *end = at;
            return SSMQ_OK;
        }
    }
    return SSMQ_FAIL(INPUT,
                     "%s: the directory at the end of the zip archive is missing: "
                     "the file is damaged or cut short",
                     r->path);
}

/* The ZIP64 end record, if a locator stands before the end record. */
static ssmq_status read_end64(reader *r, uint64_t end, bool *found)
{
    const uint8_t *data = r->m->data;
    *found = end >= LOCATOR_BYTES && little(data + end - LOCATOR_BYTES, 4) == 0x07064b50u;
    if (!*found) return SSMQ_OK;
    const uint8_t *locator = data + end - LOCATOR_BYTES;
    const uint64_t at = little(locator + 8, 8);
    if (!inside(at, END64_BYTES, end - LOCATOR_BYTES) || little(data + at, 4) != 0x06064b50u)
        return DAMAGED(r, "no ZIP64 end record where the locator says");
    if (little(locator + 4, 4) != 0 || little(locator + 16, 4) > 1 ||
        little(data + at + 16, 4) != 0 || little(data + at + 20, 4) != 0)
        return DAMAGED(r, "split over several files");
    r->n = little(data + at + 32, 8);
    r->directory_size = little(data + at + 40, 8);
    r->directory = little(data + at + 48, 8);
    if (!inside(r->directory, r->directory_size, at))
        return DAMAGED(r, "the central directory lies outside the file");
    return SSMQ_OK;
}

static ssmq_status read_end(reader *r)
{
    uint64_t end = 0;
    bool     zip64 = false;
    SSMQ_TRY(find_end(r, &end));
    SSMQ_TRY(read_end64(r, end, &zip64));
    if (!zip64) {
        const uint8_t *p = r->m->data + end;
        if (little(p + 4, 2) != 0 || little(p + 6, 2) != 0)
            return DAMAGED(r, "split over several files");
        r->n = little(p + 10, 2);
        r->directory_size = little(p + 12, 4);
        r->directory = little(p + 16, 4);
        if (!inside(r->directory, r->directory_size, end))
            return DAMAGED(r, "the central directory lies outside the file");
    }
    if (r->n > r->directory_size / CENTRAL_BYTES)
        return DAMAGED(r, "more entries than the central directory has room for");
    return SSMQ_OK;
}

/* ---- entries ---------------------------------------------------------------------------- */

/* What the fields of 32 bits could not hold, out of the ZIP64 extra field (id 1): only the
 * fields that are all ones, in this order. */
static ssmq_status widen(const reader *r, const uint8_t *extra, uint64_t bytes, uint64_t *field[3])
{
    while (bytes >= 4) {
        const uint64_t id = little(extra, 2), length = little(extra + 2, 2);
        if (length > bytes - 4) break;
        if (id == 1) {
            uint64_t used = 0;
            for (int i = 0; i < 3; i++) {
                if (*field[i] != NONE32) continue;
                if (used + 8 > length) return DAMAGED(r, "a ZIP64 field is too short");
                *field[i] = little(extra + 4 + used, 8);
                used += 8;
            }
            return SSMQ_OK;
        }
        extra += 4 + length;
        bytes -= 4 + length;
    }
    return SSMQ_OK;
}

/* Where the bytes begin: after the local header, whose name must be the same. */
static ssmq_status locate(const reader *r, ssmq_zip_entry *e)
{
    const uint64_t limit = r->directory; /* entries lie before the central directory */
    const uint64_t length = strlen(e->name);
    const uint8_t *p =
        inside(e->header, LOCAL_BYTES + length, limit) ? r->m->data + e->header : NULL;
    if (!p || little(p, 4) != 0x04034b50u || little(p + 26, 2) != length ||
        memcmp(p + LOCAL_BYTES, e->name, length) != 0)
        return SSMQ_FAIL(INPUT,
                         "%s: damaged zip archive: entry '%s' is not where the directory "
                         "says",
                         r->path, e->name);
    e->offset = e->header + LOCAL_BYTES + length + little(p + 28, 2);
    if (!inside(e->offset, e->size, limit))
        return SSMQ_FAIL(INPUT,
                         "%s: damaged zip archive: entry '%s' of %" PRIu64
                         " bytes reaches beyond the entries",
                         r->path, e->name, e->size);
    return SSMQ_OK;
}

static ssmq_status check_plain(const reader *r, const char *name, uint64_t flags, uint64_t method)
{
    if (flags & 1) return SSMQ_FAIL(INPUT, "%s: entry '%s' is encrypted", r->path, name);
    if (method != 0)
        return SSMQ_FAIL(INPUT,
                         "%s: entry '%s' is compressed (method %" PRIu64
                         "); PyTorch stores its entries uncompressed",
                         r->path, name, method);
    return SSMQ_OK;
}

/* The entry at *at of the central directory, which moves on to the next one. */
static ssmq_status read_entry(const reader *r, uint64_t *at, ssmq_zip_entry *e)
{
    const uint64_t left = r->directory + r->directory_size - *at;
    const uint8_t *p = r->m->data + *at;
    if (left < CENTRAL_BYTES || little(p, 4) != 0x02014b50u)
        return DAMAGED(r, "a directory entry is broken");
    const uint64_t name = little(p + 28, 2), extra = little(p + 30, 2), note = little(p + 32, 2);
    if (name + extra + note > left - CENTRAL_BYTES)
        return DAMAGED(r, "a directory entry is broken");
    const uint8_t *text = p + CENTRAL_BYTES;
    if (name == 0 || name > NAME_MAX_BYTES || memchr(text, 0, name))
        return DAMAGED(r, "an entry's name is empty, too long or not text");
    e->name = ssmq_arena_strndup(r->a, (const char *)text, name);
    SSMQ_TRY(check_plain(r, e->name, little(p + 8, 2), little(p + 10, 2)));
    uint64_t stored = little(p + 20, 4);
    e->size = little(p + 24, 4);
    e->header = little(p + 42, 4);
    SSMQ_TRY(widen(r, text + name, extra, (uint64_t *[]){&e->size, &stored, &e->header}));
    if (stored != e->size) return DAMAGED(r, "an entry's two sizes differ");
    SSMQ_TRY(locate(r, e));
    *at += CENTRAL_BYTES + name + extra + note;
    return SSMQ_OK;
}

/* ---- the whole -------------------------------------------------------------------------- */

static int by_header(const void *a, const void *b)
{
    const uint64_t x = ((const ssmq_zip_entry *)a)->header, y = ((const ssmq_zip_entry *)b)->header;
    return (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ssmq_zip_entry *)a)->name, ((const ssmq_zip_entry *)b)->name);
}

/* No two entries share bytes or a name; leaves the entries sorted by name. */
static ssmq_status check_apart(const reader *r, ssmq_zip *z)
{
    if (z->n == 0) return SSMQ_OK;
    qsort(z->entry, (size_t)z->n, sizeof *z->entry, by_header);
    for (int64_t i = 1; i < z->n; i++) {
        const ssmq_zip_entry *e = &z->entry[i - 1];
        if (e->offset + e->size > e[1].header)
            return SSMQ_FAIL(INPUT, "%s: damaged zip archive: entries '%s' and '%s' overlap",
                             r->path, e->name, e[1].name);
    }
    qsort(z->entry, (size_t)z->n, sizeof *z->entry, by_name);
    for (int64_t i = 1; i < z->n; i++)
        if (by_name(&z->entry[i - 1], &z->entry[i]) == 0)
            return SSMQ_FAIL(INPUT, "%s: damaged zip archive: entry '%s' is there twice", r->path,
                             z->entry[i].name);
    return SSMQ_OK;
}

ssmq_status ssmq_zip_read(const char *path, const ssmq_mapping *m, ssmq_arena *a, ssmq_zip *out)
{
    reader r = {.path = path, .m = m, .a = a};
    SSMQ_TRY(read_end(&r));
    ssmq_zip z = {.n = (int64_t)r.n};
    z.entry = SSMQ_ARENA_ARRAY(a, ssmq_zip_entry, r.n);
    uint64_t at = r.directory;
    for (int64_t i = 0; i < z.n; i++) SSMQ_TRY(read_entry(&r, &at, &z.entry[i]));
    SSMQ_TRY(check_apart(&r, &z));
    *out = z;
    return SSMQ_OK;
}

const ssmq_zip_entry *ssmq_zip_find(const ssmq_zip *z, const char *name)
{
    if (z->n == 0) return NULL;
    const ssmq_zip_entry key = {.name = name};
    return bsearch(&key, z->entry, (size_t)z->n, sizeof *z->entry, by_name);
}
