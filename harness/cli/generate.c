/* ssmq generate: text from a model, in any mode. */
#include <errno.h>
#include <string.h>
#include "harness/base/file.h"
#include "harness/cli/commands.h"
#include "harness/cli/text.h"

typedef struct generate_options {
    ssmq_text_options text; /* first: SSMQ_TEXT_OPTION_LINES */
    const char       *prompt, *prompt_file;
    int               format;
} generate_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };

static const ssmq_option generate_table[] = {
    {"prompt", offsetof(generate_options, prompt), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "what to continue; empty: from the beginning of a text"},
    {"prompt-file", offsetof(generate_options, prompt_file), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "file of it in place of --prompt, which a command line limits in length; - is standard input"},
    SSMQ_TEXT_OPTION_LINES,
    {"format", offsetof(generate_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats,
     "json: all at once, with the ids"},
    {0},
};

#define PROMPT_MAX ((size_t)64 << 20)

static ssmq_status read_input(ssmq_str *out)
{
    char   bytes[1 << 12];
    size_t got;
    while (out->length <= PROMPT_MAX && (got = fread(bytes, 1, sizeof bytes, stdin)) > 0) ssmq_str_append(out, bytes, got);
    if (ferror(stdin)) return SSMQ_FAIL(IO, "--prompt-file: standard input: %s", strerror(errno));
    if (out->length <= PROMPT_MAX) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "--prompt-file: standard input has more than %zu bytes", PROMPT_MAX);
}

/* The prompt as it was given or lies in a file, byte for byte. */
static ssmq_status read_prompt(const generate_options *o, ssmq_str *out)
{
    if (!o->prompt == !o->prompt_file) return SSMQ_FAIL(USAGE, "generate needs one of --prompt TEXT and --prompt-file FILE");
    if (o->prompt) ssmq_str_puts(out, o->prompt);
    else if (strcmp(o->prompt_file, "-") == 0) SSMQ_TRY(read_input(out));
    else SSMQ_TRY(ssmq_file_read(o->prompt_file, PROMPT_MAX, out));
    if (strlen(ssmq_str_text(out)) == out->length) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "--prompt-file: %s: a NUL byte at byte %zu", o->prompt_file, strlen(ssmq_str_text(out)));
}

/* An empty prompt is the token that begins texts. */
static ssmq_status encode_prompt(const generate_options *o, const ssmq_str *prompt, ssmq_text_model *m, ssmq_ids *out)
{
    const char       *option = o->prompt ? "--prompt" : "--prompt-file";
    const ssmq_status st = ssmq_tokenizer_encode(m->tokenizer, ssmq_str_text(prompt), prompt->length, out);
    if (st != SSMQ_OK) return SSMQ_FAIL(INPUT, "%s: %s", option, ssmq_error_last()->message);
    if (out->length > 0) return SSMQ_OK;
    if (m->end < 0)
        return SSMQ_FAIL(USAGE, "%s is empty, and the tokenizer has no token to begin a text with", option);
    ssmq_ids_append(out, &m->end, 1);
    return SSMQ_OK;
}

static void print_json(const char *given, const ssmq_text_model *m, const ssmq_ids *prompt, const ssmq_generated *g,
                       const char *text, FILE *out)
{
    ssmq_str         json = {0};
    ssmq_json_writer w = {.out = &json, .compact = true};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "mode", ssmq_modes[m->mode]);
    ssmq_json_put_text(&w, "prompt", given);
    ssmq_json_put_text(&w, "text", text);
    ssmq_json_put_text(&w, "end", ssmq_generation_ends[g->end]);
    ssmq_text_put_ids(&w, "prompt_ids", prompt);
    ssmq_text_put_ids(&w, "ids", &g->ids);
    ssmq_json_end_object(&w);
    fprintf(out, "%s\n", ssmq_str_text(&json));
    ssmq_str_free(&json);
}

static ssmq_status write_text(const generate_options *o, const ssmq_str *given, ssmq_text_model *m, FILE *out)
{
    ssmq_text_printer p = {.out = o->format == FORMAT_TEXT ? out : NULL};
    ssmq_generation   g = ssmq_text_generation(m);
    ssmq_ids          prompt = {0};
    ssmq_generated    made = {0};
    ssmq_status       st;
    SSMQ_TRY_DONE(st, encode_prompt(o, given, m, &prompt));
    g.prompt = prompt.data;
    g.n_prompt = prompt.length;
    g.show = ssmq_text_show;
    g.context = &p;
    SSMQ_TRY_DONE(st, ssmq_generate(&m->ready, m->tokenizer, &g, &made));
    if (p.out) fputc('\n', out);
    else print_json(ssmq_str_text(given), m, &prompt, &made, ssmq_str_text(&p.text), out);
done:
    ssmq_ids_free(&made.ids);
    ssmq_ids_free(&prompt);
    ssmq_str_free(&p.text);
    return st;
}

static ssmq_status generate_run(const void *options, int n_operand, const char *const *operand,
                                const ssmq_catalogue *cat, FILE *out)
{
    const generate_options *o = options;
    ssmq_arena             *arena = ssmq_arena_new();
    ssmq_text_model         m = {0};
    ssmq_str                prompt = {0};
    (void)n_operand, (void)operand;
    ssmq_status st = read_prompt(o, &prompt);
    if (st == SSMQ_OK) st = ssmq_text_open(&o->text, cat, arena, &m);
    if (st == SSMQ_OK) st = write_text(o, &prompt, &m, out);
    ssmq_text_close(&m);
    ssmq_str_free(&prompt);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_generate = {
    .name = "generate",
    .help = "continue a text, in any mode",
    .options = generate_table,
    .options_size = sizeof(generate_options),
    .run = generate_run,
};
