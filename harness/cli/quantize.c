/* ssmq quantize: an experiment's recipe carried out, as a checkpoint of codes. */
#include <string.h>
#include "harness/cli/commands.h"
#include "harness/cli/named.h"
#include "harness/cli/progress.h"
#include "harness/cli/reading.h"
#include "harness/run/checkpoint/quantize.h"

typedef struct quantize_options {
    const char        *out, *only;
    const char *const *set;
} quantize_options;

static const ssmq_option quantize_table[] = {
    {"out", offsetof(quantize_options, out), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL,
     "directory to write, which is new or empty"},
    {"only", offsetof(quantize_options, only), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "ID: of the run whose recipe it is, where the experiment has several"},
    SSMQ_OPTION_SET(quantize_options),
    {0},
};

static void begin(void *context, const char *task, const char *unit)
{
    ssmq_progress_begin(context, task, unit);
}

static void update(void *context, int64_t done, double fraction)
{
    ssmq_progress_update(context, done, fraction);
}

static void end(void *context)
{
    ssmq_progress_end(context);
}

static ssmq_status quantize(const quantize_options *o, const ssmq_experiment *e,
                            const ssmq_catalogue *cat, ssmq_arena *arena, FILE *out)
{
    const ssmq_run *run;
    int64_t         bytes = 0, elements = 0;
    SSMQ_TRY(ssmq_quantize_choose(e, o->only, arena, &run));
    SSMQ_TRY(ssmq_empty_directory(o->out));
    const ssmq_progress_style style = ssmq_progress_style_of(stderr);
    ssmq_progress            *progress = ssmq_progress_new(&style);
    const ssmq_listener       listener = {
              .context = progress, .begin = begin, .update = update, .end = end};
    const ssmq_status st = ssmq_quantize(e, run, cat, NULL, &listener, o->out, &bytes, &elements);
    ssmq_progress_free(progress);
    SSMQ_TRY(st);
    fprintf(out, "%s: %s, %.1f MiB, %.1f %% of 16 bits a weight\n", o->out, run->name,
            (double)bytes / 0x1p20, 100 * (double)bytes / (2 * (double)elements));
    return SSMQ_OK;
}

static ssmq_status quantize_run(const void *options, int n_operand, const char *const *operand,
                                const ssmq_catalogue *cat, FILE *out)
{
    const quantize_options *o = options;
    ssmq_experiment        *e = NULL;
    (void)n_operand;
    SSMQ_TRY(ssmq_command_read(operand[0], o->set, cat, &e));
    ssmq_arena       *arena = ssmq_arena_new();
    const ssmq_status st = quantize(o, e, cat, arena, out);
    ssmq_arena_free(arena);
    ssmq_experiment_free(e);
    return st;
}

const ssmq_command ssmq_command_quantize = {
    .name = "quantize",
    .operands = "FILE",
    .help = "write the checkpoint of codes that an experiment's recipe makes",
    .options = quantize_table,
    .options_size = sizeof(quantize_options),
    .run = quantize_run,
};
