#include "harness/tensor/moments.h"
#include <math.h>
#include "harness/base/assert.h"

void ssmq_moments_merge(ssmq_moments *to, const ssmq_moments *from)
{
    if (from->n == 0) return;
    if (to->n == 0) {
        *to = *from;
        return;
    }
    const ssmq_moments a = *to, b = *from;
    const double       na = (double)a.n, nb = (double)b.n, n = na + nb;
    const double       d = b.mean - a.mean, dn = d / n, dn2 = dn * dn, across = d * dn * na * nb;
    to->n = a.n + b.n;
    to->mean = a.mean + nb * dn;
    to->s2 = a.s2 + b.s2 + across;
    to->s3 = a.s3 + b.s3 + across * dn * (na - nb) + 3 * dn * (na * b.s2 - nb * a.s2);
    to->s4 = a.s4 + b.s4 + across * dn2 * (na * na - na * nb + nb * nb) +
             6 * dn2 * (na * na * b.s2 + nb * nb * a.s2) + 4 * dn * (na * b.s3 - nb * a.s3);
}

double ssmq_moments_central(const ssmq_moments *m, int k)
{
    SSMQ_ASSERT(k >= 2 && k <= 4);
    return (k == 2 ? m->s2 : k == 3 ? m->s3 : m->s4) / (double)m->n;
}

double ssmq_moments_kurtosis(const ssmq_moments *m)
{
    return m->s2 > 0 ? (double)m->n * m->s4 / (m->s2 * m->s2) : NAN;
}

double ssmq_moments_squares(const ssmq_moments *m)
{
    return m->s2 + (double)m->n * m->mean * m->mean;
}
