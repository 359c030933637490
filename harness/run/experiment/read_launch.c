/* The mapping `launch`. */
#include <string.h>
#include "harness/run/experiment/loader.h"

/* What may stand behind "#SBATCH" without a quote. */
static bool is_word(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:=@%+/-";
    return *text && strspn(text, plain) == strlen(text);
}

static void check_text(ssmq_loader *ld, const ssmq_yaml *map, const char *key, const char *text)
{
    if (text && !is_word(text))
        SSMQ_REPORT(ld, LAUNCH_TEXT, ssmq_yaml_get(map, key), NULL,
                    "launch.%s is to be letters, digits and _.,:=@%%+/- only, found '%s'", key, text);
}

static void check_options(ssmq_loader *ld, const ssmq_yaml *map, const char *const *option)
{
    for (; option && *option; option++)
        if (!is_word(*option) || strncmp(*option, "--", 2) != 0)
            SSMQ_REPORT(ld, LAUNCH_TEXT, ssmq_yaml_get(map, "options"), NULL,
                        "an option of sbatch is '--NAME' or '--NAME=VALUE', found '%s'", *option);
}

void ssmq_loader_launch(ssmq_loader *ld, ssmq_experiment *e)
{
    static const char *const own[] = {NULL};
    const ssmq_yaml         *v = ssmq_yaml_get(ld->root, "launch");
    ssmq_launch_spec        *l = &e->launch;
    if (v && !ssmq_options_mapping(&ld->options, v, "launch")) return;
    if (v) ssmq_options_known(&ld->options, ssmq_schema_launch, own, v, "launch");
    if (!ssmq_options_read(&ld->options, ssmq_schema_launch, v, "launch", l) || !v) return;
    check_text(ld, v, "partition", l->partition);
    check_text(ld, v, "account", l->account);
    check_text(ld, v, "qos", l->qos);
    check_text(ld, v, "time", l->time);
    check_options(ld, v, l->options);
}
