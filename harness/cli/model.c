/* ssmq model random: a checkpoint of a known shape with random weights, to time and to try things on. */
#include <string.h>
#include "harness/base/str.h"
#include "harness/cli/commands.h"
#include "harness/cli/named.h"
#include "harness/run/experiment/catalogue.h"

typedef struct model_options {
    const char *shape, *out;
    int         seed, dtype;
} model_options;

static const char *const dtype_names[] = {"f32", "f16", "bf16", NULL};
static const ssmq_dtype  dtypes[] = {SSMQ_F32, SSMQ_F16, SSMQ_BF16};

static const ssmq_option model_table[] = {
    {"shape", offsetof(model_options, shape), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL,
     "mamba-130m or another released size"},
    {"out", offsetof(model_options, out), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL,
     "directory to write, which is new or empty"},
    {"seed", offsetof(model_options, seed), SSMQ_OPTION_INT, "1", 0, 2147483647, NULL, "of the weights"},
    {"dtype", offsetof(model_options, dtype), SSMQ_OPTION_CHOICE, "f32", 0, 0, dtype_names,
     "in which weights are stored; A_log and D in f32 in any case"},
    {0},
};

static ssmq_status known_shape(const char *name, const ssmq_catalogue *cat)
{
    ssmq_str all = {0};
    for (int i = 0; cat->random_names[i]; i++) {
        if (strcmp(cat->random_names[i], name) == 0) {
            ssmq_str_free(&all);
            return SSMQ_OK;
        }
        ssmq_str_printf(&all, "%s%s", i ? ", " : "", cat->random_names[i]);
    }
    const ssmq_status st =
        SSMQ_FAIL(USAGE, "--shape: there is no '%s', only %s", name, ssmq_str_text(&all));
    ssmq_str_free(&all);
    return st;
}

static ssmq_status model_run(const void *options, int n_operand, const char *const *operand,
                             const ssmq_catalogue *cat, FILE *out)
{
    const model_options *o = options;
    (void)n_operand, (void)operand; /* "random" */
    SSMQ_TRY(known_shape(o->shape, cat));
    SSMQ_TRY(ssmq_empty_directory(o->out));
    SSMQ_TRY(cat->random_model(o->out, o->shape, dtypes[o->dtype], (uint64_t)o->seed));
    fprintf(out, "%s\n", o->out);
    return SSMQ_OK;
}

const ssmq_command ssmq_command_model = {
    .name = "model",
    .operands = "random",
    .help = "write a checkpoint of a known shape with random weights",
    .options = model_table,
    .options_size = sizeof(model_options),
    .run = model_run,
};
