#include "harness/cli/parse.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"

/* ---- values ---------------------------------------------------------------------------- */

static ssmq_status parse_bool(const ssmq_option *o, const char *text, void *field)
{
    const bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return SSMQ_FAIL(USAGE, "option '--%s' is '%s', not true or false", o->name, text);
    *(bool *)field = yes;
    return SSMQ_OK;
}

static ssmq_status out_of_range(const ssmq_option *o, const char *text)
{
    return SSMQ_FAIL(USAGE, "option '--%s' is %s, not within %.10g to %.10g", o->name, text, o->min,
                     o->max);
}

static ssmq_status parse_int(const ssmq_option *o, const char *text, void *field)
{
    for (int i = 0; o->choices && o->choices[i]; i++) {
        if (strcmp(text, o->choices[i]) != 0) continue;
        *(int *)field = i;
        return SSMQ_OK;
    }
    char *end;
    errno = 0;
    const long n = strtol(text, &end, 10);
    /* strtol() skips blanks in front, which no number needs. */
    if (end == text || *end || !strchr("+-0123456789", *text))
        return SSMQ_FAIL(USAGE, "option '--%s' is '%s', not a whole number", o->name, text);
    if (errno == ERANGE || n < INT_MIN || n > INT_MAX || (double)n < o->min || (double)n > o->max)
        return out_of_range(o, text);
    *(int *)field = (int)n;
    return SSMQ_OK;
}

static ssmq_status parse_real(const ssmq_option *o, const char *text, void *field)
{
    char        *end;
    const double x = strtod(text, &end);
    const bool   plain = strspn(text, "+-.0123456789eE") == strlen(text); /* no hex, no "nan" */
    if (end == text || *end || !plain || !isfinite(x))
        return SSMQ_FAIL(USAGE, "option '--%s' is '%s', not a number", o->name, text);
    if (x < o->min || x > o->max) return out_of_range(o, text);
    *(double *)field = x;
    return SSMQ_OK;
}

static void join(ssmq_str *out, const char *const *word, const char *between)
{
    for (int i = 0; word[i]; i++) ssmq_str_printf(out, "%s%s", i ? between : "", word[i]);
}

static ssmq_status parse_choice(const ssmq_option *o, const char *text, void *field)
{
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(text, o->choices[i]) != 0) continue;
        *(int *)field = i;
        return SSMQ_OK;
    }
    ssmq_str all = {0};
    join(&all, o->choices, ", ");
    const ssmq_status st = SSMQ_FAIL(USAGE, "option '--%s' is '%s', not one of %s", o->name, text,
                                     ssmq_str_text(&all));
    ssmq_str_free(&all);
    return st;
}

static bool is_list(const ssmq_option *o)
{
    return o->type == SSMQ_OPTION_LIST || o->type == SSMQ_OPTION_SITES;
}

/* Lists are short: a new array for each element keeps the old one readable. */
static void append(const char *text, ssmq_arena *arena, void *field)
{
    const char *const **list = field;
    size_t              n = 0;
    while (*list && (*list)[n]) n++;
    const char **longer = SSMQ_ARENA_ARRAY(arena, const char *, n + 2);
    for (size_t i = 0; i < n; i++) longer[i] = (*list)[i];
    longer[n] = text;
    *list = longer;
}

static ssmq_status set_value(const ssmq_option *o, const char *text, ssmq_arena *arena,
                             void *options)
{
    void *field = (char *)options + o->offset;
    switch (o->type) {
    case SSMQ_OPTION_BOOL: return parse_bool(o, text, field);
    case SSMQ_OPTION_INT: return parse_int(o, text, field);
    case SSMQ_OPTION_REAL: return parse_real(o, text, field);
    case SSMQ_OPTION_CHOICE: return parse_choice(o, text, field);
    case SSMQ_OPTION_TEXT: *(const char **)field = text; return SSMQ_OK;
    case SSMQ_OPTION_LIST:
    case SSMQ_OPTION_SITES: append(text, arena, field); return SSMQ_OK;
    case SSMQ_OPTION_SIZE:
    case SSMQ_OPTION_OBSERVER: break; /* a mapping: belongs into a file */
    }
    SSMQ_ASSERT(!"an option of a command of a type that only files have");
    return SSMQ_OK;
}

/* ---- options --------------------------------------------------------------------------- */

typedef struct parser {
    const ssmq_command *command;
    ssmq_arena         *arena;
    void               *options;
    bool               *seen; /* by option of the table */
    const char        **operand;
    int                 n_operand;
} parser;

static const ssmq_option *find(const ssmq_command *c, const char *name, size_t n)
{
    for (const ssmq_option *o = c->options; o && o->name; o++)
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0) return o;
    return NULL;
}

static int n_options(const ssmq_command *c)
{
    int n = 0;
    while (c->options && c->options[n].name) n++;
    return n;
}

static ssmq_status unknown(const parser *p, const char *name, size_t n)
{
    const char  *command = p->command->name;
    const int    count = n_options(p->command);
    const char **names = SSMQ_ARENA_ARRAY(p->arena, const char *, (size_t)count + 2);
    for (int i = 0; i < count; i++) names[i] = p->command->options[i].name;
    names[count] = "help";
    const char *given = ssmq_arena_strndup(p->arena, name, n);
    const char *near = ssmq_str_nearest(given, names);
    if (near)
        return SSMQ_FAIL(USAGE, "unknown option '--%s' of 'ssmq %s'; did you mean '--%s'?", given,
                         command, near);
    return SSMQ_FAIL(USAGE, "unknown option '--%s' of 'ssmq %s'; see 'ssmq %s --help'", given,
                     command, command);
}

static ssmq_status set_option(parser *p, const ssmq_option *o, const char *value)
{
    bool *seen = &p->seen[o - p->command->options];
    if (*seen && !is_list(o))
        return SSMQ_FAIL(USAGE, "option '--%s' stands more than once", o->name);
    *seen = true;
    return set_value(o, value, p->arena, p->options);
}

/* One option at argument[0], "--name" or "--name=value"; *used: how many arguments it took. */
static ssmq_status parse_option(parser *p, int n, const char *const *argument, int *used)
{
    const char        *name = argument[0] + 2;
    const size_t       length = strcspn(name, "=");
    const char        *value = name[length] ? name + length + 1 : NULL;
    const ssmq_option *o = find(p->command, name, length);
    *used = 1;
    if (o && o->type == SSMQ_OPTION_BOOL) return set_option(p, o, value ? value : "true");
    if (!o && length > 3 && memcmp(name, "no-", 3) == 0 && !value) {
        o = find(p->command, name + 3, length - 3);
        if (o && o->type == SSMQ_OPTION_BOOL) return set_option(p, o, "false");
        o = NULL;
    }
    if (!o) return unknown(p, name, length);
    if (!value) {
        /* An option in the place of a value is a forgotten value; "=" says that it is none. */
        if (n < 2 || ssmq_str_starts(argument[1], "--"))
            return SSMQ_FAIL(USAGE, "option '--%s' has no value", o->name);
        value = argument[1];
        *used = 2;
    }
    return set_option(p, o, value);
}

/* The one short option: "-o FILE", as every program that writes a file has it. */
static ssmq_status parse_output(parser *p, int n, const char *const *argument, int *used)
{
    const char *const spelled_out[] = {"--output", n > 1 ? argument[1] : NULL};
    return parse_option(p, n > 1 ? 2 : 1, spelled_out, used);
}

/* What stands for an empty default (harness/base/option.h); a TEXT stays NULL. */
static void set_empty(const ssmq_option *o, ssmq_arena *arena, void *field)
{
    if (is_list(o)) *(const char *const **)field = SSMQ_ARENA_ARRAY(arena, const char *, 1);
    if (o->type == SSMQ_OPTION_INT || o->type == SSMQ_OPTION_CHOICE) *(int *)field = -1;
}

/* After the user's: a list that was given takes the place of the default one. */
static ssmq_status fill_defaults(parser *p)
{
    for (int i = 0; i < n_options(p->command); i++) {
        const ssmq_option *o = &p->command->options[i];
        if (p->seen[i]) continue;
        if (!o->fallback)
            return SSMQ_FAIL(USAGE, "'ssmq %s' needs the option '--%s'", p->command->name, o->name);
        if (*o->fallback) {
            SSMQ_TRY(set_value(o, o->fallback, p->arena, p->options));
        } else {
            set_empty(o, p->arena, (char *)p->options + o->offset);
        }
    }
    return SSMQ_OK;
}

/* ---- operands -------------------------------------------------------------------------- */

/* One word of a command's operands: "FILE", "[DIR]", "RUN...", "a|b|c". */
typedef struct operand_spec {
    const char *text;
    size_t      length;
} operand_spec;

#define OPERANDS_MAX 4

static int list_operands(const char *spec, operand_spec out[OPERANDS_MAX])
{
    int n = 0;
    for (spec += strspn(spec, " "); *spec; spec += strspn(spec, " ")) {
        SSMQ_ASSERT(n < OPERANDS_MAX);
        out[n] = (operand_spec){spec, strcspn(spec, " ")};
        spec += out[n++].length;
    }
    return n;
}

/* Is the operand one of the words of "a|b|c", or the spec no list of words? */
static ssmq_status check_word(const char *operand, const operand_spec *spec)
{
    ssmq_str     all = {0};
    const size_t n = strlen(operand);
    const char  *end = spec->text + spec->length;
    bool         fine = !memchr(spec->text, '|', spec->length);
    for (const char *word = spec->text; word < end && !fine;) {
        const size_t length = strcspn(word, "| ");
        fine = length == n && memcmp(word, operand, n) == 0;
        ssmq_str_puts(&all, word == spec->text ? "" : ", ");
        ssmq_str_append(&all, word, length);
        word += length + 1;
    }
    const ssmq_status st =
        fine ? SSMQ_OK : SSMQ_FAIL(USAGE, "'%s' is not one of %s", operand, ssmq_str_text(&all));
    ssmq_str_free(&all);
    return st;
}

static ssmq_status check_operands(const parser *p)
{
    const char  *spec = p->command->operands ? p->command->operands : "";
    const bool   many = ssmq_str_ends(spec, "...");
    operand_spec each[OPERANDS_MAX];
    const int    most = list_operands(spec, each);
    int          wanted = 0;
    for (int i = 0; i < most; i++) wanted += each[i].text[0] != '[';
    if (p->n_operand < wanted)
        return SSMQ_FAIL(USAGE, "'ssmq %s' needs %s", p->command->name, spec);
    if (p->n_operand > most && !many)
        return SSMQ_FAIL(USAGE, "'%s' is one operand too many for 'ssmq %s%s%s'",
                         p->operand[most], p->command->name, most ? " " : "", spec);
    for (int i = 0; i < p->n_operand && i < most; i++) SSMQ_TRY(check_word(p->operand[i], &each[i]));
    return SSMQ_OK;
}

static bool asks_for_help(int n, const char *const *argument)
{
    for (int i = 0; i < n && strcmp(argument[i], "--") != 0; i++)
        if (strcmp(argument[i], "--help") == 0 || strcmp(argument[i], "-h") == 0) return true;
    return false;
}

static ssmq_status parse_all(parser *p, int n, const char *const *argument)
{
    bool only_operands = false;
    for (int i = 0, used; i < n; i += used) {
        const char *a = argument[i];
        used = 1;
        if (only_operands || a[0] != '-' || !a[1]) p->operand[p->n_operand++] = a;
        else if (strcmp(a, "--") == 0) only_operands = true;
        else if (strcmp(a, "-o") == 0 && find(p->command, "output", 6))
            SSMQ_TRY(parse_output(p, n - i, argument + i, &used));
        else if (a[1] != '-')
            return SSMQ_FAIL(USAGE, "unknown option '%s' of 'ssmq %s'; options begin with '--'", a,
                             p->command->name);
        else SSMQ_TRY(parse_option(p, n - i, argument + i, &used));
    }
    SSMQ_TRY(fill_defaults(p));
    return check_operands(p);
}

ssmq_status ssmq_arguments_parse(const ssmq_command *command, int n, const char *const *argument,
                                 ssmq_arena *arena, ssmq_arguments *out)
{
    if (asks_for_help(n, argument)) {
        *out = (ssmq_arguments){.help = true};
        return SSMQ_OK;
    }
    parser p = {
        .command = command,
        .arena = arena,
        .options = ssmq_arena_alloc(arena, command->options_size),
        .seen = SSMQ_ARENA_ARRAY(arena, bool, n_options(command) + 1),
        .operand = SSMQ_ARENA_ARRAY(arena, const char *, n + 1),
    };
    SSMQ_TRY(parse_all(&p, n, argument));
    *out = (ssmq_arguments){.options = p.options, .operand = p.operand, .n_operand = p.n_operand};
    return SSMQ_OK;
}

/* ---- help ------------------------------------------------------------------------------ */

static void blanks(ssmq_str *out, int32_t n)
{
    for (; n > 0; n--) ssmq_str_puts(out, " ");
}

void ssmq_text_wrap(const char *text, int32_t column, int32_t indent, int32_t width, ssmq_str *out)
{
    bool first = true; /* in its line */
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        const int32_t n = (int32_t)strcspn(text, " ");
        if (!first && column + 1 + n > width) {
            ssmq_str_puts(out, "\n");
            blanks(out, indent);
            column = indent;
            first = true;
        }
        if (!first) ssmq_str_puts(out, " ");
        column += n + !first;
        first = false;
        ssmq_str_append(out, text, (size_t)n);
        text += n;
    }
    ssmq_str_puts(out, "\n");
}

/* "--set KEY=VALUE" would need a name for the value: the type gives it. */
void ssmq_option_spelling(const ssmq_option *o, ssmq_str *out)
{
    static const char *const value[] = {
        [SSMQ_OPTION_BOOL] = "",      [SSMQ_OPTION_INT] = " N",       [SSMQ_OPTION_REAL] = " X",
        [SSMQ_OPTION_TEXT] = " TEXT", [SSMQ_OPTION_SITES] = " SITES", [SSMQ_OPTION_CHOICE] = "",
        [SSMQ_OPTION_OBSERVER] = "",  [SSMQ_OPTION_LIST] = " TEXT",
        [SSMQ_OPTION_SIZE] = "",
    };
    const bool negated = o->type == SSMQ_OPTION_BOOL && o->fallback && !strcmp(o->fallback, "true");
    ssmq_str_puts(out, strcmp(o->name, "output") == 0 ? "-o, " : "");
    ssmq_str_printf(out, "--%s%s%s", negated ? "no-" : "", o->name, value[o->type]);
    if (o->type != SSMQ_OPTION_CHOICE) return;
    ssmq_str_puts(out, " ");
    join(out, o->choices, "|");
}

void ssmq_option_meaning(const ssmq_option *o, ssmq_str *out)
{
    ssmq_str_puts(out, o->help);
    if (o->type == SSMQ_OPTION_INT || o->type == SSMQ_OPTION_REAL)
        ssmq_str_printf(out, ", %.10g to %.10g", o->min, o->max);
    if (!o->fallback) ssmq_str_puts(out, " (required)");
    else if (*o->fallback && o->type != SSMQ_OPTION_BOOL)
        ssmq_str_printf(out, " (default: %s)", o->fallback);
    if (is_list(o)) ssmq_str_puts(out, "; may be repeated");
}

static void put_option(const ssmq_option *o, int32_t width, ssmq_str *out)
{
    const int32_t indent = 26;
    ssmq_str      left = {0}, right = {0};
    ssmq_str_puts(&left, "  ");
    ssmq_option_spelling(o, &left);
    ssmq_option_meaning(o, &right);
    ssmq_str_puts(out, ssmq_str_text(&left));
    if ((int32_t)left.length > indent - 2) {
        ssmq_str_puts(out, "\n");
        blanks(out, indent);
    } else {
        blanks(out, indent - (int32_t)left.length);
    }
    ssmq_text_wrap(ssmq_str_text(&right), indent, indent, width, out);
    ssmq_str_free(&left);
    ssmq_str_free(&right);
}

void ssmq_arguments_help(const ssmq_command *command, int32_t width, ssmq_str *out)
{
    static const ssmq_option help = {
        .name = "help", .type = SSMQ_OPTION_BOOL, .fallback = "false", .help = "this page"};
    ssmq_str_printf(out, "usage: ssmq %s [OPTION]...", command->name);
    if (command->operands) ssmq_str_printf(out, " %s", command->operands);
    ssmq_str_puts(out, "\n\n");
    ssmq_text_wrap(command->help, 0, 0, width, out);
    if (command->details) {
        ssmq_str_puts(out, "\n");
        ssmq_text_wrap(command->details, 0, 0, width, out);
    }
    ssmq_str_puts(out, "\noptions:\n");
    for (const ssmq_option *o = command->options; o && o->name; o++) put_option(o, width, out);
    put_option(&help, width, out);
}
