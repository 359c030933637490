/* Files that one process writes until they are whole: only those of dead ones are swept away. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness/store/own_name.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static void touch(const scratch *s, const char *name)
{
    scratch_write(s, name, "x", 1);
}

static bool there(const scratch *s, const char *name)
{
    return access(ssmq_arena_printf(s->a, "%s/%s", s->path, name), F_OK) == 0;
}

/* A process that has ended and was waited for. */
static long dead_process(void)
{
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return (long)pid;
}

static void leftovers_of_the_dead_go(void **state)
{
    scratch    *s = *state;
    const long  dead = dead_process();
    const char *own = ssmq_own_name(s->a, ssmq_arena_printf(s->a, "%s/a.h5", s->path));
    const char *base = strrchr(own, '/') + 1; /* a.h5.HOST.PID */
    const char *mine = strrchr(base, '.');
    const char *stem = ssmq_arena_printf(s->a, "%.*s", (int)(mine - base), base);
    const char *gone = ssmq_arena_printf(s->a, "%s.%ld", stem, dead);
    const char *part = ssmq_arena_printf(s->a, "%s.part", gone);
    const char *stays[] = {base,
                           ssmq_arena_printf(s->a, "%s.part", base),
                           "a.h5",
                           ssmq_arena_printf(s->a, "a.h5.elsewhere.%ld", dead),
                           ssmq_arena_printf(s->a, "%s.%ldx", stem, dead),
                           ssmq_arena_printf(s->a, "%s.%ld.h5", stem, dead),
                           ssmq_arena_printf(s->a, "a.h5.%ld", dead)};
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++) touch(s, stays[i]);
    touch(s, gone);
    touch(s, part);
    ssmq_own_names_sweep(s->path);
    assert_false(there(s, gone));
    assert_false(there(s, part));
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
        if (!there(s, stays[i])) fail_msg("%s was removed", stays[i]);
    ssmq_own_name(s->a, ssmq_arena_printf(s->a, "%s/a.h5", s->path));
    assert_false(there(s, base)); /* of an earlier process with this number */
    ssmq_own_names_sweep(ssmq_arena_printf(s->a, "%s/none", s->path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(leftovers_of_the_dead_go, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
