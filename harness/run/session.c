#include "harness/run/session.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/load.h"
#include "harness/run/replay_key.h"

void ssmq_session_open(const ssmq_experiment *e, const ssmq_catalogue *cat,
                       const ssmq_listener *listener, ssmq_session *out)
{
    *out = (ssmq_session){.e = e, .cat = cat, .listener = listener, .arena = ssmq_arena_new()};
}

void ssmq_session_close(ssmq_session *s)
{
    ssmq_replay_free(s->replay);
    ssmq_samples_free(&s->samples);
    ssmq_tokenizer_close(s->tokenizer);
    ssmq_model_free(s->base);
    ssmq_checkpoint_close(s->checkpoint);
    ssmq_backend_close(s->be);
    ssmq_arena_free(s->arena);
    *s = (ssmq_session){0};
}

static ssmq_status read_samples(ssmq_session *s, const ssmq_calibration_spec *c)
{
    ssmq_tell_begin(s->listener, "reading calibration samples", "samples");
    const ssmq_status st =
        ssmq_samples_read(&c->data, s->tokenizer, s->base->vocabulary, c->select, c->count,
                          c->length, c->seed, &s->samples);
    if (st == SSMQ_OK) ssmq_tell_update(s->listener, s->samples.n, 1);
    ssmq_tell_end(s->listener);
    return st;
}

static void open_replay(ssmq_session *s, const ssmq_run *run)
{
    const ssmq_input_file *file;
    const int32_t          n = ssmq_session_files(s, run, &file);
    int32_t                n_level;
    const double          *level = ssmq_replay_levels(s->e, s->arena, &n_level);
    s->replay = ssmq_replay_new(s->cache, ssmq_replay_identity(run, s->be, file, n, s->arena), level, n_level,
                                s->listener ? s->listener->log : NULL);
}

ssmq_status ssmq_session_prepare(ssmq_session *s, const ssmq_run *run)
{
    if (!s->be)
        SSMQ_TRY(ssmq_backend_open(run->backend, run->backend_options, run->threads, &s->be));
    if (!s->base) {
        ssmq_tell_begin(s->listener, "loading the model", "");
        const ssmq_status st =
            ssmq_model_load(s->cat->families, run->model, &s->base, &s->checkpoint);
        ssmq_tell_end(s->listener);
        SSMQ_TRY(st);
    }
    if (!s->tokenizer && run->tokenizer)
        SSMQ_TRY(ssmq_tokenizer_open(run->tokenizer, &s->tokenizer));
    if (s->samples.n == 0 && run->calibration) SSMQ_TRY(read_samples(s, run->calibration));
    if (!s->replay && s->cache && run->calibration) open_replay(s, run);
    return SSMQ_OK;
}

/* ---- sums of files --------------------------------------------------------------------- */

/* Sum and size as they were when the run's id was formed. */
static void fill_in(const ssmq_session *s, ssmq_input_file *f)
{
    for (int32_t i = 0; i < s->e->n_input; i++) {
        const ssmq_input *in = s->e->input[i];
        if (strcmp(in->path, f->path) != 0) continue;
        memcpy(f->sha256, in->digest + strlen("sha256:"), sizeof f->sha256);
        f->bytes = in->bytes;
        return;
    }
    SSMQ_ASSERT(!"a file that the run's id does not know");
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int32_t ssmq_session_files(ssmq_session *s, const ssmq_run *run, const ssmq_input_file **file)
{
    const int32_t    weights = ssmq_checkpoint_files(s->checkpoint);
    ssmq_input_file *list =
        SSMQ_ARENA_ARRAY(s->arena, ssmq_input_file, weights + run->n_evaluation + 3);
    int32_t at = 0;
    list[at++] = (ssmq_input_file){.role = "model/config.json",
                                   .path = ssmq_arena_printf(s->arena, "%s/config.json", run->model)};
    for (int32_t i = 0; i < weights; i++) {
        const char *path = ssmq_checkpoint_file(s->checkpoint, i);
        list[at++] = (ssmq_input_file){
            .role = ssmq_arena_printf(s->arena, "model/%s", base_name(path)), .path = path};
    }
    if (run->tokenizer)
        list[at++] = (ssmq_input_file){.role = "tokenizer", .path = run->tokenizer};
    if (run->calibration)
        list[at++] = (ssmq_input_file){.role = "calibration", .path = run->calibration->data.file};
    for (int32_t i = 0; i < run->n_evaluation; i++)
        list[at++] = (ssmq_input_file){
            .role = ssmq_arena_printf(s->arena, "evaluation/%s", run->evaluation[i].id),
            .path = run->evaluation[i].data.file};
    for (int32_t i = 0; i < at; i++) fill_in(s, &list[i]);
    *file = list;
    return at;
}
