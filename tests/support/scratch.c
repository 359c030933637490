#include "tests/support/scratch.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/support/check.h"

int scratch_setup(void **state)
{
    const char *base = getenv("TMPDIR");
    scratch    *s = ssmq_must_malloc(sizeof *s);
    s->a = ssmq_arena_new();
    s->path = ssmq_arena_printf(s->a, "%s/ssmq-test-XXXXXX", base && *base ? base : "/tmp");
    *state = s;
    return mkdtemp(s->path) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

int scratch_teardown(void **state)
{
    scratch  *s = *state;
    const int bad = nftw(s->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    ssmq_arena_free(s->a);
    free(s);
    return bad;
}

const char *scratch_path(const scratch *s, const char *name)
{
    return ssmq_arena_printf(s->a, "%s/%s", s->path, name);
}

const char *scratch_write(const scratch *s, const char *name, const void *bytes, size_t n)
{
    const char *path = scratch_path(s, name);
    FILE       *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

const char *scratch_copy(const scratch *s, const char *from, const char *name)
{
    blob        b = blob_read(from);
    const char *path = scratch_write(s, name, b.data, b.size);
    blob_free(&b);
    return path;
}

blob blob_of(const void *bytes, size_t n)
{
    blob b = {.data = ssmq_must_malloc(n), .size = n};
    if (n) memcpy(b.data, bytes, n);
    return b;
}

blob blob_read(const char *path)
{
    ssmq_mapping m;
    CHECK_OK(ssmq_map_open(path, &m));
    const blob b = blob_of(m.data, m.size);
    ssmq_map_close(&m);
    return b;
}

void blob_free(blob *b)
{
    free(b->data);
    *b = (blob){0};
}

ssmq_mapping blob_mapping(const blob *b)
{
    return (ssmq_mapping){.data = b->size ? b->data : NULL, .size = b->size};
}

blob blob_damaged(const blob *b, size_t begin, size_t end, ssmq_rng *r)
{
    const size_t cut = ssmq_rng_below(r, 8) == 0 ? ssmq_rng_below(r, b->size) : b->size;
    blob         d = blob_of(b->data, cut);
    uint64_t     n = 1 + ssmq_rng_below(r, 8);
    while (n-- > 0) {
        const size_t   at = begin + ssmq_rng_below(r, end - begin);
        const uint8_t  old = at < d.size ? d.data[at] : 0;
        /* Half the time a near value, which gets further than a random one. */
        const uint64_t change =
            ssmq_rng_below(r, 2) ? 1u << ssmq_rng_below(r, 8) : ssmq_rng_below(r, 256);
        if (at < d.size) d.data[at] = (uint8_t)(old ^ change);
    }
    return d;
}

uint64_t test_seed(uint64_t fallback)
{
    const char    *text = getenv("SSMQ_TEST_SEED");
    const uint64_t seed = text ? strtoull(text, NULL, 0) : fallback;
    print_message("SSMQ_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}
