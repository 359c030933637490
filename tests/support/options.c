#include "tests/support/options.h"
#include <string.h>
#include "harness/run/experiment/observer_option.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"

void *test_options(ssmq_arena *arena, const ssmq_option *table, size_t size, const char *text)
{
    ssmq_diag          *diag = ssmq_diag_new();
    ssmq_option_context cx = {.arena = arena,
                              .diag = diag,
                              .user = &test_catalogue,
                              .observer_read = ssmq_observer_read,
                              .observer_tree = ssmq_observer_tree};
    void               *options = ssmq_arena_alloc(arena, size ? size : 1);
    ssmq_yaml          *given = NULL;
    if (text) {
        ssmq_origin *source = ssmq_arena_alloc(arena, sizeof *source);
        *source = (ssmq_origin){.name = "test", .text = text, .length = strlen(text)};
        given = ssmq_yaml_parse(arena, source, 0, diag);
    }
    if (!ssmq_options_read(&cx, table, given, "options", options)) {
        ssmq_str problems = {0};
        ssmq_diag_render(diag, &problems);
        fail_msg("%s", ssmq_str_text(&problems));
    }
    ssmq_diag_free(diag);
    return options;
}
