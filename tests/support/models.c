#include "tests/support/models.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/run/checkpoint/load.h"
#include "models/families.h"
#include "tests/support/check.h"

const ssmq_random_shape test_shapes[] = {
    {.d_model = 16, .n_layer = 2, .vocab_size = 50, .d_state = 16},
    {.d_model = 24, .n_layer = 2, .vocab_size = 33, .d_state = 5, .d_conv = 2, .dt_rank = 3},
    {.d_model = 20, .n_layer = 1, .vocab_size = 64, .d_state = 80, .d_conv = 3, .expand = 4},
    {.d_model = 12, .n_layer = 3, .vocab_size = 40, .d_state = 1, .expand = 1, .untied = true},
    {0},
};

test_model test_model_new(const ssmq_random_shape *shape, uint64_t seed)
{
    test_model  t = {0};
    const char *base = getenv("TMPDIR");
    snprintf(t.folder, sizeof t.folder, "%.40s/ssmq-model-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(t.folder));
    CHECK_OK(ssmq_random_mamba(t.folder, shape, seed));
    CHECK_OK(ssmq_model_load(ssmq_families, t.folder, &t.m, &t.checkpoint));
    return t;
}

void test_model_free(test_model *t)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    char                     path[128];
    ssmq_model_free(t->m);
    ssmq_checkpoint_close(t->checkpoint);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", t->folder, files[i]);
        unlink(path);
    }
    rmdir(t->folder);
}

void test_tokens(int32_t *token, int32_t n, int64_t vocabulary, uint64_t seed)
{
    for (int32_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        token[i] = (int32_t)((seed >> 33) % (uint64_t)vocabulary);
    }
}
