/* ssmq verify: are stored results what they were when they were written? */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "analysis/check_run.h"
#include "analysis/commands.h"
#include "harness/store/folders.h"
#include "harness/base/file.h"
#include "harness/base/json.h"

typedef struct verify_options {
    int format; /* index into formats */
} verify_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };

static const ssmq_option verify_table[] = {
    {"format", offsetof(verify_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "how to print"},
    {0},
};

static void put_text(const ssmq_run_check *r, ssmq_str *out)
{
    ssmq_str_printf(out, "%s  %s  %s\n", r->path, r->state, r->damaged ? "DAMAGED" : "ok");
    for (int32_t i = 0; i < r->n; i++)
        ssmq_str_printf(out, "  %s %s: %s\n", r->finding[i].damage ? "damaged" : "note   ", r->finding[i].file,
                        r->finding[i].message);
}

static void put_json(ssmq_json_writer *w, const ssmq_run_check *r)
{
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "id", r->id);
    ssmq_json_put_text(w, "directory", r->path);
    ssmq_json_put_text(w, "status", r->state);
    ssmq_json_put_bool(w, "damaged", r->damaged > 0);
    ssmq_json_begin_array(w, "findings");
    for (int32_t i = 0; i < r->n; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "kind", r->finding[i].damage ? "damage" : "note");
        ssmq_json_put_text(w, "file", r->finding[i].file);
        ssmq_json_put_text(w, "message", r->finding[i].message);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

typedef struct verifier {
    ssmq_arena       *arena;
    ssmq_str         *text;
    ssmq_json_writer *json; /* NULL: text */
    int32_t           checked, bad, problems;
} verifier;

static void put(verifier *v, const ssmq_run_check *r)
{
    v->checked++;
    v->bad += r->damaged > 0;
    v->problems += r->damaged;
    if (v->json) put_json(v->json, r);
    else put_text(r, v->text);
}

/* The folder that a run lies in, if it holds a sweep.h5 and is not the one before; else NULL. */
static const char *sweep_of(verifier *v, const char *run, const char *before)
{
    ssmq_str folder = {0};
    ssmq_path_folder(run, &folder);
    const char *path = ssmq_arena_strdup(v->arena, ssmq_str_text(&folder));
    ssmq_str_free(&folder);
    const bool there = access(ssmq_arena_printf(v->arena, "%s/sweep.h5", path), F_OK) == 0;
    return there && (!before || strcmp(before, path) != 0) ? path : NULL;
}

/* What the runs of a directory share. */
static void verify_cache(verifier *v, const char *operand)
{
    ssmq_run_check r;
    if (ssmq_cache_check(ssmq_arena_printf(v->arena, "%s/.ssmq-cache", operand), v->arena, &r)) put(v, &r);
}

/* A single run that was named itself is looked at alone. */
static void verify_all(verifier *v, const char *const *folder, const char *operand)
{
    const char *sweep = NULL;
    const bool  alone = !folder[1] && ssmq_str_starts(operand, *folder);
    for (; *folder; folder++) {
        ssmq_run_check r;
        const char    *other = alone ? NULL : sweep_of(v, *folder, sweep);
        ssmq_run_check_all(*folder, v->arena, &r);
        put(v, &r);
        if (!other) continue;
        sweep = other;
        ssmq_sweep_check(sweep, v->arena, &r);
        put(v, &r);
    }
}

static ssmq_status verify_run(const void *options, int n_operand, const char *const *operand,
                              const ssmq_catalogue *cat, FILE *out)
{
    const verify_options *o = options;
    const bool            json = o->format == FORMAT_JSON;
    ssmq_arena           *arena = ssmq_arena_new();
    ssmq_str              text = {0};
    ssmq_json_writer      w = {.out = &text};
    const char *const    *folder;
    verifier              v = {.arena = arena, .text = &text, .json = json ? &w : NULL};
    (void)n_operand;
    (void)cat;
    ssmq_status st = ssmq_run_folders(operand[0], arena, &folder);
    if (st == SSMQ_OK) {
        if (json) ssmq_json_begin_object(&w, NULL);
        if (json) ssmq_json_begin_array(&w, "runs");
        verify_all(&v, folder, operand[0]);
        verify_cache(&v, operand[0]);
        if (json) ssmq_json_end_array(&w);
        if (json) ssmq_json_end_object(&w);
        fputs(ssmq_str_text(&text), out);
        fflush(out);
    }
    if (v.bad)
        st = SSMQ_FAIL(DAMAGED, "%s: %" PRId32 " of %" PRId32 " damaged, %" PRId32 " problem%s", operand[0], v.bad,
                       v.checked, v.problems, v.problems == 1 ? "" : "s");
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_verify = {
    .name = "verify",
    .operands = "DIR",
    .help = "whether stored results are whole and belong together: of a run, or of all below a directory",
    .details = "Every file is read, HDF5 files in a process of their own. Sums, run ids, schema versions, "
               "figures that stand in several files, statuses and the sum of each line of a journal are compared; leases and files that were "
               "never finished are named, and so is the cache in DIR. Ends with status 7 if something is damaged.",
    .options = verify_table,
    .options_size = sizeof(verify_options),
    .run = verify_run,
};
