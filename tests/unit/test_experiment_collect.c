/* The mapping `collect` of an experiment: what it resolves to, and every message about it. */
#include <string.h>
#include "tests/support/check.h"
#include "tests/support/experiment.h"

#define ROUND FAKE "recipe: [{method: round}]\n"
#define BOTH ((const char *const[]){"mode=[float, fake]", NULL})

static void test_defaults(void **state)
{
    ssmq_experiment *e = experiment_read(*state, ROUND "collect: {}\n", BOTH);
    assert_int_equal(e->n_run, 2);
    for (int i = 0; i < 2; i++) {
        const ssmq_collect_spec *c = e->run[i].collect;
        assert_true(c && c->statistics && c->moments && c->channels && c->histogram);
        assert_true(!c->sites && !c->dump && c->top_channels == 16 && c->n_quantile == 5);
        assert_true(c->quantile[0] == 99 && c->quantile[3] == 99.999 && c->quantile[4] == 100);
        assert_non_null(e->run[i].calibration); /* samples are read in a float run too */
        assert_int_equal(e->run[i].dump_bytes, 0);
        assert_non_null(strstr(e->run[i].canonical, "\ncalibration:\n"));
        assert_non_null(strstr(e->run[i].canonical,
                               "\ncollect:\n  statistics:\n"
                               "    quantiles: [99, 99.9, 99.99, 99.999, 100]\n"
                               "    moments: true\n    channels: true\n    top_channels: 16\n"
                               "    histogram: floatbits16\nrun:\n"));
    }
    ssmq_experiment_free(e);
    e = experiment_read(*state, ROUND, BOTH);
    assert_true(!e->run[0].collect && !e->run[0].calibration && !e->run[1].collect);
    ssmq_experiment_free(e);
}

/* The default is every activation and weight of the layers; what is named may be anything. */
static void test_sites(void **state)
{
    static const ssmq_site sites[] = {{.name = "layers.0.proj.in", .kind = SSMQ_SITE_ACTIVATION},
                                      {.name = "layers.0.proj.weight", .kind = SSMQ_SITE_WEIGHT},
                                      {.name = "layers.0.scan.state", .kind = SSMQ_SITE_STATE},
                                      {.name = "head.weight", .kind = SSMQ_SITE_WEIGHT, .layer = -1}};
    static const struct {
        const char *yaml;
        const char *taken; /* of each site: y or n */
    } cases[] = {
        {"collect: {}\n", "yynn"},
        {"collect: {sites: \"layers.**\"}\n", "yyyn"},
        {"collect: {sites: [layers.*.scan.state, head.weight]}\n", "nnyy"},
        {"collect: {statistics: off, dump: {sites: layers.0.proj.in}}\n", "nnnn"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml, "%s%s", ROUND, cases[i].yaml);
        ssmq_experiment *e = experiment_read(*state, yaml, NULL);
        for (size_t k = 0; k < sizeof sites / sizeof *sites; k++)
            assert_int_equal(ssmq_collects(e->run[0].collect, &sites[k]), cases[i].taken[k] == 'y');
        ssmq_experiment_free(e);
    }
}

/* It is part of every run's id; how it is written makes no difference. */
static void test_ids(void **state)
{
    static const struct {
        const char *collect;
        bool        same; /* as {} */
    } cases[] = {
        {"", false},
        {"collect: {statistics: {}}\n", true},
        {"collect: {statistics: {quantiles: [100, 99.999, 99, 99.99, 99.9], moments: true}}\n", true},
        {"collect: {statistics: {quantiles: 99}}\n", false},
        {"collect: {statistics: {quantiles: off}}\n", false},
        {"collect: {statistics: {histogram: off}}\n", false},
        {"collect: {statistics: {top_channels: off}}\n", false},
        {"collect: {statistics: {states: false}}\n", true},
        {"collect: {sites: layers.0.proj.in}\n", false},
        {"collect: {dump: {sites: layers.0.proj.in}}\n", false},
    };
    ssmq_experiment *base = experiment_read(*state, ROUND "collect: {}\n", BOTH);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[1024];
        snprintf(yaml, sizeof yaml, "%s%s", ROUND, cases[i].collect);
        ssmq_experiment *e = experiment_read(*state, yaml, BOTH);
        for (int k = 0; k < 2; k++)
            assert_int_equal(strcmp(e->run[k].id, base->run[k].id) == 0, cases[i].same);
        ssmq_experiment_free(e);
    }
    ssmq_experiment_free(base);
}

/* No more samples and tokens than calibration has; sizes as they are written. */
static void test_dump(void **state)
{
    ssmq_experiment *e = experiment_read(
        *state, ROUND "collect: {statistics: off, dump: {sites: \"layers.*.proj.in\"}}\n",
        (const char *const[]){"calibration.count=3", "calibration.length=64", NULL});
    const ssmq_collect_spec *c = e->run[0].collect;
    assert_true(!c->statistics && c->dump && c->dump->dtype == SSMQ_DUMP_F16);
    assert_true(c->dump->samples == 3 && c->dump->tokens == 64 && c->dump->limit == (int64_t)4 << 30);
    /* two layers, 3 samples of 64 tokens, 8 channels, 2 bytes */
    assert_true(e->run[0].dump_bytes > 2 * 3 * 64 * 8 * 2 && e->run[0].dump_bytes < 128 << 10);
    assert_non_null(strstr(e->run[0].resolved,
                           "\ncollect:\n  statistics: \"off\"\n  dump:\n    sites: layers.*.proj.in\n"
                           "    samples: 4\n    tokens: 256\n    dtype: f16\n    limit: \"4GiB\"\n"));
    assert_null(strstr(e->run[0].canonical, "limit: \"4GiB\"")); /* no part of the id */
    ssmq_experiment_free(e);
}

/* By state index only where that is asked for, which is another run. */
static void test_states(void **state)
{
    static const char *const yaml[] = {ROUND "collect: {sites: \"layers.*.scan.state\"}\n",
                                       ROUND "collect: {sites: \"layers.*.scan.state\", statistics: {states: true}}\n"};
    ssmq_experiment *e[2];
    for (int i = 0; i < 2; i++) {
        e[i] = experiment_read(*state, yaml[i], NULL);
        assert_int_equal(e[i]->run[0].collect->states, i);
        assert_true((strstr(e[i]->run[0].canonical, "states: ") != NULL) == i);
        assert_non_null(strstr(e[i]->run[0].resolved, i ? "\n    states: true\n" : "\n    states: false\n"));
    }
    assert_string_not_equal(e[0]->run[0].id, e[1]->run[0].id);
    for (int i = 0; i < 2; i++) ssmq_experiment_free(e[i]);
}

static void test_problems(void **state)
{
    fixture *f = *state;
    experiment_check(f, ROUND "collect: {statistics: {states: true}}\n",
                     "e.yaml:9:32: error: collect.statistics.states: there is no state among the sites that statistics "
                     "are taken at\ncollect: {statistics: {states: true}}\n                               ^~~~\n"
                     "help: name states in collect.sites, layers.*.scan.state\n");
    experiment_check(f, FLOAT "collect: {}\n",
                     "e.yaml:7:10: error: calibration is missing: collect looks at its samples\n"
                     "collect: {}\n         ^\n");
    experiment_check(f, ROUND "collect: all\n",
                     "e.yaml:9:10: error: collect must be a mapping, found the text 'all'\n"
                     "collect: all\n         ^~~\n");
    experiment_check(f, ROUND "collect: {statistic: {}}\n",
                     "e.yaml:9:11: error: unknown key 'statistic' in collect\n"
                     "collect: {statistic: {}}\n          ^~~~~~~~~\n"
                     "help: did you mean 'statistics'?\n");
    experiment_check(f, ROUND "collect: {statistics: {kurtosis: true, moment: off}}\n",
                     "e.yaml:9:24: error: unknown key 'kurtosis' in collect.statistics\n"
                     "collect: {statistics: {kurtosis: true, moment: off}}\n"
                     "                       ^~~~~~~~\n"
                     "help: allowed here: quantiles, moments, channels, states, top_channels, histogram\n"
                     "e.yaml:9:40: error: unknown key 'moment' in collect.statistics\n"
                     "collect: {statistics: {kurtosis: true, moment: off}}\n"
                     "                                       ^~~~~~\nhelp: did you mean 'moments'?\n");
    experiment_check(f, ROUND "collect: {statistics: {quantiles: [101, a, 5, 5]}}\n",
                     "e.yaml:9:36: error: collect.statistics.quantiles is 101; allowed: 0 to 100\n"
                     "collect: {statistics: {quantiles: [101, a, 5, 5]}}\n"
                     "                                   ^~~\n"
                     "e.yaml:9:41: error: collect.statistics.quantiles must be a number, found the "
                     "text 'a'\ncollect: {statistics: {quantiles: [101, a, 5, 5]}}\n"
                     "                                        ^\n"
                     "e.yaml:9:47: error: the quantile 5 stands twice\n"
                     "collect: {statistics: {quantiles: [101, a, 5, 5]}}\n"
                     "                                              ^\n");
    experiment_check(f, ROUND "collect: {statistics: {quantiles: []}}\n",
                     "e.yaml:9:35: error: collect.statistics.quantiles is an empty list\n"
                     "collect: {statistics: {quantiles: []}}\n                                  ^\n"
                     "help: write 'quantiles: off'\n");
    experiment_check(f, ROUND "collect: {statistics: off}\n",
                     "e.yaml:9:10: error: collect has nothing to do: statistics are off and there is "
                     "no dump\ncollect: {statistics: off}\n         ^\n"
                     "help: leave collect out, or give it a dump\n");
    experiment_check(f, ROUND "collect: {statistics: all}\n",
                     "e.yaml:9:23: error: collect.statistics must be a mapping, found the text 'all'\n"
                     "collect: {statistics: all}\n                      ^~~\n");
    experiment_check(f, ROUND "collect: {sites: [layers.0.proj.inn], dump: {sites: head.in}}\n",
                     "e.yaml:9:19: error: collect: the selector 'layers.0.proj.inn' matches no site "
                     "of the model\ncollect: {sites: [layers.0.proj.inn], dump: {sites: head.in}}\n"
                     "                  ^~~~~~~~~~~~~~~~~\nhelp: did you mean 'layers.*.proj.in'?\n"
                     "e.yaml:9:53: error: collect.dump: the selector 'head.in' matches no site of "
                     "the model\ncollect: {sites: [layers.0.proj.inn], dump: {sites: head.in}}\n"
                     "                                                    ^~~~~~~\n"
                     "help: sites: layers.*.proj.in, layers.*.proj.weight, layers.*.scan.x, "
                     "layers.*.scan.state, head.weight\n");
    experiment_check(f, ROUND "collect: {dump: {sites: layers.0.proj.in, limit: 64KiB}}\n",
                     "e.yaml:9:50: error: collect.dump takes up to 93.3 KiB (95536 bytes), more than "
                     "its limit of 64.0 KiB (65536 bytes)\n"
                     "collect: {dump: {sites: layers.0.proj.in, limit: 64KiB}}\n"
                     "                                                 ^~~~~\n"
                     "help: a higher limit, or fewer sites, samples or tokens, or a smaller dtype\n");
    experiment_check(f, ROUND "collect: {dump: {sites: layers.1.scan.x, dtype: codes}}\n",
                     "e.yaml:9:49: error: collect.dump: layers.1.scan.x has no codes of 8 bits in the "
                     "recipe: it is left in floating point\n"
                     "collect: {dump: {sites: layers.1.scan.x, dtype: codes}}\n"
                     "                                                ^~~~~\n");
    experiment_check(f, ROUND "collect: {dump: {dtype: int8}}\n",
                     "e.yaml:9:17: error: collect.dump.sites is missing\n"
                     "collect: {dump: {dtype: int8}}\n                ^\n"
                     "e.yaml:9:25: error: collect.dump.dtype must be one of f32, f16, codes, found "
                     "the text 'int8'\ncollect: {dump: {dtype: int8}}\n"
                     "                        ^~~~\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_sites, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_ids, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_dump, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_states, experiment_setup, experiment_teardown),
        cmocka_unit_test_setup_teardown(test_problems, experiment_setup, experiment_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
