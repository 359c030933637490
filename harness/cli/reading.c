#include "harness/cli/reading.h"
#include <stdio.h>
#include "harness/run/sweep/snapshot.h"

static ssmq_status read_it(const char *path, const char *const *set, bool no_model, const ssmq_catalogue *cat,
                           ssmq_diag *diag, ssmq_experiment **out)
{
    int32_t n = 0;
    while (set && set[n]) n++;
    if (no_model) return ssmq_experiment_outline(path, set, n, cat, diag, out);
    return ssmq_is_snapshot(path) ? ssmq_experiment_reread(path, cat, diag, out)
                                  : ssmq_experiment_read(path, set, n, cat, diag, out);
}

static ssmq_status read_and_tell(const char *path, const char *const *set, bool no_model, const ssmq_catalogue *cat,
                                 ssmq_experiment **out)
{
    ssmq_diag        *diag = ssmq_diag_new();
    ssmq_str          text = {0};
    const ssmq_status st = read_it(path, set, no_model, cat, diag, out);
    ssmq_diag_render(diag, &text);
    fputs(ssmq_str_text(&text), stderr);
    ssmq_str_free(&text);
    ssmq_diag_free(diag);
    return st;
}

ssmq_status ssmq_command_read(const char *path, const char *const *set, const ssmq_catalogue *cat,
                              ssmq_experiment **out)
{
    if (set && set[0] && ssmq_is_snapshot(path))
        return SSMQ_FAIL(USAGE, "%s: nothing of a snapshot can be set", path);
    return read_and_tell(path, set, false, cat, out);
}

ssmq_status ssmq_command_outline(const char *path, const char *const *set, const ssmq_catalogue *cat,
                                 ssmq_experiment **out)
{
    if (ssmq_is_snapshot(path)) return SSMQ_FAIL(USAGE, "%s: a snapshot holds the sums of its model", path);
    return read_and_tell(path, set, true, cat, out);
}
