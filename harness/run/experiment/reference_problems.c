/* The page of all errors, by their numbers. */
#include <string.h>
#include "harness/base/problems.h"
#include "harness/run/experiment/reference.h"

static const char introduction[] =
    "# Errors of configurations\n"
    "\n"
    "Every message about a configuration ends with a number, as in `unknown key 'sede' in run "
    "[E203]`. A number keeps\n"
    "its meaning for ever. `ssmq explain E203` prints its entry here.\n"
    "\n"
    "The examples are what causes the error when it stands below `include: base.yaml`, where "
    "`base.yaml` is an\n"
    "experiment that is fine, such as [quickstart.yaml](../experiments/quickstart.yaml), or "
    "overrides of one.\n"
    "\n"
    "This page is written from `harness/base/problems.h`; a test compares the two, and causes each "
    "of the errors.\n";

static const struct {
    int         from;
    const char *title;
} chapters[] = {
    {100, "E1: the text of a file"},
    {200, "E2: keys and values"},
    {300, "E3: files, data and --set"},
    {400, "E4: the experiment"},
    {500, "E5: the experiment and its model"},
    {600, "E6: sweeps"},
    {700, "E7: expectations"},
    {900, "W9: warnings"},
};
#define N_CHAPTERS (sizeof chapters / sizeof *chapters)

static void put_problem(const ssmq_problem_entry *e, ssmq_str *out)
{
    char number[SSMQ_PROBLEM_NUMBER];
    ssmq_problem_number(e->problem, number);
    ssmq_str_printf(out, "\n### %s: %s\n\n%s\n", number, e->title, e->text);
    if (!*e->example) return;
    const char *language = strncmp(e->example, "--set", 5) == 0 ? "sh" : "yaml";
    ssmq_str_printf(out, "\n```%s\n%s\n```\n", language, e->example);
}

void ssmq_reference_problems(ssmq_str *out)
{
    size_t                    n, chapter = 0;
    const ssmq_problem_entry *all = ssmq_problems(&n);
    ssmq_str_puts(out, introduction);
    for (size_t i = 0; i < n; i++) {
        for (; chapter < N_CHAPTERS && (int)all[i].problem >= chapters[chapter].from; chapter++)
            if (chapter + 1 == N_CHAPTERS || (int)all[i].problem < chapters[chapter + 1].from)
                ssmq_str_printf(out, "\n## %s\n", chapters[chapter].title);
        put_problem(&all[i], out);
    }
}
