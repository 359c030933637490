#include "harness/run/sweep/snapshot.h"
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/run/experiment/loader.h"
#include "harness/store/own_name.h"

#define SNAPSHOT_MAX ((size_t)64 << 20) /* bytes; 64 files of 1 MiB are a legal experiment */

bool ssmq_is_snapshot(const char *path)
{
    static const char begin[] = "{\n  \"kind\": \"" SSMQ_SNAPSHOT_KIND "\"";
    ssmq_mapping      m;
    if (ssmq_map_open(path, &m) != SSMQ_OK) {
        ssmq_error_clear();
        return false;
    }
    const bool is = m.size >= sizeof begin - 1 && memcmp(m.data, begin, sizeof begin - 1) == 0;
    ssmq_map_close(&m);
    return is;
}

/* ---- writing ------------------------------------------------------------------------------- */

static const char *absolute(const char *path, const char *directory, ssmq_arena *arena)
{
    return path[0] == '/' ? path : ssmq_arena_printf(arena, "%s/%s", directory, path);
}

static void put_files(ssmq_json_writer *w, const ssmq_experiment *e, const char *directory, ssmq_arena *arena)
{
    ssmq_json_begin_array(w, "files");
    for (int32_t i = 0; i < e->n_file; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "path", absolute(e->file[i].path, directory, arena));
        ssmq_json_put_text(w, "text", ssmq_arena_strndup(arena, e->file[i].text, e->file[i].length));
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
}

static void put_snapshot(ssmq_json_writer *w, const ssmq_experiment *e, const char *directory, ssmq_arena *arena)
{
    char mark[SSMQ_INPUT_MARK];
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "kind", SSMQ_SNAPSHOT_KIND);
    ssmq_json_put_text(w, "experiment", absolute(e->path, directory, arena));
    ssmq_json_put_text(w, "directory", directory);
    ssmq_json_begin_array(w, "set");
    for (int32_t i = 0; i < e->n_override; i++) ssmq_json_put_text(w, NULL, e->override[i]);
    ssmq_json_end_array(w);
    put_files(w, e, directory, arena);
    ssmq_json_begin_array(w, "inputs");
    for (int32_t i = 0; i < e->n_input; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "path", absolute(e->input[i]->path, directory, arena));
        ssmq_json_put_text(w, "digest", e->input[i]->digest);
        ssmq_input_mark_text(e->input[i], mark);
        ssmq_json_put_text(w, "mark", mark);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
    ssmq_json_begin_array(w, "runs");
    for (int32_t i = 0; i < e->n_run; i++) ssmq_json_put_text(w, NULL, e->run[i].id);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

/* Several may write the same content at once; the name says what is in it. */
static ssmq_status write_once(const char *path, const ssmq_str *text, ssmq_arena *arena)
{
    if (access(path, F_OK) == 0) return SSMQ_OK;
    const char *own = ssmq_own_name(arena, path);
    SSMQ_TRY(ssmq_file_write(own, ssmq_str_text(text), text->length));
    return ssmq_file_seal(own, path);
}

ssmq_status ssmq_experiment_snapshot(const ssmq_experiment *e, const char *out, bool write, ssmq_arena *arena,
                                     const char **path)
{
    char             here[PATH_MAX], digest[SSMQ_SHA256_HEX];
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    if (e->snapshot) {
        *path = e->snapshot;
        return SSMQ_OK;
    }
    if (!getcwd(here, sizeof here)) return SSMQ_FAIL(IO, "the current directory has no name: %s", strerror(errno));
    put_snapshot(&w, e, here, arena);
    ssmq_sha256_of(ssmq_str_text(&text), text.length, digest);
    const char *folder =
        ssmq_arena_printf(arena, "%s/%s/%s", absolute(out, here, arena), e->name, SSMQ_SNAPSHOT_FOLDER);
    *path = ssmq_arena_printf(arena, "%s/%.16s.json", folder, digest);
    ssmq_status st = write ? ssmq_make_directory(folder) : SSMQ_OK;
    if (write && st == SSMQ_OK) st = write_once(*path, &text, arena);
    ssmq_str_free(&text);
    return st;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Texts of an array, or of one member of each of its objects; NULL if something else is there. */
static const char *const *texts_of(const json_t *array, const char *member, ssmq_arena *arena, int32_t *n)
{
    const size_t count = json_array_size(array);
    const char **text = SSMQ_ARENA_ARRAY(arena, const char *, count + 1);
    if (!json_is_array(array) || count > INT32_MAX) return NULL;
    for (size_t i = 0; i < count; i++) {
        const json_t *v = json_array_get(array, i);
        const char   *t = json_string_value(member ? json_object_get(v, member) : v);
        if (!t) return NULL;
        text[i] = ssmq_arena_strdup(arena, t);
    }
    *n = (int32_t)count;
    return text;
}

/* What a snapshot says besides what the loader needs. */
typedef struct promise {
    const char *const *id;
    int32_t            n_id;
} promise;

static bool read_json(const json_t *root, ssmq_snapshot *f, promise *p, ssmq_arena *arena)
{
    int32_t            n_path, n_text, n_digest;
    const json_t      *files = json_object_get(root, "files"), *inputs = json_object_get(root, "inputs");
    const char        *kind = json_string_value(json_object_get(root, "kind"));
    const char        *experiment = json_string_value(json_object_get(root, "experiment"));
    const char        *directory = json_string_value(json_object_get(root, "directory"));
    const char *const *path = texts_of(files, "path", arena, &n_path);
    const char *const *text = texts_of(files, "text", arena, &n_text);
    f->override = texts_of(json_object_get(root, "set"), NULL, arena, &f->n_override);
    f->input = texts_of(inputs, "path", arena, &f->n_input);
    f->digest = texts_of(inputs, "digest", arena, &n_digest);
    f->mark = texts_of(inputs, "mark", arena, &f->n_mark);
    p->id = texts_of(json_object_get(root, "runs"), NULL, arena, &p->n_id);
    if (!kind || strcmp(kind, SSMQ_SNAPSHOT_KIND) != 0 || !experiment || !directory || !path || !text ||
        !f->override || !f->input || !f->digest || !p->id)
        return false;
    f->experiment = ssmq_arena_strdup(arena, experiment);
    f->directory = ssmq_arena_strdup(arena, directory);
    ssmq_experiment_file *file = SSMQ_ARENA_ARRAY(arena, ssmq_experiment_file, n_path);
    for (int32_t i = 0; i < n_path; i++) file[i] = (ssmq_experiment_file){path[i], text[i], strlen(text[i])};
    f->file = file;
    f->n_file = n_path;
    return true;
}

static ssmq_status read_snapshot(const char *path, ssmq_snapshot *f, promise *p, ssmq_arena *arena)
{
    ssmq_json j = {0};
    char      real[PATH_MAX];
    SSMQ_TRY(ssmq_json_open(path, SNAPSHOT_MAX, &j));
    if (!realpath(path, real)) strcpy(real, path);
    f->path = ssmq_arena_strdup(arena, real);
    const bool fine = read_json(j.root, f, p, arena);
    ssmq_json_close(&j);
    return fine ? SSMQ_OK : SSMQ_FAIL(INPUT, "%s: is no snapshot of an experiment (%s)", path, SSMQ_SNAPSHOT_KIND);
}

static const char *digest_in(const ssmq_experiment *e, const char *path)
{
    for (int32_t i = 0; i < e->n_input; i++)
        if (strcmp(e->input[i]->path, path) == 0) return e->input[i]->digest;
    return "";
}

static ssmq_status check_promise(const ssmq_experiment *e, const char *path, const ssmq_snapshot *f, const promise *p)
{
    for (int32_t i = 0; i < f->n_input; i++)
        if (strcmp(digest_in(e, f->input[i]), f->digest[i]) != 0)
            return SSMQ_FAIL(INPUT, "%s has changed since %s was taken", f->input[i], path);
    bool same = e->n_run == p->n_id;
    for (int32_t i = 0; same && i < p->n_id; i++) same = strcmp(e->run[i].id, p->id[i]) == 0;
    if (same) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: this program gives the runs other ids than the one that took this snapshot; take it anew",
                     path);
}

ssmq_status ssmq_experiment_reread(const char *path, const ssmq_catalogue *cat, ssmq_diag *diag, ssmq_experiment **out)
{
    ssmq_arena      *arena = ssmq_arena_new();
    ssmq_snapshot      f = {0};
    promise          p = {0};
    ssmq_experiment *e = NULL;
    ssmq_status      st = read_snapshot(path, &f, &p, arena);
    if (st == SSMQ_OK) st = ssmq_experiment_read_snapshot(&f, cat, diag, &e);
    if (st == SSMQ_OK) st = check_promise(e, path, &f, &p);
    if (st == SSMQ_OK) *out = e;
    else ssmq_experiment_free(e);
    ssmq_arena_free(arena);
    return st;
}
