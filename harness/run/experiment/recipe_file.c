#include "harness/run/experiment/loader.h"
#include "harness/run/experiment/recipe_file.h"

ssmq_status ssmq_recipe_read(const char *path, const char *model, ssmq_mode mode,
                             const ssmq_backend_ops *backend, const ssmq_catalogue *cat, ssmq_diag *diag,
                             ssmq_arena *arena, const ssmq_recipe **out)
{
    ssmq_loader       *ld = ssmq_loader_new(arena, cat, diag);
    ssmq_recipe_draft *recipe = ssmq_arena_alloc(arena, sizeof *recipe);
    ssmq_yaml         *given = ssmq_yaml_new(arena, SSMQ_YAML_MAP);
    ssmq_yaml_put(arena, given, "path", ssmq_yaml_scalar(arena, model, true));
    ld->draft.model.given = given;
    ld->draft.model.directory = model;
    ld->draft.mode[ld->draft.n_mode++] = mode;
    ld->draft.run.backend = backend;
    ld->draft.recipe = recipe;
    ld->draft.n_recipe = 1;
    recipe->key = ssmq_yaml_scalar(arena, path, true);
    ssmq_loader_recipe(ld, recipe->key, "recipe", recipe);
    ssmq_loader_check(ld);
    ssmq_loader_close(ld);
    *out = recipe->final;
    const int32_t problems = ssmq_diag_errors(diag);
    if (problems == 0) return SSMQ_OK;
    return ssmq_fail(ssmq_diag_status(diag), __FILE__, __LINE__, __func__, "%s: %d problem%s", path,
                     problems, problems == 1 ? "" : "s");
}
