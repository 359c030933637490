/* Two loops of two threads; asked for a "race", also a write of both to one place.  The thread
 * sanitizer has to find that one and nothing else: the loops are ordered by OpenMP's barriers, which it
 * knows of only where the OpenMP library tells it. */
#include <stdio.h>
#include <string.h>

#define N 10000

int main(int argc, char **argv)
{
    static float a[N];
    float        sum = 0;
    for (int round = 0; round < 20; round++) {
#pragma omp parallel for num_threads(2) schedule(dynamic, 16)
        for (int i = 0; i < N; i++) a[i] = (float)(i % 7 + round);
#pragma omp parallel for num_threads(2) schedule(static) reduction(+ : sum)
        for (int i = 0; i < N; i++) sum += a[N - 1 - i];
    }
    if (argc > 1 && strcmp(argv[1], "race") == 0) {
#pragma omp parallel num_threads(2)
        for (int i = 0; i < N; i++) a[0] += 1.0f;
    }
    printf("%g %g\n", (double)sum, (double)a[0]);
    return 0;
}
