/* Clocks: UTC for what people read, a monotonic one for durations. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_UTC_TEXT 21 /* characters of "2026-01-31T23:59:59Z", with the final 0 */

/* The time as ISO 8601 in UTC, to the second. */
void ssmq_utc_now(char text[SSMQ_UTC_TEXT]);
/* The same for a number of seconds since 1970; "1970-01-01T00:00:00Z" for years beyond 0 to
 * 9999. */
void ssmq_utc_text(int64_t seconds, char text[SSMQ_UTC_TEXT]);

/* Seconds since some fixed moment; never goes back, whatever is done to the system's clock. */
double ssmq_monotonic_s(void);

/* Seconds of processor time that this process has used, all threads together. */
double ssmq_cpu_time_s(void);

#ifdef __cplusplus
}
#endif
