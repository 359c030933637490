/* Manual pages in roff's man macros. */
#include <ctype.h>
#include <string.h>
#include "harness/base/build.h"
#include "harness/cli/parse.h"
#include "harness/cli/program.h"

/* Text that roff takes as it is: no request at the beginning of a line, no escape, hyphens that can be
 * searched for and copied. */
static void put(ssmq_str *out, const char *text)
{
    if (*text == '.' || *text == '\'') ssmq_str_puts(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\') ssmq_str_puts(out, "\\e");
        else if (*text == '-') ssmq_str_puts(out, "\\-");
        else if (*text == '\'') ssmq_str_puts(out, "\\(aq");
        else ssmq_str_append(out, text, 1);
    }
}

#define LINE_WIDTH 72 /* of the source, before what is escaped */

/* Text in lines of its own. */
static void put_line(ssmq_str *out, const char *text)
{
    ssmq_str wrapped = {0};
    ssmq_text_wrap(text, 0, 0, LINE_WIDTH, &wrapped);
    char *at = wrapped.data;
    for (char *end; (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        put(out, at);
        ssmq_str_puts(out, "\n");
    }
    ssmq_str_free(&wrapped);
}

static void put_bold(ssmq_str *out, const char *text)
{
    ssmq_str_puts(out, "\\fB");
    put(out, text);
    ssmq_str_puts(out, "\\fR");
}

static void put_title(ssmq_str *out, const char *name)
{
    ssmq_str_puts(out, ".TH ");
    for (; *name; name++) {
        const char c = (char)toupper((unsigned char)*name);
        ssmq_str_append(out, &c, 1);
    }
    ssmq_str_printf(out, " 1 \"\" \"ssmq %s\" \"ssmq\"\n", ssmq_build_info()->version);
}

/* A name, and under it what it means. */
static void put_words(ssmq_str *out, const ssmq_program_word *word)
{
    for (; word->name; word++) {
        ssmq_str_puts(out, ".TP\n");
        put_bold(out, word->name);
        ssmq_str_puts(out, "\n");
        put_line(out, word->help);
    }
}

static void put_option(ssmq_str *out, const ssmq_option *o)
{
    ssmq_str left = {0}, right = {0};
    ssmq_option_spelling(o, &left);
    ssmq_option_meaning(o, &right);
    ssmq_str_puts(out, ".TP\n");
    put_bold(out, ssmq_str_text(&left));
    ssmq_str_puts(out, "\n");
    put_line(out, ssmq_str_text(&right));
    ssmq_str_free(&left);
    ssmq_str_free(&right);
}

static void put_usage(ssmq_str *out, const ssmq_command *c)
{
    ssmq_str_puts(out, "\\fBssmq ");
    put(out, c->name);
    ssmq_str_puts(out, "\\fR [\\fIOPTION\\fR]...");
    if (c->operands) {
        ssmq_str_puts(out, " \\fI");
        put(out, c->operands);
        ssmq_str_puts(out, "\\fR");
    }
    ssmq_str_puts(out, "\n");
}

static void put_options(ssmq_str *out, const ssmq_command *c)
{
    for (const ssmq_option *o = c->options; o && o->name; o++) put_option(out, o);
}

static void put_description(ssmq_str *out, const ssmq_command *c)
{
    put_line(out, c->help);
    if (!c->details) return;
    ssmq_str_puts(out, ".PP\n");
    put_line(out, c->details);
}

static void put_end(ssmq_str *out)
{
    ssmq_str_puts(out, ".SH EXIT STATUS\n");
    put_words(out, ssmq_program_statuses);
    ssmq_str_puts(out, ".SH ENVIRONMENT\n");
    put_words(out, ssmq_program_environment);
}

static void put_program(ssmq_str *out, const ssmq_command *const *commands)
{
    ssmq_str_puts(out, ".SH NAME\nssmq \\- quantisation experiments with selective state space language "
                       "models\n"
                       ".SH SYNOPSIS\n"
                       "\\fBssmq\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIOPERAND\\fR]...\n"
                       ".br\n\\fBssmq\\fR \\fICOMMAND\\fR \\fB\\-\\-help\\fR\n"
                       ".br\n\\fBssmq \\-\\-version\\fR\n"
                       ".SH DESCRIPTION\n"
                       "Runs experiments that are written as YAML files, and shows what they came to.\n"
                       "Results are on standard output, everything else on standard error.\n"
                       ".PP\n"
                       "Options stand before, between or after the operands, as \\-\\-name value or "
                       "\\-\\-name=value; \\-\\- ends them.\n"
                       "Names may not be abbreviated.\n"
                       ".SH COMMANDS\n");
    for (; *commands; commands++) {
        ssmq_str_puts(out, ".SS ");
        put_usage(out, *commands);
        put_description(out, *commands);
        put_options(out, *commands);
    }
}

static void put_command(ssmq_str *out, const ssmq_command *c)
{
    static const ssmq_option help = {
        .name = "help", .type = SSMQ_OPTION_BOOL, .fallback = "false", .help = "what there is to know"};
    ssmq_str_puts(out, ".SH NAME\n");
    ssmq_str_printf(out, "ssmq\\-%s \\- ", c->name);
    put_line(out, c->help);
    ssmq_str_puts(out, ".SH SYNOPSIS\n");
    put_usage(out, c);
    ssmq_str_puts(out, ".SH DESCRIPTION\n");
    put_description(out, c);
    ssmq_str_puts(out, ".SH OPTIONS\n");
    put_options(out, c);
    put_option(out, &help);
}

void ssmq_program_man(const ssmq_command *const *commands, const ssmq_command *only, ssmq_str *out)
{
    ssmq_str name = {0};
    ssmq_str_printf(&name, "ssmq%s%s", only ? "-" : "", only ? only->name : "");
    put_title(out, ssmq_str_text(&name));
    if (only) put_command(out, only);
    else put_program(out, commands);
    put_end(out);
    ssmq_str_free(&name);
}
