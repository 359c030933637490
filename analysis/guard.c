#include "analysis/guard.h"
#include "harness/base/child.h"

/* Of processor time: a damaged file may also send HDF5 round in circles. */
#define LIMIT_S 600

typedef struct guarded {
    ssmq_status (*make)(const void *context, ssmq_str *out);
    const void *context;
} guarded;

/* The status as a byte, then the text, or the message of a failure. */
static void work(const void *context, ssmq_str *out)
{
    const guarded    *g = context;
    ssmq_str          text = {0};
    const ssmq_status st = g->make(g->context, &text);
    const char        code = (char)st;
    ssmq_str_append(out, &code, 1);
    if (st == SSMQ_OK) ssmq_str_append(out, ssmq_str_text(&text), text.length);
    else ssmq_str_puts(out, ssmq_error_last()->message);
    ssmq_str_free(&text);
}

static ssmq_status killed(int signal, const char *const *path, int n)
{
    ssmq_str all = {0};
    for (int i = 0; i < n; i++) ssmq_str_printf(&all, "%s%s", i ? ", " : "", path[i]);
    const ssmq_status st =
        SSMQ_FAIL(DAMAGED, "%.600s: damaged: reading it was ended by signal %d; see 'ssmq verify'",
                  ssmq_str_text(&all), signal);
    ssmq_str_free(&all);
    return st;
}

static ssmq_status take_over(const ssmq_str *answer, ssmq_str *out)
{
    if (answer->length == 0) return SSMQ_FAIL(MEMORY, "the process that reads the results ran out of memory");
    const ssmq_status st = (ssmq_status)answer->data[0];
    if (st != SSMQ_OK) return ssmq_fail(st, __FILE__, __LINE__, __func__, "%s", answer->data + 1);
    ssmq_str_append(out, answer->data + 1, answer->length - 1);
    return SSMQ_OK;
}

ssmq_status ssmq_guard(ssmq_status (*make)(const void *context, ssmq_str *out), const void *context,
                       const char *const *path, int n, ssmq_str *out)
{
    const guarded  g = {make, context};
    ssmq_str       answer = {0};
    ssmq_child_end end;
    SSMQ_TRY(ssmq_child_call(work, &g, LIMIT_S, &answer, &end));
    const ssmq_status st = end.signal ? killed(end.signal, path, n) : take_over(&answer, out);
    ssmq_str_free(&answer);
    return st;
}
