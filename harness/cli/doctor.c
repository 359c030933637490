/* ssmq doctor: what a report of a problem should hold, and whether results can be written. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/cli/commands.h"
#include "harness/cli/version.h"
#include "harness/store/host.h"
#include "harness/store/probe.h"

typedef struct doctor_options {
    const char *out;
} doctor_options;

static const ssmq_option doctor_table[] = {
    {"out", offsetof(doctor_options, out), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "directory for results that is tried out; else that of SSMQ_RUNS, else runs"},
    {0},
};

/* ---- the machine ----------------------------------------------------------------------- */

static void print_memory(FILE *out)
{
    ssmq_machine m;
    ssmq_machine_read(&m);
    const double page = (double)sysconf(_SC_PAGESIZE), free_pages = (double)sysconf(_SC_AVPHYS_PAGES);
    fprintf(out, "memory    %.1f GiB, %.1f GiB unused\n", (double)m.memory_bytes / 0x1p30,
            page * free_pages / 0x1p30);
}

/* What the kernel takes the time from, and how fine it is. */
static void print_clock(FILE *out)
{
    ssmq_str        source = {0};
    struct timespec step = {0};
    if (ssmq_file_read("/sys/devices/system/clocksource/clocksource0/current_clocksource", 256, &source) !=
        SSMQ_OK) {
        ssmq_error_clear();
        ssmq_str_puts(&source, "unknown\n");
    }
    clock_getres(CLOCK_MONOTONIC, &step);
    fprintf(out, "clock     %.*s, steps of %ld ns\n", (int)strcspn(ssmq_str_text(&source), "\n"),
            ssmq_str_text(&source), step.tv_nsec);
    ssmq_str_free(&source);
}

static void print_environment(FILE *out)
{
    static const char *const names[] = {"SSMQ_LOG",        "SSMQ_RUNS",            "SSMQ_CACHE",
                                        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE",
                                        "OMP_PROC_BIND",   "LC_ALL",               "LANG"};
    fprintf(out, "variables");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) fprintf(out, " %s=%s", names[i], getenv(names[i]));
    fprintf(out, "\n");
}

/* ---- probes ---------------------------------------------------------------------------- */

/* Returns how many of those that are needed do not work. */
static int32_t print_probes(const ssmq_probe *p, int32_t n, FILE *out)
{
    int32_t bad = 0;
    for (int32_t i = 0; i < n; i++) {
        fprintf(out, "  %-4s %s%s%s\n", p[i].works ? "ok" : p[i].needed ? "FAIL" : "no", p[i].name,
                *p[i].detail ? ": " : "", p[i].detail);
        bad += p[i].needed && !p[i].works;
    }
    return bad;
}

static ssmq_status doctor_run(const void *options, int n_operand, const char *const *operand,
                              const ssmq_catalogue *cat, FILE *out)
{
    const doctor_options *o = options;
    const char           *runs = getenv("SSMQ_RUNS");
    const char           *folder = o->out ? o->out : runs && *runs ? runs : "runs";
    ssmq_probe            probe[SSMQ_PROBE_MAX];
    (void)n_operand;
    (void)operand;
    SSMQ_TRY(ssmq_version_print(cat, out));
    print_memory(out);
    print_clock(out);
    print_environment(out);
    ssmq_arena *arena = ssmq_arena_new();
    fprintf(out, "HDF5\n");
    int32_t bad = print_probes(probe, ssmq_probe_hdf5(arena, probe), out);
    fprintf(out, "results in %s\n", folder);
    bad += print_probes(probe, ssmq_probe_folder(folder, arena, probe), out);
    ssmq_arena_free(arena);
    fflush(out);
    if (bad) return SSMQ_FAIL(IO, "%d of what runs need does not work here", bad);
    return SSMQ_OK;
}

const ssmq_command ssmq_command_doctor = {
    .name = "doctor",
    .help = "what ssmq is built of and runs on, and whether results can be written; for reports of problems",
    .details = "Ends with status 5 if something that every run needs does not work.",
    .options = doctor_table,
    .options_size = sizeof(doctor_options),
    .run = doctor_run,
};
