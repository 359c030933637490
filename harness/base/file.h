/* Files: mapped read-only, read as streams (zstd told from the name), and written so that a
 * reader sees the whole of a file or none of it. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A whole file mapped read-only and shared between processes. */
typedef struct ssmq_mapping {
    const uint8_t *data; /* NULL for an empty file */
    size_t         size; /* bytes */
} ssmq_mapping;

/* INPUT, with the system's reason, if the file is missing, unreadable or no regular file. */
SSMQ_MUST_USE ssmq_status ssmq_map_open(const char *path, ssmq_mapping *out);
void                      ssmq_map_close(ssmq_mapping *m); /* accepts an empty one */
/* Says that the pages from offset on (bytes) are not needed soon: they no longer count as resident. */
void ssmq_map_forget(const ssmq_mapping *m, size_t offset, size_t bytes);

/* The whole file as a string; INPUT as above, or if it is larger than limit bytes. */
SSMQ_MUST_USE ssmq_status ssmq_file_read(const char *path, size_t limit, ssmq_str *out);

/* A stream of bytes out of a file, decompressed where its name ends in ".zst". */
typedef struct ssmq_stream ssmq_stream;
SSMQ_MUST_USE ssmq_status ssmq_stream_open(const char *path, ssmq_stream **out);
/* Up to n bytes; *got is 0 at the end.  INPUT if the compressed data are damaged or cut short. */
SSMQ_MUST_USE ssmq_status ssmq_stream_read(ssmq_stream *s, char *bytes, size_t n, size_t *got);
/* How much of the file, as stored, was taken in so far: 0..1, for progress. */
double                    ssmq_stream_fraction(const ssmq_stream *s);
void                      ssmq_stream_close(ssmq_stream *s); /* accepts NULL */

/* Writes text to PATH.part, synced, and renames it to PATH, replacing what was there. */
SSMQ_MUST_USE ssmq_status ssmq_file_write(const char *path, const char *text, size_t n);
/* Syncs the closed file PART and its folder, and renames it to PATH. */
SSMQ_MUST_USE ssmq_status ssmq_file_seal(const char *part, const char *path);
/* Makes a directory and its missing parents; an existing one is fine. */
SSMQ_MUST_USE ssmq_status ssmq_make_directory(const char *path);

/* The folder of path, "." where it has none; appended to out. */
void ssmq_path_folder(const char *path, ssmq_str *out);
/* target as seen from the folder of the file base: absolute targets stay as they are. */
void ssmq_path_beside(const char *base, const char *target, ssmq_str *out);

#ifdef __cplusplus
}
#endif
