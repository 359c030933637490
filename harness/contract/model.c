#include "harness/contract/model.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "harness/base/assert.h"

#define ALIGN ((size_t)64)           /* bytes: a cache line, and the widest vector */
#define LARGE_PAGE ((size_t)2 << 20) /* bytes, on every system that has them       */

/* ---- describing ------------------------------------------------------------------------- */

static const ssmq_family *find_family(const ssmq_family *const *families, const char *name)
{
    for (; *families; families++)
        if (strcmp((*families)->name, name) == 0) return *families;
    return NULL;
}

static ssmq_status refuse_type(const ssmq_family *const *families, const char *path,
                               const char *key, const char *found)
{
    ssmq_str known = {0};
    for (; *families; families++)
        ssmq_str_printf(&known, "%s%s", known.length ? ", " : "", (*families)->name);
    const ssmq_status st = SSMQ_FAIL(UNSUPPORTED, "%s: %s '%.64s' is not supported; known: %s",
                                     path, key, found, ssmq_str_text(&known));
    ssmq_str_free(&known);
    return st;
}

/* Hugging Face configs name their family; those of state-spaces are Mamba's, of either version. */
static ssmq_status choose_family(const ssmq_family *const *families, const ssmq_json *config,
                                 const ssmq_family **out)
{
    const char *type = NULL, *layer = "Mamba1";
    SSMQ_TRY(ssmq_json_text(config, "model_type", false, &type));
    if (!type) {
        if (!ssmq_json_has(config, "d_model") || !ssmq_json_has(config, "n_layer"))
            return SSMQ_FAIL(INPUT,
                             "%s: has neither 'model_type' (Hugging Face) nor 'd_model' and "
                             "'n_layer' (state-spaces)",
                             config->path);
        SSMQ_TRY(ssmq_json_text(config, "ssm_cfg.layer", false, &layer));
        if (strcmp(layer, "Mamba1") != 0)
            return SSMQ_FAIL(UNSUPPORTED,
                             "%s: ssm_cfg.layer '%.64s' is not supported; known: Mamba1",
                             config->path, layer);
        type = "mamba";
    }
    *out = find_family(families, type);
    if (!*out) return refuse_type(families, config->path, "model_type", type);
    return SSMQ_OK;
}

/* The tensor that a weight's values will have.  Inner axes of length 1 are dropped, those of a
 * depthwise convolution; a first or last one keeps its meaning of rows and columns. */
static ssmq_tensor shape_of(const ssmq_weight *w)
{
    int64_t dim[SSMQ_RANK_MAX];
    int32_t rank = 0;
    for (int32_t i = 0; i < w->rank; i++)
        if (w->dim[i] != 1 || i == 0 || i == w->rank - 1) dim[rank++] = w->dim[i];
    ssmq_tensor t = ssmq_tensor_of(NULL, SSMQ_F32, rank, dim);
    t.name = w->name;
    return t;
}

static void mark_linear(ssmq_model *m)
{
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].input >= 0 && strcmp(m->site[i].op, "linear") == 0)
            m->site[m->site[i].input].linear = true;
}

ssmq_status ssmq_model_describe(const ssmq_family *const *families, const char *directory,
                                const ssmq_json *config, ssmq_model **out)
{
    const ssmq_family *family = NULL;
    SSMQ_TRY(choose_family(families, config, &family));
    ssmq_arena *a = ssmq_arena_new();
    ssmq_model *m = ssmq_arena_alloc(a, sizeof *m);
    m->family = family;
    m->arena = a;
    m->path = ssmq_arena_strdup(a, directory);
    const ssmq_status st = family->describe(m, config);
    if (st != SSMQ_OK) {
        ssmq_arena_free(a);
        return ssmq_trace(st, __FILE__, __LINE__, __func__);
    }
    for (int32_t i = 0; i < m->n_weight; i++) m->weight[i].value = shape_of(&m->weight[i]);
    mark_linear(m);
    *out = m;
    return SSMQ_OK;
}

/* ---- weights ---------------------------------------------------------------------------- */

ssmq_model *ssmq_model_fork(const ssmq_model *base)
{
    ssmq_arena *a = ssmq_arena_new();
    ssmq_model *m = ssmq_arena_alloc(a, sizeof *m);
    *m = *base;
    m->arena = a;
    m->lent = NULL;
    m->weight = SSMQ_ARENA_ARRAY(a, ssmq_weight, base->n_weight);
    if (base->n_weight) memcpy(m->weight, base->weight, (size_t)base->n_weight * sizeof *m->weight);
    for (int32_t i = 0; i < m->n_weight; i++) m->weight[i].writable = false;
    return m;
}

void ssmq_model_free(ssmq_model *m)
{
    if (!m) return;
    for (int32_t i = 0; i < m->n_weight; i++)
        if (m->weight[i].writable) free(m->weight[i].value.data);
    ssmq_model_lent_free(m);
    ssmq_arena_free(m->arena);
}

/* Large weights lie on large pages where the system has any: far fewer page faults while they are
 * filled, and fewer misses of the address cache in matrix products.  Only whole pages are asked
 * for, so that no memory is lost behind a weight. */
static ssmq_status allocate(const ssmq_weight *w, void **out)
{
    const size_t bytes = ssmq_tensor_bytes(&w->value);
    const size_t align = bytes < LARGE_PAGE ? ALIGN : LARGE_PAGE;
    if (posix_memalign(out, align, bytes + 1) != 0)
        return SSMQ_FAIL(MEMORY, "%s: no memory for its %zu bytes", w->name, bytes);
    if (bytes >= LARGE_PAGE) /* advice only */
        (void)madvise(*out, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
    return SSMQ_OK;
}

ssmq_status ssmq_model_own(ssmq_model *m, int32_t weight, ssmq_tensor *out)
{
    SSMQ_ASSERT(weight >= 0 && weight < m->n_weight);
    ssmq_weight *w = &m->weight[weight];
    void        *data = NULL;
    SSMQ_ASSERT(!w->value.data);
    SSMQ_TRY(allocate(w, &data));
    w->value.data = data;
    w->writable = true;
    w->mapped = false;
    *out = w->value;
    return SSMQ_OK;
}

/* Another weight that lends the same values, as a tied one does; -1: none. */
static int32_t find_shared(const ssmq_model *m, int32_t weight)
{
    for (int32_t i = 0; i < m->n_weight; i++)
        if (i != weight && m->weight[i].value.data == m->weight[weight].value.data) return i;
    return -1;
}

ssmq_status ssmq_model_writable(ssmq_model *m, int32_t weight, ssmq_tensor *out)
{
    SSMQ_ASSERT(weight >= 0 && weight < m->n_weight);
    ssmq_weight  *w = &m->weight[weight];
    const int32_t shared = w->writable ? find_shared(m, weight) : -1;
    SSMQ_ASSERT(w->value.data);
    if (!w->writable || shared >= 0) {
        void *data = NULL;
        SSMQ_TRY(allocate(w, &data));
        ssmq_model_copy(m, weight, 0, ssmq_tensor_count(&w->value), data);
        ssmq_model_forget(m, weight);
        if (shared >= 0) m->weight[shared].writable = true; /* the old memory's owner from now on */
        w->value.data = data;
        w->writable = true;
        w->mapped = false;
        w->lent = NULL;
    }
    *out = w->value;
    return SSMQ_OK;
}

void ssmq_model_drop(ssmq_model *m, int32_t weight)
{
    ssmq_weight *w = &m->weight[weight];
    if (!w->writable || find_shared(m, weight) >= 0) return;
    free(w->value.data);
    w->value.data = NULL;
    w->writable = false;
}

int32_t ssmq_model_site(const ssmq_model *m, const char *name)
{
    for (int32_t i = 0; i < m->n_site; i++)
        if (strcmp(m->site[i].name, name) == 0) return i;
    return -1;
}
