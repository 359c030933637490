#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/data/tokenizer.h"

void ssmq_ids_append(ssmq_ids *ids, const int32_t *id, int64_t n)
{
    if (ids->length + n > ids->capacity) {
        int64_t capacity = ids->capacity ? ids->capacity : 256;
        while (capacity < ids->length + n) capacity *= 2;
        ids->data = ssmq_must_realloc(ids->data, (size_t)capacity * sizeof *ids->data);
        ids->capacity = capacity;
    }
    if (n > 0) memcpy(ids->data + ids->length, id, (size_t)n * sizeof *id);
    ids->length += n;
}

void ssmq_ids_clear(ssmq_ids *ids)
{
    ids->length = 0;
}

void ssmq_ids_free(ssmq_ids *ids)
{
    free(ids->data);
    *ids = (ssmq_ids){0};
}

void ssmq_ids_hash(const int32_t *id, int64_t n, ssmq_sha256 *h)
{
    unsigned char bytes[4096];
    size_t        length = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < 4; k++) bytes[length++] = (unsigned char)((uint32_t)id[i] >> (8 * k));
        if (length < sizeof bytes && i + 1 < n) continue;
        ssmq_sha256_add(h, bytes, length);
        length = 0;
    }
}
