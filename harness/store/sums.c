#include "harness/store/sums.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"

#define MAGIC "ssmqsum1"
#define SLOTS 4 /* the first half for what each piece writes, the second for what is synced */
#define LINE 64
#define BLOCK 64 /* lines, with a bit each that says whether it is there */
#define PAGE 4096

/* The file: the head, the slots of all parts, and then, in any order, what they speak of. */
typedef struct head {
    char     magic[8];
    char     tag[SSMQ_JOURNAL_TAG + 7]; /* of the journal and the stage */
    int64_t  parts;
    uint64_t sum; /* of all before it */
} head;

typedef struct extent {
    int64_t  offset, room, bytes; /* room: bytes that may be written there */
    uint64_t sum;
} extent;

typedef struct slot {
    int64_t  pieces; /* 0: it is empty */
    int64_t  version[3];
    extent   often, rare;
    uint64_t sum; /* of all before it */
} slot;

struct ssmq_sums {
    const char      *path; /* the arena's */
    ssmq_arena      *arena;
    int              fd;
    int32_t          parts;
    slot            *slot; /* [parts][SLOTS] those that are not whole are empty, but keep their room */
    _Atomic(int64_t) end;  /* of the file, where more room is taken */
    atomic_int       reason; /* why it could not be written; 0: it could */
    ssmq_mapping     found;
};

static ssmq_status failed(const char *path, int reason)
{
    return SSMQ_FAIL(IO, "%s: %s", path, strerror(reason));
}

/* ---- packed ---------------------------------------------------------------------------- */

static bool is_zero(const unsigned char *line)
{
    uint64_t word[LINE / sizeof(uint64_t)], any = 0;
    memcpy(word, line, sizeof word);
    for (size_t i = 0; i < sizeof word / sizeof *word; i++) any |= word[i];
    return any == 0;
}

/* One block, up to BLOCK whole lines: a bit for each, then those that are not 0.  Returns the end of what it wrote. */
static unsigned char *pack_block(const unsigned char *from, size_t lines, unsigned char *to)
{
    uint64_t       there = 0;
    unsigned char *at = to + sizeof there;
    for (size_t i = 0; i < lines; i++) {
        if (is_zero(from + i * LINE)) continue;
        there |= UINT64_C(1) << i;
        memcpy(at, from + i * LINE, LINE);
        at += LINE;
    }
    memcpy(to, &there, sizeof there);
    return at;
}

static unsigned char *pack(const unsigned char *from, size_t n, unsigned char *to)
{
    unsigned char last[LINE] = {0};
    const size_t  whole = n / LINE;
    for (size_t i = 0; i < whole; i += BLOCK)
        to = pack_block(from + i * LINE, whole - i < BLOCK ? whole - i : BLOCK, to);
    if (n % LINE == 0) return to;
    memcpy(last, from + whole * LINE, n % LINE);
    return pack_block(last, 1, to);
}

static size_t packed_most(size_t n)
{
    return n + LINE + (n / LINE / BLOCK + 2) * sizeof(uint64_t);
}

/* Bytes in the room. */
static size_t pack_all(const ssmq_sums_array *array, int32_t n, ssmq_sums_room *room)
{
    size_t most = 0;
    for (int32_t i = 0; i < n; i++) most += packed_most(array[i].bytes);
    if (most > room->size) {
        free(room->bytes);
        room->bytes = ssmq_must_malloc(most);
        room->size = most;
    }
    unsigned char *at = room->bytes;
    for (int32_t i = 0; i < n; i++) at = pack(array[i].at, array[i].bytes, at);
    return (size_t)(at - room->bytes);
}

void ssmq_sums_room_free(ssmq_sums_room *r)
{
    free(r->bytes);
    *r = (ssmq_sums_room){0};
}

/* The sum of the bytes was right, and so was what they were packed from: they do not end early. */
static void unpack_block(ssmq_sums_reader *r, unsigned char *to, size_t n)
{
    uint64_t there;
    memcpy(&there, r->at, sizeof there);
    r->at += sizeof there;
    for (size_t i = 0; i * LINE < n; i++) {
        const size_t k = n - i * LINE < LINE ? n - i * LINE : LINE;
        const bool   here = there >> i & 1;
        if (here) memcpy(to + i * LINE, r->at, k);
        else memset(to + i * LINE, 0, k);
        if (here) r->at += LINE;
    }
    SSMQ_ASSERT(r->at <= r->end);
}

void ssmq_sums_take(ssmq_sums_reader *r, void *to, size_t n)
{
    const size_t whole = n - n % LINE;
    for (size_t i = 0; i < whole; i += BLOCK * LINE)
        unpack_block(r, (unsigned char *)to + i, whole - i < BLOCK * LINE ? whole - i : BLOCK * LINE);
    if (n > whole) unpack_block(r, (unsigned char *)to + whole, n - whole);
}

/* ---- what is found --------------------------------------------------------------------- */

static uint64_t sum_of_slot(const slot *s)
{
    return ssmq_checksum(s, offsetof(slot, sum));
}

static bool is_whole(const ssmq_mapping *m, const extent *e)
{
    if (e->offset < 0 || e->bytes < 0 || e->offset > (int64_t)m->size || e->bytes > (int64_t)m->size - e->offset)
        return false;
    return e->bytes == 0 || ssmq_checksum(m->data + e->offset, (size_t)e->bytes) == e->sum;
}

/* Is the first slot an empty one, as a file has it that was just begun? */
static bool is_blank(const slot *s)
{
    return s->pieces == 0 && s->sum == 0;
}

/* What a slot of the file is good for: where it is torn it is empty, and where it is not to be read without room. */
static slot look_at(const ssmq_mapping *m, const slot *stored)
{
    slot s = *stored;
    if (s.sum != sum_of_slot(&s)) return (slot){0};
    if (is_whole(m, &s.often) && is_whole(m, &s.rare)) return s;
    return (slot){.often = s.often, .rare = s.rare};
}

static bool has_head(const ssmq_mapping *m, head *h)
{
    if (m->size < sizeof *h) return false;
    memcpy(h, m->data, sizeof *h);
    return memcmp(h->magic, MAGIC, sizeof h->magic) == 0 && h->sum == ssmq_checksum(h, offsetof(head, sum)) &&
           h->parts >= 0 && (uint64_t)h->parts <= (m->size - sizeof *h) / (SLOTS * sizeof(slot));
}

static slot stored_slot(const ssmq_mapping *m, int64_t at)
{
    slot s;
    memcpy(&s, m->data + sizeof(head) + (size_t)at * sizeof s, sizeof s);
    return s;
}

/* The newest of a part; NULL: none. */
static const slot *newest(const slot *of)
{
    const slot *found = NULL;
    for (int i = 0; i < SLOTS; i++)
        if (of[i].pieces > (found ? found->pieces : 0)) found = &of[i];
    return found;
}

int64_t ssmq_sums_find(const ssmq_sums *s, int32_t part, ssmq_sums_reader *often, ssmq_sums_reader *rare)
{
    const slot *n = newest(s->slot + (size_t)part * SLOTS);
    if (!n) return 0;
    const unsigned char *at = s->found.data + n->often.offset, *seldom = s->found.data + n->rare.offset;
    *often = (ssmq_sums_reader){at, at + n->often.bytes};
    *rare = (ssmq_sums_reader){seldom, seldom + n->rare.bytes};
    return n->pieces;
}

void ssmq_sums_forget(ssmq_sums *s)
{
    ssmq_map_close(&s->found);
}

/* ---- opened and closed ----------------------------------------------------------------- */

static int put_at(int fd, const void *bytes, size_t n, int64_t at)
{
    for (size_t done = 0; done < n;) {
        const ssize_t k = pwrite(fd, (const char *)bytes + done, n - done, (off_t)at + (off_t)done);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return k < 0 ? errno : ENOSPC;
        done += (size_t)k;
    }
    return 0;
}

/* Empty slots behind a head, in the place of whatever there was. */
static ssmq_status begin(ssmq_sums *s, const head *h)
{
    if (ftruncate(s->fd, 0) != 0 || ftruncate(s->fd, (off_t)s->end) != 0) return failed(s->path, errno);
    const int reason = put_at(s->fd, h, sizeof *h, 0);
    return reason ? failed(s->path, reason) : SSMQ_OK;
}

/* What is there of this journal and stage. */
static bool go_on(ssmq_sums *s, const head *ours)
{
    head h;
    if (ssmq_map_open(s->path, &s->found) != SSMQ_OK) ssmq_error_clear();
    if (!has_head(&s->found, &h) || memcmp(&h, ours, sizeof h) != 0) {
        ssmq_map_close(&s->found);
        return false;
    }
    for (int64_t i = 0; i < (int64_t)s->parts * SLOTS; i++) {
        const slot stored = stored_slot(&s->found, i);
        s->slot[i] = look_at(&s->found, &stored);
    }
    s->end = ((int64_t)s->found.size + PAGE - 1) / PAGE * PAGE;
    return true;
}

static head head_of(const ssmq_journal *j, const char *stage, int32_t parts)
{
    head     h = {.parts = parts};
    ssmq_str text = {0};
    ssmq_str_printf(&text, "%s\n%s", ssmq_journal_identity(j), stage);
    memcpy(h.magic, MAGIC, sizeof h.magic);
    ssmq_journal_tag_of(ssmq_str_text(&text), text.length, h.tag);
    h.sum = ssmq_checksum(&h, offsetof(head, sum));
    ssmq_str_free(&text);
    return h;
}

ssmq_status ssmq_sums_open(ssmq_journal *j, const char *stage, int32_t parts, ssmq_sums **out)
{
    const head  h = head_of(j, stage, parts);
    ssmq_arena *a = ssmq_arena_new();
    ssmq_sums  *s = ssmq_arena_alloc(a, sizeof *s);
    *s = (ssmq_sums){.arena = a, .parts = parts, .slot = SSMQ_ARENA_ARRAY(a, slot, (int64_t)parts * SLOTS)};
    s->path = ssmq_arena_printf(a, "%s/" SSMQ_JOURNAL_SUMS, ssmq_journal_folder(j));
    s->end = ((int64_t)(sizeof h + (size_t)parts * SLOTS * sizeof(slot)) + PAGE - 1) / PAGE * PAGE;
    s->fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    const ssmq_status st = s->fd < 0 ? failed(s->path, errno) : go_on(s, &h) ? SSMQ_OK : begin(s, &h);
    if (st == SSMQ_OK) *out = s;
    else ssmq_sums_close(s);
    return st;
}

void ssmq_sums_close(ssmq_sums *s)
{
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    ssmq_map_close(&s->found);
    ssmq_arena_free(s->arena);
}

/* ---- written --------------------------------------------------------------------------- */

/* What is in the room, where there is place for it: its own, or more at the end. */
static int put_extent(ssmq_sums *s, extent *e, const ssmq_sums_room *room, size_t n)
{
    e->bytes = (int64_t)n;
    e->sum = ssmq_checksum(room->bytes, n);
    if (e->bytes > e->room) {
        e->room = (e->bytes + e->bytes / 4 + PAGE - 1) / PAGE * PAGE;
        e->offset = atomic_fetch_add(&s->end, e->room);
    }
    return put_at(s->fd, room->bytes, n, e->offset);
}

/* The older of the two that are written by turns. */
static slot *slot_for(ssmq_sums *s, int32_t part, bool lasting)
{
    slot *pair = s->slot + (size_t)part * SLOTS + (lasting ? SLOTS / 2 : 0);
    return pair[0].pieces <= pair[1].pieces ? &pair[0] : &pair[1];
}

void ssmq_sums_put(ssmq_sums *s, int32_t part, int64_t pieces, bool lasting, const ssmq_sums_content *what,
                   ssmq_sums_room *room)
{
    slot *const at = slot_for(s, part, lasting);
    slot        now = *at;
    int         reason;
    const bool  rare = now.pieces == 0 || memcmp(now.version, what->version, sizeof now.version) != 0;
    *at = (slot){.often = now.often, .rare = now.rare}; /* until it is whole again */
    reason = put_extent(s, &now.often, room, pack_all(what->often, what->n_often, room));
    if (!reason && rare) reason = put_extent(s, &now.rare, room, pack_all(what->rare, what->n_rare, room));
    now.pieces = pieces;
    memcpy(now.version, what->version, sizeof now.version);
    now.sum = sum_of_slot(&now);
    if (!reason) reason = put_at(s->fd, &now, sizeof now, (int64_t)sizeof(head) + (at - s->slot) * (int64_t)sizeof now);
    if (reason) atomic_store(&s->reason, reason);
    else *at = now;
}

ssmq_status ssmq_sums_end(ssmq_sums *s, bool lasting)
{
    int reason = atomic_load(&s->reason);
    if (!reason && lasting && fdatasync(s->fd) != 0) reason = errno;
    return reason ? failed(s->path, reason) : SSMQ_OK;
}

/* ---- looked through -------------------------------------------------------------------- */

/* The head is written last: a kill may leave what is in front of it empty. */
static bool is_begun(const ssmq_mapping *m)
{
    static const head none;
    return m->size > 0 && (m->size < sizeof none || memcmp(m->data, &none, sizeof none) != 0);
}

void ssmq_sums_examine(const char *folder, ssmq_arena *arena, ssmq_sums_check *out)
{
    const char  *path = ssmq_arena_printf(arena, "%s/" SSMQ_JOURNAL_SUMS, folder);
    ssmq_mapping m = {0};
    head         h;
    *out = (ssmq_sums_check){0};
    if (access(path, F_OK) != 0) return;
    if (ssmq_map_open(path, &m) != SSMQ_OK) out->wrong = ssmq_arena_strdup(arena, ssmq_error_last()->message);
    else if (!is_begun(&m)) h.parts = 0;
    else if (!has_head(&m, &h)) out->wrong = "is no file of sums, or was cut short";
    ssmq_error_clear();
    for (int64_t p = 0; !out->wrong && p < h.parts; p++) {
        slot of[SLOTS];
        bool written = false;
        for (int i = 0; i < SLOTS; i++) {
            const slot stored = stored_slot(&m, p * SLOTS + i);
            written |= !is_blank(&stored);
            of[i] = look_at(&m, &stored);
        }
        out->parts += written;
        out->lost += written && !newest(of);
    }
    ssmq_map_close(&m);
}
