/* The mapping `compare` of an experiment: what it resolves to, and every message about it. */
#include <string.h>
#include "tests/support/check.h"
#include "tests/support/experiment.h"

#define ROUND FAKE "recipe: [{method: round}]\n"

static void test_defaults(void **state)
{
    ssmq_experiment *e = experiment_read(*state, ROUND "compare: {}\n",
                                         (const char *const[]){"mode=[float, fake]", NULL});
    assert_int_equal(e->n_run, 2);
    assert_null(e->run[0].compare); /* float is not compared with itself */
    const ssmq_compare_spec *c = e->run[1].compare;
    assert_true(c && c->metrics == 7 && c->bootstrap == 1000 && !c->tokens);
    assert_non_null(strstr(e->run[1].canonical, "\ncompare:\n  against: float\n  bootstrap: 1000\n"
                                                "  tokens: false\n  windows: 4\n  clip_limit: 1\n"
                                                "  sensitivity: \"off\"\n  by: site\n"
                                                "  metrics: [kl, delta-p, top1]\n"
                                                "  inputs: [clean, propagated]\nrun:\n"));
    assert_null(strstr(e->run[0].canonical, "compare"));
    ssmq_experiment_free(e);
}

/* It is part of a quantised run's id, not of a float one's; how it is written makes no difference.
 */
static void test_ids(void **state)
{
    static const struct {
        const char *compare;
        bool        same; /* as {} */
    } cases[] = {
        {"", false},
        {"compare: {against: float, metrics: [kl, delta-p, top1], bootstrap: 1000}\n", true},
        {"compare: {metrics: [top1, kl, delta-p]}\n", true},
        {"compare: {tokens: true}\n", false},
        {"compare: {bootstrap: off}\n", false},
        {"compare: {metrics: kl}\n", false},
        {"compare: {metrics: [kl, delta-p, top1, sqnr]}\n", false},
        {"compare: {inputs: [propagated, clean], windows: 4, clip_limit: 1}\n", true},
        {"compare: {inputs: clean}\n", false},
        {"compare: {windows: 2}\n", false},
        {"compare: {clip_limit: 0.5}\n", false},
        {"compare: {sensitivity: off, by: site, interactions: []}\n", true},
        {"compare: {sensitivity: each-on}\n", false},
        {"compare: {by: layer}\n", false},
        {"compare: {evaluation: e}\n", false},
        {"compare: {against: [float]}\n", true},
    };
    const char *const both[] = {"mode=[float, fake]", NULL};
    ssmq_experiment  *base = experiment_read(*state, ROUND "compare: {}\n", both);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml, "%s%s", ROUND, cases[i].compare);
        ssmq_experiment *e = experiment_read(*state, yaml, both);
        assert_string_equal(e->run[0].id, base->run[0].id);
        assert_int_equal(strcmp(e->run[1].id, base->run[1].id) == 0, cases[i].same);
        ssmq_experiment_free(e);
    }
    ssmq_experiment_free(base);
}

static void test_off(void **state)
{
    ssmq_experiment *e =
        experiment_read(*state, ROUND "compare: {bootstrap: off, metrics: top1}\n", NULL);
    assert_int_equal(e->run[0].compare->bootstrap, 0);
    assert_true(e->run[0].compare->metrics == 1u << SSMQ_METRIC_TOP1);
    assert_non_null(strstr(e->run[0].resolved, "metrics: [top1]"));
    ssmq_experiment_free(e);
}

/* Errors at sites are measured where they are asked for, on a text of the experiment. */
static void test_sites(void **state)
{
    ssmq_experiment *e = experiment_read(
        *state, ROUND "compare: {metrics: [mse, clip-rate], inputs: clean, evaluation: e, windows: 0}\n", NULL);
    const ssmq_compare_spec *c = e->run[0].compare;
    assert_int_equal(c->metrics, 1 << SSMQ_METRIC_MSE | 1 << SSMQ_METRIC_CLIP_RATE);
    assert_int_equal(c->inputs, 1 << SSMQ_INPUT_CLEAN);
    assert_true(c->evaluation == 0 && c->windows == 0 && c->clip_limit == 1);
    ssmq_experiment_free(e);
}

static int in_mode(const ssmq_experiment *e, ssmq_mode mode)
{
    int i = 0;
    while (i < e->n_run && e->run[i].mode != mode) i++;
    assert_true(i < e->n_run);
    return i;
}

/* Runs in mode real may be compared with fake; what others are compared with does not change by it. */
static void test_against_fake(void **state)
{
    const char *const     modes[] = {"mode=[fake, real]", NULL};
    static const uint32_t with_float = 1u << SSMQ_AGAINST_FLOAT, with_fake = 1u << SSMQ_AGAINST_FAKE;
    ssmq_experiment      *plain = experiment_read(*state, ROUND "compare: {}\n", modes);
    ssmq_experiment      *both = experiment_read(*state, ROUND "compare: {against: [fake, float]}\n", modes);
    ssmq_experiment      *fake = experiment_read(*state, ROUND "compare: {against: fake, windows: 1}\n", modes);
    const ssmq_run       *run = &both->run[in_mode(both, SSMQ_MODE_REAL)];
    assert_int_equal(run->compare->against, with_float | with_fake);
    assert_non_null(strstr(run->canonical, "\ncompare:\n  against: [float, fake]\n"));
    assert_string_equal(both->run[in_mode(both, SSMQ_MODE_FAKE)].id, plain->run[in_mode(plain, SSMQ_MODE_FAKE)].id);
    assert_string_not_equal(run->id, plain->run[in_mode(plain, SSMQ_MODE_REAL)].id);
    assert_int_equal(fake->run[in_mode(fake, SSMQ_MODE_REAL)].compare->against, with_fake);
    assert_null(fake->run[in_mode(fake, SSMQ_MODE_FAKE)].compare);
    ssmq_experiment_free(plain);
    ssmq_experiment_free(both);
    ssmq_experiment_free(fake);
    experiment_check_set(*state, ROUND "compare: {against: fake, metrics: kl}\n",
                         (const char *const[]){"mode=real", NULL}, SSMQ_ERR_CONFIG,
                         "e.yaml:9:35: error: compare.metrics is of the comparison with float, which "
                         "compare.against does not have\n"
                         "compare: {against: fake, metrics: kl}\n                                  ^~\n"
                         "help: against: [float, fake]\n");
}

static void test_problems(void **state)
{
    fixture *f = *state;
    experiment_check(f, FLOAT "compare: {}\n",
                     "e.yaml:7:10: error: compare has nothing to compare with float: mode is only "
                     "float\ncompare: {}\n         ^\n"
                     "help: add the mode fake, or leave compare out\n");
    experiment_check(f, ROUND "compare: float\n",
                     "e.yaml:9:10: error: compare must be a mapping, found the text 'float'\n"
                     "compare: float\n         ^~~~~\n");
    experiment_check(f, ROUND "compare: {against: fole, metric: [kl], bootstrap: 10}\n",
                     "e.yaml:9:26: error: unknown key 'metric' in compare\n"
                     "compare: {against: fole, metric: [kl], bootstrap: 10}\n"
                     "                         ^~~~~~\nhelp: did you mean 'metrics'?\n"
                     "e.yaml:9:51: error: compare.bootstrap is 10; allowed: 100 to 100000 or off\n"
                     "compare: {against: fole, metric: [kl], bootstrap: 10}\n"
                     "                                                  ^~\n"
                     "e.yaml:9:20: error: compare.against must be one of float, fake, found the text 'fole'\n"
                     "compare: {against: fole, metric: [kl], bootstrap: 10}\n"
                     "                   ^~~~\nhelp: did you mean 'fake'?\n");
    experiment_check(f, ROUND "compare: {against: [float, fake]}\n",
                     "e.yaml:9:20: error: compare.against has fake, which runs in mode real are compared with; "
                     "there are none\n"
                     "compare: {against: [float, fake]}\n                   ^\n"
                     "help: add the mode real, or leave fake out\n");
    experiment_check(f, ROUND "compare: {metrics: [kl, k1, kl]}\n",
                     "e.yaml:9:25: error: compare.metrics must be one of kl, delta-p, top1, sqnr, "
                     "mse, cosine, rel-l2, max-err, bias, clip-rate, found the text 'k1'\ncompare: {metrics: [kl, k1, kl]}\n"
                     "                        ^~\nhelp: did you mean 'kl'?\n"
                     "e.yaml:9:29: error: the metric 'kl' stands twice\n"
                     "compare: {metrics: [kl, k1, kl]}\n                            ^~\n");
    experiment_check(f, ROUND "compare: {inputs: [clean, noisy], evaluation: x, windows: -1}\n",
                     "e.yaml:9:59: error: compare.windows is -1; allowed: 0 to 1000000000\n"
                     "compare: {inputs: [clean, noisy], evaluation: x, windows: -1}\n"
                     "                                                          ^~\n"
                     "e.yaml:9:27: error: compare.inputs must be one of clean, propagated, found "
                     "the text 'noisy'\n"
                     "compare: {inputs: [clean, noisy], evaluation: x, windows: -1}\n"
                     "                          ^~~~~\n"
                     "e.yaml:9:47: error: compare.evaluation is 'x', which is the id of no "
                     "evaluation\n"
                     "compare: {inputs: [clean, noisy], evaluation: x, windows: -1}\n"
                     "                                              ^\n"
                     "help: there are: e\n");
    experiment_check(f, ROUND "compare: {interactions: [[round, x], [round], [round, round]]}\n",
                     "e.yaml:9:26: error: compare.interactions: no recipe has both an enabled step "
                     "'round' and one 'x'\n"
                     "compare: {interactions: [[round, x], [round], [round, round]]}\n"
                     "                         ^\n"
                     "e.yaml:9:38: error: an element of compare.interactions must be a list of two "
                     "ids of steps\n"
                     "compare: {interactions: [[round, x], [round], [round, round]]}\n"
                     "                                     ^\n"
                     "help: as in [[rot, u], [rot, w]]\n"
                     "e.yaml:9:47: error: compare.interactions: 'round' stands beside itself\n"
                     "compare: {interactions: [[round, x], [round], [round, round]]}\n"
                     "                                              ^\n");
    experiment_check(f, ROUND "compare: {interactions: round}\n",
                     "e.yaml:9:25: error: compare.interactions must be a list of pairs of steps, "
                     "found the text 'round'\n"
                     "compare: {interactions: round}\n                        ^~~~~\n"
                     "help: as in [[rot, u], [rot, w]]\n");
    /* A recipe that has problems has no steps that pairs could be looked for in. */
    experiment_check(f, FAKE "recipe: [{method: rond}]\ncompare: {interactions: [[a, b]]}\n",
                     "e.yaml:8:19: error: recipe.rond: no method has the name 'rond'\n"
                     "recipe: [{method: rond}]\n                  ^~~~\n"
                     "help: did you mean 'round'?\n");
    experiment_check(f, ROUND "compare: {metrics: []}\n",
                     "e.yaml:9:20: error: compare.metrics is an empty list\n"
                     "compare: {metrics: []}\n                   ^\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_ids, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_off, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_sites, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_against_fake, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_problems, experiment_setup, experiment_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
