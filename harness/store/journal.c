#include "harness/store/journal.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/arena.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/base/str.h"

#define SUM_HEAD ", \"sum\": \""
#define SUM_TAIL "\"}"
#define SUM_BYTES (sizeof SUM_HEAD - 1 + SSMQ_JOURNAL_TAG - 1 + sizeof SUM_TAIL - 1)

struct ssmq_journal {
    ssmq_arena         *a; /* paths, and texts of entries */
    const char         *folder, *path, *bin_path, *identity;
    int                 fd, bin;
    int64_t             size, bin_size; /* of what is whole, in bytes */
    ssmq_journal_entry *entry;          /* [n] read when it was opened */
    int64_t             n, capacity;
    int64_t             next;           /* where the one looked for is likely to be */
    ssmq_mapping        map;            /* of journal.bin as it was found */
    double              synced;         /* monotonic seconds */
    bool                dirty;
    bool                bin_gone; /* journal.bin is not looked into: the run is done */
};

void ssmq_journal_tag_of(const void *bytes, size_t n, char tag[SSMQ_JOURNAL_TAG])
{
    char hex[SSMQ_SHA256_HEX];
    ssmq_sha256_of(bytes, n, hex);
    memcpy(tag, hex, SSMQ_JOURNAL_TAG - 1);
    tag[SSMQ_JOURNAL_TAG - 1] = '\0';
}

static ssmq_status failed(const char *path, int reason)
{
    return SSMQ_FAIL(IO, "%s: %s", path, strerror(reason));
}

/* ---- writing --------------------------------------------------------------------------- */

/* All of it behind what is whole; otherwise the next one is written over it. */
static ssmq_status put(int fd, const char *path, int64_t at, const void *bytes, size_t n)
{
    size_t done = 0;
    while (done < n) {
        const ssize_t k = pwrite(fd, (const char *)bytes + done, n - done, (off_t)(at + (int64_t)done));
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return failed(path, k < 0 ? errno : ENOSPC);
        done += (size_t)k;
    }
    return SSMQ_OK;
}

/* First what lines speak of, then the lines. */
static ssmq_status sync_now(ssmq_journal *j)
{
    j->synced = ssmq_monotonic_s();
    j->dirty = false;
    if (fdatasync(j->bin) != 0) return failed(j->bin_path, errno);
    if (fdatasync(j->fd) != 0) return failed(j->path, errno);
    return SSMQ_OK;
}

/* An object, to which its sum is added, as a line. */
static ssmq_status put_line(ssmq_journal *j, ssmq_str *object)
{
    char     sum[SSMQ_JOURNAL_TAG];
    ssmq_str line = {0};
    ssmq_journal_tag_of(ssmq_str_text(object), object->length, sum);
    ssmq_str_append(&line, ssmq_str_text(object), object->length - 1);
    ssmq_str_printf(&line, SUM_HEAD "%s" SUM_TAIL "\n", sum);
    const ssmq_status st = put(j->fd, j->path, j->size, ssmq_str_text(&line), line.length);
    if (st == SSMQ_OK) j->size += (int64_t)line.length;
    ssmq_str_free(&line);
    return st;
}

static void put_data(ssmq_json_writer *w, const ssmq_journal *j, const ssmq_journal_entry *e)
{
    char sum[SSMQ_JOURNAL_TAG];
    ssmq_journal_tag_of(e->data, e->bytes, sum);
    ssmq_json_put_int(w, "offset", j->bin_size);
    ssmq_json_put_int(w, "bytes", (int64_t)e->bytes);
    ssmq_json_put_text(w, "data", sum);
}

static void put_entry(const ssmq_journal *j, const ssmq_journal_entry *e, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out, .compact = true};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "stage", e->stage);
    ssmq_json_put_int(&w, "piece", e->piece);
    if (e->tag) ssmq_json_put_text(&w, "tag", e->tag);
    if (!isnan(e->nll)) ssmq_json_put_real(&w, "nll", e->nll);
    if (e->bytes) put_data(&w, j, e);
    ssmq_json_end_object(&w);
}

ssmq_status ssmq_journal_add(ssmq_journal *j, const ssmq_journal_entry *e)
{
    ssmq_str    object = {0};
    ssmq_status st = SSMQ_OK;
    put_entry(j, e, &object);
    if (e->bytes) st = put(j->bin, j->bin_path, j->bin_size, e->data, e->bytes);
    if (st == SSMQ_OK) st = put_line(j, &object);
    ssmq_str_free(&object);
    SSMQ_TRY(st);
    j->bin_size += (int64_t)e->bytes;
    j->dirty = true;
    return ssmq_monotonic_s() - j->synced < SSMQ_JOURNAL_SYNC_S ? SSMQ_OK : sync_now(j);
}

ssmq_status ssmq_journal_note(ssmq_journal *j, const char *event, const char *text)
{
    char             now[SSMQ_UTC_TEXT];
    ssmq_str         object = {0};
    ssmq_json_writer w = {.out = &object, .compact = true};
    ssmq_utc_now(now);
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "event", event);
    ssmq_json_put_text(&w, "what", text);
    ssmq_json_put_text(&w, "time", now);
    ssmq_json_end_object(&w);
    const ssmq_status st = put_line(j, &object);
    ssmq_str_free(&object);
    SSMQ_TRY(st);
    return sync_now(j);
}

static ssmq_status put_head(ssmq_journal *j, const char *identity)
{
    ssmq_str         object = {0};
    ssmq_json_writer w = {.out = &object, .compact = true};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "journal", identity);
    ssmq_json_end_object(&w);
    const ssmq_status st = put_line(j, &object);
    ssmq_str_free(&object);
    SSMQ_TRY(st);
    return sync_now(j);
}

/* ---- reading --------------------------------------------------------------------------- */

/* Why a line is of no use; NULL: it is whole. */
static const char *check_line(const char *line, size_t n)
{
    char     sum[SSMQ_JOURNAL_TAG];
    ssmq_str object = {0};
    if (n <= SUM_BYTES || memcmp(line + n - SUM_BYTES, SUM_HEAD, sizeof SUM_HEAD - 1) != 0)
        return "has no sum";
    ssmq_str_append(&object, line, n - SUM_BYTES);
    ssmq_str_puts(&object, "}");
    ssmq_journal_tag_of(ssmq_str_text(&object), object.length, sum);
    ssmq_str_free(&object);
    const char *stored = line + n - SUM_BYTES + sizeof SUM_HEAD - 1;
    return memcmp(stored, sum, sizeof sum - 1) == 0 ? NULL : "has a wrong sum";
}

static void remember(ssmq_journal *j, const ssmq_journal_entry *e)
{
    if (j->n == j->capacity) {
        j->capacity = j->capacity ? 2 * j->capacity : 256;
        j->entry = ssmq_must_realloc(j->entry, (size_t)j->capacity * sizeof *j->entry);
    }
    j->entry[j->n++] = *e;
}

/* Its bytes in journal.bin, which follow those of the entry before. */
static const char *read_data(ssmq_journal *j, const ssmq_json *o, ssmq_journal_entry *e)
{
    int64_t     offset = -1, bytes = 0;
    const char *stored = NULL;
    char        sum[SSMQ_JOURNAL_TAG];
    if (ssmq_json_int(o, "bytes", false, 0, INT64_MAX, &bytes) != SSMQ_OK) return "is malformed";
    if (bytes == 0 || j->bin_gone) return NULL;
    if (ssmq_json_int(o, "offset", true, 0, INT64_MAX, &offset) != SSMQ_OK ||
        ssmq_json_text(o, "data", true, &stored) != SSMQ_OK || offset != j->bin_size)
        return "is malformed";
    if (offset > (int64_t)j->map.size || bytes > (int64_t)j->map.size - offset)
        return "speaks of more than " SSMQ_JOURNAL_BIN " holds";
    e->data = j->map.data + offset;
    e->bytes = (size_t)bytes;
    ssmq_journal_tag_of(e->data, e->bytes, sum);
    if (strcmp(sum, stored) != 0) return "is of bytes in " SSMQ_JOURNAL_BIN " that have another sum";
    j->bin_size = offset + bytes;
    return NULL;
}

static const char *read_entry(ssmq_journal *j, const ssmq_json *o)
{
    ssmq_journal_entry e = {.nll = (double)NAN};
    const char        *tag = NULL;
    if (ssmq_json_has(o, "event")) return NULL;
    if (ssmq_json_text(o, "stage", true, &e.stage) != SSMQ_OK ||
        ssmq_json_int(o, "piece", true, INT64_MIN, INT64_MAX, &e.piece) != SSMQ_OK ||
        ssmq_json_text(o, "tag", false, &tag) != SSMQ_OK ||
        ssmq_json_real(o, "nll", false, &e.nll) != SSMQ_OK)
        return "is malformed";
    const char *wrong = read_data(j, o, &e);
    if (wrong) return wrong;
    e.stage = ssmq_arena_strdup(j->a, e.stage);
    e.tag = tag ? ssmq_arena_strdup(j->a, tag) : NULL;
    remember(j, &e);
    return NULL;
}

static const char *read_line(ssmq_journal *j, const char *line, size_t n)
{
    ssmq_json   o = {0};
    const char *wrong = check_line(line, n);
    if (wrong) return wrong;
    if (ssmq_json_parse(j->path, line, n, &o) != SSMQ_OK) return "is malformed";
    wrong = read_entry(j, &o);
    ssmq_json_close(&o);
    return wrong;
}

/* Is the first line that of a journal with this identity? */
static bool is_ours(const char *text, size_t n, const char *identity)
{
    ssmq_json   o = {0};
    const char *stored = NULL;
    bool        ours = false;
    if (check_line(text, n)) return false;
    if (ssmq_json_parse(SSMQ_JOURNAL, text, n, &o) == SSMQ_OK)
        ours = ssmq_json_text(&o, "journal", true, &stored) == SSMQ_OK && strcmp(stored, identity) == 0;
    ssmq_json_close(&o);
    ssmq_error_clear();
    return ours;
}

/* Line by line up to the first that is of no use, which is *number, and what is wrong with it; NULL: none, up to the
 * end or a torn line, whose writer was killed. */
static const char *read_lines(ssmq_journal *j, const char *text, size_t n, int64_t *number)
{
    for (*number = 2; (size_t)j->size < n; ++*number) {
        const char *line = text + j->size, *end = memchr(line, '\n', n - (size_t)j->size);
        if (!end) return NULL;
        const char *wrong = read_line(j, line, (size_t)(end - line));
        ssmq_error_clear();
        if (wrong) return wrong;
        j->size = end + 1 - text;
    }
    return NULL;
}

static void read_all(ssmq_journal *j, const char *identity, const ssmq_log *log)
{
    ssmq_mapping m = {0};
    if (ssmq_map_open(j->path, &m) == SSMQ_OK && ssmq_map_open(j->bin_path, &j->map) == SSMQ_OK && m.size > 0) {
        const char *text = (const char *)m.data, *end = memchr(text, '\n', m.size);
        if (end && is_ours(text, (size_t)(end - text), identity)) {
            int64_t number;
            j->size = end + 1 - text;
            const char *wrong = read_lines(j, text, m.size, &number);
            if (wrong)
                SSMQ_LOG_LINE(log, WARNING, "a damaged journal; what it tells from there on is computed again",
                              SSMQ_LOG_T("file", j->path), SSMQ_LOG_I("line", number), SSMQ_LOG_T("it", wrong));
        } else if (end) {
            SSMQ_LOG_LINE(log, WARNING, "a journal of another run, code or processor; computing anew",
                          SSMQ_LOG_T("file", j->path));
        }
    }
    ssmq_error_clear();
    ssmq_map_close(&m);
}

/* ---- looked through -------------------------------------------------------------------- */

static const char *identity_of(const char *line, size_t n, ssmq_arena *a)
{
    ssmq_json   o = {0};
    const char *text = NULL, *copy = NULL;
    if (ssmq_json_parse(SSMQ_JOURNAL, line, n, &o) == SSMQ_OK && ssmq_json_text(&o, "journal", true, &text) == SSMQ_OK)
        copy = ssmq_arena_strdup(a, text);
    ssmq_json_close(&o);
    ssmq_error_clear();
    return copy;
}

static void examine(ssmq_journal *j, const char *text, size_t n, ssmq_journal_check *out)
{
    const char *end = n > 0 ? memchr(text, '\n', n) : NULL;
    out->torn = n > 0 && !end;
    if (!end) return;
    out->line = 1;
    out->wrong = check_line(text, (size_t)(end - text));
    if (out->wrong) return;
    out->identity = identity_of(text, (size_t)(end - text), j->a);
    j->size = end + 1 - text;
    if (out->identity) out->wrong = read_lines(j, text, n, &out->line);
    else out->wrong = "does not say whose journal it is";
    out->torn = !out->wrong && (size_t)j->size < n;
}

void ssmq_journal_examine(const char *folder, bool done, ssmq_arena *arena, ssmq_journal_check *out)
{
    ssmq_mapping m = {0};
    ssmq_journal j = {.a = arena,
                      .path = ssmq_arena_printf(arena, "%s/" SSMQ_JOURNAL, folder),
                      .bin_path = ssmq_arena_printf(arena, "%s/" SSMQ_JOURNAL_BIN, folder),
                      .bin_gone = done};
    *out = (ssmq_journal_check){0};
    if (ssmq_map_open(j.path, &m) == SSMQ_OK) {
        if (!done && ssmq_map_open(j.bin_path, &j.map) != SSMQ_OK) j.map.size = 0;
        examine(&j, (const char *)m.data, m.size, out);
        ssmq_map_close(&j.map);
    }
    ssmq_error_clear();
    ssmq_map_close(&m);
    free(j.entry);
}

/* ---- opened and closed ----------------------------------------------------------------- */

static ssmq_status open_files(ssmq_journal *j)
{
    j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (j->fd < 0) return failed(j->path, errno);
    j->bin = open(j->bin_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    return j->bin < 0 ? failed(j->bin_path, errno) : SSMQ_OK;
}

static ssmq_status cut(int fd, const char *path, int64_t size)
{
    return ftruncate(fd, (off_t)size) == 0 ? SSMQ_OK : failed(path, errno);
}

static void remove_file(const char *folder, const char *name)
{
    ssmq_str path = {0};
    ssmq_str_printf(&path, "%s/%s", folder, name);
    unlink(ssmq_str_text(&path));
    ssmq_str_free(&path);
}

/* Without what is of no use at the end of either. */
static ssmq_status open_all(ssmq_journal *j, const char *identity, bool afresh, const ssmq_log *log)
{
    SSMQ_TRY(open_files(j));
    if (!afresh) read_all(j, identity, log);
    SSMQ_TRY(cut(j->fd, j->path, j->size));
    SSMQ_TRY(cut(j->bin, j->bin_path, j->bin_size));
    if (j->size > 0) return SSMQ_OK;
    remove_file(j->folder, SSMQ_JOURNAL_SUMS); /* of the journal that there was */
    return put_head(j, identity);
}

ssmq_status ssmq_journal_open(const char *folder, const char *identity, bool afresh, const ssmq_log *log,
                              ssmq_journal **out)
{
    ssmq_arena   *a = ssmq_arena_new();
    ssmq_journal *j = ssmq_arena_alloc(a, sizeof *j);
    *j = (ssmq_journal){.a = a,
                        .folder = ssmq_arena_strdup(a, folder),
                        .identity = ssmq_arena_strdup(a, identity),
                        .path = ssmq_arena_printf(a, "%s/" SSMQ_JOURNAL, folder),
                        .bin_path = ssmq_arena_printf(a, "%s/" SSMQ_JOURNAL_BIN, folder),
                        .fd = -1,
                        .bin = -1,
                        .synced = ssmq_monotonic_s()};
    const ssmq_status st = open_all(j, identity, afresh, log);
    if (st == SSMQ_OK) *out = j;
    else ssmq_journal_close(j);
    return st;
}

/* What cannot be synced was written all the same: only a power failure loses it. */
void ssmq_journal_close(ssmq_journal *j)
{
    if (!j) return;
    if (j->dirty && sync_now(j) != SSMQ_OK) ssmq_error_clear();
    if (j->fd >= 0) close(j->fd);
    if (j->bin >= 0) close(j->bin);
    ssmq_map_close(&j->map);
    free(j->entry);
    ssmq_arena_free(j->a);
}

int64_t ssmq_journal_bytes(const ssmq_journal *j, int64_t *sums)
{
    struct stat st;
    ssmq_str    path = {0};
    ssmq_str_printf(&path, "%s/" SSMQ_JOURNAL_SUMS, j->folder);
    *sums = stat(ssmq_str_text(&path), &st) == 0 ? (int64_t)st.st_size : 0;
    ssmq_str_free(&path);
    return j->size + j->bin_size + *sums;
}

void ssmq_journal_remove_bulk(const char *folder)
{
    remove_file(folder, SSMQ_JOURNAL_BIN);
    remove_file(folder, SSMQ_JOURNAL_SUMS);
}

/* ---- looking up ------------------------------------------------------------------------ */

static bool same_tag(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_of(const ssmq_journal_entry *e, const char *stage, const char *tag)
{
    return strcmp(e->stage, stage) == 0 && same_tag(e->tag, tag);
}

const char *ssmq_journal_folder(const ssmq_journal *j)
{
    return j->folder;
}

const char *ssmq_journal_identity(const ssmq_journal *j)
{
    return j->identity;
}

int64_t ssmq_journal_count(const ssmq_journal *j)
{
    return j->n;
}

/* They are asked for mostly in the order in which they were added. */
bool ssmq_journal_find(ssmq_journal *j, const char *stage, int64_t piece, const char *tag,
                       ssmq_journal_entry *out)
{
    for (int64_t k = 0; k < j->n; k++) {
        const int64_t at = (j->next + k) % j->n;
        if (j->entry[at].piece != piece || !is_of(&j->entry[at], stage, tag)) continue;
        *out = j->entry[at];
        j->next = at + 1;
        return true;
    }
    return false;
}

bool ssmq_journal_has_stage(const ssmq_journal *j, const char *stage)
{
    for (int64_t i = 0; i < j->n; i++)
        if (strcmp(j->entry[i].stage, stage) == 0) return true;
    return false;
}

bool ssmq_journal_last(const ssmq_journal *j, const char *stage, const char *tag, ssmq_journal_entry *out)
{
    for (int64_t i = j->n - 1; i >= 0; i--) {
        if (!is_of(&j->entry[i], stage, tag)) continue;
        *out = j->entry[i];
        return true;
    }
    return false;
}
