/* All of an HDF5 file read once, for `ssmq verify`: what cannot be read, and what is compared with the
 * files beside it.  To be called in a process of its own (harness/base/child.h): HDF5 1.10 has been
 * seen to crash on damaged files. */
#pragma once
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Appends a JSON object: "problems" (a text each), and, where the file has them, "conventions", "run_id",
 * "mode", "config_sha256" (of /meta/resolved_config), "provenance" (its text) and "evaluations", with "id",
 * "nll" (of its summary) and "mean_nll" (of its windows) each. */
void ssmq_examine_file(const char *path, ssmq_str *out);

#ifdef __cplusplus
}
#endif
