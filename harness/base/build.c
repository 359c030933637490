#include "harness/base/build.h"
#include "ssmq_build.h"

const ssmq_build *ssmq_build_info(void)
{
    static const ssmq_build build = {
        .version = SSMQ_BUILD_VERSION,
        .commit = SSMQ_BUILD_COMMIT,
        .dirty = SSMQ_BUILD_DIRTY,
        .compiler = SSMQ_BUILD_COMPILER,
        .flags = SSMQ_BUILD_FLAGS,
        .type = SSMQ_BUILD_TYPE,
    };
    return &build;
}
