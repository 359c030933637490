#include "harness/run/code.h"
#include <string.h>
#include "harness/base/hash.h"

static bool is_commit(const ssmq_build *build)
{
    return !build->dirty && strlen(build->commit) == 40;
}

const char *ssmq_code_of(const ssmq_build *build, const char *program, ssmq_arena *arena)
{
    char sum[SSMQ_SHA256_HEX];
    if (is_commit(build)) return build->commit;
    if (ssmq_sha256_file(program, sum) != SSMQ_OK) {
        ssmq_error_clear();
        return build->commit;
    }
    return ssmq_arena_printf(arena, "%s changed, program %.16s", build->commit, sum);
}

const char *ssmq_code_key(const ssmq_build *build, const char *program, ssmq_arena *arena)
{
    return is_commit(build) ? "" : ssmq_arena_printf(arena, "code %s\n", ssmq_code_of(build, program, arena));
}
