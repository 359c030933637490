/* A folder of a test's own, and damaged copies of files. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/base/rng.h"

typedef struct scratch {
    char       *path; /* under $TMPDIR, else /tmp */
    ssmq_arena *a;    /* for whatever the test makes up */
} scratch;

/* For cmocka: *state is a scratch; teardown removes the folder and what is in it. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* FOLDER/name, and the file of that name with these bytes; both return the path. */
const char *scratch_path(const scratch *s, const char *name);
const char *scratch_write(const scratch *s, const char *name, const void *bytes, size_t n);
/* A copy of a file of the project as FOLDER/name. */
const char *scratch_copy(const scratch *s, const char *from, const char *name);

/* A file's bytes in memory of exactly their size, where AddressSanitizer sees every step beyond. */
typedef struct blob {
    uint8_t *data;
    size_t   size;
} blob;

blob         blob_of(const void *bytes, size_t n);
blob         blob_read(const char *path);
void         blob_free(blob *b);
ssmq_mapping blob_mapping(const blob *b);

/* A copy with 1 to 8 bytes changed inside [begin, end), and now and then cut short. */
blob blob_damaged(const blob *b, size_t begin, size_t end, ssmq_rng *r);

/* The seed of a test's random numbers, printed: $SSMQ_TEST_SEED, else the one given. */
uint64_t test_seed(uint64_t fallback);
