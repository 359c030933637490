#include "harness/base/log.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "harness/base/json.h"
#include "harness/base/str.h"

const char *const ssmq_log_levels[] = {"error", "warning", "info", "debug", NULL};

void ssmq_log_to_file(void *context, const char *line, size_t n)
{
    /* One call for a line, so that lines of several threads do not mix. */
    (void)fwrite(line, 1, n, context);
    (void)fflush(context);
}

bool ssmq_log_level_of(const char *name, ssmq_log_level *out)
{
    for (int i = 0; ssmq_log_levels[i]; i++) {
        if (strcmp(name, ssmq_log_levels[i]) != 0) continue;
        *out = (ssmq_log_level)i;
        return true;
    }
    return false;
}

static bool needs_quotes(const char *text)
{
    if (!*text) return true;
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || strchr("\"\\=\x7f", *text)) return true;
    return false;
}

static void put_text(ssmq_str *out, const char *text)
{
    if (!needs_quotes(text)) {
        ssmq_str_puts(out, text);
        return;
    }
    ssmq_str_puts(out, "\"");
    for (; *text; text++) {
        const char c = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
        if (c == '"' || c == '\\') ssmq_str_puts(out, "\\");
        ssmq_str_append(out, &c, 1);
    }
    ssmq_str_puts(out, "\"");
}

static void put_field(ssmq_str *out, const ssmq_log_field *f)
{
    char real[SSMQ_REAL_TEXT];
    ssmq_str_printf(out, " %s=", f->key);
    switch (f->kind) {
    case SSMQ_LOG_KIND_TEXT:
        if (f->text) put_text(out, f->text);
        else ssmq_str_puts(out, "null");
        break;
    case SSMQ_LOG_KIND_INT: ssmq_str_printf(out, "%" PRId64, f->whole); break;
    case SSMQ_LOG_KIND_REAL:
        ssmq_real_text(f->real, real);
        ssmq_str_puts(out, real);
        break;
    case SSMQ_LOG_KIND_END: break;
    }
}

static void put_time(ssmq_str *out)
{
    const time_t now = time(NULL);
    struct tm    utc;
    char         text[32];
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    ssmq_str_printf(out, "time=%s ", text);
}

void ssmq_log_write(const ssmq_log *log, ssmq_log_level level, const char *event,
                    const ssmq_log_field *field)
{
    if (!log || !log->sink || level > log->level) return;
    ssmq_str line = {0};
    if (log->dated) put_time(&line);
    ssmq_str_printf(&line, "level=%s event=", ssmq_log_levels[level]);
    put_text(&line, event);
    for (; field->kind != SSMQ_LOG_KIND_END; field++) put_field(&line, field);
    ssmq_str_puts(&line, "\n");
    log->sink(log->context, ssmq_str_text(&line), line.length);
    ssmq_str_free(&line);
}
