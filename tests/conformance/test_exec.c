/* What exec computes under a plan, against the definition. */
#include <stdlib.h>
#include "tests/support/check.h"
#include "tests/support/definition.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"

#define B 2
#define L 5
#define SEED 11u
#define BACKENDS 4
#define HALF                                                                         \
    .scale_dtype = SSMQ_PRECISION_F16, .quotient_dtype = SSMQ_PRECISION_F16,         \
    .product_dtype = SSMQ_PRECISION_F16

/* A spec for an activation and how its ranges are laid out here: by element of (B, L, K). */
static const ssmq_qspec activation_specs[] = {
    {.bits = 0},
    {.bits = 8, .symmetric = true},
    {.bits = 4, .symmetric = true, .rounding = SSMQ_ROUNDING_HALF_AWAY},
    {.bits = 8},
    {.format = SSMQ_FORMAT_E4M3, .bits = 8, .symmetric = true},
    {.format = SSMQ_FORMAT_E5M2, .bits = 8, .symmetric = true},
    {.bits = 8, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 8, .symmetric = true, .dynamic = true},
    {.bits = 6, .dynamic = true},
    {.bits = 8, .symmetric = true, .dynamic = true, .scope = SSMQ_SCOPE_TOKEN},
    {.bits = 8, .dynamic = true, .scope = SSMQ_SCOPE_TOKEN},
    {.bits = 8, .symmetric = true, HALF},
    {.bits = 8, .dynamic = true, HALF},
    {.bits = 8, .symmetric = true, .dynamic = true, .scope = SSMQ_SCOPE_TOKEN, HALF},
    {.format = SSMQ_FORMAT_E4M3, .bits = 8, .symmetric = true, HALF},
    {.bits = 6, .symmetric = true, .quotient_dtype = SSMQ_PRECISION_F16},
};
static const ssmq_qspec weight_specs[] = {
    {.bits = 0},
    {.bits = 8, .symmetric = true},
    {.bits = 16, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 4, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 3, .symmetric = true, .scope = SSMQ_SCOPE_GROUP, .group = 4},
    {.bits = 4, .scope = SSMQ_SCOPE_GROUP, .group = 4},
    {.format = SSMQ_FORMAT_E4M3, .bits = 8, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 8, .symmetric = true, HALF},
    {.bits = 4, .scope = SSMQ_SCOPE_GROUP, .group = 4, HALF},
};

static void check_linear(const test_backend *b, ssmq_model *m, const ssmq_qspec *sx,
                         const ssmq_qspec *sw)
{
    test_linear   t = {.m = m,
                       .site_x = ssmq_model_site(m, "layers.0.in_proj.in"),
                       .site_w = ssmq_model_site(m, "layers.0.in_proj.weight"),
                       .sequences = B,
                       .length = L};
    const int64_t K = m->site[t.site_x].width, n = B * L * K;
    float        *x = malloc((size_t)n * sizeof *x);
    int32_t      *noise = malloc((size_t)n * sizeof *noise);
    test_tokens(noise, (int32_t)n, 2001, SEED);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(noise[i] - 900) * 1e-3f * (float)(1 + i % 5);
    t.x = x;
    const double e = test_linear_error(b->be, &t, sx, sw);
    if (!(e <= (double)(K + 4) * 6e-8))
        fail_msg("%s: activation (%s, %d bits, %s%s), weight (%s, %d bits, %s): %.2e", b->name,
                 ssmq_formats[sx->format], sx->bits, ssmq_scopes[sx->scope],
                 sx->dynamic ? ", dynamic" : "", ssmq_formats[sw->format], sw->bits,
                 ssmq_scopes[sw->scope], e);
    free(x);
    free(noise);
}

static void test_linear_under_every_spec(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    test_model    t = test_model_new(&test_shapes[0], SEED);
    for (int32_t i = 0; i < n; i++)
        for (size_t x = 0; x < sizeof activation_specs / sizeof *activation_specs; x++)
            for (size_t w = 0; w < sizeof weight_specs / sizeof *weight_specs; w++)
                check_linear(&b[i], t.m, &activation_specs[x], &weight_specs[w]);
    test_model_free(&t);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linear_under_every_spec)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
