/* The mapping `sweep`: its axes with their values, which of them move together, what is dropped. */
#include <string.h>
#include "harness/run/experiment/loader.h"
#include "harness/store/summary.h"

#define LABEL_MAX 32 /* characters of a label that is no scalar */

/* ---- labels ---------------------------------------------------------------------------- */

/* The value as names and tables have it; the index-th of its list, for what is too long to be one. */
static const char *label_of(ssmq_loader *ld, const ssmq_yaml *v, int32_t index)
{
    if (ssmq_yaml_type_of(v) == SSMQ_YAML_BOOL) return ssmq_yaml_bool(v) ? "true" : "false";
    if (v->kind == SSMQ_YAML_SCALAR) return v->text;
    ssmq_str text = {0};
    ssmq_yaml_json(v, &text);
    const char *label = text.length <= LABEL_MAX ? ssmq_arena_strdup(ld->arena, ssmq_str_text(&text))
                                                 : ssmq_arena_printf(ld->arena, "#%d", index + 1);
    ssmq_str_free(&text);
    return label;
}

static bool all_differ(const char *const *label, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < i; k++)
            if (strcmp(label[i], label[k]) == 0) return false;
    return true;
}

/* Those of the first path, or of all of them where the first alone does not tell the values apart. */
static void put_labels(ssmq_loader *ld, ssmq_axis_draft *axis)
{
    axis->label = SSMQ_ARENA_ARRAY(ld->arena, const char *, axis->n + 1);
    axis->value = SSMQ_ARENA_ARRAY(ld->arena, const ssmq_yaml *, axis->n + 1);
    for (int32_t i = 0; i < axis->n; i++) {
        axis->value[i] = axis->path[0].list->value[i];
        axis->label[i] = label_of(ld, axis->value[i], i);
    }
    if (all_differ(axis->label, axis->n)) return;
    for (int32_t i = 0; i < axis->n; i++) {
        for (int32_t k = 1; k < axis->n_path; k++)
            axis->label[i] = ssmq_arena_printf(ld->arena, "%s/%s", axis->label[i],
                                               label_of(ld, axis->path[k].list->value[i], i));
        axis->value[i] = ssmq_yaml_scalar_at(ld->arena, axis->label[i], true, axis->value[i]);
    }
}

/* ---- axes ------------------------------------------------------------------------------ */

static bool same_on_all_paths(ssmq_loader *ld, const ssmq_axis_draft *axis, int32_t i, int32_t k)
{
    for (int32_t p = 0; p < axis->n_path; p++)
        if (!ssmq_loader_same_value(ld, axis->path[p].list->value[i], axis->path[p].list->value[k]))
            return false;
    return true;
}

static bool check_values(ssmq_loader *ld, const ssmq_axis_draft *axis)
{
    bool fine = true;
    for (int32_t i = 0; i < axis->n; i++) {
        const ssmq_yaml *v = axis->path[0].list->value[i];
        bool             again = false;
        for (int32_t k = 0; k < i && !again; k++) again = same_on_all_paths(ld, axis, i, k);
        if (again)
            SSMQ_REPORT(ld, AXIS_VALUE_TWICE, v, NULL, "the axis '%s' has the value %s twice",
                        axis->name, label_of(ld, v, i));
        fine = fine && !again;
    }
    return fine;
}

/* One of the sections that an axis may change, and something in it. */
static bool check_path(ssmq_loader *ld, const ssmq_axis_path *p)
{
    static const char *const sections[] = {"model",    "data",    "calibration", "recipe", "recipes",
                                           "evaluate", "compare", "collect",     "run",    NULL};
    const ssmq_yaml         *first = p->part[0];
    bool                     known = false;
    for (int i = 0; sections[i]; i++) known = known || strcmp(first->text, sections[i]) == 0;
    if (!known) {
        const char *nearest = ssmq_str_nearest(first->text, sections);
        SSMQ_REPORT(ld, AXIS_PATH, first,
                    nearest ? ssmq_arena_printf(ld->arena, "did you mean '%s'?", nearest)
                            : ssmq_arena_printf(ld->arena, "an axis sets something in: %s",
                                                ssmq_option_words(ld->arena, sections)),
                    "'%s' is nothing that an axis can set", first->text);
        return false;
    }
    if (p->n_part == 1) {
        SSMQ_REPORT(ld, AXIS_SECTION, first, NULL, "an axis sets something in '%s', not all of it",
                    first->text);
        return false;
    }
    return true;
}

/* `recipe.x` needs a recipe, `recipes.a.x` one of that name: setting would make one. */
static bool check_recipe_path(ssmq_loader *ld, const ssmq_axis_path *p)
{
    const char *first = p->part[0]->text;
    const bool  one = strcmp(first, "recipe") == 0, all = strcmp(first, "recipes") == 0;
    if (!one && !all) return true;
    const ssmq_yaml *section = ssmq_yaml_get(ld->root, first);
    if (!section) {
        SSMQ_REPORT(ld, AXIS_PATH, p->part[0],
                    one ? "a recipe with a name is at recipes.NAME" : NULL, "there is no '%s'",
                    first);
        return false;
    }
    if (one || section->kind != SSMQ_YAML_MAP || ssmq_yaml_find(section, p->part[1]->text) >= 0)
        return true;
    const char **names = SSMQ_ARENA_ARRAY(ld->arena, const char *, section->n + 1);
    for (int32_t i = 0; i < section->n; i++) names[i] = section->key[i]->text;
    SSMQ_REPORT(ld, AXIS_RECIPE, p->part[1], ssmq_option_help(ld->arena, p->part[1]->text, names),
                "no recipe has the name '%s'", p->part[1]->text);
    return false;
}

static bool read_path(ssmq_loader *ld, ssmq_axis_draft *axis, const ssmq_yaml *key,
                      const ssmq_yaml *values, ssmq_axis_path *out)
{
    *out = (ssmq_axis_path){.key = key, .list = values};
    out->part = ssmq_loader_split(ld, key, &out->n_part);
    if (!out->part || !check_path(ld, out) || !check_recipe_path(ld, out)) return false;
    if (values->kind != SSMQ_YAML_LIST || values->n == 0) {
        SSMQ_REPORT(ld, AXIS_VALUES, values, NULL,
                    "the axis '%s' needs a list of values for %s, found %s", axis->name, key->text,
                    values->kind == SSMQ_YAML_LIST ? "an empty one"
                                                   : ssmq_yaml_found(ld->arena, values));
        return false;
    }
    for (int32_t i = 0; i < values->n; i++) {
        if (ssmq_yaml_type_of(values->value[i]) != SSMQ_YAML_NULL) continue;
        SSMQ_REPORT(ld, AXIS_EMPTY_VALUE, values->value[i], NULL,
                    "the axis '%s' has an empty value", axis->name);
        return false;
    }
    if (axis->n_path == 0) axis->n = values->n;
    axis->n_path++;
    if (axis->n == values->n) return true;
    SSMQ_REPORT(ld, AXIS_LENGTHS, values, NULL,
                "the paths of the axis '%s' move together: %s has %d values, %s has %d", axis->name,
                axis->path[0].key->text, axis->n, key->text, values->n);
    return false;
}

static bool is_taken(const char *name)
{
    static const char *const taken[] = {"recipe", "mode",  "seed", "run_id", "status", "eval", "axis",
                                        "name",   "ppl",   "ppl_se", "nll",  "windows", "tokens",
#define X(field, metric, unit) #field,
                                        SSMQ_COMPARE_FIELDS(X)
#undef X
#define X(field, unit) #field,
                                        SSMQ_TEXT_FIELDS(X)
#undef X
                                        NULL};
    for (int i = 0; taken[i]; i++)
        if (strcmp(taken[i], name) == 0) return true;
    return false;
}

/* The next axis; NULL (reported) if there are too many. */
static ssmq_axis_draft *add_axis(ssmq_loader *ld, const ssmq_yaml *key, const char *name)
{
    ssmq_sweep_draft *s = &ld->sweep;
    if (s->n_axis == SSMQ_AXES_MAX) {
        SSMQ_REPORT(ld, AXES_TOO_MANY, key, NULL, "more than %d axes", SSMQ_AXES_MAX - 2);
        return NULL;
    }
    s->axis[s->n_axis] = (ssmq_axis_draft){.name = name, .key = key, .moves_with = s->n_axis};
    return &s->axis[s->n_axis++];
}

static void read_axis(ssmq_loader *ld, const ssmq_yaml *key, const ssmq_yaml *paths)
{
    bool fine = ssmq_option_name(&ld->options, key, "an axis's name", false);
    if (fine && is_taken(key->text)) {
        SSMQ_REPORT(ld, AXIS_NAME, key,
                    strcmp(key->text, "seed") == 0 ? "seeds are given as sweep.seeds" : NULL,
                    "an axis cannot be called '%s': results have a field of that name", key->text);
        fine = false;
    }
    if (!ssmq_options_mapping(&ld->options, paths, ssmq_arena_printf(ld->arena, "sweep.axes.%s", key->text)))
        return;
    if (paths->n == 0)
        SSMQ_REPORT(ld, AXIS_NO_PATH, paths, NULL, "the axis '%s' sets nothing", key->text);
    ssmq_axis_draft *axis = paths->n > 0 ? add_axis(ld, key, key->text) : NULL;
    if (!axis) return;
    axis->path = SSMQ_ARENA_ARRAY(ld->arena, ssmq_axis_path, paths->n);
    for (int32_t i = 0; i < paths->n; i++)
        fine = read_path(ld, axis, paths->key[i], paths->value[i], &axis->path[axis->n_path]) && fine;
    if (fine && check_values(ld, axis)) put_labels(ld, axis);
}

static void read_seeds(ssmq_loader *ld, const ssmq_yaml *key, const ssmq_yaml *seeds)
{
    static const char *const words[] = {"run", "seed"};
    ssmq_yaml              **part = SSMQ_ARENA_ARRAY(ld->arena, ssmq_yaml *, 2);
    ssmq_yaml               *path = ssmq_yaml_scalar_at(ld->arena, "run.seed", false, key);
    if (seeds->kind != SSMQ_YAML_LIST || seeds->n == 0) {
        SSMQ_REPORT(ld, SEEDS, seeds, NULL, "sweep.seeds must be a list of integers, found %s",
                    seeds->kind == SSMQ_YAML_LIST ? "an empty one"
                                                  : ssmq_yaml_found(ld->arena, seeds));
        return;
    }
    for (int i = 0; i < 2; i++) part[i] = ssmq_yaml_scalar_at(ld->arena, words[i], false, key);
    ssmq_axis_draft *axis = add_axis(ld, key, "seed");
    axis->path = SSMQ_ARENA_ARRAY(ld->arena, ssmq_axis_path, 1);
    axis->path[0] = (ssmq_axis_path){.key = path, .part = part, .n_part = 2, .list = seeds};
    axis->n_path = 1;
    axis->n = seeds->n;
    if (check_values(ld, axis)) put_labels(ld, axis);
}

/* Is one the beginning of the other, or the same? */
static bool overlap(const ssmq_axis_path *a, const ssmq_axis_path *b)
{
    const int32_t n = a->n_part < b->n_part ? a->n_part : b->n_part;
    for (int32_t i = 0; i < n; i++)
        if (strcmp(a->part[i]->text, b->part[i]->text) != 0) return false;
    return true;
}

static void check_overlaps(ssmq_loader *ld)
{
    const ssmq_axis_path *seen[SSMQ_AXES_MAX * 8];
    int32_t               n = 0;
    for (int32_t i = 0; i < ld->sweep.n_axis; i++)
        for (int32_t k = 0; k < ld->sweep.axis[i].n_path; k++) {
            const ssmq_axis_path *p = &ld->sweep.axis[i].path[k];
            for (int32_t j = 0; j < n; j++) {
                if (!overlap(seen[j], p)) continue;
                SSMQ_REPORT(ld, AXES_CLASH, p->key, NULL, "two axes set '%s'%s%s%s", p->key->text,
                            strcmp(seen[j]->key->text, p->key->text) != 0 ? ": the other sets '"
                                                                          : "",
                            strcmp(seen[j]->key->text, p->key->text) != 0 ? seen[j]->key->text : "",
                            strcmp(seen[j]->key->text, p->key->text) != 0 ? "'" : "");
                break;
            }
            if (n < (int32_t)(sizeof seen / sizeof *seen)) seen[n++] = p;
        }
}

/* ---- recipe and mode ------------------------------------------------------------------- */

static void put_value(ssmq_loader *ld, ssmq_axis_draft *axis, const char *label)
{
    axis->label[axis->n] = label;
    axis->value[axis->n++] = ssmq_yaml_scalar(ld->arena, label, true);
}

static ssmq_axis_draft *own_axis(ssmq_loader *ld, const char *name, int32_t most)
{
    ssmq_axis_draft *axis = add_axis(ld, ld->root, name);
    axis->label = SSMQ_ARENA_ARRAY(ld->arena, const char *, most + 1);
    axis->value = SSMQ_ARENA_ARRAY(ld->arena, const ssmq_yaml *, most + 1);
    return axis;
}

/* What is wrong with recipes and modes is found when the experiment is read; here they are only counted. */
static void put_own_axes(ssmq_loader *ld)
{
    const ssmq_yaml *all = ssmq_yaml_get(ld->root, "recipes"), *mode = ssmq_yaml_get(ld->root, "mode");
    const bool       named = all && all->kind == SSMQ_YAML_MAP && all->n > 0;
    const bool       list = mode && mode->kind == SSMQ_YAML_LIST && mode->n > 0;
    ssmq_axis_draft *axis = own_axis(ld, "recipe", named ? all->n : 1);
    for (int32_t i = 0; named && i < all->n; i++) put_value(ld, axis, all->key[i]->text);
    if (!named) put_value(ld, axis, ssmq_yaml_get(ld->root, "recipe") ? "recipe" : "none");
    axis = own_axis(ld, "mode", list ? mode->n : 1);
    for (int32_t i = 0; list && i < mode->n; i++)
        put_value(ld, axis, mode->value[i]->kind == SSMQ_YAML_SCALAR ? mode->value[i]->text : "?");
    if (!list) put_value(ld, axis, mode && mode->kind == SSMQ_YAML_SCALAR ? mode->text : "?");
}

/* ---- zip, exclude, baseline ------------------------------------------------------------ */

static int32_t axis_named(ssmq_loader *ld, const ssmq_yaml *name)
{
    const char *known[SSMQ_AXES_MAX + 1] = {NULL};
    for (int32_t i = 2; i < ld->sweep.n_axis; i++) {
        known[i - 2] = ld->sweep.axis[i].name;
        if (name->kind == SSMQ_YAML_SCALAR && strcmp(known[i - 2], name->text) == 0) return i;
    }
    SSMQ_REPORT(
        ld, AXIS_UNKNOWN, name,
        ssmq_option_help(ld->arena, name->kind == SSMQ_YAML_SCALAR ? name->text : "", known),
        "sweep.zip: no axis of the sweep is %s", ssmq_yaml_found(ld->arena, name));
    return -1;
}

static void read_zip(ssmq_loader *ld, const ssmq_yaml *group)
{
    ssmq_sweep_draft *s = &ld->sweep;
    int32_t           first = -1;
    if (group->kind != SSMQ_YAML_LIST || group->n < 2) {
        SSMQ_REPORT(ld, ZIP_FORM, group, "zip: [[a, b]]",
                    "sweep.zip must be a list of lists of two or more axes");
        return;
    }
    for (int32_t i = 0; i < group->n; i++) {
        const int32_t axis = axis_named(ld, group->value[i]);
        if (axis < 0) continue;
        bool again = s->axis[axis].moves_with != axis || axis == first;
        for (int32_t k = 0; k < s->n_axis; k++) again = again || (k != axis && s->axis[k].moves_with == axis);
        if (again) {
            SSMQ_REPORT(ld, ZIP_TWICE, group->value[i], NULL, "the axis '%s' is zipped twice",
                        s->axis[axis].name);
        } else if (first < 0) {
            first = axis;
        } else if (s->axis[axis].n != s->axis[first].n) {
            SSMQ_REPORT(ld, ZIP_LENGTHS, group->value[i], NULL,
                        "zipped axes have equally many values: '%s' has %d, '%s' %d",
                        s->axis[first].name, s->axis[first].n, s->axis[axis].name, s->axis[axis].n);
        } else {
            s->axis[axis].moves_with = first;
        }
    }
}

static void read_zips(ssmq_loader *ld, const ssmq_yaml *zip)
{
    if (!zip) return;
    if (zip->kind != SSMQ_YAML_LIST)
        SSMQ_REPORT(ld, ZIP_FORM, zip, "zip: [[a, b]]",
                    "sweep.zip must be a list of lists of axes, found %s",
                    ssmq_yaml_found(ld->arena, zip));
    for (int32_t i = 0; zip->kind == SSMQ_YAML_LIST && i < zip->n; i++) read_zip(ld, zip->value[i]);
}

static void read_excludes(ssmq_loader *ld, const ssmq_yaml *list)
{
    ssmq_sweep_draft *s = &ld->sweep;
    if (!list) return;
    if (list->kind != SSMQ_YAML_LIST) {
        SSMQ_REPORT(ld, EXCLUDE_FORM, list, "exclude: [{AXIS: VALUE}]",
                    "sweep.exclude must be a list of mappings, found %s",
                    ssmq_yaml_found(ld->arena, list));
        return;
    }
    s->exclude = SSMQ_ARENA_ARRAY(ld->arena, ssmq_choice, list->n + 1);
    for (int32_t i = 0; i < list->n; i++) {
        if (list->value[i]->kind == SSMQ_YAML_MAP && list->value[i]->n == 0)
            SSMQ_REPORT(ld, EXCLUDE_ALL, list->value[i], NULL, "this would exclude everything");
        if (ssmq_choice_read(ld, list->value[i], "sweep.exclude", &s->exclude[s->n_exclude]))
            s->n_exclude++;
    }
}

static void read_baseline(ssmq_loader *ld, const ssmq_yaml *given)
{
    ssmq_sweep_draft *s = &ld->sweep;
    ssmq_choice  *a = SSMQ_ARENA_ARRAY(ld->arena, ssmq_choice, 1);
    if (!given || !ssmq_choice_read(ld, given, "sweep.baseline", a)) return;
    if (given->n == 0)
        SSMQ_REPORT(ld, BASELINE_EMPTY, given, NULL, "sweep.baseline names no value");
    for (int32_t i = 0; i < s->n_axis; i++) {
        int32_t n = 0;
        for (int32_t k = 0; a->allows[i] && k < s->axis[i].n; k++) n += a->allows[i][k];
        if (n > 1)
            SSMQ_REPORT(ld, BASELINE_PARTIAL, given, NULL,
                        "sweep.baseline needs one value of '%s', found %d", s->axis[i].name, n);
    }
    s->baseline = a;
}

/* ---- all of it ------------------------------------------------------------------------- */

static void check_size(ssmq_loader *ld)
{
    const ssmq_sweep_draft *s = &ld->sweep;
    double                  points = 1, grid = 1;
    ssmq_str                product = {0};
    for (int32_t i = 0; i < s->n_axis; i++) {
        grid *= s->axis[i].n;
        if (s->axis[i].moves_with != i) continue;
        points *= s->axis[i].n;
        ssmq_str_printf(&product, "%s%d %s", i ? " x " : "", s->axis[i].n, s->axis[i].name);
    }
    if (points > SSMQ_POINTS_MAX)
        SSMQ_REPORT(ld, POINTS, s->given, NULL, "the sweep has %.0f points (%s); %d are the most",
                    points, ssmq_str_text(&product), SSMQ_POINTS_MAX);
    else if (grid > SSMQ_GRID_MAX)
        SSMQ_REPORT(ld, GRID, s->given, "give paths that move together as one axis",
                    "the grid of all axes has %.0f cells, most of them off zipped diagonals; %d "
                    "are the most",
                    grid, SSMQ_GRID_MAX);
    ssmq_str_free(&product);
}

static void read_axes(ssmq_loader *ld, const ssmq_yaml *axes)
{
    if (!axes || !ssmq_options_mapping(&ld->options, axes, "sweep.axes")) return;
    for (int32_t i = 0; i < axes->n; i++) read_axis(ld, axes->key[i], axes->value[i]);
}

void ssmq_loader_sweep(ssmq_loader *ld)
{
    static const char *const own[] = {"axes", "zip", "exclude", "baseline", "seeds", NULL};
    const ssmq_yaml         *v = ssmq_yaml_get(ld->root, "sweep");
    ssmq_sweep_options       o = {0};
    put_own_axes(ld);
    if (!v || !ssmq_options_mapping(&ld->options, v, "sweep")) return;
    if (v->place.source) v->place.source->used = true;
    ssmq_options_known(&ld->options, ssmq_schema_sweep, own, v, "sweep");
    ssmq_options_read(&ld->options, ssmq_schema_sweep, v, "sweep", &o);
    ld->sweep.given = v;
    ld->sweep.record = o.unsupported == 1;
    const int32_t before = ssmq_diag_errors(ld->diag), seeds = ssmq_yaml_find(v, "seeds");
    if (seeds >= 0) read_seeds(ld, v->key[seeds], v->value[seeds]);
    read_axes(ld, ssmq_yaml_get(v, "axes"));
    if (ssmq_diag_errors(ld->diag) > before) return; /* what follows names axes and values */
    check_overlaps(ld);
    read_zips(ld, ssmq_yaml_get(v, "zip"));
    read_excludes(ld, ssmq_yaml_get(v, "exclude"));
    read_baseline(ld, ssmq_yaml_get(v, "baseline"));
    if (ssmq_diag_errors(ld->diag) == before) check_size(ld);
}
