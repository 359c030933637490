/* A file that says who writes into a folder; taken and given back by harness/store/rundir.c.
 *
 * It holds host, boot, process and when the process began, so that a number used again is not taken
 * for the process that had it before.  Its time of change is the heartbeat. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"

#define SSMQ_LEASE_STALE_S 600 /* without heartbeat, a process of another host counts as dead */

typedef struct ssmq_lease ssmq_lease;

/* Takes PATH; HELD, naming host and process and when it was last heard, if a living one holds it; IO.  now: the file system's
 * idea of the time, in seconds since 1970, as its clock may differ from this host's. */
SSMQ_MUST_USE ssmq_status ssmq_lease_take(const char *path, int64_t now, ssmq_lease **out);
/* Sets the time of change; IO if the lease is no longer ours. */
SSMQ_MUST_USE ssmq_status ssmq_lease_beat(ssmq_lease *l);
/* Removes the file if it is still ours; accepts NULL. */
void ssmq_lease_release(ssmq_lease *l);

/* Who holds a lease, as far as can be told from here. */
typedef struct ssmq_lease_holder {
    bool    alive;
    char    host[256]; /* "": it has not written its name yet */
    int64_t pid;
    int64_t silent_s;  /* since the last heartbeat, in seconds  */
} ssmq_lease_holder;

/* Looks without taking; false if there is no such file.  now as above. */
bool ssmq_lease_look(const char *path, int64_t now, ssmq_lease_holder *out);
