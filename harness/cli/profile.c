/* ssmq profile: what a model costs to run, beside what the machine could do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/cli/commands.h"
#include "harness/cli/named.h"
#include "harness/cli/report_profile.h"
#include "harness/run/checkpoint/quantized.h"
#include "harness/run/profile/profile_store.h"

typedef struct profile_options {
    const char        *model, *recipe, *backend, *out;
    const char *const *mode;
    int                batch, prompt, generate, repeat, warmup, threads, format;
} profile_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };
static const char *const all_cores[] = {"all", NULL}; /* stands for 0 */

#define AT(name) #name, offsetof(profile_options, name)

static const ssmq_option profile_table[] = {
    {AT(model), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL, "directory of a checkpoint"},
    {AT(recipe), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "file of a recipe, which every mode but float needs; its ranges come from random tokens"},
    {AT(mode), SSMQ_OPTION_LIST, "", 0, 0, NULL, "float, fake or real; once more for another; without it float, of a quantised checkpoint real"},
    {AT(batch), SSMQ_OPTION_INT, "1", 1, 4096, NULL, "sequences at once"},
    {AT(prompt), SSMQ_OPTION_INT, "512", 1, 1048576, NULL, "tokens of the prompt, random ones"},
    {AT(generate), SSMQ_OPTION_INT, "32", 1, 1048576, NULL, "tokens to generate, one by the prefill"},
    {AT(repeat), SSMQ_OPTION_INT, "10", 1, 100000, NULL, "repetitions, each timed"},
    {AT(warmup), SSMQ_OPTION_INT, "2", 0, 100000, NULL, "repetitions before them"},
    {AT(threads), SSMQ_OPTION_INT, "all", 1, 1024, all_cores, "threads; all: one for each core"},
    {AT(backend), SSMQ_OPTION_TEXT, "cpu", 0, 0, NULL, "what runs it"},
    {AT(out), SSMQ_OPTION_TEXT, "", 0, 0, NULL, "file.h5 for the results, which must not be there yet"},
    {AT(format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "of the results on standard output"},
    {0},
};

/* ---- what was asked for ------------------------------------------------------------------ */

/* The request of each mode asked for; returns how many in *n. */
static ssmq_status requests_of(const profile_options *o, const ssmq_catalogue *cat, ssmq_arena *arena,
                               ssmq_profile_request **out, int32_t *n)
{
    static const char *const none[] = {NULL, NULL};
    const char *const       *mode = o->mode && o->mode[0] ? o->mode : none;
    const ssmq_backend_ops  *backend = NULL;
    SSMQ_TRY(ssmq_backend_named(o->backend, cat, &backend));
    for (*n = mode == none; mode[*n]; ++*n) continue;
    *out = SSMQ_ARENA_ARRAY(arena, ssmq_profile_request, *n);
    for (int32_t i = 0; i < *n; i++) {
        ssmq_profile_request *r = &(*out)[i];
        *r = (ssmq_profile_request){.model = o->model,
                                    .batch = o->batch,
                                    .prompt = o->prompt,
                                    .generate = o->generate,
                                    .repeat = o->repeat,
                                    .warmup = o->warmup,
                                    .backend = backend,
                                    .threads = ssmq_threads_of(o->threads)};
        SSMQ_TRY(ssmq_mode_of(-1, mode[i], o->model, &r->mode));
        if (strcmp(ssmq_modes[r->mode], "float") == 0 || (!o->recipe && ssmq_quantized_is(o->model))) continue;
        if (!o->recipe) return SSMQ_FAIL(USAGE, "--mode %s needs --recipe FILE", mode[i]);
        r->recipe = o->recipe;
    }
    return SSMQ_OK;
}

/* Before minutes are spent: nothing of this name is there, and a folder for it is; a mode stands once. */
static ssmq_status check_out(const profile_options *o, const ssmq_profile_request *r, int32_t n)
{
    ssmq_str          folder = {0};
    ssmq_status       st = SSMQ_OK;
    if (!o->out) return SSMQ_OK;
    for (int32_t i = 1; i < n; i++)
        for (int32_t k = 0; k < i; k++)
            if (r[i].mode == r[k].mode)
                return SSMQ_FAIL(USAGE, "--out: mode %s stands twice", ssmq_modes[r[i].mode]);
    ssmq_path_folder(o->out, &folder);
    if (access(o->out, F_OK) == 0) st = SSMQ_FAIL(USAGE, "--out: %s is there already", o->out);
    else if (access(ssmq_str_text(&folder), W_OK) != 0)
        st = SSMQ_FAIL(IO, "--out: %s: %s", ssmq_str_text(&folder), strerror(errno));
    ssmq_str_free(&folder);
    return st;
}

/* ---- ended early -------------------------------------------------------------------------- */

/* Times of two processes are not mixed, so that nothing is kept. */
static ssmq_status tell_stopped(ssmq_status st)
{
    if (st != SSMQ_ERR_STOPPED) return st;
    return SSMQ_FAIL(STOPPED, "%s: nothing was kept; the same command starts over", ssmq_error_last()->message);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static ssmq_status profile_one(const ssmq_profile_request *r, const ssmq_catalogue *cat, ssmq_arena *arena,
                               ssmq_profile *out)
{
    ssmq_diag        *diag = ssmq_diag_new();
    ssmq_str          text = {0};
    const ssmq_status st = ssmq_profile_run(r, cat, diag, arena, out);
    ssmq_diag_render(diag, &text);
    fputs(ssmq_str_text(&text), stderr);
    ssmq_str_free(&text);
    ssmq_diag_free(diag);
    return st;
}

static ssmq_status profile_run(const void *options, int n_operand, const char *const *operand,
                               const ssmq_catalogue *cat, FILE *out)
{
    const profile_options *o = options;
    ssmq_arena            *arena = ssmq_arena_new();
    ssmq_profile_request  *request = NULL;
    int32_t                n = 0;
    const ssmq_listener    listener = {.signal = ssmq_interrupt_signal()};
    (void)n_operand, (void)operand;
    ssmq_interrupt_catch();
    ssmq_status st = requests_of(o, cat, arena, &request, &n);
    if (st == SSMQ_OK) st = check_out(o, request, n);
    ssmq_profile *p = SSMQ_ARENA_ARRAY(arena, ssmq_profile, n);
    for (int32_t i = 0; i < n && st == SSMQ_OK; i++) {
        request[i].listener = &listener;
        st = profile_one(&request[i], cat, arena, &p[i]);
    }
    if (st == SSMQ_OK && o->format == FORMAT_JSON) ssmq_report_profile_json(p, n, out);
    if (st == SSMQ_OK && o->format == FORMAT_TEXT) ssmq_report_profile_text(p, n, out);
    if (st == SSMQ_OK && o->out) st = ssmq_profiles_write(o->out, p, n);
    ssmq_arena_free(arena);
    return tell_stopped(st);
}

const ssmq_command ssmq_command_profile = {
    .name = "profile",
    .help = "time prefill and decoding of a model, beside the machine's peaks",
    .options = profile_table,
    .options_size = sizeof(profile_options),
    .run = profile_run,
};
