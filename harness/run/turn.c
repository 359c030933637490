#include "harness/run/turn.h"
#include <time.h>

#define PAUSE_NS 50000000 /* between two looks at a lease */

bool ssmq_turn_held(const char *lease)
{
    ssmq_lease_holder holder;
    return ssmq_lease_look(lease, (int64_t)time(NULL), &holder) && holder.alive;
}

ssmq_status ssmq_turn_wait(const char *lease, const char *task, const ssmq_listener *listener)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    ssmq_status                  st = SSMQ_OK;
    ssmq_tell_begin(listener, task, "");
    while (st == SSMQ_OK && ssmq_turn_held(lease)) {
        nanosleep(&pause, NULL);
        ssmq_tell_update(listener, 0, -1);
        st = ssmq_may_go_on(listener);
    }
    ssmq_tell_end(listener);
    return st;
}
