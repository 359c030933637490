/* What the largest calibration sample counted for in a run, for show. */
#pragma once
#include "harness/base/json.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A line for each step of the run in a directory that has one; nothing where none has, or there is no run.h5. */
void ssmq_weights_text(const char *directory, ssmq_str *out);
/* The same as a list "calibration" of the object under way. */
void ssmq_weights_json(const char *directory, ssmq_json_writer *w);

#ifdef __cplusplus
}
#endif
