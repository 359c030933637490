#include "harness/base/interrupt.h"
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define ONE_S 0.1

static const struct {
    int         signal;
    const char *name;
} caught[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGUSR1, "SIGUSR1"}};
#define N_CAUGHT (sizeof caught / sizeof *caught)

/* A handler has no other place to write to. */
static volatile sig_atomic_t noted;
static struct timespec       noted_at;

static bool is_again(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - noted_at.tv_sec) + 1e-9 * (double)(now.tv_nsec - noted_at.tv_nsec) > ONE_S;
}

/* All of them are blocked while it runs. */
static void note(int signal_number)
{
    if (!noted) {
        clock_gettime(CLOCK_MONOTONIC, &noted_at);
        noted = signal_number;
    } else if (signal_number == SIGINT && is_again()) {
        signal(signal_number, SIG_DFL);
        raise(signal_number); /* once this function has returned */
    }
}

void ssmq_interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART}, old;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < N_CAUGHT; i++) sigaddset(&action.sa_mask, caught[i].signal);
    for (size_t i = 0; i < N_CAUGHT; i++)
        if (sigaction(caught[i].signal, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(caught[i].signal, &action, NULL);
}

const volatile sig_atomic_t *ssmq_interrupt_signal(void)
{
    return &noted;
}

const char *ssmq_interrupt_name(int signal)
{
    for (size_t i = 0; i < N_CAUGHT; i++)
        if (caught[i].signal == signal) return caught[i].name;
    return "a signal";
}
