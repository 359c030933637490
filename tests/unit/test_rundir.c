/* Run directories: one writer at a time, whatever became of the last one; the status; the files. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "harness/store/lease.h"
#include "harness/store/rundir.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define ID "4f1c09ab2e77d05c"

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static const char *run_path(const scratch *s, const char *name)
{
    ssmq_str path = {0};
    CHECK_OK(ssmq_rundir_place(s->path, name, ID, &path));
    const char *kept = ssmq_arena_strdup(s->a, ssmq_str_text(&path));
    ssmq_str_free(&path);
    return kept;
}

static ssmq_rundir *opened(const char *path)
{
    ssmq_rundir *d = NULL;
    CHECK_OK(ssmq_rundir_open(path, ID, "quamba, fake", 0, &d));
    return d;
}

/* NAME/ID/file with this text. */
static const char *put(const scratch *s, const char *name, const char *file, const char *text)
{
    const char *folder = ssmq_arena_printf(s->a, "%s/%s", s->path, name);
    (void)mkdir(folder, 0755);
    (void)mkdir(ssmq_arena_printf(s->a, "%s/" ID, folder), 0755);
    const char *path = ssmq_arena_printf(s->a, "%s/" ID "/%s", name, file);
    return scratch_write(s, path, text, strlen(text));
}

static char *text_of(const scratch *s, const char *path)
{
    blob  b = blob_read(path);
    char *text = ssmq_arena_strndup(s->a, (const char *)b.data, b.size);
    blob_free(&b);
    return text;
}

/* ---- places ---------------------------------------------------------------------------- */

static void test_place(void **state)
{
    (void)state;
    ssmq_str path = {0};
    CHECK_OK(ssmq_rundir_place("runs", "quickstart", ID, &path));
    assert_string_equal(ssmq_str_text(&path), "runs/quickstart/" ID);
    ssmq_str_clear(&path);
    CHECK_OK(ssmq_rundir_place("/a/", "x", ID, &path));
    assert_string_equal(ssmq_str_text(&path), "/a/x/" ID);
    ssmq_str_free(&path);

    static const char *const bad[] = {"", ".", "..", "a/b", "../up"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "the experiment's name '%s' cannot be the name of a folder "
                                    "(1 to 200 bytes without '/')", bad[i]);
        CHECK_FAILS(ssmq_rundir_place("runs", bad[i], ID, &path), SSMQ_ERR_CONFIG, text);
    }
    assert_int_equal(path.length, 0);
}

static void test_folder_that_cannot_be_made(void **state)
{
    const scratch *s = *state;
    ssmq_rundir   *d = NULL;
    const char    *file = scratch_write(s, "a-file", "", 0);
    char           text[512];
    snprintf(text, sizeof text, "%s: exists and is not a directory", file);
    CHECK_FAILS(ssmq_rundir_open(scratch_path(s, "a-file/" ID), ID, "x", 0, &d), SSMQ_ERR_IO, text);
    assert_null(d);
}

static void test_read_only_folder(void **state)
{
    const scratch *s = *state;
    const char    *path = run_path(s, "read-only");
    ssmq_rundir_close(opened(path));
    assert_int_equal(chmod(s->path, 0755), 0);
    assert_int_equal(chmod(path, 0555), 0);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        ssmq_rundir *d = NULL;
        if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
        if (ssmq_rundir_open(path, ID, "x", 0, &d) != SSMQ_ERR_IO) _exit(1);
        const char *expected =
            ssmq_arena_printf(s->a, "%s: cannot be written into: Permission denied", path);
        _exit(strcmp(ssmq_error_last()->message, expected) == 0 ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static void test_too_little_room(void **state)
{
    const scratch *s = *state;
    ssmq_rundir   *d = NULL;
    const char    *path = run_path(s, "room");
    CHECK_FAILS_WITH(ssmq_rundir_open(path, ID, "x", INT64_MAX / 2, &d), SSMQ_ERR_IO,
                     " KiB are free on this file system, 4503599627370496 KiB are needed");
    assert_false(exists(scratch_path(s, "room/" ID "/lease")));
}

/* ---- one writer ------------------------------------------------------------------------ */

static const char *host(void)
{
    static char name[256];
    gethostname(name, sizeof name - 1);
    return name;
}

static void test_held_by_a_living_process(void **state)
{
    const scratch *s = *state;
    ssmq_rundir   *d = opened(run_path(s, "held")), *second = NULL;
    char           text[512];
    snprintf(text, sizeof text, "%s/lease: process %ld on host %s is writing here, heard ",
             ssmq_rundir_path(d), (long)getpid(), host());
    CHECK_FAILS_WITH(ssmq_rundir_open(ssmq_rundir_path(d), ID, "x", 0, &second), SSMQ_ERR_HELD, text);
    assert_null(second);
    const char *lease = ssmq_rundir_file(d, "lease");
    assert_true(exists(lease));
    lease = ssmq_arena_strdup(s->a, lease);
    ssmq_rundir_close(d);
    assert_false(exists(lease));
}

/* A child takes the directory and is killed; before its exit status is fetched (it is a zombie
 * then), and after. */
static void test_left_by_a_killed_process(void **state)
{
    const scratch *s = *state;
    const char    *path = run_path(s, "killed");
    for (int reaped = 0; reaped < 2; reaped++) {
        int ready[2];
        assert_int_equal(pipe(ready), 0);
        fflush(NULL);
        const pid_t pid = fork();
        if (pid == 0) {
            ssmq_rundir *d = NULL;
            if (ssmq_rundir_open(path, ID, "x", 0, &d) != SSMQ_OK || write(ready[1], "", 1) != 1)
                _exit(1);
            for (;;) pause();
        }
        char c;
        close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 1);
        close(ready[0]);
        put(s, "killed", "run.h5.part", "half");
        put(s, "killed", "source/x.yaml.part", "half");
        kill(pid, SIGKILL);
        siginfo_t info;
        if (!reaped)
            assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        else
            assert_int_equal(waitpid(pid, NULL, 0), pid);
        ssmq_rundir_close(opened(path));
        if (!reaped) assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_false(exists(scratch_path(s, "killed/" ID "/run.h5.part")));
        assert_false(exists(scratch_path(s, "killed/" ID "/source/x.yaml.part")));
    }
}

static void read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "r");
    out[0] = '\0';
    if (f && fgets(out, (int)size, f)) out[strcspn(out, "\n")] = '\0';
    if (f) fclose(f);
}

/* The lease of some process, last touched so many seconds ago. */
static void put_lease(const scratch *s, const char *name, const char *of_host, const char *boot,
                      long pid, long began, int age)
{
    char    space[64];
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[n > 0 ? n : 0] = '\0';
    const char *text = ssmq_arena_printf(
        s->a,
        "{\"host\": \"%s\", \"boot\": \"%s\", \"space\": \"%s\", \"pid\": %ld, \"began\": %ld}",
        of_host, boot, space, pid, began);
    const char           *path = put(s, name, "lease", text);
    const struct timespec then = {.tv_sec = time(NULL) - age};
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){then, then}, 0), 0);
}

static void test_process_number_used_again(void **state)
{
    const scratch *s = *state;
    char           boot[64];
    ssmq_rundir   *d = NULL;
    read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    /* Our own number, but a process that began in the first tick after boot. */
    put_lease(s, "again", host(), boot, (long)getpid(), 1, 0);
    ssmq_rundir_close(opened(run_path(s, "again")));
    /* The same without a time: it cannot be told apart, so it counts as alive. */
    put_lease(s, "same", host(), boot, (long)getpid(), 0, 0);
    CHECK_FAILS_WITH(ssmq_rundir_open(run_path(s, "same"), ID, "x", 0, &d), SSMQ_ERR_HELD,
                     "is writing here");
    /* The host was started again since. */
    put_lease(s, "boot", host(), "another-boot", (long)getpid(), 0, 0);
    ssmq_rundir_close(opened(run_path(s, "boot")));
    /* The host has another name since: it is known by its boot. */
    put_lease(s, "renamed", "node17", boot, (long)getpid(), 1, 0);
    ssmq_rundir_close(opened(run_path(s, "renamed")));
    put_lease(s, "lives", "node17", boot, (long)getpid(), 0, SSMQ_LEASE_STALE_S + 30);
    CHECK_FAILS_WITH(ssmq_rundir_open(run_path(s, "lives"), ID, "x", 0, &d), SSMQ_ERR_HELD, "is writing here");
}

static void test_held_on_another_host(void **state)
{
    const scratch *s = *state;
    ssmq_rundir   *d = NULL;
    char           text[512];
    put_lease(s, "far", "node17", "", 99, 0, SSMQ_LEASE_STALE_S - 30);
    snprintf(text, sizeof text, "%s/lease: process 99 on host node17 is writing here, heard 9 min ago",
             run_path(s, "far"));
    CHECK_FAILS(ssmq_rundir_open(run_path(s, "far"), ID, "x", 0, &d), SSMQ_ERR_HELD, text);
    put_lease(s, "far", "node17", "", 99, 0, SSMQ_LEASE_STALE_S + 30);
    ssmq_rundir_close(opened(run_path(s, "far")));
    /* A clock was set back. */
    put_lease(s, "far", "node17", "", 99, 0, -2 * 3600);
    CHECK_FAILS_WITH(ssmq_rundir_open(run_path(s, "far"), ID, "x", 0, &d), SSMQ_ERR_HELD,
                     "from now, by the clock; remove this file if it is gone");
}

static void test_damaged_lease(void **state)
{
    static const char *const content[] = {"", "{\"host\": ", "[]", "{\"host\": 1, \"pid\": 5}",
                                          "{\"host\": \"a\", \"pid\": -5}", "{\"pid\": 5}"};
    const scratch *s = *state;
    ssmq_rundir   *d = NULL;
    char           text[512];
    /* Just made: its maker may be about to write its name. */
    put(s, "empty", "lease", "");
    snprintf(text, sizeof text, "%s/lease: another process is just taking it",
             run_path(s, "empty"));
    CHECK_FAILS(ssmq_rundir_open(run_path(s, "empty"), ID, "x", 0, &d), SSMQ_ERR_HELD, text);
    for (size_t i = 0; i < sizeof content / sizeof content[0]; i++) {
        const char           *path = put(s, "damaged", "lease", content[i]);
        const struct timespec then = {.tv_sec = time(NULL) - 60};
        assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){then, then}, 0), 0);
        ssmq_rundir_close(opened(run_path(s, "damaged")));
    }
}

static void test_lost_lease(void **state)
{
    const scratch *s = *state;
    ssmq_rundir   *d = opened(run_path(s, "lost"));
    char           text[512];
    CHECK_OK(ssmq_rundir_set_status(d, SSMQ_RUN_RUNNING, NULL, "load"));
    assert_int_equal(unlink(ssmq_rundir_file(d, "lease")), 0);
    CHECK_FAILS_WITH(ssmq_rundir_set_status(d, SSMQ_RUN_DONE, NULL, NULL), SSMQ_ERR_IO,
                     "lease: was removed while this process was writing");
    put_lease(s, "new", "node17", "", 99, 0, 0);
    assert_int_equal(rename(scratch_path(s, "new/" ID "/lease"), ssmq_rundir_file(d, "lease")), 0);
    snprintf(text, sizeof text, "%s/lease: another process took the lease of this one over",
             ssmq_rundir_path(d));
    CHECK_FAILS(ssmq_rundir_set_status(d, SSMQ_RUN_DONE, NULL, NULL), SSMQ_ERR_IO, text);
    ssmq_rundir_close(d); /* and the other's lease stays */
    assert_true(exists(scratch_path(s, "lost/" ID "/lease")));
}

#define RACERS 6

/* Many processes find the lease of a dead one at once: exactly one gets it.  Each holder stays
 * until all have tried. */
static void test_race_for_a_dead_lease(void **state)
{
    const scratch *s = *state;
    for (int round = 0; round < 20; round++) {
        const char *name = ssmq_arena_printf(s->a, "race%d", round);
        const char *path = run_path(s, name);
        int         done[2], go[2], got = 0;
        char        c;
        put_lease(s, name, host(), "another-boot", 99, 0, 0);
        assert_int_equal(pipe(done), 0);
        assert_int_equal(pipe(go), 0);
        fflush(NULL);
        pid_t pid[RACERS];
        for (int i = 0; i < RACERS; i++) {
            pid[i] = fork();
            if (pid[i]) continue;
            ssmq_rundir *d = NULL;
            close(go[1]);
            const bool mine = ssmq_rundir_open(path, ID, "x", 0, &d) == SSMQ_OK;
            if (write(done[1], mine ? "1" : "0", 1) != 1) _exit(2);
            if (read(go[0], &c, 1) < 0) _exit(3); /* returns when the parent closes it */
            _exit(0);
        }
        close(go[0]);
        for (int i = 0; i < RACERS; i++) {
            assert_int_equal(read(done[0], &c, 1), 1);
            got += c == '1';
        }
        close(go[1]);
        for (int i = 0; i < RACERS; i++) {
            int status;
            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
            assert_int_equal(status, 0);
        }
        close(done[0]);
        close(done[1]);
        assert_int_equal(got, 1);
    }
}

/* ---- status ---------------------------------------------------------------------------- */

static void test_status(void **state)
{
    static const ssmq_run_state all[] = {SSMQ_RUN_QUEUED, SSMQ_RUN_RUNNING, SSMQ_RUN_STOPPED,
                                         SSMQ_RUN_DONE,   SSMQ_RUN_FAILED,  SSMQ_RUN_UNSUPPORTED};
    const scratch  *s = *state;
    ssmq_rundir    *d = opened(run_path(s, "status"));
    ssmq_run_status got;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        CHECK_OK(ssmq_rundir_set_status(d, all[i], i ? "a \"reason\"\n" : NULL, i ? NULL : "load"));
        CHECK_OK(ssmq_run_status_read(ssmq_rundir_file(d, "status.json"), s->a, &got));
        assert_int_equal(got.state, all[i]);
        assert_string_equal(got.id, ID);
        assert_string_equal(got.name, "quamba, fake");
        if (i) {
            assert_string_equal(got.reason, "a \"reason\"\n");
            assert_null(got.stage);
        } else {
            assert_null(got.reason);
            assert_string_equal(got.stage, "load");
        }
        assert_int_equal(strlen(got.started), 20);
        assert_true(strcmp(got.started, got.updated) <= 0);
    }
    assert_string_equal(ssmq_run_state_name(SSMQ_RUN_UNSUPPORTED), "unsupported");
    CHECK_OK(ssmq_rundir_beat(d));
    ssmq_rundir_close(d);
}

static void test_malformed_status(void **state)
{
    const scratch  *s = *state;
    ssmq_run_status got;
    char            text[512];
    const char     *path = scratch_path(s, "status.json");
    snprintf(text, sizeof text, "%s: No such file or directory", path);
    CHECK_FAILS(ssmq_run_status_read(path, s->a, &got), SSMQ_ERR_INPUT, text);
    const char *odd = "{\"id\": \"1\", \"name\": \"n\", \"status\": \"finished\", "
                      "\"started\": \"\", \"updated\": \"\"}";
    scratch_write(s, "status.json", odd, strlen(odd));
    snprintf(text, sizeof text, "%s: 'status' is 'finished', not one of queued, running, stopped, "
                                "done, failed, unsupported", path);
    CHECK_FAILS(ssmq_run_status_read(path, s->a, &got), SSMQ_ERR_INPUT, text);
    scratch_write(s, "status.json", "{\"id\": \"1\"}", 11);
    snprintf(text, sizeof text, "%s: the key 'name' is missing", path);
    CHECK_FAILS(ssmq_run_status_read(path, s->a, &got), SSMQ_ERR_INPUT, text);
}

static void test_finished(void **state)
{
    const scratch *s = *state;
    const char    *path = run_path(s, "finished");
    assert_false(ssmq_rundir_finished(path));
    ssmq_rundir *d = opened(path);
    put(s, "finished", "run.h5", "x");
    put(s, "finished", "summary.json", "{}");
    assert_false(ssmq_rundir_finished(path));
    CHECK_OK(ssmq_rundir_set_status(d, SSMQ_RUN_FAILED, "why", NULL));
    assert_false(ssmq_rundir_finished(path));
    CHECK_OK(ssmq_rundir_set_status(d, SSMQ_RUN_DONE, NULL, NULL));
    assert_true(ssmq_rundir_finished(path));
    assert_int_equal(ssmq_error_last()->status, SSMQ_OK);
    assert_int_equal(unlink(ssmq_rundir_file(d, "run.h5")), 0);
    assert_false(ssmq_rundir_finished(path));
    put(s, "finished", "run.h5", "x");
    assert_int_equal(unlink(ssmq_rundir_file(d, "summary.json")), 0);
    assert_false(ssmq_rundir_finished(path));
    put(s, "finished", "summary.json", "{}");
    put(s, "finished", "status.json", "{\"status\": ");
    assert_false(ssmq_rundir_finished(path));
    ssmq_rundir_close(d);
}

/* ---- files ----------------------------------------------------------------------------- */

static void test_files(void **state)
{
    const scratch *s = *state;
    ssmq_rundir   *d = opened(run_path(s, "files"));
    CHECK_OK(ssmq_rundir_write(d, "resolved.yaml", "ssmq: 1\n", 8));
    CHECK_OK(ssmq_rundir_write(d, "resolved.yaml", "ssmq: 2\n", 8));
    assert_string_equal(text_of(s, ssmq_rundir_file(d, "resolved.yaml")), "ssmq: 2\n");
    CHECK_OK(ssmq_rundir_log(d, "first"));
    CHECK_OK(ssmq_rundir_log(d, "second"));
    const char *log = text_of(s, ssmq_rundir_file(d, "log.txt"));
    assert_int_equal(strlen(log), 21 + 6 + 21 + 7);
    assert_string_equal(log + 21 + 6 + 21, "second\n");
    ssmq_rundir_close(d);
    d = opened(run_path(s, "files")); /* a second start goes on in the same log */
    CHECK_OK(ssmq_rundir_log(d, "third"));
    assert_string_equal(text_of(s, ssmq_rundir_file(d, "log.txt")) + 55 + 21, "third\n");
    ssmq_rundir_close(d);
}

static void test_sources(void **state)
{
    const scratch *s = *state;
    ssmq_rundir   *d = opened(run_path(s, "sources"));
    const char *one = scratch_path(s, "one/" ID "/a.yaml");
    const char *two = scratch_path(s, "two/" ID "/a.yaml");
    CHECK_OK(ssmq_rundir_write_source(d, one, "one", 3));
    CHECK_OK(ssmq_rundir_write_source(d, scratch_path(s, "two/" ID "/2-a.yaml"), "trap", 4));
    CHECK_OK(ssmq_rundir_write_source(d, two, "two", 3));
    CHECK_OK(ssmq_rundir_write_source(d, one, "one", 3)); /* again: the same place */
    assert_string_equal(text_of(s, ssmq_rundir_file(d, "source/a.yaml")), "one");
    assert_string_equal(text_of(s, ssmq_rundir_file(d, "source/2-a.yaml")), "trap");
    assert_string_equal(text_of(s, ssmq_rundir_file(d, "source/3-a.yaml")), "two");
    assert_false(exists(ssmq_rundir_file(d, "source/4-a.yaml")));
    ssmq_rundir_close(d);
    ssmq_rundir_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_folder_that_cannot_be_made),
        cmocka_unit_test(test_read_only_folder),
        cmocka_unit_test(test_too_little_room),
        cmocka_unit_test(test_held_by_a_living_process),
        cmocka_unit_test(test_left_by_a_killed_process),
        cmocka_unit_test(test_process_number_used_again),
        cmocka_unit_test(test_held_on_another_host),
        cmocka_unit_test(test_damaged_lease),
        cmocka_unit_test(test_lost_lease),
        cmocka_unit_test(test_race_for_a_dead_lease),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_malformed_status),
        cmocka_unit_test(test_finished),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
