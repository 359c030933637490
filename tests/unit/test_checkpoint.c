#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/data/checkpoint.h"
#include "harness/data/safetensors.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"
#include "tests/support/torch_file.h"

#define NANO "tests/golden/nano/"
#define SHARD1 "model-00001-of-00002.safetensors"
#define SHARD2 "model-00002-of-00002.safetensors"
#define INDEX "model.safetensors.index.json"

static const char *text_of(const scratch *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *text_of(const scratch *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = ssmq_arena_vprintf(s->a, format, args);
    va_end(args);
    return text;
}

static void write_text(const scratch *s, const char *name, const char *text)
{
    scratch_write(s, name, text, strlen(text));
}

/* A file of int8 tensors, n names of one letter each, with 4 elements. */
static void write_shard(const scratch *s, const char *file, const char *letters)
{
    static int8_t values[4] = {1, 2, 3, 4};
    ssmq_stored   t[8];
    int           n = 0;
    for (; letters[n]; n++)
        t[n] = (ssmq_stored){.name = ssmq_arena_strndup(s->a, letters + n, 1),
                             .value = SSMQ_TENSOR(values, SSMQ_I8, 4)};
    CHECK_OK(ssmq_safetensors_write(scratch_path(s, file), t, n));
}

static ssmq_status open_it(const scratch *s)
{
    ssmq_checkpoint  *c = NULL;
    const ssmq_status st = ssmq_checkpoint_open(s->path, &c);
    ssmq_checkpoint_close(c);
    return st;
}

/* ---- what is read ------------------------------------------------------------------------ */

static void compare(const char *directory, const char *other, int32_t n)
{
    ssmq_checkpoint *a = NULL, *b = NULL;
    CHECK_OK(ssmq_checkpoint_open(directory, &a));
    CHECK_OK(ssmq_checkpoint_open(other, &b));
    assert_int_equal(ssmq_checkpoint_count(a), n);
    assert_int_equal(ssmq_checkpoint_count(b), n);
    for (int32_t i = 0; i < n; i++) {
        const ssmq_stored *x = ssmq_checkpoint_at(a, i), *y = ssmq_checkpoint_find(b, x->name);
        assert_non_null(y);
        assert_int_equal(x->value.dtype, y->value.dtype);
        assert_int_equal(x->value.rank, y->value.rank);
        assert_memory_equal(x->value.dim, y->value.dim, sizeof x->value.dim);
        assert_memory_equal(x->value.data, y->value.data, ssmq_tensor_bytes(&x->value));
    }
    ssmq_checkpoint_close(a);
    ssmq_checkpoint_close(b);
}

static void test_layouts(void **state)
{
    (void)state;
    compare(NANO "state-spaces-bin", NANO "state-spaces-safetensors/", 23);
    compare(NANO "hf-sharded", NANO "hf-safetensors", 22);
}

static void test_access(void **state)
{
    (void)state;
    ssmq_checkpoint *c = NULL;
    CHECK_OK(ssmq_checkpoint_open(NANO "hf-sharded", &c));
    assert_int_equal(ssmq_checkpoint_files(c), 3);
    assert_string_equal(ssmq_checkpoint_file(c, 0), NANO "hf-sharded/" INDEX);
    assert_string_equal(ssmq_checkpoint_file(c, 1), NANO "hf-sharded/" SHARD1);
    assert_string_equal(ssmq_checkpoint_file(c, 2), NANO "hf-sharded/" SHARD2);
    assert_null(ssmq_checkpoint_find(c, "backbone.embedding.weight"));
    const ssmq_stored *t = ssmq_checkpoint_find(c, "backbone.norm_f.weight");
    assert_non_null(t);
    assert_string_equal(t->file, NANO "hf-sharded/" SHARD2);
    /* Forgotten pages come back with the same bytes. */
    t = ssmq_checkpoint_find(c, "backbone.embeddings.weight");
    const size_t n = ssmq_tensor_bytes(&t->value);
    blob         before = blob_of(t->value.data, n);
    ssmq_checkpoint_forget(c, t);
    assert_memory_equal(t->value.data, before.data, n);
    blob_free(&before);
    ssmq_checkpoint_close(c);
    ssmq_checkpoint_close(NULL);
}

static void test_config(void **state)
{
    const scratch *s = *state;
    ssmq_json      j = {0};
    int64_t        n = 0;
    CHECK_OK(ssmq_checkpoint_config(NANO "state-spaces-bin/", &j));
    assert_string_equal(j.path, NANO "state-spaces-bin/config.json");
    CHECK_OK(ssmq_json_int(&j, "d_model", true, 1, 100, &n));
    assert_int_equal(n, 48);
    ssmq_json_close(&j);
    CHECK_FAILS(ssmq_checkpoint_config(s->path, &j), SSMQ_ERR_INPUT,
                text_of(s, "%s/config.json: No such file or directory", s->path));
    write_text(s, "config.json", "[]");
    CHECK_FAILS(ssmq_checkpoint_config(s->path, &j), SSMQ_ERR_INPUT,
                text_of(s, "%s/config.json: not a JSON object", s->path));
}

/* The file that is preferred is there beside the others, which hold something else. */
static void test_preference(void **state)
{
    const scratch   *s = *state;
    zip_maker        z = {0};
    ssmq_checkpoint *c = NULL;
    write_text(s, "pytorch_model.bin.index.json", "{\"weight_map\":{}}");
    CHECK_FAILS(
        open_it(s), SSMQ_ERR_INPUT,
        text_of(s, "%s/pytorch_model.bin.index.json: names 0 files, not 1 to 4096", s->path));
    zip_add(&z, "a/data.pkl", "}.", 2);
    zip_end(&z);
    scratch_write(s, "pytorch_model.bin", z.bytes.data, z.bytes.length);
    CHECK_OK(open_it(s));
    /* The same archive as a shard holds no tensor "a". */
    scratch_write(s, "one.bin", z.bytes.data, z.bytes.length);
    unlink(scratch_path(s, "pytorch_model.bin"));
    write_text(s, "pytorch_model.bin.index.json", "{\"weight_map\":{\"a\":\"one.bin\"}}");
    CHECK_FAILS(open_it(s), SSMQ_ERR_INPUT,
                text_of(s,
                        "%s/pytorch_model.bin.index.json: tensor 'a' is not in 'one.bin' as the "
                        "index says",
                        s->path));
    zip_free(&z);
    write_shard(s, SHARD1, "xy");
    write_text(s, INDEX, "{\"weight_map\":{\"x\":\"" SHARD1 "\",\"y\":\"" SHARD1 "\"}}");
    CHECK_OK(ssmq_checkpoint_open(s->path, &c));
    assert_int_equal(ssmq_checkpoint_count(c), 2);
    ssmq_checkpoint_close(c);
    write_shard(s, "model.safetensors", "abc");
    CHECK_OK(ssmq_checkpoint_open(s->path, &c));
    assert_int_equal(ssmq_checkpoint_count(c), 3);
    assert_string_equal(ssmq_checkpoint_at(c, 2)->name, "c");
    ssmq_checkpoint_close(c);
}

/* ---- what is refused --------------------------------------------------------------------- */

static void test_missing(void **state)
{
    const scratch *s = *state;
    CHECK_FAILS(
        open_it(s), SSMQ_ERR_INPUT,
        text_of(s,
                "%s: has no weights: none of model.safetensors, model.safetensors.index.json, "
                "pytorch_model.bin, pytorch_model.bin.index.json",
                s->path));
    ssmq_checkpoint *c = NULL;
    CHECK_FAILS(ssmq_checkpoint_open("no/such/model", &c), SSMQ_ERR_INPUT,
                "no/such/model: No such file or directory");
    /* A broken link is no reason to go on to the next file. */
    write_text(s, "pytorch_model.bin", "");
    assert_int_equal(symlink("nowhere", scratch_path(s, "model.safetensors")), 0);
    CHECK_FAILS(open_it(s), SSMQ_ERR_INPUT,
                text_of(s, "%s/model.safetensors: No such file or directory", s->path));
    unlink(scratch_path(s, "model.safetensors"));
    write_text(s, "model.safetensors",
               "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
    CHECK_FAILS(open_it(s), SSMQ_ERR_INPUT,
                text_of(s,
                        "%s/model.safetensors: is a Git LFS pointer, not the file itself (git lfs "
                        "pull fetches it)",
                        s->path));
}

static void refuses_index(const scratch *s, const char *index, const char *message)
{
    write_text(s, INDEX, index);
    CHECK_FAILS(open_it(s), SSMQ_ERR_INPUT, text_of(s, "%s/%s", s->path, message));
}

static void test_index(void **state)
{
    const scratch *s = *state;
    write_shard(s, "one", "ab");
    write_shard(s, "two", "c");
    write_shard(s, "again", "a");
    refuses_index(s, "{", INDEX ":1:1: not valid JSON: string or '}' expected near end of file");
    refuses_index(s, "{}", INDEX ": the key 'weight_map' is missing, or no object");
    refuses_index(s, "{\"weight_map\":[]}",
                  INDEX ": the key 'weight_map' is missing, or no object");
    refuses_index(s, "{\"weight_map\":{\"a\":1}}",
                  INDEX ": the file of tensor 'a' is no plain file name");
    refuses_index(s, "{\"weight_map\":{\"a\":\"../one\"}}",
                  INDEX ": the file of tensor 'a' is no plain file name");
    refuses_index(s, "{\"weight_map\":{\"a\":\"..\"}}",
                  INDEX ": the file of tensor 'a' is no plain file name");
    refuses_index(s, "{\"weight_map\":{\"a\":\"three\"}}", "three: No such file or directory");
    refuses_index(s, "{\"weight_map\":{\"a\":\"one\",\"b\":\"one\",\"d\":\"two\",\"c\":\"two\"}}",
                  INDEX ": tensor 'd' is not in 'two' as the index says");
    refuses_index(s, "{\"weight_map\":{\"a\":\"one\",\"b\":\"two\",\"c\":\"two\"}}",
                  INDEX ": tensor 'b' is not in 'two' as the index says");
    refuses_index(s, "{\"weight_map\":{\"a\":\"one\",\"c\":\"two\"}}",
                  text_of(s, "one: tensor 'b' is not in the index %s/" INDEX, s->path));
    refuses_index(s, "{\"weight_map\":{\"a\":\"one\",\"b\":\"one\",\"c\":\"again\"}}",
                  text_of(s, "one: tensor 'a' is also in %s/again", s->path));
}

static void test_twice(void **state)
{
    const scratch    *s = *state;
    const made_tensor t[] = {
        {"w", "ByteStorage", "0", 4, 0, 1, {4}, {1}, false},
        {"w", "ByteStorage", "0", 4, 0, 1, {4}, {1}, false},
    };
    zip_maker z = {0};
    ssmq_str  p = {0};
    put_state_dict(&p, t, 2);
    zip_add(&z, "a/data.pkl", p.data, p.length);
    zip_add(&z, "a/data/0", "abcd", 4);
    zip_end(&z);
    scratch_write(s, "pytorch_model.bin", z.bytes.data, z.bytes.length);
    CHECK_FAILS(open_it(s), SSMQ_ERR_INPUT,
                text_of(s, "%s/pytorch_model.bin: tensor 'w' is there twice", s->path));
    zip_free(&z);
    ssmq_str_free(&p);
}

/* Damaged indices, with good shards beside them. */
static void test_damaged(void **state)
{
    const scratch *s = *state;
    scratch_copy(s, NANO "hf-sharded/" SHARD1, SHARD1);
    scratch_copy(s, NANO "hf-sharded/" SHARD2, SHARD2);
    blob     b = blob_read(NANO "hf-sharded/" INDEX);
    ssmq_rng r;
    ssmq_rng_init(&r, test_seed(4), "damaged index");
    const char *path = scratch_write(s, INDEX, b.data, b.size);
    CHECK_OK(open_it(s));
    for (int i = 0; i < 1000; i++) {
        blob  d = blob_damaged(&b, 0, b.size, &r);
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        fwrite(d.data, 1, d.size, f);
        assert_int_equal(fclose(f), 0);
        const ssmq_status st = open_it(s);
        assert_true(st == SSMQ_OK || st == SSMQ_ERR_INPUT);
        blob_free(&d);
    }
    blob_free(&b);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts), cmocka_unit_test(test_access), IN_SCRATCH(test_config),
        IN_SCRATCH(test_preference),    IN_SCRATCH(test_missing),      IN_SCRATCH(test_index),
        IN_SCRATCH(test_twice),         IN_SCRATCH(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
