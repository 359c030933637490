#include "harness/data/torch_zip.h"
#include <inttypes.h>
#include <string.h>
#include "harness/data/pickle.h"
#include "harness/data/zip.h"

typedef struct archive {
    const char         *path;
    const ssmq_mapping *m;
    ssmq_arena         *a;
    ssmq_zip            zip;
    const char         *root; /* the one folder that all entries are in, "pytorch_model" */
} archive;

static const ssmq_zip_entry *find(const archive *z, const char *folder, const char *name)
{
    return ssmq_zip_find(&z->zip, ssmq_arena_printf(z->a, "%s/%s%s", z->root, folder, name));
}

/* Tells a zip archive from what users have under the same name. */
static ssmq_status check_kind(const char *path, const ssmq_mapping *m)
{
    if (m->size >= 2 && memcmp(m->data, "PK", 2) == 0) return SSMQ_OK;
    if (m->size >= 2 && m->data[0] == 0x80 && m->data[1] <= 5)
        return SSMQ_FAIL(INPUT,
                         "%s: is in PyTorch's format from before version 1.6, which is not "
                         "read; save it again with a newer one, or as safetensors",
                         path);
    return SSMQ_FAIL(INPUT, "%s: is no PyTorch checkpoint (no zip archive)", path);
}

/* The root is the folder of the one entry called ROOT/data.pkl. */
static ssmq_status find_root(archive *z)
{
    static const char tail[] = "/data.pkl";
    for (int64_t i = 0; i < z->zip.n; i++) {
        const char *name = z->zip.entry[i].name, *slash = strchr(name, '/');
        if (!slash || strcmp(slash, tail) != 0) continue;
        if (z->root)
            return SSMQ_FAIL(INPUT, "%s: the archive holds two checkpoints, '%s' and '%s'", z->path,
                             z->root, ssmq_arena_strndup(z->a, name, (size_t)(slash - name)));
        z->root = ssmq_arena_strndup(z->a, name, (size_t)(slash - name));
    }
    if (!z->root)
        return SSMQ_FAIL(INPUT, "%s: is no PyTorch checkpoint: the archive has no data.pkl",
                         z->path);
    return SSMQ_OK;
}

/* Versions before 2.1 wrote no byte order; they were little-endian in practice. */
static ssmq_status check_byte_order(const archive *z)
{
    const ssmq_zip_entry *e = find(z, "", "byteorder");
    if (!e || (e->size == 6 && memcmp(z->m->data + e->offset, "little", 6) == 0)) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: its byte order is '%.*s', not 'little'", z->path,
                     e->size < 16 ? (int)e->size : 16, (const char *)z->m->data + e->offset);
}

/* A contiguous tensor has the strides of its shape; those of axes of length 1 say nothing. */
static ssmq_status check_contiguous(const archive *z, const ssmq_pickled *p)
{
    ssmq_tensor shape = ssmq_tensor_of(NULL, p->dtype, p->rank, p->dim), stride = shape;
    char        text[2][SSMQ_SHAPE_TEXT];
    memcpy(stride.dim, p->stride, sizeof stride.dim);
    for (int32_t i = 0; i < p->rank; i++)
        if (p->dim[i] != 1 && p->stride[i] != shape.stride[i] && ssmq_tensor_count(&shape) > 0)
            return SSMQ_FAIL(INPUT, "%s: tensor '%s' is not contiguous: shape %s, strides %s",
                             z->path, p->name, ssmq_tensor_shape(&shape, text[0], SSMQ_SHAPE_TEXT),
                             ssmq_tensor_shape(&stride, text[1], SSMQ_SHAPE_TEXT));
    return SSMQ_OK;
}

/* The entry with a tensor's storage, of exactly the size that the pickle gives it. */
static ssmq_status find_storage(const archive *z, const ssmq_pickled *p, const ssmq_zip_entry **out)
{
    const ssmq_zip_entry *e = find(z, "data/", p->storage);
    if (!e)
        return SSMQ_FAIL(INPUT, "%s: tensor '%s': its storage 'data/%s' is missing", z->path,
                         p->name, p->storage);
    int64_t bytes;
    if (!ssmq_stored_bytes(p->dtype, 1, &p->length, &bytes) || (uint64_t)bytes != e->size)
        return SSMQ_FAIL(INPUT,
                         "%s: tensor '%s': its storage 'data/%s' has %" PRIu64
                         " bytes, not %" PRId64 " elements of %s",
                         z->path, p->name, p->storage, e->size, p->length,
                         ssmq_dtype_name(p->dtype));
    *out = e;
    return SSMQ_OK;
}

/* The tensor inside its storage.  offset and length are what the pickle says: length was checked
 * against the entry, so that everything below it lies in the file. */
static ssmq_status build(const archive *z, const ssmq_pickled *p, ssmq_stored *out)
{
    const ssmq_zip_entry *e = NULL;
    const int64_t         element = ssmq_dtype_bits(p->dtype) / 8;
    int64_t               bytes;
    SSMQ_TRY(find_storage(z, p, &e));
    if (!ssmq_stored_bytes(p->dtype, p->rank, p->dim, &bytes) || p->offset < 0 ||
        p->offset > p->length || bytes / element > p->length - p->offset)
        return SSMQ_FAIL(INPUT,
                         "%s: tensor '%s' reaches beyond its storage of %" PRId64 " elements",
                         z->path, p->name, p->length);
    SSMQ_TRY(check_contiguous(z, p));
    const uint8_t *data = z->m->data + e->offset + p->offset * element;
    out->name = p->name;
    out->file = z->path;
    out->value = ssmq_tensor_of((void *)(uintptr_t)data, p->dtype, p->rank, p->dim);
    out->value.name = p->name;
    return SSMQ_OK;
}

static ssmq_status read_tensors(archive *z, ssmq_arena *a, ssmq_stored **out, int64_t *count)
{
    SSMQ_TRY(ssmq_zip_read(z->path, z->m, z->a, &z->zip));
    SSMQ_TRY(find_root(z));
    SSMQ_TRY(check_byte_order(z));
    const ssmq_zip_entry *e = find(z, "", "data.pkl");
    ssmq_pickled         *p = NULL;
    int64_t               n = 0;
    SSMQ_TRY(ssmq_pickle_read(z->path, z->m->data + e->offset, e->size, a, &p, &n));
    ssmq_stored *stored = SSMQ_ARENA_ARRAY(a, ssmq_stored, n);
    for (int64_t i = 0; i < n; i++) SSMQ_TRY(build(z, &p[i], &stored[i]));
    *out = stored;
    *count = n;
    return SSMQ_OK;
}

ssmq_status ssmq_torch_zip_read(const char *path, const ssmq_mapping *m, ssmq_arena *a,
                                ssmq_stored **out, int64_t *count)
{
    SSMQ_TRY(check_kind(path, m));
    archive           z = {.path = path, .m = m, .a = ssmq_arena_new()};
    const ssmq_status st = read_tensors(&z, a, out, count);
    ssmq_arena_free(z.a);
    return st;
}
