#include "harness/cli/places.h"
#include <stdlib.h>

/* The value of a variable that says something; NULL: none. */
static const char *given(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

ssmq_status ssmq_places_find(const char *out, bool cache, ssmq_arena *arena, ssmq_places *p)
{
    const char *const runs = given("SSMQ_RUNS"), *const shared = given("SSMQ_CACHE");
    *p = (ssmq_places){.out = out ? out : runs ? runs : "runs"};
    if (!p->out[0]) return SSMQ_FAIL(USAGE, "--out names no directory");
    if (!out && runs) p->variable[p->n_variable++] = "SSMQ_RUNS";
    if (getenv("SSMQ_LOG")) p->variable[p->n_variable++] = "SSMQ_LOG";
    if (!cache) return SSMQ_OK;
    if (shared) p->variable[p->n_variable++] = "SSMQ_CACHE";
    p->cache = shared ? shared : ssmq_arena_printf(arena, "%s/.ssmq-cache", p->out);
    return SSMQ_OK;
}
