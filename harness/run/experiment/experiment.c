#include "harness/run/experiment/experiment.h"
#include <stdlib.h>
#include <string.h>
#include "harness/run/experiment/loader.h"
#include "harness/run/experiment/observer_option.h"

/* Files, includes and --set; then the sweep's axes; then all sections and the model at each point.  Each stage
 * reports all that it finds, and the next one begins only where it can trust what it builds on. */
static bool load(ssmq_loader *ld, const char *path, const char *const *override, int32_t n_override)
{
    if (!ssmq_loader_read(ld, path)) return false;
    for (int32_t i = 0; i < n_override; i++)
        ssmq_loader_override(ld, override[i], i + 1); /* one that fails leaves what stood there */
    const int32_t before = ssmq_diag_errors(ld->diag);
    ssmq_loader_sweep(ld);
    if (ssmq_diag_errors(ld->diag) == before) ssmq_loader_expect(ld);
    return ssmq_diag_errors(ld->diag) == before;
}

static void keep_sources(const ssmq_loader *ld, ssmq_experiment *e)
{
    ssmq_experiment_file *file = SSMQ_ARENA_ARRAY(ld->arena, ssmq_experiment_file, ld->n_file);
    for (int32_t i = 0; i < ld->n_file; i++)
        file[i] = (ssmq_experiment_file){ld->file[i]->name, ld->file[i]->text, ld->file[i]->length};
    e->file = file;
    e->n_file = ld->n_file;
    e->input = (const ssmq_input *const *)ld->input;
    e->n_input = ld->n_input;
}

static void keep_overrides(const ssmq_loader *ld, const char *const *override, int32_t n,
                           ssmq_experiment *e)
{
    const char **copy = SSMQ_ARENA_ARRAY(ld->arena, const char *, n + 1);
    for (int32_t i = 0; i < n; i++) copy[i] = ssmq_arena_strdup(ld->arena, override[i]);
    e->override = copy;
    e->n_override = n;
}

ssmq_loader *ssmq_loader_new(ssmq_arena *arena, const ssmq_catalogue *cat, ssmq_diag *diag)
{
    ssmq_loader *ld = ssmq_arena_alloc(arena, sizeof *ld);
    ld->arena = arena;
    ld->diag = diag;
    ld->cat = cat;
    ld->options = (ssmq_option_context){.arena = arena,
                                        .diag = diag,
                                        .user = cat,
                                        .observer_read = ssmq_observer_read,
                                        .observer_tree = ssmq_observer_tree};
    return ld;
}

void ssmq_loader_close(ssmq_loader *ld)
{
    ssmq_model_free(ld->kept.model);
    ssmq_tokenizer_close(ld->kept.tokenizer);
}

static ssmq_status read_experiment(const char *path, const ssmq_snapshot *snapshot, bool no_model,
                                   const char *const *override, int32_t n_override, const ssmq_catalogue *cat,
                                   ssmq_diag *diag, ssmq_experiment **out)
{
    ssmq_arena      *arena = ssmq_arena_new();
    ssmq_loader     *ld = ssmq_loader_new(arena, cat, diag);
    ssmq_experiment *e = ssmq_arena_alloc(arena, sizeof *e);
    ld->snapshot = snapshot;
    e->no_model = ld->no_model = no_model;
    e->arena = arena;
    e->path = ssmq_arena_strdup(arena, path);
    if (snapshot) e->snapshot = ssmq_arena_strdup(arena, snapshot->path);
    if (load(ld, path, override, n_override)) {
        ssmq_loader_launch(ld, e);
        ssmq_loader_expand(ld, e);
    }
    if (ssmq_diag_errors(diag) == 0) ssmq_loader_expected(ld, e);
    ssmq_loader_close(ld);
    const int32_t problems = ssmq_diag_errors(diag);
    if (problems > 0) {
        ssmq_arena_free(arena);
        return ssmq_fail(ssmq_diag_status(diag), __FILE__, __LINE__, __func__, "%s: %d problem%s",
                         path, problems, problems == 1 ? "" : "s");
    }
    keep_sources(ld, e);
    keep_overrides(ld, override, n_override, e);
    *out = e;
    return SSMQ_OK;
}

ssmq_status ssmq_experiment_read(const char *path, const char *const *override, int32_t n_override,
                                 const ssmq_catalogue *cat, ssmq_diag *diag, ssmq_experiment **out)
{
    return read_experiment(path, NULL, false, override, n_override, cat, diag, out);
}

ssmq_status ssmq_experiment_outline(const char *path, const char *const *override, int32_t n_override,
                                    const ssmq_catalogue *cat, ssmq_diag *diag, ssmq_experiment **out)
{
    return read_experiment(path, NULL, true, override, n_override, cat, diag, out);
}

ssmq_status ssmq_experiment_read_snapshot(const ssmq_snapshot *f, const ssmq_catalogue *cat, ssmq_diag *diag,
                                        ssmq_experiment **out)
{
    return read_experiment(f->experiment, f, false, f->override, f->n_override, cat, diag, out);
}

void ssmq_experiment_free(ssmq_experiment *e)
{
    if (e) ssmq_arena_free(e->arena);
}

int64_t ssmq_experiment_dump_bytes(const ssmq_experiment *e, int32_t *n_run)
{
    int64_t most = 0;
    *n_run = 0;
    for (int32_t i = 0; i < e->n_run; i++) {
        if (e->run[i].dump_bytes > most) most = e->run[i].dump_bytes;
        *n_run += e->run[i].dump_bytes > 0;
    }
    return most;
}

/* What depends on the model, as far as the experiment has it. */
static void print_unchecked(const ssmq_experiment *e, ssmq_str *out)
{
    bool recipe = false, real = false, compare = false, collect = false, text = false, prefix = false;
    for (int32_t i = 0; i < e->n_run; i++) {
        const ssmq_run *r = &e->run[i];
        recipe = recipe || r->recipe;
        real = real || r->mode == SSMQ_MODE_REAL;
        compare = compare || (r->compare && r->compare->n_interaction > 0);
        collect = collect || r->collect;
        text = text || r->tokenizer;
        for (int32_t k = 0; k < r->n_evaluation; k++) prefix = prefix || r->evaluation[k].prefix;
    }
    ssmq_str_puts(out, "# not checked, as the model was not looked at:\n"
                       "#   its directory, config and weights; the ids of runs, which stand for their sums too\n");
    if (text) ssmq_str_puts(out, "#   its tokenizer: whether there is one, with no ids that the model lacks\n");
    if (prefix) ssmq_str_puts(out, "#   evaluations of dialect lm-eval: whether their prefix is one token\n");
    if (recipe)
        ssmq_str_puts(out, "#   recipes: whether selectors name sites that their methods take, whether shapes suit (groups, "
                           "Hadamard sizes), and each step on top of those before\n");
    if (real) ssmq_str_puts(out, "#   mode real: whether there are kernels for what recipes ask\n");
    if (compare) ssmq_str_puts(out, "#   compare.interactions: recipes without some of their steps\n");
    if (collect) ssmq_str_puts(out, "#   collect: sites, codes to dump, the size of the dump; whether samples are needed\n");
}

void ssmq_experiment_print(const ssmq_experiment *e, ssmq_str *out)
{
    ssmq_yaml_print(e->resolved, (ssmq_yaml_style){.view = SSMQ_YAML_SHOWN, .origins = true}, out);
    ssmq_str_puts(out, "# runs:\n");
    for (int32_t i = 0; i < e->n_run; i++)
        ssmq_str_printf(out, "#   %s  %s%s\n", e->no_model ? "----------------" : e->run[i].id, e->run[i].name,
                        e->run[i].unsupported ? "  (unsupported)" : "");
    if (e->no_model) print_unchecked(e, out);
    if (e->sweep.excluded > 0)
        ssmq_str_printf(out, "# excluded: %lld point%s\n", (long long)e->sweep.excluded,
                        e->sweep.excluded == 1 ? "" : "s");
    int32_t       dumps;
    const int64_t most = ssmq_experiment_dump_bytes(e, &dumps);
    if (dumps > 0) {
        char size[SSMQ_SIZE_TEXT];
        ssmq_size_approximate(most, size);
        ssmq_str_printf(out, "# dump.h5 of each run takes up to %s, in memory until it is written\n", size);
    }
}

ssmq_status ssmq_experiment_unchanged(const ssmq_experiment *e)
{
    for (int32_t i = 0; i < e->n_input; i++) {
        const ssmq_input *was = e->input[i];
        ssmq_input        is = {.path = was->path};
        SSMQ_TRY(ssmq_input_mark(&is));
        if (is.bytes != was->bytes || is.changed_ns != was->changed_ns || is.inode != was->inode)
            return SSMQ_FAIL(INPUT, "%s changed while the experiment was running", was->path);
    }
    return SSMQ_OK;
}
