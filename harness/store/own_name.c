#include "harness/store/own_name.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/str.h"

#define HOST_MAX 256

static void host_name(char host[HOST_MAX])
{
    if (gethostname(host, HOST_MAX) != 0) strcpy(host, "unknown");
    host[HOST_MAX - 1] = 0;
}

const char *ssmq_own_name(ssmq_arena *arena, const char *path)
{
    char host[HOST_MAX];
    host_name(host);
    const char *own = ssmq_arena_printf(arena, "%s.%s.%ld", path, host, (long)getpid());
    unlink(own); /* of an earlier process with this number */
    unlink(ssmq_arena_printf(arena, "%s.part", own));
    return own;
}

/* The process whose file this is, if one of this host; else 0. */
static long owner_of(const char *name, const char *host)
{
    const char *at = name, *behind = NULL;
    char       *end;
    for (at = strstr(at, host); at; at = strstr(at + 1, host))
        if (at > name && at[-1] == '.' && at[strlen(host)] == '.') behind = at + strlen(host) + 1;
    if (!behind || *behind < '1' || *behind > '9') return 0;
    const long pid = strtol(behind, &end, 10);
    return *end == 0 || strcmp(end, ".part") == 0 ? pid : 0;
}

bool ssmq_own_name_is_here(const char *name)
{
    char host[HOST_MAX];
    host_name(host);
    return owner_of(name, host) != 0;
}

bool ssmq_own_name_lives(const char *name)
{
    char host[HOST_MAX];
    host_name(host);
    const long pid = owner_of(name, host);
    return pid != 0 && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

void ssmq_own_names_sweep(const char *folder)
{
    char host[HOST_MAX];
    DIR *d = opendir(folder);
    if (!d) return;
    host_name(host);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        const long pid = owner_of(e->d_name, host);
        if (pid == 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH) continue;
        unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
}
