/* A log: lines of key=value that a person and a program can read,
 *     level=warning event="scale of zero" site=layers.3.scan.x
 * to a sink.  A log is a value that is passed on; nothing is logged behind anybody's back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_log_level {
    SSMQ_LOG_ERROR,
    SSMQ_LOG_WARNING,
    SSMQ_LOG_INFO,
    SSMQ_LOG_DEBUG,
} ssmq_log_level;

/* "error", "warning", "info", "debug", NULL; indexed by ssmq_log_level. */
extern const char *const ssmq_log_levels[];

typedef struct ssmq_log {
    ssmq_log_level level; /* what is less urgent is left out                                  */
    bool           dated; /* each line begins with time=2026-01-31T23:59:59Z                  */
    /* Takes one whole line, its line break included; NULL: nothing is logged. */
    void (*sink)(void *context, const char *line, size_t n);
    void *context;
} ssmq_log;

/* A sink whose context is a FILE *; a write that is not possible is passed over. */
void ssmq_log_to_file(void *context, const char *line, size_t n);

/* The level of that name; false if there is none. */
bool ssmq_log_level_of(const char *name, ssmq_log_level *out);

typedef enum ssmq_log_kind {
    SSMQ_LOG_KIND_END,
    SSMQ_LOG_KIND_TEXT,
    SSMQ_LOG_KIND_INT,
    SSMQ_LOG_KIND_REAL,
} ssmq_log_kind;

typedef struct ssmq_log_field {
    const char   *key; /* a plain word */
    ssmq_log_kind kind;
    const char   *text; /* NULL is written as null */
    int64_t       whole;
    double        real;
} ssmq_log_field;

/* Writes one line; the fields end with one of kind END.  log may be NULL.  Texts are quoted where
 * they hold blanks, quotes or "="; control characters in them become blanks. */
void ssmq_log_write(const ssmq_log *log, ssmq_log_level level, const char *event,
                    const ssmq_log_field *field);

/* SSMQ_LOG_LINE(log, INFO, "calibrated", SSMQ_LOG_I("samples", n), SSMQ_LOG_R("seconds", s));
 * at least one field. */
#define SSMQ_LOG_T(key, value) {(key), SSMQ_LOG_KIND_TEXT, (value), 0, 0}
#define SSMQ_LOG_I(key, value) {(key), SSMQ_LOG_KIND_INT, NULL, (value), 0}
#define SSMQ_LOG_R(key, value) {(key), SSMQ_LOG_KIND_REAL, NULL, 0, (value)}
#define SSMQ_LOG_LINE(log, level, event, ...)         \
    ssmq_log_write((log), SSMQ_LOG_##level, (event),  \
                   (const ssmq_log_field[]){__VA_ARGS__, {NULL, SSMQ_LOG_KIND_END, NULL, 0, 0}})

#ifdef __cplusplus
}
#endif
