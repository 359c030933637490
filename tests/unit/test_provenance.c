/* Provenance: what stands in it, and that what decides the numbers holds nothing of the moment. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "harness/base/build.h"
#include "harness/base/clock.h"
#include "harness/store/host.h"
#include "harness/store/provenance.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

/* SHA-256 of "abc", FIPS 180-2, appendix B.1. */
#define SHA_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const char *const arguments[] = {"ssmq", "run", "odd \xff name.yaml"};
static const char *const variables[] = {"SSMQ_RUNS"};
static const ssmq_location  places[] = {{"runs", "/data/runs"}};

static ssmq_provenance example(const ssmq_input_file *file)
{
    return (ssmq_provenance){
        .backend = "cpu",
        .tier = "avx2",
        .file = file,
        .n_file = 1,
        .started = "2026-01-31T23:59:59Z",
        .finished = "2026-02-01T00:00:01Z",
        .wall_s = 2.5,
        .cpu_s = 4.75,
        .threads = 2,
        .argument = arguments,
        .n_argument = 3,
        .variable = variables,
        .n_variable = 1,
        .place = places,
        .n_place = 1,
    };
}

static ssmq_input_file input_of(const scratch *s)
{
    ssmq_input_file file = {.role = "model/config.json",
                            .path = scratch_write(s, "secret-place.json", "abc", 3)};
    CHECK_OK(ssmq_input_files_digest(&file, 1));
    return file;
}

static void test_digests(void **state)
{
    const scratch  *s = *state;
    ssmq_input_file file = input_of(s);
    char            text[512];
    assert_string_equal(file.sha256, SHA_ABC);
    assert_int_equal(file.bytes, 3);
    ssmq_input_file known = {.role = "r", .path = "/not/there", .sha256 = "00", .bytes = 7};
    CHECK_OK(ssmq_input_files_digest(&known, 1)); /* nothing is read again */
    assert_string_equal(known.sha256, "00");
    ssmq_input_file missing = {.role = "r", .path = scratch_path(s, "missing")};
    snprintf(text, sizeof text, "%s: No such file or directory", missing.path);
    CHECK_FAILS(ssmq_input_files_digest(&missing, 1), SSMQ_ERR_INPUT, text);
}

static void check_text(const ssmq_json *j, const char *key, const char *expected)
{
    const char *got = NULL;
    CHECK_OK(ssmq_json_text(j, key, true, &got));
    if (expected) assert_string_equal(got, expected);
    assert_true(got[0]);
}

static void test_numbers(void **state)
{
    const scratch        *s = *state;
    const ssmq_input_file file = input_of(s);
    ssmq_provenance       p = example(&file);
    ssmq_str              text = {0}, again = {0};
    ssmq_json             j = {0};
    ssmq_provenance_numbers(&p, &text);
    CHECK_OK(ssmq_json_parse("numbers", ssmq_str_text(&text), text.length, &j));
    check_text(&j, "version", ssmq_build_info()->version);
    check_text(&j, "commit", ssmq_build_info()->commit);
    check_text(&j, "compiler", NULL);
    check_text(&j, "flags", NULL);
    check_text(&j, "backend", "cpu");
    check_text(&j, "tier", "avx2");
    check_text(&j, "cpu", NULL);
    static const char *const library[] = {"HDF5",     "OpenBLAS", "libyaml", "jansson", "PCRE2",
                                          "utf8proc", "zstd",     "zlib",    "glibc"};
    for (size_t i = 0; i < sizeof library / sizeof library[0]; i++)
        check_text(&j, ssmq_arena_printf(s->a, "libraries.%s.runtime", library[i]), NULL);
    check_text(&j, "libraries.OpenBLAS.detail", NULL);
    assert_non_null(strstr(ssmq_str_text(&text), SHA_ABC));
    ssmq_json_close(&j);

    /* Another moment and another place: the same bytes. */
    p.started = p.finished = "2030-01-01T00:00:00Z";
    p.wall_s = p.cpu_s = 99;
    p.threads = 64;
    p.n_argument = p.n_variable = p.n_place = 0;
    ssmq_input_file moved = file;
    moved.path = "/elsewhere";
    p.file = &moved;
    ssmq_provenance_numbers(&p, &again);
    assert_string_equal(ssmq_str_text(&text), ssmq_str_text(&again));
    assert_null(strstr(ssmq_str_text(&text), "secret-place"));
    ssmq_str_free(&text);
    ssmq_str_free(&again);
}

static void test_manifest(void **state)
{
    const scratch        *s = *state;
    const ssmq_input_file file = input_of(s);
    const ssmq_provenance p = example(&file);
    ssmq_str              text = {0};
    ssmq_json             j = {0};
    int64_t               n = 0;
    double                x = 0;
    char                  host[256] = "";
    gethostname(host, sizeof host - 1);
    assert_int_equal(setenv("SSMQ_RUNS", "/data/runs", 1), 0);
    ssmq_provenance_manifest(&p, &text);
    CHECK_OK(ssmq_json_parse("manifest", ssmq_str_text(&text), text.length, &j));
    check_text(&j, "numbers.backend", "cpu");
    check_text(&j, "moment.started", "2026-01-31T23:59:59Z");
    check_text(&j, "moment.host", host);
    check_text(&j, "moment.os", NULL);
    check_text(&j, "moment.kernel", NULL);
    check_text(&j, "moment.environment.SSMQ_RUNS", "/data/runs");
    check_text(&j, "moment.places.runs", "/data/runs");
    CHECK_OK(ssmq_json_real(&j, "moment.wall_s", true, &x));
    assert_true(x == 2.5);
    CHECK_OK(ssmq_json_int(&j, "moment.threads", true, 2, 2, &n));
    CHECK_OK(ssmq_json_int(&j, "moment.peak_rss_bytes", true, 1 << 20, INT64_MAX, &n));
    assert_int_equal(ssmq_json_size(&j, "moment.command"), 3);
    /* The argument is no UTF-8; JSON must be. */
    assert_non_null(strstr(ssmq_str_text(&text), "\"odd \xef\xbf\xbd name.yaml\""));
    assert_non_null(strstr(ssmq_str_text(&text), file.path));
    ssmq_json_close(&j);
    ssmq_str_free(&text);
}

static void test_nothing_known(void **state)
{
    (void)state;
    const ssmq_provenance none = {0};
    ssmq_str              text = {0};
    ssmq_json             j = {0};
    ssmq_provenance_manifest(&none, &text);
    CHECK_OK(ssmq_json_parse("manifest", ssmq_str_text(&text), text.length, &j));
    assert_false(ssmq_json_has(&j, "numbers.tier"));
    assert_false(ssmq_json_has(&j, "moment.started"));
    ssmq_json_close(&j);
    ssmq_str_free(&text);
}

static void test_machine(void **state)
{
    (void)state;
    ssmq_machine m;
    ssmq_machine_read(&m);
    assert_true(m.cpu[0] && m.host[0] && m.os[0] && m.kernel[0]);
    assert_true(m.cores >= 1);
    assert_true(m.memory_bytes > 1 << 20);
    assert_true(ssmq_peak_rss_bytes() > 1 << 20);
#if defined(__x86_64__)
    /* What the compiler's run-time check sees, the list names too. */
    if (__builtin_cpu_supports("avx2")) assert_non_null(strstr(m.features, "avx2"));
    if (__builtin_cpu_supports("avx512f")) assert_non_null(strstr(m.features, "avx512f"));
    if (!__builtin_cpu_supports("avx512f")) assert_null(strstr(m.features, "avx512f"));
#endif
}

/* What was occupied before it begins anew does not count, where the system offers that. */
static void test_peak(void **state)
{
    (void)state;
    const size_t  n = (size_t)64 << 20;
    const int64_t before = ssmq_peak_rss_bytes();
    char         *room = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(room != MAP_FAILED);
    for (size_t i = 0; i < n; i += 4096) room[i] = 1;
    const int64_t with = ssmq_peak_rss_bytes();
    assert_true(with >= before + (int64_t)n / 2);
    munmap(room, n);
    ssmq_peak_rss_restart();
    if (access("/proc/self/clear_refs", W_OK) == 0) assert_true(ssmq_peak_rss_bytes() <= with - (int64_t)n / 2);
}

static void test_clock(void **state)
{
    (void)state;
    char text[SSMQ_UTC_TEXT];
    ssmq_utc_text(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    ssmq_utc_text(951782399, text); /* a leap day */
    assert_string_equal(text, "2000-02-28T23:59:59Z");
    ssmq_utc_text(951782400, text);
    assert_string_equal(text, "2000-02-29T00:00:00Z");
    ssmq_utc_text(INT64_C(253402300799), text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    ssmq_utc_text(INT64_C(253402300800), text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    ssmq_utc_text(INT64_MAX, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    ssmq_utc_now(text);
    assert_true(strcmp(text, "2024") > 0 && strlen(text) == 20);
    const double a = ssmq_monotonic_s(), c = ssmq_cpu_time_s();
    assert_true(ssmq_monotonic_s() >= a && ssmq_cpu_time_s() >= c && c >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests),       cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_manifest),      cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_machine),       cmocka_unit_test(test_peak), cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
