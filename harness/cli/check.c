/* ssmq check: everything that can be said about an experiment without running it. */
#include "harness/cli/commands.h"
#include "harness/cli/reading.h"

typedef struct check_options {
    const char *const *set;
    bool               model;
} check_options;

static const ssmq_option check_table[] = {
    SSMQ_OPTION_SET(check_options),
    {"model", offsetof(check_options, model), SSMQ_OPTION_BOOL, "true", 0, 0, NULL,
     "look at the model's config, tokenizer and tables of weights; --no-model: check all else, where the model is on another "
     "machine, and say what was not checked"},
    {0},
};

static ssmq_status check_one(const char *path, const check_options *o, const ssmq_catalogue *cat,
                             FILE *out)
{
    ssmq_experiment *e;
    ssmq_str         text = {0};
    SSMQ_TRY((o->model ? ssmq_command_read : ssmq_command_outline)(path, o->set, cat, &e));
    ssmq_experiment_print(e, &text);
    fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
    ssmq_experiment_free(e);
    return SSMQ_OK;
}

/* All files are looked at; the first failure decides the status. */
static ssmq_status check_run(const void *options, int n_operand, const char *const *operand,
                             const ssmq_catalogue *cat, FILE *out)
{
    ssmq_status first = SSMQ_OK;
    int32_t     bad = 0;
    for (int i = 0; i < n_operand; i++) {
        const ssmq_status st = check_one(operand[i], options, cat, out);
        if (st == SSMQ_OK) continue;
        if (first == SSMQ_OK) first = st;
        bad++;
    }
    if (bad == 0 || n_operand == 1) return first;
    return ssmq_fail(first, __FILE__, __LINE__, __func__, "%d of %d files have problems", bad,
                     n_operand);
}

const ssmq_command ssmq_command_check = {
    .name = "check",
    .operands = "FILE...",
    .help = "validate experiments and print what they resolve to; runs nothing",
    .options = check_table,
    .options_size = sizeof(check_options),
    .run = check_run,
};
