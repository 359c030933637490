#include "harness/data/chat_template.h"
#include <string.h>
#include <unistd.h>
#include "harness/base/json.h"

#define FILE_LIMIT ((size_t)16 << 20)

/* zephyr: that of HuggingFaceH4's models and of mamba-chat, whose texts end with <|endoftext|>. */
const ssmq_chat_template ssmq_chat_templates[] = {
    {"plain", {"", "\n\n"}, {"User: ", "\n"}, {"Assistant:", "\n"}, "\nUser:"},
    {"chatml",
     {"<|im_start|>system\n", "<|im_end|>\n"},
     {"<|im_start|>user\n", "<|im_end|>\n"},
     {"<|im_start|>assistant\n", "<|im_end|>\n"},
     "<|im_end|>"},
    {"zephyr",
     {"<|system|>\n", "<|endoftext|>\n"},
     {"<|user|>\n", "<|endoftext|>\n"},
     {"<|assistant|>\n", "<|endoftext|>\n"},
     ""},
    {NULL, {NULL, NULL}, {NULL, NULL}, {NULL, NULL}, NULL},
};

static const ssmq_chat_template *known(const char *name)
{
    for (const ssmq_chat_template *t = ssmq_chat_templates; t->name; t++)
        if (strcmp(t->name, name) == 0) return t;
    return NULL;
}

/* ---- a file of one's own ----------------------------------------------------------------- */

static ssmq_status read_text(const ssmq_json *j, const char *key, bool required, ssmq_arena *arena,
                             const char **out)
{
    *out = "";
    SSMQ_TRY(ssmq_json_text(j, key, required, out));
    *out = ssmq_arena_strdup(arena, *out);
    return SSMQ_OK;
}

static ssmq_status read_template(const ssmq_json *j, ssmq_arena *arena, ssmq_chat_template *out)
{
    SSMQ_TRY(read_text(j, "system.before", false, arena, &out->system.before));
    SSMQ_TRY(read_text(j, "system.after", false, arena, &out->system.after));
    SSMQ_TRY(read_text(j, "user.before", true, arena, &out->user.before));
    SSMQ_TRY(read_text(j, "user.after", true, arena, &out->user.after));
    SSMQ_TRY(read_text(j, "assistant.before", true, arena, &out->assistant.before));
    SSMQ_TRY(read_text(j, "assistant.after", true, arena, &out->assistant.after));
    return read_text(j, "stop", false, arena, &out->stop);
}

/* ---- that of a model --------------------------------------------------------------------- */

/* By the marks that only these have. */
static ssmq_status recognise(const char *path, const char *jinja, ssmq_chat_template *out)
{
    const char *name =
        strstr(jinja, "<|im_start|>") && strstr(jinja, "<|im_end|>") ? "chatml"
        : strstr(jinja, "<|user|>") && strstr(jinja, "<|assistant|>") && strstr(jinja, "eos_token")
            ? "zephyr"
            : NULL;
    if (!name)
        return SSMQ_FAIL(UNSUPPORTED,
                         "%s: chat_template is a Jinja template that is none of plain, chatml, "
                         "zephyr; say one of "
                         "them or a file with --template",
                         path);
    *out = *known(name);
    return SSMQ_OK;
}

/* tokenizer_config.json is large where it lists added tokens; a template may be missing from it. */
static ssmq_status of_model(const char *directory, ssmq_arena *arena, ssmq_chat_template *out)
{
    const char *path = ssmq_arena_printf(arena, "%s/tokenizer_config.json", directory),
               *jinja = NULL;
    ssmq_json j = {0};
    *out = ssmq_chat_templates[0];
    if (access(path, F_OK) != 0) return SSMQ_OK;
    SSMQ_TRY(ssmq_json_open(path, FILE_LIMIT, &j));
    ssmq_status st = ssmq_json_text(&j, "chat_template", false, &jinja);
    if (st == SSMQ_OK && jinja) st = recognise(path, jinja, out);
    ssmq_json_close(&j);
    return st;
}

ssmq_status ssmq_chat_template_find(const char *name, const char *directory, ssmq_arena *arena,
                                    ssmq_chat_template *out)
{
    ssmq_json j = {0};
    if (!name) return of_model(directory, arena, out);
    if (known(name)) {
        *out = *known(name);
        return SSMQ_OK;
    }
    if (access(name, F_OK) != 0)
        return SSMQ_FAIL(
            USAGE, "--template: '%s' is neither a file nor one of plain, chatml, zephyr", name);
    SSMQ_TRY(ssmq_json_open(name, FILE_LIMIT, &j));
    *out = (ssmq_chat_template){.name = name};
    const ssmq_status st = read_template(&j, arena, out);
    ssmq_json_close(&j);
    return st;
}
