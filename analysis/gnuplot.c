#include "analysis/gnuplot.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Files without a name for what goes in and what comes out: no pipe that one side may block on. */
typedef struct gnuplot_files {
    FILE *file[3]; /* standard input, output, error of gnuplot */
} gnuplot_files;

static ssmq_status open_files(gnuplot_files *f, const char *script, size_t n)
{
    *f = (gnuplot_files){{NULL}};
    for (int i = 0; i < 3; i++)
        if (!(f->file[i] = tmpfile())) return SSMQ_FAIL(IO, "no temporary file: %s", strerror(errno));
    if (fwrite(script, 1, n, f->file[0]) != n || fflush(f->file[0]) != 0)
        return SSMQ_FAIL(IO, "no room for a temporary file: %s", strerror(errno));
    rewind(f->file[0]);
    return SSMQ_OK;
}

static void close_files(gnuplot_files *f)
{
    for (int i = 0; i < 3; i++)
        if (f->file[i]) fclose(f->file[i]);
}

static void read_all(FILE *file, ssmq_str *out)
{
    char   part[4096];
    size_t n;
    rewind(file);
    while ((n = fread(part, 1, sizeof part, file)) > 0) ssmq_str_append(out, part, n);
}

static ssmq_status not_started(int reason)
{
    if (reason != ENOENT) return SSMQ_FAIL(IO, "gnuplot: %s", strerror(reason));
    return SSMQ_FAIL(IO, "gnuplot is not installed (Debian: gnuplot-nox); 'ssmq export KIND RUN... "
                         "--format gnuplot' writes script and data without it");
}

/* Starts gnuplot on the files and waits for it; *status as of waitpid(). */
static ssmq_status run_on(const gnuplot_files *f, int *status)
{
    /* -d: no start-up files of the user or the host, so that equal scripts give equal pictures. */
    static const char *const   argument[] = {"gnuplot", "-d", NULL};
    posix_spawn_file_actions_t actions;
    pid_t                      child;
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++) posix_spawn_file_actions_adddup2(&actions, fileno(f->file[i]), i);
    const int reason = posix_spawnp(&child, "gnuplot", &actions, NULL, (char *const *)argument, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (reason != 0) return not_started(reason);
    while (waitpid(child, status, 0) < 0)
        if (errno != EINTR) return SSMQ_FAIL(IO, "gnuplot: %s", strerror(errno));
    return SSMQ_OK;
}

/* Blank lines and carets that point into the script left out. */
static ssmq_status failed(const ssmq_str *complaint, const char *what)
{
    const char *text = ssmq_str_text(complaint);
    while (*text == ' ' || *text == '\n' || *text == '^') text++;
    return SSMQ_FAIL(IO, "gnuplot %s%s%.400s", what, *text ? ": " : "", text);
}

ssmq_status ssmq_gnuplot_run(const char *script, size_t n, ssmq_str *out)
{
    gnuplot_files f;
    ssmq_str      complaint = {0};
    int           status = 0;
    const size_t  before = out->length;
    ssmq_status   st = open_files(&f, script, n);
    if (st == SSMQ_OK) st = run_on(&f, &status);
    if (st == SSMQ_OK) {
        read_all(f.file[2], &complaint);
        read_all(f.file[1], out);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) st = failed(&complaint, "failed");
        else if (strstr(ssmq_str_text(&complaint), "warning:")) st = failed(&complaint, "warns");
        else if (out->length == before) st = failed(&complaint, "drew nothing");
    }
    ssmq_str_free(&complaint);
    close_files(&f);
    return st;
}
