/* Checks the text of the sources against the rules of harness/README.md:
 *
 *     layering ROOT
 *
 * prints FILE:LINE: MESSAGE for every breach under ROOT, then a line of totals, and ends with status
 * 1 if there was one.  Includes are held against the table below; the other rules are what grep and
 * counting lines can tell. */
#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LINES_MAX 600
#define FUNCTION_LINES_MAX 80

/* ---- who may include whom --------------------------------------------------------------- */

/* A folder, how far right it stands, and up to where in harness/ it may look.  A file belongs to the
 * longest folder that its path begins with.  Folders of the same rank do not see each other. */
typedef struct layer {
    const char *folder;
    int         rank;
    int         sees;  /* layers of harness/ below this rank           */
    bool        all;   /* sees quant/, models/ and analysis/ too       */
} layer;

static const layer layers[] = {
    {"harness/base/", 0, 0, false},
    {"harness/tensor/", 1, 1, false},
    {"harness/backend/", 2, 2, false},
    {"harness/contract/", 2, 2, false},
    {"harness/store/", 2, 2, false},
    {"harness/data/", 2, 2, false},
    {"harness/exec/", 3, 3, false},
    {"harness/bench/", 3, 3, false},
    {"harness/run/", 4, 4, false},
    {"harness/cli/", 5, 5, false},
    {"harness/main.c", 6, 6, true},
    {"quant/", 7, 4, false},  /* base to exec: mechanism, but nothing that runs experiments */
    {"models/", 7, 4, false},
    {"analysis/", 7, 0, false}, /* base, and the two below */
    {"tests/", 8, 8, true},
};
#define N_LAYERS (sizeof layers / sizeof *layers)

/* Edges that the ranks do not give. */
static const char *const also[][2] = {
    {"analysis/", "harness/base/"},
    {"analysis/", "harness/tensor/"},
    {"analysis/", "harness/store/"},
};

static const layer *layer_of(const char *path)
{
    for (size_t i = 0; i < N_LAYERS; i++)
        if (strncmp(path, layers[i].folder, strlen(layers[i].folder)) == 0) return &layers[i];
    return NULL;
}

static bool may_include(const layer *from, const layer *to)
{
    if (from == to || from->all) return true;
    for (size_t i = 0; i < sizeof also / sizeof *also; i++)
        if (strcmp(also[i][0], from->folder) == 0 && strcmp(also[i][1], to->folder) == 0) return true;
    return strncmp(to->folder, "harness/", 8) == 0 && to->rank < from->sees;
}

/* Headers that the build writes. */
static const char *const generated[] = {"ssmq_build.h"};

/* ---- words ------------------------------------------------------------------------------ */

/* In code, not in comments or strings.  where: folders in which the word may stand. */
typedef struct banned {
    const char *word;
    const char *where[6];
    const char *why;
} banned;

static const banned banned_in_code[] = {
    {"SSMQ_MODE_*", {"harness/exec/", "harness/run/", "tests/"}, "only exec and run know the mode"},
#define PRINTING {"harness/cli/", "harness/main.c", "tests/", "harness/base/assert.c", "harness/base/arena.c"}
#define CHILDREN {"harness/main.c", "tests/", "harness/base/child.c", "harness/base/process.c"}
    {"printf(", PRINTING, "libraries do not print"},
    {"puts(", PRINTING, "libraries do not print"},
    {"putchar(", PRINTING, "libraries do not print"},
    {"perror(", PRINTING, "libraries do not print"},
    {"stdout", PRINTING, "libraries do not print"},
    {"stderr", PRINTING, "libraries do not print"},
    {"exit(", PRINTING, "libraries do not end the program"},
    {"_exit(", CHILDREN, "libraries do not end the program"},
    {"abort(", PRINTING, "libraries do not end the program"},
#undef CHILDREN
#undef PRINTING
    {"rand(", {NULL}, "random numbers come from harness/base/rng.h"},
    {"srand(", {NULL}, "random numbers come from harness/base/rng.h"},
    {"gets(", {NULL}, "cannot be used safely"},
};

/* Anywhere, comments and scripts included.  Written in two parts, so that this file may stand too. */
static const char *const banned_anywhere[] = {"TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK"};

static bool is_word(int c)
{
    return isalnum(c) || c == '_';
}

/* Does word stand at p as a whole one?  "SSMQ_MODE_*" names every word that begins so, "exit(" only
 * what is called. */
static bool stands_at(const char *text, const char *p, const char *word)
{
    const size_t n = strlen(word);
    const bool   prefix = word[n - 1] == '*';
    if (p > text && is_word((unsigned char)p[-1])) return false;
    if (strncmp(p, word, prefix ? n - 1 : n) != 0) return false;
    return prefix || word[n - 1] == '(' || !is_word((unsigned char)p[n]);
}

/* ---- reports ---------------------------------------------------------------------------- */

typedef struct totals {
    int files, includes, functions, breaches;
    int longest_file, longest_function;
} totals;

typedef struct source {
    const char *root, *path; /* path relative to root */
    char       *text;        /* as it is              */
    char       *code;        /* comments and strings turned to blanks, line breaks kept */
    totals     *sum;
} source;

static void report(const source *s, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void report(const source *s, int line, const char *format, ...)
{
    va_list args;
    printf("%s:%d: ", s->path, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    s->sum->breaches++;
}

static int line_of(const char *text, const char *p)
{
    int line = 1;
    for (; text < p; text++) line += *text == '\n';
    return line;
}

/* ---- checks ----------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "layering: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    size_t n = 0, capacity = 1 << 16;
    char  *text = malloc(capacity);
    for (size_t k; (k = fread(text + n, 1, capacity - n - 1, f)) > 0;) {
        n += k;
        if (n + 1 == capacity) text = realloc(text, capacity *= 2);
    }
    text[n] = '\0';
    fclose(f);
    return text;
}

static void blank(char *from, const char *to)
{
    for (; from < to; from++)
        if (*from != '\n') *from = ' ';
}

/* The end of the literal that begins at p with its quote. */
static char *end_of_literal(char *p)
{
    const char quote = *p++;
    while (*p && *p != quote && *p != '\n') p += p[0] == '\\' && p[1] ? 2 : 1;
    return *p == quote ? p + 1 : p;
}

/* Turns comments and literals of C to blanks. */
static void keep_code(char *p)
{
    while (*p) {
        char *end = NULL;
        if (p[0] == '/' && p[1] == '/') end = p + strcspn(p, "\n");
        else if (p[0] == '/' && p[1] == '*') end = (end = strstr(p + 2, "*/")) ? end + 2 : p + strlen(p);
        else if (*p == '"' || *p == '\'') end = end_of_literal(p);
        if (!end) {
            p++;
            continue;
        }
        blank(p, end);
        p = end;
    }
}

static bool exists(const char *root, const char *path)
{
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *f = fopen(full, "rb");
    if (f) fclose(f);
    return f != NULL;
}

static void check_include(const source *s, int line, const char *name)
{
    s->sum->includes++;
    for (size_t i = 0; i < sizeof generated / sizeof *generated; i++)
        if (strcmp(name, generated[i]) == 0) return;
    const layer *from = layer_of(s->path), *to = layer_of(name);
    if (!to || !exists(s->root, name))
        report(s, line, "\"%s\" is no file, seen from the root", name);
    else if (!may_include(from, to))
        report(s, line, "%s may not include %s (\"%s\")", from->folder, to->folder, name);
}

static void check_includes(const source *s)
{
    int line = 1;
    for (const char *p = s->text; *p; p += strcspn(p, "\n"), p += *p == '\n', line++) {
        const char *q = p + strspn(p, " \t");
        if (*q != '#') continue;
        q += 1 + strspn(q + 1, " \t");
        if (strncmp(q, "include", 7) != 0) continue;
        q += 7 + strspn(q + 7, " \t");
        if (*q != '"') continue;
        char         name[1024];
        const size_t n = strcspn(q + 1, "\"\n");
        snprintf(name, sizeof name, "%.*s", (int)n, q + 1);
        check_include(s, line, name);
    }
}

static bool allowed_here(const banned *b, const char *path)
{
    for (int i = 0; i < 6 && b->where[i]; i++)
        if (strncmp(path, b->where[i], strlen(b->where[i])) == 0) return true;
    return false;
}

static void check_code_words(const source *s)
{
    for (size_t i = 0; i < sizeof banned_in_code / sizeof *banned_in_code; i++) {
        const banned *b = &banned_in_code[i];
        if (allowed_here(b, s->path)) continue;
        char search[32];
        snprintf(search, sizeof search, "%.*s", (int)strcspn(b->word, "*"), b->word);
        for (const char *p = s->code; (p = strstr(p, search)); p++)
            if (stands_at(s->code, p, b->word))
                report(s, line_of(s->code, p), "'%s': %s", search, b->why);
    }
}

static void check_words(const source *s)
{
    for (size_t i = 0; i < sizeof banned_anywhere / sizeof *banned_anywhere; i++)
        for (const char *p = s->text; (p = strstr(p, banned_anywhere[i])); p++)
            if (stands_at(s->text, p, banned_anywhere[i]))
                report(s, line_of(s->text, p), "a note for later, '%s'", banned_anywhere[i]);
}

static void check_dead_code(const source *s)
{
    for (const char *p = s->code; (p = strstr(p, "#if 0")); p++)
        if (!is_word((unsigned char)p[5])) report(s, line_of(s->code, p), "code behind '#if 0'");
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

/* A function's body stands between a '{' and a '}' that are the first characters of their lines. */
static void check_lengths(const source *s)
{
    int line = 1, begin = 0;
    for (const char *p = s->code; *p; p += strcspn(p, "\n"), p += *p == '\n', line++) {
        if (*p == '{') begin = line;
        if (*p != '}' || begin == 0) continue;
        const int length = line - begin - 1;
        s->sum->functions++;
        s->sum->longest_function = max(s->sum->longest_function, length);
        /* The function of a test is often one long table. */
        if (length > FUNCTION_LINES_MAX && strncmp(s->path, "tests/", 6) != 0)
            report(s, begin, "a function of %d lines, more than %d", length, FUNCTION_LINES_MAX);
        begin = 0;
    }
    s->sum->longest_file = max(s->sum->longest_file, line - 1);
    if (line - 1 > FILE_LINES_MAX)
        report(s, line - 1, "a file of %d lines, more than %d", line - 1, FILE_LINES_MAX);
}

/* ---- the tree --------------------------------------------------------------------------- */

static bool ends(const char *s, const char *suffix)
{
    const size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

static bool is_c(const char *path)
{
    return ends(path, ".c") || ends(path, ".h") || ends(path, ".inc") || ends(path, ".cu");
}

static bool is_text(const char *path)
{
    static const char *const suffix[] = {".sh", ".py", ".cmake", ".md", ".in", "CMakeLists.txt"};
    for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++)
        if (ends(path, suffix[i])) return true;
    return is_c(path);
}

static void check_file(const char *root, const char *path, totals *sum)
{
    char full[4096];
    if (!is_text(path)) return;
    snprintf(full, sizeof full, "%s/%s", root, path);
    source s = {.root = root, .path = path, .text = read_file(full), .sum = sum};
    sum->files++;
    check_words(&s);
    if (is_c(path)) {
        s.code = strdup(s.text);
        keep_code(s.code);
        check_includes(&s);
        check_code_words(&s);
        check_dead_code(&s);
        check_lengths(&s);
        free(s.code);
    }
    free(s.text);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void check_folder(const char *root, const char *folder, totals *sum)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, folder);
    char *const paths[] = {path, NULL};
    FTS        *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    if (!walk) return;
    for (FTSENT *e; (e = fts_read(walk));)
        if (e->fts_info == FTS_F) check_file(root, e->fts_path + strlen(root) + 1, sum);
    fts_close(walk);
}

int main(int argc, char **argv)
{
    static const char *const folders[] = {"harness", "quant",       "models", "analysis",
                                          "tests",   "experiments", "configs"};
    static const char *const files[] = {"README.md", "CMakeLists.txt"};
    if (argc != 2) {
        fprintf(stderr, "usage: layering ROOT\n");
        return 2;
    }
    totals sum = {0};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        check_folder(argv[1], folders[i], &sum);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (exists(argv[1], files[i])) check_file(argv[1], files[i], &sum);
    printf("%d files, %d includes, %d functions (longest %d lines; longest file %d), %d breaches\n",
           sum.files, sum.includes, sum.functions, sum.longest_function, sum.longest_file,
           sum.breaches);
    return sum.breaches > 0;
}
