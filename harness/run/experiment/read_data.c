/* Data sets, and the model with its tokenizer. */
#include <string.h>
#include "harness/base/file.h"
#include "harness/run/experiment/loader.h"

bool ssmq_loader_exists(ssmq_loader *ld, const char *path, const ssmq_yaml *name)
{
    ssmq_mapping m;
    if (ssmq_map_open(path, &m) == SSMQ_OK) {
        ssmq_map_close(&m);
        return true;
    }
    ssmq_diag_add(ld->diag, SSMQ_ERR_INPUT, SSMQ_E_INPUT_UNREADABLE, name->place, NULL, "%s",
                  ssmq_error_last()->message);
    ssmq_error_clear();
    return false;
}

/* ---- data ------------------------------------------------------------------------------ */

static bool check_data(ssmq_loader *ld, const ssmq_yaml *map, const char *path,
                       const ssmq_data_options *o, ssmq_data *data)
{
    const ssmq_yaml *file = ssmq_yaml_get(map, "file");
    if (!o->file) {
        SSMQ_REPORT(ld, EMPTY_TEXT, file, NULL, "%s.file is empty", path);
        return false;
    }
    if (o->format >= 0) {
        data->format = (ssmq_data_format)o->format;
    } else if (!ssmq_data_format_of(o->file, &data->format)) {
        SSMQ_REPORT(ld, DATA_FORMAT, file,
                    ssmq_arena_printf(ld->arena, "add format: one of %s",
                                      ssmq_option_words(ld->arena, ssmq_data_formats)),
                    "the name of '%s' does not tell its format", o->file);
        return false;
    }
    if (o->subset && data->format != SSMQ_DATA_JSONL) {
        SSMQ_REPORT(ld, DATA_SUBSET, ssmq_yaml_get(map, "subset"), NULL,
                    "%s.subset needs format jsonl; this is %s", path,
                    ssmq_data_formats[data->format]);
        return false;
    }
    data->subset = o->subset;
    data->file = ssmq_loader_path(ld, file);
    return ssmq_loader_exists(ld, data->file, file);
}

/* The mapping under a name of the top-level data; NULL (reported) if there is none. */
static const ssmq_yaml *named_data(ssmq_loader *ld, const ssmq_yaml *name)
{
    const ssmq_yaml *names = ssmq_yaml_get(ld->root, "data");
    const ssmq_yaml *found = ssmq_yaml_get(names, name->text);
    if (found) return found;
    const int32_t n = names && names->kind == SSMQ_YAML_MAP ? names->n : 0;
    const char  **all = SSMQ_ARENA_ARRAY(ld->arena, const char *, n + 1);
    for (int32_t i = 0; i < n; i++) all[i] = names->key[i]->text;
    const char *nearest = ssmq_str_nearest(name->text, all);
    const char *help = "a file is named by a mapping: {file: PATH}";
    if (nearest) help = ssmq_arena_printf(ld->arena, "did you mean '%s'?", nearest);
    else if (n > 0 && !strpbrk(name->text, "./"))
        help = ssmq_arena_printf(ld->arena, "there are: %s", ssmq_option_words(ld->arena, all));
    SSMQ_REPORT(ld, DATA_NAME, name, help, "no data set has the name '%s'", name->text);
    return NULL;
}

bool ssmq_loader_data(ssmq_loader *ld, const ssmq_yaml *given, const char *path,
                      ssmq_data_draft *out)
{
    const ssmq_yaml *map = given;
    if (given->kind == SSMQ_YAML_SCALAR && ssmq_yaml_type_of(given) != SSMQ_YAML_NULL) {
        if (given->place.source) given->place.source->used = true;
        map = named_data(ld, given);
        if (!map) return false;
        path = ssmq_arena_printf(ld->arena, "data.%s", given->text);
    }
    if (map->kind != SSMQ_YAML_MAP) {
        SSMQ_REPORT(ld, NO_MAPPING, map, NULL, "%s must be a name or a mapping, found %s", path,
                    ssmq_yaml_found(ld->arena, map));
        return false;
    }
    ssmq_data_options o = {0};
    bool              fine = ssmq_options_known(&ld->options, ssmq_schema_data, NULL, map, path);
    if (!ssmq_options_read(&ld->options, ssmq_schema_data, map, path, &o)) return false;
    out->given = map;
    return check_data(ld, map, path, &o, &out->data) && fine;
}

/* Those that nothing names are checked for their keys only. */
void ssmq_loader_data_names(ssmq_loader *ld)
{
    const ssmq_yaml *names = ssmq_yaml_get(ld->root, "data");
    if (!names || !ssmq_options_mapping(&ld->options, names, "data")) return;
    for (int32_t i = 0; i < names->n; i++) {
        const char *path = ssmq_arena_printf(ld->arena, "data.%s", names->key[i]->text);
        if (ssmq_options_mapping(&ld->options, names->value[i], path))
            ssmq_options_known(&ld->options, ssmq_schema_data, NULL, names->value[i], path);
    }
}

/* ---- model ----------------------------------------------------------------------------- */

bool ssmq_loader_model(ssmq_loader *ld, const ssmq_yaml *given)
{
    ssmq_model_options o = {0};
    if (!ssmq_options_mapping(&ld->options, given, "model")) return false;
    bool fine = ssmq_options_known(&ld->options, ssmq_schema_model, NULL, given, "model");
    if (!ssmq_options_read(&ld->options, ssmq_schema_model, given, "model", &o)) return false;
    const ssmq_yaml *path = ssmq_yaml_get(given, "path");
    const ssmq_yaml *tokenizer = ssmq_yaml_get(given, "tokenizer");
    if (!o.path || (tokenizer && !o.tokenizer)) {
        SSMQ_REPORT(ld, EMPTY_TEXT, o.path ? tokenizer : path, NULL, "model.%s is empty",
                    o.path ? "tokenizer" : "path");
        return false;
    }
    ld->draft.model.path = o.path;
    ld->draft.model.tokenizer = o.tokenizer;
    ld->draft.model.directory = ssmq_loader_path(ld, path);
    const char *config = ssmq_arena_printf(ld->arena, "%s/config.json", ld->draft.model.directory);
    if (!ld->no_model && !ssmq_loader_exists(ld, config, path)) return false;
    ld->draft.model.given = given;
    if (!tokenizer) {
        ld->draft.model.tokenizer_file =
            ssmq_arena_printf(ld->arena, "%s/tokenizer.json", ld->draft.model.directory);
        return fine; /* whether it is needed, and there, is seen when all data are known */
    }
    ld->draft.model.tokenizer_file = ssmq_loader_path(ld, tokenizer);
    return ssmq_loader_exists(ld, ld->draft.model.tokenizer_file, tokenizer) && fine;
}
