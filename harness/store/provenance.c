#include "harness/store/provenance.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "harness/base/assert.h"
#include "harness/base/build.h"
#include "harness/base/file.h"
#include "harness/store/host.h"

ssmq_status ssmq_input_files_digest(ssmq_input_file *file, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        if (file[i].sha256[0]) continue; /* a model's sum is worth taking only once */
        ssmq_mapping m;
        SSMQ_TRY(ssmq_map_open(file[i].path, &m));
        ssmq_sha256_of(m.data, m.size, file[i].sha256);
        file[i].bytes = (int64_t)m.size;
        ssmq_map_close(&m);
    }
    return SSMQ_OK;
}

/* Paths and arguments may hold any bytes; JSON may not. */
static void put_outside_text(ssmq_json_writer *w, const char *key, const char *text)
{
    if (!text) {
        ssmq_json_put_null(w, key);
        return;
    }
    ssmq_str clean = {0};
    for (size_t left = strlen(text); left > 0;) {
        utf8proc_int32_t   c;
        const utf8proc_ssize_t n = /* bytes of the next character; negative if it is none */
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)left, &c);
        const size_t taken = n > 0 ? (size_t)n : 1;
        ssmq_str_append(&clean, n > 0 ? text : "\xef\xbf\xbd", n > 0 ? taken : 3);
        text += taken;
        left -= taken;
    }
    ssmq_json_put_text(w, key, ssmq_str_text(&clean));
    ssmq_str_free(&clean);
}

/* ---- what decides the numbers ------------------------------------------------------------ */

static void put_build(ssmq_json_writer *w)
{
    const ssmq_build *b = ssmq_build_info();
    ssmq_json_put_text(w, "version", b->version);
    ssmq_json_put_text(w, "commit", b->commit);
    ssmq_json_put_bool(w, "dirty", b->dirty);
    ssmq_json_put_text(w, "compiler", b->compiler);
    ssmq_json_put_text(w, "flags", b->flags);
    ssmq_json_put_text(w, "build_type", b->type);
}

static void put_libraries(ssmq_json_writer *w)
{
    ssmq_library  library[SSMQ_LIBRARY_MAX];
    const int32_t n = ssmq_libraries_list(library);
    ssmq_json_begin_object(w, "libraries");
    for (int32_t i = 0; i < n; i++) {
        const ssmq_library *l = &library[i];
        ssmq_json_begin_object(w, l->name);
        ssmq_json_put_text(w, "header", l->header[0] ? l->header : NULL);
        ssmq_json_put_text(w, "runtime", l->runtime);
        if (l->detail[0]) ssmq_json_put_text(w, "detail", l->detail);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_object(w);
}

static void put_sums(ssmq_json_writer *w, const char *key, const ssmq_input_file *file, int32_t n)
{
    ssmq_json_begin_array(w, key);
    for (int32_t i = 0; i < n; i++) {
        SSMQ_ASSERT(file[i].sha256[0]);
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "role", file[i].role);
        ssmq_json_put_text(w, "sha256", file[i].sha256);
        ssmq_json_put_int(w, "bytes", file[i].bytes);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
}

/* The processor is here because OpenBLAS and our own kernels choose by it, and sums of another
 * order round differently.  Paths are not: the role and the sum say which file it was. */
static void put_numbers(ssmq_json_writer *w, const char *key, const ssmq_provenance *p,
                        const ssmq_machine *m)
{
    ssmq_json_begin_object(w, key);
    put_build(w);
    ssmq_json_put_text(w, "backend", p->backend);
    ssmq_json_put_text(w, "tier", p->tier);
    ssmq_json_put_text(w, "cpu", m->cpu);
    ssmq_json_put_text(w, "cpu_features", m->features);
    put_libraries(w);
    put_sums(w, "inputs", p->file, p->n_file);
    ssmq_json_end_object(w);
}

void ssmq_provenance_numbers(const ssmq_provenance *p, ssmq_str *out)
{
    ssmq_machine m;
    ssmq_machine_read(&m);
    ssmq_json_writer w = {.out = out};
    put_numbers(&w, NULL, p, &m);
}

/* ---- what describes the moment ----------------------------------------------------------- */

static void put_machine(ssmq_json_writer *w, const ssmq_machine *m)
{
    put_outside_text(w, "host", m->host);
    ssmq_json_put_text(w, "os", m->os);
    ssmq_json_put_text(w, "kernel", m->kernel);
    ssmq_json_put_int(w, "cores", m->cores);
    ssmq_json_put_int(w, "memory_bytes", m->memory_bytes);
}

/* Variables that are not set are null: that they are not is a fact too. */
static void put_command(ssmq_json_writer *w, const ssmq_provenance *p)
{
    ssmq_json_begin_array(w, "command");
    for (int32_t i = 0; i < p->n_argument; i++) put_outside_text(w, NULL, p->argument[i]);
    ssmq_json_end_array(w);
    ssmq_json_begin_object(w, "environment");
    for (int32_t i = 0; i < p->n_variable; i++)
        put_outside_text(w, p->variable[i], getenv(p->variable[i]));
    ssmq_json_end_object(w);
}

static void put_places(ssmq_json_writer *w, const ssmq_provenance *p)
{
    ssmq_json_begin_object(w, "places");
    for (int32_t i = 0; i < p->n_place; i++)
        put_outside_text(w, p->place[i].name, p->place[i].path);
    ssmq_json_end_object(w);
    ssmq_json_begin_array(w, "inputs");
    for (int32_t i = 0; i < p->n_file; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "role", p->file[i].role);
        put_outside_text(w, "path", p->file[i].path);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
}

/* Peak memory is that of the process so far: of this run and of those before it in the same one. */
static void put_moment(ssmq_json_writer *w, const char *key, const ssmq_provenance *p,
                       const ssmq_machine *m)
{
    ssmq_json_begin_object(w, key);
    ssmq_json_put_text(w, "started", p->started);
    ssmq_json_put_text(w, "finished", p->finished);
    ssmq_json_put_real(w, "wall_s", p->wall_s);
    ssmq_json_put_real(w, "cpu_s", p->cpu_s);
    ssmq_json_put_int(w, "peak_rss_bytes", ssmq_peak_rss_bytes());
    ssmq_json_put_int(w, "threads", p->threads);
    ssmq_json_put_int(w, "journal_bytes", p->journal_bytes);
    ssmq_json_put_int(w, "journal_sums_bytes", p->journal_sums_bytes);
    put_machine(w, m);
    put_command(w, p);
    put_places(w, p);
    ssmq_json_end_object(w);
}

void ssmq_provenance_manifest(const ssmq_provenance *p, ssmq_str *out)
{
    ssmq_machine m;
    ssmq_machine_read(&m);
    ssmq_json_writer w = {.out = out};
    ssmq_json_begin_object(&w, NULL);
    put_numbers(&w, "numbers", p, &m);
    put_moment(&w, "moment", p, &m);
    put_sums(&w, "results", p->result, p->n_result);
    ssmq_json_end_object(&w);
}
