/* ssmq explain: what the number at the end of a message about a configuration stands for. */
#include <string.h>
#include "harness/base/problems.h"
#include "harness/base/str.h"
#include "harness/cli/commands.h"
#include "harness/cli/parse.h"

#define PAGE_WIDTH 80

static void put_example(const char *text, ssmq_str *out)
{
    ssmq_str_puts(out, "\nFor example:\n");
    while (*text) {
        const size_t n = strcspn(text, "\n");
        ssmq_str_printf(out, "    %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void put_entry(const ssmq_problem_entry *e, ssmq_str *out)
{
    char number[SSMQ_PROBLEM_NUMBER];
    ssmq_problem_number(e->problem, number);
    ssmq_str_printf(out, "%s: %s\n", number, e->title);
    ssmq_text_wrap(e->text, 0, 0, PAGE_WIDTH, out);
    if (*e->example) put_example(e->example, out);
}

static void put_list(ssmq_str *out)
{
    size_t                    n;
    const ssmq_problem_entry *all = ssmq_problems(&n);
    for (size_t i = 0; i < n; i++) {
        char number[SSMQ_PROBLEM_NUMBER];
        ssmq_problem_number(all[i].problem, number);
        ssmq_str_printf(out, "%s  %s\n", number, all[i].title);
    }
}

static ssmq_status explain_run(const void *options, int n_operand, const char *const *operand,
                               const ssmq_catalogue *cat, FILE *out)
{
    const ssmq_problem_entry *e = n_operand ? ssmq_problem_find(operand[0]) : NULL;
    ssmq_str                  page = {0};
    (void)options;
    (void)cat;
    if (n_operand && !e)
        return SSMQ_FAIL(USAGE, "there is no error '%s'; 'ssmq explain' lists all", operand[0]);
    if (e) put_entry(e, &page);
    else put_list(&page);
    fputs(ssmq_str_text(&page), out);
    ssmq_str_free(&page);
    return SSMQ_OK;
}

const ssmq_command ssmq_command_explain = {
    .name = "explain",
    .operands = "[NUMBER]",
    .help = "what the number of an error of a configuration means, \"E203\"; without one, a list "
            "of all",
    .run = explain_run,
};
