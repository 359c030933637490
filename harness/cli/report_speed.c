#include "harness/cli/report_speed.h"
#include <math.h>
#include "harness/base/arena.h"
#include "harness/base/table.h"

static const char *number(ssmq_arena *a, double value)
{
    if (isnan(value)) return "-";
    return ssmq_arena_printf(a, value < 100 ? "%.3f" : "%.1f", value);
}

static const char *share(ssmq_arena *a, double value)
{
    return isnan(value) ? "-" : ssmq_arena_printf(a, "%.1f", 100 * value);
}

static void add_row(ssmq_table *t, ssmq_arena *a, const char *name, const ssmq_speed_score *s)
{
    const char *cell[] = {name,
                          s->id,
                          number(a, s->ttft_ms),
                          number(a, s->tpot_ms),
                          number(a, s->ttlt_ms),
                          ssmq_arena_printf(a, "%.0f", s->prefill_tokens_per_s),
                          share(a, s->prefill_of_floor),
                          share(a, s->decode_of_floor),
                          ssmq_arena_printf(a, "%.1f", s->size_bytes / 0x1p20)};
    ssmq_table_row(t, cell);
}

void ssmq_report_speeds(const ssmq_summary *run, int32_t n, ssmq_str *out)
{
    static const char *const heading[] = {
        "run",         "profile",           "TTFT, ms",    "TPOT, ms",
        "TTLT, ms",    "prefill, tokens/s", "of floor, %", "decode, of floor, %",
        "weights, MiB"};
    ssmq_table *t = ssmq_table_new(9, heading);
    ssmq_arena *a = ssmq_arena_new();
    bool        any = false;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < run[i].n_speed; k++, any = true)
            add_row(t, a, run[i].name, &run[i].speed[k]);
    if (any) {
        ssmq_str_puts(out, "\ntimes, medians\n\n");
        ssmq_table_print(t, out);
    }
    ssmq_table_free(t);
    ssmq_arena_free(a);
}
