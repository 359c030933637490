#include "harness/store/host.h"
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "harness/base/cores.h"

/* ---- text files of "key : value" lines --------------------------------------------------- */

/* The value of the first line that begins with key, without blanks and quotes around it. */
static bool find_value(const char *path, const char *key, char separator, char *out, size_t size)
{
    FILE *f = fopen(path, "r");
    if (!f) return false;
    char   line[4096]; /* the longest, the CPU's flags, has some 1,500 characters */
    bool   found = false;
    size_t n = strlen(key);
    while (!found && fgets(line, sizeof line, f)) {
        if (strncmp(line, key, n) != 0) continue;
        char *value = line + n + strspn(line + n, " \t");
        if (*value++ != separator) continue; /* a longer key */
        value += strspn(value, " \t\"");
        size_t length = strcspn(value, "\"\n");
        while (length > 0 && value[length - 1] == ' ') length--;
        snprintf(out, size, "%.*s", (int)length, value);
        found = true;
    }
    fclose(f);
    return found;
}

/* ---- the machine ----------------------------------------------------------------------- */

/* Vector instructions, by the kernel's names for them: what the system has switched on as well. */
static const char *const feature_names[] = {
    "sse4_2",      "avx",         "f16c",        "fma",         "avx2",          "avx_vnni",
    "avx512f",     "avx512bw",    "avx512dq",    "avx512vl",    "avx512cd",      "avx512_vnni",
    "avx512_bf16", "avx512_fp16", "amx_tile",    "amx_int8",    "amx_bf16",      "asimd",
    "asimdhp",     "asimddp",     "sve",         "sve2",        "i8mm",          "bf16",
};

static bool has_word(const char *text, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += n)
        if ((at == text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) return true;
    return false;
}

static void read_features(char *out, size_t size)
{
    char flags[4096];
    out[0] = '\0';
    if (!find_value("/proc/cpuinfo", "flags", ':', flags, sizeof flags) &&
        !find_value("/proc/cpuinfo", "Features", ':', flags, sizeof flags)) /* as ARM calls them */
        return;
    size_t used = 0;
    for (size_t i = 0; i < sizeof feature_names / sizeof feature_names[0]; i++) {
        if (!has_word(flags, feature_names[i])) continue;
        const char *blank = used ? " " : "";
        used += (size_t)snprintf(out + used, size - used, "%s%s", blank, feature_names[i]);
    }
}

static int32_t usable_cores(void)
{
    ssmq_cores cores;
    ssmq_cores_allowed(&cores);
    return cores.n;
}

void ssmq_machine_read(ssmq_machine *out)
{
    *out = (ssmq_machine){
        .cpu = "unknown", .host = "unknown", .os = "unknown", .kernel = "unknown"};
    (void)find_value("/proc/cpuinfo", "model name", ':', out->cpu, sizeof out->cpu);
    read_features(out->features, sizeof out->features);
    out->cores = usable_cores();
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) out->memory_bytes = (int64_t)pages * page;
    if (gethostname(out->host, sizeof out->host - 1) != 0) strcpy(out->host, "unknown");
    (void)find_value("/etc/os-release", "PRETTY_NAME", '=', out->os, sizeof out->os);
    struct utsname u;
    if (uname(&u) == 0)
        snprintf(out->kernel, sizeof out->kernel, "%s %s %s", u.sysname, u.release, u.machine);
}

void ssmq_peak_rss_restart(void)
{
#if defined(__GLIBC__)
    (void)malloc_trim(0);
#endif
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return;
    fputs("5\n", f); /* proc(5): the peak is what is resident now */
    fclose(f);
}

int64_t ssmq_peak_rss_bytes(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0) return 0;
    return (int64_t)u.ru_maxrss * 1024; /* Linux counts KiB */
}
