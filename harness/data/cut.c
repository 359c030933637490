#include "harness/data/cut.h"
#include <stdlib.h>
#include <string.h>

void ssmq_cut_free(ssmq_cut *c)
{
    if (!c->map.data) {
        free((void *)(uintptr_t)c->token);
        free((void *)(uintptr_t)c->begin);
        free((void *)(uintptr_t)c->of);
        free((void *)(uintptr_t)c->document);
    }
    ssmq_map_close(&c->map);
    ssmq_arena_free(c->arena);
    *c = (ssmq_cut){0};
}

void ssmq_cut_of_samples(const ssmq_samples *s, ssmq_cut *out)
{
    const size_t n = (size_t)s->n, tokens = (size_t)s->storage.length;
    int32_t     *token = ssmq_must_malloc((tokens + 1) * sizeof *token);
    int64_t     *begin = ssmq_must_malloc((n + 1) * sizeof *begin), *of = ssmq_must_malloc((n + 1) * sizeof *of);
    memcpy(token, s->storage.data, tokens * sizeof *token);
    begin[0] = 0;
    for (size_t i = 0; i < n; i++) {
        begin[i + 1] = begin[i] + s->sample[i].length;
        of[i] = s->sample[i].document;
    }
    *out = (ssmq_cut){.n = s->n, .token = token, .begin = begin, .of = of};
}

void ssmq_samples_of_cut(const ssmq_cut *c, ssmq_samples *out)
{
    ssmq_samples s = {.n = c->n, .sample = ssmq_must_malloc((size_t)(c->n + 1) * sizeof *s.sample)};
    ssmq_ids_append(&s.storage, c->token, c->begin[c->n]);
    for (int64_t i = 0; i < c->n; i++)
        s.sample[i] = (ssmq_sample){.length = c->begin[i + 1] - c->begin[i], .document = c->of[i]};
    ssmq_samples_settle(&s);
    *out = s;
}
