#include "harness/run/session.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/calibrate/replay_key.h"
#include "harness/run/checkpoint/load.h"
#include "harness/run/code.h"

/* Something that was made for one run, and is there for others that want the same. */
typedef struct ssmq_held {
    const char       *key; /* text that says what it is made of */
    ssmq_backend     *be;  /* one of these is set */
    ssmq_tokenizer   *tokenizer;
    ssmq_samples      samples;
    ssmq_replay      *replay;
    ssmq_hidden_cache *hidden;
    bool              of_model; /* it does not outlive the model */
    struct ssmq_held *next;
} ssmq_held;

void ssmq_session_open(const ssmq_experiment *e, const ssmq_catalogue *cat,
                       const ssmq_listener *listener, ssmq_session *out)
{
    *out = (ssmq_session){.e = e, .cat = cat, .listener = listener, .arena = ssmq_arena_new()};
}

static void release(ssmq_held *h)
{
    ssmq_replay_free(h->replay);
    ssmq_hidden_cache_free(h->hidden);
    ssmq_samples_free(&h->samples);
    ssmq_tokenizer_close(h->tokenizer);
    ssmq_backend_close(h->be);
}

static void close_model(ssmq_session *s)
{
    ssmq_held **at = &s->held;
    while (*at) {
        if (!(*at)->of_model) {
            at = &(*at)->next;
            continue;
        }
        release(*at);
        *at = (*at)->next;
    }
    ssmq_model_free(s->base);
    ssmq_checkpoint_close(s->checkpoint);
    s->base = NULL;
    s->checkpoint = NULL;
    s->model = NULL;
}

void ssmq_session_close(ssmq_session *s)
{
    close_model(s);
    for (ssmq_held *h = s->held; h; h = h->next) release(h);
    ssmq_texts_free(s->texts);
    ssmq_arena_free(s->arena);
    *s = (ssmq_session){0};
}

/* ---- what is held ---------------------------------------------------------------------- */

static ssmq_held *find(const ssmq_session *s, const char *key)
{
    for (ssmq_held *h = s->held; h; h = h->next)
        if (strcmp(h->key, key) == 0) return h;
    return NULL;
}

static void hold(ssmq_session *s, ssmq_held what)
{
    ssmq_held *h = ssmq_arena_alloc(s->arena, sizeof *h);
    *h = what;
    h->next = s->held;
    s->held = h;
}

static ssmq_status use_backend(ssmq_session *s, const ssmq_run *run)
{
    ssmq_str      key = {0};
    const int32_t threads = s->threads > 0 ? s->threads : run->threads;
    ssmq_str_printf(&key, "backend %s %d ", run->backend->name, threads);
    for (size_t i = 0; i < run->backend->options_size; i++)
        ssmq_str_printf(&key, "%02x", ((const unsigned char *)run->backend_options)[i]);
    const ssmq_held  *h = find(s, ssmq_str_text(&key));
    const ssmq_status st =
        h ? SSMQ_OK : ssmq_backend_open(run->backend, run->backend_options, threads, &s->be);
    if (h) s->be = h->be;
    else if (st == SSMQ_OK)
        hold(s, (ssmq_held){.key = ssmq_arena_strdup(s->arena, ssmq_str_text(&key)), .be = s->be});
    ssmq_str_free(&key);
    return st;
}

static ssmq_status use_model(ssmq_session *s, const ssmq_run *run)
{
    if (s->model && strcmp(s->model, run->model) == 0) return SSMQ_OK;
    close_model(s);
    ssmq_tell_begin(s->listener, "loading the model", "");
    const ssmq_status st = ssmq_model_load(s->cat->families, run->model, &s->base, &s->checkpoint);
    ssmq_tell_end(s->listener);
    if (st == SSMQ_OK) s->model = run->model;
    return st;
}

const char *ssmq_session_code(ssmq_session *s)
{
    if (!s->code) s->code = ssmq_code_key(ssmq_build_info(), SSMQ_THIS_PROGRAM, s->arena);
    return s->code;
}

/* A folder of the cache; NULL where nothing is kept. */
static const char *folder_of(const ssmq_session *s, const char *name)
{
    return s->cache ? ssmq_arena_printf(s->arena, "%s/%s", s->cache, name) : NULL;
}

static ssmq_status use_tokenizer(ssmq_session *s, const ssmq_run *run)
{
    ssmq_tokenizer  *tokenizer = NULL;
    if (!s->texts)
        s->texts = ssmq_texts_new(folder_of(s, "tokens"), ssmq_session_code(s), s->e,
                                  s->listener ? s->listener->log : NULL);
    ssmq_texts_tokenizer(s->texts, NULL, NULL);
    if (!run->tokenizer) return SSMQ_OK;
    const char      *key = ssmq_arena_printf(s->arena, "tokenizer %s", run->tokenizer);
    const ssmq_held *h = find(s, key);
    if (!h) SSMQ_TRY(ssmq_tokenizer_open(run->tokenizer, &tokenizer));
    if (h) tokenizer = h->tokenizer;
    else hold(s, (ssmq_held){.key = key, .tokenizer = tokenizer});
    ssmq_texts_tokenizer(s->texts, tokenizer, run->tokenizer);
    return SSMQ_OK;
}

static ssmq_status use_samples(ssmq_session *s, const ssmq_run *run)
{
    const ssmq_calibration_spec *c = run->calibration;
    s->samples = (ssmq_samples){0};
    if (!c) return SSMQ_OK;
    const char *key = ssmq_arena_printf(
        s->arena, "samples %s %d %s %d %lld %lld %llu %lld %s", c->data.file, (int)c->data.format,
        c->data.subset ? c->data.subset : "", (int)c->select, (long long)c->count, (long long)c->length,
        (unsigned long long)c->seed, (long long)s->base->vocabulary, run->tokenizer ? run->tokenizer : "");
    const ssmq_held *h = find(s, key);
    if (!h) {
        ssmq_samples samples = {0};
        SSMQ_TRY(ssmq_texts_samples(s->texts, c, s->base->vocabulary, s->listener, &samples));
        hold(s, (ssmq_held){.key = key, .samples = samples});
        h = s->held;
    }
    s->samples = h->samples;
    return SSMQ_OK;
}

/* Without a cache no run takes anything from another: what is held of the one before goes. */
static const char *key_of_one(ssmq_session *s, const ssmq_run *run)
{
    static const char head[] = "calibration of run ";
    const char       *key = ssmq_arena_printf(s->arena, "%s%s", head, run->id);
    for (ssmq_held *h = s->held; h; h = h->next) {
        if (strncmp(h->key, head, strlen(head)) != 0 || strcmp(h->key, key) == 0) continue;
        ssmq_replay_free(h->replay);
        h->replay = NULL;
        h->key = "";
    }
    return key;
}

static void use_replay(ssmq_session *s, const ssmq_run *run)
{
    const ssmq_input_file *file;
    s->replay = NULL;
    if (!run->calibration) return;
    const int32_t    n = ssmq_session_files(s, run, &file);
    const char      *identity = ssmq_replay_identity(run, s->be, ssmq_session_code(s), file, n, s->arena);
    const char      *key = s->cache ? identity : key_of_one(s, run);
    const ssmq_held *h = find(s, key);
    if (!h) {
        int32_t       n_level;
        const double *level = ssmq_replay_levels(s->e, s->arena, &n_level);
        const ssmq_replay_options o = {.folder = folder_of(s, "calibration"),
                                       .identity = identity,
                                       .level = level,
                                       .n_level = n_level,
                                       .keep_ranges = run->keep_ranges,
                                       .log = s->listener ? s->listener->log : NULL};
        hold(s, (ssmq_held){.key = key, .of_model = true /* it lends the sites */, .replay = ssmq_replay_new(&o)});
        h = s->held;
    }
    s->replay = h->replay;
}

static bool is_paired(const ssmq_run *run)
{
    return run->compare && run->compare->against >> SSMQ_AGAINST_FLOAT & 1;
}

bool ssmq_session_shares_float(const ssmq_experiment *e, const ssmq_run *run)
{
    if (run->n_evaluation == 0 || is_paired(run)) return run->n_evaluation > 0;
    for (int32_t i = 0; i < e->n_run; i++) {
        const int32_t at = e->sweep.in_float[i];
        if (is_paired(&e->run[i]) && at >= 0 && &e->run[at] == run) return true;
    }
    return false;
}

static void use_hidden(ssmq_session *s, const ssmq_run *run)
{
    const ssmq_input_file *file;
    s->hidden = NULL;
    if (!s->cache || run->keep_hidden == 0 || s->be->ops->space != SSMQ_SPACE_HOST) return;
    if (!ssmq_session_shares_float(s->e, run)) return;
    const int32_t    n = ssmq_session_files(s, run, &file);
    const char      *identity = ssmq_hidden_identity(s->be, ssmq_session_code(s), file, n, s->arena);
    const ssmq_held *h = find(s, identity);
    if (!h) {
        ssmq_hidden_cache *hidden =
            ssmq_hidden_cache_new(folder_of(s, "hidden"), identity, s->listener ? s->listener->log : NULL);
        hold(s, (ssmq_held){.key = identity, .hidden = hidden});
        h = s->held;
    }
    s->hidden = h->hidden;
}

ssmq_status ssmq_session_prepare(ssmq_session *s, const ssmq_run *run)
{
    SSMQ_TRY(use_backend(s, run));
    SSMQ_TRY(use_model(s, run));
    SSMQ_TRY(use_tokenizer(s, run));
    SSMQ_TRY(use_samples(s, run));
    use_replay(s, run);
    use_hidden(s, run);
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
