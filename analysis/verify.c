/* ssmq verify: are stored results what they were when they were written? */
#include <inttypes.h>
#include "analysis/check_run.h"
#include "analysis/commands.h"
#include "harness/store/folders.h"
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

typedef struct totals {
    int32_t runs, bad, problems;
} totals;

static totals verify_all(const char *const *folder, ssmq_arena *arena, ssmq_str *text, ssmq_json_writer *json)
{
    totals t = {0};
    for (; *folder; folder++) {
        ssmq_run_check r;
        ssmq_run_check_all(*folder, arena, &r);
        t.runs++;
        t.bad += r.damaged > 0;
        t.problems += r.damaged;
        if (json) put_json(json, &r);
        else put_text(&r, text);
    }
    return t;
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
    totals                t = {0};
    (void)n_operand;
    (void)cat;
    ssmq_status st = ssmq_run_folders(operand[0], arena, &folder);
    if (st == SSMQ_OK) {
        if (json) ssmq_json_begin_object(&w, NULL);
        if (json) ssmq_json_begin_array(&w, "runs");
        t = verify_all(folder, arena, &text, json ? &w : NULL);
        if (json) ssmq_json_end_array(&w);
        if (json) ssmq_json_end_object(&w);
        fputs(ssmq_str_text(&text), out);
        fflush(out);
    }
    if (t.bad)
        st = SSMQ_FAIL(DAMAGED, "%s: %" PRId32 " of %" PRId32 " runs damaged, %" PRId32 " problems",
                       operand[0], t.bad, t.runs, t.problems);
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_verify = {
    .name = "verify",
    .operands = "DIR",
    .help = "whether stored results are whole and belong together: of a run, or of all below a directory",
    .details = "Every file is read, HDF5 files in a process of their own. Sums, run ids, schema versions, "
               "figures that stand in several files and statuses are compared; leases and files that were "
               "never finished are named. Ends with status 7 if something is damaged.",
    .options = verify_table,
    .options_size = sizeof(verify_options),
    .run = verify_run,
};
