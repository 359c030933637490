#include "harness/cli/program.h"
#include <stdlib.h>
#include <string.h>
#include "harness/cli/parse.h"

const ssmq_program_word ssmq_program_environment[] = {
    {"SSMQ_LOG", "error, warning, info or debug: what is reported on standard error (default: warning)"},
    {"SSMQ_RUNS", "directory for results where --out names none (default: runs)"},
    {"SSMQ_CACHE", "directory for what runs share (default: .ssmq-cache in that of the results)"},
    {0},
};

const ssmq_program_word ssmq_program_statuses[] = {
    {"0", "success"},
    {"1", "at least one run failed"},
    {"2", "usage: the command line asks for something wrong"},
    {"3", "configuration: the experiment asks for something wrong, or for what is not offered"},
    {"4", "input: a file is missing, malformed or has another sum"},
    {"5", "system: no space, not writable, out of memory, a device"},
    {"6", "a gate was not met"},
    {"7", "stored results are damaged"},
    {"75", "stopped early, or another process is at some runs; the same command goes on"},
    {"128+n", "ended by signal n"},
    {0},
};

/* Names in one column, what they mean in the next. */
static void put_rows(const ssmq_program_word *word, int32_t width, ssmq_str *out)
{
    int widest = 0;
    for (const ssmq_program_word *w = word; w->name; w++) {
        const int n = (int)strlen(w->name);
        widest = n > widest ? n : widest;
    }
    for (; word->name; word++) {
        ssmq_str_printf(out, "  %-*s  ", widest, word->name);
        ssmq_text_wrap(word->help, widest + 4, widest + 4, width, out);
    }
}

static void put_commands(const ssmq_command *const *commands, int32_t width, ssmq_str *out)
{
    int n = 0;
    while (commands[n]) n++;
    ssmq_program_word *row = ssmq_must_malloc(sizeof *row * (size_t)(n + 1));
    for (int i = 0; i < n; i++) row[i] = (ssmq_program_word){commands[i]->name, commands[i]->help};
    row[n] = (ssmq_program_word){0};
    put_rows(row, width, out);
    free(row);
}

void ssmq_program_help(const ssmq_command *const *commands, int32_t width, ssmq_str *out)
{
    ssmq_str_puts(out, "ssmq: quantisation experiments with selective state space language models\n\n"
                       "usage: ssmq COMMAND [OPTION]... [OPERAND]...\n"
                       "       ssmq COMMAND --help\n"
                       "       ssmq --version\n\n"
                       "commands:\n");
    put_commands(commands, width, out);
    ssmq_str_puts(out, "\nenvironment:\n");
    put_rows(ssmq_program_environment, width, out);
    ssmq_str_puts(out, "\nexit status:\n");
    put_rows(ssmq_program_statuses, width, out);
}
