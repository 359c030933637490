#include "harness/data/source.h"
#include <inttypes.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/data/utf8.h"

#define READ_IDS 4096

int64_t ssmq_queue_length(const ssmq_queue *q)
{
    return q->ids.length - q->head;
}

const int32_t *ssmq_queue_front(const ssmq_queue *q)
{
    return q->ids.data + q->head;
}

void ssmq_queue_take(ssmq_queue *q, int64_t n)
{
    const int64_t rest = ssmq_queue_length(q) - n;
    SSMQ_ASSERT(n >= 0 && rest >= 0);
    q->head += n;
    if (q->head < rest) return; /* moved only when that costs less than what was taken */
    if (rest > 0) memmove(q->ids.data, q->ids.data + q->head, (size_t)rest * sizeof *q->ids.data);
    q->ids.length = rest;
    q->head = 0;
}

void ssmq_queue_free(ssmq_queue *q)
{
    ssmq_ids_free(&q->ids);
    *q = (ssmq_queue){0};
}

ssmq_status ssmq_source_open(const ssmq_data *data, const ssmq_tokenizer *tokenizer,
                             int64_t vocabulary, ssmq_source *out)
{
    *out = (ssmq_source){.data = data, .vocabulary = vocabulary};
    if (data->subset && data->format != SSMQ_DATA_JSONL)
        return SSMQ_FAIL(CONFIG, "%s: a subset needs the format 'jsonl', not '%s'", data->file,
                         ssmq_data_formats[data->format]);
    if (data->format == SSMQ_DATA_TOKENS)
        return ssmq_token_file_open(data->file, vocabulary, &out->token_file);
    if (!tokenizer)
        return SSMQ_FAIL(CONFIG,
                         "%s: the model has no tokenizer, and the format is '%s', not 'tokens'",
                         data->file, ssmq_data_formats[data->format]);
    return ssmq_reader_open(data, &out->reader);
}

void ssmq_source_close(ssmq_source *s)
{
    ssmq_reader_close(s->reader);
    ssmq_token_file_close(s->token_file);
    *s = (ssmq_source){0};
}

ssmq_status ssmq_source_text(ssmq_source *s, ssmq_piece *out, bool *more)
{
    return ssmq_reader_next(s->reader, out, more);
}

/* What came out of the tokenizer from `before` on must be known to the model. */
static ssmq_status check(const ssmq_source *s, ssmq_status st, const ssmq_ids *ids, int64_t before)
{
    for (int64_t i = before; st == SSMQ_OK && i < ids->length; i++)
        if (ids->data[i] >= s->vocabulary)
            st = SSMQ_FAIL(INPUT,
                           "the tokenizer gave the id %" PRId32
                           ", which is not within the model's 0 to %" PRId64,
                           ids->data[i], s->vocabulary - 1);
    return st == SSMQ_OK ? SSMQ_OK : ssmq_reader_blame(s->reader, st);
}

ssmq_status ssmq_source_add(const ssmq_source *s, ssmq_encoder *e, const char *text, size_t n,
                            ssmq_ids *out)
{
    const int64_t before = out->length;
    return check(s, ssmq_encoder_add(e, text, n, out), out, before);
}

ssmq_status ssmq_source_finish(const ssmq_source *s, ssmq_encoder *e, ssmq_ids *out)
{
    const int64_t before = out->length;
    return check(s, ssmq_encoder_finish(e, out), out, before);
}

ssmq_status ssmq_source_tokens(ssmq_source *s, ssmq_encoder *e, ssmq_ids *out, bool *more)
{
    *more = !s->ended;
    if (s->ended) return SSMQ_OK;
    if (s->token_file) {
        int32_t id[READ_IDS];
        int64_t got;
        SSMQ_TRY(ssmq_token_file_read(s->token_file, id, READ_IDS, &got));
        ssmq_ids_append(out, id, got);
        s->ended = got == 0;
    } else {
        ssmq_piece piece = {0};
        SSMQ_TRY(ssmq_reader_next(s->reader, &piece, more));
        s->ended = !*more;
        SSMQ_TRY(*more ? ssmq_source_add(s, e, piece.text, piece.n, out)
                       : ssmq_source_finish(s, e, out));
    }
    *more = !s->ended;
    return SSMQ_OK;
}

double ssmq_source_fraction(const ssmq_source *s)
{
    return s->reader ? ssmq_reader_fraction(s->reader) : ssmq_token_file_fraction(s->token_file);
}

size_t ssmq_source_whole(const ssmq_piece *p, size_t at, size_t step)
{
    if (p->n - at <= step) return p->n - at;
    while (ssmq_utf8_continues(p->text[at + step])) step--;
    return step;
}
