#include "harness/data/subsets.h"
#include <stdlib.h>
#include <string.h>

#define SUBSETS_MAX 4096 /* more distinct names are a wrong key, such as an identifier's */

/* Few names, most often the last one again. */
ssmq_status ssmq_subsets_find(ssmq_subsets *s, const ssmq_data *data, const char *name, ssmq_arena *arena,
                              int32_t *out)
{
    *out = 0;
    if (!name) return SSMQ_OK;
    if (s->last >= 0 && strcmp(s->name[s->last], name) == 0) {
        *out = s->last;
        return SSMQ_OK;
    }
    while (*out < s->n && strcmp(s->name[*out], name) != 0) ++*out;
    if (*out == SUBSETS_MAX)
        return SSMQ_FAIL(INPUT, "%s: '%s' has more than %d different values: it names no subset", data->file,
                         data->subset, SUBSETS_MAX);
    if (*out == s->room) {
        s->room = 2 * s->room + 4;
        s->name = ssmq_must_realloc(s->name, (size_t)s->room * sizeof *s->name);
    }
    if (*out == s->n) s->name[s->n++] = ssmq_arena_strdup(arena, name);
    s->last = *out;
    return SSMQ_OK;
}

void ssmq_subsets_free(ssmq_subsets *s)
{
    free(s->name);
    *s = (ssmq_subsets){.last = -1};
}
