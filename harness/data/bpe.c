#include "harness/data/bpe.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"

#define NONE (-1)

/* ---- the table of merges --------------------------------------------------------------- */

typedef struct merge {
    int32_t left, right; /* left == NONE: a free slot */
    int32_t rank, result;
} merge;

/* A remembered word: one line of the processor's cache. */
#define CACHED_BYTES 22
#define CACHED_IDS 8
#define CACHE_SLOTS 32768u /* 2 MiB */

typedef struct cached {
    uint64_t hash;
    uint8_t  bytes, ids; /* bytes == 0: a free slot */
    char     word[CACHED_BYTES];
    int32_t  id[CACHED_IDS];
} cached;

struct ssmq_bpe {
    const char *path;
    int32_t     byte[256]; /* ids of the single bytes, or NONE */
    merge      *table;     /* open addressing, at most half full */
    uint32_t    mask;      /* slots - 1; slots are a power of two */
    int32_t     merges;
    cached     *cache; /* one word a slot: a newer one replaces it */
};

/* The finishing steps of MurmurHash3 (Austin Appleby, public domain): every bit of x reaches every
 * bit. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 33) * 0xFF51AFD7ED558CCDu;
    x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53u;
    return x ^ x >> 33;
}

ssmq_bpe *ssmq_bpe_new(const char *path, size_t merges)
{
    SSMQ_ASSERT(merges <= (size_t)1 << 30);
    size_t slots = 16;
    while (slots < 2 * merges) slots *= 2;
    ssmq_bpe *b = ssmq_must_malloc(sizeof *b);
    *b = (ssmq_bpe){.path = path, .mask = (uint32_t)(slots - 1)};
    b->table = ssmq_must_malloc(slots * sizeof *b->table);
    for (size_t i = 0; i < slots; i++) b->table[i].left = NONE;
    for (int i = 0; i < 256; i++) b->byte[i] = NONE;
    b->cache = ssmq_must_malloc(CACHE_SLOTS * sizeof *b->cache);
    ssmq_bpe_forget(b);
    return b;
}

void ssmq_bpe_free(ssmq_bpe *b)
{
    if (!b) return;
    free(b->table);
    free(b->cache);
    free(b);
}

void ssmq_bpe_forget(ssmq_bpe *b)
{
    memset(b->cache, 0, CACHE_SLOTS * sizeof *b->cache);
}

void ssmq_bpe_put_byte(ssmq_bpe *b, unsigned char byte, int32_t id)
{
    b->byte[byte] = id;
}

/* The slot of a pair, or the free one where it would go. */
static merge *slot(const ssmq_bpe *b, int32_t left, int32_t right)
{
    uint32_t i = (uint32_t)mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right) & b->mask;
    while (b->table[i].left != NONE && (b->table[i].left != left || b->table[i].right != right))
        i = (i + 1) & b->mask;
    return &b->table[i];
}

bool ssmq_bpe_put_merge(ssmq_bpe *b, int32_t left, int32_t right, int32_t result)
{
    merge *m = slot(b, left, right);
    if (m->left != NONE) return false;
    SSMQ_ASSERT((uint32_t)b->merges <= b->mask / 2);
    *m = (merge){.left = left, .right = right, .rank = b->merges++, .result = result};
    return true;
}

static const merge *look_up(const ssmq_bpe *b, int32_t left, int32_t right)
{
    const merge *m = slot(b, left, right);
    return m->left == NONE ? NULL : m;
}

/* ---- short words: the lowest rank is searched among all pairs ---------------------------- */

#define SHORT_BYTES 48

static void merge_short(const ssmq_bpe *b, const char *word, int n, ssmq_ids *out)
{
    int32_t      id[SHORT_BYTES];
    const merge *pair[SHORT_BYTES]; /* pair[i]: of id[i] and id[i + 1] */
    for (int i = 0; i < n; i++) id[i] = b->byte[(unsigned char)word[i]];
    for (int i = 0; i + 1 < n; i++) pair[i] = look_up(b, id[i], id[i + 1]);
    for (;;) {
        int best = NONE;
        for (int i = 0; i + 1 < n; i++)
            if (pair[i] && (best == NONE || pair[i]->rank < pair[best]->rank)) best = i;
        if (best == NONE) break;
        id[best] = pair[best]->result;
        n--;
        for (int i = best + 1; i < n; i++) {
            id[i] = id[i + 1];
            if (i + 1 < n) pair[i] = pair[i + 1];
        }
        if (best + 1 < n) pair[best] = look_up(b, id[best], id[best + 1]);
        if (best > 0) pair[best - 1] = look_up(b, id[best - 1], id[best]);
    }
    ssmq_ids_append(out, id, n);
}

/* ---- long words: a heap of the pairs that may merge, over a linked list ------------------ */

typedef struct candidate {
    int32_t rank, at, result;
} candidate;

typedef struct long_word {
    int32_t   *id, *previous, *next; /* of each place; id NONE: merged into the one before */
    candidate *heap;
    size_t     length, capacity;
} long_word;

static bool precedes(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(long_word *w, candidate c)
{
    if (w->length == w->capacity) {
        w->capacity = w->capacity ? 2 * w->capacity : 64;
        w->heap = ssmq_must_realloc(w->heap, w->capacity * sizeof *w->heap);
    }
    size_t i = w->length++;
    for (; i > 0 && precedes(&c, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = c;
}

static candidate pop(long_word *w)
{
    const candidate top = w->heap[0], last = w->heap[--w->length];
    size_t          i = 0;
    for (size_t child; (child = 2 * i + 1) < w->length; i = child) {
        if (child + 1 < w->length && precedes(&w->heap[child + 1], &w->heap[child])) child++;
        if (!precedes(&w->heap[child], &last)) break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = last;
    return top;
}

static void offer(const ssmq_bpe *b, long_word *w, int32_t at)
{
    if (at == NONE || w->next[at] == NONE) return;
    const merge *m = look_up(b, w->id[at], w->id[w->next[at]]);
    if (m) push(w, (candidate){.rank = m->rank, .at = at, .result = m->result});
}

static void merge_at(const ssmq_bpe *b, long_word *w, const candidate *c)
{
    const int32_t right = w->next[c->at];
    if (w->id[c->at] == NONE || right == NONE) return; /* gone since it was offered */
    const merge *m = look_up(b, w->id[c->at], w->id[right]);
    if (!m || m->rank != c->rank) return; /* has become another pair */
    w->id[c->at] = c->result;
    w->id[right] = NONE;
    w->next[c->at] = w->next[right];
    if (w->next[right] != NONE) w->previous[w->next[right]] = c->at;
    offer(b, w, w->previous[c->at]);
    offer(b, w, c->at);
}

static void merge_long(const ssmq_bpe *b, const char *word, int32_t n, ssmq_ids *out)
{
    const size_t bytes = (size_t)n * sizeof(int32_t);
    long_word    w = {.id = ssmq_must_malloc(bytes),
                      .previous = ssmq_must_malloc(bytes),
                      .next = ssmq_must_malloc(bytes)};
    for (int32_t i = 0; i < n; i++) {
        w.id[i] = b->byte[(unsigned char)word[i]];
        w.previous[i] = i - 1;
        w.next[i] = i + 1 < n ? i + 1 : NONE;
    }
    for (int32_t i = 0; i < n; i++) offer(b, &w, i);
    while (w.length > 0) {
        const candidate c = pop(&w);
        merge_at(b, &w, &c);
    }
    for (int32_t i = 0; i != NONE; i = w.next[i]) ssmq_ids_append(out, &w.id[i], 1);
    free(w.id);
    free(w.previous);
    free(w.next);
    free(w.heap);
}

/* ---- words ----------------------------------------------------------------------------- */

static ssmq_status merge_word(const ssmq_bpe *b, const char *word, size_t n, ssmq_ids *out)
{
    if (n > SSMQ_WORD_BYTES_MAX)
        return SSMQ_FAIL(INPUT, "a word of %zu bytes is over the limit of %zu", n,
                         SSMQ_WORD_BYTES_MAX);
    for (size_t i = 0; i < n; i++)
        if (b->byte[(unsigned char)word[i]] == NONE)
            return SSMQ_FAIL(INPUT, "%s: the text has a byte 0x%02X, which is no token", b->path,
                             (unsigned char)word[i]);
    if (n <= SHORT_BYTES) merge_short(b, word, (int)n, out);
    else merge_long(b, word, (int32_t)n, out);
    return SSMQ_OK;
}

static uint64_t hash_word(const char *word, size_t n)
{
    uint64_t h = n, part;
    for (; n >= sizeof part; n -= sizeof part, word += sizeof part) {
        memcpy(&part, word, sizeof part);
        h = mix(h ^ part);
    }
    part = 0;
    memcpy(&part, word, n);
    return mix(h ^ part);
}

ssmq_status ssmq_bpe_encode(ssmq_bpe *b, const char *word, size_t n, ssmq_ids *out)
{
    if (n == 0) return SSMQ_OK;
    if (n > CACHED_BYTES) return merge_word(b, word, n, out);
    const uint64_t hash = hash_word(word, n);
    cached        *c = &b->cache[hash % CACHE_SLOTS];
    if (c->hash == hash && c->bytes == n && memcmp(c->word, word, n) == 0) {
        ssmq_ids_append(out, c->id, c->ids);
        return SSMQ_OK;
    }
    const int64_t before = out->length;
    SSMQ_TRY(merge_word(b, word, n, out));
    const int64_t ids = out->length - before;
    if (ids > CACHED_IDS) return SSMQ_OK;
    c->hash = hash;
    c->bytes = (uint8_t)n;
    c->ids = (uint8_t)ids;
    memcpy(c->word, word, n);
    memcpy(c->id, out->data + before, (size_t)ids * sizeof *c->id);
    return SSMQ_OK;
}
