/* Profiles in HDF5: timings, which never repeat, in files of their own (layout: analysis/README.md). */
#pragma once
#include "harness/run/profile/profile.h"
#include "harness/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* /profile/ID of a file that is being written; the id is unique in it.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_profile_write(ssmq_store *s, const char *id, const ssmq_profile *p);

/* A whole file of profiles without an experiment, each under its mode's name; modes differ.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_profiles_write(const char *path, const ssmq_profile *p, int32_t n);

#ifdef __cplusplus
}
#endif
