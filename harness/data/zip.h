/* The directory of a ZIP archive, for torch_zip.c: where the bytes of each entry lie.  Only entries
 * that are stored as they are (not compressed, not encrypted) are taken, as PyTorch writes
 * them, so that they can be used in place.  ZIP64 is read; checksums are not verified (PyTorch can
 * leave them out).  Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.5.3. */
#pragma once
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/file.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_zip_entry {
    const char *name;
    uint64_t    header; /* offset of its local header in the file */
    uint64_t    offset; /* of its bytes                           */
    uint64_t    size;   /* bytes                                  */
} ssmq_zip_entry;

typedef struct ssmq_zip {
    ssmq_zip_entry *entry; /* sorted by name; in the arena */
    int64_t         n;
} ssmq_zip;

/* Reads the directory of the mapped file `path`.  INPUT, naming file and entry, for what is
 * damaged, cut short, compressed, encrypted, split, or has entries that overlap or share a
 * name. */
SSMQ_MUST_USE ssmq_status ssmq_zip_read(const char *path, const ssmq_mapping *m, ssmq_arena *a,
                                        ssmq_zip *out);

/* The entry of that name; NULL if there is none. */
const ssmq_zip_entry *ssmq_zip_find(const ssmq_zip *z, const char *name);

#ifdef __cplusplus
}
#endif
