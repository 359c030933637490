#include "harness/run/profile/profile_resume.h"
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/resume.h"

enum { TIMINGS = 9 };

static void timings_of(ssmq_profile *p, ssmq_timing *out[TIMINGS])
{
    ssmq_timing *const all[TIMINGS] = {&p->ttft,   &p->tpot, &p->ttlt, &p->perplexity,
                                         &p->energy, &p->read, &p->f32,  &p->i8, &p->bf16};
    memcpy(out, all, sizeof all);
}

static const char *stage_of(const char *id, ssmq_str *room)
{
    ssmq_str_printf(room, "profile: %s", id);
    return ssmq_str_text(room);
}

static void put_text(ssmq_str *out, const char *text)
{
    ssmq_str_append(out, text, strlen(text) + 1);
}

/* The profile as it is, and then what the profile points to. */
static void put_profile(const ssmq_profile *measured, ssmq_str *out)
{
    ssmq_profile p = *measured;
    ssmq_timing *t[TIMINGS];
    timings_of(&p, t);
    ssmq_str_append(out, (const char *)&p, sizeof p);
    put_text(out, p.process);
    for (int i = 0; i < TIMINGS; i++)
        ssmq_str_append(out, (const char *)t[i]->sample, (size_t)t[i]->n * sizeof *t[i]->sample);
    for (int k = 0; k < SSMQ_PROFILE_PHASES; k++)
        for (int32_t i = 0; i < p.phase[k].n; i++) {
            ssmq_str_append(out, (const char *)&p.phase[k].op[i], sizeof *p.phase[k].op);
            put_text(out, p.phase[k].op[i].name);
        }
}

static const char *take(const char *from, void *to, size_t n)
{
    if (n > 0) memcpy(to, from, n);
    return from + n;
}

static const char *take_text(const char *from, ssmq_arena *arena, const char **to)
{
    *to = ssmq_arena_strdup(arena, from);
    return from + strlen(from) + 1;
}

static const char *take_profile(const char *at, ssmq_arena *arena, ssmq_profile *p)
{
    ssmq_timing *t[TIMINGS];
    at = take(at, p, sizeof *p);
    at = take_text(at, arena, &p->process);
    timings_of(p, t);
    for (int i = 0; i < TIMINGS; i++) {
        double *sample = SSMQ_ARENA_ARRAY(arena, double, t[i]->n);
        at = take(at, sample, (size_t)t[i]->n * sizeof *sample);
        t[i]->sample = sample;
    }
    for (int k = 0; k < SSMQ_PROFILE_PHASES; k++) {
        ssmq_breakdown *b = &p->phase[k];
        b->op = SSMQ_ARENA_ARRAY(arena, ssmq_operator, b->n);
        for (int32_t i = 0; i < b->n; i++) {
            at = take(at, &b->op[i], sizeof *b->op);
            at = take_text(at, arena, &b->op[i].name);
        }
    }
    return at;
}

bool ssmq_profile_take(const ssmq_listener *l, const char *id, ssmq_arena *arena, ssmq_profile *p)
{
    ssmq_str           room = {0};
    ssmq_journal_entry e;
    const bool         found = ssmq_resume_any(l, stage_of(id, &room), 0, NULL, &e);
    ssmq_str_free(&room);
    if (!found) return false;
    const char *const end = take_profile(e.data, arena, p);
    SSMQ_ASSERT(end == (const char *)e.data + e.bytes); /* its sum was right */
    return true;
}

ssmq_status ssmq_profile_keep(const ssmq_listener *l, const char *id, const ssmq_profile *p)
{
    ssmq_str bytes = {0}, room = {0};
    if (!ssmq_keeps(l)) return SSMQ_OK;
    put_profile(p, &bytes);
    const ssmq_status st =
        ssmq_resume_keep(l, stage_of(id, &room), 0, NULL, ssmq_str_text(&bytes), bytes.length);
    ssmq_str_free(&bytes);
    ssmq_str_free(&room);
    return st;
}
