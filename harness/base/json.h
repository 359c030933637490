/* JSON: documents that someone else wrote, read through jansson by accessors whose messages name
 * file and key; and one emitter, whose output is the same for the same content. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_t; /* jansson's */

/* ---- reading ---- */

/* A document whose root is an object.  Duplicate keys are refused. */
typedef struct ssmq_json {
    char          *path; /* for messages */
    struct json_t *root;
} ssmq_json;

/* Reads a file of at most limit bytes; INPUT, with line and column, if it is no JSON object. */
SSMQ_MUST_USE ssmq_status ssmq_json_open(const char *path, size_t limit, ssmq_json *out);
/* The same from memory; path is for messages only. */
SSMQ_MUST_USE ssmq_status ssmq_json_parse(const char *path, const char *text, size_t n,
                                          ssmq_json *out);
void                      ssmq_json_close(ssmq_json *j); /* accepts an empty one */

/* Accessors.  key may be dotted, "ssm_cfg.d_state".  A missing key, or null, leaves *out as it is
 * (so put the default there first) unless required; a value of another type is INPUT. */
bool ssmq_json_has(const ssmq_json *j, const char *key);     /* present and not null */
bool ssmq_json_is_text(const ssmq_json *j, const char *key); /* present and a string */
/* Elements of an array or members of an object; 0 for anything else. */
int64_t ssmq_json_size(const ssmq_json *j, const char *key);
SSMQ_MUST_USE ssmq_status ssmq_json_int(const ssmq_json *j, const char *key, bool required,
                                        int64_t min, int64_t max, int64_t *out);
SSMQ_MUST_USE ssmq_status ssmq_json_real(const ssmq_json *j, const char *key, bool required,
                                         double *out);
SSMQ_MUST_USE ssmq_status ssmq_json_bool(const ssmq_json *j, const char *key, bool required,
                                         bool *out);
/* The text lives as long as the document. */
SSMQ_MUST_USE ssmq_status ssmq_json_text(const ssmq_json *j, const char *key, bool required,
                                         const char **out);

/* ---- writing ---- */

#define SSMQ_JSON_DEPTH_MAX 32

/* Appends to out: objects keep the order in which keys are written, indented by two spaces; with
 * compact, everything on one line.  Real numbers are the shortest decimal that reads back to
 * the same double; what is not finite is written as null. */
typedef struct ssmq_json_writer {
    ssmq_str *out;
    bool      compact;
    int32_t   depth;
    bool      any[SSMQ_JSON_DEPTH_MAX]; /* has this level an element yet? */
} ssmq_json_writer;

/* key: NULL inside an array and for the root. */
void ssmq_json_begin_object(ssmq_json_writer *w, const char *key);
void ssmq_json_end_object(ssmq_json_writer *w);
void ssmq_json_begin_array(ssmq_json_writer *w, const char *key);
void ssmq_json_end_array(ssmq_json_writer *w);
void ssmq_json_put_text(ssmq_json_writer *w, const char *key, const char *value); /* NULL: null */
void ssmq_json_put_int(ssmq_json_writer *w, const char *key, int64_t value);
void ssmq_json_put_real(ssmq_json_writer *w, const char *key, double value);
void ssmq_json_put_bool(ssmq_json_writer *w, const char *key, bool value);
void ssmq_json_put_null(ssmq_json_writer *w, const char *key);

/* The shortest decimal that reads back to the same double, "nan", "inf" or "-inf" otherwise; always
 * with a "." or an exponent.  The canonical form of a number wherever ssmq writes one as text. */
#define SSMQ_REAL_TEXT 32
void ssmq_real_text(double value, char text[SSMQ_REAL_TEXT]);

#ifdef __cplusplus
}
#endif
