#include "harness/store/summed.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/file.h"
#include <stdbool.h>
#include "harness/base/hash.h"

static void sum_text(const char hex[SSMQ_SHA256_HEX], char text[SSMQ_SUM_BYTES + 1])
{
    snprintf(text, SSMQ_SUM_BYTES + 1, "sha256:%s\n", hex);
}

ssmq_status ssmq_summed_append(const char *path)
{
    char hex[SSMQ_SHA256_HEX], text[SSMQ_SUM_BYTES + 1];
    SSMQ_TRY(ssmq_sha256_file(path, hex));
    sum_text(hex, text);
    FILE *f = fopen(path, "ab");
    bool  fine = f && fputs(text, f) >= 0;
    if (f) fine = fclose(f) == 0 && fine;
    return fine ? SSMQ_OK : SSMQ_FAIL(IO, "%s: %s", path, strerror(errno));
}

ssmq_status ssmq_summed_check(const char *path)
{
    ssmq_mapping m;
    char         hex[SSMQ_SHA256_HEX], text[SSMQ_SUM_BYTES + 1];
    SSMQ_TRY(ssmq_map_open(path, &m));
    bool fine = m.size > SSMQ_SUM_BYTES;
    if (fine) {
        ssmq_sha256_of(m.data, m.size - SSMQ_SUM_BYTES, hex);
        sum_text(hex, text);
        fine = memcmp(m.data + m.size - SSMQ_SUM_BYTES, text, SSMQ_SUM_BYTES) == 0;
    }
    ssmq_map_close(&m);
    if (fine) return SSMQ_OK;
    return SSMQ_FAIL(DAMAGED, "%s: is cut short or damaged: it does not end in its own SHA-256", path);
}
