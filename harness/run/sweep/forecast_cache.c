#include <string.h>
#include "harness/data/checkpoint.h"
#include "harness/data/window.h"
#include "harness/run/calibrate/replay.h"
#include "harness/run/calibrate/replay_key.h"
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/run/session.h"
#include "harness/run/sweep/forecast_cache.h"

typedef struct lookup {
    const ssmq_catalogue *cat;
    const char           *cache;
    ssmq_arena           *arena;
    ssmq_session          session; /* without a model: for the sums of files and the backend */
    ssmq_texts           *texts;
    ssmq_model           *model;
} lookup;

static bool describe(lookup *l, const ssmq_run *run)
{
    ssmq_json   config = {0};
    ssmq_status st = ssmq_checkpoint_config(run->model, &config);
    if (st == SSMQ_OK) st = ssmq_model_describe(l->cat->families, run->model, &config, &l->model);
    ssmq_json_close(&config);
    return st == SSMQ_OK;
}

static void close_inputs(lookup *l)
{
    ssmq_backend_close(l->session.be);
    ssmq_checkpoint_close(l->session.checkpoint);
    l->session.be = NULL;
    l->session.checkpoint = NULL;
}

/* What tells the files that numbers depend on, and the backend. */
static bool open_inputs(lookup *l, const ssmq_run *run)
{
    ssmq_status st = ssmq_checkpoint_open(run->model, &l->session.checkpoint);
    if (st == SSMQ_OK)
        st = ssmq_backend_open(run->backend, run->backend_options, run->threads, &l->session.be);
    if (st != SSMQ_OK) close_inputs(l);
    return st == SSMQ_OK;
}

/* Samples that were kept of the model before any step changed it: the pass that most recipes begin
 * with. */
static int64_t samples_of(lookup *l, const ssmq_run *run)
{
    const ssmq_input_file *file;
    const int32_t          files = ssmq_session_files(&l->session, run, &file);
    const char            *identity = ssmq_replay_identity(run, l->session.be, ssmq_session_code(&l->session), file,
                                                               files, l->arena);
    return ssmq_replay_kept(ssmq_arena_printf(l->arena, "%s/calibration", l->cache), identity, l->model);
}

/* ---- hidden states of the float model ------------------------------------------------------- */

static int64_t bytes_of(const lookup *l, int64_t tokens)
{
    return ssmq_hidden_file_bytes(tokens, l->model->width);
}

/* Bytes of the files that windows of an evaluation do not have yet; -1: unknown, as its text was never tokenised. */
static int64_t missing_bytes(lookup *l, const ssmq_evaluation *e, const ssmq_hidden_cache *cache)
{
    ssmq_windows *w;
    ssmq_window   next;
    bool          more = true;
    int64_t       bytes = 0;
    const bool    of_documents = e->dialect == SSMQ_DIALECT_LM_EVAL; /* which may have any number of windows */
    if (!ssmq_texts_stored(l->texts, e, l->model->vocabulary))
        return e->limit > 0 && !e->data.subset && !of_documents ? e->limit * bytes_of(l, e->window) : -1;
    if (ssmq_texts_windows(l->texts, e, l->model->vocabulary, NULL, &w) != SSMQ_OK) return -1;
    while (more && ssmq_windows_next(w, &next, &more) == SSMQ_OK) {
        if (!more) break;
        const ssmq_hidden_window window = {
            .token = next.token, .n = next.read, .piece = SSMQ_EVAL_PIECE, .reset = e->state_reset};
        if (!ssmq_hidden_cache_has(cache, &window)) bytes += bytes_of(l, next.read);
    }
    ssmq_windows_close(w);
    return bytes;
}

/* What the run files of them, were it the first: bytes; at most what it may where that is not known. */
static int64_t hidden_of(lookup *l, const ssmq_run *run)
{
    const ssmq_input_file *file;
    const int32_t          files = ssmq_session_files(&l->session, run, &file);
    ssmq_hidden_cache     *cache =
        ssmq_hidden_cache_new(ssmq_arena_printf(l->arena, "%s/hidden", l->cache),
                              ssmq_hidden_identity(l->session.be, ssmq_session_code(&l->session), file, files, l->arena),
                              NULL);
    int64_t bytes = 0;
    for (int32_t i = 0; i < run->n_evaluation && bytes < run->keep_hidden; i++) {
        const ssmq_evaluation *e = &run->evaluation[i];
        const int64_t          missing = missing_bytes(l, e, cache);
        bytes += missing < 0 ? run->keep_hidden : missing;
    }
    ssmq_hidden_cache_free(cache);
    return bytes < run->keep_hidden ? bytes : run->keep_hidden;
}

/* Does a run that comes before have the same float model and evaluations? */
static bool is_new(const ssmq_experiment *e, const ssmq_forecast_run *r, int32_t i)
{
    for (int32_t k = 0; k < i; k++)
        if (ssmq_forecast_due(&r[k]) && ssmq_session_shares_float(e, &e->run[k]) &&
            strcmp(e->run[k].model, e->run[i].model) == 0 && ssmq_forecast_same_evaluations(&e->run[k], &e->run[i]))
            return false;
    return ssmq_session_shares_float(e, &e->run[i]);
}

/* first: of those with its float model and evaluations? */
static void look(lookup *l, const ssmq_run *run, bool first, ssmq_forecast_run *r)
{
    r->texts = run->n_evaluation;
    r->samples = run->calibration ? 0 : -1;
    if (!l->cache || !describe(l, run)) return;
    ssmq_texts_tokenizer(l->texts, NULL, run->tokenizer);
    for (int32_t i = 0; i < run->n_evaluation; i++)
        r->stored += ssmq_texts_stored(l->texts, &run->evaluation[i], l->model->vocabulary);
    if ((run->calibration || first) && open_inputs(l, run)) {
        if (run->calibration) r->samples = samples_of(l, run);
        if (first) r->hidden = hidden_of(l, run);
        close_inputs(l);
    }
    ssmq_model_free(l->model);
    l->model = NULL;
}

void ssmq_forecast_cache(const ssmq_experiment *e, const ssmq_catalogue *cat, const char *cache,
                         ssmq_arena *arena, ssmq_forecast_run *run)
{
    lookup l = {.cat = cat, .cache = cache, .arena = arena, .session = {.e = e, .arena = arena}};
    if (cache) l.texts = ssmq_texts_new(ssmq_arena_printf(arena, "%s/tokens", cache), ssmq_session_code(&l.session), e, NULL);
    for (int32_t i = 0; i < e->n_run; i++)
        if (ssmq_forecast_due(&run[i])) look(&l, &e->run[i], is_new(e, run, i), &run[i]);
    ssmq_texts_free(l.texts);
    ssmq_error_clear();
}
