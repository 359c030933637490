#include "tests/support/experiment.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/support/check.h"
#include "tests/support/fake_catalogue.h"
#include "tests/support/problems.h"
#include "tests/support/small_tokenizer.h"

/* ---- the folder ------------------------------------------------------------------------ */

void experiment_put(fixture *f, const char *name, const char *text)
{
    scratch_write(f->s, name, text, strlen(text));
}

void experiment_put_weights(fixture *f, float value)
{
    static const char header[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    const uint64_t    n = sizeof header - 1;
    char              file[128];
    memcpy(file, &n, 8);
    memcpy(file + 8, header, n);
    memcpy(file + 8 + n, &value, 4);
    scratch_write(f->s, "m/model.safetensors", file, 8 + n + 4);
}

int experiment_setup(void **state)
{
    fixture *f = ssmq_must_malloc(sizeof *f);
    void    *s;
    if (scratch_setup(&s) != 0) return -1;
    *f = (fixture){.s = s, .home = getcwd(NULL, 0)};
    *state = f;
    if (!f->home || chdir(f->s->path) || mkdir("m", 0777) || mkdir("sub", 0777)) return -1;
    f->s->path = ssmq_arena_strdup(f->s->a, "."); /* from here on */
    experiment_put(f, "m/config.json", "{\"model_type\": \"fake\", \"layers\": 2}");
    experiment_put(f, "m/tokenizer.json", small_tokenizer_text(f->s, NULL, NULL));
    experiment_put_weights(f, 1);
    experiment_put(f, "t.npy", "tokens");
    experiment_put(f, "t.txt", "text");
    experiment_put(f, "d.jsonl", "{\"text\": \"a\"}\n");
    return 0;
}

int experiment_teardown(void **state)
{
    fixture   *f = *state;
    scratch   *s = f->s;
    char      *here = getcwd(NULL, 0);
    void      *whole = s;
    const bool back = here && chdir(f->home) == 0;
    if (here) s->path = ssmq_arena_strdup(s->a, here);
    free(here);
    free(f->home);
    free(f);
    return back ? scratch_teardown(&whole) : -1;
}

/* ---- reading --------------------------------------------------------------------------- */

ssmq_experiment *experiment_try(fixture *f, const char *const *set, ssmq_status *st,
                                const char **problems)
{
    ssmq_diag       *diag = ssmq_diag_new();
    ssmq_experiment *e = NULL;
    ssmq_str         text = {0};
    int32_t          n = 0;
    while (set && set[n]) n++;
    *st = ssmq_experiment_read("e.yaml", set, n, &fake_catalogue, diag, &e);
    problems_render(diag, &text);
    *problems = ssmq_arena_strdup(f->s->a, ssmq_str_text(&text));
    ssmq_str_free(&text);
    ssmq_diag_free(diag);
    return e;
}

void experiment_check_set(fixture *f, const char *yaml, const char *const *set, ssmq_status status,
                          const char *expected)
{
    ssmq_status st;
    const char *problems;
    experiment_put(f, "e.yaml", yaml);
    ssmq_experiment *e = experiment_try(f, set, &st, &problems);
    assert_string_equal(problems, expected);
    assert_string_equal(ssmq_status_name(st), ssmq_status_name(status));
    assert_int_equal(e != NULL, st == SSMQ_OK);
    ssmq_experiment_free(e);
}

void experiment_check(fixture *f, const char *yaml, const char *expected)
{
    experiment_check_set(f, yaml, NULL, SSMQ_ERR_CONFIG, expected);
}

ssmq_experiment *experiment_read(fixture *f, const char *yaml, const char *const *set)
{
    ssmq_status st;
    const char *problems;
    experiment_put(f, "e.yaml", yaml);
    ssmq_experiment *e = experiment_try(f, set, &st, &problems);
    assert_string_equal(problems, "");
    assert_non_null(e);
    return e;
}
