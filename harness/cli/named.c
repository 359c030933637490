#include "harness/cli/named.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include "harness/base/file.h"
#include <stdio.h>
#include "harness/store/host.h"

ssmq_status ssmq_backend_named(const char *name, const ssmq_catalogue *cat, const ssmq_backend_ops **out)
{
    for (int i = 0; cat->backends[i]; i++) {
        *out = cat->backends[i];
        if (strcmp(cat->backends[i]->name, name) == 0) return SSMQ_OK;
    }
    return SSMQ_FAIL(USAGE, "--backend: there is no backend '%s'", name);
}

int32_t ssmq_threads_of(int option)
{
    ssmq_machine machine;
    if (option > 0) return option;
    ssmq_machine_read(&machine);
    return machine.cores;
}

ssmq_status ssmq_ready_told(const ssmq_ready_request *r, const ssmq_catalogue *cat, ssmq_arena *arena,
                            ssmq_ready *out)
{
    ssmq_diag        *diag = ssmq_diag_new();
    ssmq_str          text = {0};
    const ssmq_status st = ssmq_ready_open(r, cat, diag, arena, out);
    ssmq_diag_render(diag, &text);
    fputs(ssmq_str_text(&text), stderr);
    ssmq_str_free(&text);
    ssmq_diag_free(diag);
    return st;
}

ssmq_status ssmq_empty_directory(const char *path)
{
    SSMQ_TRY(ssmq_make_directory(path));
    DIR *d = opendir(path);
    if (!d) return SSMQ_FAIL(IO, "%s: %s", path, strerror(errno));
    int32_t n = 0;
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n == 0 ? SSMQ_OK : SSMQ_FAIL(USAGE, "--out: %s is not empty", path);
}
