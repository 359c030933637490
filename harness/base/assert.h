/* Assertions are for our own mistakes, never for a user's.  SSMQ_ASSERT is on in every build;
 * SSMQ_DEBUG_ASSERT, for hot paths, only where NDEBUG is not defined. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* Prints the condition and its place to stderr and aborts. */
void ssmq_assert_failed(const char *condition, const char *file, int line, const char *func)
    __attribute__((noreturn, cold));

#define SSMQ_ASSERT(condition) \
    ((condition) ? (void)0 : ssmq_assert_failed(#condition, __FILE__, __LINE__, __func__))

#ifdef NDEBUG
#define SSMQ_DEBUG_ASSERT(condition) ((void)sizeof(condition))
#else
#define SSMQ_DEBUG_ASSERT(condition) SSMQ_ASSERT(condition)
#endif

#ifdef __cplusplus
}
#endif
