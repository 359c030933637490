/* Gates: conditions that the runs of a comparison have to meet. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/comparison.h"

#define BREACHES_MOST 6 /* that a message names */

typedef enum gate_metric {
    METRIC_PPL,
    METRIC_NLL,
    METRIC_KL,
    METRIC_TOP1,
    METRIC_WORD_PPL,
    METRIC_BYTE_PPL,
    METRIC_BITS_PER_BYTE
} gate_metric;
static const char *const metrics[] = {"ppl",      "nll",      "kl",            "top1",
                                      "word_ppl", "byte_ppl", "bits_per_byte", NULL};

typedef struct gate {
    gate_metric metric;
    char        evaluation[256]; /* "": every one */
    bool        below, strict;   /* below: <= or < */
    bool        relative, percent;
    double      limit;
} gate;

static bool parse(const char *text, gate *g)
{
    const size_t n = strcspn(text, "<>@");
    const char  *p = text + n;
    char        *end;
    int          metric = 0;
    while (metrics[metric] && (strlen(metrics[metric]) != n || memcmp(metrics[metric], text, n) != 0))
        metric++;
    *g = (gate){.metric = (gate_metric)metric};
    if (!metrics[metric]) return false;
    if (*p == '@') {
        const size_t length = strcspn(++p, "<>");
        if (length == 0 || length >= sizeof g->evaluation) return false;
        memcpy(g->evaluation, p, length);
        p += length;
    }
    if (*p != '<' && *p != '>') return false;
    g->below = *p++ == '<';
    g->strict = *p != '=';
    p += !g->strict;
    g->relative = *p == '+' || *p == '-';
    if (strspn(p, "+-.0123456789eE") != strcspn(p, "%")) return false; /* no hex, no "nan" */
    g->limit = strtod(p, &end);
    g->percent = *end == '%';
    return end > p && !end[g->percent] && isfinite(g->limit) && (g->relative || !g->percent);
}

/* The figure of a cell that the gate is about, NaN where there is none. */
static double figure(const ssmq_evaluation_score *e, gate_metric metric)
{
    if (!e || (metric >= METRIC_WORD_PPL && e->score.text.documents == 0)) return (double)NAN;
    switch (metric) {
    case METRIC_PPL: return e->score.ppl;
    case METRIC_NLL: return e->score.nll;
    case METRIC_KL: return e->compare.against ? e->compare.kl_mean : (double)NAN;
    case METRIC_TOP1: return e->compare.against ? e->compare.top1 : (double)NAN;
    case METRIC_WORD_PPL: return e->score.text.word_ppl;
    case METRIC_BYTE_PPL: return e->score.text.byte_ppl;
    case METRIC_BITS_PER_BYTE: return e->score.text.bits_per_byte;
    }
    return (double)NAN;
}

static double distance(const gate *g, double own, double base)
{
    if (!g->relative) return own;
    return g->percent ? 100 * (own / base - 1) : own - base;
}

static bool is_met(const gate *g, double value)
{
    if (g->below) return g->strict ? value < g->limit : value <= g->limit;
    return g->strict ? value > g->limit : value >= g->limit;
}

/* Is it a run that others are held against, and not held against one itself? */
static bool is_base(const ssmq_comparison *c, int32_t run)
{
    bool base = false;
    for (int32_t i = 0; i < c->n_run; i++) base = base || c->against[i] == run;
    return base && c->against[run] < 0;
}

/* Appends "fake naive, wt2: +277.80 %" for the first runs that do not meet it; returns how many there are.  A
 * figure that is not there meets no gate. */
static int32_t put_breaches(const ssmq_comparison *c, const gate *g, int32_t *looked_at, ssmq_str *out)
{
    int32_t n = 0;
    for (int32_t i = 0; i < c->n_run; i++) {
        for (int32_t k = 0; k < c->n_column; k++) {
            const char *id = c->column[k]->id;
            if (is_base(c, i) || (*g->evaluation && strcmp(g->evaluation, id) != 0)) continue;
            const ssmq_evaluation_score *base =
                c->against[i] >= 0 ? ssmq_comparison_at(c, c->against[i], k)->score : NULL;
            const double value =
                distance(g, figure(ssmq_comparison_at(c, i, k)->score, g->metric), figure(base, g->metric));
            (*looked_at)++;
            if (is_met(g, value) || n++ >= BREACHES_MOST) continue;
            ssmq_str_printf(out, "%s%s, %s: ", n > 1 ? "; " : "", c->label[i], id);
            if (isnan(value)) ssmq_str_puts(out, "no such figure");
            else ssmq_str_printf(out, g->relative ? "%+.6g%s" : "%.6g%s", value, g->percent ? " %" : "");
        }
    }
    if (n > BREACHES_MOST) ssmq_str_printf(out, "; and %d more", n - BREACHES_MOST);
    return n;
}

ssmq_status ssmq_comparison_gate_check(const char *text)
{
    gate g;
    if (parse(text, &g)) return SSMQ_OK;
    return SSMQ_FAIL(USAGE,
                     "--gate '%s' is no gate: METRIC or METRIC@EVALUATION, then <=, <, >= or >, then a "
                     "number, as in ppl<=+1%%; METRIC is ppl, nll, kl, top1 or, of dialect lm-eval, "
                     "word_ppl, byte_ppl or bits_per_byte",
                     text);
}

ssmq_status ssmq_comparison_gate(const ssmq_comparison *c, const char *text)
{
    gate     g;
    ssmq_str breaches = {0};
    int32_t  looked_at = 0;
    SSMQ_TRY(ssmq_comparison_gate_check(text));
    (void)parse(text, &g);
    if (g.relative && !c->baseline)
        return SSMQ_FAIL(USAGE, "--gate '%s' is about a baseline, and there is none; name one by --baseline",
                         text);
    const int32_t n = put_breaches(c, &g, &looked_at, &breaches);
    ssmq_status   st = SSMQ_OK;
    if (looked_at == 0) st = SSMQ_FAIL(INPUT, "--gate '%s': there is nothing that it is about", text);
    else if (n) st = SSMQ_FAIL(GATE, "gate %s is not met: %s", text, ssmq_str_text(&breaches));
    ssmq_str_free(&breaches);
    return st;
}
