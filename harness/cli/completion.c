/* Completion of command lines, written for each shell from the option tables. */
#include <string.h>
#include "harness/cli/parse.h"
#include "harness/cli/program.h"

const char *const ssmq_shells[] = {"bash", "zsh", "fish", NULL};

/* ---- what there is to complete ----------------------------------------------------------- */

/* What an operand of that name may be. */
typedef enum operand_kind {
    OPERAND_NONE,
    OPERAND_WORDS,
    OPERAND_COMMAND,
    OPERAND_YAML,
    OPERAND_PATH,
} operand_kind;

/* The n-th word of a command's operands, "KIND", "RUN..."; the last where there are fewer and it repeats. */
static void operand_name(const ssmq_command *c, int n, ssmq_str *out)
{
    const char *p = c->operands ? c->operands : "";
    for (;; n--) {
        p += strspn(p, " ");
        const size_t length = strcspn(p, " ");
        const bool   last = p[length] == '\0';
        const bool   many = length > 3 && memcmp(p + length - 3, "...", 3) == 0;
        if (n == 0 || (last && many)) {
            ssmq_str_append(out, p, length);
            return;
        }
        if (last) return;
        p += length;
    }
}

static operand_kind kind_of(const char *name)
{
    if (!*name) return OPERAND_NONE;
    if (strchr(name, '|')) return OPERAND_WORDS;
    if (strstr(name, "COMMAND")) return OPERAND_COMMAND;
    if (strstr(name, "FILE")) return OPERAND_YAML;
    return OPERAND_PATH;
}

static int n_operands(const ssmq_command *c)
{
    int n = 0;
    for (const char *p = c->operands; p && *p; n++) {
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    return n;
}

/* "a|b|c" with blanks between. */
static void put_alternatives(const char *name, ssmq_str *out)
{
    for (; *name; name++)
        if (!strchr("[].", *name)) ssmq_str_append(out, *name == '|' ? " " : name, 1);
}

static void put_choices(const ssmq_option *o, ssmq_str *out)
{
    for (int i = 0; o->choices && o->choices[i]; i++)
        ssmq_str_printf(out, "%s%s", i ? " " : "", o->choices[i]);
}

static bool has_value(const ssmq_option *o)
{
    return o->type != SSMQ_OPTION_BOOL;
}

/* The texts that are names of files or folders. */
static bool is_path(const ssmq_option *o)
{
    static const char *const paths[] = {"out", "output", "model", "recipe"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (o->type == SSMQ_OPTION_TEXT && strcmp(o->name, paths[i]) == 0) return true;
    return false;
}

/* An option that is true by default is there to be unset. */
static const char *negation(const ssmq_option *o)
{
    return !has_value(o) && o->fallback && strcmp(o->fallback, "true") == 0 ? "no-" : "";
}

/* ---- bash ------------------------------------------------------------------------------ */

static void bash_names(const ssmq_command *const *commands, ssmq_str *out)
{
    for (; *commands; commands++) ssmq_str_printf(out, "%s ", (*commands)->name);
}

/* Alternatives of a case: what may stand behind an option. */
static void bash_values(const ssmq_command *c, ssmq_str *out)
{
    for (const ssmq_option *o = c->options; o && o->name; o++) {
        if (!has_value(o)) continue;
        ssmq_str_printf(out, "        '%s --%s') ", c->name, o->name);
        if (o->choices) {
            ssmq_str_puts(out, "_ssmq_words '");
            put_choices(o, out);
            ssmq_str_puts(out, "'; return ;;\n");
        } else {
            ssmq_str_printf(out, "%sreturn ;;\n", is_path(o) ? "_ssmq_files; " : "");
        }
    }
}

static void bash_operands(const ssmq_command *const *commands, const ssmq_command *c, ssmq_str *out)
{
    ssmq_str  name = {0};
    const int n = n_operands(c);
    ssmq_str_printf(out, "        %s)\n            case $operand in\n", c->name);
    for (int i = 0; i < n; i++) {
        ssmq_str_clear(&name);
        operand_name(c, i, &name);
        const char *text = ssmq_str_text(&name);
        const bool  many = ssmq_str_ends(text, "...");
        const char  number[] = {(char)('0' + i), '\0'};
        ssmq_str_printf(out, "                %s) ", many ? "*" : number);
        switch (kind_of(text)) {
        case OPERAND_NONE: ssmq_str_puts(out, ":"); break;
        case OPERAND_WORDS:
            ssmq_str_puts(out, "_ssmq_words '");
            put_alternatives(text, out);
            ssmq_str_puts(out, "'");
            break;
        case OPERAND_COMMAND:
            ssmq_str_puts(out, "_ssmq_words '");
            bash_names(commands, out);
            ssmq_str_puts(out, "'");
            break;
        case OPERAND_YAML: ssmq_str_puts(out, "_ssmq_files yaml"); break;
        case OPERAND_PATH: ssmq_str_puts(out, "_ssmq_files"); break;
        }
        ssmq_str_puts(out, " ;;\n");
    }
    ssmq_str_puts(out, "            esac ;;\n");
    ssmq_str_free(&name);
}

static void bash_options(const ssmq_command *c, ssmq_str *out)
{
    ssmq_str_printf(out, "        %s) _ssmq_words '", c->name);
    for (const ssmq_option *o = c->options; o && o->name; o++)
        ssmq_str_printf(out, "--%s%s ", negation(o), o->name);
    ssmq_str_puts(out, "--help' ;;\n");
}

static const char bash_head[] =
    "# Completion of ssmq's command lines for bash.  Written by `ssmq completion bash`.\n"
    "\n"
    "_ssmq_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }\n"
    "\n"
    "# Files, of one ending if it is given, and folders.\n"
    "_ssmq_files() {\n"
    "    compopt -o filenames 2> /dev/null\n"
    "    if [ $# -gt 0 ]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -f -X \"!*.$1\" -- \"$cur\"; compgen -d -- \"$cur\")\n"
    "    else\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "\n"
    "# Past the value of the option at i, which may stand behind a =.\n"
    "_ssmq_skip() {\n"
    "    i=$((i + 1))\n"
    "    if [ \"${COMP_WORDS[i]}\" = '=' ]; then i=$((i + 1)); fi\n"
    "}\n"
    "\n"
    "_ssmq() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} before operand=0 i\n"
    "    before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    COMPREPLY=()\n"
    "    # bash takes --name=value apart.\n"
    "    if [ \"$cur\" = '=' ]; then\n"
    "        cur=\n"
    "    elif [ \"$before\" = '=' ]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n";

static const char bash_middle[] =
    "    for ((i = 2; i < COMP_CWORD; i++)); do\n"
    "        case \"$command ${COMP_WORDS[i]}\" in\n";

static const char bash_end[] =
    "            *' -'*) ;;\n"
    "            *) operand=$((operand + 1)) ;;\n"
    "        esac\n"
    "    done\n";

/* Options with a value: the value is no operand. */
static void bash_skip(const ssmq_command *c, ssmq_str *out)
{
    for (const ssmq_option *o = c->options; o && o->name; o++)
        if (has_value(o))
            ssmq_str_printf(out, "            '%s --%s') _ssmq_skip ;;\n", c->name, o->name);
}

static void put_bash(const ssmq_command *const *commands, ssmq_str *out)
{
    ssmq_str_printf(out, "%s        _ssmq_words '", bash_head);
    bash_names(commands, out);
    ssmq_str_puts(out, "help --help --version'\n        return\n    fi\n"
                       "    case \"$command $before\" in\n");
    for (int i = 0; commands[i]; i++) bash_values(commands[i], out);
    ssmq_str_printf(out, "    esac\n%s", bash_middle);
    for (int i = 0; commands[i]; i++) bash_skip(commands[i], out);
    ssmq_str_printf(out, "%s    if [[ $cur == -* ]]; then\n        case $command in\n", bash_end);
    for (int i = 0; commands[i]; i++) bash_options(commands[i], out);
    ssmq_str_puts(out, "        esac\n        return\n    fi\n    case $command in\n");
    for (int i = 0; commands[i]; i++)
        if (commands[i]->operands) bash_operands(commands, commands[i], out);
    ssmq_str_puts(out, "        help) _ssmq_words '");
    bash_names(commands, out);
    ssmq_str_puts(out, "' ;;\n    esac\n}\n\ncomplete -F _ssmq ssmq\n");
}

/* ---- zsh ------------------------------------------------------------------------------- */

/* Text within single quotes, where special is written with a backslash before it. */
static void put_quoted(const char *text, const char *special, ssmq_str *out)
{
    for (; *text; text++) {
        if (*text == '\'') ssmq_str_puts(out, "'\\''");
        else ssmq_str_printf(out, "%s%c", strchr(special, *text) ? "\\" : "", *text);
    }
}

#define ZSH_SPECIAL "[]:\\"

static void zsh_option(const ssmq_option *o, ssmq_str *out)
{
    const bool repeats = o->type == SSMQ_OPTION_LIST || o->type == SSMQ_OPTION_SITES;
    ssmq_str_printf(out, "                '%s--%s%s%s[", repeats ? "*" : "", negation(o), o->name,
                    has_value(o) ? "=" : "");
    put_quoted(o->help, ZSH_SPECIAL, out);
    ssmq_str_puts(out, "]");
    if (has_value(o)) ssmq_str_printf(out, ":%s:", o->name);
    if (o->choices) {
        ssmq_str_puts(out, "(");
        put_choices(o, out);
        ssmq_str_puts(out, ")");
    } else if (has_value(o) && is_path(o)) {
        ssmq_str_puts(out, "_files");
    }
    ssmq_str_puts(out, "' \\\n");
}

static void zsh_operand(const char *name, int at, ssmq_str *out)
{
    const char number[] = {(char)('1' + at), '\0'};
    ssmq_str_printf(out, " \\\n                '%s:", ssmq_str_ends(name, "...") ? "*" : number);
    put_quoted(name, ZSH_SPECIAL, out);
    ssmq_str_puts(out, ":");
    switch (kind_of(name)) {
    case OPERAND_NONE: break;
    case OPERAND_WORDS:
        ssmq_str_puts(out, "(");
        put_alternatives(name, out);
        ssmq_str_puts(out, ")");
        break;
    case OPERAND_COMMAND: ssmq_str_puts(out, "_ssmq_commands"); break;
    case OPERAND_YAML: ssmq_str_puts(out, "_files -g \"*.yaml\""); break;
    case OPERAND_PATH: ssmq_str_puts(out, "_files"); break;
    }
    ssmq_str_puts(out, "'");
}

static void zsh_command(const ssmq_command *c, ssmq_str *out)
{
    ssmq_str name = {0};
    ssmq_str_printf(out, "        %s)\n            _arguments \\\n", c->name);
    for (const ssmq_option *o = c->options; o && o->name; o++) zsh_option(o, out);
    ssmq_str_puts(out, "                '--help[what there is to know]'");
    for (int i = 0; i < n_operands(c); i++) {
        ssmq_str_clear(&name);
        operand_name(c, i, &name);
        zsh_operand(ssmq_str_text(&name), i, out);
    }
    ssmq_str_puts(out, " ;;\n");
    ssmq_str_free(&name);
}

static void put_zsh(const ssmq_command *const *commands, ssmq_str *out)
{
    ssmq_str_puts(out, "#compdef ssmq\n"
                       "# Completion of ssmq's command lines for zsh.  Written by `ssmq completion zsh`.\n\n"
                       "_ssmq_commands() {\n    local -a commands=(\n");
    for (int i = 0; commands[i]; i++) {
        ssmq_str_printf(out, "        '%s:", commands[i]->name);
        put_quoted(commands[i]->help, ":\\", out);
        ssmq_str_puts(out, "'\n");
    }
    ssmq_str_puts(out, "    )\n    _describe command commands\n}\n\n"
                       "_ssmq() {\n    local curcontext=$curcontext state line\n"
                       "    _arguments -C '--help[what there is to know]' '--version[what it is built of]' \\\n"
                       "        '1:command:_ssmq_commands' '*::argument:->argument'\n"
                       "    [[ $state == argument ]] || return\n"
                       "    case $words[1] in\n");
    for (int i = 0; commands[i]; i++) zsh_command(commands[i], out);
    ssmq_str_puts(out, "        help) _arguments '1:command:_ssmq_commands' ;;\n    esac\n}\n\n_ssmq \"$@\"\n");
}

/* ---- fish ------------------------------------------------------------------------------ */

static void fish_line(const char *condition, const char *name, const char *rest, const char *help,
                      ssmq_str *out)
{
    ssmq_str_printf(out, "complete -c ssmq -n '%s%s' %s", condition, name, rest);
    if (help) {
        ssmq_str_puts(out, " -d '");
        put_quoted(help, "\\", out);
        ssmq_str_puts(out, "'");
    }
    ssmq_str_puts(out, "\n");
}

static void fish_option(const ssmq_command *c, const ssmq_option *o, ssmq_str *out)
{
    ssmq_str rest = {0};
    ssmq_str_printf(&rest, "-l %s%s", negation(o), o->name);
    if (o->choices) {
        ssmq_str_puts(&rest, " -x -a '");
        put_choices(o, &rest);
        ssmq_str_puts(&rest, "'");
    } else if (has_value(o)) {
        ssmq_str_puts(&rest, is_path(o) ? " -r -F" : " -x");
    }
    fish_line("__fish_seen_subcommand_from ", c->name, ssmq_str_text(&rest), o->help, out);
    ssmq_str_free(&rest);
}

/* fish does not count operands: what any of them may be is offered for all. */
static void fish_operands(const ssmq_command *const *commands, const ssmq_command *c, ssmq_str *out)
{
    ssmq_str name = {0}, rest = {0};
    for (int i = 0; i < n_operands(c); i++) {
        ssmq_str_clear(&name);
        ssmq_str_clear(&rest);
        operand_name(c, i, &name);
        const operand_kind kind = kind_of(ssmq_str_text(&name));
        if (kind == OPERAND_YAML || kind == OPERAND_PATH) {
            ssmq_str_puts(&rest, "-F");
        } else {
            ssmq_str_puts(&rest, "-a '");
            if (kind == OPERAND_COMMAND) bash_names(commands, &rest);
            else put_alternatives(ssmq_str_text(&name), &rest);
            ssmq_str_puts(&rest, "'");
        }
        fish_line("__fish_seen_subcommand_from ", c->name, ssmq_str_text(&rest), NULL, out);
    }
    ssmq_str_free(&name);
    ssmq_str_free(&rest);
}

static void put_fish(const ssmq_command *const *commands, ssmq_str *out)
{
    ssmq_str_puts(out, "# Completion of ssmq's command lines for fish.  Written by `ssmq completion fish`.\n"
                       "complete -c ssmq -f\n");
    fish_line("__fish_use_subcommand", "", "-l help", "what there is to know", out);
    fish_line("__fish_use_subcommand", "", "-l version", "what it is built of", out);
    for (int i = 0; commands[i]; i++) {
        ssmq_str word = {0};
        ssmq_str_printf(&word, "-a %s", commands[i]->name);
        fish_line("__fish_use_subcommand", "", ssmq_str_text(&word), commands[i]->help, out);
        ssmq_str_free(&word);
    }
    for (int i = 0; commands[i]; i++) {
        for (const ssmq_option *o = commands[i]->options; o && o->name; o++)
            fish_option(commands[i], o, out);
        fish_line("__fish_seen_subcommand_from ", commands[i]->name, "-l help", "what there is to know", out);
        if (commands[i]->operands) fish_operands(commands, commands[i], out);
    }
}

void ssmq_program_completion(const ssmq_command *const *commands, int shell, ssmq_str *out)
{
    static void (*const put[])(const ssmq_command *const *commands, ssmq_str *out) = {put_bash, put_zsh,
                                                                                      put_fish};
    put[shell](commands, out);
}
