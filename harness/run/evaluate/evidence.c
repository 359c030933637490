#include "harness/run/evaluate/evidence.h"
#include <inttypes.h>
#include <string.h>
#include "harness/store/rank.h"

void ssmq_alarms_open(const char *run, const ssmq_log *log, ssmq_alarms *out)
{
    *out = (ssmq_alarms){.arena = ssmq_arena_new(), .log = log, .run = run};
}

void ssmq_alarms_close(ssmq_alarms *a)
{
    ssmq_arena_free(a->arena);
    *a = (ssmq_alarms){0};
}

static void log_alarm(const ssmq_alarms *a, const ssmq_alarm *alarm)
{
    ssmq_log_field field[5] = {SSMQ_LOG_T("run", a->run)};
    int            n = 1;
    if (alarm->evaluation) field[n++] = (ssmq_log_field)SSMQ_LOG_T("evaluation", alarm->evaluation);
    if (alarm->site) field[n++] = (ssmq_log_field)SSMQ_LOG_T("site", alarm->site);
    field[n++] = (ssmq_log_field)SSMQ_LOG_T("message", alarm->message);
    field[n] = (ssmq_log_field){.kind = SSMQ_LOG_KIND_END};
    ssmq_log_write(a->log, SSMQ_LOG_WARNING, alarm->event, field);
}

static void raise_alarm(ssmq_alarms *a, const char *event, const char *evaluation, const char *site,
                        const char *message)
{
    if (a->n == a->capacity) {
        const int32_t wide = a->capacity ? 2 * a->capacity : 8;
        ssmq_alarm   *more = SSMQ_ARENA_ARRAY(a->arena, ssmq_alarm, wide);
        if (a->n > 0) memcpy(more, a->alarm, (size_t)a->n * sizeof *more);
        a->alarm = more;
        a->capacity = wide;
    }
    a->alarm[a->n] = (ssmq_alarm){
        .event = event,
        .evaluation = evaluation ? ssmq_arena_strdup(a->arena, evaluation) : NULL,
        .site = site ? ssmq_arena_strdup(a->arena, site) : NULL,
        .message = message,
    };
    log_alarm(a, &a->alarm[a->n++]);
}

/* ---- what a recipe decided ------------------------------------------------------------- */

/* A range that had to be raised is worth a look: the site is all but silent. */
static void zero_scales(ssmq_alarms *a, const ssmq_plan *plan)
{
    for (int32_t i = 0; i < plan->model->n_site; i++)
        if (plan->at[i].raised)
            raise_alarm(
                a, SSMQ_ALARM_ZERO, NULL, plan->model->site[i].name,
                ssmq_arena_printf(a->arena, "its range was raised to %g", (double)SSMQ_AMAX_MIN));
}

static int64_t shortest(const ssmq_samples *samples)
{
    int64_t length = samples->sample[0].length;
    for (int64_t i = 1; i < samples->n; i++)
        if (samples->sample[i].length < length) length = samples->sample[i].length;
    return length;
}

/* Values that share a scale in a sample of so many tokens. */
static int64_t values_of(const ssmq_site *site, const ssmq_qspec *spec, int64_t tokens)
{
    const int64_t rows = site->kind == SSMQ_SITE_STATE ? site->rows : 1;
    const int64_t all = tokens * rows * site->width;
    return spec->scope == SSMQ_SCOPE_CHANNEL ? all / ssmq_site_channels(site) : all;
}

/* The worst of a step's sites. */
typedef struct fine_step {
    const char *site;
    double      p;
    int64_t     values;
    int32_t     sites;
} fine_step;

static void look_at_site(const ssmq_recipe_result *r, int32_t i, int64_t tokens, fine_step *step)
{
    const ssmq_observation *o = ssmq_recipe_observation(r, i);
    if (!o || !o->observer->statistic->quantile) return;
    const ssmq_site *site = &r->plan->model->site[i];
    const double     p = o->observer->statistic->quantile(o->observer->statistic_options);
    const int64_t    n = values_of(site, &o->spec, tokens);
    /* 100 is the largest value by name, and nobody takes it for anything else. */
    if (p >= 100 || (1 - p / 100) * (double)(n - 1) >= 1) return;
    fine_step *s = &step[r->plan->at[i].step];
    s->sites++;
    if (s->site && s->values <= n) return;
    s->site = site->name;
    s->p = p;
    s->values = n;
}

static void fine_percentiles(ssmq_alarms *a, const ssmq_recipe *recipe, const ssmq_recipe_result *r,
                             const ssmq_samples *samples)
{
    fine_step    *step = SSMQ_ARENA_ARRAY(a->arena, fine_step, recipe->n_step);
    const int64_t tokens = shortest(samples);
    for (int32_t i = 0; i < r->plan->model->n_site; i++)
        if (r->plan->at[i].step >= 0) look_at_site(r, i, tokens, step);
    for (int32_t i = 0; i < recipe->n_step; i++) {
        if (!step[i].site) continue;
        const char *message = ssmq_arena_printf(
            a->arena,
            "step '%s': percentile %g of the %" PRId64 " values of the shortest sample (%" PRId64
            " tokens) lies between its two largest; so at %d site%s",
            recipe->step[i].id, step[i].p, step[i].values, tokens, step[i].sites,
            step[i].sites == 1 ? "" : "s");
        raise_alarm(a, SSMQ_ALARM_PERCENTILE, NULL, step[i].site, message);
    }
}

void ssmq_alarms_of_recipe(ssmq_alarms *a, const ssmq_recipe *recipe, const ssmq_recipe_result *r,
                           const ssmq_samples *samples)
{
    zero_scales(a, r->plan);
    if (samples && samples->n > 0) fine_percentiles(a, recipe, r, samples);
}

/* ---- the same text twice --------------------------------------------------------------- */

int64_t ssmq_overlap_documents(const ssmq_samples *samples, const int64_t *document, int64_t n)
{
    int64_t common = 0, at = 0;
    for (int64_t i = 0; i < samples->n; i++) { /* samples stand in the order of the file */
        while (at < n && document[at] < samples->sample[i].document) at++;
        common += at < n && document[at] == samples->sample[i].document;
    }
    return common;
}

int64_t ssmq_overlap_pieces(const ssmq_samples *samples, int64_t length, int64_t tokens)
{
    int64_t common = 0;
    for (int64_t i = 0; i < samples->n; i++)
        common += (double)samples->sample[i].document * (double)length < (double)tokens;
    return common;
}

static const char *sum_of(const ssmq_input_file *file, int32_t n, const char *role)
{
    for (int32_t i = 0; i < n; i++)
        if (strcmp(file[i].role, role) == 0) return file[i].sha256;
    return "";
}

static void one_overlap(ssmq_alarms *a, const ssmq_samples *samples, const ssmq_calibration_spec *c,
                        const ssmq_evaluation *e, const ssmq_ppl *p)
{
    const char *message;
    if (e->data.format != c->data.format) {
        message =
            ssmq_arena_printf(a->arena, "both read the same file, as %s and as %s",
                              ssmq_data_formats[c->data.format], ssmq_data_formats[e->data.format]);
    } else {
        const bool    documents = c->data.format == SSMQ_DATA_JSONL;
        const int64_t n = documents
                              ? ssmq_overlap_documents(samples, p->document, p->n_document)
                              : ssmq_overlap_pieces(samples, c->length, p->text_tokens);
        if (n == 0) return;
        message = ssmq_arena_printf(
            a->arena, "%" PRId64 " of %" PRId64 " calibration samples are of %s that it evaluates",
            n, samples->n, documents ? "documents" : "text");
    }
    raise_alarm(a, SSMQ_ALARM_OVERLAP, e->id, NULL, message);
}

void ssmq_alarms_of_overlap(ssmq_alarms *a, ssmq_session *s, const ssmq_run *run,
                            const ssmq_ppl *ppl)
{
    const ssmq_input_file *file;
    if (!run->recipe || !run->recipe->observes) return; /* samples may be read only to be looked at */
    const int32_t n = ssmq_session_files(s, run, &file);
    const char   *calibrated = sum_of(file, n, "calibration");
    for (int32_t i = 0; i < run->n_evaluation; i++) {
        const ssmq_evaluation *e = &run->evaluation[i];
        const char            *role = ssmq_arena_printf(a->arena, "evaluation/%s", e->id);
        if (strcmp(sum_of(file, n, role), calibrated) == 0)
            one_overlap(a, &s->samples, run->calibration, e, &ppl[i]);
    }
}

/* ---- clipped values -------------------------------------------------------------------- */

void ssmq_alarms_of_clipping(ssmq_alarms *a, const ssmq_site_errors *e, const ssmq_compare_spec *spec)
{
    for (int32_t i = 0; i < e->model->n_site && spec->metrics >> SSMQ_METRIC_CLIP_RATE & 1; i++) {
        const ssmq_error_sums *s = &e->at[SSMQ_INPUT_PROPAGATED][i];
        if (s->n_values == 0) s = &e->at[SSMQ_INPUT_CLEAN][i];
        const double rate = 100 * (double)s->n_clipped / (double)s->n_values;
        if (s->n_values == 0 || !(rate > spec->clip_limit)) continue;
        raise_alarm(a, SSMQ_ALARM_CLIPPING, NULL, e->model->site[i].name,
                    ssmq_arena_printf(a->arena,
                                      "%.3g %% of %" PRId64 " values lie outside the range of codes; "
                                      "the limit is %g %%",
                                      rate, s->n_values, spec->clip_limit));
    }
}

/* ---- better than float ----------------------------------------------------------------- */

/* Without an se (a single window) nothing can be said. */
void ssmq_alarms_of_difference(ssmq_alarms *a, const char *evaluation, double ln_ratio, double se)
{
    if (!(ln_ratio < 0 && -ln_ratio > SSMQ_NOISE_SE * se)) return;
    raise_alarm(a, SSMQ_ALARM_BETTER, evaluation, NULL,
                ssmq_arena_printf(a->arena,
                                  "log-perplexity is %.5f below that of float, with a paired "
                                  "standard error of %.5f",
                                  -ln_ratio, se));
}

static bool read_losses(ssmq_alarms *a, const char *results, const char *evaluation, ssmq_losses *out)
{
    if (ssmq_losses_read(results, evaluation, a->arena, out) == SSMQ_OK) return true;
    SSMQ_LOG_LINE(a->log, WARNING, "results were not read", SSMQ_LOG_T("run", a->run),
                  SSMQ_LOG_T("reason", ssmq_error_last()->message));
    ssmq_error_clear();
    return false;
}

static void against_results(ssmq_alarms *a, const char *evaluation, const ssmq_losses *mine, const char *float_results)
{
    ssmq_losses its = {0};
    double      mean, se;
    if (read_losses(a, float_results, evaluation, &its) && ssmq_losses_pair(mine, &its, a->arena, &mean, &se))
        ssmq_alarms_of_difference(a, evaluation, mean, se);
}

void ssmq_alarms_of_results(ssmq_alarms *a, const char *evaluation, const char *results, const char *float_results)
{
    ssmq_losses mine = {0};
    if (read_losses(a, results, evaluation, &mine)) against_results(a, evaluation, &mine, float_results);
}

void ssmq_alarms_of_baseline(ssmq_alarms *a, const ssmq_run *run, const ssmq_ppl *ppl,
                             const char *float_results)
{
    for (int32_t i = 0; i < run->n_evaluation; i++) {
        const ssmq_comparison *c = ppl[i].comparison;
        const char            *id = run->evaluation[i].id;
        if (c) ssmq_alarms_of_difference(a, id, c->all.ln_ratio, c->all.ln_ratio_se);
        else if (float_results)
            against_results(a, id, &(ssmq_losses){ppl[i].window_nll, ppl[i].all.windows, ppl[i].token_digest, ppl[i].by},
                            float_results);
    }
}
