#include "harness/run/evaluate/compare_store.h"

/* What each metric is stored as; the first has no metric: it is there whenever something is
 * compared. */
static const struct {
    int32_t     metric;
    const char *window, *token, *unit, *of_window, *of_token;
} stored[] = {
    {-1, "window_nll_float", NULL, "nat", "mean loss of the float model in the window", NULL},
    {SSMQ_METRIC_KL, "window_kl", "token_kl", "nat",
     "mean divergence of the window from float, sum p ln(p / q) with p of float",
     "divergence from float, sum p ln(p / q) with p of float"},
    {SSMQ_METRIC_DELTA_P, "window_delta_p", "token_delta_p", "",
     "mean change of the target's probability against float in the window",
     "change of the target's probability against float"},
    {SSMQ_METRIC_TOP1, "window_top1", "token_top1", "",
     "share of the window's tokens whose most likely token is that of float",
     "is the most likely token that of float?"},
};
#define STORED (int32_t)(sizeof stored / sizeof *stored)

static double *window_values(const ssmq_comparison *c, int32_t metric)
{
    switch (metric) {
    case SSMQ_METRIC_KL: return c->window_kl;
    case SSMQ_METRIC_DELTA_P: return c->window_delta_p;
    case SSMQ_METRIC_TOP1: return c->window_top1;
    default: return c->window_nll_float;
    }
}

static ssmq_tensor token_values(const ssmq_comparison *c, int32_t metric)
{
    const int64_t n = c->first[c->windows];
    if (metric == SSMQ_METRIC_TOP1) return SSMQ_TENSOR(c->token_top1, SSMQ_U8, n);
    float *values = metric == SSMQ_METRIC_KL ? c->token_kl : c->token_delta_p;
    return SSMQ_TENSOR(values, SSMQ_F32, n);
}

static bool asked_for(const ssmq_compare_spec *spec, int32_t metric)
{
    return metric < 0 || spec->metrics >> metric & 1;
}

static ssmq_status write_tokens(ssmq_store *s, const char *group, const ssmq_comparison *c,
                                const ssmq_compare_spec *spec, ssmq_arena *arena)
{
    const int64_t     n = c->first[c->windows];
    const char *const axis = ssmq_arena_printf(arena, "%s/token", group);
    int64_t          *index = SSMQ_ARENA_ARRAY(arena, int64_t, n);
    for (int64_t i = 0; i < n; i++) index[i] = i;
    const ssmq_tensor scale = SSMQ_TENSOR(index, SSMQ_I64, n);
    SSMQ_TRY(ssmq_store_scale(s, axis, &scale, "",
                              "predicted token, from 0, window after window; the first token of a "
                              "window is not predicted"));
    for (int32_t i = 0; i < STORED; i++) {
        if (!stored[i].token || !asked_for(spec, stored[i].metric)) continue;
        const char       *path = ssmq_arena_printf(arena, "%s/%s", group, stored[i].token);
        const ssmq_tensor t = token_values(c, stored[i].metric);
        SSMQ_TRY(ssmq_store_tensor(s, path, &t, &axis, stored[i].unit, stored[i].of_token));
        if (t.dtype == SSMQ_U8)
            SSMQ_TRY(ssmq_store_attribute_text(s, path, "flag_meanings", "no yes"));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_comparison_write(ssmq_store *s, const char *group, const ssmq_comparison *c,
                                  const ssmq_compare_spec *spec, ssmq_arena *arena)
{
    const char *const axis = ssmq_arena_printf(arena, "%s/window", group);
    for (int32_t i = 0; i < STORED; i++) {
        if (!asked_for(spec, stored[i].metric)) continue;
        const char       *path = ssmq_arena_printf(arena, "%s/%s", group, stored[i].window);
        const ssmq_tensor t = SSMQ_TENSOR(window_values(c, stored[i].metric), SSMQ_F64, c->windows);
        SSMQ_TRY(ssmq_store_tensor(s, path, &t, &axis, stored[i].unit, stored[i].of_window));
    }
    return spec->tokens ? write_tokens(s, group, c, spec, arena) : SSMQ_OK;
}
