#include "harness/run/evaluate/sensitivity_store.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/store/rank.h"

/* ---- sensitivity in run.h5 -------------------------------------------------------------- */

/* The columns of `which` that were measured. */
static int32_t columns(const ssmq_sensitivity_scores *s, const char *name[2])
{
    int32_t n = 0;
    if (s->has_on) name[n++] = "only-this-on";
    if (s->has_off) name[n++] = "only-this-off";
    return n;
}

static double field(const ssmq_sensitivity_figures *f, size_t offset)
{
    double value;
    memcpy(&value, (const char *)f + offset, sizeof value);
    return value;
}

static ssmq_status write_field(ssmq_store *s, const ssmq_sensitivity_scores *of, const char *name,
                               size_t offset, const char *unit, const char *long_name,
                               ssmq_arena *arena)
{
    const int64_t width = of->has_on + of->has_off;
    double       *value = SSMQ_ARENA_ARRAY(arena, double, of->n * width);
    for (int32_t i = 0; i < of->n; i++) {
        if (of->has_on) value[i * width] = field(&of->unit[i].on, offset);
        if (of->has_off) value[(i + 1) * width - 1] = field(&of->unit[i].off, offset);
    }
    const char        *path = ssmq_arena_printf(arena, "/sensitivity/%s", name);
    const ssmq_tensor  t = SSMQ_TENSOR(value, SSMQ_F64, of->n, width);
    const char *const  axis[] = {"/sensitivity/unit", "/sensitivity/which"};
    SSMQ_TRY(ssmq_store_tensor(s, path, &t, axis, unit, long_name));
    return ssmq_store_attribute_real(s, path, "all_on", field(&of->all, offset));
}

ssmq_status ssmq_sensitivity_write(ssmq_store *s, const ssmq_sensitivity *of, ssmq_arena *arena)
{
    const char *which[2];
    if (!of) return SSMQ_OK;
    const ssmq_sensitivity_scores *scores = &of->scores;
    const char **unit = SSMQ_ARENA_ARRAY(arena, const char *, scores->n);
    for (int32_t i = 0; i < scores->n; i++) unit[i] = scores->unit[i].unit;
    SSMQ_TRY(ssmq_store_group(s, "/sensitivity"));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/sensitivity", "evaluation", scores->evaluation));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/sensitivity", "by", scores->by));
    SSMQ_TRY(ssmq_store_attribute_int(s, "/sensitivity", "windows", scores->windows));
    if (scores->n == 0) return SSMQ_OK; /* nothing is quantised */
    SSMQ_TRY(ssmq_store_scale_text(s, "/sensitivity/unit", unit, scores->n,
                                   "what is quantised alone, or left out"));
    SSMQ_TRY(ssmq_store_scale_text(s, "/sensitivity/which", which, columns(scores, which),
                                   "only-this-on: the rest is in floating point; only-this-off: the "
                                   "rest is quantised"));
#define X(name, of_unit, long_name)                                                              \
    SSMQ_TRY(write_field(s, scores, #name, offsetof(ssmq_sensitivity_figures, name), of_unit,    \
                         long_name, arena));
    SSMQ_SENSITIVITY_FIELDS(X)
#undef X
    return SSMQ_OK;
}

/* ---- interactions in run.h5 -------------------------------------------------------------- */

static int32_t step_at(const char **step, int32_t *n, const char *id)
{
    int32_t i = 0;
    while (i < *n && strcmp(step[i], id) != 0) i++;
    step[i] = id;
    if (i == *n) ++*n;
    return i;
}

/* Symmetric, NaN where a pair was not asked for. */
static ssmq_status write_matrix(ssmq_store *s, const ssmq_interaction_scores *of, const char *path,
                                bool se, const char *long_name, ssmq_arena *arena)
{
    const char **step = SSMQ_ARENA_ARRAY(arena, const char *, 2 * of->n + 1);
    int32_t      n = 0;
    for (int32_t i = 0; i < of->n; i++) {
        step_at(step, &n, of->pair[i].a);
        step_at(step, &n, of->pair[i].b);
    }
    double *value = SSMQ_ARENA_ARRAY(arena, double, n * n);
    for (int32_t i = 0; i < n * n; i++) value[i] = (double)NAN;
    for (int32_t i = 0; i < of->n; i++) {
        const int32_t a = step_at(step, &n, of->pair[i].a), b = step_at(step, &n, of->pair[i].b);
        value[a * n + b] = value[b * n + a] = se ? of->pair[i].ln_ppl_se : of->pair[i].ln_ppl;
    }
    const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F64, n, n);
    const char *const axis[] = {"/interaction/step", "/interaction/with"};
    if (!se) {
        SSMQ_TRY(ssmq_store_scale_text(s, axis[0], step, n, "step of the recipe"));
        SSMQ_TRY(ssmq_store_scale_text(s, axis[1], step, n, "the other step"));
    }
    return ssmq_store_tensor(s, path, &t, axis, "nat", long_name);
}

ssmq_status ssmq_interactions_write(ssmq_store *s, const ssmq_interactions *of, ssmq_arena *arena)
{
    if (!of) return SSMQ_OK;
    SSMQ_TRY(ssmq_store_group(s, "/interaction"));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/interaction", "evaluation", of->scores.evaluation));
    SSMQ_TRY(ssmq_store_attribute_int(s, "/interaction", "windows", of->scores.windows));
    SSMQ_TRY(write_matrix(s, &of->scores, "/interaction/ln_ppl", false,
                          "log-perplexity that both steps cost, less what each costs", arena));
    return write_matrix(s, &of->scores, "/interaction/ln_ppl_se", true,
                        "paired standard error of ln_ppl over windows", arena);
}

/* ---- steps for another recipe ------------------------------------------------------------ */

static const ssmq_sensitivity_figures *figures_of(const ssmq_sensitivity_scores *s, int32_t unit)
{
    return s->has_off ? &s->unit[unit].off : &s->unit[unit].on;
}

static bool is_damage(const ssmq_sensitivity_figures *f)
{
    return f->damage > 0 && !(f->damage <= SSMQ_NOISE_SE * f->damage_se);
}

/* The unit with the largest damage of those not taken yet; -1: there is none. */
static int32_t worst(const ssmq_sensitivity_scores *s, const bool *taken)
{
    int32_t at = -1;
    for (int32_t i = 0; i < s->n; i++)
        if (!taken[i] && is_damage(figures_of(s, i)) &&
            (at < 0 || figures_of(s, i)->damage > figures_of(s, at)->damage))
            at = i;
    return at;
}

static void put_heading(const ssmq_sensitivity_scores *s, const char *run_id, ssmq_str *out)
{
    ssmq_str_printf(out,
                    "# Steps for the end of the recipe of run %s, which leave in floating point what costs "
                    "it most.\n# The whole recipe: ppl %.6g, log-perplexity %+.6f against float, on %" PRId64
                    " window%s of %s.\n# ",
                    run_id, s->all.ppl, s->all.ln_ratio, s->windows, s->windows == 1 ? "" : "s",
                    s->evaluation);
    ssmq_str_puts(out, s->has_off
                           ? "Each is worth what is said of it where it alone is added; gains do not add up.\n"
                           : "What each costs alone, with the rest in floating point; its gain in the recipe "
                             "was not measured.\n");
}

static void put_worth(const ssmq_sensitivity_scores *s, int32_t unit, ssmq_str *out)
{
    const ssmq_sensitivity_figures *f = figures_of(s, unit);
    ssmq_str_printf(out, "\n# %s: log-perplexity %+.6f", s->unit[unit].unit,
                    s->has_off ? -f->damage : f->damage);
    if (!isnan(f->damage_se)) ssmq_str_printf(out, " (se %.6f)", f->damage_se);
    ssmq_str_printf(out, s->has_off ? ", to ppl %.6g\n" : ", from float to ppl %.6g\n", f->ppl);
}

void ssmq_sensitivity_fragment(const ssmq_sensitivity *s, const ssmq_plan *plan, const char *run_id,
                               ssmq_str *out)
{
    bool   *taken = calloc((size_t)s->scores.n + 1, sizeof *taken);
    int32_t unit = -1, n = 0;
    put_heading(&s->scores, run_id, out);
    while (taken && n < SSMQ_FRAGMENT_UNITS && (unit = worst(&s->scores, taken)) >= 0) {
        char id[32];
        snprintf(id, sizeof id, "float-%d", ++n);
        put_worth(&s->scores, unit, out);
        ssmq_unit_steps(&s->units.at[unit], plan, id, out);
        taken[unit] = true;
    }
    if (n == 0) ssmq_str_puts(out, "\n[] # no unit costs more than noise\n");
    free(taken);
}
