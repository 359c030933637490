/* A Mamba-1 checkpoint described: its config in either layout, its weights and its sites
 * (quant/quamba-spec.md, 1.2, 1.3, 2.4, 2.5). */
#include <inttypes.h>
#include <string.h>
#include "harness/base/assert.h"
#include "models/mamba.h"

#define LAYERS_MAX 100000
#define SIZE_MAX_DIM 100000000

/* ---- config ---------------------------------------------------------------------------- */

/* dt_rank: an integer, or "auto" for ceil(D / 16). */
static ssmq_status read_rank(const ssmq_json *c, const char *key, mamba_sizes *z)
{
    z->R = (z->D + 15) / 16;
    if (!ssmq_json_is_text(c, key)) return ssmq_json_int(c, key, false, 1, SIZE_MAX_DIM, &z->R);
    const char *text = "";
    SSMQ_TRY(ssmq_json_text(c, key, true, &text));
    if (strcmp(text, "auto") == 0) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: '%s' is \"%s\", not an integer or \"auto\"", c->path, key, text);
}

static ssmq_status refuse_unless(const ssmq_json *c, const char *key, bool wanted, bool is)
{
    if (is == wanted) return SSMQ_OK;
    return SSMQ_FAIL(UNSUPPORTED, "%s: '%s' is %s; this family computes only %s", c->path, key,
                     is ? "true" : "false", wanted ? "true" : "false");
}

static ssmq_status check_inner(const ssmq_json *c, const char *key, const mamba_sizes *z)
{
    int64_t inner = z->E;
    SSMQ_TRY(ssmq_json_int(c, key, false, 1, SIZE_MAX_DIM, &inner));
    if (inner == z->E) return SSMQ_OK;
    return SSMQ_FAIL(INPUT,
                     "%s: '%s' is %" PRId64 ", not expand * d_model = %" PRId64 " * %" PRId64
                     " = %" PRId64,
                     c->path, key, inner, z->E / z->D, z->D, z->E);
}

static ssmq_status read_sizes(const ssmq_json *c, mamba_sizes *z, const char *const key[6])
{
    int64_t expand = 2, layers = 0;
    z->N = 16;
    z->W = 4;
    SSMQ_TRY(ssmq_json_int(c, key[0], true, 1, 1 << 20, &z->D));
    SSMQ_TRY(ssmq_json_int(c, key[1], true, 1, LAYERS_MAX, &layers));
    SSMQ_TRY(ssmq_json_int(c, key[2], true, 1, INT32_MAX - 4096, &z->V));
    SSMQ_TRY(ssmq_json_int(c, key[3], false, 1, 4096, &z->N));
    SSMQ_TRY(ssmq_json_int(c, key[4], false, 2, 4, &z->W));
    SSMQ_TRY(ssmq_json_int(c, key[5], false, 1, 64, &expand));
    z->E = expand * z->D;
    z->n_layer = (int32_t)layers;
    z->eps = 1e-5f;
    return SSMQ_OK;
}

static ssmq_status read_state_spaces(const ssmq_json *c, mamba_sizes *z)
{
    static const char *const keys[] = {"d_model",         "n_layer",        "vocab_size",
                                       "ssm_cfg.d_state", "ssm_cfg.d_conv", "ssm_cfg.expand"};
    int64_t pad = 8, intermediate = 0;
    bool    rms_norm = true;
    SSMQ_TRY(read_sizes(c, z, keys));
    SSMQ_TRY(read_rank(c, "ssm_cfg.dt_rank", z));
    SSMQ_TRY(check_inner(c, "d_inner", z));
    SSMQ_TRY(check_inner(c, "ssm_cfg.d_inner", z));
    SSMQ_TRY(ssmq_json_int(c, "pad_vocab_size_multiple", false, 1, 4096, &pad));
    z->V = (z->V + pad - 1) / pad * pad;
    z->conv_bias = true;
    z->tied = true;
    SSMQ_TRY(ssmq_json_bool(c, "ssm_cfg.bias", false, &z->in_out_bias));
    SSMQ_TRY(ssmq_json_bool(c, "ssm_cfg.conv_bias", false, &z->conv_bias));
    SSMQ_TRY(ssmq_json_bool(c, "tie_embeddings", false, &z->tied));
    SSMQ_TRY(ssmq_json_bool(c, "rms_norm", false, &rms_norm));
    SSMQ_TRY(refuse_unless(c, "rms_norm", true, rms_norm));
    SSMQ_TRY(ssmq_json_int(c, "d_intermediate", false, 0, INT32_MAX, &intermediate));
    if (intermediate != 0 || ssmq_json_size(c, "attn_layer_idx") > 0)
        return SSMQ_FAIL(UNSUPPORTED,
                         "%s: 'd_intermediate' and 'attn_layer_idx' (MLP and attention layers) are"
                         " not part of a Mamba-1 model",
                         c->path);
    return SSMQ_OK;
}

static ssmq_status read_hugging_face(const ssmq_json *c, mamba_sizes *z)
{
    static const char *const keys[] = {"hidden_size", "num_hidden_layers", "vocab_size",
                                       "state_size",  "conv_kernel",       "expand"};
    const char *act = "silu";
    double      eps = 1e-5;
    SSMQ_TRY(read_sizes(c, z, keys));
    SSMQ_TRY(read_rank(c, "time_step_rank", z));
    SSMQ_TRY(check_inner(c, "intermediate_size", z));
    SSMQ_TRY(check_inner(c, "d_inner", z));
    z->in_out_bias = true; /* the class default, which the released models override */
    z->conv_bias = true;
    z->tied = true;
    SSMQ_TRY(ssmq_json_bool(c, "use_bias", false, &z->in_out_bias));
    SSMQ_TRY(ssmq_json_bool(c, "use_conv_bias", false, &z->conv_bias));
    SSMQ_TRY(ssmq_json_bool(c, "tie_word_embeddings", false, &z->tied));
    SSMQ_TRY(ssmq_json_real(c, "layer_norm_epsilon", false, &eps));
    if (!(eps > 0 && eps < 1))
        return SSMQ_FAIL(INPUT, "%s: 'layer_norm_epsilon' is %g, not within 0 to 1", c->path, eps);
    z->eps = (float)eps;
    SSMQ_TRY(ssmq_json_text(c, "hidden_act", false, &act));
    if (strcmp(act, "silu") != 0)
        return SSMQ_FAIL(UNSUPPORTED, "%s: 'hidden_act' is \"%s\"; only \"silu\" is computed",
                         c->path, act);
    return SSMQ_OK;
}

/* ---- tables ---------------------------------------------------------------------------- */

static int32_t add_weight(ssmq_model *m, const char *name, const char *alias, int32_t rank,
                          const int64_t *dim)
{
    ssmq_weight *w = &m->weight[m->n_weight];
    *w = (ssmq_weight){.name = name, .alias = alias, .rank = rank, .tied_to = -1};
    memcpy(w->dim, dim, (size_t)rank * sizeof *dim);
    return m->n_weight++;
}

/* A weight of layer l; suffix as in the checkpoint; d1, d2: 0 where there is no such axis. */
static int32_t layer_weight(ssmq_model *m, int32_t l, const char *suffix, int64_t d0, int64_t d1,
                            int64_t d2)
{
    const char *name = ssmq_arena_printf(m->arena, "backbone.layers.%d.%s", l, suffix);
    return add_weight(m, name, NULL, d2 ? 3 : d1 ? 2 : 1, (const int64_t[]){d0, d1, d2});
}

static int32_t add_site(ssmq_model *m, int32_t layer, const char *suffix, ssmq_site_kind kind,
                        const char *op, int64_t width, int32_t input, int32_t weight)
{
    const char *name =
        layer < 0 ? suffix : ssmq_arena_printf(m->arena, "layers.%d.%s", layer, suffix);
    m->site[m->n_site] = (ssmq_site){.name = name,
                                     .kind = kind,
                                     .layer = layer,
                                     .width = width,
                                     .input = input,
                                     .weight = weight,
                                     .op = op,
                                     .fold = -1};
    return m->n_site++;
}

#define LAYER_WEIGHTS 13
#define LAYER_SITES 17

/* Weights of a layer that are sites, in the order of layer_sites(). */
typedef struct layer_weights { int32_t in, conv, x_proj, dt, A_log, D, out; } layer_weights;

static layer_weights list_weights(ssmq_model *m, const mamba_sizes *z, int32_t i, mamba_layer *l)
{
    layer_weights w;
    l->norm = layer_weight(m, i, "norm.weight", z->D, 0, 0);
    w.in = layer_weight(m, i, "mixer.in_proj.weight", 2 * z->E, z->D, 0);
    l->in_bias = z->in_out_bias ? layer_weight(m, i, "mixer.in_proj.bias", 2 * z->E, 0, 0) : -1;
    w.conv = layer_weight(m, i, "mixer.conv1d.weight", z->E, 1, z->W);
    l->conv_bias = z->conv_bias ? layer_weight(m, i, "mixer.conv1d.bias", z->E, 0, 0) : -1;
    w.x_proj = layer_weight(m, i, "mixer.x_proj.weight", z->R + 2 * z->N, z->E, 0);
    w.dt = layer_weight(m, i, "mixer.dt_proj.weight", z->E, z->R, 0);
    l->dt_bias = layer_weight(m, i, "mixer.dt_proj.bias", z->E, 0, 0);
    w.A_log = layer_weight(m, i, "mixer.A_log", z->E, z->N, 0);
    w.D = layer_weight(m, i, "mixer.D", z->E, 0, 0);
    w.out = layer_weight(m, i, "mixer.out_proj.weight", z->D, z->E, 0);
    l->out_bias = z->in_out_bias ? layer_weight(m, i, "mixer.out_proj.bias", z->D, 0, 0) : -1;
    return w;
}

/* In order of execution. */
static void list_sites(ssmq_model *m, const mamba_sizes *z, int32_t i, mamba_layer *l,
                       const layer_weights *w)
{
    const ssmq_site_kind act = SSMQ_SITE_ACTIVATION, weight = SSMQ_SITE_WEIGHT;
    l->in_x = add_site(m, i, "in_proj.in", act, "linear", z->D, -1, -1);
    m->site[l->in_x].fold = l->norm;
    l->in_w = add_site(m, i, "in_proj.weight", weight, "linear", z->D, l->in_x, w->in);
    l->conv_x = add_site(m, i, "conv.in", act, "conv", z->E, -1, -1);
    l->scan.z = add_site(m, i, "gate.z", act, "gate", z->E, -1, -1);
    l->conv_w = add_site(m, i, "conv.weight", weight, "conv", z->W, l->conv_x, w->conv);
    l->scan.x = add_site(m, i, "scan.x", act, "scan", z->E, -1, -1);
    l->x_proj_w = add_site(m, i, "x_proj.weight", weight, "linear", z->E, l->scan.x, w->x_proj);
    l->dt_x = add_site(m, i, "dt_proj.in", act, "linear", z->R, -1, -1);
    m->site[l->dt_x].fold = w->x_proj; /* rows 0 .. R - 1 give it; x_proj has no bias */
    l->dt_w = add_site(m, i, "dt_proj.weight", weight, "linear", z->R, l->dt_x, w->dt);
    l->scan.dt = add_site(m, i, "scan.dt", act, "scan", z->E, -1, -1);
    l->scan.B = add_site(m, i, "scan.B", act, "scan", z->N, -1, -1);
    l->scan.C = add_site(m, i, "scan.C", act, "scan", z->N, -1, -1);
    l->scan.A_log = add_site(m, i, "scan.A_log", weight, "scan", z->N, -1, w->A_log);
    l->scan.D = add_site(m, i, "scan.D", weight, "scan", z->E, -1, w->D);
    l->scan.state = add_site(m, i, "scan.state", SSMQ_SITE_STATE, "scan", z->N, -1, -1);
    m->site[l->scan.state].rows = z->E;
    l->out_x = add_site(m, i, "out_proj.in", act, "linear", z->E, -1, -1);
    l->out_w = add_site(m, i, "out_proj.weight", weight, "linear", z->E, l->out_x, w->out);
}

/* The embedding starts the stream, each mixer reads it through in_proj and adds through out_proj, the head
 * reads what it has become. */
static void list_residual(ssmq_model *m, const mamba_sizes *z)
{
    ssmq_residual *r = &m->residual;
    r->read = SSMQ_ARENA_ARRAY(m->arena, ssmq_residual_read, z->n_layer + 1);
    r->write = SSMQ_ARENA_ARRAY(m->arena, ssmq_residual_write, 2 * z->n_layer + 1);
    r->write[r->n_write++] = (ssmq_residual_write){m->site[z->embedding].weight, 1};
    for (int32_t i = 0; i < z->n_layer; i++) {
        const mamba_layer *l = &z->layer[i];
        r->read[r->n_read++] = (ssmq_residual_read){m->site[l->in_w].weight, l->norm};
        r->write[r->n_write++] = (ssmq_residual_write){m->site[l->out_w].weight, 0};
        if (l->out_bias >= 0) r->write[r->n_write++] = (ssmq_residual_write){l->out_bias, 0};
    }
    r->read[r->n_read++] = (ssmq_residual_read){m->site[z->head_w].weight, z->norm_f};
}

static void list_tables(ssmq_model *m, mamba_sizes *z)
{
    m->weight = SSMQ_ARENA_ARRAY(m->arena, ssmq_weight, 3 + LAYER_WEIGHTS * z->n_layer);
    m->site = SSMQ_ARENA_ARRAY(m->arena, ssmq_site, 3 + LAYER_SITES * z->n_layer);
    z->layer = SSMQ_ARENA_ARRAY(m->arena, mamba_layer, z->n_layer);
    const int64_t table[] = {z->V, z->D};
    const int32_t embedding = add_weight(m, "backbone.embedding.weight",
                                         "backbone.embeddings.weight", 2, table);
    z->embedding = add_site(m, -1, "embedding.weight", SSMQ_SITE_WEIGHT, "embedding", z->D, -1,
                            embedding);
    for (int32_t i = 0; i < z->n_layer; i++) {
        const layer_weights w = list_weights(m, z, i, &z->layer[i]);
        list_sites(m, z, i, &z->layer[i], &w);
    }
    z->norm_f = add_weight(m, "backbone.norm_f.weight", NULL, 1, &z->D);
    const int32_t head = add_weight(m, "lm_head.weight", NULL, 2, table);
    m->weight[head].optional = z->tied;
    m->weight[head].tied_to = z->tied ? embedding : -1;
    z->head_x = add_site(m, -1, "head.in", SSMQ_SITE_ACTIVATION, "linear", z->D, -1, -1);
    m->site[z->head_x].fold = z->norm_f;
    z->head_w = add_site(m, -1, "head.weight", SSMQ_SITE_WEIGHT, "linear", z->D, z->head_x, head);
    list_residual(m, z);
}

ssmq_status mamba_describe(ssmq_model *m, const ssmq_json *config)
{
    mamba_sizes *z = ssmq_arena_alloc(m->arena, sizeof *z);
    if (ssmq_json_has(config, "model_type")) SSMQ_TRY(read_hugging_face(config, z));
    else SSMQ_TRY(read_state_spaces(config, z));
    list_tables(m, z);
    m->sizes = z;
    m->n_layer = z->n_layer;
    m->width = z->D;
    m->vocabulary = z->V;
    return SSMQ_OK;
}
