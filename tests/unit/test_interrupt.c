/* Signals that ask to end: the first is noted, SIGINT again ends the process, those that come together are one. */
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/interrupt.h"
#include "tests/support/check.h"

static void wait_s(double s)
{
    struct timespec t = {.tv_sec = (time_t)s, .tv_nsec = (long)(1e9 * (s - (double)(time_t)s))};
    while (nanosleep(&t, &t) != 0) {}
}

/* Raises one signal, waits, raises another; exits with the number of the one that was noted. */
static void child(int first, double pause_s, int second)
{
    ssmq_interrupt_catch();
    if (*ssmq_interrupt_signal() != 0) _exit(100);
    raise(first);
    wait_s(pause_s);
    if (second) raise(second);
    _exit(*ssmq_interrupt_signal());
}

static int ended(int first, double pause_s, int second)
{
    int         status = 0;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) child(first, pause_s, second);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_first_is_noted(void **state)
{
    (void)state;
    assert_int_equal(ended(SIGINT, 0, 0), SIGINT);
    assert_int_equal(ended(SIGTERM, 0, 0), SIGTERM);
    assert_int_equal(ended(SIGUSR1, 0, 0), SIGUSR1);
}

static void test_key_again_ends(void **state)
{
    (void)state;
    assert_int_equal(ended(SIGINT, 0.15, SIGINT), 128 + SIGINT);
    assert_int_equal(ended(SIGUSR1, 0.15, SIGINT), 128 + SIGINT);
}

/* A batch system that tells a process, its group and the script that waits for it. */
static void test_told_again(void **state)
{
    (void)state;
    assert_int_equal(ended(SIGTERM, 0.15, SIGTERM), SIGTERM);
    assert_int_equal(ended(SIGUSR1, 0.15, SIGTERM), SIGUSR1);
    assert_int_equal(ended(SIGINT, 0.15, SIGUSR1), SIGINT);
}

static void test_ignored_stays_ignored(void **state)
{
    (void)state;
    signal(SIGINT, SIG_IGN);
    assert_int_equal(ended(SIGINT, 0, 0), 0);
    assert_int_equal(ended(SIGINT, 0.15, SIGTERM), SIGTERM);
    signal(SIGINT, SIG_DFL);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(ssmq_interrupt_name(SIGTERM), "SIGTERM");
    assert_string_equal(ssmq_interrupt_name(SIGUSR1), "SIGUSR1");
    assert_string_equal(ssmq_interrupt_name(0), "a signal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_is_noted),
        cmocka_unit_test(test_key_again_ends),
        cmocka_unit_test(test_told_again),
        cmocka_unit_test(test_ignored_stays_ignored),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
