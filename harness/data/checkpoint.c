#include "harness/data/checkpoint.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "harness/base/assert.h"
#include "harness/data/safetensors.h"
#include "harness/data/stored.h"
#include "harness/data/torch_zip.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)
#define INDEX_BYTES_MAX ((size_t)8 << 20) /* some 50,000 tensors */
#define SHARDS_MAX 4096

/* A file that was opened: weights, or an index, which stays unmapped. */
typedef struct weight_file {
    const char  *path;
    ssmq_mapping mapping;
    ssmq_stored *stored; /* [n], in the file's order */
    int64_t      n;
} weight_file;

struct ssmq_checkpoint {
    ssmq_arena  *arena;
    weight_file *file;
    int32_t      n_file;
    ssmq_stored *stored; /* sorted by name */
    int32_t      n;
};

/* What weights are called, in order of preference. */
static const struct {
    const char         *name, *index;
    ssmq_stored_reader *read;
} layouts[] = {
    {"model.safetensors", "model.safetensors.index.json", ssmq_safetensors_read},
    {"pytorch_model.bin", "pytorch_model.bin.index.json", ssmq_torch_zip_read},
};
#define N_LAYOUT (sizeof layouts / sizeof *layouts)

static char *join(ssmq_arena *a, const char *directory, const char *name)
{
    return ssmq_arena_printf(a, "%s%s%s", directory, ssmq_str_ends(directory, "/") ? "" : "/",
                             name);
}

ssmq_status ssmq_checkpoint_config(const char *directory, ssmq_json *out)
{
    ssmq_arena       *a = ssmq_arena_new();
    const ssmq_status st = ssmq_json_open(join(a, directory, "config.json"), CONFIG_BYTES_MAX, out);
    ssmq_arena_free(a);
    return st;
}

/* ---- files ------------------------------------------------------------------------------ */

/* A broken symbolic link counts: opening it then says what is wrong. */
static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* What git leaves in place of large files that were not fetched. */
static ssmq_status check_fetched(const char *path, const ssmq_mapping *m)
{
    static const char pointer[] = "version https://git-lfs";
    if (m->size < sizeof pointer || memcmp(m->data, pointer, sizeof pointer - 1) != 0)
        return SSMQ_OK;
    return SSMQ_FAIL(
        INPUT, "%s: is a Git LFS pointer, not the file itself (git lfs pull fetches it)", path);
}

/* Maps a weight file and reads its table. */
static ssmq_status add_file(ssmq_checkpoint *c, const char *path, ssmq_stored_reader *read)
{
    weight_file *f = &c->file[c->n_file++];
    f->path = path;
    SSMQ_TRY(ssmq_map_open(path, &f->mapping));
    SSMQ_TRY(check_fetched(path, &f->mapping));
    return read(path, &f->mapping, c->arena, &f->stored, &f->n);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ssmq_stored *)a)->name, ((const ssmq_stored *)b)->name);
}

/* One table of all files' tensors, sorted by name; no name twice. */
static ssmq_status sort_tensors(ssmq_checkpoint *c)
{
    int64_t n = 0;
    for (int32_t i = 0; i < c->n_file; i++) n += c->file[i].n;
    if (n > INT32_MAX)
        return SSMQ_FAIL(INPUT, "%s: more tensors than can be counted", c->file[0].path);
    c->stored = SSMQ_ARENA_ARRAY(c->arena, ssmq_stored, n);
    for (int32_t i = 0; i < c->n_file; i++) {
        const weight_file *f = &c->file[i];
        if (f->n) memcpy(c->stored + c->n, f->stored, (size_t)f->n * sizeof *f->stored);
        c->n += (int32_t)f->n;
    }
    if (n) qsort(c->stored, (size_t)n, sizeof *c->stored, by_name);
    for (int32_t i = 1; i < c->n; i++) {
        const ssmq_stored *a = &c->stored[i - 1], *b = a + 1;
        if (by_name(a, b) != 0) continue;
        const int order = strcmp(a->file, b->file);
        if (order == 0) return SSMQ_FAIL(INPUT, "%s: tensor '%s' is there twice", a->file, a->name);
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' is also in %s", order < 0 ? b->file : a->file,
                         a->name, order < 0 ? a->file : b->file);
    }
    return SSMQ_OK;
}

/* ---- shards ----------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The different files that an index names, sorted: shard [count] paths. */
static ssmq_status list_shards(ssmq_checkpoint *c, const char *directory, const char *index,
                               json_t *map, const char ***shard, size_t *count)
{
    const size_t n = json_object_size(map);
    const char **name = SSMQ_ARENA_ARRAY(c->arena, const char *, n), *key;
    json_t      *v;
    size_t       i = 0, unique = 0;
    json_object_foreach(map, key, v)
    {
        const char *file = json_string_value(v);
        if (!file || !*file || strchr(file, '/') || strcmp(file, ".") == 0 ||
            strcmp(file, "..") == 0)
            return SSMQ_FAIL(INPUT, "%s: the file of tensor '%.512s' is no plain file name", index,
                             key);
        name[i++] = file;
    }
    if (n) qsort(name, n, sizeof *name, by_text);
    for (i = 0; i < n; i++)
        if (i == 0 || strcmp(name[i], name[i - 1]) != 0) name[unique++] = name[i];
    if (unique == 0 || unique > SHARDS_MAX)
        return SSMQ_FAIL(INPUT, "%s: names %zu files, not 1 to %d", index, unique, SHARDS_MAX);
    for (i = 0; i < unique; i++) name[i] = join(c->arena, directory, name[i]);
    *shard = name;
    *count = unique;
    return SSMQ_OK;
}

/* Index and shards name the same tensors in the same files.  The table is sorted. */
static ssmq_status check_index(const ssmq_checkpoint *c, const char *directory, const char *index,
                               json_t *map)
{
    const char *key;
    json_t     *v;
    for (int32_t i = 0; i < c->n; i++)
        if (!json_object_get(map, c->stored[i].name))
            return SSMQ_FAIL(INPUT, "%s: tensor '%s' is not in the index %s", c->stored[i].file,
                             c->stored[i].name, index);
    json_object_foreach(map, key, v)
    {
        const ssmq_stored *t = ssmq_checkpoint_find(c, key);
        const char        *file = json_string_value(v);
        const size_t       folder = strlen(directory) + !ssmq_str_ends(directory, "/");
        if (!t || strcmp(t->file + folder, file) != 0)
            return SSMQ_FAIL(INPUT, "%s: tensor '%.512s' is not in '%.255s' as the index says",
                             index, key, file);
    }
    return SSMQ_OK;
}

/* ---- opening ---------------------------------------------------------------------------- */

static ssmq_status open_shards(ssmq_checkpoint *c, const char *directory, const char *index,
                               const ssmq_json *j, ssmq_stored_reader *read)
{
    json_t      *map = json_object_get(j->root, "weight_map");
    const char **shard = NULL;
    size_t       n = 0;
    if (!json_is_object(map))
        return SSMQ_FAIL(INPUT, "%s: the key 'weight_map' is missing, or no object", index);
    SSMQ_TRY(list_shards(c, directory, index, map, &shard, &n));
    c->file = SSMQ_ARENA_ARRAY(c->arena, weight_file, n + 1);
    c->file[c->n_file++].path = index;
    for (size_t i = 0; i < n; i++) SSMQ_TRY(add_file(c, shard[i], read));
    SSMQ_TRY(sort_tensors(c));
    return check_index(c, directory, index, map);
}

static ssmq_status open_index(ssmq_checkpoint *c, const char *directory, const char *index,
                              ssmq_stored_reader *read)
{
    ssmq_json j = {0};
    SSMQ_TRY(ssmq_json_open(index, INDEX_BYTES_MAX, &j));
    const ssmq_status st = open_shards(c, directory, index, &j, read);
    ssmq_json_close(&j);
    return st;
}

static ssmq_status open_weights(ssmq_checkpoint *c, const char *directory)
{
    for (size_t i = 0; i < N_LAYOUT; i++) {
        const char *whole = join(c->arena, directory, layouts[i].name);
        const char *index = join(c->arena, directory, layouts[i].index);
        if (exists(whole)) {
            c->file = SSMQ_ARENA_ARRAY(c->arena, weight_file, 1);
            SSMQ_TRY(add_file(c, whole, layouts[i].read));
            return sort_tensors(c);
        }
        if (exists(index)) return open_index(c, directory, index, layouts[i].read);
    }
    if (!exists(directory)) return SSMQ_FAIL(INPUT, "%s: %s", directory, strerror(errno));
    return SSMQ_FAIL(INPUT, "%s: has no weights: none of %s, %s, %s, %s", directory,
                     layouts[0].name, layouts[0].index, layouts[1].name, layouts[1].index);
}

ssmq_status ssmq_checkpoint_open(const char *directory, ssmq_checkpoint **out)
{
    ssmq_arena      *a = ssmq_arena_new();
    ssmq_checkpoint *c = ssmq_arena_alloc(a, sizeof *c);
    c->arena = a;
    const ssmq_status st = open_weights(c, directory);
    if (st != SSMQ_OK) {
        ssmq_checkpoint_close(c);
        return st;
    }
    *out = c;
    return SSMQ_OK;
}

void ssmq_checkpoint_close(ssmq_checkpoint *c)
{
    if (!c) return;
    for (int32_t i = 0; i < c->n_file; i++) ssmq_map_close(&c->file[i].mapping);
    ssmq_arena_free(c->arena);
}

/* ---- access ----------------------------------------------------------------------------- */

int32_t ssmq_checkpoint_count(const ssmq_checkpoint *c)
{
    return c->n;
}

const ssmq_stored *ssmq_checkpoint_at(const ssmq_checkpoint *c, int32_t i)
{
    SSMQ_ASSERT(i >= 0 && i < c->n);
    return &c->stored[i];
}

const ssmq_stored *ssmq_checkpoint_find(const ssmq_checkpoint *c, const char *name)
{
    if (c->n == 0) return NULL;
    const ssmq_stored key = {.name = name};
    return bsearch(&key, c->stored, (size_t)c->n, sizeof *c->stored, by_name);
}

void ssmq_checkpoint_forget(const ssmq_checkpoint *c, const ssmq_stored *t)
{
    const uintptr_t data = (uintptr_t)t->value.data;
    for (int32_t i = 0; i < c->n_file; i++) {
        const ssmq_mapping *m = &c->file[i].mapping;
        const uintptr_t     begin = (uintptr_t)m->data;
        if (!m->data || data < begin || data - begin >= m->size) continue;
        ssmq_map_forget(m, data - begin, ssmq_tensor_bytes(&t->value));
        return;
    }
}

int32_t ssmq_checkpoint_files(const ssmq_checkpoint *c)
{
    return c->n_file;
}

const char *ssmq_checkpoint_file(const ssmq_checkpoint *c, int32_t i)
{
    SSMQ_ASSERT(i >= 0 && i < c->n_file);
    return c->file[i].path;
}
