#include "tests/support/fake_catalogue.h"
#include "tests/support/small_tokenizer.h"

/* ---- family ---------------------------------------------------------------------------- */

typedef struct kind_of_site {
    const char    *name;
    ssmq_site_kind kind;
    const char    *op;
    int64_t        width;
} kind_of_site;

static const kind_of_site in_layer[] = {
    {"proj.in", SSMQ_SITE_ACTIVATION, "linear", 8},
    {"proj.weight", SSMQ_SITE_WEIGHT, "linear", 8},
    {"scan.x", SSMQ_SITE_ACTIVATION, "scan", 6},
    {"scan.state", SSMQ_SITE_STATE, "scan", 6},
};
#define IN_LAYER ((int32_t)(sizeof in_layer / sizeof *in_layer))

static ssmq_status describe(ssmq_model *m, const ssmq_json *config)
{
    int64_t layers = 1;
    SSMQ_TRY(ssmq_json_int(config, "layers", true, 1, 100, &layers));
    m->n_layer = (int32_t)layers;
    m->width = 8;
    m->vocabulary = SMALL_SIZE;
    m->site = SSMQ_ARENA_ARRAY(m->arena, ssmq_site, layers * IN_LAYER + 1);
    for (int32_t layer = 0; layer < m->n_layer; layer++)
        for (int32_t i = 0; i < IN_LAYER; i++)
            m->site[m->n_site++] = (ssmq_site){
                .name = ssmq_arena_printf(m->arena, "layers.%d.%s", layer, in_layer[i].name),
                .kind = in_layer[i].kind,
                .layer = layer,
                .width = in_layer[i].width,
                .input = -1,
                .weight = -1,
                .op = in_layer[i].op,
                .fold = -1,
            };
    m->site[m->n_site++] = (ssmq_site){.name = "head.weight",
                                       .kind = SSMQ_SITE_WEIGHT,
                                       .layer = -1,
                                       .width = 8,
                                       .input = -1,
                                       .weight = -1,
                                       .op = "linear",
                                       .fold = -1};
    return SSMQ_OK;
}

static const ssmq_family family = {.name = "fake", .source = "made up", .describe = describe};

/* ---- observers ------------------------------------------------------------------------- */

static const ssmq_option quantile_options[] = {
    {"p", offsetof(fake_quantile, p), SSMQ_OPTION_REAL, NULL, 0, 100, NULL, "per cent"},
    {0},
};
static const ssmq_option ema_options[] = {
    {"rate", offsetof(fake_ema, rate), SSMQ_OPTION_REAL, "0.01", 0, 1, NULL, "per sample"},
    {0},
};
static const ssmq_statistic absmax = {.name = "absmax", .source = "made up"};
static const ssmq_statistic quantile = {.name = "quantile",
                                        .source = "made up",
                                        .options = quantile_options,
                                        .options_size = sizeof(fake_quantile)};
static const ssmq_across    across_max = {.name = "max", .source = "made up"};
static const ssmq_across    ema = {
       .name = "ema",
       .source = "made up",
       .options = ema_options,
       .options_size = sizeof(fake_ema),
};

/* ---- methods --------------------------------------------------------------------------- */

static const char *const scopes[] = {"tensor", "channel", NULL};
static const char *const off[] = {"off", NULL};

const ssmq_option fake_round_options[] = {
    {"sites", offsetof(fake_round, sites), SSMQ_OPTION_SITES, "layers.**", 0, 0, NULL, "which"},
    {"bits", offsetof(fake_round, bits), SSMQ_OPTION_INT, "8", 2, 16, off, "per code"},
    {"scope", offsetof(fake_round, scope), SSMQ_OPTION_CHOICE, "tensor", 0, 0, scopes,
     "of a scale"},
    {"careful", offsetof(fake_round, careful), SSMQ_OPTION_BOOL, "false", 0, 0, NULL, "takes care"},
    {"factor", offsetof(fake_round, factor), SSMQ_OPTION_REAL, "1", 0.5, 1000, NULL, "a factor"},
    {"label", offsetof(fake_round, label), SSMQ_OPTION_TEXT, "", 0, 0, NULL, "for people"},
    {"observer", offsetof(fake_round, observer), SSMQ_OPTION_OBSERVER, "{statistic: absmax}", 0, 0,
     NULL, "the range"},
    {0},
};
static const ssmq_option watch_options[] = {
    {"sites", offsetof(fake_watch, sites), SSMQ_OPTION_SITES, "layers.**", 0, 0, NULL, "which"},
    {"bits", offsetof(fake_watch, bits), SSMQ_OPTION_INT, "8", 2, 16, NULL, "per code"},
    {"observer", offsetof(fake_watch, observer), SSMQ_OPTION_OBSERVER,
     "{statistic: absmax, across: max}", 0, 0, NULL, "the range"},
    {0},
};
static const ssmq_option spin_options[] = {
    {"sites", 0, SSMQ_OPTION_SITES, "layers.*.proj.in", 0, 0, NULL, "which"},
    {0},
};

static bool needs_data(const void *options)
{
    (void)options;
    return true;
}

/* Each site may be spun once. */
static ssmq_status spin_outline(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    const char *const *sites = *(const char *const *const *)options;
    for (int32_t i = 0; i < m->n_site; i++) {
        if (!ssmq_selects(sites, &m->site[i])) continue;
        if (plan->at[i].rotate) return SSMQ_FAIL(CONFIG, "%s is spun already", m->site[i].name);
        plan->at[i].rotate = 1;
    }
    return SSMQ_OK;
}

static const ssmq_method method_round = {
    .name = "round",
    .help = "rounds",
    .source = "made up",
    .options = fake_round_options,
    .options_size = sizeof(fake_round),
    .sites = offsetof(fake_round, sites),
    .kinds = 1u << SSMQ_SITE_WEIGHT,
};
static const ssmq_method method_watch = {
    .name = "watch",
    .help = "watches",
    .source = "made up",
    .options = watch_options,
    .options_size = sizeof(fake_watch),
    .sites = offsetof(fake_watch, sites),
    .kinds = 1u << SSMQ_SITE_ACTIVATION,
    .needs_data = needs_data,
};
static const ssmq_method method_spin = {
    .name = "spin",
    .help = "spins",
    .source = "made up",
    .options = spin_options,
    .options_size = sizeof(const char *const *),
    .kinds = 1u << SSMQ_SITE_ACTIVATION,
    .op = "linear",
    .outline = spin_outline,
};

/* ---- backends -------------------------------------------------------------------------- */

static const char *const isas[] = {"auto", "slow", NULL};
static const ssmq_option cpu_options[] = {
    {"isa", offsetof(fake_cpu, isa), SSMQ_OPTION_CHOICE, "auto", 0, 0, isas, "which"},
    {0},
};
static const ssmq_backend_ops ref = {.name = "ref", .help = "plain"};
static const ssmq_backend_ops cpu = {
    .name = "cpu", .help = "fast", .options = cpu_options, .options_size = sizeof(fake_cpu)};

static const ssmq_backend_ops *const backends[] = {&ref, &cpu, NULL};
static const ssmq_family *const      families[] = {&family, NULL};
static const ssmq_method *const      methods[] = {&method_round, &method_watch, &method_spin, NULL};
static const ssmq_statistic *const   statistics[] = {&absmax, &quantile, NULL};
static const ssmq_across *const      acrosses[] = {&across_max, &ema, NULL};

const ssmq_catalogue fake_catalogue = {
    .backends = backends,
    .families = families,
    .methods = methods,
    .statistics = statistics,
    .across = acrosses,
};
