#include "harness/run/calibrate/replay.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/assert.h"
#include "harness/base/file.h"
#include "harness/run/turn.h"
#include "harness/store/cache.h"
#include "harness/store/own_name.h"

#define TRIES 3 /* to take a lease that nobody holds */

/* ---- a pass ---------------------------------------------------------------------------- */

ssmq_pass *ssmq_pass_new(const ssmq_model *m, const char *digest)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_pass  *p = ssmq_arena_alloc(arena, sizeof *p);
    p->arena = arena;
    p->site = m->site;
    p->n_site = m->n_site;
    memcpy(p->digest, digest, strlen(digest) + 1);
    return p;
}

void ssmq_pass_free(ssmq_pass *p)
{
    if (!p) return;
    for (int64_t i = 0; i < p->n_sample; i++) {
        for (int32_t k = 0; k < p->n_site; k++) ssmq_kept_free(p->sample[i]->at[k]);
        for (int32_t k = 0; k < p->n_site; k++) ssmq_channel_record_free(p->sample[i]->channels[k]);
        for (int32_t k = 0; k < p->n_question; k++) free(p->sample[i]->answer[k]);
        free(p->sample[i]->answer);
    }
    free(p->sample);
    ssmq_arena_free(p->arena);
}

void ssmq_pass_levels(ssmq_pass *p, const double *level, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        int32_t at = 0;
        while (at < p->n_level && p->level[at] < level[i]) at++;
        if (at < p->n_level && p->level[at] == level[i]) continue;
        double *more = SSMQ_ARENA_ARRAY(p->arena, double, p->n_level + 1); /* records lend the old */
        for (int32_t k = 0; k < p->n_level; k++) more[k + (k >= at)] = p->level[k];
        more[at] = level[i];
        p->level = more;
        p->n_level++;
    }
}

static ssmq_range **no_answers(ssmq_range **old, int32_t n, int32_t wide)
{
    ssmq_range **answer = ssmq_must_realloc(old, (size_t)(wide + 1) * sizeof *answer);
    for (int32_t i = n; i < wide; i++) answer[i] = NULL;
    return answer;
}

ssmq_pass_sample *ssmq_pass_sample_of(ssmq_pass *p, const char *digest)
{
    for (int64_t i = 0; i < p->n_sample; i++)
        if (strcmp(p->sample[i]->digest, digest) == 0) return p->sample[i];
    if (p->n_sample == p->capacity) {
        p->capacity = p->capacity ? 2 * p->capacity : 64;
        p->sample = ssmq_must_realloc(p->sample, (size_t)p->capacity * sizeof *p->sample);
    }
    ssmq_pass_sample *s = ssmq_arena_alloc(p->arena, sizeof *s);
    memcpy(s->digest, digest, sizeof s->digest);
    s->at = SSMQ_ARENA_ARRAY(p->arena, ssmq_kept *, p->n_site);
    s->channels = SSMQ_ARENA_ARRAY(p->arena, ssmq_channel_record *, p->n_site);
    s->answer = no_answers(NULL, 0, p->n_question);
    p->sample[p->n_sample++] = s;
    return s;
}

int32_t ssmq_pass_question(ssmq_pass *p, const char *text, int64_t units)
{
    for (int32_t i = 0; i < p->n_question; i++) {
        if (strcmp(p->question[i].text, text) != 0) continue;
        SSMQ_ASSERT(p->question[i].units == units);
        return i;
    }
    ssmq_question *more = SSMQ_ARENA_ARRAY(p->arena, ssmq_question, p->n_question + 1);
    for (int32_t i = 0; i < p->n_question; i++) more[i] = p->question[i];
    more[p->n_question] = (ssmq_question){ssmq_arena_strdup(p->arena, text), units};
    p->question = more;
    for (int64_t i = 0; i < p->n_sample; i++)
        p->sample[i]->answer = no_answers(p->sample[i]->answer, p->n_question, p->n_question + 1);
    return p->n_question++;
}

/* ---- what samples gave ----------------------------------------------------------------- */

/* Bytes of an answer, if it is one by channel; the others are few, and always kept. */
static int64_t answer_bytes(const ssmq_pass *p, const ssmq_pass_sample *s, int32_t question)
{
    const int64_t units = p->question[question].units;
    return s->answer[question] && units > 1 ? units * (int64_t)sizeof **s->answer : 0;
}

void ssmq_pass_record(ssmq_pass *p, ssmq_pass_sample *s, int32_t site, ssmq_kept *k)
{
    p->large += ssmq_kept_tail_bytes(k) - ssmq_kept_tail_bytes(s->at[site]);
    ssmq_kept_free(s->at[site]);
    s->at[site] = k;
}

void ssmq_pass_channels(ssmq_pass *p, ssmq_pass_sample *s, int32_t site, ssmq_channel_record *r)
{
    p->large += ssmq_channel_record_bytes(r) - ssmq_channel_record_bytes(s->channels[site]);
    ssmq_channel_record_free(s->channels[site]);
    s->channels[site] = r;
}

ssmq_status ssmq_pass_answer(ssmq_pass *p, ssmq_pass_sample *s, int32_t question, ssmq_range **out)
{
    const int64_t units = p->question[question].units;
    if (!s->answer[question]) {
        s->answer[question] = malloc((size_t)units * sizeof **s->answer);
        if (!s->answer[question]) return SSMQ_FAIL(MEMORY, "no memory for the ranges of a sample");
        p->large += answer_bytes(p, s, question);
    }
    *out = s->answer[question];
    return SSMQ_OK;
}

void ssmq_pass_no_answer(ssmq_pass *p, ssmq_pass_sample *s, int32_t question)
{
    p->large -= answer_bytes(p, s, question);
    free(s->answer[question]);
    s->answer[question] = NULL;
}

void ssmq_pass_limit(ssmq_pass *p, ssmq_pass_sample *s, int64_t bytes)
{
    if (p->large <= bytes) return;
    for (int32_t i = 0; i < p->n_site; i++) {
        ssmq_pass_channels(p, s, i, NULL);
        p->large -= ssmq_kept_tail_bytes(s->at[i]);
        if (s->at[i]) ssmq_kept_drop_tail(s->at[i]);
    }
    for (int32_t i = 0; i < p->n_question; i++)
        if (p->question[i].units > 1) ssmq_pass_no_answer(p, s, i);
}

const ssmq_combined *ssmq_pass_combined(const ssmq_pass *p, const char *question, const char *samples)
{
    for (int32_t i = 0; i < p->n_combined; i++)
        if (strcmp(p->combined[i].question, question) == 0 && strcmp(p->combined[i].samples, samples) == 0)
            return &p->combined[i];
    return NULL;
}

void ssmq_pass_combine(ssmq_pass *p, const char *question, const char *samples, int64_t units,
                       const ssmq_range *range, bool raised)
{
    ssmq_combined *more = SSMQ_ARENA_ARRAY(p->arena, ssmq_combined, p->n_combined + 1);
    ssmq_combined  c = {.question = ssmq_arena_strdup(p->arena, question), .units = units, .raised = raised};
    if (ssmq_pass_combined(p, question, samples)) return;
    memcpy(c.samples, samples, sizeof c.samples);
    c.range = SSMQ_ARENA_ARRAY(p->arena, ssmq_range, units);
    memcpy(c.range, range, (size_t)units * sizeof *range);
    for (int32_t i = 0; i < p->n_combined; i++) more[i] = p->combined[i];
    more[p->n_combined++] = c;
    p->combined = more;
}

/* ---- what a pass is known by ----------------------------------------------------------- */

static void add_text(ssmq_sha256 *h, const char *text)
{
    ssmq_sha256_add(h, text, strlen(text) + 1);
}

static void add_tensor(ssmq_sha256 *h, const char *what, const ssmq_tensor *t)
{
    if (!t->data) return;
    const int64_t n = ssmq_tensor_count(t);
    add_text(h, what);
    ssmq_sha256_add(h, &n, sizeof n);
    ssmq_sha256_add(h, t->data, ssmq_tensor_bytes(t));
}

/* Steps as they are written would not do: what a step does may depend on samples, seeds and other steps.
 * What all of them left is what the pass sees. */
static void digest_of(const char *identity, const ssmq_model *m, const ssmq_plan *plan,
                      char hex[SSMQ_SHA256_HEX])
{
    ssmq_sha256 *h = ssmq_sha256_new();
    add_text(h, identity);
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_assignment *a = &plan->at[i];
        if (!a->divide.data && !a->rotate && !a->keep.data) continue;
        add_text(h, m->site[i].name);
        ssmq_sha256_add(h, &a->rotate, sizeof a->rotate);
        add_tensor(h, "signs", &a->signs);
        add_tensor(h, "divide", &a->divide);
        add_tensor(h, "inverse", &a->inverse);
        add_tensor(h, "keep", &a->keep);
    }
    for (int32_t i = 0; i < m->n_weight; i++)
        if (m->weight[i].writable) add_tensor(h, m->weight[i].name, &m->weight[i].value);
    ssmq_sha256_finish(h, hex);
}

/* ---- all passes ------------------------------------------------------------------------ */

struct ssmq_replay {
    ssmq_arena     *arena;
    const char     *folder, *identity;
    const double   *level;
    int32_t         n_level;
    int64_t         keep_ranges;
    const ssmq_log *log;
    ssmq_pass     **pass;
    int32_t         n_pass;
    ssmq_lease     *lease; /* of the pass under way; NULL: none */
};

ssmq_replay *ssmq_replay_new(const ssmq_replay_options *o)
{
    ssmq_arena  *arena = ssmq_arena_new();
    ssmq_replay *r = ssmq_arena_alloc(arena, sizeof *r);
    double      *level = SSMQ_ARENA_ARRAY(arena, double, o->n_level);
    for (int32_t i = 0; i < o->n_level; i++) level[i] = o->level[i];
    *r = (ssmq_replay){.arena = arena,
                       .folder = o->folder ? ssmq_arena_strdup(arena, o->folder) : NULL,
                       .identity = ssmq_arena_strdup(arena, o->identity),
                       .level = level,
                       .n_level = o->n_level,
                       .keep_ranges = o->keep_ranges,
                       .log = o->log};
    if (r->folder) ssmq_own_names_sweep(r->folder);
    return r;
}

void ssmq_replay_free(ssmq_replay *r)
{
    if (!r) return;
    ssmq_replay_done(r);
    for (int32_t i = 0; i < r->n_pass; i++) ssmq_pass_free(r->pass[i]);
    free(r->pass);
    ssmq_arena_free(r->arena);
}

int64_t ssmq_replay_keeps(const ssmq_replay *r)
{
    return r->keep_ranges;
}

static const char *file_of(const ssmq_replay *r, const ssmq_pass *p)
{
    return ssmq_arena_printf(r->arena, "%s/%.32s.h5", r->folder, p->digest);
}

/* An empty pass, or what its file holds. */
static ssmq_pass *open_pass(const ssmq_replay *r, const ssmq_model *m, const char *digest)
{
    ssmq_pass  *p = ssmq_pass_new(m, digest);
    const char *path = r->folder ? file_of(r, p) : NULL;
    if (path && access(path, F_OK) == 0 && ssmq_pass_read(path, p) != SSMQ_OK) {
        SSMQ_LOG_LINE(r->log, WARNING, "stored calibration is of no use; running again",
                      SSMQ_LOG_T("reason", ssmq_error_last()->message));
        ssmq_error_clear();
        ssmq_pass_free(p);
        p = ssmq_pass_new(m, digest);
    } else if (path) {
        ssmq_cache_used(path);
    }
    ssmq_pass_levels(p, r->level, r->n_level);
    return p;
}

/* ---- one process at a time ---------------------------------------------------------------- */

/* What is not filed is run by whoever takes the lease; where there is none to be had (the folder cannot be written to),
 * by everybody. */
static ssmq_status take_turn(ssmq_replay *r, const char *digest, const ssmq_listener *listener)
{
    const char *file = ssmq_arena_printf(r->arena, "%s/%.32s.h5", r->folder, digest);
    const char *lease = ssmq_arena_printf(r->arena, "%s.lease", file);
    if (ssmq_make_directory(r->folder) != SSMQ_OK) {
        ssmq_error_clear(); /* what cannot be filed is told when it is */
        return SSMQ_OK;
    }
    for (int tries = 0; tries < TRIES; tries++) {
        const bool filed = access(file, F_OK) == 0;
        if (filed && access(lease, F_OK) != 0) break;
        if (ssmq_lease_take(lease, (int64_t)time(NULL), &r->lease) == SSMQ_OK) {
            if (filed) ssmq_replay_done(r); /* a process that was killed had left it */
            break;
        }
        if (filed) break;
        if (ssmq_turn_held(lease)) tries = 0;
        SSMQ_TRY(ssmq_turn_wait(lease, "waiting for another process's calibration", listener));
    }
    ssmq_error_clear();
    return SSMQ_OK;
}

void ssmq_replay_beat(const ssmq_replay *r)
{
    if (r->lease && ssmq_lease_beat(r->lease) != SSMQ_OK) ssmq_error_clear(); /* the work is then done twice */
}

void ssmq_replay_done(ssmq_replay *r)
{
    ssmq_lease_release(r->lease);
    r->lease = NULL;
}

ssmq_status ssmq_replay_pass(ssmq_replay *r, const ssmq_model *m, const ssmq_plan *plan,
                             const ssmq_listener *listener, ssmq_pass **out)
{
    char digest[SSMQ_SHA256_HEX];
    digest_of(r->identity, m, plan, digest);
    for (int32_t i = 0; i < r->n_pass; i++) {
        if (strcmp(r->pass[i]->digest, digest) != 0) continue;
        *out = r->pass[i];
        return SSMQ_OK;
    }
    if (r->folder) SSMQ_TRY(take_turn(r, digest, listener));
    r->pass = ssmq_must_realloc(r->pass, (size_t)(r->n_pass + 1) * sizeof *r->pass);
    *out = r->pass[r->n_pass++] = open_pass(r, m, digest);
    return SSMQ_OK;
}

int64_t ssmq_replay_kept(const char *folder, const char *identity, const ssmq_model *m)
{
    const ssmq_replay r = {.arena = ssmq_arena_new(), .folder = folder};
    ssmq_plan        *plan = ssmq_plan_new(m);
    char              digest[SSMQ_SHA256_HEX];
    digest_of(identity, m, plan, digest);
    ssmq_pass     *p = ssmq_pass_new(m, digest);
    const char    *path = file_of(&r, p);
    const bool     read = access(path, F_OK) == 0 && ssmq_pass_read(path, p) == SSMQ_OK;
    const int64_t  n = read ? p->n_sample : 0;
    ssmq_error_clear();
    ssmq_pass_free(p);
    ssmq_plan_free(plan);
    ssmq_arena_free(r.arena);
    return n;
}

void ssmq_replay_save(const ssmq_replay *r, const ssmq_pass *p)
{
    if (!r->folder) return;
    ssmq_status st = ssmq_make_directory(r->folder);
    if (st == SSMQ_OK) st = ssmq_pass_write(file_of(r, p), p);
    if (st == SSMQ_OK) return;
    SSMQ_LOG_LINE(r->log, WARNING, "calibration was not stored",
                  SSMQ_LOG_T("reason", ssmq_error_last()->message));
    ssmq_error_clear();
}
