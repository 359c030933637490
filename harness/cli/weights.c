#include "harness/cli/weights.h"
#include <inttypes.h>
#include <unistd.h>
#include "harness/store/read.h"

typedef struct weights {
    int64_t            n;
    const char *const *step, *const *across;
    const double      *sample, *document, *weight;
} weights;

/* Rows without a column of another are none. */
static weights read_weights(const char *directory, ssmq_arena *a)
{
    const char *path = ssmq_arena_printf(a, "%s/run.h5", directory);
    weights     w = {0};
    int64_t     n[5] = {0};
    const bool  fine =
        access(path, R_OK) == 0 &&
        ssmq_store_read_texts(path, "/calibration/step", a, &w.step, &n[0]) == SSMQ_OK &&
        ssmq_store_read_texts(path, "/calibration/across", a, &w.across, &n[1]) == SSMQ_OK &&
        ssmq_store_read_f64(path, "/calibration/largest_sample", a, &w.sample, &n[2]) == SSMQ_OK &&
        ssmq_store_read_f64(path, "/calibration/largest_document", a, &w.document, &n[3]) == SSMQ_OK &&
        ssmq_store_read_f64(path, "/calibration/largest_weight", a, &w.weight, &n[4]) == SSMQ_OK;
    ssmq_error_clear();
    for (int i = 1; i < 5; i++)
        if (n[i] != n[0]) return (weights){0};
    if (fine) w.n = n[0];
    return w;
}

void ssmq_weights_text(const char *directory, ssmq_str *out)
{
    ssmq_arena   *a = ssmq_arena_new();
    const weights w = read_weights(directory, a);
    if (w.n > 0) ssmq_str_puts(out, "\ncalibration\n");
    for (int64_t i = 0; i < w.n; i++)
        ssmq_str_printf(out, "  step '%s', across %s: sample %.0f (document %.0f) counts for %.3g %%\n", w.step[i],
                        w.across[i], w.sample[i], w.document[i], 100 * w.weight[i]);
    ssmq_arena_free(a);
}

void ssmq_weights_json(const char *directory, ssmq_json_writer *out)
{
    ssmq_arena   *a = ssmq_arena_new();
    const weights w = read_weights(directory, a);
    ssmq_json_begin_array(out, "calibration");
    for (int64_t i = 0; i < w.n; i++) {
        ssmq_json_begin_object(out, NULL);
        ssmq_json_put_text(out, "step", w.step[i]);
        ssmq_json_put_text(out, "across", w.across[i]);
        ssmq_json_put_int(out, "largest_sample", (int64_t)w.sample[i]);
        ssmq_json_put_int(out, "largest_document", (int64_t)w.document[i]);
        ssmq_json_put_real(out, "largest_weight", w.weight[i]);
        ssmq_json_end_object(out);
    }
    ssmq_json_end_array(out);
    ssmq_arena_free(a);
}
