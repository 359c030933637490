/* Products of codes by oneDNN 2 (C API) on one thread: the project's own are checked and timed beside them.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct test_onednn test_onednn;

/* y (M, N) = x (M, K) w (N, K)^T, all dense.  The weight is rearranged once, as oneDNN likes it.  scale: (N)
 * factors of the columns, y is f32; or NULL, y is s32.  NULL where oneDNN refuses. */
test_onednn *test_onednn_new(int64_t M, int64_t N, int64_t K, const int8_t *w, const float *scale);
bool         test_onednn_run(test_onednn *p, const int8_t *x, void *y);
void         test_onednn_free(test_onednn *p); /* accepts NULL */

/* The name of the kernel it chose, as "brg:avx512_core_vnni". */
const char *test_onednn_kernel(const test_onednn *p);
