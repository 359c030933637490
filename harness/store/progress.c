#include "harness/store/progress.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "harness/base/file.h"
#include "harness/base/yaml.h"
#include "harness/store/journal.h"

#define JOURNAL_MAX (256u << 20) /* bytes; a window takes about 120 */

int64_t ssmq_utc_seconds(const char *utc)
{
    struct tm t = {0};
    if (!utc || sscanf(utc, "%d-%d-%dT%d:%d:%dZ", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
                       &t.tm_sec) != 6)
        return -1;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    return (int64_t)timegm(&t);
}

typedef struct reader {
    const char       *stage;
    int64_t           since;    /* when the stage was begun, or went on */
    int64_t           computed; /* pieces since then                    */
    ssmq_run_progress p;
} reader;

/* "tokenising wt2: 400 windows" is said before the windows are run. */
static int64_t windows_of(const char *what, const char *stage)
{
    int64_t      n = -1;
    const size_t length = strlen(stage);
    const char  *at = strstr(what, stage);
    if (!at || strncmp(at + length, ": ", 2) != 0) return -1;
    return sscanf(at + length + 2, "%" SCNd64 " window", &n) == 1 ? n : -1;
}

static void read_event(reader *r, const char *event, const char *what, const char *utc)
{
    const bool begins = strcmp(event, "begin") == 0 && strcmp(what, r->stage) == 0;
    if (begins || strcmp(event, "started") == 0 || strcmp(event, "resumed") == 0) {
        r->since = ssmq_utc_seconds(utc);
        r->computed = 0;
    }
    const int64_t n = windows_of(what, r->stage);
    if (strcmp(event, "end") == 0 && n >= 0) r->p.total = n;
}

static void read_line(reader *r, const char *line, size_t n)
{
    json_t     *v = json_loadb(line, n, 0, NULL);
    const char *event = json_string_value(json_object_get(v, "event"));
    const char *what = json_string_value(json_object_get(v, "what"));
    const char *stage = json_string_value(json_object_get(v, "stage"));
    if (event && what) read_event(r, event, what, json_string_value(json_object_get(v, "time")));
    if (stage && strcmp(stage, r->stage) == 0) {
        const int64_t piece = json_integer_value(json_object_get(v, "piece"));
        if (piece >= r->p.done) r->p.done = piece + 1;
        r->computed++;
    }
    json_decref(v);
}

/* Windows that the configuration asks for, where another run of the sweep has cut the text; -1: it does not
 * say. */
static int64_t limit_of(const char *folder, const char *stage, ssmq_arena *arena)
{
    const char  *path = ssmq_arena_printf(arena, "%s/resolved.yaml", folder);
    ssmq_diag   *diag = ssmq_diag_new();
    ssmq_origin *origin = ssmq_origin_open(arena, path, (ssmq_place){0}, diag);
    ssmq_yaml   *root = origin ? ssmq_yaml_parse(arena, origin, 0, diag) : NULL, *all = NULL;
    int64_t      limit = -1;
    if (root && ssmq_diag_errors(diag) == 0) all = ssmq_yaml_get(root, "evaluate");
    for (int32_t i = 0; all && all->kind == SSMQ_YAML_LIST && i < all->n; i++) {
        const ssmq_yaml *id = ssmq_yaml_get(all->value[i], "id"), *n = ssmq_yaml_get(all->value[i], "limit");
        const ssmq_yaml *data = ssmq_yaml_get(all->value[i], "data");
        const bool       is = id && id->kind == SSMQ_YAML_SCALAR && strcmp(id->text, stage) == 0;
        /* With subsets a limit is of each of them. */
        if (is && n && ssmq_yaml_type_of(n) == SSMQ_YAML_INT && !(data && ssmq_yaml_get(data, "subset")))
            limit = ssmq_yaml_int(n);
    }
    ssmq_diag_free(diag);
    ssmq_error_clear();
    return limit;
}

ssmq_run_progress ssmq_progress_of(const char *folder, const char *stage, ssmq_arena *arena)
{
    const char *path = ssmq_arena_printf(arena, "%s/%s", folder, SSMQ_JOURNAL);
    reader      r = {.stage = stage, .since = -1, .p = {.total = -1, .eta_s = -1}};
    ssmq_str    text = {0};
    struct stat st;
    if (!stage || stat(path, &st) != 0) return r.p;
    if (ssmq_file_read(path, JOURNAL_MAX, &text) != SSMQ_OK) ssmq_error_clear();
    for (const char *line = ssmq_str_text(&text), *end; (end = strchr(line, '\n')); line = end + 1)
        read_line(&r, line, (size_t)(end - line));
    ssmq_str_free(&text);
    if (r.p.total < 0 && r.p.done > 0) r.p.total = limit_of(folder, stage, arena);
    const int64_t elapsed = (int64_t)st.st_mtime - r.since;
    if (r.since >= 0 && elapsed > 0 && r.computed > 0 && r.p.total >= r.p.done)
        r.p.eta_s = elapsed * (r.p.total - r.p.done) / r.computed;
    return r.p;
}
