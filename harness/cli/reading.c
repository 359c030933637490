#include "harness/cli/reading.h"
#include <stdio.h>
#include "harness/run/sweep/snapshot.h"

ssmq_status ssmq_command_read(const char *path, const char *const *set, const ssmq_catalogue *cat,
                              ssmq_experiment **out)
{
    int32_t n = 0;
    while (set && set[n]) n++;
    const bool snapshot = ssmq_is_snapshot(path);
    if (snapshot && n > 0) return SSMQ_FAIL(USAGE, "%s: nothing of a snapshot can be set", path);
    ssmq_diag        *diag = ssmq_diag_new();
    ssmq_str          text = {0};
    const ssmq_status st = snapshot ? ssmq_experiment_reread(path, cat, diag, out)
                                    : ssmq_experiment_read(path, set, n, cat, diag, out);
    ssmq_diag_render(diag, &text);
    fputs(ssmq_str_text(&text), stderr);
    ssmq_str_free(&text);
    ssmq_diag_free(diag);
    return st;
}
