#include "harness/run/sweep/workers.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness/base/process.h"
#include "harness/run/sweep/snapshot.h"

#define WAIT_MS 200 /* how long a signal that came between two looks waits at most */
#define PROGRAM "/proc/self/exe"
#define ERROR_PREFIX "ssmq: error: "

typedef struct worker {
    ssmq_process process;
    int32_t      run; /* -1: none */
    ssmq_cores   cores;
    ssmq_str     line;   /* begun, not ended */
    char         error[SSMQ_ERROR_MESSAGE_MAX]; /* its last message of a failure */
} worker;

typedef struct pool {
    ssmq_job     *jobs;
    ssmq_outcome *outcome;
    int32_t       n;
    bool         *settled; /* [n] finished, failed, or none of ours */
    bool         *begun;   /* [n] */
    bool         *put_off; /* [n] another process was at it: once more when nothing else is left */
    const char   *snapshot;
    worker       *worker;
    int32_t       n_worker, busy, failed, started, asked;
    bool          told_to_stop;
} pool;

/* ---- which run comes next ------------------------------------------------------------------ */

static bool must_wait(const pool *p, int32_t i)
{
    const int32_t at = ssmq_waits_for(p->jobs->e, i);
    return at >= 0 && !p->settled[at];
}

static int32_t next_run(const pool *p)
{
    int32_t last = -1;
    for (int32_t i = p->n - 1; i >= 0; i--)
        if (!p->begun[i] && !must_wait(p, i) && (last < 0 || !p->put_off[i] || p->put_off[last])) last = i;
    return last;
}

static bool may_start(const pool *p)
{
    const ssmq_run_request *request = p->jobs->request;
    const bool              enough = request->max_failures > 0 && p->failed >= request->max_failures;
    return !enough && ssmq_may_go_on(request->listener) == SSMQ_OK;
}

/* ---- one process --------------------------------------------------------------------------- */

static const char *const *arguments(const ssmq_job *j, const char *snapshot)
{
    const char **a = SSMQ_ARENA_ARRAY(j->arena, const char *, 12);
    int32_t      n = 0;
    a[n++] = PROGRAM;
    a[n++] = "run";
    a[n++] = snapshot;
    a[n++] = "--only";
    a[n++] = j->run->id;
    a[n++] = "--out";
    a[n++] = j->request->out;
    a[n++] = "--progress=none";
    a[n++] = "--no-collect";
    if (!j->request->cache) a[n++] = "--no-cache";
    if (j->request->threads > 0) a[n++] = ssmq_arena_printf(j->arena, "--threads=%d", j->request->threads);
    return a;
}

static void settle(pool *p, int32_t i)
{
    const ssmq_run_request *request = p->jobs->request;
    const ssmq_outcome     *o = &p->outcome[i];
    p->settled[i] = true;
    p->failed += o->status != SSMQ_OK && ssmq_status_exit(o->status) != ssmq_status_exit(SSMQ_ERR_STOPPED) &&
                 !p->jobs[i].run->unsupported;
    if (request->ended) request->ended(request->context, p->jobs[i].run, o);
}

static void start(pool *p, worker *w, int32_t i)
{
    ssmq_job               *j = &p->jobs[i];
    const ssmq_run_request *request = j->request;
    p->begun[i] = true;
    if (request->starting) request->starting(request->context, j->run, p->started++, p->asked);
    if (p->outcome[i].skipped || j->run->unsupported) { /* nothing that needs a process */
        if (!p->outcome[i].skipped) ssmq_job_run(j, &p->outcome[i]);
        settle(p, i);
        return;
    }
    if (ssmq_process_start(arguments(j, p->snapshot), &w->cores, &w->process) != SSMQ_OK) {
        ssmq_job_lost(j, ssmq_error_last()->message, &p->outcome[i]);
        settle(p, i);
        return;
    }
    w->run = i;
    w->error[0] = '\0';
    p->busy++;
}

/* A whole line of what a process says: its failure is kept, all else handed on. */
static void hear_line(const pool *p, worker *w, const char *line)
{
    const ssmq_run_request *request = p->jobs->request;
    const ssmq_run         *run = p->jobs[w->run].run;
    const size_t            n = strlen(ERROR_PREFIX), name = strlen(run->name);
    if (strncmp(line, ERROR_PREFIX, n) != 0) {
        if (request->said) request->said(request->context, run, line);
        return;
    }
    line += n;
    if (strncmp(line, run->name, name) == 0 && strncmp(line + name, ": ", 2) == 0) line += name + 2;
    snprintf(w->error, sizeof w->error, "%s", line);
}

static void hear_text(const pool *p, worker *w, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '\n') {
            ssmq_str_append(&w->line, &text[i], 1);
            continue;
        }
        hear_line(p, w, ssmq_str_text(&w->line));
        ssmq_str_free(&w->line);
    }
}

/* What there is to read; false at the end. */
static bool hear(const pool *p, worker *w)
{
    char text[4096];
    for (;;) {
        const ssize_t n = read(w->process.fd, text, sizeof text);
        if (n == 0) return false;
        if (n < 0 && errno != EINTR) return errno == EAGAIN;
        if (n > 0) hear_text(p, w, text, (size_t)n);
    }
}

/* ---- its end ------------------------------------------------------------------------------- */

/* The kind of failure that an exit status stands for; what an experiment asks for was checked before. */
static ssmq_status status_of(int exit_status)
{
    static const ssmq_status all[] = {SSMQ_ERR_USAGE, SSMQ_ERR_UNSUPPORTED, SSMQ_ERR_INPUT, SSMQ_ERR_IO,
                                      SSMQ_ERR_DAMAGED, SSMQ_ERR_STOPPED};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (ssmq_status_exit(all[i]) == exit_status) return all[i];
    return SSMQ_ERR_NUMERIC;
}

static void conclude_exit(ssmq_job *j, int exit_status, const char *error, ssmq_outcome *o)
{
    ssmq_run_status status;
    const bool      stopped = status_of(exit_status) == SSMQ_ERR_STOPPED;
    if ((exit_status == 0 || stopped) && ssmq_job_take_finished(j, o)) { /* stopped: then by another process */
        o->skipped = false;
        return;
    }
    if (stopped && ssmq_job_is_held(j, o)) {
        ssmq_job_failed(j, SSMQ_ERR_HELD, error, o);
        return;
    }
    const char     *file = ssmq_arena_printf(j->arena, "%s/status.json", o->path);
    if (stopped && ssmq_run_status_read(file, j->arena, &status) == SSMQ_OK && status.reason)
        error = status.reason; /* what it said last counts runs */
    const char *reason = *error ? error
                                : ssmq_arena_printf(j->arena, "its process ended with status %d, without results",
                                                    exit_status);
    ssmq_job_failed(j, status_of(exit_status), reason, o);
}

static void conclude_signal(ssmq_job *j, int number, bool told, ssmq_outcome *o)
{
    const char *text = ssmq_arena_printf(
        j->arena, "its process was ended by %s%s", ssmq_signal_text(number),
        number == SIGKILL && !told ? ", as the system does where memory runs out" : "");
    if (told) ssmq_job_failed(j, SSMQ_ERR_STOPPED, text, o);
    else ssmq_job_lost(j, text, o);
}

static void end(pool *p, worker *w)
{
    const int32_t i = w->run;
    if (w->line.length > 0) hear_line(p, w, ssmq_str_text(&w->line)); /* cut off */
    ssmq_str_free(&w->line);
    const int status = ssmq_process_end(&w->process);
    if (WIFSIGNALED(status)) conclude_signal(&p->jobs[i], WTERMSIG(status), p->told_to_stop, &p->outcome[i]);
    else conclude_exit(&p->jobs[i], WEXITSTATUS(status), w->error, &p->outcome[i]);
    w->run = -1;
    p->busy--;
    const bool put_off = p->outcome[i].status == SSMQ_ERR_HELD && !p->put_off[i];
    p->put_off[i] |= put_off;
    if (!put_off && !ssmq_job_try_again(&p->jobs[i], &p->outcome[i], WIFSIGNALED(status) && !p->told_to_stop)) {
        settle(p, i);
        return;
    }
    p->begun[i] = false;
    p->outcome[i].skipped = false;
    p->started--; /* it has its number already */
}

/* ---- all of them --------------------------------------------------------------------------- */

static void start_some(pool *p)
{
    for (int32_t k = 0; k < p->n_worker; k++)
        while (p->worker[k].run < 0 && may_start(p)) {
            const int32_t i = next_run(p);
            if (i < 0) return;
            start(p, &p->worker[k], i);
        }
}

/* Once: a second signal would end them without what they have computed. */
static void hand_on_signal(pool *p)
{
    const volatile sig_atomic_t *noted = ssmq_signal_of(p->jobs->request->listener);
    const int                    number = noted ? *noted : 0;
    if (p->told_to_stop || !number) return;
    for (int32_t k = 0; k < p->n_worker; k++)
        if (p->worker[k].run >= 0) kill(p->worker[k].process.pid, number);
    p->told_to_stop = true;
}

static void wait_for_some(pool *p)
{
    struct pollfd at[SSMQ_CORES_MAX];
    for (int32_t k = 0; k < p->n_worker; k++)
        at[k] = (struct pollfd){.fd = p->worker[k].run >= 0 ? p->worker[k].process.fd : -1, .events = POLLIN};
    if (poll(at, (nfds_t)p->n_worker, WAIT_MS) <= 0) return;
    for (int32_t k = 0; k < p->n_worker; k++)
        if (at[k].fd >= 0 && at[k].revents && !hear(p, &p->worker[k])) end(p, &p->worker[k]);
}

static void open_pool(pool *p, int32_t wanted)
{
    ssmq_cores allowed;
    ssmq_cores_allowed(&allowed);
    p->n_worker = wanted < allowed.n ? wanted : allowed.n;
    if (p->n_worker < wanted)
        SSMQ_LOG_LINE(p->jobs->request->listener ? p->jobs->request->listener->log : NULL, WARNING,
                      "fewer workers than asked for: each needs a processor", SSMQ_LOG_I("workers", p->n_worker),
                      SSMQ_LOG_I("asked", wanted));
    p->worker = SSMQ_ARENA_ARRAY(p->jobs->arena, worker, p->n_worker);
    for (int32_t k = 0; k < p->n_worker; k++) {
        p->worker[k].run = -1;
        ssmq_cores_part(&allowed, p->n_worker, k, &p->worker[k].cores);
    }
    p->settled = SSMQ_ARENA_ARRAY(p->jobs->arena, bool, p->n);
    p->begun = SSMQ_ARENA_ARRAY(p->jobs->arena, bool, p->n);
    p->put_off = SSMQ_ARENA_ARRAY(p->jobs->arena, bool, p->n);
    for (int32_t i = 0; i < p->n; i++) {
        p->begun[i] = p->settled[i] = p->outcome[i].other;
        p->asked += !p->outcome[i].other;
    }
}

void ssmq_workers_run(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n, const char *snapshot)
{
    pool p = {.jobs = jobs, .outcome = outcome, .n = n, .snapshot = snapshot};
    open_pool(&p, jobs->request->workers);
    start_some(&p);
    while (p.busy > 0) {
        hand_on_signal(&p);
        wait_for_some(&p);
        start_some(&p);
    }
    for (int32_t i = 0; i < n; i++) outcome[i].other |= !p.begun[i];
    ssmq_error_clear(); /* of asking whether to go on */
}
