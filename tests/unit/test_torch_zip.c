#include <stdlib.h>
#include <string.h>
#include "harness/data/pickle.h"
#include "harness/data/torch_zip.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"
#include "tests/support/torch_file.h"

#define NANO "tests/golden/nano/state-spaces-bin/pytorch_model.bin"

/* Two matrices and a vector that is the second's last row; the second is a parameter. */
static const made_tensor good[] = {
    {"a", "FloatStorage", "0", 6, 0, 2, {2, 3}, {3, 1}, false},
    {"b", "HalfStorage", "1", 8, 0, 3, {2, 1, 4}, {4, 77, 1}, true},
    {"c", "HalfStorage", "1", 8, 4, 1, {4}, {1}, false},
};
static const float   floats[6] = {1, 2, 3, 4, 5, 6};
static const uint8_t halves[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* An archive of this pickle and the two storages. */
static void archive(zip_maker *z, const ssmq_str *pickle)
{
    zip_add(z, "archive/data.pkl", pickle->data, pickle->length);
    zip_add(z, "archive/byteorder", "little", 6);
    zip_add(z, "archive/data/0", floats, sizeof floats);
    zip_add(z, "archive/data/1", halves, sizeof halves);
    zip_add(z, "archive/version", "3\n", 2);
}

static ssmq_status read_bytes(const void *bytes, size_t n, ssmq_arena *a, ssmq_stored **t,
                              int64_t *count, blob *keep)
{
    *keep = blob_of(bytes, n);
    const ssmq_mapping m = blob_mapping(keep);
    return ssmq_torch_zip_read("f.bin", &m, a, t, count);
}

static void refuses_bytes(const void *bytes, size_t size, const char *message)
{
    blob         keep;
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_stored *t = NULL;
    int64_t      n = 0;
    CHECK_FAILS(read_bytes(bytes, size, a, &t, &n, &keep), SSMQ_ERR_INPUT, message);
    ssmq_arena_free(a);
    blob_free(&keep);
}

/* The archive of z, ended and freed here. */
static void refuses_zip(zip_maker *z, const char *message)
{
    zip_end(z);
    refuses_bytes(z->bytes.data, z->bytes.length, message);
    zip_free(z);
}

static void refuses_pickle(ssmq_str *pickle, const char *message)
{
    zip_maker z = {0};
    archive(&z, pickle);
    ssmq_str_free(pickle);
    refuses_zip(&z, message);
}

static void refuses_opcodes(const char *opcodes, size_t n, const char *message)
{
    ssmq_str p = {0};
    ssmq_str_append(&p, opcodes, n);
    refuses_pickle(&p, message);
}

static void refuses_tensor(made_tensor t, const char *message)
{
    ssmq_str p = {0};
    put_state_dict(&p, &t, 1);
    refuses_pickle(&p, message);
}

/* ---- what is read ------------------------------------------------------------------------ */

static void check_good(bool zip64)
{
    zip_maker    z = {.zip64 = zip64};
    ssmq_str     p = {0};
    blob         keep;
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_stored *t = NULL;
    int64_t      n = 0;
    put_state_dict(&p, good, 3);
    archive(&z, &p);
    zip_end(&z);
    CHECK_OK(read_bytes(z.bytes.data, z.bytes.length, a, &t, &n, &keep));
    assert_int_equal(n, 3);
    assert_string_equal(t[0].name, "a");
    assert_string_equal(t[0].file, "f.bin");
    assert_int_equal(t[0].value.dtype, SSMQ_F32);
    assert_int_equal(t[0].value.rank, 2);
    assert_int_equal(t[0].value.dim[1], 3);
    assert_memory_equal(t[0].value.data, floats, sizeof floats);
    assert_int_equal(t[1].value.dtype, SSMQ_F16);
    assert_int_equal(t[1].value.rank, 3);
    assert_memory_equal(t[1].value.data, halves, sizeof halves);
    assert_ptr_equal(t[2].value.data, (const char *)t[1].value.data + 8);
    ssmq_arena_free(a);
    blob_free(&keep);
    zip_free(&z);
    ssmq_str_free(&p);
}

static void test_good(void **state)
{
    (void)state;
    check_good(false);
    check_good(true);
}

/* Opcodes of protocol 4, as pickle_protocol=4 writes them. */
static void test_protocol_4(void **state)
{
    (void)state;
    static const char text[] =
        "\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94(\x8c\1a\x94"
        "\x8c\x0ctorch._utils\x94\x8c\x12_rebuild_tensor_v2\x94\x93\x94"
        "((\x8c\7storage\x94\x8c\5torch\x94\x8c\x0c"
        "FloatStorage\x94\x93\x94\x8c\0010\x94\x8c\3cpu\x94"
        "K\6t\x94QK\0K\6\x85\x94K\1\x85\x94\x89Nt\x94R\x94\x8c\1z\x94h\017u.";
    zip_maker    z = {0};
    ssmq_str     p = {0};
    blob         keep;
    ssmq_arena  *a = ssmq_arena_new();
    ssmq_stored *t = NULL;
    int64_t      n = 0;
    ssmq_str_append(&p, text, sizeof text - 1);
    archive(&z, &p);
    zip_end(&z);
    CHECK_OK(read_bytes(z.bytes.data, z.bytes.length, a, &t, &n, &keep));
    assert_int_equal(n, 2);
    assert_int_equal(t[0].value.dim[0], 6);
    assert_ptr_equal(t[0].value.data, t[1].value.data);
    ssmq_arena_free(a);
    blob_free(&keep);
    zip_free(&z);
    ssmq_str_free(&p);
}

/* A real file: the head shares the embedding's storage. */
static void test_nano(void **state)
{
    (void)state;
    blob               b = blob_read(NANO);
    const ssmq_mapping m = blob_mapping(&b);
    ssmq_arena        *a = ssmq_arena_new();
    ssmq_stored       *t = NULL;
    int64_t            n = 0;
    CHECK_OK(ssmq_torch_zip_read(NANO, &m, a, &t, &n));
    assert_int_equal(n, 23);
    assert_string_equal(t[0].name, "backbone.embedding.weight");
    assert_string_equal(t[22].name, "lm_head.weight");
    assert_ptr_equal(t[0].value.data, t[22].value.data);
    assert_string_equal(t[4].name, "backbone.layers.0.mixer.conv1d.weight");
    assert_int_equal(t[4].value.rank, 3);
    assert_int_equal(t[4].value.dim[2], 4);
    static const uint16_t first[] = {0xb3e0, 0x2f99, 0x3451, 0xb6aa}; /* as in test_safetensors.c */
    assert_memory_equal(t[0].value.data, first, sizeof first);
    ssmq_arena_free(a);
    blob_free(&b);
}

/* ---- what is refused: the archive -------------------------------------------------------- */

static void test_kind(void **state)
{
    (void)state;
    refuses_bytes("", 0, "f.bin: is no PyTorch checkpoint (no zip archive)");
    refuses_bytes("hello", 5, "f.bin: is no PyTorch checkpoint (no zip archive)");
    refuses_bytes(
        "\x80\x02\x8a\nl\xfc\x9c", 7,
        "f.bin: is in PyTorch's format from before version 1.6, which is not read; save it "
        "again with a newer one, or as safetensors");
    refuses_bytes("PK", 2,
                  "f.bin: the directory at the end of the zip archive is missing: the file is "
                  "damaged or cut short");
    zip_maker z = {0};
    zip_add(&z, "archive/weights", "x", 1);
    refuses_zip(&z, "f.bin: is no PyTorch checkpoint: the archive has no data.pkl");
    zip_add(&z, "a/data.pkl", ".", 1);
    zip_add(&z, "b/data.pkl", ".", 1);
    refuses_zip(&z, "f.bin: the archive holds two checkpoints, 'a' and 'b'");
    zip_add(&z, "a/data.pkl", ".", 1);
    zip_add(&z, "a/byteorder", "big", 3);
    refuses_zip(&z, "f.bin: its byte order is 'big', not 'little'");
}

static void test_archive(void **state)
{
    (void)state;
    zip_maker z = {.method = 8};
    zip_add(&z, "a/data.pkl", ".", 1);
    refuses_zip(&z,
                "f.bin: entry 'a/data.pkl' is compressed (method 8); PyTorch stores its entries "
                "uncompressed");
    z.flags = 1;
    zip_add(&z, "a/data.pkl", ".", 1);
    refuses_zip(&z, "f.bin: entry 'a/data.pkl' is encrypted");
    zip_add(&z, "a/data.pkl", ".", 1);
    zip_add(&z, "a/data.pkl", ".", 1);
    refuses_zip(&z, "f.bin: damaged zip archive: entry 'a/data.pkl' is there twice");
    zip_add(&z, "", ".", 1);
    refuses_zip(&z, "f.bin: damaged zip archive: an entry's name is empty, too long or not text");
    zip_add(&z, "x", "12345678", 8);
    zip_add(&z, "y", "12345678", 8);
    const size_t entry = z.directory.length / 2;
    z.directory.data[20] = z.directory.data[24] = 9; /* the first reaches into the second */
    refuses_zip(&z, "f.bin: damaged zip archive: entries 'x' and 'y' overlap");
    zip_add(&z, "x", "12345678", 8);
    zip_add(&z, "y", "12345678", 8);
    z.directory.data[entry + 20] = z.directory.data[entry + 24] = 9;
    refuses_zip(&z, "f.bin: damaged zip archive: entry 'y' of 9 bytes reaches beyond the entries");
    zip_add(&z, "x", "12345678", 8);
    z.directory.data[20] = 7;
    refuses_zip(&z, "f.bin: damaged zip archive: an entry's two sizes differ");
    zip_add(&z, "x", "12345678", 8);
    z.directory.data[42] = 1;
    refuses_zip(&z, "f.bin: damaged zip archive: entry 'x' is not where the directory says");
    zip_add(&z, "x", "12345678", 8);
    z.directory.data[0] = 'Q';
    refuses_zip(&z, "f.bin: damaged zip archive: a directory entry is broken");
    zip_add(&z, "x", "12345678", 8);
    z.n = 2;
    refuses_zip(&z,
                "f.bin: damaged zip archive: more entries than the central directory has room for");
}

static void test_zip64(void **state)
{
    (void)state;
    zip_maker z = {.zip64 = true};
    zip_add(&z, "x", "12345678", 8);
    z.directory.data[46 + 1 + 2] = 16; /* the field loses its last 8 bytes */
    refuses_zip(&z, "f.bin: damaged zip archive: a ZIP64 field is too short");
    z.zip64 = true;
    zip_add(&z, "x", "12345678", 8);
    z.directory.data[46 + 1 + 4 + 7] = 0x7f; /* its size,  2^62 and more */
    z.directory.data[46 + 1 + 12 + 7] = 0x7f;
    refuses_zip(&z,
                "f.bin: damaged zip archive: entry 'x' of 9151314442816847880 bytes reaches beyond "
                "the entries");
    z.zip64 = true;
    zip_add(&z, "x", "12345678", 8);
    z.directory.data[46 + 1 + 20 + 7] = (char)0xff; /* its place */
    refuses_zip(&z, "f.bin: damaged zip archive: entry 'x' is not where the directory says");
    z.zip64 = true;
    zip_add(&z, "x", "12345678", 8);
    zip_end(&z);
    char *end64 = z.bytes.data + z.bytes.length - 22 - 20 - 56;
    end64[48 + 7] = 1; /* the central directory's offset */
    refuses_bytes(z.bytes.data, z.bytes.length,
                  "f.bin: damaged zip archive: the central directory lies outside the file");
    end64[56 + 15] = 1; /* the locator's offset of the ZIP64 end record */
    refuses_bytes(z.bytes.data, z.bytes.length,
                  "f.bin: damaged zip archive: no ZIP64 end record where the locator says");
    end64[56 + 15] = 0;
    end64[16] = 1; /* its disk */
    refuses_bytes(z.bytes.data, z.bytes.length,
                  "f.bin: damaged zip archive: split over several files");
    zip_free(&z);
}

/* ---- what is refused: the pickle --------------------------------------------------------- */

#define OPCODES(text, message) \
    refuses_opcodes(text, sizeof text - 1, "f.bin: data.pkl, byte " message)

static void test_globals(void **state)
{
    (void)state;
    OPCODES("cos\nsystem\n(X\2\0\0\0lstR.",
            "0: the global 'os.system' is none that tensors need; nothing was executed");
    OPCODES("\x80\x02"
            "ctorch.storage\n_load_from_bytes\n.",
            "2: the global 'torch.storage._load_from_bytes' is none that tensors need; nothing was "
            "executed");
    OPCODES("\x8c\x08"
            "builtins\x8c\x04"
            "eval\x93.",
            "16: the global 'builtins.eval' is none that tensors need; nothing was executed");
    OPCODES("ctorch\nOrderedDict\n.",
            "0: the global 'torch.OrderedDict' is none that tensors need; nothing was executed");
    OPCODES("cos\x1b[2J\nx\n.", /* what is quoted cannot steer a terminal */
            "0: the global 'os [2J.x' is none that tensors need; nothing was executed");
    OPCODES("K\1K\2\x93.", "4: a global's name is no string");
    OPCODES("cos", "0: the pickle ends inside an opcode");
}

static void test_machine(void **state)
{
    (void)state;
    OPCODES("", "0: the pickle ends without a stop");
    OPCODES("}", "1: the pickle ends without a stop");
    OPCODES("I1\n.", "0: opcode 0x49 is none that tensors need");
    OPCODES("X\4\0\0\0abc", "0: the pickle ends inside an opcode");
    OPCODES("X\3\0\0\0a\0c.", "0: a string holds a zero byte");
    OPCODES("J\1", "0: the pickle ends inside an opcode");
    OPCODES(".", "0: a value is taken from an empty stack");
    OPCODES("(.", "1: a value is taken from an empty stack");
    OPCODES("}u.", "1: a mark is missing from the stack");
    OPCODES("t.", "0: a mark is missing from the stack");
    OPCODES("K\1(u.", "3: items are added to what is no dictionary");
    OPCODES("}(K\1u.", "4: items are added to what is no dictionary");
    OPCODES("h\0.", "0: memo slot 0 was never written");
    OPCODES("}q\4h\3.", "3: memo slot 3 was never written");
    OPCODES("}r\xff\xff\xff\xff.", "1: memo slot 4294967295 is out of range");
    OPCODES("\x8a\x09"
            "123456789.",
            "0: an integer of 9 bytes");
    OPCODES("K\1)R.", "3: a call of what is no function");
    OPCODES("ccollections\nOrderedDict\nK\1\x85R.", "28: unexpected arguments of OrderedDict");
    OPCODES("ctorch\nFloatStorage\n)R.", "21: a storage type is called");
    OPCODES("ctorch._utils\n_rebuild_tensor_v2\n)R.",
            "34: unexpected arguments of _rebuild_tensor_v2");
    OPCODES("ctorch._utils\n_rebuild_parameter\n)R.",
            "34: unexpected arguments of _rebuild_parameter");
    OPCODES("NQ.", "1: a persistent id is not that of a storage");
    OPCODES("K\1}b.", "3: attributes of what is no state dict");
    OPCODES("K\1.", "2: the result is no dictionary of tensors");
}

static void test_result(void **state)
{
    (void)state;
    refuses_opcodes("}X\1\0\0\0aK\1s.", 11, "f.bin: 'a' is no tensor");
    refuses_opcodes("}K\1K\1s.", 7, "f.bin: the name of tensor 0 is no text of 1 to 512 bytes");
    refuses_opcodes("}X\0\0\0\0K\1s.", 10,
                    "f.bin: the name of tensor 0 is no text of 1 to 512 bytes");
    ssmq_str p = {0};
    ssmq_str_puts(&p, "}(");
    for (int i = 0; i <= SSMQ_PICKLE_TENSORS_MAX; i++) ssmq_str_puts(&p, "NN");
    ssmq_str_puts(&p, "u.");
    refuses_pickle(&p, "f.bin: 65537 tensors are over the limit of 65536");
    for (size_t i = 0; i <= SSMQ_PICKLE_BYTES_MAX; i++) ssmq_str_append(&p, "(", 1);
    refuses_pickle(&p, "f.bin: data.pkl of 4194305 bytes is over the limit of 4194304");
}

static void test_tensors(void **state)
{
    (void)state;
    made_tensor t = good[0];
    t.storage = "7";
    refuses_tensor(t, "f.bin: tensor 'a': its storage 'data/7' is missing");
    t.storage = "../data.pkl";
    refuses_tensor(t, "f.bin: tensor 'a': its storage 'data/../data.pkl' is missing");
    t = good[0];
    t.length = 5;
    refuses_tensor(t,
                   "f.bin: tensor 'a': its storage 'data/0' has 24 bytes, not 5 elements of f32");
    t.length = INT64_MAX;
    refuses_tensor(t,
                   "f.bin: tensor 'a': its storage 'data/0' has 24 bytes, not 9223372036854775807 "
                   "elements of f32");
    t = good[0];
    t.type = "DoubleStorage";
    refuses_tensor(t,
                   "f.bin: tensor 'a': its storage 'data/0' has 24 bytes, not 6 elements of f64");
    t = good[0];
    t.offset = 1;
    refuses_tensor(t, "f.bin: tensor 'a' reaches beyond its storage of 6 elements");
    t.offset = -1;
    refuses_tensor(t, "f.bin: tensor 'a' reaches beyond its storage of 6 elements");
    t.offset = INT64_MAX;
    refuses_tensor(t, "f.bin: tensor 'a' reaches beyond its storage of 6 elements");
    t = good[0];
    t.dim[0] = t.dim[1] = INT64_C(1) << 40;
    refuses_tensor(t, "f.bin: tensor 'a' reaches beyond its storage of 6 elements");
    t = good[0];
    t.stride[0] = 1, t.stride[1] = 2;
    refuses_tensor(t, "f.bin: tensor 'a' is not contiguous: shape (2, 3), strides (1, 2)");
    t.stride[0] = 0, t.stride[1] = 0;
    refuses_tensor(t, "f.bin: tensor 'a' is not contiguous: shape (2, 3), strides (0, 0)");
    t = good[0];
    t.dim[0] = -2;
    refuses_tensor(t, "f.bin: tensor 'a' has sizes or strides that are no numbers");
    t = good[0];
    t.rank = 5;
    refuses_tensor(t, "f.bin: tensor 'a' has 5 axes, over the limit of 4");
    t = good[0];
    t.length = -6;
    refuses_tensor(t, "f.bin: data.pkl, byte 126: a persistent id is not that of a storage");
}

/* ---- damage ------------------------------------------------------------------------------ */

/* n copies of damaged bytes [begin, end) of b: the reader ends with a status, and what it takes
 * lies inside the file. */
static void try_damaged(const blob *b, size_t begin, size_t end, int n, ssmq_rng *r)
{
    volatile uint8_t sum = 0;
    for (int i = 0; i < n; i++) {
        blob               d = blob_damaged(b, begin, end, r);
        const ssmq_mapping m = blob_mapping(&d);
        ssmq_arena        *a = ssmq_arena_new();
        ssmq_stored       *t = NULL;
        int64_t            count = 0;
        const ssmq_status  st = ssmq_torch_zip_read("f.bin", &m, a, &t, &count);
        assert_true(st == SSMQ_OK || st == SSMQ_ERR_INPUT);
        for (int64_t k = 0; st == SSMQ_OK && k < count; k++)
            for (size_t j = 0; j < ssmq_tensor_bytes(&t[k].value); j++)
                sum = (uint8_t)(sum + ((const uint8_t *)t[k].value.data)[j]);
        ssmq_arena_free(a);
        blob_free(&d);
    }
}

static void test_damaged(void **state)
{
    (void)state;
    blob     b = blob_read(NANO);
    ssmq_rng r;
    ssmq_rng_init(&r, test_seed(2), "damaged torch zip");
    const size_t pickle = 64, pickle_end = pickle + 2199, directory = 119826; /* offsets in NANO */
    try_damaged(&b, pickle, pickle_end, 2000, &r);
    try_damaged(&b, directory, b.size, 2000, &r);
    try_damaged(&b, 0, b.size, 500, &r);
    blob_free(&b);
}

/* Pickles of random opcodes, which reach what damaged ones do not. */
static void test_random_opcodes(void **state)
{
    (void)state;
    static const char opcodes[] =
        "\x80\x95(NNKKX}})\x85\x86\x87tsu.ccRbQqqhhJM\x8a\x8c\x93\x94\x88";
    ssmq_rng r;
    ssmq_rng_init(&r, test_seed(3), "random opcodes");
    for (int i = 0; i < 20000; i++) {
        const size_t n = 1 + ssmq_rng_below(&r, 60);
        blob         b = {.data = ssmq_must_malloc(n), .size = n};
        for (size_t k = 0; k < n; k++)
            b.data[k] =
                (uint8_t)(ssmq_rng_below(&r, 3) ? opcodes[ssmq_rng_below(&r, sizeof opcodes)]
                                                : (char)ssmq_rng_below(&r, 6));
        ssmq_arena       *a = ssmq_arena_new();
        ssmq_pickled     *t = NULL;
        int64_t           count = 0;
        const ssmq_status st = ssmq_pickle_read("f.bin", b.data, n, a, &t, &count);
        assert_true(st == SSMQ_OK || st == SSMQ_ERR_INPUT);
        ssmq_arena_free(a);
        blob_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_protocol_4),
        cmocka_unit_test(test_nano),    cmocka_unit_test(test_kind),
        cmocka_unit_test(test_archive), cmocka_unit_test(test_zip64),
        cmocka_unit_test(test_globals), cmocka_unit_test(test_machine),
        cmocka_unit_test(test_result),  cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_random_opcodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
