#include "tests/support/example_store.h"
#include <math.h>
#include <stdlib.h>
#include "harness/base/arena.h"
#include "harness/tensor/dtype.h"

/* Large enough to be chunked and compressed: 4 x 8192 f64 are 256 KiB. */
#define EXAMPLE_BINS 8192

static const char *const layer_axis[] = {"/axis/layer"};
static const char *const layer_sample[] = {"/axis/layer", "/axis/sample"};

static ssmq_status put_axes(ssmq_store *s)
{
    int32_t           layer[EXAMPLE_LAYERS] = {0, 1, 2, 3}, sample[EXAMPLE_SAMPLES] = {0, 1, 2};
    double            quantile[2] = {99.0, 99.999};
    const char       *name[EXAMPLE_LAYERS] = {"layers.0", "layers.1", "layers.2", "layers.3"};
    const char       *document[EXAMPLE_SAMPLES] = {"0", "7", "größer — 文書"};
    const ssmq_tensor t = SSMQ_TENSOR(layer, SSMQ_I32, EXAMPLE_LAYERS);
    const ssmq_tensor u = SSMQ_TENSOR(sample, SSMQ_I32, EXAMPLE_SAMPLES);
    const ssmq_tensor q = SSMQ_TENSOR(quantile, SSMQ_F64, 2);
    SSMQ_TRY(ssmq_store_scale(s, "/axis/layer", &t, "", "number of the layer"));
    SSMQ_TRY(ssmq_store_scale(s, "/axis/sample", &u, "", "calibration sample"));
    SSMQ_TRY(ssmq_store_scale(s, "/axis/quantile", &q, "percent", "quantile"));
    SSMQ_TRY(ssmq_store_texts(s, "/axis/layer_name", name, EXAMPLE_LAYERS, "/axis/layer",
                              "name of the layer"));
    return ssmq_store_texts(s, "/axis/document", document, EXAMPLE_SAMPLES, "/axis/sample",
                            "document of the sample");
}

static ssmq_status put_site(ssmq_store *s)
{
    float   scale[EXAMPLE_LAYERS] = {0.5f, 0.25f, NAN, 0.125f};
    uint8_t bits[EXAMPLE_LAYERS] = {8, 8, 8, 4};
    float   absmax[EXAMPLE_LAYERS * EXAMPLE_SAMPLES];
    float   top[EXAMPLE_LAYERS * EXAMPLE_SAMPLES * 2];
    for (int i = 0; i < EXAMPLE_LAYERS * EXAMPLE_SAMPLES; i++) absmax[i] = (float)i;
    for (int i = 0; i < EXAMPLE_LAYERS * EXAMPLE_SAMPLES * 2; i++) top[i] = (float)i / 2;
    const ssmq_tensor t = SSMQ_TENSOR(scale, SSMQ_F32, EXAMPLE_LAYERS);
    const ssmq_tensor b = SSMQ_TENSOR(bits, SSMQ_U8, EXAMPLE_LAYERS);
    const ssmq_tensor m = SSMQ_TENSOR(absmax, SSMQ_F32, EXAMPLE_LAYERS, EXAMPLE_SAMPLES);
    const ssmq_tensor q = SSMQ_TENSOR(top, SSMQ_F32, EXAMPLE_LAYERS, EXAMPLE_SAMPLES, 2);
    const char *const axes[] = {"/axis/layer", "/axis/sample", "/axis/quantile"};
    SSMQ_TRY(ssmq_store_tensor(s, "/sites/scan.x/qparam/scale", &t, layer_axis, "", "step size"));
    SSMQ_TRY(ssmq_store_tensor(s, "/sites/scan.x/qparam/bits", &b, layer_axis, "bit", "width"));
    SSMQ_TRY(ssmq_store_tensor(s, "/sites/scan.x/sample/absmax", &m, layer_sample, "",
                               "largest magnitude"));
    SSMQ_TRY(ssmq_store_tensor(s, "/sites/scan.x/sample/abs_quantile", &q, axes, "",
                               "quantile of the magnitude"));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/sites/scan.x", "kind", "activation"));
    SSMQ_TRY(ssmq_store_attribute_int(s, "/sites/scan.x", "n_values", INT64_C(1) << 40));
    return ssmq_store_attribute_real(s, "/sites/scan.x/qparam/scale", "range", 99.999);
}

/* One dataset of every dtype along the layers. */
static ssmq_status put_types(ssmq_store *s)
{
    double   f64[EXAMPLE_LAYERS] = {1.5, -2, 0.1, NAN};
    uint16_t f16[EXAMPLE_LAYERS], bf16[EXAMPLE_LAYERS];
    int64_t  i64[EXAMPLE_LAYERS] = {INT64_MIN, -1, 0, INT64_MAX};
    int32_t  i32[EXAMPLE_LAYERS] = {INT32_MIN, -1, 0, INT32_MAX};
    int8_t   i8[EXAMPLE_LAYERS] = {-128, -1, 0, 127};
    uint64_t u64[EXAMPLE_LAYERS] = {0, 1, 2, UINT64_MAX};
    uint8_t  flag[EXAMPLE_LAYERS] = {0, 1, 1, 0};
    for (int i = 0; i < EXAMPLE_LAYERS; i++) {
        f16[i] = ssmq_f32_to_f16((float)f64[i]);
        bf16[i] = ssmq_f32_to_bf16((float)f64[i]);
    }
    const struct {
        const char *path;
        void       *data;
        ssmq_dtype  dtype;
    } all[] = {
        {"/types/f64", f64, SSMQ_F64}, {"/types/f16", f16, SSMQ_F16},
        {"/types/bf16", bf16, SSMQ_BF16}, {"/types/i64", i64, SSMQ_I64},
        {"/types/i32", i32, SSMQ_I32}, {"/types/i8", i8, SSMQ_I8},
        {"/types/u64", u64, SSMQ_U64}, {"/types/flag", flag, SSMQ_U8},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const ssmq_tensor t = SSMQ_TENSOR(all[i].data, all[i].dtype, EXAMPLE_LAYERS);
        SSMQ_TRY(ssmq_store_tensor(s, all[i].path, &t, layer_axis, "", "a type"));
    }
    double            one = 2.5;
    const ssmq_tensor scalar = ssmq_tensor_of(&one, SSMQ_F64, 0, NULL);
    SSMQ_TRY(ssmq_store_tensor(s, "/types/scalar", &scalar, NULL, "s", "a single number"));
    return ssmq_store_attribute_text(s, "/types/flag", "flag_meanings", "false true");
}

static ssmq_status put_histogram(ssmq_store *s)
{
    const int64_t  n = (int64_t)EXAMPLE_LAYERS * EXAMPLE_BINS;
    int32_t       *bin = ssmq_must_malloc(EXAMPLE_BINS * sizeof *bin);
    uint64_t      *count = ssmq_must_malloc((size_t)n * sizeof *count);
    for (int32_t i = 0; i < EXAMPLE_BINS; i++) bin[i] = i;
    for (int64_t i = 0; i < n; i++) count[i] = (uint64_t)(i * i % 97);
    const ssmq_tensor b = SSMQ_TENSOR(bin, SSMQ_I32, EXAMPLE_BINS);
    const ssmq_tensor h = SSMQ_TENSOR(count, SSMQ_U64, EXAMPLE_LAYERS, EXAMPLE_BINS);
    const char *const axes[] = {"/axis/layer", "/sites/scan.x/bin"};
    ssmq_status       st = ssmq_store_scale(s, "/sites/scan.x/bin", &b, "", "number of the bin");
    if (st == SSMQ_OK)
        st = ssmq_store_tensor(s, "/sites/scan.x/hist", &h, axes, "", "values in the bin");
    free(bin);
    free(count);
    return st;
}

static ssmq_status put_evaluation(ssmq_store *s)
{
    int32_t           window[EXAMPLE_WINDOWS] = {0, 1, 2, 3, 4};
    double            nll[EXAMPLE_WINDOWS] = {2.5, 2.25, NAN, 3, 2.75}, ppl[] = {14.2, 11.5};
    const double      se[] = {0.5, INFINITY};
    const uint64_t    windows[] = {5, 0};
    const char *const subset[] = {"Wikipedia (en)", "PubMed Abstracts"}, *const note[] = {"", "α"};
    const char *const of_window[] = {subset[0], subset[0], subset[1], "", subset[1]};
    const ssmq_tensor w = SSMQ_TENSOR(window, SSMQ_I32, EXAMPLE_WINDOWS);
    const ssmq_tensor t = SSMQ_TENSOR(nll, SSMQ_F64, EXAMPLE_WINDOWS);
    const char *const axis[] = {"/eval/wt2/window"};
    const ssmq_store_column column[] = {
        {.name = "ppl", .real = ppl, .unit = ""},
        {.name = "nll_se", .real = se, .unit = "nat"},
        {.name = "windows", .count = windows, .unit = ""},
        {.name = "note", .text = note},
    };
    SSMQ_TRY(ssmq_store_scale(s, axis[0], &w, "", "number of the window"));
    SSMQ_TRY(ssmq_store_tensor(s, "/eval/wt2/window_nll", &t, axis, "nat", "mean loss"));
    SSMQ_TRY(ssmq_store_texts(s, "/eval/wt2/window_subset", of_window, EXAMPLE_WINDOWS, axis[0],
                              "subset of the window"));
    SSMQ_TRY(ssmq_store_scale_text(s, "/eval/wt2/subset_name", subset, 2, "name of the subset"));
    SSMQ_TRY(ssmq_store_table(s, "/eval/wt2/subset", column, 4, 2, "/eval/wt2/subset_name",
                              "results of each subset"));
    SSMQ_TRY(ssmq_store_table(s, "/eval/wt2/summary", column, 3, 1, NULL, "result"));
    return ssmq_store_attribute_text(s, "/eval/wt2/window_nll", "dialect", "gptq");
}

ssmq_status example_store_fill(ssmq_store *s)
{
    SSMQ_TRY(ssmq_store_attribute_text(s, "/", "run_id", "4f1c09ab2e77d05c"));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/", "recipe", ""));
    SSMQ_TRY(ssmq_store_text(s, "/meta/resolved_config", "ssmq: 1\nname: größe\n",
                             "application/yaml"));
    SSMQ_TRY(ssmq_store_text(s, "/meta/provenance", "{}\n", "application/json"));
    SSMQ_TRY(ssmq_store_group(s, "/empty/group"));
    SSMQ_TRY(put_axes(s));
    SSMQ_TRY(put_site(s));
    SSMQ_TRY(put_types(s));
    SSMQ_TRY(put_histogram(s));
    return put_evaluation(s);
}

ssmq_status example_store_write(const char *path)
{
    ssmq_store *s = NULL;
    SSMQ_TRY(ssmq_store_create(path, &s));
    const ssmq_status st = example_store_fill(s);
    if (st != SSMQ_OK) {
        ssmq_store_discard(s);
        return st;
    }
    return ssmq_store_seal(s);
}
