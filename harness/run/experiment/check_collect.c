/* `collect` against the model: sites, samples, codes, and the size of the dump. */
#include <inttypes.h>
#include "harness/run/experiment/loader.h"
#include "harness/run/statistics/dump.h"

static void check_dump_size(ssmq_loader *ld, const ssmq_model *model, const ssmq_dump_spec *spec)
{
    ssmq_collect_draft *c = &ld->draft.collect;
    const ssmq_yaml    *limit = ssmq_yaml_get(c->dump.given, "limit");
    if (spec->samples < 1 || spec->tokens < 1) return; /* of a calibration with problems */
    c->dump_bytes = ssmq_dump_size(spec, model);
    if (c->dump_bytes <= spec->limit) return;
    char size[2][SSMQ_SIZE_TEXT];
    ssmq_size_approximate(c->dump_bytes, size[0]);
    ssmq_size_approximate(spec->limit, size[1]);
    SSMQ_REPORT(ld, DUMP_LIMIT, limit ? limit : c->dump.given,
                "a higher limit, or fewer sites, samples or tokens, or a smaller dtype",
                "collect.dump takes up to %s (%" PRId64
                " bytes), more than its limit of %s (%" PRId64 " bytes)",
                size[0], c->dump_bytes, size[1], spec->limit);
}

static bool collects_states(const ssmq_collect_spec *spec, const ssmq_model *model)
{
    for (int32_t i = 0; i < model->n_site; i++)
        if (model->site[i].kind == SSMQ_SITE_STATE && ssmq_collects(spec, &model->site[i])) return true;
    return false;
}

void ssmq_loader_check_collect(ssmq_loader *ld, const ssmq_model *model)
{
    ssmq_collect_draft      *c = &ld->draft.collect;
    const ssmq_collect_spec *spec = ssmq_loader_collect_spec(ld);
    if (!spec) return;
    ssmq_loader_check_selectors(ld, model, NULL, spec->sites, ssmq_yaml_get(c->given, "sites"), c->given,
                                "collect");
    if (spec->dump)
        ssmq_loader_check_selectors(ld, model, NULL, spec->dump->sites,
                                    ssmq_yaml_get(c->dump.given, "sites"), c->dump.given,
                                    "collect.dump");
    if (spec->states && !collects_states(spec, model))
        SSMQ_REPORT(ld, COLLECT_STATES, ssmq_yaml_get(c->statistics.given, "states"),
                    "name states in collect.sites, layers.*.scan.state",
                    "collect.statistics.states: there is no state among the sites that statistics are taken at");
    c->needs_samples = ssmq_collect_needs_samples(spec, model);
    const bool calibration = ssmq_yaml_get(ld->root, "calibration") != NULL;
    if (c->needs_samples && !calibration && !ssmq_loader_observes(ld))
        SSMQ_REPORT(ld, NO_CALIBRATION, c->given, NULL,
                    "calibration is missing: collect looks at its samples");
    if (spec->dump) check_dump_size(ld, model, spec->dump);
}

void ssmq_loader_check_codes(ssmq_loader *ld, const ssmq_model *model, const ssmq_plan *plan,
                             const char *run)
{
    const ssmq_dump_draft *d = &ld->draft.collect.dump;
    if (!d->given || d->dtype != SSMQ_DUMP_CODES) return;
    for (int32_t i = 0; i < model->n_site; i++) {
        if (!ssmq_selects(d->sites, &model->site[i])) continue;
        const char *reason = ssmq_dump_no_codes(plan, i);
        if (!reason) continue;
        SSMQ_REPORT(ld, DUMP_CODES, ssmq_yaml_get(d->given, "dtype"), NULL,
                    "collect.dump: %s has no codes of 8 bits in %s: %s", model->site[i].name, run,
                    reason);
        return;
    }
}
