/* A results file in which every function of harness/store/store.h had a part, read by the
 * programs that users read it with: check_results.py beside this file. */
#include <stdlib.h>
#include <sys/wait.h>
#include "tests/support/check.h"
#include "tests/support/example_store.h"
#include "tests/support/scratch.h"

static int status_of(const char *command)
{
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
    void *state = NULL;
    if (scratch_setup(&state) != 0) return 1;
    const scratch *s = state;
    const char    *path = scratch_path(s, "run.h5");
    int            status = 1;
    if (example_store_write(path) != SSMQ_OK)
        fprintf(stderr, "%s\n", ssmq_error_last()->message);
    else
        status = status_of(ssmq_arena_printf(
            s->a, "tests/results/check_results.py %s /meta/provenance /empty/group", path));
    /* The checker must be able to fail: on a path that is not there. */
    if (status == 0 &&
        status_of(ssmq_arena_printf(
            s->a, "tests/results/check_results.py %s /not/there >/dev/null 2>&1", path)) != 1)
        status = 1;
    scratch_teardown(&state);
    return status;
}
