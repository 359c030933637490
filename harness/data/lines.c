#include "harness/data/lines.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/file.h"

#define READ_BYTES 65536

struct ssmq_lines {
    ssmq_stream *stream;
    char        *path;
    char        *data;
    size_t       begin, end, capacity; /* data[begin .. end) is read and not handed out */
    int64_t      number;
    bool         ended;
};

ssmq_status ssmq_lines_open(const char *path, ssmq_lines **out)
{
    ssmq_stream *stream;
    SSMQ_TRY(ssmq_stream_open(path, &stream));
    ssmq_lines *l = ssmq_must_malloc(sizeof *l);
    *l = (ssmq_lines){.stream = stream};
    l->path = strcpy(ssmq_must_malloc(strlen(path) + 1), path);
    *out = l;
    return SSMQ_OK;
}

void ssmq_lines_close(ssmq_lines *l)
{
    if (!l) return;
    ssmq_stream_close(l->stream);
    free(l->data);
    free(l->path);
    free(l);
}

/* Makes room and reads more behind what is there. */
static ssmq_status fill(ssmq_lines *l)
{
    if (l->begin > 0) {
        memmove(l->data, l->data + l->begin, l->end - l->begin);
        l->end -= l->begin;
        l->begin = 0;
    }
    if (l->end > SSMQ_LINE_BYTES_MAX)
        return SSMQ_FAIL(INPUT, "%s:%" PRId64 ": the line is over the limit of %zu bytes", l->path,
                         l->number + 1, SSMQ_LINE_BYTES_MAX);
    if (l->capacity - l->end < READ_BYTES) {
        l->capacity = 2 * l->capacity + READ_BYTES;
        l->data = ssmq_must_realloc(l->data, l->capacity);
    }
    size_t got;
    SSMQ_TRY(ssmq_stream_read(l->stream, l->data + l->end, l->capacity - l->end, &got));
    l->end += got;
    l->ended = got == 0;
    return SSMQ_OK;
}

ssmq_status ssmq_lines_next(ssmq_lines *l, const char **line, size_t *n, bool *more)
{
    size_t searched = 0;
    char  *feed = NULL;
    for (;;) {
        const size_t length = l->end - l->begin;
        if (length > searched)
            feed = memchr(l->data + l->begin + searched, '\n', length - searched);
        if (feed || l->ended) break;
        searched = length;
        SSMQ_TRY(fill(l));
    }
    *more = feed || l->end > l->begin;
    if (!*more) return SSMQ_OK;
    *line = l->data + l->begin;
    *n = feed ? (size_t)(feed - *line) : l->end - l->begin;
    l->begin += *n + (feed != NULL);
    l->number++;
    return SSMQ_OK;
}

int64_t ssmq_lines_number(const ssmq_lines *l)
{
    return l->number;
}

double ssmq_lines_fraction(const ssmq_lines *l)
{
    return ssmq_stream_fraction(l->stream);
}
