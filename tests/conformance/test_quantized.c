/* A quantised checkpoint gives the bits that the recipe gives: prefill and decoding, in every mode
 * that runs it, for every recipe of the project and for what those leave out; and fake and real give the same. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/checkpoint/quantized.h"
#include "harness/run/checkpoint/ready.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define TINY "models/tiny-mamba"
#define LENGTH 24
#define STEPS 3

static int32_t token_at(int i)
{
    return (int32_t)((unsigned)i * 2654435761u % 3000);
}

static ssmq_status made_up_samples(void *context, const ssmq_model *base, ssmq_samples *out)
{
    ssmq_arena  *arena = context;
    ssmq_sample *sample = SSMQ_ARENA_ARRAY(arena, ssmq_sample, 2);
    int32_t     *token = SSMQ_ARENA_ARRAY(arena, int32_t, 2 * LENGTH);
    (void)base;
    for (int i = 0; i < 2 * LENGTH; i++) token[i] = token_at(i + 100);
    for (int i = 0; i < 2; i++)
        sample[i] = (ssmq_sample){.token = token + i * LENGTH, .length = LENGTH, .document = i};
    *out = (ssmq_samples){.sample = sample, .n = 2};
    return SSMQ_OK;
}

static ssmq_status open_ready(const char *model, const char *recipe, ssmq_mode mode,
                              ssmq_arena *arena, ssmq_ready *out)
{
    ssmq_diag               *diag = ssmq_diag_new();
    const ssmq_ready_request r = {.model = model,
                                  .recipe = recipe,
                                  .mode = mode,
                                  .backend = test_catalogue.backends[1],
                                  .threads = 1,
                                  .seed = 5,
                                  .samples = made_up_samples,
                                  .context = arena};
    const ssmq_status        st = ssmq_ready_open(&r, &test_catalogue, diag, arena, out);
    ssmq_str                 text = {0};
    ssmq_diag_render(diag, &text);
    if (mode == SSMQ_MODE_FAKE) fputs(ssmq_str_text(&text), stderr);
    ssmq_str_free(&text);
    ssmq_diag_free(diag);
    return st;
}

/* The logits behind a prefill and behind each of some steps: (STEPS + 1, V). */
static float *logits_of(ssmq_ready *r, ssmq_arena *arena)
{
    const ssmq_model *m = r->m;
    float            *all = SSMQ_ARENA_ARRAY(arena, float, (STEPS + 1) * m->vocabulary);
    int32_t           token[LENGTH + STEPS];
    void             *state;
    for (int i = 0; i < LENGTH + STEPS; i++) token[i] = token_at(i);
    CHECK_OK(m->family->state_new(m, r->ex, 1, &state));
    for (int i = 0; i <= STEPS; i++) {
        const ssmq_batch in = {
            .token = i ? token + LENGTH + i - 1 : token, .B = 1, .L = i ? 1 : LENGTH};
        ssmq_tensor hidden, logits;
        CHECK_OK(m->family->forward(m, r->ex, &in, state, &hidden));
        const ssmq_tensor rows = ssmq_tensor_rows(&hidden),
                          last = ssmq_tensor_slice(&rows, 0, in.L - 1, 1);
        CHECK_OK(ssmq_ready_logits(r, &last, &logits));
        memcpy(all + i * m->vocabulary, logits.data, (size_t)m->vocabulary * sizeof(float));
    }
    m->family->state_free(m, r->ex, state);
    return all;
}

static void write_checkpoint(const ssmq_ready *r, const char *directory)
{
    const ssmq_quantized_content c = {
        .m = r->m, .plan = r->recipe.plan, .be = r->be, .recipe = "a recipe"};
    int64_t bytes;
    CHECK_OK(ssmq_make_directory(directory));
    CHECK_OK(ssmq_quantized_write(directory, &c, &bytes));
    assert_true(bytes > 0);
}

static void check_mode(const char *recipe, const char *directory, ssmq_mode mode, ssmq_arena *arena)
{
    ssmq_ready from, to;
    if (open_ready(TINY, recipe, mode, arena, &from) == SSMQ_OK) {
        CHECK_OK(open_ready(directory, NULL, mode, arena, &to));
        const size_t bytes = (size_t)((STEPS + 1) * from.m->vocabulary) * sizeof(float);
        if (memcmp(logits_of(&from, arena), logits_of(&to, arena), bytes) != 0)
            fail_msg("%s, mode %s: other logits", recipe, ssmq_modes[mode]);
        ssmq_ready_close(&to);
    }
    ssmq_ready_close(&from);
    ssmq_error_clear();
}

/* What has no integer kernel is compared in fake mode only. */
static void check_recipe(const scratch *s, const char *recipe, const char *name)
{
    const char *directory = scratch_path(s, name);
    ssmq_ready  r;
    CHECK_OK(open_ready(TINY, recipe, SSMQ_MODE_FAKE, s->a, &r));
    write_checkpoint(&r, directory);
    ssmq_ready_close(&r);
    check_mode(recipe, directory, SSMQ_MODE_FAKE, s->a);
    check_mode(recipe, directory, SSMQ_MODE_REAL, s->a);
}

/* What has no integer kernel, and what real mode is asked to do otherwise. */
static const char *const refused[] = {"llm-int8.yaml", "quamba-2024.yaml", NULL}, *const departs[] = {"quamba-kernels.yaml", NULL};

static bool is_one(const char *const *list, const char *name)
{
    while (*list && strcmp(*list, name) != 0) list++;
    return *list != NULL;
}

/* Prefill and decoding have the same bits in both modes. */
static void check_modes(const scratch *s, const char *recipe, const char *name)
{
    ssmq_ready        fake, real;
    const ssmq_status st = open_ready(TINY, recipe, SSMQ_MODE_REAL, s->a, &real);
    if (is_one(refused, name)) {
        assert_int_equal(st, SSMQ_ERR_UNSUPPORTED);
        ssmq_ready_close(&real);
        return;
    }
    CHECK_OK(st);
    CHECK_OK(open_ready(TINY, recipe, SSMQ_MODE_FAKE, s->a, &fake));
    const size_t bytes = (size_t)((STEPS + 1) * real.m->vocabulary) * sizeof(float);
    const bool   same = memcmp(logits_of(&fake, s->a), logits_of(&real, s->a), bytes) == 0;
    if (same == is_one(departs, name)) fail_msg("%s: the logits of fake and real are %s", name, same ? "equal" : "not equal");
    ssmq_ready_close(&fake);
    ssmq_ready_close(&real);
}

/* All of them, so that what a later method adds to a plan is not forgotten. */
static void test_recipes(void **state)
{
    const scratch *s = *state;
    DIR           *folder = opendir("configs/recipes");
    int            n = 0;
    assert_non_null(folder);
    for (const struct dirent *e = readdir(folder); e; e = readdir(folder), n++) {
        if (!ssmq_str_ends(e->d_name, ".yaml")) continue;
        const char *recipe = ssmq_arena_printf(s->a, "configs/recipes/%s", e->d_name);
        check_recipe(s, recipe, e->d_name);
        check_modes(s, recipe, e->d_name);
    }
    closedir(folder);
    assert_true(n > 6);
}

static void check_text(const scratch *s, const char *name, const char *text)
{
    check_recipe(s, scratch_write(s, ssmq_arena_printf(s->a, "%s.yaml", name), text, strlen(text)),
                 name);
}

static void test_others(void **state)
{
    const scratch *s = *state;
    check_text(s, "groups",
               "- {method: weights, bits: 4, scope: group, group: 32, sites: "
               "[layers.*.in_proj.weight, layers.*.out_proj.weight]}\n");
    check_text(s, "channels",
               "- {method: weights, bits: 3, scope: channel}\n- {method: activations, bits: 8}\n");
    check_text(
        s, "ends",
        "- {method: weights, bits: 8, sites: [\"layers.**\", embedding.weight, head.weight]}\n"
        "- {id: head, method: activations, sites: head.in}\n");
    check_text(s, "rows", "- {method: weights, bits: 4, scope: channel, sites: [embedding.weight, head.weight]}\n");
    check_text(s, "pieces", "- {method: weights, bits: 4, scope: group, group: 64, sites: embedding.weight}\n");
    check_text(s, "solved", "- {method: gptq, bits: 4}\n- {method: activations, bits: 8}\n");
    check_text(s, "kept", "- {method: outliers}\n- {method: weights}\n- {method: activations}\n");
    check_text(s, "points", "- {method: activations, symmetric: false}\n- {method: weights}\n");
    check_text(s, "points of weights", "- {method: weights, symmetric: false}\n- {method: activations}\n");
    check_text(s, "points of groups",
               "- {method: weights, symmetric: false}\n- {method: activations, range: dynamic, scope: token}\n"
               "- {id: g, method: weights, bits: 4, scope: group, group: 16, symmetric: false, "
               "sites: [layers.*.in_proj.weight, layers.*.out_proj.weight]}\n");
    check_text(s, "state", "- {method: weights}\n- {method: activations}\n- {method: state}\n");
    check_text(s, "all in bf16", "- {method: weights, sites: \"**\", format: bf16, bits: 16}\n");
    check_text(s, "all in f16", "- {method: weights, sites: \"**\", format: f16, bits: 16}\n"
               "- {method: activations, sites: \"**\", format: f16, bits: 16}\n");
    check_text(s, "kept bf16", "- {method: outliers}\n- {method: weights, format: bf16, bits: 16}\n");
    check_text(s, "turned",
               "- {method: rotate-residual}\n- {method: weights}\n- {method: activations}\n");
}

static void test_refusals(void **state)
{
    const scratch *s = *state;
    const char    *recipe = scratch_write(s, "fp8.yaml", "- {method: weights, format: e4m3}\n", 34);
    ssmq_ready     r;
    int64_t        bytes;
    CHECK_OK(open_ready(TINY, recipe, SSMQ_MODE_FAKE, s->a, &r));
    const ssmq_quantized_content c = {.m = r.m, .plan = r.recipe.plan, .be = r.be, .recipe = ""};
    CHECK_FAILS(
        ssmq_quantized_write(s->path, &c, &bytes), SSMQ_ERR_UNSUPPORTED,
        "layers.0.in_proj.weight: quantised checkpoints hold integer codes of at most 8 bits, f16 and bf16");
    ssmq_ready_close(&r);
    CHECK_OK(open_ready(TINY, "configs/recipes/naive.yaml", SSMQ_MODE_FAKE, s->a, &r));
    write_checkpoint(&r, scratch_path(s, "q"));
    ssmq_ready_close(&r);
    const char *q = scratch_path(s, "q");
    CHECK_FAILS_WITH(open_ready(q, NULL, SSMQ_MODE_FLOAT, s->a, &r), SSMQ_ERR_USAGE,
                     "it runs in --mode fake or real");
    ssmq_ready_close(&r);
    CHECK_FAILS_WITH(open_ready(q, "configs/recipes/naive.yaml", SSMQ_MODE_FAKE, s->a, &r),
                     SSMQ_ERR_USAGE, "whose recipe was carried out");
    ssmq_ready_close(&r);
}

/* Every kind of damage is an INPUT error, and none of them is read beyond the file
 * (AddressSanitizer). */
static void test_damage(void **state)
{
    const scratch *s = *state;
    ssmq_rng       rng;
    ssmq_ready     r;
    CHECK_OK(open_ready(TINY, "configs/recipes/naive.yaml", SSMQ_MODE_FAKE, s->a, &r));
    const char *q = scratch_path(s, "q"), *file = scratch_path(s, "q/model.safetensors");
    write_checkpoint(&r, q);
    ssmq_ready_close(&r);
    blob whole = blob_read(file);
    ssmq_rng_init(&rng, test_seed(11), "damage");
    for (int i = 0; i < 24; i++) {
        blob             bad = blob_damaged(&whole, 0, i % 2 ? 40000 : whole.size, &rng);
        ssmq_model      *m;
        ssmq_checkpoint *c;
        ssmq_plan       *p;
        scratch_write(s, "q/model.safetensors", bad.data, bad.size);
        const ssmq_status st = ssmq_quantized_load(test_catalogue.families, q, &m, &c, &p);
        if (st == SSMQ_OK) { /* blanks behind the header may be anything to a reader of JSON */
            ssmq_plan_free(p);
            ssmq_model_free(m);
            ssmq_checkpoint_close(c);
        } else {
            assert_int_equal(st, SSMQ_ERR_INPUT);
        }
        blob_free(&bad);
    }
    blob_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_recipes, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_others, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_refusals, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_damage, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
