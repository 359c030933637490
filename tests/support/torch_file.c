#include "tests/support/torch_file.h"
#include <string.h>

/* ---- the archive ------------------------------------------------------------------------ */

static void put_le(ssmq_str *s, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        const char c = (char)(i < 8 ? v >> 8 * i : 0);
        ssmq_str_append(s, &c, 1);
    }
}

void zip_add(zip_maker *z, const char *name, const void *bytes, size_t n)
{
    const uint64_t at = z->bytes.length, length = strlen(name);
    const uint64_t small = z->zip64 ? 0xffffffffu : n, extra = z->zip64 ? 28 : 0;
    ssmq_str_append(&z->bytes, "PK\3\4", 4);
    put_le(&z->bytes, 0,
           22); /* version, flags, method, time, checksum, sizes: left to the directory */
    put_le(&z->bytes, length, 2);
    put_le(&z->bytes, 5, 2); /* an extra field of another kind, for padding */
    ssmq_str_append(&z->bytes, name, length);
    ssmq_str_append(&z->bytes, "FB\1\0Z", 5);
    ssmq_str_append(&z->bytes, bytes, n);

    ssmq_str *d = &z->directory;
    ssmq_str_append(d, "PK\1\2", 4);
    put_le(d, 0, 4);
    put_le(d, z->flags, 2);
    put_le(d, z->method, 2);
    put_le(d, 0, 8);
    put_le(d, small, 4);
    put_le(d, small, 4);
    put_le(d, length, 2);
    put_le(d, extra, 2);
    put_le(d, 0, 10);
    put_le(d, z->zip64 ? 0xffffffffu : at, 4);
    ssmq_str_append(d, name, length);
    if (z->zip64) {
        put_le(d, 1, 2);
        put_le(d, 24, 2);
        put_le(d, n, 8);
        put_le(d, n, 8);
        put_le(d, at, 8);
    }
    z->n++;
}

void zip_end(zip_maker *z)
{
    const uint64_t at = z->bytes.length, size = z->directory.length;
    ssmq_str      *b = &z->bytes;
    ssmq_str_append(b, z->directory.data, size);
    if (z->zip64) {
        const uint64_t end = b->length;
        ssmq_str_append(b, "PK\6\6", 4);
        put_le(b, 44, 8);
        put_le(b, 0, 12);
        put_le(b, (uint64_t)z->n, 8);
        put_le(b, (uint64_t)z->n, 8);
        put_le(b, size, 8);
        put_le(b, at, 8);
        ssmq_str_append(b, "PK\6\7", 4);
        put_le(b, 0, 4);
        put_le(b, end, 8);
        put_le(b, 1, 4);
    }
    ssmq_str_append(b, "PK\5\6", 4);
    put_le(b, 0, 4);
    put_le(b, z->zip64 ? 0xffff : (uint64_t)z->n, 2);
    put_le(b, z->zip64 ? 0xffff : (uint64_t)z->n, 2);
    put_le(b, z->zip64 ? 0xffffffffu : size, 4);
    put_le(b, z->zip64 ? 0xffffffffu : at, 4);
    put_le(b, 0, 2);
}

void zip_free(zip_maker *z)
{
    ssmq_str_free(&z->bytes);
    ssmq_str_free(&z->directory);
    *z = (zip_maker){0};
}

/* ---- the pickle ------------------------------------------------------------------------- */

void put_op(ssmq_str *p, const char *opcodes)
{
    ssmq_str_puts(p, opcodes);
}

void put_text(ssmq_str *p, const char *text)
{
    put_op(p, "X");
    put_le(p, strlen(text), 4);
    ssmq_str_puts(p, text);
}

void put_int(ssmq_str *p, int64_t value)
{
    const bool one = value >= 0 && value < 256, two = value >= 0 && value < 65536;
    const bool four = value >= INT32_MIN && value <= INT32_MAX;
    put_op(p, one ? "K" : two ? "M" : four ? "J" : "\x8a\x08");
    put_le(p, (uint64_t)value, one ? 1 : two ? 2 : four ? 4 : 8);
}

void put_global(ssmq_str *p, const char *module, const char *name)
{
    ssmq_str_printf(p, "c%s\n%s\n", module, name);
}

static void put_tuple(ssmq_str *p, const int64_t *v, int n)
{
    put_op(p, "(");
    for (int i = 0; i < n; i++) put_int(p, v[i]);
    put_op(p, "t");
}

void put_tensor(ssmq_str *p, const made_tensor *t)
{
    if (t->parameter) {
        put_global(p, "torch._utils", "_rebuild_parameter");
        put_op(p, "(");
    }
    put_global(p, "torch._utils", "_rebuild_tensor_v2");
    put_op(p, "((");
    put_text(p, "storage");
    put_global(p, "torch", t->type);
    put_text(p, t->storage);
    put_text(p, "cuda:0");
    put_int(p, t->length);
    put_op(p, "tQ");
    put_int(p, t->offset);
    put_tuple(p, t->dim, t->rank);
    put_tuple(p, t->stride, t->rank);
    put_op(p, "\x89");
    put_global(p, "collections", "OrderedDict");
    put_op(p, ")RtR");
    if (!t->parameter) return;
    put_op(p, "\x88");
    put_global(p, "collections", "OrderedDict");
    put_op(p, ")RtR");
}

void put_state_dict(ssmq_str *p, const made_tensor *t, int n)
{
    put_op(p, "\x80\x02");
    put_global(p, "collections", "OrderedDict");
    put_op(p, ")R(");
    for (int i = 0; i < n; i++) {
        put_text(p, t[i].name);
        put_tensor(p, &t[i]);
    }
    put_op(p, "u}");
    put_text(p, "_metadata");
    put_global(p, "collections", "OrderedDict");
    put_op(p, ")R");
    put_text(p, "");
    put_op(p, "}");
    put_text(p, "version");
    put_int(p, 1);
    put_op(p, "sssb.");
}
