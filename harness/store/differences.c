#include "harness/store/differences.h"
#include <string.h>

#define GROUP "/fake_real"

bool ssmq_differences_are_in(const ssmq_sealed *results)
{
    return ssmq_sealed_has(results, GROUP);
}

void ssmq_difference_add(ssmq_difference_counts *a, const ssmq_difference_counts *b)
{
    const uint64_t most = a->max_differ > b->max_differ ? a->max_differ : b->max_differ;
#define X(name, long_name) a->name += b->name;
    SSMQ_DIFFERENCE_COUNTS(X)
#undef X
    a->max_differ = most;
}

static ssmq_status read_column(const ssmq_sealed *results, const char *site, const char *name,
                               int64_t n, ssmq_arena *arena, double **out)
{
    const char *path = ssmq_arena_printf(arena, GROUP "/%s/%s", site, name);
    int64_t     found;
    SSMQ_TRY(ssmq_sealed_vector(results, path, arena, out, &found));
    if (found == n) return SSMQ_OK;
    return SSMQ_FAIL(DAMAGED, "%s: %s has another length than its axis", ssmq_sealed_path(results),
                     path);
}

static ssmq_status read_site(const ssmq_sealed *results, const char *name, ssmq_arena *arena,
                             ssmq_difference_site *out)
{
    double *value;
    SSMQ_TRY(ssmq_sealed_vector(results, ssmq_arena_printf(arena, GROUP "/%s/layer", name), arena,
                                &value, &out->n));
    ssmq_difference_counts *at = SSMQ_ARENA_ARRAY(arena, ssmq_difference_counts, out->n);
    out->name = name;
    out->layer = value;
    out->at = at;
#define X(field, long_name)                                              \
    SSMQ_TRY(read_column(results, name, #field, out->n, arena, &value)); \
    for (int64_t i = 0; i < out->n; i++) at[i].field = (uint64_t)value[i];
    SSMQ_DIFFERENCE_COUNTS(X)
#undef X
    return SSMQ_OK;
}

static ssmq_status read_first(const ssmq_sealed *results, ssmq_arena *arena, ssmq_differences *d)
{
    bool any = false;
    for (int64_t i = 0; i < d->n; i++)
        for (int64_t l = 0; l < d->site[i].n; l++) any |= d->site[i].at[l].n_differ > 0;
    if (!any) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_attribute(results, GROUP, "first_site", arena, &d->first.site));
    SSMQ_TRY(ssmq_sealed_attribute(results, GROUP, "first_cause", arena, &d->first.cause));
    d->first.layer = ssmq_sealed_number(results, GROUP, "first_layer");
    d->first.window = ssmq_sealed_number(results, GROUP, "first_window");
    d->first.token = ssmq_sealed_number(results, GROUP, "first_token");
    d->first.channel = ssmq_sealed_number(results, GROUP, "first_channel");
    d->first.fake = ssmq_sealed_number(results, GROUP, "first_fake");
    d->first.real = ssmq_sealed_number(results, GROUP, "first_real");
    return SSMQ_OK;
}

ssmq_status ssmq_differences_read(const ssmq_sealed *results, ssmq_arena *arena,
                                  ssmq_differences *out)
{
    const char *const *name;
    ssmq_differences   d = {.windows = ssmq_sealed_number(results, GROUP, "windows"),
                            .nll_fake = ssmq_sealed_number(results, GROUP, "nll_fake"),
                            .nll_real = ssmq_sealed_number(results, GROUP, "nll_real"),
                            .ln_ratio = ssmq_sealed_number(results, GROUP, "ln_ratio"),
                            .ln_ratio_se = ssmq_sealed_number(results, GROUP, "ln_ratio_se"),
                            .kl_mean = ssmq_sealed_number(results, GROUP, "kl_mean")};
    SSMQ_TRY(ssmq_sealed_attribute(results, GROUP, "evaluation", arena, &d.evaluation));
    SSMQ_TRY(ssmq_sealed_members(results, GROUP, arena, &name));
    while (name[d.n]) d.n++;
    ssmq_difference_site *site = SSMQ_ARENA_ARRAY(arena, ssmq_difference_site, d.n);
    for (int64_t i = 0; i < d.n; i++) SSMQ_TRY(read_site(results, name[i], arena, &site[i]));
    d.site = site;
    SSMQ_TRY(read_first(results, arena, &d));
    *out = d;
    return SSMQ_OK;
}
