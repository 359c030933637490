#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/checkpoint/load.h"
#include "models/families.h"
#include "models/random.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/scratch.h"

static const ssmq_random_shape small = {.d_model = 48, .n_layer = 2, .vocab_size = 301};

static void load(const char *directory, ssmq_model **m, ssmq_checkpoint **c)
{
    *m = NULL;
    *c = NULL;
    CHECK_OK(ssmq_model_load(ssmq_families, directory, m, c));
}

static const ssmq_tensor *weight(const ssmq_model *m, const char *name)
{
    for (int32_t i = 0; i < m->n_weight; i++)
        if (strcmp(m->weight[i].name, name) == 0) return &m->weight[i].value;
    fail_msg("no weight %s", name);
    return NULL;
}

static bool same_file(const scratch *s, const char *a, const char *b)
{
    blob       x = blob_read(scratch_path(s, a)), y = blob_read(scratch_path(s, b));
    const bool same = x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
    blob_free(&x);
    blob_free(&y);
    return same;
}

static void test_repeatable(void **state)
{
    const scratch *s = *state;
    CHECK_OK(ssmq_random_mamba(scratch_path(s, "a/b"), &small, 7));
    CHECK_OK(ssmq_random_mamba(scratch_path(s, "b"), &small, 7));
    CHECK_OK(ssmq_random_mamba(scratch_path(s, "c"), &small, 8));
    assert_true(same_file(s, "a/b/model.safetensors", "b/model.safetensors"));
    assert_true(same_file(s, "a/b/config.json", "b/config.json"));
    assert_false(same_file(s, "b/model.safetensors", "c/model.safetensors"));
}

/* Mean and standard deviation. */
static void moments(const ssmq_tensor *t, double *mean, double *deviation)
{
    const int64_t n = ssmq_tensor_count(t);
    const float  *v = t->data;
    double        sum = 0, square = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)v[i];
        square += (double)v[i] * (double)v[i];
    }
    *mean = sum / (double)n;
    *deviation = sqrt(square / (double)n - *mean * *mean);
}

static void test_values(void **state)
{
    const scratch   *s = *state;
    ssmq_model      *m;
    ssmq_checkpoint *c;
    double           mean, deviation;
    CHECK_OK(ssmq_random_mamba(s->path, &small, 1));
    load(s->path, &m, &c);
    assert_int_equal(m->vocabulary, 304);
    const ssmq_tensor *t = weight(m, "backbone.layers.1.mixer.A_log");
    for (int i = 0; i < 16; i++) assert_true(((float *)t->data)[16 + i] == (float)log(i + 1.0));
    t = weight(m, "backbone.layers.0.mixer.D");
    for (int i = 0; i < 96; i++) assert_true(((float *)t->data)[i] == 1.0f);
    t = weight(m, "backbone.layers.0.mixer.dt_proj.bias");
    double least = 1, most = 0;
    for (int i = 0; i < 96; i++) {
        const double dt = log1p(exp((double)((float *)t->data)[i]));
        least = fmin(least, dt);
        most = fmax(most, dt);
    }
    /* Bounds up to a float's rounding of the bias; 96 draws reach both outer thirds (1 - 1e-16). */
    assert_true(least > 0.999e-3 && least < 5e-3 && most > 2e-2 && most < 0.1001);
    t = weight(m, "backbone.layers.0.mixer.in_proj.weight"); /* (192, 48), variance 1/48 */
    moments(t, &mean, &deviation);
    /* 9216 values: standard errors 0.0015 of the mean and 0.7 % of the deviation; five of them. */
    assert_true(fabs(mean) < 0.0075 && fabs(deviation * sqrt(48) - 1) < 0.035);
    assert_ptr_equal(weight(m, "lm_head.weight")->data,
                     weight(m, "backbone.embedding.weight")->data);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
}

/* Other sizes than the usual ones, each dtype, a head of its own. */
static void test_shapes(void **state)
{
    const scratch    *s = *state;
    ssmq_model       *m;
    ssmq_checkpoint  *c;
    ssmq_random_shape shape = {.d_model = 20,
                               .n_layer = 1,
                               .vocab_size = 8,
                               .d_state = 5,
                               .d_conv = 3,
                               .expand = 3,
                               .dt_rank = 1,
                               .dtype = SSMQ_F16,
                               .untied = true};
    CHECK_OK(ssmq_random_mamba(s->path, &shape, 1));
    load(s->path, &m, &c);
    const ssmq_tensor *dt = weight(m, "backbone.layers.0.mixer.dt_proj.weight");
    assert_int_equal(dt->rank, 2); /* (E, 1) stays a matrix */
    assert_int_equal(dt->dim[0], 60);
    assert_int_equal(weight(m, "backbone.layers.0.mixer.conv1d.weight")->dim[1], 3);
    assert_int_equal(weight(m, "backbone.layers.0.mixer.x_proj.weight")->dim[0], 11);
    assert_int_equal(ssmq_checkpoint_find(c, "lm_head.weight")->value.dtype, SSMQ_F16);
    assert_int_equal(ssmq_checkpoint_find(c, "backbone.layers.0.mixer.D")->value.dtype, SSMQ_F32);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
    shape.dtype = SSMQ_BF16;
    CHECK_OK(ssmq_random_mamba(s->path, &shape, 1));
    load(s->path, &m, &c);
    assert_int_equal(ssmq_checkpoint_find(c, "lm_head.weight")->value.dtype, SSMQ_BF16);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
}

/* Deep and long enough to show growth, if there were any. */
static void test_forward(void **state)
{
    const scratch    *s = *state;
    ssmq_model       *m;
    ssmq_checkpoint  *c;
    test_backend      be[16];
    int32_t           token[256];
    ssmq_random_shape shape = small;
    double            mean, deviation;
    shape.n_layer = 48;
    CHECK_OK(ssmq_random_mamba(s->path, &shape, 3));
    load(s->path, &m, &c);
    for (int i = 0; i < 256; i++) token[i] = i * 7919 % 301;
    const int32_t     n = test_backends_open(be, 16, 1);
    float            *logits = test_logits(be[0].be, m, NULL, token, 1, 256, 256);
    const ssmq_tensor t = SSMQ_TENSOR(logits, SSMQ_F32, 256, 304);
    moments(&t, &mean, &deviation);
    /* Rows of norm_f have length sqrt(D); times rows of the tied table: 0.02 sqrt(D) = 0.14. */
    assert_true(deviation > 0.05 && deviation < 1);
    free(logits);
    test_backends_close(be, n);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
}

static void refuses(const scratch *s, ssmq_random_shape shape, const char *message)
{
    CHECK_FAILS(ssmq_random_mamba(s->path, &shape, 1), SSMQ_ERR_CONFIG, message);
}

static void test_refused(void **state)
{
    const scratch    *s = *state;
    ssmq_random_shape shape = small;
    shape.d_model = 0;
    refuses(s, shape, "random model: d_model is 0, not within 1 to 1048576");
    shape = small;
    shape.d_conv = 5;
    refuses(s, shape, "random model: d_conv is 5, not within 2 to 4");
    shape = small;
    shape.dtype = SSMQ_I8;
    refuses(s, shape, "random model: the dtype is i8, not f32, f16 or bf16");
}

/* The published parameter counts, tied embedding once (computed from their shapes). */
static void test_named(void **state)
{
    (void)state;
    static const int64_t counts[] = {129135360, 371516416, 793204224, 1372178432, 2768345600};
    int                  i = 0;
    for (; ssmq_random_shapes[i].name; i++) {
        const ssmq_random_shape *s = &ssmq_random_shapes[i];
        const int64_t            D = s->d_model, E = 2 * D, N = 16, R = (D + 15) / 16, V = 50280;
        const int64_t            layer =
            D + 2 * E * D + E * 4 + E + (R + 2 * N) * E + E * R + E + E * N + E + D * E;
        assert_int_equal(V * D + s->n_layer * layer + D, counts[i]);
    }
    assert_int_equal(i, 5);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_repeatable), IN_SCRATCH(test_values),  IN_SCRATCH(test_shapes),
        IN_SCRATCH(test_forward),    IN_SCRATCH(test_refused), cmocka_unit_test(test_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
