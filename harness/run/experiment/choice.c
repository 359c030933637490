/* What some axes are to be: entries of `exclude`, the `baseline`. */
#include <string.h>
#include "harness/run/experiment/loader.h"

static bool is_number(const ssmq_yaml *v)
{
    const ssmq_yaml_type t = ssmq_yaml_type_of(v);
    return t == SSMQ_YAML_INT || t == SSMQ_YAML_REAL;
}

static const char *flow_text(ssmq_loader *ld, const ssmq_yaml *v)
{
    ssmq_str text = {0};
    ssmq_yaml_json(v, &text);
    const char *copy = ssmq_arena_strdup(ld->arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

/* 99 is 99.0; what is no number is the same where it is written the same. */
bool ssmq_loader_same_value(ssmq_loader *ld, const ssmq_yaml *a, const ssmq_yaml *b)
{
    if (is_number(a) && is_number(b)) return ssmq_yaml_real(a) == ssmq_yaml_real(b);
    if (ssmq_yaml_type_of(a) != ssmq_yaml_type_of(b)) return false;
    if (ssmq_yaml_type_of(a) == SSMQ_YAML_BOOL) return ssmq_yaml_bool(a) == ssmq_yaml_bool(b);
    return strcmp(flow_text(ld, a), flow_text(ld, b)) == 0;
}

/* The axis of this name, or that sets this path; *values then are those of the path, else NULL.  -1: none. */
static int32_t find_axis(const ssmq_loader *ld, const char *key, const ssmq_yaml **values)
{
    *values = NULL;
    for (int32_t i = 0; i < ld->sweep.n_axis; i++) {
        const ssmq_axis_draft *axis = &ld->sweep.axis[i];
        if (strcmp(axis->name, key) == 0) return i;
        for (int32_t k = 0; k < axis->n_path; k++) {
            if (strcmp(axis->path[k].key->text, key) != 0) continue;
            *values = axis->path[k].list;
            return i;
        }
    }
    return -1;
}

static void report_no_axis(ssmq_loader *ld, const ssmq_yaml *key, const char *path)
{
    const char *known[2 * SSMQ_AXES_MAX + 1] = {NULL};
    int32_t     n = 0;
    for (int32_t i = 0; i < ld->sweep.n_axis; i++) {
        known[n++] = ld->sweep.axis[i].name;
        if (ld->sweep.axis[i].n_path > 0) known[n++] = ld->sweep.axis[i].path[0].key->text;
    }
    SSMQ_REPORT(ld, AXIS_UNKNOWN, key, ssmq_option_help(ld->arena, key->text, known),
                "%s: no axis has the name or sets the path '%s'", path, key->text);
}

/* Allows every value of the axis that is the one wanted; reported if there is none. */
static bool allow(ssmq_loader *ld, const ssmq_axis_draft *axis, const ssmq_yaml *values,
                  const ssmq_yaml *wanted, const char *path, bool *allows)
{
    bool any = false;
    for (int32_t i = 0; i < axis->n; i++) {
        const ssmq_yaml *value = values ? values->value[i] : axis->value[i];
        const bool       label = wanted->kind == SSMQ_YAML_SCALAR && !values &&
                           strcmp(wanted->text, axis->label[i]) == 0;
        if (!label && !ssmq_loader_same_value(ld, value, wanted)) continue;
        allows[i] = any = true;
    }
    if (any) return true;
    const char **labels = SSMQ_ARENA_ARRAY(ld->arena, const char *, axis->n + 1);
    memcpy(labels, axis->label, (size_t)axis->n * sizeof *labels);
    SSMQ_REPORT(ld, AXIS_NO_VALUE, wanted,
                ssmq_arena_printf(ld->arena, "there are: %s", ssmq_option_words(ld->arena, labels)),
                "%s: the axis '%s' has no such value: %s", path, axis->name,
                ssmq_yaml_found(ld->arena, wanted));
    return false;
}

/* A list stands for each of its values, unless lists are what the axis takes. */
static bool allow_any(ssmq_loader *ld, const ssmq_axis_draft *axis, const ssmq_yaml *values,
                      const ssmq_yaml *wanted, const char *path, bool *allows)
{
    const ssmq_yaml *first = values ? values->value[0] : axis->value[0];
    bool             fine = true;
    if (wanted->kind != SSMQ_YAML_LIST || first->kind == SSMQ_YAML_LIST)
        return allow(ld, axis, values, wanted, path, allows);
    for (int32_t i = 0; i < wanted->n; i++)
        fine = allow(ld, axis, values, wanted->value[i], path, allows) && fine;
    return fine;
}

bool ssmq_choice_read(ssmq_loader *ld, const ssmq_yaml *given, const char *path, ssmq_choice *out)
{
    bool fine = true;
    if (!ssmq_options_mapping(&ld->options, given, path)) return false;
    *out = (ssmq_choice){.given = given,
                             .allows = SSMQ_ARENA_ARRAY(ld->arena, bool *, ld->sweep.n_axis)};
    for (int32_t i = 0; i < given->n; i++) {
        const ssmq_yaml *values;
        const int32_t    axis = find_axis(ld, given->key[i]->text, &values);
        if (axis < 0) {
            report_no_axis(ld, given->key[i], path);
            fine = false;
            continue;
        }
        const ssmq_axis_draft *a = &ld->sweep.axis[axis];
        if (out->allows[axis]) {
            SSMQ_REPORT(ld, AXIS_TWICE, given->key[i], NULL, "%s: the axis '%s' stands twice", path,
                        a->name);
            fine = false;
        }
        out->allows[axis] = SSMQ_ARENA_ARRAY(ld->arena, bool, a->n);
        fine = allow_any(ld, a, values, given->value[i], path, out->allows[axis]) && fine;
    }
    return fine;
}

bool ssmq_choice_holds(const ssmq_loader *ld, const ssmq_choice *a, const int32_t *at)
{
    for (int32_t i = 0; i < ld->sweep.n_axis; i++)
        if (a->allows[i] && !a->allows[i][at[i]]) return false;
    return true;
}
