/* From the checked draft to its runs: input files hashed, each run named by the hash of what it resolves to. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "harness/base/cores.h"
#include "harness/data/checkpoint.h"
#include "harness/data/window.h"
#include "harness/run/experiment/loader.h"

/* ---- input files ----------------------------------------------------------------------- */

static void add_input(ssmq_loader *ld, ssmq_input *in)
{
    if (ld->n_input == ld->input_capacity) {
        const int32_t wide = ld->input_capacity ? 2 * ld->input_capacity : 16;
        ssmq_input  **more = SSMQ_ARENA_ARRAY(ld->arena, ssmq_input *, wide);
        if (ld->n_input > 0) memcpy(more, ld->input, (size_t)ld->n_input * sizeof *more);
        ld->input = more;
        ld->input_capacity = wide;
    }
    ld->input[ld->n_input++] = in;
}

ssmq_status ssmq_input_mark(ssmq_input *in)
{
    struct stat s;
    if (stat(in->path, &s) != 0) return SSMQ_FAIL(INPUT, "%s: %s", in->path, strerror(errno));
    in->bytes = (int64_t)s.st_size;
    in->changed_ns = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
    in->status_ns = (int64_t)s.st_ctim.tv_sec * 1000000000 + s.st_ctim.tv_nsec;
    in->inode = (uint64_t)s.st_ino;
    return SSMQ_OK;
}

void ssmq_input_mark_text(const ssmq_input *in, char text[SSMQ_INPUT_MARK])
{
    snprintf(text, SSMQ_INPUT_MARK, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64, in->bytes, in->changed_ns,
             in->status_ns, in->inode);
}

/* The sum that whoever took the snapshot found, if the file is still that one: workers of a sweep then need not read all
 * weights again.  A change in place that leaves size and both times alone would be missed: the system's clock ticks every
 * few milliseconds, and whoever sets times cannot set both. */
static bool known_sum(const ssmq_loader *ld, ssmq_input *in)
{
    char                  mark[SSMQ_INPUT_MARK];
    const ssmq_snapshot  *f = ld->snapshot;
    ssmq_input_mark_text(in, mark);
    for (int32_t i = 0; f && i < f->n_mark; i++) {
        if (strcmp(f->input[i], in->path) != 0 || strcmp(f->mark[i], mark) != 0) continue;
        if (strlen(f->digest[i]) != sizeof in->digest - 1) return false;
        strcpy(in->digest, f->digest[i]);
        return true;
    }
    return false;
}

const char *ssmq_loader_digest(ssmq_loader *ld, const char *path, const ssmq_yaml *name)
{
    for (int32_t i = 0; i < ld->n_input; i++)
        if (strcmp(ld->input[i]->path, path) == 0)
            return *ld->input[i]->digest ? ld->input[i]->digest : NULL;
    ssmq_input *in = ssmq_arena_alloc(ld->arena, sizeof *in);
    in->path = path;
    add_input(ld, in);
    char        hex[SSMQ_SHA256_HEX];
    ssmq_status st = ssmq_input_mark(in);
    if (st == SSMQ_OK && known_sum(ld, in)) return in->digest;
    if (st == SSMQ_OK) st = ssmq_sha256_file(path, hex);
    if (st == SSMQ_OK) {
        snprintf(in->digest, sizeof in->digest, "sha256:%s", hex);
        return in->digest;
    }
    ssmq_diag_failure(ld->diag, st, SSMQ_E_INPUT_UNREADABLE, name->place, "");
    return NULL;
}

/* The sums of the weight files, in the order of the checkpoint's index; NULL if reported. */
static ssmq_yaml *weights_tree(ssmq_loader *ld, const ssmq_yaml *path)
{
    ssmq_checkpoint  *c = NULL;
    const ssmq_status st = ssmq_checkpoint_open(ld->draft.model.directory, &c);
    if (st != SSMQ_OK) {
        ssmq_diag_failure(ld->diag, st, SSMQ_E_MODEL, path->place, "");
        return NULL;
    }
    ssmq_yaml *list = ssmq_yaml_new(ld->arena, SSMQ_YAML_LIST);
    bool       fine = true;
    for (int32_t i = 0; i < ssmq_checkpoint_files(c); i++) {
        const char *file = ssmq_arena_strdup(ld->arena, ssmq_checkpoint_file(c, i));
        const char *digest = ssmq_loader_digest(ld, file, path);
        fine = fine && digest;
        if (digest)
            ssmq_yaml_append(ld->arena, list, NULL, ssmq_yaml_scalar(ld->arena, digest, true));
    }
    ssmq_checkpoint_close(c);
    list->view = SSMQ_YAML_HASHED;
    return fine ? list : NULL;
}

static void put_sum(ssmq_loader *ld, ssmq_yaml *map, const char *key, const char *digest)
{
    if (!digest) return; /* reported, so there will be no runs */
    ssmq_yaml *v = ssmq_yaml_scalar(ld->arena, digest, true);
    v->view = SSMQ_YAML_HASHED;
    ssmq_yaml_put(ld->arena, map, key, v);
}

static void put_path(ssmq_loader *ld, ssmq_yaml *map, const char *key, const char *path,
                     const ssmq_yaml *given)
{
    ssmq_yaml *v = ssmq_yaml_scalar_at(ld->arena, path, true, given);
    v->view = SSMQ_YAML_SHOWN;
    ssmq_yaml_put(ld->arena, map, key, v);
}

/* The sum of a file of the model; where that is not looked at, the file's name keeps runs apart. */
static const char *model_digest(ssmq_loader *ld, const char *file, const ssmq_yaml *at)
{
    return ld->no_model ? file : ssmq_loader_digest(ld, file, at);
}

static ssmq_yaml *model_tree(ssmq_loader *ld, bool with_tokenizer)
{
    const ssmq_yaml *given = ld->draft.model.given, *path = ssmq_yaml_get(given, "path");
    const ssmq_yaml *tokenizer = ssmq_yaml_get(given, "tokenizer");
    ssmq_yaml       *map = ssmq_yaml_new(ld->arena, SSMQ_YAML_MAP);
    const char *config = ssmq_arena_printf(ld->arena, "%s/config.json", ld->draft.model.directory);
    put_path(ld, map, "path", ld->draft.model.path, path);
    put_sum(ld, map, "config", model_digest(ld, config, path));
    ssmq_yaml *weights = ld->no_model ? NULL : weights_tree(ld, path);
    if (weights) ssmq_yaml_put(ld->arena, map, "weights", weights);
    if (!with_tokenizer) return map;
    const char *shown =
        ld->draft.model.tokenizer
            ? ld->draft.model.tokenizer
            : ssmq_arena_printf(ld->arena, "%s/tokenizer.json", ld->draft.model.path);
    put_path(ld, map, "tokenizer", shown, tokenizer);
    put_sum(ld, map, "tokenizer",
            model_digest(ld, ld->draft.model.tokenizer_file, tokenizer ? tokenizer : path));
    return map;
}

ssmq_yaml *ssmq_model_tree(ssmq_loader *ld, bool with_tokenizer)
{
    const ssmq_yaml *given = ld->draft.model.given;
    if (ld->kept.model_given[with_tokenizer] != given) {
        ld->kept.model_given[with_tokenizer] = given;
        ld->kept.model_tree[with_tokenizer] = model_tree(ld, with_tokenizer);
    }
    return ld->kept.model_tree[with_tokenizer];
}

/* ---- runs ------------------------------------------------------------------------------ */

/* What all runs of the draft share. */
typedef struct shared {
    ssmq_calibration_spec *calibration;
    ssmq_evaluation       *evaluation;
    ssmq_profile_spec     *profile;
    int32_t                threads;
    const ssmq_collect_spec *collect; /* NULL: nothing is collected */
} shared;

static const char *printed(ssmq_loader *ld, const ssmq_yaml *tree, ssmq_yaml_view view)
{
    ssmq_str text = {0};
    ssmq_yaml_print(tree, (ssmq_yaml_style){.view = view}, &text);
    const char *copy = ssmq_arena_strdup(ld->arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

static const char *run_name(ssmq_loader *ld, ssmq_mode mode, const ssmq_recipe_draft *recipe)
{
    if (!recipe || !recipe->name) return ssmq_modes[mode];
    return ssmq_arena_printf(ld->arena, "%s %s", ssmq_modes[mode], recipe->name);
}

/* against: bits; 0: nothing is compared. */
static ssmq_compare_spec *compare_spec(ssmq_loader *ld, uint32_t against)
{
    const ssmq_compare_draft *c = &ld->draft.compare;
    if (!against) return NULL;
    ssmq_compare_spec *spec = ssmq_arena_alloc(ld->arena, sizeof *spec);
    *spec = (ssmq_compare_spec){
        .against = against,
        .metrics = c->metrics,
        .bootstrap = c->bootstrap,
        .tokens = c->tokens,
        .inputs = c->inputs,
        .evaluation = c->evaluation_index,
        .windows = c->windows,
        .clip_limit = c->clip_limit,
        .sensitivity = (ssmq_sensitivity_mode)c->sensitivity,
        .by = (ssmq_unit_kind)c->by,
        .interaction = c->interaction,
        .n_interaction = c->n_interaction};
    return spec;
}

static ssmq_run *run_of(ssmq_loader *ld, const shared *s, ssmq_mode mode, const ssmq_recipe_draft *recipe)
{
    const ssmq_draft *d = &ld->draft;
    const bool        calibrated = d->collect.needs_samples || (recipe && recipe->final->observes);
    const bool        text = ssmq_loader_reads_text(ld, calibrated) != NULL;
    ssmq_run         *run = ssmq_arena_alloc(ld->arena, sizeof *run);
    char              hex[SSMQ_SHA256_HEX];
    const ssmq_yaml  *tree = ssmq_run_tree(ld, mode, recipe, calibrated, ssmq_model_tree(ld, text));
    *run = (ssmq_run){
        .name = run_name(ld, mode, recipe),
        .mode = mode,
        .recipe = recipe ? recipe->final : NULL,
        .calibration = calibrated ? s->calibration : NULL,
        .evaluation = s->evaluation,
        .n_evaluation = d->n_evaluation,
        .profile = s->profile,
        .n_profile = d->n_profile,
        .compare = compare_spec(ld, ssmq_loader_against(d, mode)),
        .collect = s->collect,
        .dump_bytes = d->collect.dump_bytes,
        .backend = d->run.backend,
        .backend_options = d->run.backend_options,
        .threads = s->threads,
        .keep_hidden = d->run.keep_hidden,
        .keep_ranges = d->run.keep_ranges,
        .seed = (uint64_t)d->run.seed,
        .model = d->model.directory,
        .tokenizer = text ? d->model.tokenizer_file : NULL,
        .resolved = printed(ld, tree, SSMQ_YAML_SHOWN),
        .canonical = printed(ld, tree, SSMQ_YAML_HASHED),
        .unsupported = recipe ? recipe->unsupported[mode] : NULL,
    };
    ssmq_sha256_of(run->canonical, strlen(run->canonical), hex);
    memcpy(run->id, hex, SSMQ_RUN_ID - 1);
    return run;
}

static ssmq_calibration_spec *calibration_spec(ssmq_loader *ld)
{
    ssmq_calibration_draft *c = &ld->draft.calibration;
    ssmq_calibration_spec  *spec = ssmq_arena_alloc(ld->arena, sizeof *spec);
    if (!c->given) return NULL;
    if (c->select == SSMQ_SELECT_FIRST) c->seed = -1; /* nothing is drawn: not part of the run */
    else if (c->seed < 0) c->seed = ld->draft.run.seed;
    *spec = (ssmq_calibration_spec){.data = c->data.data,
                                    .select = (ssmq_select)c->select,
                                    .count = c->count,
                                    .length = c->length,
                                    .batch = c->batch,
                                    .seed = c->seed < 0 ? 0 : (uint64_t)c->seed};
    return spec;
}

bool ssmq_loader_leaves_out(ssmq_loader *ld, const ssmq_evaluation_draft *e)
{
    const ssmq_data_draft *c = &ld->draft.calibration.data, *data = &e->data;
    if (e->dialect != SSMQ_DIALECT_DISJOINT || !ld->draft.calibration.given) return false;
    const char *a = ssmq_loader_digest(ld, c->data.file, ssmq_yaml_get(c->given, "file"));
    const char *b = ssmq_loader_digest(ld, data->data.file, ssmq_yaml_get(data->given, "file"));
    return a && b && strcmp(a, b) == 0 && c->data.format == data->data.format;
}

static ssmq_evaluation *evaluations(ssmq_loader *ld, const ssmq_calibration_spec *calibration)
{
    const ssmq_draft *d = &ld->draft;
    ssmq_evaluation  *all = SSMQ_ARENA_ARRAY(ld->arena, ssmq_evaluation, d->n_evaluation);
    for (int32_t i = 0; i < d->n_evaluation; i++) {
        const ssmq_evaluation_draft *e = &d->evaluation[i];
        all[i] = (ssmq_evaluation){.id = e->id,
                                   .task = (ssmq_task)e->task,
                                   .data = e->data.data,
                                   .dialect = e->dialect,
                                   .without = ssmq_loader_leaves_out(ld, e) ? calibration : NULL,
                                   .prefix = e->prefix,
                                   .window = e->window,
                                   .limit = e->limit,
                                   .loss_dtype = (ssmq_loss_dtype)e->loss_dtype,
                                   .state_reset = e->state_reset};
    }
    return all;
}

static ssmq_profile_spec *profiles(ssmq_loader *ld)
{
    const ssmq_draft  *d = &ld->draft;
    ssmq_profile_spec *all = SSMQ_ARENA_ARRAY(ld->arena, ssmq_profile_spec, d->n_profile);
    for (int32_t i = 0; i < d->n_profile; i++) all[i] = d->profile[i].spec;
    return all;
}

static int32_t allowed_cores(void)
{
    ssmq_cores cores;
    ssmq_cores_allowed(&cores);
    return cores.n;
}

void ssmq_loader_runs(ssmq_loader *ld, ssmq_run **cell)
{
    const ssmq_draft *d = &ld->draft;
    const int32_t     n_recipe = d->n_recipe > 0 ? d->n_recipe : 1;
    shared            s = {.calibration = calibration_spec(ld),
                           .profile = profiles(ld),
                           .collect = ssmq_loader_collect_spec(ld),
                           .threads = d->run.threads > 0 ? d->run.threads : allowed_cores()};
    s.evaluation = evaluations(ld, s.calibration);
    for (int32_t m = 0; m < d->n_mode; m++) {
        ssmq_run *in_float = d->mode[m] == SSMQ_MODE_FLOAT ? run_of(ld, &s, SSMQ_MODE_FLOAT, NULL) : NULL;
        for (int32_t r = 0; r < n_recipe; r++) {
            ssmq_run **at = &cell[r * d->n_mode + m];
            if (ssmq_loader_excluded(ld, r, d->mode[m])) *at = NULL;
            else *at = in_float ? in_float : run_of(ld, &s, d->mode[m], &d->recipe[r]);
        }
    }
}
