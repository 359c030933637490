/* What the project ships for experiments: the reference page, the fragments, the quickstart. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/run/experiment/experiment.h"
#include "harness/run/experiment/reference.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

/* A page is what the tables say.  With SSMQ_WRITE_REFERENCE=1 it is written instead. */
static void check_page(const char *path, ssmq_str *page)
{
    ssmq_str file = {0};
    if (getenv("SSMQ_WRITE_REFERENCE")) CHECK_OK(ssmq_file_write(path, page->data, page->length));
    CHECK_OK(ssmq_file_read(path, 1 << 20, &file));
    if (strcmp(ssmq_str_text(page), ssmq_str_text(&file)) != 0)
        fail_msg("%s is not what the tables say; run this test with SSMQ_WRITE_REFERENCE=1 to "
                 "write it again",
                 path);
    ssmq_str_free(page);
    ssmq_str_free(&file);
}

static void test_reference(void **state)
{
    ssmq_str page = {0}, errors = {0};
    (void)state;
    ssmq_reference(&test_catalogue, &page);
    check_page("configs/README.md", &page);
    ssmq_reference_problems(&errors);
    check_page("configs/ERRORS.md", &errors);
}

/* Reads an experiment of the project with overrides; any problem fails the test. */
static ssmq_experiment *read_shipped(const char *path, const char *const *set)
{
    ssmq_diag       *diag = ssmq_diag_new();
    ssmq_experiment *e = NULL;
    int32_t          n = 0;
    while (set && set[n]) n++;
    if (ssmq_experiment_read(path, set, n, &test_catalogue, diag, &e) != SSMQ_OK ||
        ssmq_diag_warnings(diag) > 0) {
        ssmq_str text = {0};
        ssmq_diag_render(diag, &text);
        fail_msg("%s", ssmq_str_text(&text));
    }
    ssmq_diag_free(diag);
    return e;
}

static void test_quickstart(void **state)
{
    static const char *const names[] = {"float", "fake naive", "fake quamba"};
    ssmq_experiment         *e = read_shipped("experiments/quickstart.yaml", NULL);
    (void)state;
    assert_string_equal(e->name, "quickstart");
    assert_int_equal(e->n_run, 3);
    for (int32_t i = 0; i < 3; i++) assert_string_equal(e->run[i].name, names[i]);
    assert_int_equal(e->run[2].recipe->n_step, 4);
    assert_true(e->run[2].calibration->count == 64);
    assert_true(e->run[0].evaluation[0].limit == 8);
    ssmq_experiment_free(e);
}

/* The quickstart's recipe in place and the shipped one are the same. */
static void test_quamba_recipe(void **state)
{
    ssmq_experiment *in_place = read_shipped("experiments/quickstart.yaml", NULL);
    ssmq_experiment *shipped =
        read_shipped("experiments/quickstart.yaml",
                     (const char *const[]){"recipes.quamba=configs/recipes/quamba.yaml", NULL});
    (void)state;
    for (int32_t i = 0; i < 3; i++) assert_string_equal(in_place->run[i].id, shipped->run[i].id);
    ssmq_experiment_free(in_place);
    ssmq_experiment_free(shipped);
}

/* The other recipes, each in the place of quamba. */
static void test_recipes(void **state)
{
    static const struct {
        const char *set;
        int32_t     steps;
    } cases[] = {{"recipes.quamba=configs/recipes/in-per.yaml", 3},
                 {"recipes.quamba=configs/recipes/out-had.yaml", 3},
                 {"recipes.quamba=configs/recipes/smoothquant.yaml", 3},
                 {"recipes.quamba=configs/recipes/quarot-ssm.yaml", 4},
                 {"recipes.quamba=configs/recipes/dynamic.yaml", 2},
                 {"recipes.quamba=configs/recipes/llm-int8.yaml", 3}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ssmq_experiment *e =
            read_shipped("experiments/quickstart.yaml", (const char *const[]){cases[i].set, NULL});
        assert_int_equal(e->run[1].recipe->n_step, 2);
        assert_int_equal(e->run[2].recipe->n_step, cases[i].steps);
        ssmq_experiment_free(e);
    }
}

/* The id of a run, which is the digest of what it resolves to. */
static void run_id(const char *path, const char *run, const char *set, char *out, size_t size)
{
    ssmq_experiment *e = read_shipped(path, (const char *const[]){set, NULL});
    *out = 0;
    for (int32_t i = 0; i < e->n_run; i++)
        if (strcmp(e->run[i].name, run) == 0) snprintf(out, size, "%s", e->run[i].id);
    ssmq_experiment_free(e);
    if (!*out) fail_msg("%s has no run %s", path, run);
}

/* What the released code does otherwise is on in quamba-2024, each as an option: to ask for the plain arithmetic makes
 * another run.  A_log and D have f32 there. */
static void test_quamba_2024(void **state)
{
#define RECIPE "recipes.quamba-2024."
    static const struct {
        const char *set;
        bool        departs;
    } options[] = {
        {RECIPE "rot.weight_dtype=f32", true},
        {RECIPE "w.scale_dtype=f32", true},
        {RECIPE "w.quotient_dtype=f32", true},
        {RECIPE "w.product_dtype=f32", true},
        {RECIPE "ssm.scale_dtype=f32", false},
        {RECIPE "ssm.quotient_dtype=f32", false},
        {RECIPE "ssm.product_dtype=f32", false},
        {RECIPE "a.scale_dtype=f32", true},
        {RECIPE "a.quotient_dtype=f32", true},
        {RECIPE "a.product_dtype=f32", true},
        {RECIPE "u.scale_dtype=f32", true},
        {RECIPE "u.quotient_dtype=f32", true},
        {RECIPE "u.product_dtype=f32", true},
        {RECIPE "u.observer.p=99.999", false},
        {RECIPE "u.observer.rate=0.01", false},
        {RECIPE "u.observer.across=ema", false},
        {RECIPE "rot.signs=none", false},
        {"calibration.select=first", false},
        {"evaluate.wt2-f16.loss_dtype=f32", true},
        {"evaluate.wt2.loss_dtype=f32", false},
    };
    static const char path[] = "experiments/quamba-2024.yaml", run[] = "fake quamba-2024";
    char              shipped[64], other[64];
    (void)state;
    run_id(path, run, NULL, shipped, sizeof shipped);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        run_id(path, run, options[i].set, other, sizeof other);
        if ((strcmp(shipped, other) != 0) != options[i].departs)
            fail_msg("%s %s", options[i].set, options[i].departs ? "is what it has" : "is not what it has");
    }
}

/* Names of data sets and the model, from fragments, by an experiment that lies elsewhere. */
static void test_fragments(void **state)
{
    scratch    *s = *state;
    char       *root = getcwd(NULL, 0);
    const char *text = ssmq_arena_printf(
        s->a,
        "ssmq: 1\nname: fragments\nmode: float\n"
        "include: [%s/configs/models/tiny-mamba.yaml, %s/configs/data/wikitext2.yaml, "
        "%s/configs/data/pile.yaml, %s/configs/machines/slurm.yaml]\n"
        "evaluate:\n"
        "  - {id: a, task: perplexity, data: wikitext2-test, dialect: gptq}\n"
        "  - {id: b, task: perplexity, data: pile, dialect: gptq}\n"
        "  - {id: c, task: perplexity, data: pile-by-subset, dialect: gptq}\n",
        root, root, root, root);
    const char      *path = scratch_write(s, "fragments.yaml", text, strlen(text));
    ssmq_experiment *e = read_shipped(path, NULL);
    assert_string_equal(e->run[0].evaluation[0].data.file,
                        ssmq_arena_printf(s->a, "%s/configs/data/wiki.test.raw", root));
    assert_string_equal(e->run[0].evaluation[2].data.subset, "meta.pile_set_name");
    assert_string_equal(e->launch.partition, "cpu");
    assert_true(e->launch.cpus == 8 && e->launch.memory == (int64_t)16 << 30 && e->launch.resubmit == 20);
    ssmq_experiment_free(e);
    free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_quickstart),
        cmocka_unit_test(test_quamba_recipe),
        cmocka_unit_test(test_recipes),
        cmocka_unit_test(test_quamba_2024),
        cmocka_unit_test_setup_teardown(test_fragments, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests_name("configs", tests, NULL, NULL);
}
