#include "harness/store/frozen.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_MAX (64u << 20) /* bytes: 10,000 runs take a few MiB */
#define FIRST_AXIS 2         /* recipe and mode stand before it   */

static const char *text_of(json_t *object, const char *key, ssmq_arena *a)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? ssmq_arena_strdup(a, text) : NULL;
}

static ssmq_axis_value value_of(const json_t *v, ssmq_arena *a)
{
    ssmq_axis_value out = {.number = (double)NAN};
    char            text[SSMQ_REAL_TEXT];
    if (json_is_string(v)) out.label = ssmq_arena_strdup(a, json_string_value(v));
    if (json_is_integer(v)) out.label = ssmq_arena_printf(a, "%" PRId64, (int64_t)json_integer_value(v));
    if (json_is_real(v)) {
        ssmq_real_text(json_real_value(v), text);
        out.label = ssmq_arena_strdup(a, text);
    }
    if (json_is_number(v)) out.number = json_number_value(v);
    if (json_is_boolean(v))
        out = (ssmq_axis_value){json_is_true(v) ? "true" : "false", json_is_true(v), true};
    return out;
}

static void read_axes(json_t *axes, ssmq_arena *a, ssmq_frozen *out)
{
    const size_t      n = json_array_size(axes) > FIRST_AXIS ? json_array_size(axes) - FIRST_AXIS : 0;
    ssmq_frozen_axis *axis = SSMQ_ARENA_ARRAY(a, ssmq_frozen_axis, n + 1);
    for (size_t i = 0; i < n; i++) {
        json_t *each = json_array_get(axes, i + FIRST_AXIS), *values = json_object_get(each, "values");
        ssmq_axis_value *value = SSMQ_ARENA_ARRAY(a, ssmq_axis_value, json_array_size(values) + 1);
        axis[i] = (ssmq_frozen_axis){text_of(each, "name", a), value, (int32_t)json_array_size(values)};
        for (int32_t k = 0; k < axis[i].n; k++) value[k] = value_of(json_array_get(values, (size_t)k), a);
    }
    out->axis = axis;
    out->n_axis = (int32_t)n;
}

static ssmq_frozen_run read_run(json_t *each, const ssmq_frozen *f, ssmq_arena *a)
{
    ssmq_axis_value *value = SSMQ_ARENA_ARRAY(a, ssmq_axis_value, f->n_axis + 1);
    json_t          *axes = json_object_get(each, "axes");
    for (int32_t k = 0; k < f->n_axis; k++) value[k] = value_of(json_object_get(axes, f->axis[k].name), a);
    return (ssmq_frozen_run){.id = text_of(each, "id", a),
                             .name = text_of(each, "name", a),
                             .mode = text_of(each, "mode", a),
                             .recipe = text_of(each, "recipe", a),
                             .value = value,
                             .against = text_of(each, "against", a),
                             .unsupported = text_of(each, "unsupported", a)};
}

static void read_expectations(json_t *list, ssmq_arena *a, ssmq_frozen *out)
{
    const size_t             n = json_array_size(list);
    ssmq_frozen_expectation *all = SSMQ_ARENA_ARRAY(a, ssmq_frozen_expectation, n + 1);
    for (size_t i = 0; i < n; i++) {
        json_t *each = json_array_get(list, i), *runs = json_object_get(each, "runs"), *run;
        bool   *of = SSMQ_ARENA_ARRAY(a, bool, out->n_run + 1);
        size_t  k;
        json_array_foreach(runs, k, run)
        {
            const json_int_t at = json_integer_value(run);
            if (at >= 0 && at < out->n_run) of[at] = true;
        }
        all[i] = (ssmq_frozen_expectation){.evaluation = text_of(each, "evaluation", a),
                                           .metric = text_of(each, "metric", a),
                                           .source = text_of(each, "source", a),
                                           .value = json_number_value(json_object_get(each, "value")),
                                           .tolerance = json_number_value(json_object_get(each, "tolerance")),
                                           .of = of};
    }
    out->expect = all;
    out->n_expect = (int32_t)n;
}

static bool is_whole(const ssmq_frozen *f)
{
    bool whole = f->name != NULL;
    for (int32_t i = 0; i < f->n_axis; i++) whole = whole && f->axis[i].name;
    for (int32_t i = 0; i < f->n_run; i++) whole = whole && f->run[i].id && f->run[i].name && f->run[i].mode;
    for (int32_t i = 0; i < f->n_expect; i++) whole = whole && f->expect[i].evaluation && f->expect[i].metric;
    return whole;
}

static void read_all(json_t *root, ssmq_arena *a, ssmq_frozen *out)
{
    json_t *runs = json_object_get(root, "runs");
    *out = (ssmq_frozen){.name = text_of(root, "name", a),
                         .question = text_of(root, "question", a),
                         .baseline = json_is_true(json_object_get(root, "baseline")),
                         .n_run = (int32_t)json_array_size(runs)};
    read_axes(json_object_get(root, "axes"), a, out);
    ssmq_frozen_run *run = SSMQ_ARENA_ARRAY(a, ssmq_frozen_run, out->n_run + 1);
    out->run = run;
    for (int32_t i = 0; i < out->n_run; i++) run[i] = read_run(json_array_get(runs, (size_t)i), out, a);
    read_expectations(json_object_get(root, "expect"), a, out);
}

ssmq_status ssmq_frozen_read(const char *folder, ssmq_arena *arena, ssmq_frozen *out, bool *there)
{
    const char *path = ssmq_arena_printf(arena, "%s/sweep.json", folder);
    struct stat st;
    ssmq_json   list = {0};
    ssmq_frozen f;
    *there = stat(path, &st) == 0;
    if (!*there) return SSMQ_OK;
    if (ssmq_json_open(path, LIST_MAX, &list) != SSMQ_OK)
        return SSMQ_FAIL(DAMAGED, "%s", ssmq_error_last()->message);
    read_all(list.root, arena, &f);
    ssmq_json_close(&list);
    if (!is_whole(&f)) return SSMQ_FAIL(DAMAGED, "%s: is no list of runs", path);
    *out = f;
    return SSMQ_OK;
}

ssmq_frozen ssmq_frozen_order(const char *folder, ssmq_arena *arena)
{
    ssmq_frozen f;
    bool        there;
    if (ssmq_frozen_read(folder, arena, &f, &there) == SSMQ_OK && there) return f;
    ssmq_error_clear(); /* who needs what it says will say what is wrong with it */
    return (ssmq_frozen){0};
}

int32_t ssmq_frozen_find(const ssmq_frozen *f, const char *id)
{
    for (int32_t i = 0; i < f->n_run; i++)
        if (strcmp(f->run[i].id, id) == 0) return i;
    return -1;
}

void ssmq_axis_value_put(ssmq_json_writer *w, const char *key, const ssmq_axis_value *v)
{
    if (!v->label) ssmq_json_put_null(w, key);
    else if (v->flag) ssmq_json_put_bool(w, key, v->number != 0);
    else if (isnan(v->number)) ssmq_json_put_text(w, key, v->label);
    else if (strpbrk(v->label, ".eni")) ssmq_json_put_real(w, key, v->number);
    else ssmq_json_put_int(w, key, (int64_t)v->number);
}
