/* Peak memory of getting ready in real mode: weights pass through memory, they are not kept there as floats and as codes.
 * A process of its own, since memory that was once used stays counted. */
#include <malloc.h>
#include "harness/run/checkpoint/ready.h"
#include "harness/store/host.h"
#include "models/random.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"
#include "tests/support/models.h"
#include "tests/support/scratch.h"

enum { LENGTH = 32, SAMPLES = 2, LAYERS = 8, WIDTH = 768, VOCABULARY = 4096 };

static const ssmq_random_shape shape = {
    .d_model = WIDTH, .n_layer = LAYERS, .vocab_size = VOCABULARY, .dtype = SSMQ_F32};

static const char recipe[] = "- {method: hadamard}\n"
                             "- {method: weights}\n"
                             "- {method: activations}\n";

/* Of LENGTH tokens each. */
static ssmq_status samples_of(void *context, const ssmq_model *base, ssmq_samples *out)
{
    ssmq_arena  *arena = context;
    int32_t     *token = SSMQ_ARENA_ARRAY(arena, int32_t, SAMPLES * LENGTH);
    ssmq_sample *sample = SSMQ_ARENA_ARRAY(arena, ssmq_sample, SAMPLES);
    test_tokens(token, SAMPLES * LENGTH, base->vocabulary, 1);
    for (int i = 0; i < SAMPLES; i++) sample[i] = (ssmq_sample){.token = token + i * LENGTH, .length = LENGTH, .document = i};
    *out = (ssmq_samples){.sample = sample, .n = SAMPLES};
    return SSMQ_OK;
}

static void prefill(ssmq_ready *r)
{
    int32_t     token[LENGTH];
    void       *state = NULL;
    ssmq_tensor hidden, logits;
    test_tokens(token, LENGTH, r->m->vocabulary, 2);
    CHECK_OK(r->m->family->state_new(r->m, r->ex, 1, &state));
    CHECK_OK(r->m->family->forward(r->m, r->ex, &(ssmq_batch){token, 1, LENGTH}, state, &hidden));
    const ssmq_tensor rows = ssmq_tensor_rows(&hidden);
    CHECK_OK(ssmq_ready_logits(r, &rows, &logits));
    r->m->family->state_free(r->m, r->ex, state);
}

/* Values of weights that are rewritten (what the rotation turns), in layers, and in the head. */
static double turned(void)
{
    return (double)LAYERS * 2 * WIDTH * WIDTH;
}

static double in_layers(void)
{
    return (double)LAYERS * (6.0 * WIDTH * WIDTH + 2 * WIDTH * (2 * (WIDTH / 16) + 2 * 16));
}

/* The rewritten weights are floats until the last step has calibrated; then one after the other becomes codes, which
 * lie beside the others' floats.  Beside these the head, which stays as it is, and 8 MiB for buffers and activations. */
static void test_bound(void **state)
{
    const scratch *s = *state;
    ssmq_ready     r;
    ssmq_diag     *diag = ssmq_diag_new();
    (void)mallopt(M_MMAP_THRESHOLD, 4 << 20); /* as the program does */
    CHECK_OK(ssmq_make_directory(scratch_path(s, "model")));
    CHECK_OK(ssmq_random_mamba(scratch_path(s, "model"), &shape, 1));
    const ssmq_ready_request request = {.model = scratch_path(s, "model"),
                                        .recipe = scratch_write(s, "recipe.yaml", recipe, sizeof recipe - 1),
                                        .mode = SSMQ_MODE_REAL,
                                        .backend = test_catalogue.backends[1],
                                        .threads = 2,
                                        .samples = samples_of,
                                        .context = s->a};
    const double             before = (double)ssmq_peak_rss_bytes();
    CHECK_OK(ssmq_ready_open(&request, &test_catalogue, diag, s->a, &r));
    prefill(&r);
    const double floats = 4 * (in_layers() + (double)VOCABULARY * WIDTH);
    const double peak = (double)ssmq_peak_rss_bytes() - before;
    const double most = 4 * turned() + in_layers() + 4 * (double)VOCABULARY * WIDTH + 0x8p20;
    print_message("%.1f MiB of %.1f MiB of float weights; bound %.1f MiB\n", peak / 0x1p20, floats / 0x1p20, most / 0x1p20);
    assert_true(most < floats);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("not judged: a sanitizer multiplies memory\n");
#else
    assert_true(peak <= most);
#endif
    ssmq_ready_close(&r);
    ssmq_diag_free(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_bound, scratch_setup, scratch_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
