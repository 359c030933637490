/* The program `ssmq`: joins the registries into the catalogue, finds the subcommand, and turns its
 * status into a message and an exit status.  The one file that sees harness, quant and models. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "analysis/commands.h"
#include "harness/base/assert.h"
#include "harness/cli/commands.h"
#include "harness/cli/parse.h"
#include "harness/cli/program.h"
#include "harness/cli/version.h"
#include "harness/run/experiment/catalogue.h"
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

/* Those that speak about all of them. */
static const ssmq_command command_man, command_completion;

static const ssmq_command *const commands[] = {
#define X(name) &ssmq_command_##name,
    SSMQ_COMMANDS(X) SSMQ_ANALYSIS_COMMANDS(X)
#undef X
    &command_man, &command_completion, NULL,
};
#define N_COMMANDS (sizeof commands / sizeof *commands - 1)

static const ssmq_command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

/* ---- the program's own pages ----------------------------------------------------------- */

static void print(ssmq_str *page, FILE *out)
{
    fputs(ssmq_str_text(page), out);
    ssmq_str_free(page);
}

static void print_help(FILE *out)
{
    ssmq_str page = {0};
    ssmq_program_help(commands, PAGE_WIDTH, &page);
    print(&page, out);
}

static ssmq_status unknown_command(const char *name)
{
    const char *names[N_COMMANDS + 2] = {[N_COMMANDS] = "help"};
    for (size_t i = 0; i < N_COMMANDS; i++) names[i] = commands[i]->name;
    const char *near = ssmq_str_nearest(name, names);
    if (near) return SSMQ_FAIL(USAGE, "unknown command '%s'; did you mean '%s'?", name, near);
    return SSMQ_FAIL(USAGE, "unknown command '%s'; see 'ssmq --help'", name);
}

static void print_command_help(const ssmq_command *c, FILE *out)
{
    ssmq_str page = {0};
    ssmq_arguments_help(c, PAGE_WIDTH, &page);
    print(&page, out);
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

static ssmq_status man_run(const void *options, int n_operand, const char *const *operand,
                           const ssmq_catalogue *cat, FILE *out)
{
    const ssmq_command *only = n_operand ? find_command(operand[0]) : NULL;
    ssmq_str            page = {0};
    (void)options;
    (void)cat;
    if (n_operand && !only) return unknown_command(operand[0]);
    ssmq_program_man(commands, only, &page);
    print(&page, out);
    return SSMQ_OK;
}

static const ssmq_command command_man = {
    .name = "man",
    .operands = "[COMMAND]",
    .help = "the manual page of the program, or of one command, in roff: ssmq man | man -l -",
    .run = man_run,
};

static ssmq_status completion_run(const void *options, int n_operand, const char *const *operand,
                                  const ssmq_catalogue *cat, FILE *out)
{
    ssmq_str script = {0};
    int      shell = 0;
    (void)options;
    (void)n_operand;
    (void)cat;
    while (strcmp(ssmq_shells[shell], operand[0]) != 0) shell++; /* the parser knows them too */
    ssmq_program_completion(commands, shell, &script);
    print(&script, out);
    return SSMQ_OK;
}

static const ssmq_command command_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .help = "a script that completes command lines of ssmq in a shell",
    .run = completion_run,
};

/* ---- dispatch -------------------------------------------------------------------------- */

static ssmq_status run_command(const ssmq_command *c, int n, const char *const *argument, FILE *out)
{
    ssmq_arena    *arena = ssmq_arena_new();
    ssmq_arguments a;
    ssmq_status    st = ssmq_arguments_parse(c, n, argument, arena, &a);
    if (st == SSMQ_OK && a.help) print_command_help(c, out);
    else if (st == SSMQ_OK && c->run) st = c->run(a.options, a.n_operand, a.operand, &catalogue, out);
    else if (st == SSMQ_OK) st = c->run_noting(a.options, a.n_operand, a.operand, &catalogue, out, stderr);
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

/* Large blocks are the system's again once they are freed.  Left alone, glibc keeps all up to the size of the largest that
 * was freed, and float weights that codes took the place of leave holes of that size. */
static void set_up_memory(void)
{
#if defined(__GLIBC__)
    (void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 8 << 20);
#endif
}

int main(int argc, char **argv)
{
    set_up_memory();
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
