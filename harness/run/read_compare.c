/* The mapping `compare`. */
#include "harness/run/loader.h"

/* One of the metrics; a table of one choice, so that the messages are those of a choice. */
static void read_metric(ssmq_loader *ld, const ssmq_yaml *v)
{
    static const ssmq_option table[] = {
        {"metrics", 0, SSMQ_OPTION_CHOICE, NULL, 0, 0, ssmq_metrics, ""}, {0}};
    ssmq_compare_draft *c = &ld->draft.compare;
    ssmq_yaml          *one = ssmq_yaml_new(ld->arena, SSMQ_YAML_MAP);
    int                 metric;
    ssmq_yaml_put(ld->arena, one, "metrics", (ssmq_yaml *)(uintptr_t)v);
    if (!ssmq_options_read(&ld->options, table, one, "compare", &metric)) return;
    if (c->metrics >> metric & 1)
        SSMQ_REPORT(ld, v, NULL, "the metric '%s' stands twice", ssmq_metrics[metric]);
    c->metrics |= (uint32_t)1 << metric;
}

/* The order in which they stand makes no difference: bits, so that it does not change the run's id.
 */
static void read_metrics(ssmq_loader *ld, const ssmq_yaml *v)
{
    ld->draft.compare.metrics_given = v;
    if (!v) {
        for (int i = 0; ssmq_metrics[i]; i++) ld->draft.compare.metrics |= (uint32_t)1 << i;
    } else if (v->kind != SSMQ_YAML_LIST) {
        read_metric(ld, v);
    } else {
        if (v->n == 0) SSMQ_REPORT(ld, v, NULL, "compare.metrics is an empty list");
        for (int32_t i = 0; i < v->n; i++) read_metric(ld, v->value[i]);
    }
}

/* The mode is read before; where it had problems they have been reported. */
static bool has_quantised(const ssmq_draft *d)
{
    for (int32_t i = 0; i < d->n_mode; i++)
        if (d->mode[i] != SSMQ_MODE_FLOAT) return true;
    return d->n_mode == 0;
}

void ssmq_loader_compare(ssmq_loader *ld, const ssmq_yaml *given)
{
    static const char *const own[] = {"metrics", NULL};
    ssmq_compare_draft      *c = &ld->draft.compare;
    if (!ssmq_options_mapping(&ld->options, given, "compare")) return;
    ssmq_options_known(&ld->options, ssmq_schema_compare, own, given, "compare");
    ssmq_options_read(&ld->options, ssmq_schema_compare, given, "compare", c);
    read_metrics(ld, ssmq_yaml_get(given, "metrics"));
    c->given = given;
    if (!has_quantised(&ld->draft))
        SSMQ_REPORT(ld, given, "add the mode fake, or leave compare out",
                    "compare has nothing to compare with float: mode is only float");
}
