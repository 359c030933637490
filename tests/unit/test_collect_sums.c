/* Statistics kept after each sample: whatever a kill leaves of their file, a pass that goes on ends with the figures of
 * one that nobody disturbed, also where the counts of many samples were added up, and where one part of the file is a
 * sample ahead of the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "harness/run/statistics/collect_sums.h"
#include "harness/run/statistics/site_figures.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/scratch.h"

enum { SITES = 2, SAMPLES = 6 };

static const double            levels[] = {50, 99.9};
static const ssmq_collect_spec everything = {
    .statistics = true, .quantile = levels, .n_quantile = 2, .moments = true, .channels = true, .states = true, .top_channels = 3, .histogram = true};

/* The first is a part of the file by itself; of the second 65536 values of a channel come with the third sample. */
static const struct {
    ssmq_site_shape shape;
    int64_t         rows;
} site[SITES] = {{{0, 1100, 1, "token,channel"}, 20}, {{0, 20, 16, "token,channel,state"}, 1600}};

typedef struct pass {
    const scratch      *s;
    ssmq_backend       *be;
    ssmq_stats_workers  workers;
    ssmq_watched        at[SITES];
    float               absmax[SITES][SAMPLES];
    ssmq_listener       listener;
    ssmq_collect_sums   sums;
    int64_t             known;
} pass;

static pass begin(const scratch *s, ssmq_backend *be)
{
    pass p = {.s = s, .be = be};
    CHECK_OK(ssmq_stats_workers_open(be, 16, &p.workers));
    for (int i = 0; i < SITES; i++) {
        CHECK_OK(ssmq_site_stats_open(&everything, &site[i].shape, &p.at[i].stats));
        p.at[i].statistics = true;
    }
    return p;
}

static void keep(pass *p)
{
    for (int i = 0; i < SITES; i++) p->at[i].sample_absmax = p->absmax[i];
    CHECK_OK(ssmq_journal_open(scratch_path(p->s, "."), "a", false, NULL, &p->listener.journal));
    CHECK_OK(ssmq_collect_sums_open(&p->listener, p->be, p->at, 0, SITES, &p->sums, &p->known));
    assert_int_equal(p->sums.parts, SITES);
}

static void end(pass *p)
{
    ssmq_collect_sums_close(&p->sums);
    ssmq_journal_close(p->listener.journal);
    ssmq_stats_workers_close(&p->workers);
    for (int i = 0; i < SITES; i++) ssmq_site_stats_close(&p->at[i].stats);
}

/* Grows from sample to sample, so that the windows of channels move. */
static void show(pass *p, int i, int64_t sample)
{
    const int64_t width = site[i].shape.channels * site[i].shape.inner, n = site[i].rows * width;
    float        *x = malloc((size_t)n * sizeof *x);
    ssmq_rng      rng;
    ssmq_rng_init(&rng, (uint64_t)(sample * SITES + i), "values");
    for (int64_t k = 0; k < n; k++) {
        const double u = ssmq_rng_uniform(&rng) - 0.5;
        x[k] = (float)(u * u * u * exp((double)(k % 7) + 2 * (double)sample));
    }
    const ssmq_tensor t = site[i].shape.inner == 1
                              ? SSMQ_TENSOR(x, SSMQ_F32, 1, site[i].rows, width)
                              : SSMQ_TENSOR(x, SSMQ_F32, 1, site[i].rows, site[i].shape.channels, site[i].shape.inner);
    CHECK_OK(ssmq_site_stats_add(&p->at[i].stats, p->be, &p->workers, &t, &p->absmax[i][sample]));
    free(x);
}

static void run_sample(pass *p, int64_t sample)
{
    for (int i = 0; i < SITES; i++)
        if (ssmq_watches(&p->at[i], sample)) show(p, i, sample);
    CHECK_OK(ssmq_collect_sums_keep(&p->sums, sample + 1));
}

/* ---- the figures ----------------------------------------------------------------------- */

static void check_same(const pass *p, const pass *whole)
{
    ssmq_arena *a = ssmq_arena_new();
    for (int i = 0; i < SITES; i++) {
        const int64_t     C = site[i].shape.channels;
        ssmq_site_figures f[2];
        CHECK_OK(ssmq_site_figures_of(&p->at[i].stats, &everything, a, &f[0]));
        CHECK_OK(ssmq_site_figures_of(&whole->at[i].stats, &everything, a, &f[1]));
        assert_int_equal(f[0].n_samples, SAMPLES);
        assert_true(f[0].n_values == f[1].n_values && f[0].n_bin == f[1].n_bin && f[0].min == f[1].min);
        assert_memory_equal(&f[0].moments, &f[1].moments, sizeof f[0].moments);
        assert_memory_equal(f[0].hist, f[1].hist, (size_t)f[0].n_bin * sizeof *f[0].hist);
        assert_memory_equal(f[0].quantile, f[1].quantile, sizeof levels);
        assert_memory_equal(f[0].channel.var, f[1].channel.var, (size_t)C * sizeof(float));
        assert_memory_equal(f[0].channel.quantile, f[1].channel.quantile,
                            (size_t)C * SSMQ_CHANNEL_QUANTILES * sizeof(float));
        assert_true((f[0].state.absmax != NULL) == (site[i].shape.inner > 1));
        if (f[0].state.absmax) {
            const size_t N = (size_t)site[i].shape.inner;
            assert_memory_equal(f[0].state.kurtosis, f[1].state.kurtosis, N * sizeof(float));
            assert_memory_equal(f[0].state.absmax, f[1].state.absmax, N * sizeof(float));
            assert_memory_equal(f[0].state.cell_var, f[1].state.cell_var, (size_t)C * N * sizeof(float));
            assert_memory_equal(f[0].state.cell_absmax, f[1].state.cell_absmax, (size_t)C * N * sizeof(float));
        }
        assert_memory_equal(f[0].top.persistence, f[1].top.persistence, (size_t)f[0].top.n * sizeof(float));
        assert_memory_equal(p->absmax[i], whole->absmax[i], sizeof p->absmax[i]);
    }
    ssmq_arena_free(a);
}

/* Goes on with what is there, which has so many samples in its parts. */
static void go_on(const scratch *s, ssmq_backend *be, int64_t first, int64_t second, const pass *whole)
{
    pass p = begin(s, be);
    keep(&p);
    assert_int_equal(p.at[0].known, first);
    assert_int_equal(p.at[1].known, second);
    assert_int_equal(p.known, first < second ? first : second);
    for (int64_t k = p.known; k < SAMPLES; k++) run_sample(&p, k);
    check_same(&p, whole);
    end(&p);
}

static blob sums_file(const scratch *s)
{
    return blob_read(scratch_path(s, SSMQ_JOURNAL_SUMS));
}

/* Of `now` all but the first byte that was changed, which is in what tells of the first part. */
static void write_half(const scratch *s, const blob *was, const blob *now)
{
    size_t at = 0;
    while (at < was->size && was->data[at] == now->data[at]) at++;
    blob torn = blob_of(now->data, now->size);
    torn.data[at] = was->data[at];
    scratch_write(s, SSMQ_JOURNAL_SUMS, torn.data, torn.size);
    blob_free(&torn);
}

static void test_goes_on(void **state)
{
    const scratch *s = *state;
    test_backend   b[4], other[4];
    const int32_t  n = test_backends_open(b, 4, 1);
    assert_int_equal(test_backends_open(other, 4, 3), n);
    pass whole = begin(s, b[n - 1].be);
    for (int64_t k = 0; k < SAMPLES; k++) run_sample(&whole, k);
    pass killed = begin(s, b[n - 1].be);
    keep(&killed);
    blob was = sums_file(s);
    for (int64_t k = 1; k <= SAMPLES; k++) {
        run_sample(&killed, k - 1);
        blob now = sums_file(s);
        go_on(s, other[n - 1].be, k, k, &whole);
        write_half(s, &was, &now);
        go_on(s, b[n - 1].be, k - 1, k, &whole);
        scratch_write(s, SSMQ_JOURNAL_SUMS, now.data, now.size); /* and the one that is killed goes on */
        blob_free(&was);
        was = now;
        end(&killed);
        killed = begin(s, b[n - 1].be);
        keep(&killed);
    }
    blob_free(&was);
    end(&killed);
    end(&whole);
    test_backends_close(other, n);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_goes_on, scratch_setup, scratch_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
