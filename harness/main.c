/* The program `ssmq`: joins the registries into the catalogue, finds the subcommand, and turns its
 * status into a message and an exit status.  The one file that sees harness, quant and models. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "analysis/commands.h"
#include "harness/base/assert.h"
#include "harness/cli/commands.h"
#include "harness/cli/parse.h"
#include "harness/cli/version.h"
#include "harness/run/catalogue.h"
#include "models/families.h"
#include "models/random.h"
#include "quant/methods.h"
#include "quant/observers.h"

#define PAGE_WIDTH 80

static const ssmq_catalogue catalogue = {
    .backends = ssmq_backends,
    .families = ssmq_families,
    .methods = ssmq_methods,
    .statistics = ssmq_statistics,
    .across = ssmq_across_list,
    .random_names = ssmq_random_names,
    .random_model = ssmq_random_named,
};

/* ---- standard output ------------------------------------------------------------------- */

/* stdio forgets why a write failed; this stream remembers the reason of the first failure. */
typedef struct output {
    int reason; /* errno; 0: none */
} output;

static ssize_t output_write(void *cookie, const char *bytes, size_t n)
{
    output *o = cookie;
    size_t  done = 0;
    while (done < n && !o->reason) {
        const ssize_t k = write(STDOUT_FILENO, bytes + done, n - done);
        if (k >= 0) done += (size_t)k;
        else if (errno != EINTR) o->reason = errno;
    }
    return done == n ? (ssize_t)n : 0;
}

/* Descriptors 0 to 2 that were closed when the program started: the next file opened would get such
 * a number, and what is meant for the terminal would be written into it. */
static void occupy_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(ssmq_status_exit(SSMQ_ERR_IO));
}

/* Closes the stream.  A reader that has seen enough (a closed pipe) is no failure. */
static ssmq_status output_close(FILE *out, const output *o)
{
    fclose(out);
    if (o->reason == 0 || o->reason == EPIPE) return SSMQ_OK;
    return SSMQ_FAIL(IO, "standard output: %s", strerror(o->reason));
}

/* ---- the subcommands ------------------------------------------------------------------- */

static const ssmq_command *const *const command_lists[] = {ssmq_commands, ssmq_figure_commands};
#define N_LISTS (sizeof command_lists / sizeof *command_lists)

/* The i-th of all lists; NULL behind the last. */
static const ssmq_command *command_at(int i)
{
    for (size_t list = 0; list < N_LISTS; list++)
        for (const ssmq_command *const *c = command_lists[list]; *c; c++)
            if (i-- == 0) return *c;
    return NULL;
}

static const ssmq_command *find_command(const char *name)
{
    const ssmq_command *c;
    for (int i = 0; (c = command_at(i)); i++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

/* ---- the program's own pages ----------------------------------------------------------- */

static void print_command(const ssmq_command *c, int width, FILE *out)
{
    ssmq_str  line = {0};
    const int n = fprintf(out, "  %-*s  ", width, c->name);
    ssmq_text_wrap(c->help, n, n, PAGE_WIDTH, &line);
    fputs(ssmq_str_text(&line), out);
    ssmq_str_free(&line);
}

static int widest_name(void)
{
    const ssmq_command *c;
    int                 widest = 0;
    for (int i = 0; (c = command_at(i)); i++) {
        const int n = (int)strlen(c->name);
        widest = n > widest ? n : widest;
    }
    return widest;
}

static void print_help(FILE *out)
{
    fputs("ssmq: quantisation experiments with selective state space language models\n\n"
          "usage: ssmq COMMAND [OPTION]... [OPERAND]...\n"
          "       ssmq COMMAND --help\n"
          "       ssmq --version\n\n"
          "commands:\n",
          out);
    const int           width = widest_name();
    const ssmq_command *c;
    for (int i = 0; (c = command_at(i)); i++) print_command(c, width, out);
    fputs("\n"
          "environment:\n"
          "  SSMQ_LOG=error|warning|info|debug   what is reported on standard error\n\n"
          "exit status: 0 success, 1 a run failed, 2 usage, 3 configuration, 4 input,\n"
          "5 system, 7 damaged results, 75 stopped but resumable\n",
          out);
}

static ssmq_status unknown_command(const char *name)
{
    const char *names[64];
    int         n = 0;
    for (const ssmq_command *c; (c = command_at(n)); n++) {
        SSMQ_ASSERT(n < 62);
        names[n] = c->name;
    }
    names[n++] = "help";
    names[n] = NULL;
    const char *near = ssmq_str_nearest(name, names);
    if (near) return SSMQ_FAIL(USAGE, "unknown command '%s'; did you mean '%s'?", name, near);
    return SSMQ_FAIL(USAGE, "unknown command '%s'; see 'ssmq --help'", name);
}

static void print_command_help(const ssmq_command *c, FILE *out)
{
    ssmq_str page = {0};
    ssmq_arguments_help(c, PAGE_WIDTH, &page);
    fputs(ssmq_str_text(&page), out);
    ssmq_str_free(&page);
}

static ssmq_status help(int n, const char *const *argument, FILE *out)
{
    if (n == 0) {
        print_help(out);
        return SSMQ_OK;
    }
    const ssmq_command *c = find_command(argument[0]);
    if (!c) return unknown_command(argument[0]);
    print_command_help(c, out);
    return SSMQ_OK;
}

/* ---- dispatch -------------------------------------------------------------------------- */

static ssmq_status run_command(const ssmq_command *c, int n, const char *const *argument, FILE *out)
{
    ssmq_arena    *arena = ssmq_arena_new();
    ssmq_arguments a;
    ssmq_status    st = ssmq_arguments_parse(c, n, argument, arena, &a);
    if (st == SSMQ_OK && a.help) print_command_help(c, out);
    else if (st == SSMQ_OK) st = c->run(a.options, a.n_operand, a.operand, &catalogue, out);
    ssmq_arena_free(arena);
    return st;
}

static ssmq_status dispatch(int n, const char *const *argument, FILE *out)
{
    if (n == 0) return SSMQ_FAIL(USAGE, "no command was given; see 'ssmq --help'");
    const char *name = argument[0];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) return help(0, NULL, out);
    if (strcmp(name, "help") == 0) return help(n - 1, argument + 1, out);
    if (strcmp(name, "--version") == 0) return ssmq_version_print(&catalogue, out);
    if (name[0] == '-')
        return SSMQ_FAIL(
            USAGE, "unknown option '%s'; options stand behind a command, see 'ssmq --help'", name);
    const ssmq_command *c = find_command(name);
    return c ? run_command(c, n - 1, argument + 1, out) : unknown_command(name);
}

/* The message of the last failure; where it arose too, if SSMQ_LOG is "debug". */
static void print_failure(const ssmq_error *e)
{
    const char *level = getenv("SSMQ_LOG");
    fprintf(stderr, "ssmq: error: %s\n", e->message);
    if (!level || strcmp(level, "debug") != 0) return;
    for (int i = 0; i < e->depth; i++)
        fprintf(stderr, "  %s:%d: %s\n", e->trace[i].file, e->trace[i].line, e->trace[i].func);
}

int main(int argc, char **argv)
{
    occupy_standard_descriptors();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is seen where it is written to */

    output o = {0};
    FILE  *out = fopencookie(&o, "w", (cookie_io_functions_t){.write = output_write});
    if (!out) return ssmq_status_exit(SSMQ_ERR_MEMORY);
    ssmq_status st = dispatch(argc - 1, (const char *const *)argv + 1, out);
    if (st != SSMQ_OK) print_failure(ssmq_error_last());
    const ssmq_status closed = output_close(out, &o);
    if (closed != SSMQ_OK) {
        print_failure(ssmq_error_last());
        if (st == SSMQ_OK) st = closed;
    }
    return ssmq_status_exit(st);
}
