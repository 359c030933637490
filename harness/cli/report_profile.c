#include "harness/cli/report_profile.h"
#include <stddef.h>
#include "harness/base/json.h"
#include "harness/base/table.h"

static double tokens_of(const ssmq_profile *p)
{
    return (double)p->request.batch * p->request.prompt;
}

/* unit: how many of those written are one second or joule. */
static void put_timing(ssmq_json_writer *w, const char *key, const ssmq_timing *t, double unit)
{
    if (t->n == 0) {
        ssmq_json_put_null(w, key);
        return;
    }
    ssmq_json_begin_object(w, key);
    ssmq_json_put_real(w, "median", t->median * unit);
    ssmq_json_put_real(w, "min", t->min * unit);
    ssmq_json_put_real(w, "max", t->max * unit);
    ssmq_json_begin_array(w, "samples");
    for (int32_t i = 0; i < t->n; i++) ssmq_json_put_real(w, NULL, t->sample[i] * unit);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

/* A figure that is not there is null. */
static void put_known(ssmq_json_writer *w, const char *key, bool known, double value)
{
    if (known) ssmq_json_put_real(w, key, value);
    else ssmq_json_put_null(w, key);
}

/* The rates of a machine, by what they are called; of these a tier may lack the last two. */
static const struct {
    const char *key, *unit, *of;
    size_t      at; /* in ssmq_profile */
} rates[] = {{"read_gb_s", "GB/s", "reads", offsetof(ssmq_profile, read)},
             {"fp32_gflop_s", "GFLOP/s", "fp32", offsetof(ssmq_profile, f32)},
             {"int8_gop_s", "GOP/s", "int8", offsetof(ssmq_profile, i8)},
             {"bf16_gflop_s", "GFLOP/s", "bf16", offsetof(ssmq_profile, bf16)}};
#define N_RATE (sizeof rates / sizeof *rates)

static const ssmq_timing *rate_of(const ssmq_profile *p, size_t i)
{
    return (const ssmq_timing *)(const void *)((const char *)p + rates[i].at);
}

static void put_rate_samples(ssmq_json_writer *w, const ssmq_profile *p)
{
    ssmq_json_begin_object(w, "samples");
    for (size_t i = 0; i < N_RATE; i++) {
        const ssmq_timing *t = rate_of(p, i);
        if (!(t->median > 0)) continue;
        ssmq_json_begin_array(w, rates[i].key);
        for (int32_t k = 0; k < t->n; k++) ssmq_json_put_real(w, NULL, t->sample[k]);
        ssmq_json_end_array(w);
    }
    ssmq_json_end_object(w);
}

static void put_machine(ssmq_json_writer *w, const ssmq_profile *p)
{
    ssmq_json_begin_object(w, "machine");
    for (size_t i = 0; i < N_RATE; i++) put_known(w, rates[i].key, rate_of(p, i)->median > 0, rate_of(p, i)->median);
    put_rate_samples(w, p);
    ssmq_json_put_text(w, "tier", p->tier);
    ssmq_json_put_int(w, "threads", p->request.threads);
    ssmq_json_end_object(w);
}

static void put_floors(ssmq_json_writer *w, const ssmq_profile *p)
{
    ssmq_json_begin_object(w, "floor");
    ssmq_json_put_real(w, "prefill_tokens_per_s", tokens_of(p) / p->floor.ttft);
    ssmq_json_put_real(w, "perplexity_tokens_per_s", tokens_of(p) / p->floor.perplexity);
    ssmq_json_put_real(w, "tpot_ms", p->floor.tpot * 1e3);
    ssmq_json_end_object(w);
    ssmq_json_begin_object(w, "of_floor");
    ssmq_json_put_real(w, "prefill", p->of_floor.prefill);
    ssmq_json_put_real(w, "perplexity", p->of_floor.perplexity);
    put_known(w, "decode", p->tpot.n > 0, p->of_floor.decode);
    ssmq_json_end_object(w);
}

static void put_operator(ssmq_json_writer *w, const ssmq_operator *op, double seconds,
                         const ssmq_rates *m)
{
    bool         memory;
    const double bound = ssmq_operator_bound(op, m, &memory);
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "operator", op->name);
    ssmq_json_put_real(w, "calls", op->calls);
    ssmq_json_put_real(w, "ms", op->seconds * 1e3);
    ssmq_json_put_real(w, "share", op->seconds / seconds);
    ssmq_json_put_real(w, "bytes", op->bytes);
    ssmq_json_put_real(w, "int8_operations", op->work.i8);
    ssmq_json_put_real(w, "bf16_operations", op->work.bf16);
    ssmq_json_put_real(w, "float_operations", op->work.f32);
    ssmq_json_put_text(w, "bound", memory ? "memory" : "arithmetic");
    ssmq_json_put_real(w, "bound_ms", bound * 1e3);
    ssmq_json_put_real(w, "bound_share", bound / op->seconds);
    ssmq_json_end_object(w);
}

static void put_breakdown(ssmq_json_writer *w, const char *key, const ssmq_breakdown *b,
                          const ssmq_rates *m)
{
    if (b->n == 0) {
        ssmq_json_put_null(w, key);
        return;
    }
    ssmq_json_begin_object(w, key);
    ssmq_json_put_real(w, "ms", b->seconds * 1e3);
    ssmq_json_put_real(w, "between_ms", ssmq_breakdown_between(b) * 1e3);
    ssmq_json_begin_array(w, "operators");
    for (int32_t i = 0; i < b->n; i++) put_operator(w, &b->op[i], b->seconds, m);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

static void put_profile(ssmq_json_writer *w, const ssmq_profile *p)
{
    const ssmq_profile_request *r = &p->request;
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "mode", ssmq_modes[r->mode]);
    ssmq_json_put_text(w, "model", r->model);
    ssmq_json_put_text(w, "recipe", r->recipe);
    ssmq_json_put_int(w, "batch", r->batch);
    ssmq_json_put_int(w, "prompt", r->prompt);
    ssmq_json_put_int(w, "generate", r->generate);
    ssmq_json_put_int(w, "repeat", r->repeat);
    ssmq_json_put_int(w, "warmup", r->warmup);
    ssmq_json_put_real(w, "prefill_tokens_per_s", tokens_of(p) / p->ttft.median);
    ssmq_json_put_real(w, "perplexity_tokens_per_s", tokens_of(p) / p->perplexity.median);
    put_timing(w, "ttft_ms", &p->ttft, 1e3);
    put_timing(w, "tpot_ms", &p->tpot, 1e3);
    put_timing(w, "ttlt_ms", &p->ttlt, 1e3);
    put_timing(w, "perplexity_ms", &p->perplexity, 1e3);
    ssmq_json_put_int(w, "size_bytes", p->size_bytes);
    ssmq_json_put_int(w, "state_bytes", p->state_bytes);
    ssmq_json_put_int(w, "peak_rss_bytes", p->peak_rss_bytes);
    put_timing(w, "energy_j", &p->energy, 1);
    put_machine(w, p);
    put_floors(w, p);
    for (int k = 0; k < SSMQ_PROFILE_PHASES; k++)
        put_breakdown(w, ssmq_profile_phases[k], &p->phase[k], &p->machine);
    ssmq_json_end_object(w);
}

void ssmq_report_profile_json(const ssmq_profile *p, int32_t n, FILE *out)
{
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_begin_array(&w, "profiles");
    for (int32_t i = 0; i < n; i++) put_profile(&w, &p[i]);
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
    fprintf(out, "%s\n", ssmq_str_text(&text));
    ssmq_str_free(&text);
}

/* One row: median, from min to max, and the share of the floor that was reached. */
static void add_row(ssmq_table *t, ssmq_arena *a, const ssmq_profile *p, const char *what,
                    const ssmq_timing *time, double share, double tokens)
{
    if (time->n == 0) return;
    const char *cell[] = {
        ssmq_modes[p->request.mode],
        what,
        ssmq_arena_printf(a, "%.3f", time->median * 1e3),
        ssmq_arena_printf(a, "%.3f", time->min * 1e3),
        ssmq_arena_printf(a, "%.3f", time->max * 1e3),
        ssmq_arena_printf(a, "%.1f", tokens / time->median),
        share > 0 ? ssmq_arena_printf(a, "%.1f %%", 100 * share) : "-",
    };
    ssmq_table_row(t, cell);
}

static void add_operator(ssmq_table *t, ssmq_arena *a, const ssmq_operator *op, double seconds,
                         const ssmq_rates *m)
{
    bool         memory;
    const double bound = ssmq_operator_bound(op, m, &memory), work = ssmq_work_sum(&op->work);
    const char  *cell[] = {
         op->name,
         ssmq_arena_printf(a, "%.0f", op->calls),
         ssmq_arena_printf(a, "%.3f", op->seconds * 1e3),
         ssmq_arena_printf(a, "%.1f %%", 100 * op->seconds / seconds),
         ssmq_arena_printf(a, "%.1f", op->bytes / op->seconds / 1e9),
         ssmq_arena_printf(a, "%.1f", work / op->seconds / 1e9),
         ssmq_arena_printf(a, "%.0f %%", 100 * bound / op->seconds),
        memory              ? "memory"
         : op->work.i8 > 0   ? "int8"
         : op->work.bf16 > 0 ? "bf16"
                             : "fp32",
    };
    ssmq_table_row(t, cell);
}

/* Is an operator faster than its bound? */
static bool exceeds(const ssmq_breakdown *b, const ssmq_rates *m)
{
    bool memory;
    for (int32_t i = 0; i < b->n; i++)
        if (ssmq_operator_bound(&b->op[i], m, &memory) > b->op[i].seconds) return true;
    return false;
}

static void print_breakdown(const ssmq_profile *p, int k, ssmq_str *text)
{
    static const char *const heading[] = {"operator", "calls", "ms",       "share",
                                          "GB/s",     "Gop/s", "of bound", "bound"};
    const ssmq_breakdown    *b = &p->phase[k];
    if (b->n == 0) return;
    ssmq_table  *t = ssmq_table_new(8, heading);
    ssmq_arena  *a = ssmq_arena_new();
    const double between = ssmq_breakdown_between(b);
    for (int32_t i = 0; i < b->n; i++) add_operator(t, a, &b->op[i], b->seconds, &p->machine);
    const char *rest[] = {"between them",
                          "",
                          ssmq_arena_printf(a, "%.3f", between * 1e3),
                          ssmq_arena_printf(a, "%.1f %%", 100 * between / b->seconds),
                          "",
                          "",
                          "",
                          ""};
    ssmq_table_row(t, rest);
    ssmq_str_printf(text, "\n%s, %s: %.3f ms op by op\n\n", ssmq_modes[p->request.mode],
                    ssmq_profile_phases[k], b->seconds * 1e3);
    ssmq_table_print(t, text);
    if (exceeds(b, &p->machine))
        ssmq_str_puts(text, "above 100 %: operands were still in a cache, or the machine was slower when it was probed\n");
    ssmq_table_free(t);
    ssmq_arena_free(a);
}

static void add_times(ssmq_table *t, ssmq_arena *a, const ssmq_profile *p)
{
    const double B = p->request.batch, all = tokens_of(p);
    add_row(t, a, p, "TTFT", &p->ttft, p->of_floor.prefill, all);
    add_row(t, a, p, "TPOT", &p->tpot, p->of_floor.decode, B);
    add_row(t, a, p, "TTLT", &p->ttlt, 0, B * p->request.generate);
    add_row(t, a, p, "perplexity", &p->perplexity, p->of_floor.perplexity, all);
}

/* What a mode takes and what the machine could do meanwhile: "reads 48.1 GB/s (31.0 to 48.9), fp32 ...". */
static void print_mode(const ssmq_profile *p, ssmq_str *text)
{
    const char *mode = ssmq_modes[p->request.mode], *comma = "";
    ssmq_str_printf(text, "%s: weights %.1f MiB, state %.1f MiB, peak memory %.0f MiB\n", mode,
                    (double)p->size_bytes / 0x1p20, (double)p->state_bytes / 0x1p20,
                    (double)p->peak_rss_bytes / 0x1p20);
    if (p->energy.n > 0) ssmq_str_printf(text, "%s: %.3f J to the last token\n", mode, p->energy.median);
    ssmq_str_printf(text, "%s: machine", mode);
    for (size_t i = 0; i < N_RATE; i++) {
        const ssmq_timing *t = rate_of(p, i);
        if (!(t->median > 0)) continue;
        ssmq_str_printf(text, "%s %s %.*f %s (%.*f to %.*f)", comma, rates[i].of, i == 0, t->median, rates[i].unit,
                        i == 0, t->min, i == 0, t->max);
        comma = ",";
    }
    ssmq_str_puts(text, "\n");
}

void ssmq_report_profile_text(const ssmq_profile *p, int32_t n, FILE *out)
{
    static const char *const heading[] = {"mode", "", "ms", "min", "max", "tokens/s", "of floor"};
    ssmq_table              *t = ssmq_table_new(7, heading);
    ssmq_arena              *a = ssmq_arena_new();
    ssmq_str                 text = {0};
    for (int32_t i = 0; i < n; i++) add_times(t, a, &p[i]);
    ssmq_table_print(t, &text);
    ssmq_str_puts(&text, "\n");
    for (int32_t i = 0; i < n; i++) print_mode(&p[i], &text);
    ssmq_str_printf(&text, "batch %d, prompt %d, generate %d; medians of %d after %d to warm up\n",
                    p->request.batch, p->request.prompt, p->request.generate, p->request.repeat, p->request.warmup);
    ssmq_str_printf(&text,
                    "tier %s, %d thread%s; of floor: each repetition against the machine as it was beside it, then "
                    "the median; bounds: at the machine's medians\n",
                    p->tier, p->request.threads, p->request.threads == 1 ? "" : "s");
    for (int32_t i = 0; i < n; i++)
        for (int k = 0; k < SSMQ_PROFILE_PHASES; k++) print_breakdown(&p[i], k, &text);
    fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
    ssmq_arena_free(a);
    ssmq_table_free(t);
}
