#include "harness/base/process.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What stands between fork() and the program. */
static void become(const char *const *argument, const ssmq_cores *cores, pid_t parent, int fd)
{
    const int nothing = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(fd, 2) < 0) _exit(127);
    if (getppid() != parent) _exit(127); /* it died before it could be heard */
    if (ssmq_cores_bind(cores) == SSMQ_OK) {
        execv(argument[0], (char *const *)(uintptr_t)argument);
        dprintf(2, "ssmq: error: %s: %s\n", argument[0], strerror(errno));
    } else {
        dprintf(2, "ssmq: error: %s\n", ssmq_error_last()->message);
    }
    _exit(127);
}

ssmq_status ssmq_process_start(const char *const *argument, const ssmq_cores *cores, ssmq_process *out)
{
    const pid_t parent = getpid();
    int         fd[2];
    if (pipe2(fd, O_CLOEXEC) != 0) return SSMQ_FAIL(IO, "no pipe to a process: %s", strerror(errno));
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    const pid_t pid = fork();
    if (pid == 0) become(argument, cores, parent, fd[1]);
    close(fd[1]);
    if (pid > 0) {
        setpgid(pid, pid); /* whichever of the two comes first */
        *out = (ssmq_process){pid, fd[0]};
        return SSMQ_OK;
    }
    close(fd[0]);
    return SSMQ_FAIL(IO, "no process: %s", strerror(errno));
}

int ssmq_process_end(ssmq_process *p)
{
    int status = 0;
    close(p->fd);
    while (waitpid(p->pid, &status, 0) < 0)
        if (errno != EINTR) break;
    *p = (ssmq_process){0, -1};
    return status;
}

static void read_all(int fd, ssmq_str *out)
{
    char block[4096];
    for (ssize_t n; (n = read(fd, block, sizeof block)) != 0;) {
        if (n > 0) ssmq_str_append(out, block, (size_t)n);
        else if (errno != EINTR) return;
    }
}

ssmq_status ssmq_process_output(const char *const *argument, ssmq_str *out, int *status)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) != 0) return SSMQ_FAIL(IO, "no pipe to a process: %s", strerror(errno));
    const pid_t pid = fork();
    if (pid == 0) {
        if (dup2(fd[1], 1) >= 0) execvp(argument[0], (char *const *)(uintptr_t)argument);
        _exit(127);
    }
    close(fd[1]);
    if (pid > 0) {
        read_all(fd[0], out);
        ssmq_process p = {pid, fd[0]};
        const int    end = ssmq_process_end(&p);
        *status = WIFSIGNALED(end) ? 128 + WTERMSIG(end) : WEXITSTATUS(end);
        return SSMQ_OK;
    }
    close(fd[0]);
    return SSMQ_FAIL(IO, "no process: %s", strerror(errno));
}

const char *ssmq_signal_text(int signal)
{
    static _Thread_local char text[64];
    const char               *name = sigabbrev_np(signal), *meaning = sigdescr_np(signal);
    snprintf(text, sizeof text, "SIG%s (%s)", name ? name : "?", meaning ? meaning : "unknown");
    return text;
}
