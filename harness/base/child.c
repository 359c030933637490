#include "harness/base/child.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_all(int fd, const ssmq_str *text)
{
    const char *data = ssmq_str_text(text);
    for (size_t done = 0; done < text->length;) {
        const ssize_t n = write(fd, data + done, text->length - done);
        if (n > 0) done += (size_t)n;
        else if (errno != EINTR) return;
    }
}

static void read_all(int fd, ssmq_str *out)
{
    char block[4096];
    for (ssize_t n; (n = read(fd, block, sizeof block)) != 0;) {
        if (n > 0) ssmq_str_append(out, block, (size_t)n);
        else if (errno != EINTR) return;
    }
}

/* A crash is what the caller wants to hear about: no core file, no handler of a sanitizer. */
static void be_modest(int cpu_s)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_CPU, &(struct rlimit){(rlim_t)cpu_s, (rlim_t)cpu_s + 1});
}

static void child_main(void (*work)(const void *context, ssmq_str *out), const void *context,
                       int cpu_s, int fd)
{
    ssmq_str text = {0};
    be_modest(cpu_s);
    work(context, &text);
    write_all(fd, &text);
    _exit(0); /* nothing of the caller's is flushed or freed */
}

static ssmq_status collect(pid_t child, int fd, ssmq_str *out, ssmq_child_end *end)
{
    ssmq_str text = {0};
    int      status = 0;
    read_all(fd, &text);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) break;
    *end = (ssmq_child_end){WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    if (!end->signal) ssmq_str_append(out, ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return SSMQ_OK;
}

ssmq_status ssmq_child_call(void (*work)(const void *context, ssmq_str *out), const void *context,
                            int cpu_s, ssmq_str *out, ssmq_child_end *end)
{
    int fd[2];
    if (pipe(fd) != 0) return SSMQ_FAIL(IO, "no pipe to a child process: %s", strerror(errno));
    const pid_t child = fork();
    if (child == 0) {
        close(fd[0]);
        child_main(work, context, cpu_s, fd[1]);
    }
    close(fd[1]);
    const ssmq_status st = child < 0
                               ? SSMQ_FAIL(IO, "no child process: %s", strerror(errno))
                               : collect(child, fd[0], out, end);
    close(fd[0]);
    return st;
}
