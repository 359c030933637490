/* ssmq chat: a dialogue with a model, in any mode. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/cli/commands.h"
#include "harness/cli/text.h"
#include "harness/data/chat_template.h"

typedef struct chat_options {
    ssmq_text_options text; /* first: SSMQ_TEXT_OPTION_LINES */
    const char *template, *system;
    int format;
} chat_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };

static const ssmq_option chat_table[] = {
    {"template", offsetof(chat_options, template), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "plain, chatml, zephyr, or a JSON file of what stands around messages; without it the model's "
     "own, if it is one "
     "of these, else plain"},
    {"system", offsetof(chat_options, system), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "what the dialogue begins with"},
    SSMQ_TEXT_OPTION_LINES,
    {"format", offsetof(chat_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats,
     "json: all at once when it is over, with the ids"},
    {0},
};

#define STOPS_MAX 32

typedef struct dialogue {
    const chat_options *o;
    ssmq_text_model     m;
    ssmq_chat_template  form;
    const char         *stop[STOPS_MAX + 2];
    ssmq_writer        *writer;
    ssmq_text_printer   printer;
    ssmq_str            written;  /* all of the last reply, a stop text with it */
    bool                replied;  /* something stands before the next message   */
    bool                terminal; /* somebody types                             */
    ssmq_json_writer    json;
    FILE               *out;
} dialogue;

/* ---- the text of a dialogue -------------------------------------------------------------- */

/* How much of the beginning of text the reply has written already, as where it went on to a stop
 * text. */
static size_t overlap(const ssmq_str *reply, const char *text)
{
    size_t n = strlen(text) < reply->length ? strlen(text) : reply->length;
    while (n > 0 && memcmp(ssmq_str_text(reply) + reply->length - n, text, n) != 0) n--;
    return n;
}

/* All that stands before the next reply and was not read yet. */
static void next_text(const dialogue *d, const char *message, ssmq_str *out)
{
    const ssmq_chat_template *t = &d->form;
    ssmq_str                  between = {0};
    if (d->replied) {
        ssmq_str_printf(&between, "%s%s", t->assistant.after, t->user.before);
        ssmq_str_puts(out, ssmq_str_text(&between) + overlap(&d->written, ssmq_str_text(&between)));
    } else {
        if (d->o->system)
            ssmq_str_printf(out, "%s%s%s", t->system.before, d->o->system, t->system.after);
        ssmq_str_puts(out, t->user.before);
    }
    ssmq_str_printf(out, "%s%s%s", message, t->user.after, t->assistant.before);
    ssmq_str_free(&between);
}

static ssmq_status read_message(dialogue *d, const char *message, int64_t line)
{
    ssmq_str text = {0};
    ssmq_ids ids = {0};
    next_text(d, message, &text);
    /* By itself first: its own offset is what an error names. */
    ssmq_status st = ssmq_tokenizer_encode(d->m.tokenizer, message, strlen(message), &ids);
    ssmq_ids_clear(&ids);
    if (st == SSMQ_OK)
        st = ssmq_tokenizer_encode(d->m.tokenizer, ssmq_str_text(&text), text.length, &ids);
    if (st == SSMQ_OK) ssmq_writer_read(d->writer, ids.data, ids.length);
    ssmq_ids_free(&ids);
    ssmq_str_free(&text);
    if (st == SSMQ_OK) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "message on line %lld: %s", (long long)line,
                     ssmq_error_last()->message);
}

static void put_turn(dialogue *d, const char *message, const ssmq_generated *made)
{
    ssmq_json_begin_object(&d->json, NULL);
    ssmq_json_put_text(&d->json, "user", message);
    ssmq_json_put_text(&d->json, "assistant", ssmq_str_text(&d->printer.text));
    ssmq_json_put_text(&d->json, "end", ssmq_generation_ends[made->end]);
    ssmq_text_put_ids(&d->json, "ids", &made->ids);
    ssmq_json_end_object(&d->json);
}

static ssmq_status reply(dialogue *d, const char *message)
{
    ssmq_generated made = {0};
    ssmq_str_clear(&d->printer.text);
    ssmq_str_clear(&d->written);
    ssmq_status st = ssmq_writer_write(d->writer, d->o->text.tokens, &made);
    if (st == SSMQ_OK)
        st = ssmq_tokenizer_decode(d->m.tokenizer, made.ids.data, made.ids.length, &d->written);
    if (st == SSMQ_OK) {
        d->replied = true;
        if (d->printer.out) fputs("\n", d->printer.out);
        else put_turn(d, message, &made);
    }
    ssmq_ids_free(&made.ids);
    return st;
}

static ssmq_status reset(dialogue *d)
{
    d->replied = false;
    return ssmq_writer_forget(d->writer);
}

/* ---- lines ------------------------------------------------------------------------------- */

static void help(void)
{
    fputs("ssmq: /reset begins anew, /exit (or the end of the input) ends; a message that begins "
          "with / begins with "
          "//\n",
          stderr);
}

/* *over: it was the last line. */
static ssmq_status take_line(dialogue *d, const char *line, int64_t number, bool *over)
{
    *over = strcmp(line, "/exit") == 0;
    if (*over || !*line) return SSMQ_OK;
    if (strcmp(line, "/reset") == 0) return reset(d);
    if (line[0] == '/' && line[1] != '/') {
        help();
        return SSMQ_OK;
    }
    const char *message = line[0] == '/' ? line + 1 : line;
    SSMQ_TRY(read_message(d, message, number));
    return reply(d, message);
}

static ssmq_status take_lines(dialogue *d)
{
    char       *line = NULL;
    size_t      room = 0;
    bool        over = false;
    ssmq_status st = SSMQ_OK;
    if (d->terminal) help();
    for (int64_t number = 1; st == SSMQ_OK && !over; number++) {
        if (d->terminal) fputs("> ", stderr);
        ssize_t n = getline(&line, &room, stdin);
        if (n < 0) break;
        if (memchr(line, 0, (size_t)n))
            st = SSMQ_FAIL(INPUT, "message on line %lld: a NUL byte", (long long)number);
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = 0;
        if (st == SSMQ_OK) st = take_line(d, line, number, &over);
    }
    free(line);
    return st;
}

/* ---- all of it --------------------------------------------------------------------------- */

static ssmq_status open_dialogue(dialogue *d, const ssmq_catalogue *cat, ssmq_arena *arena)
{
    const ssmq_text_options *o = &d->o->text;
    int                      n = 0;
    SSMQ_TRY(ssmq_chat_template_find(d->o->template, o->model, arena, &d->form));
    SSMQ_TRY(ssmq_text_open(o, cat, arena, &d->m));
    for (; o->stop && o->stop[n]; n++) {
        if (n == STOPS_MAX) return SSMQ_FAIL(USAGE, "--stop stands more than %d times", STOPS_MAX);
        d->stop[n] = o->stop[n];
    }
    if (*d->form.stop) d->stop[n] = d->form.stop;
    ssmq_generation g = ssmq_text_generation(&d->m);
    g.stop = d->stop;
    g.show = ssmq_text_show;
    g.context = &d->printer;
    return ssmq_writer_open(&d->m.ready, d->m.tokenizer, &g, &d->writer);
}

static ssmq_status hold(dialogue *d)
{
    ssmq_str json = {0};
    d->json = (ssmq_json_writer){.out = &json};
    ssmq_json_begin_object(&d->json, NULL);
    ssmq_json_put_text(&d->json, "mode", ssmq_modes[d->m.mode]);
    ssmq_json_put_text(&d->json, "template", d->form.name);
    ssmq_json_begin_array(&d->json, "turns");
    const ssmq_status st = take_lines(d);
    ssmq_json_end_array(&d->json);
    ssmq_json_end_object(&d->json);
    if (st == SSMQ_OK && d->o->format == FORMAT_JSON) fprintf(d->out, "%s\n", ssmq_str_text(&json));
    ssmq_str_free(&json);
    return st;
}

static ssmq_status chat_run(const void *options, int n_operand, const char *const *operand,
                            const ssmq_catalogue *cat, FILE *out)
{
    const chat_options *o = options;
    ssmq_arena         *arena = ssmq_arena_new();
    dialogue            d = {.o = o,
                             .out = out,
                             .printer = {.out = o->format == FORMAT_TEXT ? out : NULL},
                             .terminal = isatty(STDIN_FILENO) == 1};
    (void)n_operand, (void)operand;
    ssmq_status st = open_dialogue(&d, cat, arena);
    if (st == SSMQ_OK) st = hold(&d);
    ssmq_writer_close(d.writer);
    ssmq_text_close(&d.m);
    ssmq_str_free(&d.written);
    ssmq_str_free(&d.printer.text);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_chat = {
    .name = "chat",
    .help = "talk with a model, a line a message, in any mode",
    .options = chat_table,
    .options_size = sizeof(chat_options),
    .run = chat_run,
};
