/* ssmq bench: every op of a tier checked against the reference, then timed beside the machine's
 * peaks. */
#include <string.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/backend/ref/ref.h"
#include "harness/base/json.h"
#include "harness/base/table.h"
#include "harness/bench/kernels.h"
#include "harness/cli/commands.h"
#include "harness/cli/named.h"

typedef struct bench_options {
    const char        *shape;
    const char *const *op, *const *isa;
    int  tokens, threads, checks, seed, format;
    bool time;
} bench_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };
static const char *const all_cores[] = {"all", NULL}; /* stands for 0 */

#define AT(name) #name, offsetof(bench_options, name)

static const ssmq_option bench_table[] = {
    {AT(shape), SSMQ_OPTION_TEXT, "mamba-130m", 0, 0, NULL,
     "sizes of the ops: mamba-130m or another released one"},
    {AT(op), SSMQ_OPTION_LIST, "", 0, 0, NULL,
     "linear, scan, ...: this one alone; once more for another (all)"},
    {AT(isa), SSMQ_OPTION_LIST, "", 0, 0, NULL,
     "auto, c, avx2 or avx512: instructions that are used; once more for another tier (auto)"},
    {AT(tokens), SSMQ_OPTION_INT, "512", 1, 1048576, NULL,
     "rows of the ops of a prefill; decoding has one"},
    {AT(threads), SSMQ_OPTION_INT, "all", 1, 1024, all_cores, "threads; all: one for each core"},
    {AT(checks), SSMQ_OPTION_INT, "16", 1, 100000, NULL,
     "random shapes that each op is checked on before"},
    {AT(seed), SSMQ_OPTION_INT, "1", 0, 2147483647, NULL, "of the shapes and values of the checks"},
    {AT(time), SSMQ_OPTION_BOOL, "true", 0, 0, NULL, "--no-time: check only"},
    {AT(format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "of the results on standard output"},
    {0},
};

/* One tier's results. */
typedef struct tier {
    ssmq_backend      *be;
    int32_t            n_checked, n;
    ssmq_peaks         peaks;
    ssmq_bench_result *result;
} tier;

/* ---- what is asked for ------------------------------------------------------------------- */

static ssmq_status find_shape(const char *name, const ssmq_bench_shape **out)
{
    for (*out = ssmq_bench_shapes; (*out)->name; ++*out)
        if (strcmp((*out)->name, name) == 0) return SSMQ_OK;
    return SSMQ_FAIL(USAGE,
                     "--shape: there is no '%s', only mamba-130m, mamba-370m, mamba-790m, "
                     "mamba-1.4b, mamba-2.8b",
                     name);
}

static ssmq_status check_ops(const char *const *op)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_status st = SSMQ_OK;
    for (; op && *op && st == SSMQ_OK; op++) {
        const char *const *known = ssmq_bench_ops;
        while (*known && strcmp(*known, *op) != 0) known++;
        if (!*known)
            st = SSMQ_FAIL(USAGE, "--op: '%s' is none of %s", *op,
                           ssmq_option_words(arena, ssmq_bench_ops));
    }
    ssmq_arena_free(arena);
    return st;
}

static ssmq_status open_tier(const char *isa, int32_t threads, ssmq_backend **out)
{
    const char *const *word = ssmq_backend_cpu.options[0].choices;
    int                at = 0;
    while (word[at] && strcmp(word[at], isa) != 0) at++;
    if (!word[at]) return SSMQ_FAIL(USAGE, "--isa: '%s' is none of auto, c, avx2, avx512", isa);
    const ssmq_cpu_options o = {.isa = at};
    return ssmq_backend_open(&ssmq_backend_cpu, &o, threads, out);
}

/* A case is named by its op, or by its op and more ("scan of codes"). */
static bool is_of(const char *name, const char *const *op)
{
    if (!op || !*op) return true;
    for (; *op; op++) {
        const size_t n = strlen(*op);
        if (strncmp(name, *op, n) == 0 && (name[n] == 0 || name[n] == ' ')) return true;
    }
    return false;
}

static ssmq_status check_all(const bench_options *o, tier *t)
{
    ssmq_backend *ref = NULL;
    ssmq_status   st = ssmq_backend_open(&ssmq_backend_ref, NULL, 1, &ref);
    for (const ssmq_kernel_case *c = ssmq_kernel_cases; c->op && st == SSMQ_OK; c++) {
        if (!is_of(c->op, o->op)) continue;
        st = ssmq_kernel_check(c, t->be, ref, (uint64_t)o->seed, o->checks, false);
        t->n_checked++;
    }
    ssmq_backend_close(ref);
    return st;
}

static ssmq_status run_tier(const bench_options *o, const char *isa, const ssmq_bench_shape *shape,
                            ssmq_arena *arena, tier *t)
{
    const ssmq_bench_request r = {.shape = shape, .tokens = o->tokens, .op = o->op};
    SSMQ_TRY(open_tier(isa, ssmq_threads_of(o->threads), &t->be));
    SSMQ_TRY(check_all(o, t));
    if (!o->time) return SSMQ_OK;
    SSMQ_TRY(ssmq_peaks_probe(t->be, &t->peaks));
    return ssmq_bench_kernels(t->be, &r, arena, &t->result, &t->n);
}

/* ---- results ----------------------------------------------------------------------------- */

static double operations_of(const ssmq_bench_result *r)
{
    return r->cost.i8 + r->cost.bf16 + r->cost.f32;
}

static double peak_of(const tier *t, const ssmq_bench_result *r)
{
    if (r->cost.i8 > 0 && t->peaks.all.i8 > 0) return t->peaks.all.i8;
    if (r->cost.bf16 > 0 && t->peaks.all.bf16 > 0) return t->peaks.all.bf16;
    return t->peaks.all.f32;
}

static void add_row(ssmq_table *table, ssmq_arena *a, const tier *t, const ssmq_bench_result *r)
{
    const double gb = r->cost.bytes / r->median_s / 1e9, gop = operations_of(r) / r->median_s / 1e9;
    const char  *cell[] = {r->op,
                           r->shape,
                           ssmq_arena_printf(a, "%.1f", r->median_s * 1e6),
                           ssmq_arena_printf(a, "%.1f", r->min_s * 1e6),
                           ssmq_arena_printf(a, "%.1f", 100 * r->spread),
                           ssmq_arena_printf(a, "%.1f", gb),
                           ssmq_arena_printf(a, "%.0f", 100 * gb / t->peaks.all.read),
                           ssmq_arena_printf(a, "%.1f", gop),
                           ssmq_arena_printf(a, "%.0f", 100 * gop / peak_of(t, r)),
                           ssmq_arena_printf(a, "%.2f", r->baseline_s / r->median_s),
                          r->cold ? "empty" : ""};
    ssmq_table_row(table, cell);
}

static void put_text(const bench_options *o, const tier *t, ssmq_str *out)
{
    static const char *const heading[] = {"op",         "shape",    "us",           "min us",
                                          "spread, %",  "GB/s",     "of memory, %", "Gop/s",
                                          "of peak, %", "baseline", "caches"};
    ssmq_str_printf(out,
                    "%s, tier %s, %d thread%s: %d kinds of op agree with the reference on %d "
                    "random shape%s each\n",
                    t->be->device, t->be->tier, t->be->threads, t->be->threads == 1 ? "" : "s",
                    t->n_checked, o->checks, o->checks == 1 ? "" : "s");
    if (!o->time) return;
    ssmq_arena *a = ssmq_arena_new();
    ssmq_table *table = ssmq_table_new(11, heading);
    ssmq_str_printf(out, "reads %.1f GB/s, multiplies %.0f GFLOP/s in fp32", t->peaks.all.read,
                    t->peaks.all.f32);
    if (t->peaks.all.i8 > 0) ssmq_str_printf(out, ", %.0f GOP/s in int8", t->peaks.all.i8);
    if (t->peaks.all.bf16 > 0) ssmq_str_printf(out, ", %.0f GFLOP/s in bf16", t->peaks.all.bf16);
    ssmq_str_puts(out, "\n\n");
    for (int32_t i = 0; i < t->n; i++) add_row(table, a, t, &t->result[i]);
    ssmq_table_print(table, out);
    ssmq_table_free(table);
    ssmq_arena_free(a);
}

static void put_result(ssmq_json_writer *w, const tier *t, const ssmq_bench_result *r)
{
    const double gb = r->cost.bytes / r->median_s / 1e9, gop = operations_of(r) / r->median_s / 1e9;
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "op", r->op);
    ssmq_json_put_text(w, "shape", r->shape);
    ssmq_json_put_real(w, "median_us", r->median_s * 1e6);
    ssmq_json_put_real(w, "min_us", r->min_s * 1e6);
    ssmq_json_put_real(w, "spread", r->spread);
    ssmq_json_put_real(w, "gb_s", gb);
    ssmq_json_put_real(w, "gop_s", gop);
    ssmq_json_put_real(w, "of_memory", gb / t->peaks.all.read);
    ssmq_json_put_real(w, "of_peak", gop / peak_of(t, r));
    ssmq_json_put_real(w, "baseline_us", r->baseline_s * 1e6);
    ssmq_json_put_bool(w, "cold", r->cold);
    ssmq_json_begin_array(w, "samples_us");
    for (int i = 0; i < SSMQ_BENCH_SAMPLES; i++) ssmq_json_put_real(w, NULL, r->sample_s[i] * 1e6);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

static void put_json(const bench_options *o, const tier *t, ssmq_json_writer *w)
{
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "tier", t->be->tier);
    ssmq_json_put_int(w, "threads", t->be->threads);
    ssmq_json_put_text(w, "device", t->be->device);
    ssmq_json_put_text(w, "shape", o->shape);
    ssmq_json_put_int(w, "checked", t->n_checked);
    if (o->time) {
        ssmq_json_put_real(w, "read_gb_s", t->peaks.all.read);
        ssmq_json_put_real(w, "fp32_gflop_s", t->peaks.all.f32);
        if (t->peaks.all.i8 > 0) ssmq_json_put_real(w, "int8_gop_s", t->peaks.all.i8);
        else ssmq_json_put_null(w, "int8_gop_s");
        if (t->peaks.all.bf16 > 0) ssmq_json_put_real(w, "bf16_gflop_s", t->peaks.all.bf16);
        else ssmq_json_put_null(w, "bf16_gflop_s");
    }
    ssmq_json_begin_array(w, "kernels");
    for (int32_t i = 0; i < t->n; i++) put_result(w, t, &t->result[i]);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

/* ---- all of it --------------------------------------------------------------------------- */

static ssmq_status run_tiers(const bench_options *o, const ssmq_bench_shape *shape,
                             ssmq_arena *arena, ssmq_json_writer *w, ssmq_str *out)
{
    static const char *const best[] = {"auto", NULL};
    ssmq_status              st = SSMQ_OK;
    for (const char *const *isa = o->isa && *o->isa ? o->isa : best; *isa && st == SSMQ_OK; isa++) {
        tier t = {0};
        st = run_tier(o, *isa, shape, arena, &t);
        if (st == SSMQ_OK && o->format == FORMAT_JSON) put_json(o, &t, w);
        if (st == SSMQ_OK && o->format == FORMAT_TEXT) {
            if (out->length > 0) ssmq_str_puts(out, "\n");
            put_text(o, &t, out);
        }
        ssmq_backend_close(t.be);
    }
    return st;
}

static ssmq_status bench_run(const void *options, int n_operand, const char *const *operand,
                             const ssmq_catalogue *cat, FILE *out)
{
    const bench_options    *o = options;
    const ssmq_bench_shape *shape;
    ssmq_str                text = {0};
    ssmq_json_writer        w = {.out = &text};
    (void)n_operand, (void)operand, (void)cat;
    SSMQ_TRY(find_shape(o->shape, &shape));
    SSMQ_TRY(check_ops(o->op));
    ssmq_arena *arena = ssmq_arena_new();
    if (o->format == FORMAT_JSON) {
        ssmq_json_begin_object(&w, NULL);
        ssmq_json_begin_array(&w, "tiers");
    }
    const ssmq_status st = run_tiers(o, shape, arena, &w, &text);
    if (o->format == FORMAT_JSON) {
        ssmq_json_end_array(&w);
        ssmq_json_end_object(&w);
        ssmq_str_puts(&text, "\n");
    }
    if (st == SSMQ_OK) fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_bench = {
    .name = "bench",
    .help = "check kernels against the reference and time them beside the machine's peaks",
    .options = bench_table,
    .options_size = sizeof(bench_options),
    .run = bench_run,
};
