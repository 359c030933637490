#include "harness/run/calibrate/replay_key.h"
#include <inttypes.h>
#include <string.h>
#include "harness/base/str.h"

/* The ones that clipping is tried at, and those that describe a distribution. */
static const double usual[] = {0,  1,    25,   50,    75,    90,     95,     99,
                               99.5, 99.9, 99.95, 99.99, 99.995, 99.999, 99.9999, 100};
#define USUAL (int32_t)(sizeof usual / sizeof *usual)

const char *ssmq_replay_identity(const ssmq_run *run, const ssmq_backend *be, const char *code,
                                 const ssmq_input_file *file, int32_t n, ssmq_arena *arena)
{
    const ssmq_calibration_spec *c = run->calibration;
    ssmq_str                     text = {0};
    ssmq_str_printf(&text, "numerics %d\n%sbackend %s %s\nprocessor %s\n", SSMQ_NUMERICS_VERSION, code,
                    be->ops->name, be->tier, be->device);
    for (int32_t i = 0; i < n; i++)
        if (strncmp(file[i].role, "evaluation/", strlen("evaluation/")) != 0)
            ssmq_str_printf(&text, "%s %s\n", file[i].role, file[i].sha256);
    ssmq_str_printf(&text, "%s %s length %" PRId64 " seed %" PRIu64 "\n", ssmq_data_formats[c->data.format],
                    ssmq_select_names[c->select], c->length, c->seed);
    const char *copy = ssmq_arena_strdup(arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

/* Adds what the observers of a step ask for. */
static int32_t add_levels(const ssmq_step *step, double *level, int32_t n)
{
    for (const ssmq_option *o = step->method->options; o->name; o++) {
        if (o->type != SSMQ_OPTION_OBSERVER) continue;
        const ssmq_observer *ob = (const void *)((const char *)step->options + o->offset);
        if (ob->statistic->quantile) level[n++] = ob->statistic->quantile(ob->statistic_options);
    }
    return n;
}

const double *ssmq_replay_levels(const ssmq_experiment *e, ssmq_arena *arena, int32_t *n)
{
    int32_t most = USUAL;
    for (int32_t i = 0; i < e->n_run; i++) /* a step has few observers */
        most += e->run[i].recipe ? 8 * e->run[i].recipe->n_step : 0;
    double *level = SSMQ_ARENA_ARRAY(arena, double, most);
    memcpy(level, usual, sizeof usual);
    *n = USUAL;
    for (int32_t i = 0; i < e->n_run; i++)
        for (int32_t k = 0; e->run[i].recipe && k < e->run[i].recipe->n_step; k++)
            *n = add_levels(&e->run[i].recipe->step[k], level, *n);
    return level;
}
