#include "harness/run/cut_file.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "harness/store/own_name.h"
#include "harness/store/summed.h"

#define ORDER INT64_C(0x0102030405060708) /* reads otherwise on a machine of the other byte order */

/* What the file begins with; behind it begin [n + 1], of [n], documents, tokens, names each with its 0, the sum. */
typedef struct head {
    char    kind[16], key[72];
    int64_t order, n, n_token, n_document, n_subset, name_bytes;
} head;

static head head_of(const char *key, const ssmq_cut *c)
{
    head h = {.order = ORDER, .n = c->n, .n_token = c->begin[c->n], .n_document = c->n_document,
              .n_subset = c->n_subset};
    strcpy(h.kind, SSMQ_CUT_KIND);
    memcpy(h.key, key, SSMQ_SHA256_HEX);
    for (int32_t i = 0; i < c->n_subset; i++) h.name_bytes += (int64_t)strlen(c->subset[i]) + 1;
    return h;
}

/* ---- writing ----------------------------------------------------------------------------- */

static bool put(FILE *f, const void *data, int64_t n, size_t size)
{
    return n == 0 || fwrite(data, size, (size_t)n, f) == (size_t)n;
}

static ssmq_status write_to(const char *path, const char *key, const ssmq_cut *c)
{
    const head h = head_of(key, c);
    FILE      *f = fopen(path, "wbx");
    bool       fine = f && put(f, &h, 1, sizeof h) && put(f, c->begin, c->n + 1, sizeof *c->begin) &&
                put(f, c->of, c->n, sizeof *c->of) && put(f, c->document, c->n_document, sizeof *c->document) &&
                put(f, c->token, h.n_token, sizeof *c->token);
    for (int32_t i = 0; fine && i < c->n_subset; i++)
        fine = put(f, c->subset[i], (int64_t)strlen(c->subset[i]) + 1, 1);
    const int error = errno;
    if (f && fclose(f) != 0) fine = false;
    return fine ? SSMQ_OK : SSMQ_FAIL(IO, "%s: %s", path, strerror(error ? error : errno));
}

ssmq_status ssmq_cut_write(const char *path, const char key[SSMQ_SHA256_HEX], const ssmq_cut *c)
{
    ssmq_arena *arena = ssmq_arena_new();
    const char *own = ssmq_own_name(arena, path);
    ssmq_status st = write_to(own, key, c);
    if (st == SSMQ_OK) st = ssmq_summed_append(own);
    if (st == SSMQ_OK) st = ssmq_file_seal(own, path);
    if (st != SSMQ_OK) unlink(own);
    ssmq_arena_free(arena);
    return st;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* The file as it was written, so what its head says of it is so. */
static ssmq_status lay_out(const char *path, const char *key, ssmq_cut *c)
{
    const uint8_t *at = c->map.data;
    head           h = {.kind = ""};
    if (c->map.size > sizeof h) memcpy(&h, at, sizeof h);
    if (strcmp(h.kind, SSMQ_CUT_KIND) != 0 || strcmp(h.key, key) != 0 || h.order != ORDER)
        return SSMQ_FAIL(DAMAGED, "%s: is the file of other tokens", path);
    at += sizeof h;
    c->n = h.n;
    c->begin = (const void *)at;
    c->of = c->begin + h.n + 1;
    c->n_document = h.n_document;
    c->document = (const void *)(c->of + h.n);
    c->token = (const void *)(c->document + h.n_document);
    c->n_subset = (int32_t)h.n_subset;
    const char *name = (const void *)(c->token + h.n_token), **names;
    c->arena = ssmq_arena_new();
    c->subset = names = SSMQ_ARENA_ARRAY(c->arena, const char *, h.n_subset);
    for (int64_t i = 0; i < h.n_subset; i++, name += strlen(name) + 1) names[i] = name;
    return SSMQ_OK;
}

ssmq_status ssmq_cut_read(const char *path, const char key[SSMQ_SHA256_HEX], ssmq_cut *out)
{
    ssmq_cut c = {0};
    SSMQ_TRY(ssmq_summed_check(path));
    SSMQ_TRY(ssmq_map_open(path, &c.map));
    const ssmq_status st = lay_out(path, key, &c);
    if (st == SSMQ_OK) *out = c;
    else ssmq_cut_free(&c);
    return st;
}
