#include "harness/cli/commands.h"
#include <stdlib.h>

ssmq_status ssmq_command_log(ssmq_log *out)
{
    const char    *name = getenv("SSMQ_LOG");
    ssmq_log_level level = SSMQ_LOG_WARNING;
    if (name && *name && !ssmq_log_level_of(name, &level))
        return SSMQ_FAIL(USAGE, "SSMQ_LOG is '%s', not one of error, warning, info, debug", name);
    *out = (ssmq_log){.level = level, .sink = ssmq_log_to_file, .context = stderr};
    return SSMQ_OK;
}
