#include "harness/store/summary_speed.h"
#include <jansson.h>
#include "harness/store/summary_evidence.h"

void ssmq_summary_put_speeds(ssmq_json_writer *w, const ssmq_summary *s)
{
    if (s->n_speed == 0) return;
    ssmq_json_begin_object(w, "profiles");
    for (int32_t i = 0; i < s->n_speed; i++) {
        ssmq_json_begin_object(w, s->speed[i].id);
#define X(field) ssmq_summary_put_real(w, #field, s->speed[i].field);
        SSMQ_SPEED_FIELDS(X)
#undef X
        ssmq_json_end_object(w);
    }
    ssmq_json_end_object(w);
}

ssmq_status ssmq_summary_read_speeds(const ssmq_json *j, ssmq_arena *a, ssmq_summary *out)
{
    json_t           *all = json_object_get(j->root, "profiles"), *value;
    const char       *id;
    ssmq_speed_score *speed = SSMQ_ARENA_ARRAY(a, ssmq_speed_score, json_object_size(all) + 1);
    int32_t           n = 0;
    if (all && !json_is_object(all))
        return SSMQ_FAIL(INPUT, "%s: 'profiles' is not an object", j->path);
    json_object_foreach(all, id, value)
    {
        const ssmq_json part = {.path = j->path, .root = value};
        if (!json_is_object(value))
            return SSMQ_FAIL(INPUT, "%s: profile '%s' is not an object", j->path, id);
        speed[n].id = ssmq_arena_strdup(a, id);
#define X(field) SSMQ_TRY(ssmq_summary_read_real(&part, #field, &speed[n].field));
        SSMQ_SPEED_FIELDS(X)
#undef X
        n++;
    }
    out->speed = speed;
    out->n_speed = n;
    return SSMQ_OK;
}
