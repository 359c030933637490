/* Shipped experiments, changed at random: whatever comes of it is an experiment, or problems that
 * each have a place and a number.  $SSMQ_TEST_ROUNDS changes are tried, 400 unless it is set, from
 * $SSMQ_TEST_SEED. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/problems.h"
#include "harness/run/experiment/experiment.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define FILES_MAX 64
#define ROUNDS 400

/* Pieces of YAML that mean something, and values that are often mistaken for others. */
static const char *const pieces[] = {
    "<<: ",
    "*a",
    "&a ",
    "!!int ",
    "\t",
    "\n---\n",
    "\n...\n",
    "\xff",
    "\xc3",
    "\xc2\x85",
    "\xe2\x80\xa8",
    "\r",
    "#",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "- ",
    "\"",
    "'",
    "|",
    ">",
    "%",
    "@",
    "`",
    "~",
    "yes",
    "off",
    "null",
    "true",
    "010",
    "0x1F",
    "1e400",
    ".nan",
    "-.inf",
    "-1",
    "0.99",
    "99999999999999999999",
    "4GiB",
    "1.5GiB",
    "layers.*.scan.x",
    "**",
    "{a,b",
    "\\0",
    "\n\n",
    "  ",
    "include: ",
    "sweep: {seeds: [1, 2]}\n",
    "expect: []\n",
    "\xf0\x9f\x90\x8d",
    "[[[[[[[[[[[[[[[[",
};
#define N_PIECES (sizeof pieces / sizeof *pieces)

typedef struct fixture {
    scratch    *s;
    const char *name[FILES_MAX]; /* "experiments/bits.yaml" */
    ssmq_str    text[FILES_MAX];
    int32_t     n_file, n_experiment; /* experiments come first */
    ssmq_rng    r;
} fixture;

/* ---- the files ------------------------------------------------------------------------------ */

static void add(fixture *f, const char *pattern)
{
    glob_t g;
    assert_int_equal(glob(pattern, 0, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc && f->n_file < FILES_MAX; i++) {
        f->name[f->n_file] = ssmq_arena_strdup(f->s->a, g.gl_pathv[i]);
        CHECK_OK(ssmq_file_read(g.gl_pathv[i], 1 << 20, &f->text[f->n_file]));
        f->n_file++;
    }
    globfree(&g);
}

static void link_to(fixture *f, const char *name)
{
    char       *root = getcwd(NULL, 0);
    const char *target = ssmq_arena_printf(f->s->a, "%s/%s", root, name);
    assert_int_equal(symlink(target, scratch_path(f->s, name)), 0);
    free(root);
}

static void write_original(fixture *f, int32_t i)
{
    scratch_write(f->s, f->name[i], f->text[i].data, f->text[i].length);
}

static void set_up(fixture *f)
{
    static const char *const folders[] = {"experiments", "configs", "configs/data",
                                          "configs/models", "configs/recipes",
                                          "configs/machines"};
    static const char *const links[] = {"models", "configs/data/wiki.test.raw",
                                        "configs/data/pile-sample.jsonl.zst",
                                        "configs/data/gpt-neox-20b-tokenizer.json.zst"};
    add(f, "experiments/*.yaml");
    f->n_experiment = f->n_file;
    add(f, "configs/*/*.yaml");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        CHECK_OK(ssmq_make_directory(scratch_path(f->s, folders[i])));
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) link_to(f, links[i]);
    for (int32_t i = 0; i < f->n_file; i++) write_original(f, i);
}

/* ---- changes --------------------------------------------------------------------------------- */

static size_t below(fixture *f, size_t n)
{
    return n ? (size_t)ssmq_rng_below(&f->r, (uint32_t)n) : 0;
}

/* Puts the bytes in the place of those from at to end. */
static void splice(ssmq_str *s, size_t at, size_t end, const char *bytes, size_t n)
{
    ssmq_str out = {0};
    ssmq_str_append(&out, ssmq_str_text(s), at);
    ssmq_str_append(&out, bytes, n);
    ssmq_str_append(&out, ssmq_str_text(s) + end, s->length - end);
    ssmq_str_free(s);
    *s = out;
}

/* Grows [at, end) to what lies between the characters of stop around it. */
static void widen(const ssmq_str *s, const char *stop, size_t *at, size_t *end)
{
    while (*at > 0 && !strchr(stop, s->data[*at - 1])) --*at;
    while (*end < s->length && !strchr(stop, s->data[*end])) ++*end;
}

static void change(fixture *f, ssmq_str *s)
{
    static const char *const stops[] = {"\n", " \n,:[]{}\"", ",\n[]{}"};
    if (s->length == 0) return;
    const char *stop = stops[below(f, 3)];
    size_t      at[2] = {below(f, s->length), below(f, s->length)};
    size_t      end[2] = {at[0], at[1]};
    const char *piece = pieces[below(f, N_PIECES)];
    for (int i = 0; i < 2; i++) widen(s, stop, &at[i], &end[i]);
    const char *other = ssmq_arena_strndup(f->s->a, s->data + at[1], end[1] - at[1]);
    switch (below(f, 7)) {
    case 0: splice(s, at[0], end[0], "", 0); break;                 /* a line or word less */
    case 1: splice(s, at[0], end[0], other, end[1] - at[1]); break; /* one for another     */
    case 2: splice(s, at[0], at[0], other, end[1] - at[1]); break;  /* one more            */
    case 3: splice(s, at[0], end[0], piece, strlen(piece)); break;
    case 4: splice(s, at[0], at[0], piece, strlen(piece)); break;
    case 5: s->data[below(f, s->length)] ^= (char)(1u << below(f, 8)); break;
    default: splice(s, at[0], s->length, "", 0); break; /* cut short           */
    }
}

/* A --set of a key that stands in the file, in part at least. */
static const char * override(fixture *f, const ssmq_str *s)
{
    static const char *const keys[] = {"run.seed",
                                       "mode",
                                       "name",
                                       "calibration.count",
                                       "model.path",
                                       "evaluate.wt2.window",
                                       "recipes.quamba.u.observer.p",
                                       "collect",
                                       "compare.metrics",
                                       "sweep.axes",
                                       "include",
                                       ""};
    size_t                   at = below(f, s->length), end = at;
    widen(s, " \n,:[]{}\"", &at, &end);
    const char *word = ssmq_arena_strndup(f->s->a, ssmq_str_text(s) + at, end - at);
    return ssmq_arena_printf(f->s->a, "%s%s=%s", keys[below(f, sizeof keys / sizeof *keys)],
                             below(f, 8) ? "" : word,
                             below(f, 2) ? word : pieces[below(f, N_PIECES)]);
}

/* ---- what comes of it -------------------------------------------------------------------------
 */

/* "FILE:LINE:COLUMN: error: ... [E203]" or a warning. */
static bool is_message(const char *line, size_t n)
{
    const char *kind = memmem(line, n, ": error: ", 9);
    if (!kind) kind = memmem(line, n, ": warning: ", 11);
    if (!kind || n < 8 || line[n - 1] != ']' || strncmp(line + n - 7, " [", 2) != 0) return false;
    const char *c = kind;
    for (int numbers = 0; numbers < 2; numbers++) {
        const char *stop = c;
        while (c > line && c[-1] >= '0' && c[-1] <= '9') c--;
        if (c == stop || c == line || *--c != ':') return false;
    }
    char number[5] = {0};
    memcpy(number, line + n - 5, 4);
    return ssmq_problem_find(number) != NULL;
}

/* Every block begins with a message: that is where the text begins, and what follows notes and
 * helps. */
static void check_problems(const char *problems)
{
    int messages = 0;
    for (const char *line = problems; *line;) {
        const size_t n = strcspn(line, "\n");
        const bool   names = memmem(line, n, " error: ", 8) || strncmp(line, "error: ", 7) == 0;
        messages += is_message(line, n);
        if (names && !is_message(line, n) && (line == problems || strncmp(line, "error: ", 7) == 0))
            fail_msg("no place or no number: %.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
    assert_in_range(messages, 1, 2 * 20);
}

static bool try_one(const char *path, const char *const *set, int32_t n_set)
{
    ssmq_diag        *diag = ssmq_diag_new();
    ssmq_experiment  *e = NULL;
    ssmq_str          text = {0};
    const ssmq_status st = ssmq_experiment_read(path, set, n_set, &test_catalogue, diag, &e);
    ssmq_diag_render(diag, &text);
    assert_true(st == SSMQ_OK || st == SSMQ_ERR_CONFIG || st == SSMQ_ERR_UNSUPPORTED ||
                st == SSMQ_ERR_INPUT);
    assert_int_equal(e != NULL, st == SSMQ_OK);
    if (st != SSMQ_OK) check_problems(ssmq_str_text(&text));
    ssmq_str_clear(&text);
    if (e) ssmq_experiment_print(e, &text);
    ssmq_experiment_free(e);
    ssmq_str_free(&text);
    ssmq_diag_free(diag);
    return st == SSMQ_OK;
}

static void test_mutations(void **state)
{
    fixture     f = {.s = *state};
    const char *rounds = getenv("SSMQ_TEST_ROUNDS");
    const long  n = rounds ? atol(rounds) : ROUNDS;
    int         good = 0, bad = 0;
    set_up(&f);
    ssmq_rng_init(&f.r, test_seed(20251), "mutations");
    for (long round = 0; round < n; round++) {
        const int32_t e = (int32_t)below(&f, (size_t)f.n_experiment);
        const int32_t changed =
            below(&f, 3) ? e
                         : (int32_t)below(&f, (size_t)f.n_file); /* now and then what is included */
        const char   *set[2];
        const int32_t n_set = below(&f, 4) ? 0 : 1 + (int32_t)below(&f, 2);
        ssmq_str      text = {0};
        ssmq_str_append(&text, f.text[changed].data, f.text[changed].length);
        for (size_t i = 0, times = below(&f, 4); i < times; i++) change(&f, &text);
        for (int32_t i = 0; i < n_set; i++) set[i] = override(&f, &f.text[e]);
        scratch_write(f.s, f.name[changed], ssmq_str_text(&text), text.length);
        const bool fine = try_one(scratch_path(f.s, f.name[e]), set, n_set);
        good += fine;
        bad += !fine;
        write_original(&f, changed);
        ssmq_str_free(&text);
    }
    if (n >= ROUNDS)
        assert_true(good > n / 20 &&
                    bad > n / 4); /* it does change things, and not beyond recognition */
    for (int32_t i = 0; i < f.n_file; i++) ssmq_str_free(&f.text[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mutations, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests_name("mutations", tests, NULL, NULL);
}
