#include "harness/base/problems.h"
#include <stdio.h>
#include <stdlib.h>

#define FIRST_WARNING 900

static const ssmq_problem_entry entries[] = {
#define X(name, number, title, text, example) {SSMQ_E_##name, title, text, example},
    SSMQ_PROBLEM_LIST(X)
#undef X
};

const ssmq_problem_entry *ssmq_problems(size_t *n)
{
    *n = sizeof entries / sizeof *entries;
    return entries;
}

bool ssmq_problem_is_warning(ssmq_problem problem)
{
    return (int)problem >= FIRST_WARNING;
}

void ssmq_problem_number(ssmq_problem problem, char text[SSMQ_PROBLEM_NUMBER])
{
    snprintf(text, SSMQ_PROBLEM_NUMBER, "%c%d", ssmq_problem_is_warning(problem) ? 'W' : 'E',
             (int)problem);
}

const ssmq_problem_entry *ssmq_problem_find(const char *number)
{
    char        letter = *number, *end;
    const char *digits =
        number + (letter == 'E' || letter == 'e' || letter == 'W' || letter == 'w');
    if (*digits < '1' || *digits > '9') return NULL;
    const long value = strtol(digits, &end, 10);
    for (size_t i = 0; !*end && i < sizeof entries / sizeof *entries; i++) {
        const bool warning = letter == 'W' || letter == 'w';
        if ((long)entries[i].problem != value) continue;
        if (digits > number && warning != ssmq_problem_is_warning(entries[i].problem)) return NULL;
        return &entries[i];
    }
    return NULL;
}
