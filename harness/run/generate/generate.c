#include "harness/run/generate/generate.h"
#include <math.h>
#include <stdlib.h>
#include "harness/base/assert.h"
#include "harness/data/text_stream.h"

#define PIECE 512 /* tokens of the prompt at once: memory does not grow with it */

const char *const ssmq_generation_ends[] = {"limit", "end-of-text", "stop", NULL};

struct ssmq_writer {
    ssmq_ready           *r;
    const ssmq_tokenizer *t;
    ssmq_generation       g;
    void                 *state;
    ssmq_rng              rng;
    ssmq_candidate       *room;
    ssmq_ids              seen; /* the text so far                          */
    int64_t               run;  /* how much of it the state has behind it    */
    ssmq_text_stream      text;
    int32_t               choices; /* ids that may be drawn are below */
};

typedef ssmq_writer writer;

/* Runs what was not run yet and leaves the logits behind the last token. */
static ssmq_status run_on(writer *w, const float **logit)
{
    const ssmq_model *m = w->r->m;
    const int32_t    *token = w->seen.data + w->run;
    const int64_t     n = w->seen.length - w->run;
    ssmq_tensor       hidden, logits;
    SSMQ_ASSERT(n > 0);
    for (int64_t i = 0; i < n; i += PIECE) {
        const int32_t    length = (int32_t)(n - i < PIECE ? n - i : PIECE);
        const ssmq_batch in = {.token = token + i, .B = 1, .L = length};
        SSMQ_TRY(m->family->forward(m, w->r->ex, &in, w->state, &hidden));
    }
    w->run = w->seen.length;
    const ssmq_tensor rows = ssmq_tensor_rows(&hidden);
    const ssmq_tensor last = ssmq_tensor_slice(&rows, 0, rows.dim[0] - 1, 1);
    SSMQ_TRY(ssmq_ready_logits(w->r, &last, &logits));
    *logit = logits.data;
    for (int32_t i = 0; i < w->choices; i++)
        if (!isfinite((*logit)[i]))
            return SSMQ_FAIL(NUMERIC, "the logit of token %d is not finite behind %lld tokens", i,
                             (long long)w->seen.length);
    return SSMQ_OK;
}

/* Takes the next token in; true if it, or the text that it makes, is the end. */
static ssmq_status take(writer *w, int32_t token, ssmq_generated *out, bool *ended)
{
    ssmq_str bytes = {0};
    *ended = token == w->g.end;
    if (*ended) {
        out->end = SSMQ_GENERATION_TOKEN;
        return SSMQ_OK;
    }
    ssmq_ids_append(&out->ids, &token, 1);
    ssmq_ids_append(&w->seen, &token, 1);
    SSMQ_TRY(ssmq_tokenizer_decode(w->t, &token, 1, &bytes));
    *ended = ssmq_text_stream_put(&w->text, ssmq_str_text(&bytes), bytes.length);
    if (*ended) out->end = SSMQ_GENERATION_STOP;
    ssmq_str_free(&bytes);
    return SSMQ_OK;
}

static ssmq_status write_on(writer *w, int64_t limit, ssmq_generated *out)
{
    const float *logit = NULL;
    bool         ended = false;
    for (int64_t i = 0; i < limit && !ended; i++) {
        SSMQ_TRY(run_on(w, &logit));
        const int32_t token = ssmq_sample_token(&w->g.sampling, logit, w->choices, w->seen.data,
                                                w->seen.length, &w->rng, w->room);
        SSMQ_TRY(take(w, token, out, &ended));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_writer_open(ssmq_ready *r, const ssmq_tokenizer *t, const ssmq_generation *g,
                             writer **out)
{
    const int32_t size = ssmq_tokenizer_size(t);
    writer       *w = ssmq_must_malloc(sizeof *w);
    *w = (writer){.r = r,
                  .t = t,
                  .g = *g,
                  .text = {.stop = g->stop, .show = g->show, .context = g->context},
                  .choices = size < r->m->vocabulary ? size : (int32_t)r->m->vocabulary};
    ssmq_rng_init(&w->rng, g->seed, "generation");
    w->room = ssmq_must_malloc((size_t)w->choices * sizeof *w->room);
    const ssmq_status st = r->m->family->state_new(r->m, r->ex, 1, &w->state);
    if (st == SSMQ_OK) *out = w;
    else ssmq_writer_close(w);
    return st;
}

void ssmq_writer_close(writer *w)
{
    if (!w) return;
    if (w->state) w->r->m->family->state_free(w->r->m, w->r->ex, w->state);
    ssmq_text_stream_end(&w->text);
    ssmq_ids_free(&w->seen);
    free(w->room);
    free(w);
}

void ssmq_writer_read(writer *w, const int32_t *token, int64_t n)
{
    ssmq_ids_append(&w->seen, token, n);
}

ssmq_status ssmq_writer_write(writer *w, int64_t limit, ssmq_generated *out)
{
    *out = (ssmq_generated){.end = SSMQ_GENERATION_LIMIT};
    const ssmq_status st = write_on(w, limit, out);
    ssmq_text_stream_end(&w->text);
    return st;
}

ssmq_status ssmq_writer_forget(writer *w)
{
    ssmq_ids_clear(&w->seen);
    w->run = 0;
    return w->r->m->family->state_zero(w->r->m, w->r->ex, w->state);
}

ssmq_status ssmq_generate(ssmq_ready *r, const ssmq_tokenizer *t, const ssmq_generation *g,
                          ssmq_generated *out)
{
    writer *w = NULL;
    *out = (ssmq_generated){0};
    SSMQ_TRY(ssmq_writer_open(r, t, g, &w));
    ssmq_writer_read(w, g->prompt, g->n_prompt);
    const ssmq_status st = ssmq_writer_write(w, g->limit, out);
    ssmq_writer_close(w);
    return st;
}
