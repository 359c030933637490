/* Energy that the processor packages took, as the kernel counts it: Linux' powercap, RAPL.  Usually only the
 * administrator may read it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_ENERGY_COUNTERS "/sys/class/powercap"
#define SSMQ_ENERGY_PACKAGES_MAX 16

typedef struct ssmq_energy {
    int32_t n; /* packages; 0: no counter is readable */
    struct {
        char   path[512];
        double range_uj; /* where the counter begins again at 0 */
    } package[SSMQ_ENERGY_PACKAGES_MAX];
} ssmq_energy;

/* Microjoules of each package at some moment. */
typedef struct ssmq_energy_reading {
    double uj[SSMQ_ENERGY_PACKAGES_MAX];
} ssmq_energy_reading;

/* Finds the packages below a folder, SSMQ_ENERGY_COUNTERS but for tests; all of them are readable or n is 0. */
void ssmq_energy_find(const char *root, ssmq_energy *out);
/* False if a counter cannot be read any more. */
bool ssmq_energy_read(const ssmq_energy *e, ssmq_energy_reading *out);
/* Joules between two readings, less than one round of a counter apart. */
double ssmq_energy_joules(const ssmq_energy *e, const ssmq_energy_reading *from, const ssmq_energy_reading *to);

#ifdef __cplusplus
}
#endif
