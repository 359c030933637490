#include "harness/cli/text.h"
#include <string.h>
#include "harness/cli/named.h"
#include "harness/data/utf8.h"

const char *const ssmq_all_cores[] = {"all", NULL};

static ssmq_status read_samples(void *context, const ssmq_model *base, ssmq_samples *out)
{
    ssmq_text_model *c = context;
    ssmq_data        data = {.file = c->o->calibration};
    if (!data.file)
        return SSMQ_FAIL(USAGE, "a step of %s needs data: --calibration FILE", c->o->recipe);
    if (!ssmq_data_format_of(data.file, &data.format))
        return SSMQ_FAIL(USAGE, "--calibration: the name of %s does not tell its format",
                         data.file);
    SSMQ_TRY(ssmq_samples_read(&data, c->tokenizer, base->vocabulary, SSMQ_SELECT_FIRST,
                               c->o->count, c->o->length, 0, &c->samples));
    *out = c->samples;
    return SSMQ_OK;
}

/* The token that begins and ends texts; -1 if the tokenizer has none. */
static int32_t end_of_text(ssmq_tokenizer *t)
{
    static const char name[] = "<|endoftext|>";
    ssmq_ids          ids = {0};
    int32_t           id = -1;
    if (ssmq_tokenizer_encode(t, name, strlen(name), &ids) == SSMQ_OK && ids.length == 1)
        id = ids.data[0];
    ssmq_error_clear();
    ssmq_ids_free(&ids);
    return id;
}

/* What no text can hold would never end one. */
static ssmq_status check_stops(const char *const *stop)
{
    for (; stop && *stop; stop++) {
        const size_t n = strlen(*stop);
        bool         cut;
        if (n == 0) return SSMQ_FAIL(USAGE, "--stop is empty");
        if (ssmq_utf8_valid(*stop, n, &cut) < n)
            return SSMQ_FAIL(USAGE, "--stop: not valid UTF-8 at byte %zu", ssmq_utf8_valid(*stop, n, &cut));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_text_open(const ssmq_text_options *o, const ssmq_catalogue *cat, ssmq_arena *arena,
                           ssmq_text_model *out)
{
    const char *file =
        o->tokenizer ? o->tokenizer : ssmq_arena_printf(arena, "%s/tokenizer.json", o->model);
    *out = (ssmq_text_model){.o = o};
    SSMQ_TRY(check_stops(o->stop));
    ssmq_ready_request request = {.model = o->model,
                                  .recipe = o->recipe,
                                  .threads = ssmq_threads_of(o->threads),
                                  .seed = (uint64_t)o->seed,
                                  .samples = read_samples,
                                  .context = out};
    SSMQ_TRY(ssmq_mode_of(o->mode, NULL, o->model, &out->mode));
    request.mode = out->mode;
    SSMQ_TRY(ssmq_backend_named(o->backend, cat, &request.backend));
    SSMQ_TRY(ssmq_tokenizer_open(file, &out->tokenizer));
    out->end = end_of_text(out->tokenizer);
    return ssmq_ready_told(&request, cat, arena, &out->ready);
}

void ssmq_text_close(ssmq_text_model *m)
{
    ssmq_ready_close(&m->ready);
    ssmq_samples_free(&m->samples);
    ssmq_tokenizer_close(m->tokenizer);
    *m = (ssmq_text_model){0};
}

ssmq_generation ssmq_text_generation(const ssmq_text_model *m)
{
    const ssmq_text_options *o = m->o;
    return (ssmq_generation){.limit = o->tokens,
                             .sampling = {.repetition_penalty = o->repetition_penalty,
                                          .temperature = o->temperature,
                                          .top_k = o->top_k,
                                          .top_p = o->top_p,
                                          .min_p = o->min_p},
                             .seed = (uint64_t)o->seed,
                             .end = m->end,
                             .stop = o->stop};
}

void ssmq_text_show(void *context, const char *text, size_t n)
{
    ssmq_text_printer *p = context;
    ssmq_str_append(&p->text, text, n);
    if (!p->out) return;
    fwrite(text, 1, n, p->out);
    fflush(p->out);
}

void ssmq_text_put_ids(ssmq_json_writer *w, const char *key, const ssmq_ids *ids)
{
    ssmq_json_begin_array(w, key);
    for (int64_t i = 0; i < ids->length; i++) ssmq_json_put_int(w, NULL, ids->data[i]);
    ssmq_json_end_array(w);
}
