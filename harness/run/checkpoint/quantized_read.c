#include <string.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/data/safetensors.h"
#include "harness/run/checkpoint/load.h"
#include "harness/run/checkpoint/quantized.h"
#include "harness/run/checkpoint/quantized_plan.h"
#include "harness/tensor/nibbles.h"

#define CONFIG_LIMIT ((size_t)16 << 20)
#define CHUNK ((size_t)1 << 20)

bool ssmq_quantized_is(const char *directory)
{
    ssmq_json j = {0};
    ssmq_str  path = {0};
    bool      is = false;
    ssmq_str_printf(&path, "%s/config.json", directory);
    if (access(ssmq_str_text(&path), R_OK) == 0 &&
        ssmq_json_open(ssmq_str_text(&path), CONFIG_LIMIT, &j) == SSMQ_OK)
        is = ssmq_json_has(&j, SSMQ_QUANTIZED_KEY);
    ssmq_error_clear(); /* whoever reads the config will say it */
    ssmq_json_close(&j);
    ssmq_str_free(&path);
    return is;
}

int32_t ssmq_quantized_site(const ssmq_model *m, int32_t weight)
{
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].weight == weight) return i;
    return -1;
}

typedef struct reader {
    const char            *directory, *file; /* model.safetensors */
    ssmq_arena            *arena;
    ssmq_mapping           map;
    const ssmq_checkpoint *c;
    ssmq_model            *m;
    ssmq_plan             *plan;
} reader;

static ssmq_status metadata(const reader *r, const char *key, const char **out)
{
    SSMQ_TRY(ssmq_safetensors_metadata(r->file, &r->map, key, r->arena, out));
    if (*out) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: its metadata have no '%s': it was not written by ssmq quantize",
                     r->file, key);
}

/* ---- is it what was written? -------------------------------------------------------------- */

static ssmq_status check_version(const reader *r)
{
    const char *version;
    SSMQ_TRY(metadata(r, SSMQ_QUANTIZED_KEY, &version));
    if (strcmp(version, ssmq_arena_printf(r->arena, "%d", SSMQ_QUANTIZED_VERSION)) == 0) return SSMQ_OK;
    return SSMQ_FAIL(INPUT,
                     "%s: a quantised checkpoint of version %.16s; this program reads version %d",
                     r->file, version, SSMQ_QUANTIZED_VERSION);
}

static ssmq_status check_config(const reader *r)
{
    const char *wanted, *path = ssmq_arena_printf(r->arena, "%s/config.json", r->directory);
    char        sum[SSMQ_SHA256_HEX];
    SSMQ_TRY(metadata(r, "config_sha256", &wanted));
    SSMQ_TRY(ssmq_sha256_file(path, sum));
    if (strcmp(wanted, sum) == 0) return SSMQ_OK;
    return SSMQ_FAIL(INPUT,
                     "%s is not the one that %s was written with: another model's, or changed",
                     path, r->file);
}

static const char *const summed[] = {SSMQ_QUANTIZED_KEY, "ssmq_version", "config_sha256", "source",
                                     "recipe"};

/* What the tensors before the sum are. */
static void sum_table(const reader *r, const ssmq_stored *digest, ssmq_sha256 *h)
{
    const int32_t all = ssmq_checkpoint_count(r->c);
    ssmq_stored  *entry = SSMQ_ARENA_ARRAY(r->arena, ssmq_stored, all);
    int64_t      *to_end = SSMQ_ARENA_ARRAY(r->arena, int64_t, all);
    int32_t       n = 0;
    for (int32_t i = 0; i < all; i++) {
        const ssmq_stored *t = ssmq_checkpoint_at(r->c, i);
        if (t == digest) continue;
        entry[n] = *t;
        to_end[n++] = (const char *)digest->value.data - (const char *)t->value.data;
    }
    ssmq_plan_sum_table(h, entry, to_end, n);
}

/* Of these texts and of the tensors, what they are and then their bytes in the order of the file, but for the sum itself,
 * which is the last. */
static ssmq_status check_bytes(const reader *r)
{
    const ssmq_stored *digest = ssmq_checkpoint_find(r->c, SSMQ_PLAN_PREFIX "digest");
    char               hex[SSMQ_SHA256_HEX];
    if (!digest || ssmq_tensor_bytes(&digest->value) != SSMQ_SHA256_HEX - 1)
        return SSMQ_FAIL(INPUT, "%s: the sum of its tensors is missing", r->file);
    const uint8_t *end = r->map.data + r->map.size - (SSMQ_SHA256_HEX - 1);
    uint64_t       length = 0;
    const char    *text[sizeof summed / sizeof *summed];
    for (size_t i = 0; i < sizeof summed / sizeof *summed; i++)
        SSMQ_TRY(metadata(r, summed[i], &text[i]));
    ssmq_sha256 *h = ssmq_sha256_new();
    for (size_t i = 0; i < sizeof summed / sizeof *summed; i++)
        ssmq_sha256_add(h, text[i], strlen(text[i]) + 1);
    sum_table(r, digest, h);
    for (int i = 7; i >= 0; i--) length = length << 8 | r->map.data[i];
    for (size_t at = 8 + (size_t)length; r->map.data + at < end; at += CHUNK) {
        const size_t left = (size_t)(end - r->map.data) - at, n = left < CHUNK ? left : CHUNK;
        ssmq_sha256_add(h, r->map.data + at, n);
        ssmq_map_forget(&r->map, at, n);
    }
    ssmq_sha256_finish(h, hex);
    if (memcmp(hex, end, SSMQ_SHA256_HEX - 1) == 0) return SSMQ_OK;
    return SSMQ_FAIL(
        INPUT, "%s: changed since it was written: the sum of its tensors and texts is another",
        r->file);
}

/* ---- the plan ----------------------------------------------------------------------------- */

/* Those of the plan's tensors that are scales and the like: neither codes nor the sum. */
static int32_t plan_entries(const reader *r, ssmq_stored *entry)
{
    int32_t n = 0;
    for (int32_t i = 0; i < ssmq_checkpoint_count(r->c); i++) {
        const ssmq_stored *t = ssmq_checkpoint_at(r->c, i);
        const bool other = ssmq_str_ends(t->name, ".codes") || ssmq_str_ends(t->name, ".kept") ||
                           strcmp(t->name, SSMQ_PLAN_PREFIX "digest") == 0;
        if (ssmq_str_starts(t->name, SSMQ_PLAN_PREFIX) && !other) entry[n++] = *t;
    }
    return n;
}

static ssmq_status read_plan(const reader *r)
{
    const char   *text, *wanted;
    char          sum[SSMQ_SHA256_HEX];
    ssmq_stored  *entry = SSMQ_ARENA_ARRAY(r->arena, ssmq_stored, ssmq_checkpoint_count(r->c) + 1);
    const int32_t n = plan_entries(r, entry);
    SSMQ_TRY(metadata(r, "plan", &text));
    SSMQ_TRY(metadata(r, "scales_sha256", &wanted));
    ssmq_plan_digest(text, entry, n, sum);
    if (strcmp(wanted, sum) != 0)
        return SSMQ_FAIL(INPUT, "%s: its scales are not the set that it was written with", r->file);
    return ssmq_plan_read(r->plan, r->file, text, entry, n);
}

/* ---- codes -------------------------------------------------------------------------------- */

/* The tensor of a site's codes, or, where they are the same, of those of the weight that its own is
 * tied to. */
static const ssmq_stored *codes_of(const reader *r, int32_t site)
{
    const ssmq_weight *w = &r->m->weight[r->m->site[site].weight];
    const int32_t      other = w->tied_to < 0 ? -1 : ssmq_quantized_site(r->m, w->tied_to);
    const ssmq_stored *t = ssmq_checkpoint_find(
        r->c, ssmq_arena_printf(r->arena, SSMQ_PLAN_PREFIX "%s.codes", r->m->site[site].name));
    if (t || other < 0 || !ssmq_plan_same_spec(&r->plan->at[site].spec, &r->plan->at[other].spec))
        return t;
    return ssmq_checkpoint_find(
        r->c, ssmq_arena_printf(r->arena, SSMQ_PLAN_PREFIX "%s.codes", r->m->site[other].name));
}

static ssmq_status find_codes(const reader *r, int32_t site)
{
    const ssmq_site   *s = &r->m->site[site];
    const ssmq_tensor *value = &r->m->weight[s->weight].value;
    ssmq_assignment   *a = &r->plan->at[site];
    const char        *name = ssmq_arena_printf(r->arena, SSMQ_PLAN_PREFIX "%s.codes", s->name);
    const ssmq_stored *t = codes_of(r, site);
    const bool         nibbles = a->spec.bits <= 4;
    ssmq_tensor        wanted = *value;
    char               shape[SSMQ_SHAPE_TEXT];
    const ssmq_dtype   dtype = ssmq_qspec_half(&a->spec) ? ssmq_half_dtype(a->spec.format)
                               : nibbles                 ? SSMQ_U8
                                                         : SSMQ_I8;
    if (!ssmq_qspec_bytes(&a->spec) && !ssmq_qspec_half(&a->spec))
        return SSMQ_FAIL(INPUT, "%s: %s has no codes of at most 8 bits, f16 or bf16", r->file, s->name);
    if (!t) return SSMQ_FAIL(INPUT, "%s: tensor '%s' is missing", r->file, name);
    if (nibbles) wanted.dim[wanted.rank - 1] = ssmq_nibble_bytes(wanted.dim[wanted.rank - 1]);
    if (t->value.dtype != dtype || t->value.rank != wanted.rank ||
        memcmp(t->value.dim, wanted.dim, (size_t)wanted.rank * sizeof *wanted.dim) != 0)
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' is not %s %s", r->file, name,
                         ssmq_dtype_name(dtype), ssmq_tensor_shape(&wanted, shape, sizeof shape));
    if (nibbles) a->nibbles = t->value.data;
    else a->codes = t->value;
    return SSMQ_OK;
}

/* Values in the columns that stay in floating point; the others are never looked at. */
static ssmq_status restore_kept(const reader *r, int32_t site, const ssmq_tensor *keep)
{
    const ssmq_site   *s = &r->m->site[site];
    const int64_t      n = keep->dim[0];
    const char        *name = ssmq_arena_printf(r->arena, SSMQ_PLAN_PREFIX "%s.kept", s->name);
    const ssmq_stored *t = ssmq_checkpoint_find(r->c, name);
    ssmq_tensor        value;
    SSMQ_TRY(ssmq_model_own(r->m, s->weight, &value));
    memset(value.data, 0, ssmq_tensor_bytes(&value));
    if (n == 0) return SSMQ_OK;
    if (!t || t->value.dtype != SSMQ_F32 || t->value.rank != 2 || t->value.dim[0] != value.dim[0] ||
        t->value.dim[1] != n)
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' is missing, or of another shape", r->file, name);
    for (int64_t i = 0; i < value.dim[0]; i++)
        for (int64_t k = 0; k < n; k++)
            memcpy((float *)value.data + i * value.dim[1] + ((const int32_t *)keep->data)[k],
                   (const char *)t->value.data + (size_t)(i * n + k) * sizeof(float),
                   sizeof(float));
    return SSMQ_OK;
}

static ssmq_status read_weights(const reader *r)
{
    bool *coded = SSMQ_ARENA_ARRAY(r->arena, bool, r->m->n_weight + 1);
    for (int32_t i = 0; i < r->m->n_site; i++)
        if (r->m->site[i].weight >= 0 && r->plan->at[i].spec.bits > 0)
            coded[r->m->site[i].weight] = true;
    SSMQ_TRY(ssmq_model_fill(r->m, r->c, coded, SSMQ_PLAN_PREFIX));
    for (int32_t i = 0; i < r->m->n_site; i++) {
        if (r->m->site[i].weight < 0 || r->plan->at[i].spec.bits == 0) continue;
        const ssmq_tensor *keep = ssmq_plan_keep(r->plan, i);
        SSMQ_TRY(find_codes(r, i));
        if (keep) SSMQ_TRY(restore_kept(r, i, keep));
        else r->m->weight[r->m->site[i].weight].mapped = true;
    }
    return SSMQ_OK;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static ssmq_status read_all(reader *r)
{
    SSMQ_TRY(check_version(r));
    SSMQ_TRY(check_config(r));
    SSMQ_TRY(check_bytes(r));
    SSMQ_TRY(read_plan(r));
    return read_weights(r);
}

ssmq_status ssmq_quantized_load(const ssmq_family *const *families, const char *directory,
                                ssmq_model **m, ssmq_checkpoint **checkpoint, ssmq_plan **plan)
{
    ssmq_checkpoint *c = NULL;
    reader           r = {.directory = directory, .arena = ssmq_arena_new()};
    ssmq_status      st;
    r.file = ssmq_arena_printf(r.arena, "%s/model.safetensors", directory);
    SSMQ_TRY_DONE(st, ssmq_model_read(families, directory, &r.m));
    SSMQ_TRY_DONE(st, ssmq_checkpoint_open(directory, &c));
    SSMQ_TRY_DONE(st, ssmq_map_open(r.file, &r.map));
    r.c = c;
    r.plan = ssmq_plan_new(r.m);
    SSMQ_TRY_DONE(st, read_all(&r));
    *m = r.m;
    *plan = r.plan;
    *checkpoint = c;
    r.m = NULL;
    r.plan = NULL;
    c = NULL;
done:
    ssmq_map_close(&r.map);
    ssmq_plan_free(r.plan);
    ssmq_model_free(r.m);
    ssmq_checkpoint_close(c);
    ssmq_arena_free(r.arena);
    return st;
}
