/* ssmq diff: what differs between two runs, or between the runs of two directories: why two numbers are not
 * the same. */
#include <stdlib.h>
#include <string.h>
#include "analysis/commands.h"
#include "analysis/facts.h"
#include "harness/base/json.h"

typedef struct diff_options {
    int format; /* index into formats */
} diff_options;

#define NOT_THERE "(not there)"

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };

static const ssmq_option diff_table[] = {
    {"format", offsetof(diff_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "how to print"},
    {0},
};

/* ---- two runs -------------------------------------------------------------------------- */

static const ssmq_fact *find(const ssmq_facts *f, const ssmq_fact *like)
{
    for (int32_t i = 0; i < f->n; i++)
        if (f->fact[i].section == like->section && strcmp(f->fact[i].key, like->key) == 0) return &f->fact[i];
    return NULL;
}

typedef struct difference {
    const ssmq_fact *a, *b; /* NULL: only the other has it */
} difference;

/* In the order of a, then what only b has; the arena's. */
static difference *compare(const ssmq_facts *a, const ssmq_facts *b, ssmq_arena *arena, int32_t *n)
{
    difference *d = SSMQ_ARENA_ARRAY(arena, difference, a->n + b->n + 1);
    *n = 0;
    for (int32_t i = 0; i < a->n; i++) {
        const ssmq_fact *other = find(b, &a->fact[i]);
        if (!other || strcmp(other->value, a->fact[i].value) != 0) d[(*n)++] = (difference){&a->fact[i], other};
    }
    for (int32_t i = 0; i < b->n; i++)
        if (!find(a, &b->fact[i])) d[(*n)++] = (difference){NULL, &b->fact[i]};
    return d;
}

static const ssmq_fact *either(const difference *d)
{
    return d->a ? d->a : d->b;
}

static void put_difference(const difference *d, ssmq_str *out)
{
    ssmq_str_printf(out, "    %s\n      - %s\n      + %s\n", either(d)->key, d->a ? d->a->value : NOT_THERE,
                    d->b ? d->b->value : NOT_THERE);
}

/* How many of the differences say that only one of the two has a step, whose method is the first that is known of it. */
static int32_t count_step(const difference *d, int32_t n)
{
    const char *key = either(d)->key;
    int32_t     same = 0;
    if (!ssmq_str_starts(key, SSMQ_FACT_RECIPE ".") || !ssmq_str_ends(key, ".method") || (d->a && d->b)) return 0;
    const size_t step = strlen(key) - strlen("method");
    while (same < n && !d[same].a == !d->a && strncmp(either(&d[same])->key, key, step) == 0) same++;
    return same;
}

/* All of the step on one line. */
static void put_step(const difference *d, int32_t n, ssmq_str *out)
{
    const size_t step = strlen(either(d)->key) - strlen("method");
    ssmq_str     line = {0};
    for (int32_t i = 0; i < n; i++)
        ssmq_str_printf(&line, "%s%s %s", i ? ", " : "", either(&d[i])->key + step, either(&d[i])->value);
    ssmq_str_printf(out, "    %.*s\n      - %s\n      + %s\n", (int)step - 1, either(d)->key,
                    d->a ? ssmq_str_text(&line) : NOT_THERE, d->b ? ssmq_str_text(&line) : NOT_THERE);
    ssmq_str_free(&line);
}

static void put_text(const difference *d, int32_t n, ssmq_str *out)
{
    const char *same = "  the same: ";
    for (int section = 0; section < SSMQ_FACT_SECTIONS; section++) {
        bool any = false;
        for (int32_t i = 0, step; i < n; i += step ? step : 1) {
            step = count_step(&d[i], n - i);
            if ((int)either(&d[i])->section != section) continue;
            if (!any) ssmq_str_printf(out, "  %s\n", ssmq_fact_sections[section]);
            any = true;
            if (step) put_step(&d[i], step, out);
            else put_difference(&d[i], out);
        }
    }
    for (int section = 0; section < SSMQ_FACT_SECTIONS; section++) {
        bool any = false;
        for (int32_t i = 0; i < n; i++) any = any || (int)either(&d[i])->section == section;
        if (any) continue;
        ssmq_str_printf(out, "%s%s", same, ssmq_fact_sections[section]);
        same = ", ";
    }
    if (*same == ',') ssmq_str_puts(out, "\n");
}

static void put_json(ssmq_json_writer *w, const difference *d, int32_t n)
{
    ssmq_json_begin_array(w, "differences");
    for (int32_t i = 0; i < n; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "section", ssmq_fact_sections[either(&d[i])->section]);
        ssmq_json_put_text(w, "key", either(&d[i])->key);
        ssmq_json_put_text(w, "a", d[i].a ? d[i].a->value : NULL);
        ssmq_json_put_text(w, "b", d[i].b ? d[i].b->value : NULL);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
}

/* a or b NULL: only the other directory has the run. */
static ssmq_status put_pair(const ssmq_stored_run *a, const ssmq_stored_run *b, ssmq_arena *arena,
                            ssmq_str *text, ssmq_json_writer *json)
{
    ssmq_facts  fa = {0}, fb = {0};
    int32_t     n = 0;
    difference *d = NULL;
    if (a && b) {
        SSMQ_TRY(ssmq_facts_of(a, arena, &fa));
        SSMQ_TRY(ssmq_facts_of(b, arena, &fb));
        d = compare(&fa, &fb, arena, &n);
    }
    if (json) {
        ssmq_json_begin_object(json, NULL);
        ssmq_json_put_text(json, "a", a ? a->path : NULL);
        ssmq_json_put_text(json, "b", b ? b->path : NULL);
        put_json(json, d, n);
        ssmq_json_end_object(json);
        return SSMQ_OK;
    }
    if (a) ssmq_str_printf(text, "- %s  %s\n", a->path, a->summary.name);
    if (b) ssmq_str_printf(text, "+ %s  %s\n", b->path, b->summary.name);
    if (a && b && n == 0) ssmq_str_puts(text, "  no difference\n");
    else if (a && b) put_text(d, n, text);
    return SSMQ_OK;
}

/* ---- two directories ------------------------------------------------------------------- */

/* The run of that id, else of that name, that is not yet taken. */
static int32_t partner(const ssmq_stored_run *run, const ssmq_stored *other, const bool *taken)
{
    for (int by_name = 0; by_name <= 1; by_name++)
        for (int32_t i = 0; i < other->n; i++) {
            const ssmq_summary *s = &other->run[i].summary;
            const bool same = by_name ? strcmp(s->name, run->summary.name) == 0 : strcmp(s->id, run->summary.id) == 0;
            if (same && !taken[i]) return i;
        }
    return -1;
}

static ssmq_status put_pairs(const ssmq_stored *a, const ssmq_stored *b, ssmq_arena *arena, ssmq_str *text,
                             ssmq_json_writer *json)
{
    bool *taken = SSMQ_ARENA_ARRAY(arena, bool, b->n + 1);
    if (!a->sweep && !b->sweep) return put_pair(&a->run[0], &b->run[0], arena, text, json);
    for (int32_t i = 0; i < a->n; i++) {
        const int32_t k = partner(&a->run[i], b, taken);
        if (k >= 0) taken[k] = true;
        if (!json && i) ssmq_str_puts(text, "\n");
        SSMQ_TRY(put_pair(&a->run[i], k >= 0 ? &b->run[k] : NULL, arena, text, json));
    }
    for (int32_t k = 0; k < b->n; k++) {
        if (taken[k]) continue;
        if (!json) ssmq_str_puts(text, "\n");
        SSMQ_TRY(put_pair(NULL, &b->run[k], arena, text, json));
    }
    return SSMQ_OK;
}

static ssmq_status diff_open(const char *const *operand, bool json, ssmq_arena *arena, ssmq_str *text)
{
    ssmq_json_writer w = {.out = text};
    ssmq_stored      a = {0}, b = {0};
    SSMQ_TRY(ssmq_stored_open(operand[0], arena, &a));
    ssmq_status st = ssmq_stored_open(operand[1], arena, &b);
    if (st == SSMQ_OK) {
        if (json) ssmq_json_begin_object(&w, NULL);
        if (json) ssmq_json_begin_array(&w, "pairs");
        st = put_pairs(&a, &b, arena, text, json ? &w : NULL);
        if (json) ssmq_json_end_array(&w);
        if (json) ssmq_json_end_object(&w);
        if (st == SSMQ_OK) st = ssmq_stored_whole(&b);
        ssmq_stored_close(&b);
    }
    if (st == SSMQ_OK) st = ssmq_stored_whole(&a);
    ssmq_stored_close(&a);
    return st;
}

static ssmq_status diff_run(const void *options, int n_operand, const char *const *operand,
                            const ssmq_catalogue *cat, FILE *out)
{
    const diff_options *o = options;
    ssmq_arena         *arena = ssmq_arena_new();
    ssmq_str            text = {0};
    (void)n_operand;
    (void)cat;
    const ssmq_status st = diff_open(operand, o->format == FORMAT_JSON, arena, &text);
    if (st == SSMQ_OK || st == SSMQ_ERR_DAMAGED) fputs(ssmq_str_text(&text), out); /* of the runs that are whole */
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_diff = {
    .name = "diff",
    .operands = "A B",
    .help = "what differs between two runs: configuration, inputs, build, host, results",
    .details = "A and B are runs, or directories of runs, whose runs are paired by id, else by name.",
    .options = diff_table,
    .options_size = sizeof(diff_options),
    .run = diff_run,
};
