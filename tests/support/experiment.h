/* Experiments over the fake catalogue, each test in a folder of its own that it works in, so that
 * messages name files plainly.  The folder holds m/ (a model of family fake with two layers and a
 * tokenizer), t.npy, t.txt, d.jsonl and an empty sub/; experiments are written as e.yaml. */
#pragma once
#include "harness/run/experiment/experiment.h"
#include "tests/support/scratch.h"

typedef struct fixture {
    scratch *s;
    char    *home; /* the folder the test started in */
} fixture;

/* For cmocka: *state is a fixture. */
int experiment_setup(void **state);
int experiment_teardown(void **state);

/* Writes a file of the folder. */
void experiment_put(fixture *f, const char *name, const char *text);
/* The model's weight file: one tensor of one number. */
void experiment_put_weights(fixture *f, float value);

#define EVALUATE "evaluate:\n  - {id: e, task: perplexity, data: {file: t.npy}, dialect: gptq}\n"
/* 6 lines */
#define FLOAT "ssmq: 1\nname: t\nmodel: {path: m}\nmode: float\n" EVALUATE
/* 7 lines; a recipe comes next */
#define FAKE                                           \
    "ssmq: 1\nname: t\nmodel: {path: m}\nmode: fake\n" \
    "calibration: {data: {file: t.npy}, select: first}\n" EVALUATE

/* Reads e.yaml; NULL where there were problems.  Their text, and that of warnings, without numbers,
 * goes to *problems, the fixture's.  set: NULL-terminated, or NULL. */
ssmq_experiment *experiment_try(fixture *f, const char *const *set, ssmq_status *st,
                                const char **problems);
/* This text as e.yaml, with these --set, gives this status and exactly these problems. */
void experiment_check_set(fixture *f, const char *yaml, const char *const *set, ssmq_status status,
                          const char *expected);
void experiment_check(fixture *f, const char *yaml,
                      const char *expected); /* CONFIG, without --set */
/* The experiment, which has neither problems nor warnings. */
ssmq_experiment *experiment_read(fixture *f, const char *yaml, const char *const *set);
