#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/data/safetensors.h"
#include "harness/tensor/dtype.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define NANO "tests/golden/nano/state-spaces-safetensors/model.safetensors"

/* A file of this header and so many bytes of data, which count up. */
static blob make(const char *header, size_t data)
{
    const size_t n = strlen(header);
    uint8_t     *bytes = ssmq_must_malloc(8 + n + data);
    for (size_t i = 0; i < 8; i++) bytes[i] = (uint8_t)(n >> 8 * i);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < data; i++) bytes[8 + n + i] = (uint8_t)i;
    return (blob){.data = bytes, .size = 8 + n + data};
}

static ssmq_status read_blob(const blob *b, ssmq_arena *a, ssmq_stored **out, int64_t *n)
{
    const ssmq_mapping m = blob_mapping(b);
    return ssmq_safetensors_read("f.st", &m, a, out, n);
}

static void refuses(const char *header, size_t data, const char *message)
{
    blob         b = make(header, data);
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_stored *t = NULL;
    int64_t      n = 0;
    CHECK_FAILS(read_blob(&b, a, &t, &n), SSMQ_ERR_INPUT, message);
    ssmq_arena_free(a);
    blob_free(&b);
}

static void refuses_bytes(const char *bytes, size_t size, const char *message)
{
    blob         b = blob_of(bytes, size);
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_stored *t = NULL;
    int64_t      n = 0;
    CHECK_FAILS(read_blob(&b, a, &t, &n), SSMQ_ERR_INPUT, message);
    ssmq_arena_free(a);
    blob_free(&b);
}

static const ssmq_stored *find(const ssmq_stored *t, int64_t n, const char *name)
{
    for (int64_t i = 0; i < n; i++)
        if (strcmp(t[i].name, name) == 0) return &t[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

/* Bit patterns taken out of the file with Python (json and struct). */
static void test_nano(void **state)
{
    (void)state;
    blob         b = blob_read(NANO);
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_stored *t = NULL;
    int64_t      n = 0;
    CHECK_OK(read_blob(&b, a, &t, &n));
    assert_int_equal(n, 23);
    const ssmq_stored *e = find(t, n, "backbone.embedding.weight");
    assert_int_equal(e->value.dtype, SSMQ_F16);
    assert_int_equal(e->value.rank, 2);
    assert_int_equal(e->value.dim[0], 304);
    assert_int_equal(e->value.dim[1], 48);
    assert_int_equal(e->value.stride[0], 48);
    assert_string_equal(e->file, "f.st");
    assert_string_equal(e->value.name, e->name);
    uint16_t first[4];
    memcpy(first, e->value.data, sizeof first);
    static const uint16_t expected[] = {0xb3e0, 0x2f99, 0x3451, 0xb6aa};
    assert_memory_equal(first, expected, sizeof first);
    const ssmq_stored *d = find(t, n, "backbone.layers.1.mixer.D");
    float              last;
    memcpy(&last, (const char *)d->value.data + 95 * sizeof last, sizeof last);
    assert_true(last == 0x1.9a8abep-1f);
    ssmq_arena_free(a);
    blob_free(&b);
}

static void test_good(void **state)
{
    (void)state;
    /* Empty and rank-0 tensors, metadata, any order, spaces at the end. */
    blob         b = make("{\"b\":{\"dtype\":\"I8\",\"shape\":[2,1,1,3],\"data_offsets\":[4,10]},"
                                  "\"__metadata__\":{\"format\":\"pt\",\"x\":\"\"},"
                                  "\"e\":{\"dtype\":\"F64\",\"shape\":[5,0],\"data_offsets\":[4,4]},"
                                  "\"a\":{\"shape\":[],\"data_offsets\":[0,4],\"dtype\":\"F32\"}}   ",
                          10);
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_stored *t = NULL;
    int64_t      n = 0;
    CHECK_OK(read_blob(&b, a, &t, &n));
    assert_int_equal(n, 3);
    assert_int_equal(find(t, n, "a")->value.rank, 0);
    assert_int_equal(ssmq_tensor_count(&find(t, n, "e")->value), 0);
    assert_int_equal(((const int8_t *)find(t, n, "b")->value.data)[5], 9);
    ssmq_arena_free(a);
    blob_free(&b);

    b = make("{}", 0);
    a = ssmq_arena_new();
    CHECK_OK(read_blob(&b, a, &t, &n));
    assert_int_equal(n, 0);
    ssmq_arena_free(a);
    blob_free(&b);
}

static void test_frame(void **state)
{
    (void)state;
    refuses_bytes("", 0, "f.st: has 0 bytes, too few for a safetensors file");
    refuses_bytes("\2\0\0\0\0\0\0", 7, "f.st: has 7 bytes, too few for a safetensors file");
    refuses_bytes("\2\0\0\0\0\0\0\0{", 9, "f.st: its header has 2 bytes, of which the file has 1");
    refuses_bytes("\0\0\0\0\0\0\0\0", 8, "f.st: its header is no JSON object");
    refuses_bytes("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10,
                  "f.st: its header has 18446744073709551615 bytes, over the limit of 100000000: "
                  "damaged, or no safetensors file");
    refuses("[]", 0, "f.st: its header is no JSON object");
    refuses(" {}", 0, "f.st: its header is no JSON object");
    refuses("{\"a\":", 0, "f.st: header:1:5: not valid JSON: unexpected token near end of file");
    refuses("{\"a\":{},\"a\":{}}", 0,
            "f.st: header:1:11: not valid JSON: duplicate object key near '\"a\"'");
    refuses("{\"__metadata__\":{\"n\":1}}", 0, "f.st: __metadata__ is no map from text to text");
    refuses("{\"__metadata__\":[]}", 0, "f.st: __metadata__ is no map from text to text");
}

/* Very many values in few bytes are refused before they are parsed; in strings they are no values.
 */
static void test_many_values(void **state)
{
    (void)state;
    enum { N = 3000000 };
    char *text = ssmq_must_malloc(N + 40);
    strcpy(text, "{\"__metadata__\":{\"a\\\"\":\"");
    const size_t n = strlen(text);
    memset(text + n, ',', N - n);
    strcpy(text + N, "\"}}");
    blob         b = make(text, 0);
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_stored *t = NULL;
    int64_t      count = 1;
    CHECK_OK(read_blob(&b, a, &t, &count));
    assert_int_equal(count, 0);
    blob_free(&b);
    ssmq_arena_free(a);
    memset(text + 1, '[', N - 1);
    refuses(text, 0, "f.st: its header has 3000000 values, over the limit of 2000000");
    free(text);
}

#define ENTRY(dtype, shape, offsets) \
    "{\"x\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}}"

static void test_entry(void **state)
{
    (void)state;
    refuses("{\"x\":{}}", 0, "f.st: tensor 'x' has no dtype");
    refuses("{\"x\":3}", 0, "f.st: tensor 'x' has no dtype");
    refuses("{\"\":{}}", 0, "f.st: a tensor's name has 0 bytes, not 1 to 512");
    refuses("{\"x\":{\"dtype\":7}}", 0, "f.st: tensor 'x' has no dtype");
    refuses(ENTRY("F8_E4M3", "2", "0,2"), 2,
            "f.st: tensor 'x' has dtype 'F8_E4M3', not one of F64, F32, F16, BF16, I64, I32, I8, "
            "U64, U8");
    refuses("{\"x\":{\"dtype\":\"F32\"}}", 0, "f.st: tensor 'x' has no shape (a list of sizes)");
    refuses(ENTRY("F32", "2,-1", "0,8"), 8, "f.st: tensor 'x' has no shape (a list of sizes)");
    refuses(ENTRY("F32", "2.0", "0,8"), 8, "f.st: tensor 'x' has no shape (a list of sizes)");
    refuses(ENTRY("F32", "1,1,1,1,2", "0,8"), 8,
            "f.st: tensor 'x' has 5 axes, over the limit of 4");
    refuses(ENTRY("F32", "2", "0"), 8, "f.st: tensor 'x' has no data_offsets (begin and end)");
    refuses(ENTRY("F32", "2", "8,0"), 8, "f.st: tensor 'x' has no data_offsets (begin and end)");
    refuses(ENTRY("F32", "2", "-8,0"), 8, "f.st: tensor 'x' has no data_offsets (begin and end)");
    refuses(ENTRY("F32", "2", "0,8"), 7,
            "f.st: tensor 'x' ends at byte 8 of the data, of which the file has 7");
    refuses(
        ENTRY("F32", "2", "0,9223372036854775807"), 8,
        "f.st: tensor 'x' ends at byte 9223372036854775807 of the data, of which the file has 8");
    refuses(ENTRY("F32", "2,3", "0,8"), 8,
            "f.st: tensor 'x' has 8 bytes, not the 24 of f32 (2, 3)");
    refuses(ENTRY("F32", "4294967296,4294967296", "0,0"), 0,
            "f.st: tensor 'x' has more elements than can be counted");
    refuses(ENTRY("F32", "0,4294967296,4294967296", "0,0"), 0,
            "f.st: tensor 'x' has more elements than can be counted");
}

#define TWO(a, b)                                                       \
    "{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[" a "]}," \
    "\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[" b "]}}"

static void test_tiling(void **state)
{
    (void)state;
    refuses(TWO("0,4", "3,7"), 7, "f.st: tensors 'a' and 'b' overlap");
    refuses(TWO("0,4", "0,4"), 4, "f.st: tensors 'a' and 'b' overlap");
    refuses(TWO("4,8", "2,6"), 8, "f.st: 2 bytes before tensor 'b' belong to no tensor");
    refuses(TWO("0,4", "5,9"), 9, "f.st: 1 bytes before tensor 'b' belong to no tensor");
    refuses(TWO("0,4", "4,8"), 10, "f.st: the last 2 bytes belong to no tensor");
    refuses("{}", 1, "f.st: the last 1 bytes belong to no tensor");
}

static void test_round_trip(void **state)
{
    const scratch *s = *state;
    const double   f64[] = {1.5, -2.5};
    const float    f32[] = {1.0f, -0.0f, 3e38f, 1e-40f, 5.0f, 6.0f};
    const uint16_t half[] = {1, 2, 0x7c00};
    const int8_t   i8[] = {-128};
    ssmq_stored    t[] = {
           {.name = "d", .value = SSMQ_TENSOR((void *)(uintptr_t)f64, SSMQ_F64, 2)},
           {.name = "w \"quoted\" \\ \xc3\xa9",
            .value = SSMQ_TENSOR((void *)(uintptr_t)f32, SSMQ_F32, 2, 1, 3)},
           {.name = "empty", .value = SSMQ_TENSOR(NULL, SSMQ_F32, 0, 7)},
           {.name = "h", .value = SSMQ_TENSOR((void *)(uintptr_t)half, SSMQ_BF16, 3)},
           {.name = "i", .value = SSMQ_TENSOR((void *)(uintptr_t)i8, SSMQ_I8, 1)},
    };
    enum { N = sizeof t / sizeof *t };
    const char *path = scratch_path(s, "out.safetensors");
    CHECK_OK(ssmq_safetensors_write(path, t, N));
    ssmq_mapping m;
    ssmq_stored *back = NULL;
    int64_t      n = 0;
    CHECK_OK(ssmq_map_open(path, &m));
    CHECK_OK(ssmq_safetensors_read(path, &m, s->a, &back, &n));
    assert_int_equal(n, N);
    assert_int_equal((uintptr_t)back[0].value.data % 64, 0);
    for (int i = 0; i < N; i++) {
        const ssmq_stored *r = find(back, n, t[i].name);
        assert_int_equal(r->value.dtype, t[i].value.dtype);
        assert_int_equal(r->value.rank, t[i].value.rank);
        assert_memory_equal(r->value.dim, t[i].value.dim, sizeof r->value.dim);
        const size_t bytes = ssmq_tensor_bytes(&t[i].value);
        if (bytes) assert_memory_equal(r->value.data, t[i].value.data, bytes);
    }
    ssmq_map_close(&m);
}

static void test_write_failure(void **state)
{
    const scratch    *s = *state;
    const float       v = 1;
    const ssmq_stored t = {.name = "a", .value = SSMQ_TENSOR((void *)(uintptr_t)&v, SSMQ_F32, 1)};
    CHECK_FAILS(ssmq_safetensors_write(scratch_path(s, "no/x"), &t, 1), SSMQ_ERR_IO,
                ssmq_arena_printf(s->a, "%s/no/x.part: No such file or directory", s->path));
    /* What is given up leaves nothing behind. */
    ssmq_safetensors_writer *w = NULL;
    CHECK_OK(ssmq_safetensors_begin(scratch_path(s, "y"), &t, 1, &w));
    ssmq_safetensors_discard(w);
    ssmq_safetensors_discard(NULL);
    assert_int_not_equal(access(scratch_path(s, "y"), F_OK), 0);
    assert_int_not_equal(access(scratch_path(s, "y.part"), F_OK), 0);
    if (access("/dev/full", W_OK) != 0) return;
    assert_int_equal(symlink("/dev/full", scratch_path(s, "z.part")), 0);
    CHECK_FAILS(ssmq_safetensors_write(scratch_path(s, "z"), &t, 1), SSMQ_ERR_IO,
                ssmq_arena_printf(s->a, "%s/z.part: No space left on device", s->path));
}

/* Whatever is damaged, the reader ends with a status, and what it takes lies inside the file. */
static void test_damaged(void **state)
{
    (void)state;
    blob     b = blob_read(NANO);
    ssmq_rng r;
    ssmq_rng_init(&r, test_seed(1), "damaged safetensors");
    size_t header = 0;
    memcpy(&header, b.data, sizeof header);
    volatile uint8_t sum = 0;
    for (int i = 0; i < 4000; i++) {
        blob              d = blob_damaged(&b, i % 4 ? 8 : 0, i % 4 ? 8 + header : 8, &r);
        ssmq_arena       *a = ssmq_arena_new();
        ssmq_stored      *t = NULL;
        int64_t           n = 0;
        const ssmq_status st = read_blob(&d, a, &t, &n);
        assert_true(st == SSMQ_OK || st == SSMQ_ERR_INPUT);
        for (int64_t k = 0; st == SSMQ_OK && k < n; k++)
            for (size_t j = 0; j < ssmq_tensor_bytes(&t[k].value); j++)
                sum = (uint8_t)(sum + ((const uint8_t *)t[k].value.data)[j]);
        ssmq_arena_free(a);
        blob_free(&d);
    }
    blob_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nano),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_entry),
        cmocka_unit_test(test_tiling),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_many_values),
        cmocka_unit_test_setup_teardown(test_round_trip, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_write_failure, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
