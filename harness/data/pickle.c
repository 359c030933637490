#include "harness/data/pickle.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/data/stored.h"

#define KEY_MAX 64 /* bytes of a storage's key, which PyTorch numbers from 0 */

/* ---- values ----------------------------------------------------------------------------- */

typedef enum kind {
    NIL,
    BOOL,
    INT,
    TEXT,
    TUPLE,
    DICT,
    GLOBAL,
    STORAGE,
    TENSOR,
    MARK,
    UNSET, /* a memo slot that was never written */
} kind;

typedef struct value {
    kind   kind;
    size_t n; /* TEXT: bytes; TUPLE: items */
    union {
        int64_t              integer; /* BOOL, INT                                        */
        const char          *text;    /* 0-terminated; holds no other 0                   */
        const struct value  *item;    /* TUPLE                                            */
        struct list         *list;    /* DICT: keys and values in turn                    */
        const struct global *global;
        const struct value  *part; /* STORAGE: type, key, length; TENSOR: see rebuild_tensor */
    } as;
} value;

typedef struct list {
    value *item;
    size_t n, capacity;
} list;

/* The globals that a dictionary of tensors needs. */
typedef enum call { ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, STORAGE_TYPE } call;

typedef struct global {
    const char *module, *name;
    call        call;
    ssmq_dtype  dtype; /* STORAGE_TYPE */
} global;

static const global globals[] = {
    {"collections", "OrderedDict", ORDERED_DICT, 0},
    {"torch._utils", "_rebuild_tensor_v2", REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", REBUILD_PARAMETER, 0},
    {"torch", "FloatStorage", STORAGE_TYPE, SSMQ_F32},
    {"torch", "HalfStorage", STORAGE_TYPE, SSMQ_F16},
    {"torch", "BFloat16Storage", STORAGE_TYPE, SSMQ_BF16},
    {"torch", "DoubleStorage", STORAGE_TYPE, SSMQ_F64},
    {"torch", "LongStorage", STORAGE_TYPE, SSMQ_I64},
    {"torch", "IntStorage", STORAGE_TYPE, SSMQ_I32},
    {"torch", "CharStorage", STORAGE_TYPE, SSMQ_I8},
    {"torch", "ByteStorage", STORAGE_TYPE, SSMQ_U8},
};

/* ---- the machine ------------------------------------------------------------------------ */

typedef struct machine {
    const char    *path;
    const uint8_t *bytes;
    size_t         size, at;
    size_t         opcode; /* where the present opcode stands, for messages */
    ssmq_arena    *a;
    list           stack, memo;
    size_t         memoized; /* slots written so far: MEMOIZE takes the next */
} machine;

#define FAIL_AT(m, ...) fail_at((m), __LINE__, __func__, __VA_ARGS__)

static ssmq_status fail_at(const machine *m, int line, const char *func, const char *format, ...)
    __attribute__((format(printf, 4, 5), cold));

static ssmq_status fail_at(const machine *m, int line, const char *func, const char *format, ...)
{
    char    text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ssmq_fail(SSMQ_ERR_INPUT, __FILE__, line, func, "%s: data.pkl, byte %zu: %s", m->path,
                     m->opcode, text);
}

/* Appends to a list in the arena, doubling: at most twice the memory of its items. */
static void append(machine *m, list *l, value v)
{
    if (l->n == l->capacity) {
        const size_t capacity = l->capacity ? 2 * l->capacity : 8;
        value       *item = SSMQ_ARENA_ARRAY(m->a, value, capacity);
        if (l->n) memcpy(item, l->item, l->n * sizeof *item);
        l->item = item;
        l->capacity = capacity;
    }
    l->item[l->n++] = v;
}

static void push(machine *m, value v)
{
    append(m, &m->stack, v);
}

static ssmq_status pop(machine *m, value *out)
{
    if (m->stack.n == 0 || m->stack.item[m->stack.n - 1].kind == MARK)
        return FAIL_AT(m, "a value is taken from an empty stack");
    *out = m->stack.item[--m->stack.n];
    return SSMQ_OK;
}

/* The value on top, which stays. */
static ssmq_status top(machine *m, value *out)
{
    SSMQ_TRY(pop(m, out));
    m->stack.n++;
    return SSMQ_OK;
}

/* Takes everything above the last mark, and the mark; items stay valid until the next push. */
static ssmq_status pop_mark(machine *m, const value **item, size_t *n)
{
    size_t i = m->stack.n;
    while (i > 0 && m->stack.item[i - 1].kind != MARK) i--;
    if (i == 0) return FAIL_AT(m, "a mark is missing from the stack");
    *item = m->stack.item + i;
    *n = m->stack.n - i;
    m->stack.n = i - 1;
    return SSMQ_OK;
}

static ssmq_status take(machine *m, size_t n, const uint8_t **out)
{
    if (n > m->size - m->at) return FAIL_AT(m, "the pickle ends inside an opcode");
    *out = m->bytes + m->at;
    m->at += n;
    return SSMQ_OK;
}

static ssmq_status take_int(machine *m, size_t bytes, uint64_t *out)
{
    const uint8_t *p = NULL;
    SSMQ_TRY(take(m, bytes, &p));
    *out = 0;
    for (size_t i = bytes; i-- > 0;) *out = *out << 8 | p[i];
    return SSMQ_OK;
}

/* ---- building values -------------------------------------------------------------------- */

/* Values without parts: NIL, BOOL, INT, MARK. */
static ssmq_status push_plain(machine *m, kind k, int64_t n)
{
    push(m, (value){.kind = k, .as.integer = n});
    return SSMQ_OK;
}

static ssmq_status push_tuple(machine *m, const value *item, size_t n)
{
    value *copy = SSMQ_ARENA_ARRAY(m->a, value, n);
    if (n) memcpy(copy, item, n * sizeof *copy);
    push(m, (value){.kind = TUPLE, .n = n, .as.item = copy});
    return SSMQ_OK;
}

static ssmq_status tuple_of(machine *m, size_t n)
{
    value item[3] = {0};
    SSMQ_ASSERT(n <= 3);
    for (size_t i = n; i-- > 0;) SSMQ_TRY(pop(m, &item[i]));
    return push_tuple(m, item, n);
}

static ssmq_status push_dict(machine *m)
{
    push(m, (value){.kind = DICT, .as.list = ssmq_arena_alloc(m->a, sizeof(list))});
    return SSMQ_OK;
}

static ssmq_status push_text(machine *m, size_t length_bytes)
{
    uint64_t       n = 0;
    const uint8_t *p = NULL;
    SSMQ_TRY(take_int(m, length_bytes, &n));
    SSMQ_TRY(take(m, n, &p));
    if (n && memchr(p, 0, n)) return FAIL_AT(m, "a string holds a zero byte");
    push(m, (value){.kind = TEXT, .n = n, .as.text = ssmq_arena_strndup(m->a, (const char *)p, n)});
    return SSMQ_OK;
}

/* An integer of any length, as far as it fits 64 bits. */
static ssmq_status push_long(machine *m)
{
    uint64_t n = 0, v = 0;
    SSMQ_TRY(take_int(m, 1, &n));
    if (n > 8) return FAIL_AT(m, "an integer of %" PRIu64 " bytes", n);
    SSMQ_TRY(take_int(m, n, &v));
    if (n > 0 && n < 8 && v >> (8 * n - 1)) v |= ~(uint64_t)0 << 8 * n; /* sign */
    return push_plain(m, INT, (int64_t)v);
}

static ssmq_status push_global(machine *m, const char *module, const char *name)
{
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
        if (strcmp(module, globals[i].module) != 0 || strcmp(name, globals[i].name) != 0) continue;
        push(m, (value){.kind = GLOBAL, .as.global = &globals[i]});
        return SSMQ_OK;
    }
    return FAIL_AT(m, "the global '%.200s.%.200s' is none that tensors need; nothing was executed",
                   module, name);
}

/* A line of text, as the operand of GLOBAL. */
static ssmq_status take_line(machine *m, const char **out)
{
    const uint8_t *p = m->bytes + m->at, *end = memchr(p, '\n', m->size - m->at);
    if (!end) return FAIL_AT(m, "the pickle ends inside an opcode");
    *out = ssmq_arena_strndup(m->a, (const char *)p, (size_t)(end - p));
    m->at += (size_t)(end - p) + 1;
    return SSMQ_OK;
}

static ssmq_status global_of_lines(machine *m)
{
    const char *module = NULL, *name = NULL;
    SSMQ_TRY(take_line(m, &module));
    SSMQ_TRY(take_line(m, &name));
    return push_global(m, module, name);
}

static ssmq_status global_of_stack(machine *m)
{
    value module = {0}, name = {0};
    SSMQ_TRY(pop(m, &name));
    SSMQ_TRY(pop(m, &module));
    if (module.kind != TEXT || name.kind != TEXT) return FAIL_AT(m, "a global's name is no string");
    return push_global(m, module.as.text, name.as.text);
}

/* ---- calls ------------------------------------------------------------------------------ */

/* The identity of a storage: ("storage", type, key, device, length). */
static ssmq_status push_storage(machine *m)
{
    value id = {0};
    SSMQ_TRY(pop(m, &id));
    const value *p = id.as.item;
    if (id.kind != TUPLE || id.n != 5 || p[0].kind != TEXT ||
        strcmp(p[0].as.text, "storage") != 0 || p[1].kind != GLOBAL ||
        p[1].as.global->call != STORAGE_TYPE || p[2].kind != TEXT || p[2].n > KEY_MAX ||
        p[3].kind != TEXT || p[4].kind != INT || p[4].as.integer < 0)
        return FAIL_AT(m, "a persistent id is not that of a storage");
    push(m, (value){.kind = STORAGE, .as.part = p});
    return SSMQ_OK;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata]) */
static ssmq_status rebuild_tensor(machine *m, const value *p, size_t n)
{
    const bool plain =
        n == 6 || (n == 7 && (p[6].kind == NIL || (p[6].kind == DICT && p[6].as.list->n == 0)));
    if (!plain || p[0].kind != STORAGE || p[1].kind != INT || p[2].kind != TUPLE ||
        p[3].kind != TUPLE || p[2].n != p[3].n)
        return FAIL_AT(m, "unexpected arguments of _rebuild_tensor_v2");
    push(m, (value){.kind = TENSOR, .as.part = p});
    return SSMQ_OK;
}

static ssmq_status reduce(machine *m)
{
    value args = {0}, function = {0};
    SSMQ_TRY(pop(m, &args));
    SSMQ_TRY(pop(m, &function));
    if (function.kind != GLOBAL || args.kind != TUPLE)
        return FAIL_AT(m, "a call of what is no function");
    switch (function.as.global->call) {
    case ORDERED_DICT:
        if (args.n != 0) return FAIL_AT(m, "unexpected arguments of OrderedDict");
        return push_dict(m);
    case REBUILD_TENSOR: return rebuild_tensor(m, args.as.item, args.n);
    case REBUILD_PARAMETER: /* (tensor, requires_grad, hooks) */
        if (args.n != 3 || args.as.item[0].kind != TENSOR)
            return FAIL_AT(m, "unexpected arguments of _rebuild_parameter");
        push(m, args.as.item[0]);
        return SSMQ_OK;
    default: return FAIL_AT(m, "a storage type is called");
    }
}

/* Attributes of an object: a state dict carries its version in some, which say nothing about its
 * tensors and are left out. */
static ssmq_status build(machine *m)
{
    value state = {0}, object = {0};
    SSMQ_TRY(pop(m, &state));
    SSMQ_TRY(top(m, &object));
    if (object.kind != DICT || state.kind != DICT)
        return FAIL_AT(m, "attributes of what is no state dict");
    return SSMQ_OK;
}

/* Adds n/2 keys and values, taken off the stack before, to the dictionary on top. */
static ssmq_status extend(machine *m, const value *item, size_t n)
{
    value dict = {0};
    SSMQ_TRY(top(m, &dict));
    if (dict.kind != DICT || n % 2 != 0)
        return FAIL_AT(m, "items are added to what is no dictionary");
    for (size_t i = 0; i < n; i++) append(m, dict.as.list, item[i]);
    return SSMQ_OK;
}

static ssmq_status set_item(machine *m)
{
    value item[2] = {0};
    SSMQ_TRY(pop(m, &item[1]));
    SSMQ_TRY(pop(m, &item[0]));
    return extend(m, item, 2);
}

static ssmq_status set_items(machine *m)
{
    const value *item = NULL;
    size_t       n = 0;
    SSMQ_TRY(pop_mark(m, &item, &n));
    return extend(m, item, n);
}

/* ---- memo ------------------------------------------------------------------------------- */

/* Slots are numbered from 0 upwards by every pickler; an index beyond the pickle's length is a
 * trap. */
static ssmq_status memo_put(machine *m, uint64_t index)
{
    value v = {0};
    SSMQ_TRY(top(m, &v));
    if (index > m->size) return FAIL_AT(m, "memo slot %" PRIu64 " is out of range", index);
    while (m->memo.n <= index) append(m, &m->memo, (value){.kind = UNSET});
    m->memo.item[index] = v;
    m->memoized++;
    return SSMQ_OK;
}

static ssmq_status memo_get(machine *m, uint64_t index)
{
    if (index >= m->memo.n || m->memo.item[index].kind == UNSET)
        return FAIL_AT(m, "memo slot %" PRIu64 " was never written", index);
    push(m, m->memo.item[index]);
    return SSMQ_OK;
}

static ssmq_status memo(machine *m, size_t bytes, ssmq_status (*access)(machine *, uint64_t))
{
    uint64_t index = 0;
    SSMQ_TRY(take_int(m, bytes, &index));
    return access(m, index);
}

/* ---- opcodes ---------------------------------------------------------------------------- */

static ssmq_status push_int(machine *m, size_t bytes)
{
    uint64_t n = 0;
    SSMQ_TRY(take_int(m, bytes, &n));
    return push_plain(m, INT, bytes == 4 ? (int64_t)(int32_t)(uint32_t)n : (int64_t)n);
}

static ssmq_status tuple_of_mark(machine *m)
{
    const value *item = NULL;
    size_t       n = 0;
    SSMQ_TRY(pop_mark(m, &item, &n));
    return push_tuple(m, item, n);
}

static ssmq_status step(machine *m, uint8_t opcode)
{
    const uint8_t *skipped = NULL;
    switch (opcode) {
    case 0x80: return take(m, 1, &skipped);     /* PROTO            */
    case 0x95: return take(m, 8, &skipped);     /* FRAME            */
    case '(': return push_plain(m, MARK, 0);    /* MARK             */
    case 'N': return push_plain(m, NIL, 0);     /* NONE             */
    case 0x88: return push_plain(m, BOOL, 1);   /* NEWTRUE          */
    case 0x89: return push_plain(m, BOOL, 0);   /* NEWFALSE         */
    case 'J': return push_int(m, 4);            /* BININT           */
    case 'K': return push_int(m, 1);            /* BININT1          */
    case 'M': return push_int(m, 2);            /* BININT2          */
    case 0x8a: return push_long(m);             /* LONG1            */
    case 0x8c: return push_text(m, 1);          /* SHORT_BINUNICODE */
    case 'X': return push_text(m, 4);           /* BINUNICODE       */
    case '}': return push_dict(m);              /* EMPTY_DICT       */
    case ')': return tuple_of(m, 0);            /* EMPTY_TUPLE      */
    case 0x85: return tuple_of(m, 1);           /* TUPLE1           */
    case 0x86: return tuple_of(m, 2);           /* TUPLE2           */
    case 0x87: return tuple_of(m, 3);           /* TUPLE3           */
    case 't': return tuple_of_mark(m);          /* TUPLE            */
    case 's': return set_item(m);               /* SETITEM          */
    case 'u': return set_items(m);              /* SETITEMS         */
    case 'c': return global_of_lines(m);        /* GLOBAL           */
    case 0x93: return global_of_stack(m);       /* STACK_GLOBAL     */
    case 'R': return reduce(m);                 /* REDUCE           */
    case 'b': return build(m);                  /* BUILD            */
    case 'Q': return push_storage(m);           /* BINPERSID        */
    case 'q': return memo(m, 1, memo_put);      /* BINPUT           */
    case 'r': return memo(m, 4, memo_put);      /* LONG_BINPUT      */
    case 0x94: return memo_put(m, m->memoized); /* MEMOIZE          */
    case 'h': return memo(m, 1, memo_get);      /* BINGET           */
    case 'j': return memo(m, 4, memo_get);      /* LONG_BINGET      */
    default: return FAIL_AT(m, "opcode 0x%02x is none that tensors need", opcode);
    }
}

static ssmq_status run(machine *m, value *result)
{
    for (;;) {
        m->opcode = m->at;
        if (m->at == m->size) return FAIL_AT(m, "the pickle ends without a stop");
        const uint8_t opcode = m->bytes[m->at++];
        if (opcode == '.') break;
        SSMQ_TRY(step(m, opcode));
    }
    SSMQ_TRY(pop(m, result));
    if (result->kind != DICT) return FAIL_AT(m, "the result is no dictionary of tensors");
    return SSMQ_OK;
}

/* ---- the result ------------------------------------------------------------------------- */

static ssmq_status read_tensor(const machine *m, const char *name, const value *p, ssmq_pickled *t)
{
    const value *storage = p[0].as.part, *dim = p[2].as.item, *stride = p[3].as.item;
    if (p[2].n > SSMQ_RANK_MAX)
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' has %zu axes, over the limit of %d", m->path, name,
                         p[2].n, SSMQ_RANK_MAX);
    *t = (ssmq_pickled){.name = name,
                        .storage = storage[2].as.text,
                        .dtype = storage[1].as.global->dtype,
                        .length = storage[4].as.integer,
                        .offset = p[1].as.integer,
                        .rank = (int32_t)p[2].n};
    for (int32_t i = 0; i < t->rank; i++) {
        if (dim[i].kind != INT || dim[i].as.integer < 0 || stride[i].kind != INT)
            return SSMQ_FAIL(INPUT, "%s: tensor '%s' has sizes or strides that are no numbers",
                             m->path, name);
        t->dim[i] = dim[i].as.integer;
        t->stride[i] = stride[i].as.integer;
    }
    return SSMQ_OK;
}

static ssmq_status read_dict(const machine *m, const list *dict, ssmq_arena *a, ssmq_pickled **out,
                             int64_t *count)
{
    const size_t n = dict->n / 2;
    if (n > SSMQ_PICKLE_TENSORS_MAX)
        return SSMQ_FAIL(INPUT, "%s: %zu tensors are over the limit of %d", m->path, n,
                         SSMQ_PICKLE_TENSORS_MAX);
    ssmq_pickled *t = SSMQ_ARENA_ARRAY(a, ssmq_pickled, n);
    for (size_t i = 0; i < n; i++) {
        const value *key = &dict->item[2 * i], *v = key + 1;
        if (key->kind != TEXT || key->n == 0 || key->n > SSMQ_STORED_NAME_MAX)
            return SSMQ_FAIL(INPUT, "%s: the name of tensor %zu is no text of 1 to %d bytes",
                             m->path, i, SSMQ_STORED_NAME_MAX);
        if (v->kind != TENSOR)
            return SSMQ_FAIL(INPUT, "%s: '%s' is no tensor", m->path, key->as.text);
        SSMQ_TRY(read_tensor(m, key->as.text, v->as.part, &t[i]));
        t[i].name = ssmq_arena_strdup(a, t[i].name);
        t[i].storage = ssmq_arena_strdup(a, t[i].storage);
    }
    *out = t;
    *count = (int64_t)n;
    return SSMQ_OK;
}

ssmq_status ssmq_pickle_read(const char *path, const uint8_t *bytes, size_t n, ssmq_arena *a,
                             ssmq_pickled **out, int64_t *count)
{
    if (n > SSMQ_PICKLE_BYTES_MAX)
        return SSMQ_FAIL(INPUT, "%s: data.pkl of %zu bytes is over the limit of %zu", path, n,
                         SSMQ_PICKLE_BYTES_MAX);
    machine     m = {.path = path, .bytes = bytes, .size = n, .a = ssmq_arena_new()};
    value       result = {0};
    ssmq_status st = run(&m, &result);
    if (st == SSMQ_OK) st = read_dict(&m, result.as.list, a, out, count);
    ssmq_arena_free(m.a);
    return st;
}
