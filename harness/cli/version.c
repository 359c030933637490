#include "harness/cli/version.h"
#include <inttypes.h>
#include <string.h>
#include "harness/base/build.h"
#include "harness/run/experiment/catalogue.h"
#include "harness/store/host.h"

static void print_build(FILE *out)
{
    const ssmq_build *b = ssmq_build_info();
    fprintf(out, "ssmq %s\n", b->version);
    fprintf(out, "commit    %s%s\n", b->commit, b->dirty ? ", with local changes" : "");
    fprintf(out, "compiler  %s\n", b->compiler);
    fprintf(out, "build     %s, %s\n", b->type, b->flags);
}

static void print_machine(FILE *out)
{
    ssmq_machine m;
    ssmq_machine_read(&m);
    fprintf(out, "cpu       %s, %" PRId32 " cores\n", m.cpu, m.cores);
    fprintf(out, "features  %s\n", *m.features ? m.features : "none known");
    fprintf(out, "system    %s, %s\n", m.os, m.kernel);
}

static void print_libraries(FILE *out)
{
    ssmq_library  library[SSMQ_LIBRARY_MAX];
    const int32_t n = ssmq_libraries_list(library);
    for (int32_t i = 0; i < n; i++) {
        const ssmq_library *l = &library[i];
        fprintf(out, "%-9s %-9s %s", i ? "" : "libraries", l->name, l->runtime);
        if (*l->header && strcmp(l->header, l->runtime) != 0)
            fprintf(out, " (compiled against %s)", l->header);
        if (*l->detail) fprintf(out, " (%s)", l->detail);
        fprintf(out, "\n");
    }
}

/* ---- backends -------------------------------------------------------------------------- */

/* Opens the backend with these options; its tier into tier, "" where this machine cannot run it. */
static ssmq_status find_tier(const ssmq_backend_ops *ops, const void *options, char tier[32])
{
    ssmq_backend     *be;
    const ssmq_status st = ssmq_backend_open(ops, options, 1, &be);
    tier[0] = '\0';
    if (st == SSMQ_ERR_UNSUPPORTED) {
        ssmq_error_clear();
        return SSMQ_OK;
    }
    SSMQ_TRY(st);
    snprintf(tier, 32, "%s", be->tier);
    ssmq_backend_close(be);
    return SSMQ_OK;
}

/* Tiers by trying each value of every option of words. */
static ssmq_status print_tiers(const ssmq_backend_ops *ops, void *options, FILE *out)
{
    char tier[32];
    for (const ssmq_option *o = ops->options; o && o->name; o++) {
        if (o->type != SSMQ_OPTION_CHOICE) continue;
        int      *field = (void *)((char *)options + o->offset);
        const int by_default = *field;
        fprintf(out, "; %s:", o->name);
        for (*field = 0; o->choices[*field]; (*field)++) {
            SSMQ_TRY(find_tier(ops, options, tier));
            if (*tier && strcmp(tier, o->choices[*field]) == 0)
                fprintf(out, " %s", o->choices[*field]);
        }
        *field = by_default;
    }
    return SSMQ_OK;
}

static ssmq_status print_backend(const ssmq_backend_ops *ops, ssmq_arena *arena, FILE *out)
{
    char                      tier[32];
    ssmq_diag                *diag = ssmq_diag_new();
    const ssmq_option_context cx = {.arena = arena, .diag = diag};
    void                     *options = ssmq_arena_alloc(arena, ops->options_size);
    const bool                read = ssmq_options_read(&cx, ops->options, NULL, ops->name, options);
    ssmq_diag_free(diag);
    if (!read) return SSMQ_FAIL(CONFIG, "the backend %s has options without defaults", ops->name);
    SSMQ_TRY(find_tier(ops, options, tier));
    fprintf(out, "%-4s %s", ops->name, *tier ? tier : "not on this machine");
    SSMQ_TRY(print_tiers(ops, options, out));
    fprintf(out, "\n");
    return SSMQ_OK;
}

static ssmq_status print_backends(const ssmq_catalogue *cat, FILE *out)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_status st = SSMQ_OK;
    for (int i = 0; cat->backends[i] && st == SSMQ_OK; i++) {
        fprintf(out, "%-9s ", i ? "" : "backends");
        st = print_backend(cat->backends[i], arena, out);
    }
    ssmq_arena_free(arena);
    return st;
}

ssmq_status ssmq_version_print(const ssmq_catalogue *cat, FILE *out)
{
    print_build(out);
    print_machine(out);
    print_libraries(out);
    return print_backends(cat, out);
}
