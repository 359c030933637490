/* ssmq status: how far the runs of a directory are, and what stopped those that failed. */
#include <string.h>
#include <time.h>
#include "analysis/commands.h"
#include "harness/base/table.h"
#include "harness/store/overview.h"

typedef struct status_options {
    int format; /* index into formats */
} status_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };

static const ssmq_option status_table[] = {
    {"format", offsetof(status_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "how to print"},
    {0},
};

/* In the order in which they are counted; "killed" is running without a process. */
static const char *const states[] = {"done",   "running",     "queued",  "stopped",   "killed",
                                     "failed", "unsupported", "damaged", "unreadable"};
#define N_STATES (sizeof states / sizeof *states)

static void count(const ssmq_overview *v, int32_t n, int32_t counts[N_STATES])
{
    memset(counts, 0, N_STATES * sizeof *counts);
    for (int32_t i = 0; i < n; i++)
        for (size_t k = 0; k < N_STATES; k++) counts[k] += strcmp(states[k], ssmq_overview_state(&v[i])) == 0;
}

static bool is_at_work(const ssmq_overview *v)
{
    return strcmp(ssmq_overview_state(v), "running") == 0;
}

/* ---- how long it will take --------------------------------------------------------------- */

/* Seconds that finished runs took in the mean, those of the same mode where there are some; -1: none. */
static double mean_time(const ssmq_overview *v, int32_t n, const char *mode, time_t now)
{
    for (int any = 0; any < 2; any++) {
        double  total = 0;
        int32_t done = 0;
        for (int32_t i = 0; i < n; i++) {
            const bool same = any || (mode && v[i].mode && strcmp(v[i].mode, mode) == 0);
            if (!same || strcmp(v[i].status, "done") != 0 || v[i].started_s < 0 || v[i].age_s < 0) continue;
            total += (double)(now - v[i].age_s - v[i].started_s);
            done++;
        }
        if (done) return total / done;
    }
    return -1;
}

/* Seconds until all that can be done is done, by as many processes as are at work; -1: nobody is, or nobody
 * knows. */
static int64_t time_left(const ssmq_overview *v, int32_t n, int32_t *at_work)
{
    const time_t now = time(NULL);
    double       left = 0;
    *at_work = 0;
    for (int32_t i = 0; i < n; i++) {
        const char  *state = ssmq_overview_state(&v[i]);
        const bool   working = is_at_work(&v[i]);
        const double mean = mean_time(v, n, v[i].mode, now);
        *at_work += working;
        if (strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "unsupported") == 0)
            continue;
        const double spent = working && v[i].started_s >= 0 ? (double)(now - v[i].started_s) : 0;
        if (mean >= 0) left += mean > spent ? mean - spent : 0;
        else if (working && v[i].progress.eta_s >= 0) left += (double)v[i].progress.eta_s;
        else return -1;
    }
    return *at_work ? (int64_t)(left / *at_work + 0.5) : -1;
}

/* ---- for people ---------------------------------------------------------------------------- */

static const char *process_of(const ssmq_overview *v, ssmq_arena *a)
{
    if (!v->held) return "-";
    if (!v->holder.alive)
        return ssmq_arena_printf(a, "%lld on %s, gone", (long long)v->holder.pid, v->holder.host);
    char silent[SSMQ_AGE_TEXT];
    ssmq_age_text(v->holder.silent_s < 0 ? 0 : v->holder.silent_s, silent);
    return ssmq_arena_printf(a, "%lld on %s, heard %s ago", (long long)v->holder.pid, v->holder.host, silent);
}

static const char *progress_of(const ssmq_overview *v, ssmq_arena *a)
{
    char left[SSMQ_AGE_TEXT];
    if (v->progress.done == 0) return "-";
    if (v->progress.total < 0) return ssmq_arena_printf(a, "%lld", (long long)v->progress.done);
    ssmq_age_text(v->progress.eta_s, left);
    return ssmq_arena_printf(a, "%lld of %lld%s%s%s", (long long)v->progress.done,
                             (long long)v->progress.total,
                             v->progress.eta_s >= 0 && is_at_work(v) ? ", " : "",
                             v->progress.eta_s >= 0 && is_at_work(v) ? left : "",
                             v->progress.eta_s >= 0 && is_at_work(v) ? " to go" : "");
}

static void put_rows(const ssmq_overview *v, int32_t n, ssmq_arena *a, ssmq_str *out)
{
    static const char *const heading[] = {"run", "id", "status", "stage", "progress", "age", "process"};
    ssmq_table              *t = ssmq_table_new(7, heading);
    for (int32_t i = 0; i < n; i++) {
        char age[SSMQ_AGE_TEXT];
        ssmq_age_text(v[i].age_s, age);
        ssmq_table_row(t, (const char *const[]){v[i].name, v[i].id, ssmq_overview_state(&v[i]),
                                                v[i].stage ? v[i].stage : "-", progress_of(&v[i], a), age,
                                                process_of(&v[i], a)});
    }
    ssmq_table_print(t, out);
    ssmq_table_free(t);
}

/* Why those that came to no end did not, with the last line of their logs. */
static void put_reasons(const ssmq_overview *v, int32_t n, ssmq_str *out)
{
    for (int32_t i = 0; i < n; i++) {
        if (strcmp(v[i].status, "done") == 0 || (!v[i].reason && !v[i].killed)) continue;
        ssmq_str_printf(out, "\n%s  %s\n", v[i].id, v[i].name);
        ssmq_str_printf(out, "  %s\n",
                        v[i].reason ? v[i].reason : "its process ended without a word; run it again");
        if (v[i].log) ssmq_str_printf(out, "  log.txt: %s\n", v[i].log);
    }
}

static void put_text(const char *path, const ssmq_overview *v, int32_t n, ssmq_arena *a, ssmq_str *out)
{
    int32_t     counts[N_STATES];
    const char *before = ": ";
    count(v, n, counts);
    ssmq_str_printf(out, "%s: %d run%s", path, n, n == 1 ? "" : "s");
    for (size_t k = 0; k < N_STATES; k++) {
        if (counts[k] == 0) continue;
        ssmq_str_printf(out, "%s%d %s", before, counts[k], states[k]);
        before = ", ";
    }
    int32_t       at_work;
    char          text[SSMQ_AGE_TEXT];
    const int64_t left = time_left(v, n, &at_work);
    ssmq_age_text(left, text);
    if (left >= 0) ssmq_str_printf(out, "; about %s to go with %d at work", text, at_work);
    ssmq_str_puts(out, "\n\n");
    put_rows(v, n, a, out);
    put_reasons(v, n, out);
}

static void put_json(const ssmq_overview *v, int32_t n, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out};
    int32_t          counts[N_STATES];
    count(v, n, counts);
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_begin_object(&w, "counts");
    for (size_t k = 0; k < N_STATES; k++) ssmq_json_put_int(&w, states[k], counts[k]);
    ssmq_json_end_object(&w);
    int32_t       at_work;
    const int64_t left = time_left(v, n, &at_work);
    ssmq_json_put_int(&w, "at_work", at_work);
    if (left < 0) ssmq_json_put_null(&w, "eta_s");
    else ssmq_json_put_int(&w, "eta_s", left);
    ssmq_json_begin_array(&w, "runs");
    for (int32_t i = 0; i < n; i++) ssmq_overview_put(&w, &v[i]);
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
}

static ssmq_status status_run(const void *options, int n_operand, const char *const *operand,
                              const ssmq_catalogue *cat, FILE *out)
{
    const status_options *o = options;
    ssmq_arena           *arena = ssmq_arena_new();
    ssmq_str              text = {0};
    ssmq_overview        *v;
    int32_t               n = 0;
    (void)n_operand;
    (void)cat;
    const ssmq_status st = ssmq_overview_all(operand[0], arena, &v, &n);
    if (st == SSMQ_OK) {
        if (o->format == FORMAT_JSON) put_json(v, n, &text);
        else put_text(operand[0], v, n, arena, &text);
        fputs(ssmq_str_text(&text), out);
    }
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_status = {
    .name = "status",
    .operands = "DIR",
    .help = "how far the runs of a directory are, who is at it, and why some failed",
    .options = status_table,
    .options_size = sizeof(status_options),
    .run = status_run,
};
