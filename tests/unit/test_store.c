/* Results files: what is in them, when they appear, what is said when they cannot be written. */
#include <fcntl.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness/base/clock.h"
#include "tests/support/check.h"
#include "tests/support/example_store.h"
#include "tests/support/scratch.h"

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static ssmq_store *store_of(const char *path)
{
    ssmq_store *s = NULL;
    CHECK_OK(ssmq_store_create(path, &s));
    return s;
}

/* Runs f in a process of its own; the test fails unless that ends with status 0. */
static void in_child(void (*f)(const scratch *), const scratch *s)
{
    fflush(NULL);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        f(s);
        exit(0); /* and not _exit(): HDF5 must be able to clean up */
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* For use in children, where cmocka's own checks would not be seen. */
#define MUST(condition)                                                          \
    do {                                                                         \
        if (!(condition)) {                                                      \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);      \
            _exit(1);                                                            \
        }                                                                        \
    } while (0)

/* ---- whole or not at all ----------------------------------------------------------------- */

static void test_appears_when_sealed(void **state)
{
    const scratch *s = *state;
    const char    *path = scratch_path(s, "run.h5"), *part = scratch_path(s, "run.h5.part");
    ssmq_store    *store = store_of(path);
    assert_false(ssmq_store_has(store, "/sites/scan.x"));
    CHECK_OK(example_store_fill(store));
    assert_true(ssmq_store_has(store, "/sites/scan.x"));
    assert_true(ssmq_store_has(store, "/axis/layer"));
    assert_false(ssmq_store_has(store, "/sites/scan.y"));
    assert_true(exists(part));
    assert_false(exists(path));
    CHECK_OK(ssmq_store_seal(store));
    assert_false(exists(part));
    assert_true(exists(path));
}

static void test_discarded(void **state)
{
    const scratch *s = *state;
    ssmq_store    *store = store_of(scratch_path(s, "gone.h5"));
    CHECK_OK(example_store_fill(store));
    ssmq_store_discard(store);
    ssmq_store_discard(NULL);
    assert_false(exists(scratch_path(s, "gone.h5")));
    assert_false(exists(scratch_path(s, "gone.h5.part")));
}

static void test_never_overwrites(void **state)
{
    const scratch *s = *state;
    ssmq_store    *store = NULL;
    const char    *path = scratch_write(s, "old.h5", "precious", 8);
    char           text[512];
    snprintf(text, sizeof text, "%s: exists already", path);
    CHECK_FAILS(ssmq_store_create(path, &store), SSMQ_ERR_IO, text);
    assert_null(store);
    assert_false(exists(scratch_path(s, "old.h5.part")));

    const char *part = scratch_write(s, "busy.h5.part", "theirs", 6);
    snprintf(text, sizeof text, "%s: exists already; another process may be writing it", part);
    CHECK_FAILS(ssmq_store_create(scratch_path(s, "busy.h5"), &store), SSMQ_ERR_IO, text);
    blob b = blob_read(part);
    assert_int_equal(b.size, 6);
    blob_free(&b);
}

static void test_equal_content_gives_equal_bytes(void **state)
{
    const scratch *s = *state;
    const char    *path[] = {scratch_path(s, "a.h5"), scratch_path(s, "b.h5")};
    CHECK_OK(example_store_write(path[0]));
    sleep(1); /* times in the file, had it any, would differ now */
    mallopt(M_PERTURB, 0x5a); /* and so would bytes that were never set */
    CHECK_OK(example_store_write(path[1]));
    mallopt(M_PERTURB, 0);
    blob a = blob_read(path[0]), b = blob_read(path[1]);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    blob_free(&a);
    blob_free(&b);
}

/* ---- where writing is refused ------------------------------------------------------------ */

static void test_missing_folder(void **state)
{
    const scratch *s = *state;
    ssmq_store    *store = NULL;
    char           text[512];
    snprintf(text, sizeof text, "%s/no/run.h5.part: No such file or directory", s->path);
    CHECK_FAILS(ssmq_store_create(scratch_path(s, "no/run.h5"), &store), SSMQ_ERR_IO, text);
}

static void read_only_folder(const scratch *s)
{
    ssmq_store *store = NULL;
    if (geteuid() == 0) MUST(setuid(65534) == 0); /* the rights of nobody */
    const char *path = scratch_path(s, "read-only/run.h5");
    MUST(ssmq_store_create(path, &store) == SSMQ_ERR_IO);
    MUST(strstr(ssmq_error_last()->message, "run.h5.part: Permission denied"));
    MUST(!exists(path));
}

static void test_read_only_folder(void **state)
{
    const scratch *s = *state;
    assert_int_equal(chmod(s->path, 0755), 0);
    assert_int_equal(mkdir(scratch_path(s, "read-only"), 0555), 0);
    in_child(read_only_folder, s);
}

/* Seals under a limit of the file's size; nothing may remain, under either name, and the process
 * must end in good order. */
static void file_size_limit(const scratch *s)
{
    static const rlim_t limits[] = {0, 1, 100, 4096, 20000, 50000};
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const struct rlimit limit = {.rlim_cur = limits[i], .rlim_max = RLIM_INFINITY};
        const char         *path = scratch_path(s, "limited.h5");
        ssmq_store         *store = NULL;
        MUST(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        MUST(ssmq_store_create(path, &store) == SSMQ_OK);
        MUST(example_store_fill(store) == SSMQ_OK);
        MUST(ssmq_store_seal(store) == SSMQ_ERR_IO);
        MUST(strstr(ssmq_error_last()->message, "limited.h5.part: File too large ("));
        MUST(strstr(ssmq_error_last()->message, " bytes to be written)"));
        MUST(!exists(path) && !exists(scratch_path(s, "limited.h5.part")));
    }
}

static void test_file_size_limit(void **state)
{
    in_child(file_size_limit, *state);
}

/* A file system of 16 KiB, in a mount table of this process's own. */
static void full_disk(const scratch *s)
{
    const char *folder = scratch_path(s, "small");
    MUST(mkdir(folder, 0755) == 0);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder, "tmpfs", 0, "size=16k") != 0)
        return; /* needs rights that not everybody has; the limit above is the same path */
    const char *path = scratch_path(s, "small/run.h5");
    MUST(example_store_write(path) == SSMQ_ERR_IO);
    MUST(strstr(ssmq_error_last()->message, "run.h5.part: No space left on device ("));
    MUST(!exists(path) && !exists(scratch_path(s, "small/run.h5.part")));
}

static void test_full_disk(void **state)
{
    in_child(full_disk, *state);
}

/* ---- HDF5's own errors ------------------------------------------------------------------- */

static void test_errors_become_messages(void **state)
{
    const scratch    *s = *state;
    const char       *path = scratch_path(s, "errors.h5");
    ssmq_store       *store = store_of(path);
    float             x[2] = {1, 2};
    const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, 2);
    const char *const axis[] = {"/axis/missing"};
    char              text[512];
    /* Whatever HDF5 prints would show up here. */
    const char *printed = scratch_path(s, "stderr.txt");
    const int   before = dup(2), to = open(printed, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    fflush(stderr);
    dup2(to, 2);

    CHECK_OK(ssmq_store_scale(store, "/axis/two", &t, "", "two"));
    snprintf(text, sizeof text,
             "%s: /axis/two cannot be created: name already exists (HDF5 %d.%d.%d)", path,
             H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
    CHECK_FAILS(ssmq_store_scale(store, "/axis/two", &t, "", "two"), SSMQ_ERR_IO, text);
    CHECK_FAILS_WITH(ssmq_store_tensor(store, "/x/y", &t, axis, "", "y"), SSMQ_ERR_IO,
                     "errors.h5: /axis/missing cannot be linked into the group of a dataset: ");
    CHECK_FAILS_WITH(ssmq_store_attribute_int(store, "/nowhere", "n", 1), SSMQ_ERR_IO,
                     "errors.h5: /nowhere cannot be opened: ");
    CHECK_OK(ssmq_store_attribute_int(store, "/axis", "n", 1));
    CHECK_FAILS_WITH(ssmq_store_attribute_int(store, "/axis", "n", 1), SSMQ_ERR_IO,
                     "errors.h5: /axis cannot be given an attribute: ");
    ssmq_store_discard(store);

    fflush(stderr);
    dup2(before, 2);
    close(before);
    close(to);
    blob b = blob_read(printed);
    assert_int_equal(b.size, 0);
    blob_free(&b);
}

static void store_codes_of_4_bits(const scratch *s)
{
    uint8_t           x[2] = {0};
    const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_I4, 4);
    ssmq_store       *store = store_of(scratch_path(s, "i4.h5"));
    signal(SIGABRT, SIG_DFL);
    (void)!freopen("/dev/null", "w", stderr);
    MUST(ssmq_store_scale(store, "/x", &t, "", "x") == SSMQ_OK);
}

static void test_our_mistakes_are_asserted(void **state)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        store_codes_of_4_bits(*state);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- what is in it ----------------------------------------------------------------------- */

static hid_t open_example(const scratch *s, const char *name)
{
    const char *path = scratch_path(s, name);
    CHECK_OK(example_store_write(path));
    const hid_t f = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

static H5D_layout_t layout_of(hid_t f, const char *path, int *filters, hsize_t chunk[2])
{
    const hid_t        d = H5Dopen2(f, path, H5P_DEFAULT), list = H5Dget_create_plist(d);
    const H5D_layout_t layout = H5Pget_layout(list);
    *filters = H5Pget_nfilters(list);
    if (layout == H5D_CHUNKED) H5Pget_chunk(list, 2, chunk);
    H5Pclose(list);
    H5Dclose(d);
    return layout;
}

static void test_layout(void **state)
{
    const hid_t f = open_example(*state, "layout.h5");
    int         filters;
    hsize_t     chunk[2] = {0};
    assert_int_equal(layout_of(f, "/sites/scan.x/hist", &filters, chunk), H5D_CHUNKED);
    assert_int_equal(filters, 2); /* shuffle and gzip */
    assert_int_equal(chunk[1], 8192);
    assert_int_equal(chunk[0], 4); /* 256 KiB: one chunk holds it all */
    assert_int_equal(layout_of(f, "/sites/scan.x/qparam/scale", &filters, chunk), H5D_CONTIGUOUS);
    assert_int_equal(filters, 0);
    H5Fclose(f);
}

static void test_histogram_values(void **state)
{
    const hid_t f = open_example(*state, "values.h5");
    const hid_t d = H5Dopen2(f, "/sites/scan.x/hist", H5P_DEFAULT);
    const int   n = 4 * 8192;
    uint64_t   *count = ssmq_must_malloc((size_t)n * sizeof *count);
    assert_true(H5Dread(d, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, count) >= 0);
    for (int i = 0; i < n; i++) assert_int_equal(count[i], (uint64_t)((int64_t)i * i % 97));
    free(count);
    H5Dclose(d);
    H5Fclose(f);
}

/* The 16-bit types, converted by HDF5 to float. */
static void test_half_floats(void **state)
{
    static const char *const path[] = {"/types/f16", "/types/bf16"};
    const hid_t              f = open_example(*state, "half.h5");
    for (int i = 0; i < 2; i++) {
        float       x[EXAMPLE_LAYERS];
        const hid_t d = H5Dopen2(f, path[i], H5P_DEFAULT), type = H5Dget_type(d);
        assert_int_equal(H5Tget_size(type), 2);
        assert_true(H5Dread(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
        assert_true(x[0] == 1.5f && x[1] == -2.0f && x[3] != x[3]);
        /* 0.1 to 11 and 8 bits of fraction, half an ulp of 2^-4 each */
        const float bound = i ? 0x1p-12f : 0x1p-15f;
        assert_true(x[2] - 0.1f <= bound && 0.1f - x[2] <= bound);
        H5Tclose(type);
        H5Dclose(d);
    }
    H5Fclose(f);
}

static void test_table(void **state)
{
    const hid_t f = open_example(*state, "table.h5");
    const hid_t d = H5Dopen2(f, "/eval/wt2/subset", H5P_DEFAULT), type = H5Dget_type(d);
    struct {
        double   ppl, nll_se;
        uint64_t windows;
        char    *note;
    } row[2];
    assert_int_equal(H5Tget_nmembers(type), 4);
    assert_int_equal(H5Tget_size(type), sizeof row[0]);
    assert_true(H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, row) >= 0);
    assert_true(row[0].ppl == 14.2 && row[1].ppl == 11.5 && row[0].nll_se == 0.5);
    assert_int_equal(row[0].windows, 5);
    assert_string_equal(row[1].note, "α");
    assert_int_equal(H5DSget_num_scales(d, 0), 1);
    const hid_t space = H5Dget_space(d);
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, row);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(d);
    H5Fclose(f);
}

/* A chunk holds whole rows up to 512 KiB, and parts of a row that is longer. */
static void test_chunks_of_long_rows(void **state)
{
    const scratch *s = *state;
    const char    *path = scratch_path(s, "long.h5");
    const int64_t  n = 300000; /* a row of 1.2 MB */
    int32_t       *x = ssmq_must_malloc((size_t)(2 * n) * sizeof *x);
    for (int64_t i = 0; i < 2 * n; i++) x[i] = (int32_t)i;
    const ssmq_tensor row = SSMQ_TENSOR(x, SSMQ_I32, n), two = SSMQ_TENSOR(x, SSMQ_I32, 2);
    const ssmq_tensor all = SSMQ_TENSOR(x, SSMQ_I32, 2, n);
    const char *const axis[] = {"/two", "/row"};
    ssmq_store       *store = store_of(path);
    CHECK_OK(ssmq_store_scale(store, "/two", &two, "", "two"));
    CHECK_OK(ssmq_store_scale(store, "/row", &row, "", "row"));
    CHECK_OK(ssmq_store_tensor(store, "/all", &all, axis, "", "all"));
    CHECK_OK(ssmq_store_seal(store));
    const hid_t f = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    int         filters;
    hsize_t     chunk[2];
    assert_int_equal(layout_of(f, "/all", &filters, chunk), H5D_CHUNKED);
    assert_int_equal(chunk[0], 1);
    assert_int_equal(chunk[1], 512 * 1024 / 4);
    H5Fclose(f);
    free(x);
}

/* ---- killed at any moment ---------------------------------------------------------------- */

#define KILLS 60

static void write_until_killed(const scratch *s, int round)
{
    for (int i = 0; i < 1000; i++) {
        char name[64];
        snprintf(name, sizeof name, "kill-%d-%d.h5", round, i);
        if (example_store_write(scratch_path(s, name)) != SSMQ_OK) _exit(1);
    }
}

/* Equal content gives equal bytes, so a whole file is one that equals the reference. */
static int count_whole(const scratch *s, int round, const blob *reference)
{
    int n = 0;
    for (;; n++) {
        char name[64];
        snprintf(name, sizeof name, "kill-%d-%d.h5", round, n);
        const char *path = scratch_path(s, name);
        if (!exists(path)) return n;
        blob b = blob_read(path);
        assert_int_equal(b.size, reference->size);
        assert_memory_equal(b.data, reference->data, b.size);
        blob_free(&b);
        unlink(path);
    }
}

static void test_killed_at_any_moment(void **state)
{
    const scratch *s = *state;
    const char    *path = scratch_path(s, "reference.h5");
    ssmq_rng       random;
    ssmq_rng_init(&random, test_seed(2), "moments of death");
    const double begun = ssmq_monotonic_s();
    CHECK_OK(example_store_write(path));
    /* Up to four files' time, so that each stage of writing one has its turn. */
    const uint64_t window = 1000 + (uint64_t)(4e6 * (ssmq_monotonic_s() - begun));
    blob           reference = blob_read(path);
    int  whole = 0, cut = 0;
    for (int i = 0; i < KILLS; i++) {
        fflush(NULL);
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) write_until_killed(s, i);
        usleep((useconds_t)ssmq_rng_below(&random, window));
        kill(pid, SIGKILL);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        const int n = count_whole(s, i, &reference);
        char      part[64];
        snprintf(part, sizeof part, "kill-%d-%d.h5.part", i, n);
        cut += exists(scratch_path(s, part));
        whole += n;
    }
    print_message("%d kills: %d whole files, %d unfinished ones under .part\n", KILLS, whole, cut);
    blob_free(&reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appears_when_sealed),
        cmocka_unit_test(test_discarded),
        cmocka_unit_test(test_never_overwrites),
        cmocka_unit_test(test_equal_content_gives_equal_bytes),
        cmocka_unit_test(test_missing_folder),
        cmocka_unit_test(test_read_only_folder),
        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_errors_become_messages),
        cmocka_unit_test(test_our_mistakes_are_asserted),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_histogram_values),
        cmocka_unit_test(test_half_floats),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_chunks_of_long_rows),
        cmocka_unit_test(test_killed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
