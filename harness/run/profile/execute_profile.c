#include "harness/run/profile/execute_profile.h"
#include <math.h>
#include "harness/base/build.h"
#include "harness/run/profile/profile_resume.h"
#include "harness/run/profile/profile_store.h"
#include "harness/run/result.h"

static ssmq_profile_request request_of(const ssmq_backend *be, const ssmq_run *run,
                                       const ssmq_profile_spec *p, const ssmq_listener *listener)
{
    return (ssmq_profile_request){.mode = run->mode,
                                  .batch = p->batch,
                                  .prompt = p->prompt,
                                  .generate = p->generate,
                                  .repeat = p->repeat,
                                  .warmup = p->warmup,
                                  .backend = run->backend,
                                  .threads = be->threads,
                                  .listener = listener};
}

static ssmq_status measure(ssmq_ready *ready, const char *id, const ssmq_profile_request *r, ssmq_arena *arena,
                           ssmq_profile *out)
{
    ssmq_tell_begin(r->listener, id, "repetitions");
    const ssmq_status st = ssmq_profile_measure(ready, r, arena, out);
    ssmq_tell_end(r->listener);
    SSMQ_TRY(st);
    return ssmq_profile_keep(r->listener, id, out);
}

static ssmq_status measure_all(ssmq_ready *ready, const ssmq_run *run,
                               const ssmq_listener *listener, ssmq_speeds *out)
{
    for (int32_t i = 0; i < run->n_profile; i++) {
        const ssmq_profile_spec   *p = &run->profile[i];
        const ssmq_profile_request r = request_of(ready->be, run, p, listener);
        ssmq_profile              *s = &out->speed[i];
        if (ssmq_profile_take(listener, p->id, out->arena, s)) s->request = r;
        else SSMQ_TRY(measure(ready, p->id, &r, out->arena, s));
        out->n++;
    }
    return SSMQ_OK;
}

ssmq_status ssmq_speeds_measure(ssmq_session *s, const ssmq_run *run, ssmq_model *m,
                                const ssmq_plan *plan, const ssmq_listener *listener,
                                ssmq_speeds *out)
{
    *out = (ssmq_speeds){0};
    if (run->n_profile == 0) return SSMQ_OK;
    ssmq_ready ready = {.m = m, .be = s->be};
    SSMQ_TRY(ssmq_exec_open(s->be, m, plan, run->mode, &ready.ex));
    out->arena = ssmq_arena_new();
    out->speed = SSMQ_ARENA_ARRAY(out->arena, ssmq_profile, run->n_profile);
    const ssmq_status st = measure_all(&ready, run, listener, out);
    ssmq_exec_close(ready.ex);
    return st;
}

void ssmq_speeds_free(ssmq_speeds *s)
{
    if (s->arena) ssmq_arena_free(s->arena);
    *s = (ssmq_speeds){0};
}

ssmq_status ssmq_speeds_write(const ssmq_speeds *s, const ssmq_run *run, const char *provenance,
                              const char *path)
{
    const ssmq_result r = {
        .run = run, .provenance = provenance, .version = ssmq_build_info()->version};
    ssmq_store *store;
    if (s->n == 0) return SSMQ_OK;
    SSMQ_TRY(ssmq_store_create(path, &store));
    ssmq_status st = ssmq_result_write_root(store, &r);
    for (int32_t i = 0; i < s->n && st == SSMQ_OK; i++)
        st = ssmq_profile_write(store, run->profile[i].id, &s->speed[i]);
    if (st == SSMQ_OK) return ssmq_store_seal(store);
    ssmq_store_discard(store);
    return st;
}

const ssmq_speed_score *ssmq_speeds_scores(const ssmq_speeds *s, const ssmq_run *run,
                                           ssmq_arena *arena)
{
    ssmq_speed_score *all = SSMQ_ARENA_ARRAY(arena, ssmq_speed_score, s->n);
    for (int32_t i = 0; i < s->n; i++) {
        const ssmq_profile *p = &s->speed[i];
        const double        tokens = (double)p->request.batch * p->request.prompt;
        all[i] = (ssmq_speed_score){.id = run->profile[i].id,
                                    .ttft_ms = p->ttft.median * 1e3,
                                    .tpot_ms = p->tpot.n > 0 ? p->tpot.median * 1e3 : NAN,
                                    .ttlt_ms = p->ttlt.median * 1e3,
                                    .prefill_tokens_per_s = tokens / p->ttft.median,
                                    .perplexity_tokens_per_s = tokens / p->perplexity.median,
                                    .prefill_of_floor = p->of_floor.prefill,
                                    .decode_of_floor = p->of_floor.decode,
                                    .size_bytes = (double)p->size_bytes};
    }
    return all;
}
