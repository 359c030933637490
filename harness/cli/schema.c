/* ssmq schema: the form of an experiment for editors and other programs. */
#include "harness/cli/commands.h"
#include "harness/run/experiment/json_schema.h"

typedef struct schema_options {
    int kind;   /* an ssmq_schema_kind */
    int format;
} schema_options;

static const char *const formats[] = {"json", NULL};

static const ssmq_option schema_table[] = {
    {"kind", offsetof(schema_options, kind), SSMQ_OPTION_CHOICE, "experiment", 0, 0,
     ssmq_schema_kinds, "of file: an experiment, what it includes, or a list of steps"},
    {"format", offsetof(schema_options, format), SSMQ_OPTION_CHOICE, "json", 0, 0, formats,
     "JSON Schema, draft 2020-12"},
    {0},
};

static ssmq_status schema_run(const void *options, int n_operand, const char *const *operand,
                              const ssmq_catalogue *cat, FILE *out)
{
    const schema_options *o = options;
    ssmq_str              text = {0};
    (void)n_operand;
    (void)operand;
    ssmq_json_schema(cat, (ssmq_schema_kind)o->kind, &text);
    fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
    return SSMQ_OK;
}

const ssmq_command ssmq_command_schema = {
    .name = "schema",
    .help = "the form of an experiment as JSON Schema, for editors and other programs",
    .options = schema_table,
    .options_size = sizeof(schema_options),
    .run = schema_run,
};
