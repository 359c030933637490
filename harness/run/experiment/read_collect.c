/* The mapping `collect`. */
#include <stdlib.h>
#include <string.h>
#include "harness/run/experiment/loader.h"

/* ---- quantiles ------------------------------------------------------------------------- */

static const double default_quantile[] = {99, 99.9, 99.99, 99.999, 100};
#define N_DEFAULT_QUANTILE ((int32_t)(sizeof default_quantile / sizeof *default_quantile))
#define QUANTILES_MAX 100

/* A table of one number, so that the messages are those of a number. */
static void read_quantile(ssmq_loader *ld, const ssmq_yaml *v)
{
    static const ssmq_option table[] = {
        {"quantiles", 0, SSMQ_OPTION_REAL, NULL, 0, 100, NULL, ""}, {0}};
    ssmq_statistics_draft *s = &ld->draft.collect.statistics;
    ssmq_yaml             *one = ssmq_yaml_new(ld->arena, SSMQ_YAML_MAP);
    double                 p;
    ssmq_yaml_put(ld->arena, one, "quantiles", (ssmq_yaml *)(uintptr_t)v);
    if (!ssmq_options_read(&ld->options, table, one, "collect.statistics", &p)) return;
    int32_t at = s->n_quantile;
    for (int32_t i = 0; i < s->n_quantile; i++) {
        if (s->quantile[i] != p) continue;
        SSMQ_REPORT(ld, TWICE, v, NULL, "the quantile %s stands twice", v->text);
        return;
    }
    for (; at > 0 && s->quantile[at - 1] > p; at--) s->quantile[at] = s->quantile[at - 1];
    s->quantile[at] = p;
    s->n_quantile++;
}

/* Kept ascending: the order in which they stand makes no difference. */
static void read_quantiles(ssmq_loader *ld, const ssmq_yaml *v)
{
    ssmq_statistics_draft *s = &ld->draft.collect.statistics;
    const bool             list = v && v->kind == SSMQ_YAML_LIST;
    const int32_t          n = list ? v->n : 1;
    s->quantiles_given = v;
    if (v && v->kind == SSMQ_YAML_SCALAR && strcmp(v->text, "off") == 0) return;
    if (n > QUANTILES_MAX) {
        SSMQ_REPORT(ld, TOO_MANY, v, NULL,
                    "collect.statistics.quantiles has %d entries; at most %d are allowed", n,
                    QUANTILES_MAX);
        return;
    }
    s->quantile = SSMQ_ARENA_ARRAY(ld->arena, double, n > N_DEFAULT_QUANTILE ? n : N_DEFAULT_QUANTILE);
    if (!v) {
        memcpy(s->quantile, default_quantile, sizeof default_quantile);
        s->n_quantile = N_DEFAULT_QUANTILE;
    } else if (!list) {
        read_quantile(ld, v);
    } else {
        if (v->n == 0)
            SSMQ_REPORT(ld, EMPTY_LIST, v, "write 'quantiles: off'",
                        "collect.statistics.quantiles is an empty list");
        for (int32_t i = 0; i < v->n; i++) read_quantile(ld, v->value[i]);
    }
}

/* ---- the parts ------------------------------------------------------------------------- */

static void read_statistics(ssmq_loader *ld, const ssmq_yaml *v)
{
    static const char *const own[] = {"quantiles", NULL};
    static const char        path[] = "collect.statistics";
    ssmq_statistics_draft   *s = &ld->draft.collect.statistics;
    s->given = v;
    if (v && v->kind == SSMQ_YAML_SCALAR && strcmp(v->text, "off") == 0) {
        if (v->place.source) v->place.source->used = true;
        return;
    }
    s->on = true;
    if (v && !ssmq_options_mapping(&ld->options, v, path)) return;
    if (v) ssmq_options_known(&ld->options, ssmq_schema_statistics, own, v, path);
    ssmq_options_read(&ld->options, ssmq_schema_statistics, v, path, s);
    read_quantiles(ld, ssmq_yaml_get(v, "quantiles"));
}

static void read_dump(ssmq_loader *ld, const ssmq_yaml *v)
{
    ssmq_dump_draft *d = &ld->draft.collect.dump;
    if (!v || !ssmq_options_mapping(&ld->options, v, "collect.dump")) return;
    ssmq_options_known(&ld->options, ssmq_schema_dump, NULL, v, "collect.dump");
    if (ssmq_options_read(&ld->options, ssmq_schema_dump, v, "collect.dump", d)) d->given = v;
}

void ssmq_loader_collect(ssmq_loader *ld, const ssmq_yaml *given)
{
    static const char *const own[] = {"statistics", "dump", NULL};
    ssmq_collect_draft      *c = &ld->draft.collect;
    if (!ssmq_options_mapping(&ld->options, given, "collect")) return;
    const ssmq_yaml *dump = ssmq_yaml_get(given, "dump");
    ssmq_options_known(&ld->options, ssmq_schema_collect, own, given, "collect");
    ssmq_options_read(&ld->options, ssmq_schema_collect, given, "collect", c);
    read_statistics(ld, ssmq_yaml_get(given, "statistics"));
    read_dump(ld, dump);
    if (!c->statistics.on && !dump)
        SSMQ_REPORT(ld, COLLECT_NOTHING, given, "leave collect out, or give it a dump",
                    "collect has nothing to do: statistics are off and there is no dump");
    if (!c->statistics.on && c->sites)
        ssmq_diag_warn(ld->diag, SSMQ_E_COLLECT_SITES, ssmq_yaml_get(given, "sites")->place, NULL,
                       "collect.sites has no effect with statistics: off");
    c->given = given;
}

/* ---- to what a run is asked for -------------------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

const ssmq_collect_spec *ssmq_loader_collect_spec(ssmq_loader *ld)
{
    const ssmq_collect_draft     *c = &ld->draft.collect;
    const ssmq_statistics_draft  *s = &c->statistics;
    const ssmq_calibration_draft *k = &ld->draft.calibration;
    if (!c->given) return NULL;
    ssmq_collect_spec *spec = ssmq_arena_alloc(ld->arena, sizeof *spec);
    *spec = (ssmq_collect_spec){
        .statistics = s->on,
        .sites = c->sites,
        .quantile = s->quantile,
        .n_quantile = s->n_quantile,
        .moments = s->moments,
        .channels = s->channels,
        .states = s->states,
        .top_channels = s->top_channels,
        .histogram = s->on && s->histogram == SSMQ_HISTOGRAM_FLOATBITS16,
    };
    if (!c->dump.given) return spec;
    ssmq_dump_spec *dump = ssmq_arena_alloc(ld->arena, sizeof *dump);
    *dump = (ssmq_dump_spec){
        .sites = c->dump.sites,
        .samples = k->given ? smaller(c->dump.samples, k->count) : c->dump.samples,
        .tokens = k->given ? smaller(c->dump.tokens, k->length) : c->dump.tokens,
        .dtype = (ssmq_dump_dtype)c->dump.dtype,
        .limit = c->dump.limit,
    };
    spec->dump = dump;
    return spec;
}
