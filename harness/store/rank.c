#include "harness/store/rank.h"
#include <math.h>
#include <string.h>
#include "harness/base/stats.h"
#include "harness/store/read.h"
#include "harness/store/store.h"

/* A weight and a document for each window, where windows differ in them. */
static ssmq_status read_weighing(const char *results, const char *evaluation, ssmq_arena *arena, ssmq_losses *out)
{
    const char   *group = ssmq_arena_printf(arena, "/eval/%s", evaluation), *dialect;
    const double *document = NULL;
    int64_t       n = 0, m = 0;
    out->by = (ssmq_weighing){0};
    SSMQ_TRY(ssmq_store_read_text(results, ssmq_arena_printf(arena, "%s/window_nll", group), "dialect", arena, &dialect));
    if (strcmp(dialect, SSMQ_BY_DOCUMENT) != 0) return SSMQ_OK;
    SSMQ_TRY(ssmq_store_read_f64(results, ssmq_arena_printf(arena, "%s/window_tokens", group), arena, &out->by.weight, &n));
    SSMQ_TRY(ssmq_store_read_f64(results, ssmq_arena_printf(arena, "%s/window_document", group), arena, &document, &m));
    if (n != out->n || m != out->n)
        return SSMQ_FAIL(DAMAGED, "%s: %s has other windows than losses", results, group);
    int64_t *of = SSMQ_ARENA_ARRAY(arena, int64_t, n);
    for (int64_t i = 0; i < n; i++) of[i] = (int64_t)document[i];
    out->by.group = of;
    return SSMQ_OK;
}

ssmq_status ssmq_losses_read(const char *results, const char *evaluation, ssmq_arena *arena,
                             ssmq_losses *out)
{
    const char *path = ssmq_arena_printf(arena, "/eval/%s/window_nll", evaluation);
    SSMQ_TRY(ssmq_store_read_f64(results, path, arena, &out->nll, &out->n));
    SSMQ_TRY(ssmq_store_read_text(results, path, "token_digest", arena, &out->digest));
    return read_weighing(results, evaluation, arena, out);
}

bool ssmq_losses_pair(const ssmq_losses *a, const ssmq_losses *b, ssmq_arena *arena, double *mean,
                      double *se)
{
    if (a->n != b->n || a->n < 1 || strcmp(a->digest, b->digest) != 0) return false;
    double *difference = SSMQ_ARENA_ARRAY(arena, double, a->n);
    for (int64_t i = 0; i < a->n; i++) difference[i] = a->nll[i] - b->nll[i];
    ssmq_mean_by(difference, &a->by, a->n, mean, se);
    return true;
}

/* ---- runs against each other ----------------------------------------------------------- */

static const ssmq_evaluation_score *score_of(const ssmq_summary *s, const char *evaluation)
{
    if (strcmp(s->mode, "float") == 0 || strcmp(s->status, "done") != 0) return NULL;
    for (int32_t i = 0; i < s->n_evaluation; i++)
        if (strcmp(s->evaluation[i].id, evaluation) == 0) return &s->evaluation[i];
    return NULL;
}

static int32_t best_of(const ssmq_finished_run *run, int32_t n, const char *evaluation,
                       int32_t *quantised)
{
    int32_t best = -1;
    double  least = INFINITY;
    *quantised = 0;
    for (int32_t i = 0; i < n; i++) {
        const ssmq_evaluation_score *e = score_of(run[i].summary, evaluation);
        if (!e) continue;
        ++*quantised;
        if (best >= 0 && !(e->score.nll < least)) continue;
        best = i;
        least = e->score.nll;
    }
    return best;
}

ssmq_status ssmq_losses_of(const ssmq_finished_run *run, const char *evaluation, ssmq_arena *arena,
                           ssmq_losses *out)
{
    const char *path = ssmq_arena_printf(arena, "%s/run.h5", run->directory);
    if (!ssmq_store_is_one(path, run->summary->id)) /* HDF5 may crash on such files */
        return SSMQ_FAIL(DAMAGED, "%s: is missing or damaged", path);
    return ssmq_losses_read(path, evaluation, arena, out);
}

static ssmq_rival against_best(const ssmq_finished_run *run, const ssmq_evaluation_score *best_score,
                               const ssmq_losses *best, const char *evaluation, ssmq_arena *arena)
{
    ssmq_rival  r = {.name = run->summary->name, .ln_ratio = NAN, .se = NAN};
    ssmq_losses mine = {0};
    if (score_of(run->summary, evaluation)->state_reset != best_score->state_reset) {
        r.reason = "other resets of states";
    } else if (ssmq_losses_of(run, evaluation, arena, &mine) != SSMQ_OK) {
        r.reason = ssmq_arena_strdup(arena, ssmq_error_last()->message);
        ssmq_error_clear();
    } else if (!best->nll || !ssmq_losses_pair(&mine, best, arena, &r.ln_ratio, &r.se)) {
        r.reason = "other tokens";
    } else if (isnan(r.se)) {
        r.reason = mine.by.weight ? "a single document" : "a single window";
    }
    return r;
}

ssmq_ranking ssmq_rank(const ssmq_finished_run *run, int32_t n, const char *evaluation,
                       ssmq_arena *arena)
{
    ssmq_ranking  ranking = {0};
    ssmq_losses   best = {0};
    int32_t       quantised;
    const int32_t at = best_of(run, n, evaluation, &quantised);
    if (quantised < 2) return ranking;
    ranking.best = run[at].summary->name;
    ranking.rival = SSMQ_ARENA_ARRAY(arena, ssmq_rival, quantised);
    const ssmq_status st = ssmq_losses_of(&run[at], evaluation, arena, &best);
    const char       *reason =
        st == SSMQ_OK ? NULL : ssmq_arena_strdup(arena, ssmq_error_last()->message);
    if (st != SSMQ_OK) ssmq_error_clear();
    for (int32_t i = 0; i < n; i++) {
        if (i == at || !score_of(run[i].summary, evaluation)) continue;
        ranking.rival[ranking.n++] =
            reason ? (ssmq_rival){.name = run[i].summary->name, .reason = reason}
                   : against_best(&run[i], score_of(run[at].summary, evaluation), &best, evaluation, arena);
    }
    return ranking;
}
