#include "harness/run/result_calibration.h"
#include <string.h>

/* The weights of a step's samples; NULL if it has none, or if they differ from site to site. */
static const float *weights_of(const ssmq_result *r, int32_t step, const char **across)
{
    const float *found = NULL;
    for (int32_t i = 0; i < r->model->n_site; i++) {
        if (r->recipe->plan->at[i].step != step) continue;
        const ssmq_observation *o = ssmq_recipe_observation(r->recipe, i);
        if (!o || !o->weight) continue;
        if (found && memcmp(found, o->weight, (size_t)r->samples->n * sizeof *found) != 0) return NULL;
        found = o->weight;
        *across = o->observer->across->name;
    }
    return found;
}

/* One row for each step that has weights. */
typedef struct rows {
    int64_t      n;
    const char **step, **across;
    int64_t     *sample, *document;
    double      *weight;
} rows;

static void add_row(const ssmq_result *r, int32_t step, rows *out)
{
    const char  *across = NULL;
    const float *weight = weights_of(r, step, &across);
    int64_t      most = 0;
    if (!weight) return;
    for (int64_t i = 1; i < r->samples->n; i++)
        if (weight[i] > weight[most]) most = i;
    out->step[out->n] = r->run->recipe->step[step].id;
    out->across[out->n] = across;
    out->sample[out->n] = most;
    out->document[out->n] = r->samples->sample[most].document;
    out->weight[out->n++] = (double)weight[most];
}

ssmq_status ssmq_result_write_calibration(ssmq_store *s, const ssmq_result *r, ssmq_arena *arena)
{
    const int32_t n = r->samples && r->recipe ? r->run->recipe->n_step : 0;
    rows          all = {.step = SSMQ_ARENA_ARRAY(arena, const char *, n + 1),
                         .across = SSMQ_ARENA_ARRAY(arena, const char *, n + 1),
                         .sample = SSMQ_ARENA_ARRAY(arena, int64_t, n + 1),
                         .document = SSMQ_ARENA_ARRAY(arena, int64_t, n + 1),
                         .weight = SSMQ_ARENA_ARRAY(arena, double, n + 1)};
    for (int32_t i = 0; i < n; i++) add_row(r, i, &all);
    if (all.n == 0) return SSMQ_OK;
    const char *const axis[] = {"/calibration/step"};
    const ssmq_tensor sample = SSMQ_TENSOR(all.sample, SSMQ_I64, all.n);
    const ssmq_tensor document = SSMQ_TENSOR(all.document, SSMQ_I64, all.n);
    const ssmq_tensor weight = SSMQ_TENSOR(all.weight, SSMQ_F64, all.n);
    SSMQ_TRY(ssmq_store_scale_text(s, axis[0], all.step, all.n, "step whose samples count the same at all its sites"));
    SSMQ_TRY(ssmq_store_texts(s, "/calibration/across", all.across, all.n, axis[0], "how samples are combined"));
    SSMQ_TRY(ssmq_store_tensor(s, "/calibration/largest_sample", &sample, axis, "",
                               "the sample that counts for the most, from 0"));
    SSMQ_TRY(ssmq_store_tensor(s, "/calibration/largest_document", &document, axis, "",
                               "document of the data file that it comes from, from 0"));
    return ssmq_store_tensor(s, "/calibration/largest_weight", &weight, axis, "", "what it counts for, of 1");
}
