#include "harness/bench/energy.h"
#include <stdio.h>
#include <string.h>

/* The number in a file of one line; false if there is none. */
static bool read_number(const char *folder, const char *name, double *out)
{
    char path[640];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    if (!f) return false;
    const bool fine = fscanf(f, "%lf", out) == 1 && *out >= 0;
    fclose(f);
    return fine;
}

/* Parts of a package have names of their own ("core", "dram"), the whole board is "psys". */
static bool is_package(const char *folder)
{
    char path[640], name[16] = "";
    snprintf(path, sizeof path, "%s/name", folder);
    FILE *f = fopen(path, "r");
    if (!f) return false;
    const bool fine = fscanf(f, "%15s", name) == 1 && strncmp(name, "package", 7) == 0;
    fclose(f);
    return fine;
}

void ssmq_energy_find(const char *root, ssmq_energy *out)
{
    ssmq_energy_reading once;
    *out = (ssmq_energy){0};
    for (int32_t i = 0; i < SSMQ_ENERGY_PACKAGES_MAX; i++) {
        char *path = out->package[out->n].path;
        snprintf(path, sizeof out->package->path, "%s/intel-rapl:%d", root, i);
        if (!is_package(path)) continue;
        if (read_number(path, "max_energy_range_uj", &out->package[out->n].range_uj)) out->n++;
    }
    if (!ssmq_energy_read(out, &once)) out->n = 0;
}

bool ssmq_energy_read(const ssmq_energy *e, ssmq_energy_reading *out)
{
    for (int32_t i = 0; i < e->n; i++)
        if (!read_number(e->package[i].path, "energy_uj", &out->uj[i])) return false;
    return true;
}

double ssmq_energy_joules(const ssmq_energy *e, const ssmq_energy_reading *from,
                          const ssmq_energy_reading *to)
{
    double sum = 0;
    for (int32_t i = 0; i < e->n; i++) {
        const double more = to->uj[i] - from->uj[i];
        sum += more < 0 ? more + e->package[i].range_uj : more;
    }
    return sum / 1e6;
}
