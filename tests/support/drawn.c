#include "tests/support/drawn.h"
#include <string.h>
#include "harness/base/str.h"
#include "quant/observers.h"

static bool one_in(ssmq_rng *r, uint64_t n)
{
    return ssmq_rng_below(r, n) == 0;
}

static int32_t length_of(const void *const *list)
{
    int32_t n = 0;
    while (list[n]) n++;
    return n;
}
#define DRAW(r, list) ((list)[ssmq_rng_below(r, (uint64_t)length_of((const void *const *)(list)))])

static void put_int(ssmq_rng *r, const ssmq_option *o, ssmq_str *out)
{
    const double last = o->max < o->min + 7 ? o->max : o->min + 7;
    if (o->choices && one_in(r, 6)) ssmq_str_puts(out, o->choices[0]);
    else ssmq_str_printf(out, "%d", (int)o->min + (int)ssmq_rng_below(r, (uint64_t)(last - o->min) + 1));
}

/* Both ends are drawn too, but for one that stands for none. */
static void put_real(ssmq_rng *r, const ssmq_option *o, ssmq_str *out)
{
    const double last = o->max < 1e6 ? o->max : 10;
    const double at = one_in(r, 5) ? 0 : one_in(r, 4) ? 1 : ssmq_rng_uniform(r);
    ssmq_str_printf(out, "%.6g", o->min + at * (last - o->min));
}

/* "layers.3.scan.x", or the same of all layers. */
static void put_site(ssmq_rng *r, const ssmq_method *method, const ssmq_model *m, ssmq_str *out)
{
    int32_t i;
    do i = (int32_t)ssmq_rng_below(r, (uint64_t)m->n_site);
    while (!ssmq_method_takes(method, &m->site[i]));
    const char *name = m->site[i].name;
    if (m->site[i].layer < 0 || one_in(r, 3)) ssmq_str_puts(out, name);
    else ssmq_str_printf(out, "layers.*%s", strchr(strchr(name, '.') + 1, '.'));
}

static void put_options(ssmq_rng *r, const ssmq_option *table, const ssmq_method *method, const ssmq_model *m,
                        ssmq_str *out);

static void put_observer(ssmq_rng *r, const ssmq_option *o, ssmq_str *out)
{
    const ssmq_statistic *s = DRAW(r, ssmq_statistics);
    ssmq_str_printf(out, "{statistic: %s", s->name);
    put_options(r, s->options, NULL, NULL, out);
    if (strstr(o->fallback, "across")) {
        const ssmq_across *a = DRAW(r, ssmq_across_list);
        ssmq_str_printf(out, ", across: %s", a->name);
        put_options(r, a->options, NULL, NULL, out);
    }
    ssmq_str_puts(out, "}");
}

static void put_value(ssmq_rng *r, const ssmq_option *o, const ssmq_method *method, const ssmq_model *m,
                      ssmq_str *out)
{
    switch (o->type) {
    case SSMQ_OPTION_BOOL: ssmq_str_puts(out, one_in(r, 2) ? "true" : "false"); break;
    case SSMQ_OPTION_INT: put_int(r, o, out); break;
    case SSMQ_OPTION_REAL: put_real(r, o, out); break;
    case SSMQ_OPTION_CHOICE: ssmq_str_puts(out, DRAW(r, o->choices)); break;
    case SSMQ_OPTION_SITES: put_site(r, method, m, out); break;
    case SSMQ_OPTION_OBSERVER: put_observer(r, o, out); break;
    default: ssmq_str_puts(out, o->fallback); break; /* no method has another type yet */
    }
}

/* Each behind a comma. */
static void put_options(ssmq_rng *r, const ssmq_option *table, const ssmq_method *method, const ssmq_model *m,
                        ssmq_str *out)
{
    for (const ssmq_option *o = table; o && o->name; o++) {
        if (o->fallback && !one_in(r, 3)) continue;
        ssmq_str_printf(out, ", %s: ", o->name);
        put_value(r, o, method, m, out);
    }
}

const char *test_drawn_options(ssmq_arena *arena, ssmq_rng *r, const ssmq_method *method, const ssmq_model *m)
{
    ssmq_str text = {0};
    put_options(r, method->options, method, m, &text);
    const char *options = ssmq_arena_printf(arena, "{%s}", text.length ? ssmq_str_text(&text) + 2 : "");
    ssmq_str_free(&text);
    return options;
}
