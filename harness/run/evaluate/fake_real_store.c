/* /fake_real of run.h5. */
#include "harness/run/evaluate/fake_real.h"
#include <stddef.h>
#include <string.h>
#include "harness/run/statistics/site_family.h"

static const char *const causes[] = {
#define X(name, text, long_name) text,
    SSMQ_DIFFER_CAUSES(X)
#undef X
};

static bool any_compared(const ssmq_fake_real *f, const ssmq_site_family *site)
{
    for (int32_t i = 0; i < site->n; i++)
        if (site->site[i] >= 0 && f->at[site->site[i]].count.n_values > 0) return true;
    return false;
}

/* A count in all layers; offset: of the count. */
static ssmq_status write_count(ssmq_store *s, const ssmq_fake_real *f, const ssmq_site_family *site,
                               size_t offset, const char *name, const char *long_name,
                               ssmq_arena *arena)
{
    uint64_t *value = SSMQ_ARENA_ARRAY(arena, uint64_t, site->n);
    for (int32_t i = 0; i < site->n; i++)
        if (site->site[i] >= 0)
            memcpy(&value[i], (const char *)&f->at[site->site[i]].count + offset, sizeof *value);
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_U64, site->n);
    return ssmq_store_tensor(s, ssmq_arena_printf(arena, "/fake_real/%s/%s", site->name, name), &t,
                             &site->axis, "", long_name);
}

static ssmq_status write_site(ssmq_store *s, const ssmq_fake_real *f, const ssmq_site_family *site,
                              ssmq_arena *arena)
{
    SSMQ_TRY(ssmq_site_family_write(s, site));
#define X(name, long_name) \
    SSMQ_TRY(              \
        write_count(s, f, site, offsetof(ssmq_difference_counts, name), #name, long_name, arena));
    SSMQ_DIFFERENCE_COUNTS(X)
#undef X
    return SSMQ_OK;
}

/* The first site that differs, and the first of its codes that does. */
static ssmq_status write_first(ssmq_store *s, const ssmq_fake_real *f)
{
    if (f->first < 0) return SSMQ_OK;
    const ssmq_fake_real_site *at = &f->at[f->first];
    const ssmq_site           *site = &f->model->site[f->first];
    SSMQ_TRY(ssmq_store_attribute_text(s, "/fake_real", "first_site", ssmq_site_bare_name(site)));
    SSMQ_TRY(ssmq_store_attribute_int(s, "/fake_real", "first_layer", site->layer));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/fake_real", "first_cause", causes[at->first.cause]));
    SSMQ_TRY(ssmq_store_attribute_int(s, "/fake_real", "first_window", at->first.window));
    SSMQ_TRY(ssmq_store_attribute_int(s, "/fake_real", "first_token", at->first.token));
    SSMQ_TRY(ssmq_store_attribute_int(s, "/fake_real", "first_channel", at->first.channel));
    SSMQ_TRY(ssmq_store_attribute_int(s, "/fake_real", "first_fake", at->first.fake));
    return ssmq_store_attribute_int(s, "/fake_real", "first_real", at->first.real);
}

static ssmq_status write_losses(ssmq_store *s, const ssmq_fake_real *f)
{
    SSMQ_TRY(ssmq_store_attribute_int(s, "/fake_real", "windows", f->windows));
    SSMQ_TRY(ssmq_store_attribute_real(s, "/fake_real", "nll_fake", f->nll_fake));
    SSMQ_TRY(ssmq_store_attribute_real(s, "/fake_real", "nll_real", f->nll_real));
    SSMQ_TRY(ssmq_store_attribute_real(s, "/fake_real", "ln_ratio", f->ln_ratio));
    SSMQ_TRY(ssmq_store_attribute_real(s, "/fake_real", "ln_ratio_se", f->ln_ratio_se));
    return ssmq_store_attribute_real(s, "/fake_real", "kl_mean", f->kl_mean);
}

ssmq_status ssmq_fake_real_write(ssmq_store *s, const ssmq_fake_real *f, const char *evaluation,
                                 ssmq_arena *arena)
{
    SSMQ_TRY(ssmq_store_group(s, "/fake_real"));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/fake_real", "evaluation", evaluation));
    SSMQ_TRY(write_losses(s, f));
    SSMQ_TRY(write_first(s, f));
    for (int32_t i = 0; i < f->model->n_site; i++) {
        if (f->model->site[i].layer > 0) continue; /* came with layer 0 */
        const ssmq_site_family site = ssmq_site_family_of(f->model, i, arena);
        if (any_compared(f, &site)) SSMQ_TRY(write_site(s, f, &site, arena));
    }
    return SSMQ_OK;
}
