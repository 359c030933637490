/* How the runs of a report ended, what was run, and where the numbers come from. */
#include <jansson.h>
#include <string.h>
#include <unistd.h>
#include "analysis/facts.h"
#include "analysis/html.h"
#include "analysis/report_parts.h"
#include "harness/base/file.h"
#include "harness/store/overview.h"

#define RESOLVED_MAX (4u << 20) /* bytes */

/* ---- statuses ---------------------------------------------------------------------------------- */

ssmq_status ssmq_report_statuses(const ssmq_report_subject *s, ssmq_str *out)
{
    static const char *const heading[] = {"run", "id", "status", "reason", "last line of log.txt"};
    ssmq_overview           *v;
    int32_t                  n = 0;
    SSMQ_TRY(ssmq_overview_all(s->path, s->arena, &v, &n));
    ssmq_html_section(out, "runs", "Runs");
    ssmq_html_table_begin(out, "How each run ended", heading, 5);
    for (int32_t i = 0; i < n; i++) {
        const bool  done = strcmp(v[i].status, "done") == 0;
        const char *reason = v[i].reason   ? v[i].reason
                             : v[i].killed ? "its process ended without a word"
                                           : "";
        ssmq_html_row(
            out,
            (const char *[]){v[i].name, v[i].id, ssmq_overview_state(&v[i]), reason, done ? "" : v[i].log}, 5,
            -1);
    }
    ssmq_html_table_end(out);
    return SSMQ_OK;
}

/* ---- facts of all runs ------------------------------------------------------------------------- */

/* Float runs have no recipe and no calibration: they would differ from the others in every key of those. */
static ssmq_report_facts quantised(const ssmq_report_facts *all, ssmq_arena *arena)
{
    ssmq_report_facts some = {.run = SSMQ_ARENA_ARRAY(arena, const ssmq_stored_run *, all->n + 1),
                      .of = SSMQ_ARENA_ARRAY(arena, ssmq_facts, all->n + 1)};
    for (int32_t i = 0; i < all->n; i++) {
        if (strcmp(all->run[i]->summary.mode, "float") == 0) continue;
        some.run[some.n] = all->run[i];
        some.of[some.n++] = all->of[i];
    }
    return some.n > 0 ? some : *all;
}

static ssmq_status read_facts(const ssmq_report_subject *s, ssmq_report_facts *out)
{
    const ssmq_stored *stored = &s->source->stored;
    out->run = SSMQ_ARENA_ARRAY(s->arena, const ssmq_stored_run *, stored->n + 1);
    out->of = SSMQ_ARENA_ARRAY(s->arena, ssmq_facts, stored->n + 1);
    for (int32_t i = 0; i < stored->n; i++) {
        const ssmq_stored_run *r = &stored->run[i];
        const bool listed = !s->source->listed || ssmq_frozen_find(&s->source->frozen, r->status.id) >= 0;
        if (!listed || access(ssmq_arena_printf(s->arena, "%s/resolved.yaml", r->path), R_OK) != 0) continue;
        SSMQ_TRY(ssmq_facts_of(r, s->arena, &out->of[out->n]));
        out->run[out->n++] = r;
    }
    return SSMQ_OK;
}

static bool is_shared(const ssmq_report_facts *all, ssmq_fact_section section, const char *key)
{
    const char *first = ssmq_fact_value(&all->of[0], section, key);
    for (int32_t i = 1; i < all->n; i++) {
        const char *v = ssmq_fact_value(&all->of[i], section, key);
        if (!v || !first || strcmp(v, first) != 0) return false;
    }
    return true;
}

/* Keys of a section that some run has and all do, or do not, agree on; each once. */
static const char **keys_of(const ssmq_report_facts *all, ssmq_fact_section section, bool shared, ssmq_arena *arena,
                            int32_t *n)
{
    int32_t most = 1;
    *n = 0;
    for (int32_t i = 0; i < all->n; i++) most += all->of[i].n;
    const char **key = SSMQ_ARENA_ARRAY(arena, const char *, most);
    for (int32_t i = 0; i < all->n; i++)
        for (int32_t k = 0; k < all->of[i].n; k++) {
            const ssmq_fact *f = &all->of[i].fact[k];
            int32_t          at = 0;
            if (f->section != section || is_shared(all, section, f->key) != shared) continue;
            if (section == SSMQ_FACT_CONFIGURATION && ssmq_report_is_of_recipe(all, f->key)) continue;
            while (at < *n && strcmp(key[at], f->key) != 0) at++;
            if (at == *n) key[(*n)++] = f->key;
        }
    return key;
}

/* A row for each run, a column for each key on which they differ. */
static void put_differences(const ssmq_report_facts *all, ssmq_fact_section section, const char *caption,
                            ssmq_arena *arena, ssmq_str *out)
{
    int32_t      n;
    const char **key = keys_of(all, section, false, arena, &n);
    if (n == 0) {
        ssmq_str_puts(out, "<p class=\"note\">");
        ssmq_html_printf(out, "%s: none.", caption);
        ssmq_str_puts(out, "</p>\n");
        return;
    }
    const char **cell = SSMQ_ARENA_ARRAY(arena, const char *, n + 1);
    cell[0] = "run";
    memcpy(cell + 1, key, (size_t)n * sizeof *cell);
    ssmq_html_table_begin(out, caption, cell, n + 1);
    for (int32_t i = 0; i < all->n; i++) {
        cell[0] = all->run[i]->summary.name;
        for (int32_t k = 0; k < n; k++) {
            cell[k + 1] = ssmq_fact_value(&all->of[i], section, key[k]);
            if (!cell[k + 1]) cell[k + 1] = "(not there)";
        }
        ssmq_html_row(out, cell, n + 1, -1);
    }
    ssmq_html_table_end(out);
}

static void put_shared(const ssmq_report_facts *all, ssmq_fact_section section, const char *caption,
                       ssmq_arena *arena, ssmq_str *out)
{
    static const char *const heading[] = {"", "value"};
    int32_t                  n;
    const char             **key = keys_of(all, section, true, arena, &n);
    if (n == 0) return;
    ssmq_html_table_begin(out, caption, heading, 2);
    for (int32_t k = 0; k < n; k++)
        ssmq_html_row(out, (const char *[]){key[k], ssmq_fact_value(&all->of[0], section, key[k])}, 2, -1);
    ssmq_html_table_end(out);
}

/* ---- configuration ------------------------------------------------------------------------------ */

static ssmq_status put_resolved(const ssmq_report_facts *all, ssmq_arena *arena, ssmq_str *out)
{
    ssmq_str text = {0};
    for (int32_t i = 0; i < all->n; i++) {
        const char *path = ssmq_arena_printf(arena, "%s/resolved.yaml", all->run[i]->path);
        ssmq_str_clear(&text);
        const ssmq_status st = ssmq_file_read(path, RESOLVED_MAX, &text);
        if (st != SSMQ_OK) return st;
        ssmq_html_details(out, ssmq_arena_printf(arena, "resolved.yaml of %s", all->run[i]->summary.name),
                          ssmq_str_text(&text));
    }
    ssmq_str_free(&text);
    return SSMQ_OK;
}

/* Names, sums and sizes of the files that the numbers are from. */
static void put_inputs(const ssmq_report_facts *all, ssmq_arena *arena, ssmq_str *out)
{
    static const char *const heading[] = {"input", ">bytes", "SHA-256"};
    json_t                  *each;
    size_t                   i;
    for (int32_t k = 0; k < all->n; k++) {
        json_t *inputs = json_object_get(json_object_get(all->run[k]->manifest.root, "numbers"), "inputs");
        if (k > 0 &&
            json_equal(inputs,
                       json_object_get(json_object_get(all->run[k - 1]->manifest.root, "numbers"), "inputs")))
            continue;
        if (!inputs) continue;
        ssmq_html_table_begin(
            out,
            ssmq_arena_printf(arena, "Inputs of %s%s", all->run[k]->summary.name,
                              all->n > k + 1 ? " and those after it, until others are listed" : ""),
            heading, 3);
        json_array_foreach(inputs, i, each)
        {
            const char *role = json_string_value(json_object_get(each, "role")),
                       *sha = json_string_value(json_object_get(each, "sha256"));
            ssmq_html_row(out,
                          (const char *[]){role,
                                           ssmq_arena_printf(
                                               arena, "%lld",
                                               (long long)json_integer_value(json_object_get(each, "bytes"))),
                                           sha},
                          3, -1);
        }
        ssmq_html_table_end(out);
    }
}

ssmq_status ssmq_report_configuration(const ssmq_report_subject *s, ssmq_str *out)
{
    ssmq_report_facts all = {0};
    SSMQ_TRY(read_facts(s, &all));
    if (all.n > 0) ssmq_report_recipes(&all, s->arena, out);
    ssmq_html_section(out, "configuration", "Configuration");
    if (all.n == 0) {
        ssmq_str_puts(out, "<p class=\"note\">No run has begun.</p>\n");
        return SSMQ_OK;
    }
    const ssmq_report_facts some = quantised(&all, s->arena);
    put_differences(&some, SSMQ_FACT_CONFIGURATION, "In what the quantised runs differ beside their recipes", s->arena, out);
    SSMQ_TRY(put_resolved(&all, s->arena, out));
    ssmq_html_section(out, "provenance", "Provenance");
    put_inputs(&all, s->arena, out);
    put_shared(&all, SSMQ_FACT_BUILD, "Build, the same for all runs", s->arena, out);
    put_differences(&all, SSMQ_FACT_BUILD, "Differences of builds", s->arena, out);
    put_shared(&all, SSMQ_FACT_HOST, "Host, the same for all runs", s->arena, out);
    put_differences(&all, SSMQ_FACT_HOST, "Differences of hosts", s->arena, out);
    return SSMQ_OK;
}
