#include "harness/data/checkpoint.h"
#include "harness/run/calibrate/replay.h"
#include "harness/run/calibrate/replay_key.h"
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

/* Samples that were kept of the model before any step changed it: the pass that most recipes begin
 * with. */
static int64_t samples_of(lookup *l, const ssmq_run *run)
{
    const ssmq_input_file *file;
    int64_t                n = 0;
    ssmq_status            st = ssmq_checkpoint_open(run->model, &l->session.checkpoint);
    if (st == SSMQ_OK)
        st = ssmq_backend_open(run->backend, run->backend_options, run->threads, &l->session.be);
    if (st == SSMQ_OK) {
        const int32_t files = ssmq_session_files(&l->session, run, &file);
        const char   *identity = ssmq_replay_identity(run, l->session.be, file, files, l->arena);
        n = ssmq_replay_kept(ssmq_arena_printf(l->arena, "%s/calibration", l->cache), identity,
                             l->model);
    }
    ssmq_backend_close(l->session.be);
    ssmq_checkpoint_close(l->session.checkpoint);
    l->session.be = NULL;
    l->session.checkpoint = NULL;
    return n;
}

static void look(lookup *l, const ssmq_run *run, ssmq_forecast_run *r)
{
    r->texts = run->n_evaluation;
    r->samples = run->calibration ? 0 : -1;
    if (!l->cache || !describe(l, run)) return;
    ssmq_texts_tokenizer(l->texts, NULL, run->tokenizer);
    for (int32_t i = 0; i < run->n_evaluation; i++)
        r->stored += ssmq_texts_stored(l->texts, &run->evaluation[i], l->model->vocabulary);
    if (run->calibration) r->samples = samples_of(l, run);
    ssmq_model_free(l->model);
    l->model = NULL;
}

void ssmq_forecast_cache(const ssmq_experiment *e, const ssmq_catalogue *cat, const char *cache,
                         ssmq_arena *arena, ssmq_forecast_run *run)
{
    lookup l = {.cat = cat, .cache = cache, .arena = arena, .session = {.e = e, .arena = arena}};
    if (cache) l.texts = ssmq_texts_new(ssmq_arena_printf(arena, "%s/tokens", cache), e, NULL);
    for (int32_t i = 0; i < e->n_run; i++)
        if (run[i].due == SSMQ_DUE_TO_RUN || run[i].due == SSMQ_DUE_TO_RESUME)
            look(&l, &e->run[i], &run[i]);
    ssmq_texts_free(l.texts);
    ssmq_error_clear();
}
