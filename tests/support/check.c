#include "tests/support/check.h"
#include <math.h>

double check_relative(const float *a, const double *b, int64_t n)
{
    double most = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - b[i]);
        if (!(d <= most)) most = d; /* a NaN stays */
        if (fabs(b[i]) > size) size = fabs(b[i]);
    }
    return most / size;
}
