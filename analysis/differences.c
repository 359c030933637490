#include "analysis/differences.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "harness/base/table.h"
#include "harness/store/differences.h"
#include "harness/store/summary.h"

/* Appends what one run has. */
typedef void (*printer)(const ssmq_stored_run *run, const ssmq_differences *d, ssmq_arena *arena,
                        void *to);

static ssmq_status print_run(const ssmq_stored_run *run, ssmq_arena *arena, printer print, void *to,
                             int *found)
{
    ssmq_sealed     *results;
    ssmq_differences d;
    ssmq_status      st = SSMQ_OK;
    if (run->status.state != SSMQ_RUN_DONE) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_open(ssmq_arena_printf(arena, "%s/run.h5", run->path), &results));
    if (ssmq_differences_are_in(results)) {
        st = ssmq_differences_read(results, arena, &d);
        if (st == SSMQ_OK) print(run, &d, arena, to);
        ++*found;
    }
    ssmq_sealed_close(results);
    return st;
}

static ssmq_status print_folder(const char *path, ssmq_arena *arena, printer print, void *to,
                                int *found)
{
    ssmq_stored stored;
    ssmq_status st = ssmq_stored_open(path, arena, &stored);
    if (st != SSMQ_OK) return st;
    for (int32_t i = 0; i < stored.n && st == SSMQ_OK; i++)
        if (strcmp(stored.run[i].summary.status, "damaged") != 0) st = print_run(&stored.run[i], arena, print, to, found);
    ssmq_stored_close(&stored);
    return st;
}

static ssmq_status print_all(const char *const *path, int n, printer print, void *to)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_status st = SSMQ_OK;
    int         found = 0;
    for (int i = 0; i < n && st == SSMQ_OK; i++)
        st = print_folder(path[i], arena, print, to, &found);
    ssmq_arena_free(arena);
    SSMQ_TRY(st);
    if (found > 0) return SSMQ_OK;
    return SSMQ_FAIL(INPUT,
                     "no finished run in mode real was compared with fake: its experiment needs "
                     "compare: {against: [float, fake]}");
}

/* ---- for people ------------------------------------------------------------------------ */

static ssmq_difference_counts sum_of(const ssmq_difference_site *s)
{
    ssmq_difference_counts all = {0};
    for (int64_t i = 0; i < s->n; i++) ssmq_difference_add(&all, &s->at[i]);
    return all;
}

static void put_losses(const ssmq_stored_run *run, const ssmq_differences *d, ssmq_str *out)
{
    ssmq_str_printf(out, "%s: real against fake, %s, %.0f window%s\n", run->summary.name,
                    d->evaluation, d->windows, d->windows == 1 ? "" : "s");
    ssmq_str_printf(out, "perplexity %.6g in fake mode, %.6g in real mode: log-perplexity %+.3g",
                    exp(d->nll_fake), exp(d->nll_real), d->ln_ratio);
    if (!isnan(d->ln_ratio_se)) ssmq_str_printf(out, " (se %.2g)", d->ln_ratio_se);
    ssmq_str_printf(out, ", KL %.3g\n", d->kl_mean);
}

static void put_first(const ssmq_differences *d, const ssmq_difference_counts *all, ssmq_str *out)
{
    if (all->n_values == 0) {
        ssmq_str_puts(out, "codes: none, all activations and states are in floating point\n");
        return;
    }
    if (!d->first.site) {
        ssmq_str_printf(out, "codes: all %" PRIu64 " are the same", all->n_values);
        if (all->n_inexact == 0)
            ssmq_str_puts(out, ", and so is every bit of what they were made from\n");
        else
            ssmq_str_printf(out, "; %" PRIu64 " of the values they were made from are not\n",
                            all->n_inexact);
        return;
    }
    ssmq_str_printf(out, "codes: %" PRIu64 " of %" PRIu64 " differ\nfirst: %s", all->n_differ,
                    all->n_values, d->first.site);
    if (d->first.layer >= 0) ssmq_str_printf(out, ", layer %.0f", d->first.layer);
    ssmq_str_printf(
        out, ", window %.0f, token %.0f, channel %.0f: %.0f in fake mode, %.0f in real mode; %s\n",
        d->first.window, d->first.token, d->first.channel, d->first.fake, d->first.real,
        d->first.cause);
}

/* layer: of all together where it is NULL. */
static void put_row(ssmq_table *t, const char *site, const char *layer,
                    const ssmq_difference_counts *c, ssmq_arena *arena)
{
    const uint64_t count[] = {c->n_values, c->n_differ, c->max_differ,
#define X(name, text, long_name) c->n_##name,
                              SSMQ_DIFFER_CAUSES(X)
#undef X
    };
    const char *cell[2 + sizeof count / sizeof *count] = {site, layer};
    for (size_t i = 0; i < sizeof count / sizeof *count; i++)
        cell[2 + i] = ssmq_arena_printf(arena, "%" PRIu64, count[i]);
    ssmq_table_row(t, cell);
}

static void put_site(ssmq_table *t, const ssmq_difference_site *s, ssmq_arena *arena)
{
    const ssmq_difference_counts all = sum_of(s);
    put_row(t, s->name, s->n == 1 && s->layer[0] < 0 ? "-" : "all", &all, arena);
    for (int64_t i = 0; i < s->n; i++)
        if (s->at[i].n_differ > 0 && s->layer[i] >= 0)
            put_row(t, s->name, ssmq_arena_printf(arena, "%.0f", s->layer[i]), &s->at[i], arena);
}

static void put_text(const ssmq_stored_run *run, const ssmq_differences *d, ssmq_arena *arena,
                     void *to)
{
    static const char *const heading[] = {"site",
                                          "layer",
                                          "codes",
                                          "differ",
                                          "by at most",
#define X(name, text, long_name) text,
                                          SSMQ_DIFFER_CAUSES(X)
#undef X
    };
    ssmq_str              *out = to;
    ssmq_table            *t = ssmq_table_new((int32_t)(sizeof heading / sizeof *heading), heading);
    ssmq_difference_counts all = {0};
    if (out->length > 0) ssmq_str_puts(out, "\n");
    for (int64_t i = 0; i < d->n; i++) {
        const ssmq_difference_counts one = sum_of(&d->site[i]);
        ssmq_difference_add(&all, &one);
        put_site(t, &d->site[i], arena);
    }
    put_losses(run, d, out);
    put_first(d, &all, out);
    if (d->n > 0) ssmq_str_puts(out, "\n");
    if (d->n > 0) ssmq_table_print(t, out);
    ssmq_table_free(t);
}

ssmq_status ssmq_differences_text(const char *const *path, int n, ssmq_str *out)
{
    return print_all(path, n, put_text, out);
}

/* ---- for programs ---------------------------------------------------------------------- */

static void put_first_object(ssmq_json_writer *w, const ssmq_differences *d)
{
    if (!d->first.site) return;
    ssmq_json_begin_object(w, "first");
    ssmq_json_put_text(w, "site", d->first.site);
    ssmq_json_put_int(w, "layer", (int64_t)d->first.layer);
    ssmq_json_put_int(w, "window", (int64_t)d->first.window);
    ssmq_json_put_int(w, "token", (int64_t)d->first.token);
    ssmq_json_put_int(w, "channel", (int64_t)d->first.channel);
    ssmq_json_put_int(w, "fake", (int64_t)d->first.fake);
    ssmq_json_put_int(w, "real", (int64_t)d->first.real);
    ssmq_json_put_text(w, "cause", d->first.cause);
    ssmq_json_end_object(w);
}

static void put_layers(ssmq_json_writer *w, const ssmq_difference_site *s)
{
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "site", s->name);
    ssmq_json_begin_array(w, "layers");
    for (int64_t i = 0; i < s->n; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_int(w, "layer", (int64_t)s->layer[i]);
#define X(name, long_name) ssmq_json_put_int(w, #name, (int64_t)s->at[i].name);
        SSMQ_DIFFERENCE_COUNTS(X)
#undef X
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

static void put_object(const ssmq_stored_run *run, const ssmq_differences *d, ssmq_arena *arena,
                       void *to)
{
    ssmq_json_writer *w = to;
    (void)arena;
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "name", run->summary.name);
    ssmq_json_put_text(w, "id", run->summary.id);
    ssmq_json_put_text(w, "recipe", run->summary.recipe);
    ssmq_json_put_text(w, "directory", run->path);
    ssmq_json_put_text(w, "evaluation", d->evaluation);
    ssmq_json_put_int(w, "windows", (int64_t)d->windows);
    ssmq_summary_put_real(w, "nll_fake", d->nll_fake);
    ssmq_summary_put_real(w, "nll_real", d->nll_real);
    ssmq_summary_put_real(w, "ln_ratio", d->ln_ratio);
    ssmq_summary_put_real(w, "ln_ratio_se", d->ln_ratio_se);
    ssmq_summary_put_real(w, "kl_mean", d->kl_mean);
    put_first_object(w, d);
    ssmq_json_begin_array(w, "sites");
    for (int64_t i = 0; i < d->n; i++) put_layers(w, &d->site[i]);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

ssmq_status ssmq_differences_json(const char *const *path, int n, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_begin_array(&w, "fake_real");
    const ssmq_status st = print_all(path, n, put_object, &w);
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
    return st;
}
