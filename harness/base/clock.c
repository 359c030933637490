#include "harness/base/clock.h"
#include <string.h>
#include <time.h>

void ssmq_utc_text(int64_t seconds, char text[SSMQ_UTC_TEXT])
{
    const time_t t = (time_t)seconds;
    struct tm    utc;
    /* A year of more than four digits would not fit, and no clock that is set right shows one. */
    if (!gmtime_r(&t, &utc) || utc.tm_year + 1900 < 0 || utc.tm_year + 1900 > 9999 ||
        strftime(text, SSMQ_UTC_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc) != SSMQ_UTC_TEXT - 1)
        memcpy(text, "1970-01-01T00:00:00Z", SSMQ_UTC_TEXT);
}

void ssmq_utc_now(char text[SSMQ_UTC_TEXT])
{
    ssmq_utc_text((int64_t)time(NULL), text);
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t); /* with these clocks it cannot fail */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double ssmq_monotonic_s(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double ssmq_cpu_time_s(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}
