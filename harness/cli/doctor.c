/* ssmq doctor: what a report of a problem should hold, and whether results can be written. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/build.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/cli/commands.h"
#include "harness/cli/version.h"
#include "harness/store/host.h"
#include "harness/store/probe.h"

typedef struct doctor_options {
    const char *out;
    int         format; /* index into formats */
} doctor_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };

static const ssmq_option doctor_table[] = {
    {"out", offsetof(doctor_options, out), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "directory for results that is tried out; else that of SSMQ_RUNS, else runs"},
    {"format", offsetof(doctor_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "how to print"},
    {0},
};

/* ---- the machine ----------------------------------------------------------------------- */

static double unused_bytes(void)
{
    return (double)sysconf(_SC_PAGESIZE) * (double)sysconf(_SC_AVPHYS_PAGES);
}

/* The first line of a file of the system; "unknown" where there is none. */
static void first_line(const char *path, ssmq_str *out)
{
    ssmq_str text = {0};
    if (ssmq_file_read(path, 4096, &text) != SSMQ_OK) {
        ssmq_error_clear();
        ssmq_str_puts(&text, "unknown\n");
    }
    ssmq_str_append(out, ssmq_str_text(&text), strcspn(ssmq_str_text(&text), "\n"));
    ssmq_str_free(&text);
}

/* Which of "always madvise never" is in force, in brackets. */
#define HUGE_PAGES "/sys/kernel/mm/transparent_hugepage/enabled"

static void print_memory(FILE *out)
{
    ssmq_machine m;
    ssmq_str     huge = {0};
    ssmq_machine_read(&m);
    first_line(HUGE_PAGES, &huge);
    fprintf(out, "memory    %.1f GiB, %.1f GiB unused; huge pages: %s\n", (double)m.memory_bytes / 0x1p30,
            unused_bytes() / 0x1p30, ssmq_str_text(&huge));
    ssmq_str_free(&huge);
}

/* What draws the figures: "gnuplot 5.4 patchlevel 4"; "" where there is none. */
static void find_gnuplot(ssmq_str *out)
{
    char  line[128] = "";
    FILE *said = popen("gnuplot --version 2>/dev/null", "r");
    if (!said) return;
    if (fgets(line, sizeof line, said)) ssmq_str_append(out, line, strcspn(line, "\n"));
    pclose(said);
}

static void print_gnuplot(FILE *out)
{
    ssmq_str version = {0};
    find_gnuplot(&version);
    fprintf(out, "figures   %s\n", version.length ? ssmq_str_text(&version) : "no gnuplot: ssmq export writes scripts without it");
    ssmq_str_free(&version);
}

/* What the kernel takes the time from. */
#define CLOCK_SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

/* ... and how fine it is. */
static void print_clock(FILE *out)
{
    ssmq_str        source = {0};
    struct timespec step = {0};
    first_line(CLOCK_SOURCE, &source);
    clock_getres(CLOCK_MONOTONIC, &step);
    fprintf(out, "clock     %s, steps of %ld ns\n", ssmq_str_text(&source), step.tv_nsec);
    ssmq_str_free(&source);
}

static const char *const variables[] = {"SSMQ_LOG",        "SSMQ_RUNS",            "SSMQ_CACHE",
                                        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE",
                                        "OMP_PROC_BIND",   "LC_ALL",               "LANG", NULL};

static void print_environment(FILE *out)
{
    fprintf(out, "variables");
    for (int i = 0; variables[i]; i++)
        if (getenv(variables[i])) fprintf(out, " %s=%s", variables[i], getenv(variables[i]));
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

static ssmq_status print_all(const ssmq_catalogue *cat, const char *folder, ssmq_arena *arena, int32_t *bad, FILE *out)
{
    ssmq_probe probe[SSMQ_PROBE_MAX];
    SSMQ_TRY(ssmq_version_print(cat, out));
    print_memory(out);
    print_clock(out);
    print_environment(out);
    print_gnuplot(out);
    fprintf(out, "HDF5\n");
    *bad = print_probes(probe, ssmq_probe_hdf5(arena, probe), out);
    fprintf(out, "results in %s\n", folder);
    *bad += print_probes(probe, ssmq_probe_folder(folder, arena, probe), out);
    return SSMQ_OK;
}

/* ---- for programs ------------------------------------------------------------------------ */

static void put_probes(ssmq_json_writer *w, const char *key, const ssmq_probe *p, int32_t n, int32_t *bad)
{
    ssmq_json_begin_array(w, key);
    for (int32_t i = 0; i < n; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "name", p[i].name);
        ssmq_json_put_bool(w, "works", p[i].works);
        ssmq_json_put_bool(w, "needed", p[i].needed);
        ssmq_json_put_text(w, "detail", *p[i].detail ? p[i].detail : NULL);
        ssmq_json_end_object(w);
        *bad += p[i].needed && !p[i].works;
    }
    ssmq_json_end_array(w);
}

static void put_build(ssmq_json_writer *w)
{
    const ssmq_build *b = ssmq_build_info();
    ssmq_library      library[SSMQ_LIBRARY_MAX];
    const int32_t     n = ssmq_libraries_list(library);
    ssmq_json_put_text(w, "version", b->version);
    ssmq_json_put_text(w, "commit", b->commit);
    ssmq_json_put_bool(w, "dirty", b->dirty);
    ssmq_json_put_text(w, "compiler", b->compiler);
    ssmq_json_put_text(w, "build_type", b->type);
    ssmq_json_put_text(w, "flags", b->flags);
    ssmq_json_begin_object(w, "libraries");
    for (int32_t i = 0; i < n; i++) {
        ssmq_json_begin_object(w, library[i].name);
        ssmq_json_put_text(w, "runtime", library[i].runtime);
        ssmq_json_put_text(w, "header", *library[i].header ? library[i].header : NULL);
        ssmq_json_put_text(w, "detail", *library[i].detail ? library[i].detail : NULL);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_object(w);
}

static void put_machine(ssmq_json_writer *w)
{
    ssmq_machine m;
    ssmq_str     huge = {0}, source = {0}, gnuplot = {0};
    ssmq_machine_read(&m);
    first_line(HUGE_PAGES, &huge);
    first_line(CLOCK_SOURCE, &source);
    find_gnuplot(&gnuplot);
    ssmq_json_put_text(w, "cpu", m.cpu);
    ssmq_json_put_int(w, "cores", m.cores);
    ssmq_json_put_text(w, "cpu_features", m.features);
    ssmq_json_put_text(w, "os", m.os);
    ssmq_json_put_text(w, "kernel", m.kernel);
    ssmq_json_put_int(w, "memory_bytes", m.memory_bytes);
    ssmq_json_put_int(w, "unused_bytes", (int64_t)unused_bytes());
    ssmq_json_put_text(w, "huge_pages", ssmq_str_text(&huge));
    ssmq_json_put_text(w, "clock", ssmq_str_text(&source));
    ssmq_json_put_text(w, "gnuplot", gnuplot.length ? ssmq_str_text(&gnuplot) : NULL);
    ssmq_json_begin_object(w, "environment");
    for (int i = 0; variables[i]; i++)
        if (getenv(variables[i])) ssmq_json_put_text(w, variables[i], getenv(variables[i]));
    ssmq_json_end_object(w);
    ssmq_str_free(&huge);
    ssmq_str_free(&source);
    ssmq_str_free(&gnuplot);
}

static void put_all(const char *folder, ssmq_arena *arena, int32_t *bad, FILE *out)
{
    ssmq_probe       probe[SSMQ_PROBE_MAX];
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    ssmq_json_begin_object(&w, NULL);
    put_build(&w);
    put_machine(&w);
    put_probes(&w, "hdf5", probe, ssmq_probe_hdf5(arena, probe), bad);
    ssmq_json_put_text(&w, "results_in", folder);
    put_probes(&w, "folder", probe, ssmq_probe_folder(folder, arena, probe), bad);
    ssmq_json_put_bool(&w, "fine", *bad == 0);
    ssmq_json_end_object(&w);
    fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
}

static ssmq_status doctor_run(const void *options, int n_operand, const char *const *operand,
                              const ssmq_catalogue *cat, FILE *out)
{
    const doctor_options *o = options;
    const char           *runs = getenv("SSMQ_RUNS");
    const char           *folder = o->out ? o->out : runs && *runs ? runs : "runs";
    ssmq_arena           *arena = ssmq_arena_new();
    ssmq_status           st = SSMQ_OK;
    int32_t               bad = 0;
    (void)n_operand;
    (void)operand;
    if (o->format == FORMAT_JSON) put_all(folder, arena, &bad, out);
    else st = print_all(cat, folder, arena, &bad, out);
    ssmq_arena_free(arena);
    fflush(out);
    if (st == SSMQ_OK && bad) st = SSMQ_FAIL(IO, "%d of what runs need does not work here", bad);
    return st;
}

const ssmq_command ssmq_command_doctor = {
    .name = "doctor",
    .help = "what ssmq is built of and runs on, and whether results can be written; for reports of problems",
    .details = "Ends with status 5 if something that every run needs does not work.",
    .options = doctor_table,
    .options_size = sizeof(doctor_options),
    .run = doctor_run,
};
