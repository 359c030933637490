#include "harness/data/added_tokens.h"
#include <stdlib.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"

#define NO_TOKEN (-1)

typedef struct node {
    int32_t       child, sibling; /* indices of nodes; 0: none (the root is nobody's child) */
    int32_t       id;             /* the token that ends here, or NO_TOKEN                   */
    unsigned char byte;
} node;

struct ssmq_added {
    node   *nodes; /* [0]: the root */
    int32_t length, capacity;
    size_t  longest;
    int32_t first[256]; /* the root's children by byte: asked for every byte of the text */
};

ssmq_added *ssmq_added_new(void)
{
    ssmq_added *a = ssmq_must_malloc(sizeof *a);
    *a = (ssmq_added){.length = 1, .capacity = 64};
    a->nodes = ssmq_must_malloc((size_t)a->capacity * sizeof *a->nodes);
    a->nodes[0] = (node){.id = NO_TOKEN};
    return a;
}

void ssmq_added_free(ssmq_added *a)
{
    if (!a) return;
    free(a->nodes);
    free(a);
}

static int32_t child_of(const ssmq_added *a, int32_t at, unsigned char byte)
{
    if (at == 0) return a->first[byte];
    int32_t child = a->nodes[at].child;
    while (child && a->nodes[child].byte != byte) child = a->nodes[child].sibling;
    return child;
}

static int32_t add_child(ssmq_added *a, int32_t at, unsigned char byte)
{
    if (a->length == a->capacity) {
        a->capacity *= 2;
        a->nodes = ssmq_must_realloc(a->nodes, (size_t)a->capacity * sizeof *a->nodes);
    }
    const int32_t child = a->length++;
    a->nodes[child] = (node){.id = NO_TOKEN, .byte = byte, .sibling = a->nodes[at].child};
    if (at == 0) a->first[byte] = child;
    else a->nodes[at].child = child;
    return child;
}

bool ssmq_added_put(ssmq_added *a, const char *content, size_t n, int32_t id)
{
    SSMQ_ASSERT(n >= 1 && n <= SSMQ_ADDED_BYTES_MAX && id >= 0);
    int32_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char byte = (unsigned char)content[i];
        const int32_t       child = child_of(a, at, byte);
        at = child ? child : add_child(a, at, byte);
    }
    if (a->nodes[at].id != NO_TOKEN) return false;
    a->nodes[at].id = id;
    if (n > a->longest) a->longest = n;
    return true;
}

size_t ssmq_added_longest(const ssmq_added *a)
{
    return a->longest;
}

/* The longest match that begins at `at`; *ran_out if the text ended where a longer one was
 * possible. */
static ssmq_added_match match_at(const ssmq_added *a, const char *text, size_t at, size_t n,
                                 bool *ran_out)
{
    ssmq_added_match m = {.begin = at, .end = at, .id = NO_TOKEN};
    int32_t          here = 0;
    size_t           i = at;
    for (; i < n; i++) {
        here = child_of(a, here, (unsigned char)text[i]);
        if (!here) break;
        if (a->nodes[here].id != NO_TOKEN) {
            m.end = i + 1;
            m.id = a->nodes[here].id;
        }
    }
    *ran_out = i == n && here && a->nodes[here].child;
    return m;
}

ssmq_added_match ssmq_added_find(const ssmq_added *a, const char *text, size_t from, size_t n,
                                 bool open, bool *undecided)
{
    *undecided = false;
    for (size_t at = from; a->longest > 0 && at < n; at++) {
        if (!a->first[(unsigned char)text[at]]) continue;
        bool                   ran_out;
        const ssmq_added_match m = match_at(a, text, at, n, &ran_out);
        *undecided = open && ran_out;
        if (*undecided || m.id != NO_TOKEN) return m;
    }
    return (ssmq_added_match){.begin = n, .end = n, .id = NO_TOKEN};
}

bool ssmq_added_across(const ssmq_added *a, const char *text, size_t n, size_t at)
{
    if (a->longest < 2) return false;
    const size_t reach = a->longest - 1;
    for (size_t begin = at > reach ? at - reach : 0; begin < at; begin++) {
        bool ran_out;
        if (!a->first[(unsigned char)text[begin]]) continue;
        if (match_at(a, text, begin, n, &ran_out).end > at) return true;
    }
    return false;
}
