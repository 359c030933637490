/* Bytes that come in pieces to text that can be shown: whole characters only, and nothing of a stop text. */
#pragma once
#include <stdbool.h>
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_text_stream {
    const char *const *stop; /* texts that end it, NULL-terminated; NULL: none.  An empty one stops nothing */
    void (*show)(void *context, const char *text, size_t n);
    void    *context;
    ssmq_str held; /* not shown yet: a character cut short, or what may become a stop text */
} ssmq_text_stream;

/* Shows what is certain by now; true if a stop text was met: it and what follows are not shown.  Bytes that are
 * no UTF-8 become U+FFFD, one for each. */
bool ssmq_text_stream_put(ssmq_text_stream *s, const char *bytes, size_t n);
/* Shows what is held, since nothing follows, and releases it. */
void ssmq_text_stream_end(ssmq_text_stream *s);

#ifdef __cplusplus
}
#endif
