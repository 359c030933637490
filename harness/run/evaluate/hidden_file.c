#include "harness/run/evaluate/hidden_file.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/arena.h"
#include "harness/store/own_name.h"
#include "harness/store/summed.h"

#define ORDER INT64_C(0x0102030405060708) /* reads otherwise on a machine of the other byte order */

/* What the file begins with; behind it the rows, the sum. */
typedef struct head {
    char    kind[16], key[72];
    int64_t order, n, width;
} head;

static head head_of(const char *key, int64_t n, int64_t width)
{
    head h = {.order = ORDER, .n = n, .width = width};
    strcpy(h.kind, SSMQ_HIDDEN_KIND);
    memcpy(h.key, key, SSMQ_SHA256_HEX);
    return h;
}

int64_t ssmq_hidden_file_bytes(int64_t n, int64_t width)
{
    return (int64_t)sizeof(head) + n * width * (int64_t)sizeof(float) + SSMQ_SUM_BYTES;
}

static ssmq_status write_to(const char *path, const head *h, const float *row)
{
    const size_t count = (size_t)(h->n * h->width);
    FILE        *f = fopen(path, "wbx");
    bool         fine = f && fwrite(h, sizeof *h, 1, f) == 1 && fwrite(row, sizeof *row, count, f) == count;
    const int    error = errno;
    if (f && fclose(f) != 0) fine = false;
    return fine ? SSMQ_OK : SSMQ_FAIL(IO, "%s: %s", path, strerror(error ? error : errno));
}

ssmq_status ssmq_hidden_file_write(const char *path, const char key[SSMQ_SHA256_HEX], const float *row, int64_t n,
                                   int64_t width)
{
    ssmq_arena *arena = ssmq_arena_new();
    const char *own = ssmq_own_name(arena, path);
    const head  h = head_of(key, n, width);
    ssmq_status st = write_to(own, &h, row);
    if (st == SSMQ_OK) st = ssmq_summed_append(own);
    if (st == SSMQ_OK) st = ssmq_file_seal(own, path);
    if (st != SSMQ_OK) unlink(own);
    ssmq_arena_free(arena);
    return st;
}

static ssmq_status lay_out(const char *path, const char *key, ssmq_hidden_file *f)
{
    head h = {.kind = ""};
    if (f->map.size > sizeof h) memcpy(&h, f->map.data, sizeof h);
    const head is = head_of(key, h.n, h.width);
    if (memcmp(&h, &is, sizeof h) != 0 || (int64_t)f->map.size != ssmq_hidden_file_bytes(h.n, h.width))
        return SSMQ_FAIL(DAMAGED, "%s: is not the file of this window", path);
    f->row = (const void *)(f->map.data + sizeof h);
    f->n = h.n;
    f->width = h.width;
    return SSMQ_OK;
}

ssmq_status ssmq_hidden_file_open(const char *path, const char key[SSMQ_SHA256_HEX], bool sum, ssmq_hidden_file *out)
{
    ssmq_hidden_file f = {0};
    if (sum) SSMQ_TRY(ssmq_summed_check(path));
    SSMQ_TRY(ssmq_map_open(path, &f.map));
    const ssmq_status st = lay_out(path, key, &f);
    if (st == SSMQ_OK) *out = f;
    else ssmq_hidden_file_close(&f);
    return st;
}

void ssmq_hidden_file_close(ssmq_hidden_file *f)
{
    ssmq_map_close(&f->map);
    *f = (ssmq_hidden_file){0};
}
