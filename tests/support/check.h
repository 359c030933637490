/* What tests of several tiers share: statuses with their messages, and relative errors. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "harness/base/error.h"

/* The call succeeds; otherwise the test fails with its message. */
#define CHECK_OK(call)                                                                   \
    do {                                                                                 \
        const ssmq_status check_ = (call);                                               \
        if (check_ != SSMQ_OK)                                                           \
            fail_msg("%s: %s", ssmq_status_name(check_), ssmq_error_last()->message);    \
    } while (0)

/* The call returns this status with exactly this message. */
#define CHECK_FAILS(call, status, text)                              \
    do {                                                             \
        const ssmq_status check_ = (call);                           \
        assert_string_equal(ssmq_status_name(check_), ssmq_status_name(status)); \
        assert_string_equal(ssmq_error_last()->message, (text));     \
    } while (0)

/* The same, of a message that contains a text. */
#define CHECK_FAILS_WITH(call, status, text)                         \
    do {                                                             \
        const ssmq_status check_ = (call);                           \
        assert_string_equal(ssmq_status_name(check_), ssmq_status_name(status)); \
        if (!strstr(ssmq_error_last()->message, (text)))             \
            fail_msg("'%s' is not in '%s'", (text), ssmq_error_last()->message); \
    } while (0)

/* max |a - b| / max |b| over n values. */
double check_relative(const float *a, const double *b, int64_t n);
