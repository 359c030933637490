#include "harness/run/evaluate/hidden_cache.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/assert.h"
#include "harness/run/experiment/experiment.h"
#include "harness/run/turn.h"
#include "harness/store/cache.h"
#include "harness/store/own_name.h"

struct ssmq_hidden_cache {
    ssmq_arena     *arena;
    const char     *folder, *identity;
    const ssmq_log *log;
    bool            full;
};

const char *ssmq_hidden_identity(const ssmq_backend *be, const char *code, const ssmq_input_file *file, int32_t n,
                                 ssmq_arena *arena)
{
    ssmq_str text = {0};
    ssmq_str_printf(&text, "%s numerics %d\n%sbackend %s %s\nprocessor %s\n", SSMQ_HIDDEN_KIND,
                    SSMQ_NUMERICS_VERSION, code, be->ops->name, be->tier, be->device);
    for (int32_t i = 0; i < n; i++)
        if (strncmp(file[i].role, "model/", strlen("model/")) == 0)
            ssmq_str_printf(&text, "%s %s\n", file[i].role, file[i].sha256);
    const char *copy = ssmq_arena_strdup(arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

ssmq_hidden_cache *ssmq_hidden_cache_new(const char *folder, const char *identity, const ssmq_log *log)
{
    ssmq_arena        *arena = ssmq_arena_new();
    ssmq_hidden_cache *c = ssmq_arena_alloc(arena, sizeof *c);
    *c = (ssmq_hidden_cache){.arena = arena,
                             .folder = ssmq_arena_strdup(arena, folder),
                             .identity = ssmq_arena_strdup(arena, identity),
                             .log = log};
    ssmq_own_names_sweep(folder);
    return c;
}

void ssmq_hidden_cache_free(ssmq_hidden_cache *c)
{
    if (c) ssmq_arena_free(c->arena);
}

/* ---- a window's file ----------------------------------------------------------------------- */

typedef struct place {
    char        key[SSMQ_SHA256_HEX];
    ssmq_str    path;
    const char *text; /* of path */
} place;

/* Its path, with something behind it, is to be freed: a text has thousands of windows. */
static place place_of(const ssmq_hidden_cache *c, const ssmq_hidden_window *w, const char *behind)
{
    static const char resets[] = "states begin anew after";
    place             p = {.text = NULL};
    ssmq_sha256      *h = ssmq_sha256_new();
    const int64_t     piece = w->piece < w->n ? w->piece : w->n;
    ssmq_sha256_add(h, c->identity, strlen(c->identity));
    ssmq_sha256_add(h, &piece, sizeof piece);
    if (w->reset > 0 && w->reset < w->n) { /* letters, which are no tokens */
        ssmq_sha256_add(h, resets, sizeof resets);
        ssmq_sha256_add(h, &w->reset, sizeof w->reset);
    }
    ssmq_sha256_add(h, w->token, (size_t)w->n * sizeof *w->token);
    ssmq_sha256_finish(h, p.key);
    ssmq_str_printf(&p.path, "%s/%.32s.hidden%s", c->folder, p.key, behind);
    p.text = ssmq_str_text(&p.path);
    return p;
}

static void warn(const ssmq_hidden_cache *c, const char *message)
{
    SSMQ_LOG_LINE(c->log, WARNING, message, SSMQ_LOG_T("reason", ssmq_error_last()->message));
    ssmq_error_clear();
}

bool ssmq_hidden_cache_has(const ssmq_hidden_cache *c, const ssmq_hidden_window *w)
{
    place      p = place_of(c, w, "");
    const bool has = access(p.text, F_OK) == 0;
    ssmq_str_free(&p.path);
    return has;
}

static bool open_file(const ssmq_hidden_cache *c, const place *p, const ssmq_hidden_window *w, bool sum,
                      ssmq_hidden_file *out)
{
    if (access(p->text, F_OK) != 0) return false;
    if (ssmq_hidden_file_open(p->text, p->key, sum, out) != SSMQ_OK) {
        warn(c, "stored hidden states are of no use; running the float model again");
        (void)unlink(p->text);
        return false;
    }
    SSMQ_ASSERT(out->n == w->n);
    ssmq_cache_used(p->text);
    return true;
}

bool ssmq_hidden_cache_open(ssmq_hidden_cache *c, const ssmq_hidden_window *w, bool sum, ssmq_hidden_file *out)
{
    place      p = place_of(c, w, "");
    const bool opened = open_file(c, &p, w, sum, out);
    ssmq_str_free(&p.path);
    return opened;
}

void ssmq_hidden_cache_put(ssmq_hidden_cache *c, const ssmq_hidden_window *w, const float *row, int64_t width)
{
    if (c->full) return;
    place       p = place_of(c, w, "");
    ssmq_status st = ssmq_make_directory(c->folder);
    if (st == SSMQ_OK) st = ssmq_hidden_file_write(p.text, p.key, row, w->n, width);
    ssmq_str_free(&p.path);
    if (st == SSMQ_OK) return;
    c->full = true;
    warn(c, "hidden states were not stored; the float model runs beside each run");
}

bool ssmq_hidden_cache_full(const ssmq_hidden_cache *c)
{
    return c->full;
}

/* ---- one process at a time ------------------------------------------------------------------ */

bool ssmq_hidden_cache_turn(ssmq_hidden_cache *c, const ssmq_hidden_window *w, ssmq_lease **lease)
{
    place p = place_of(c, w, ".lease");
    bool  ours = true;
    *lease = NULL;
    if (ssmq_make_directory(c->folder) == SSMQ_OK && ssmq_lease_take(p.text, (int64_t)time(NULL), lease) != SSMQ_OK)
        ours = !ssmq_turn_held(p.text);
    ssmq_error_clear(); /* what cannot be filed is told when it is */
    ssmq_str_free(&p.path);
    return ours;
}

ssmq_status ssmq_hidden_cache_wait(const ssmq_hidden_cache *c, const ssmq_hidden_window *w,
                                   const ssmq_listener *listener)
{
    place             p = place_of(c, w, ".lease");
    const ssmq_status st = ssmq_turn_wait(p.text, "waiting for another process's float model", listener);
    ssmq_str_free(&p.path);
    return st;
}
