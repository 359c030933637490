/* `sweep` and `expect` as JSON Schema. */
#include "harness/run/experiment/schema_writer.h"

typedef ssmq_schema_writer writer;

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Names of axes to mappings of paths to lists of values. */
static void put_axes(writer *w)
{
    ssmq_json_begin_object(&w->json, "axes");
    ssmq_json_put_text(&w->json, "description", "axes along which the experiment is repeated");
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_begin_object(&w->json, "propertyNames");
    ssmq_json_put_text(&w->json, "pattern", SSMQ_SCHEMA_NAME);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "additionalProperties");
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_put_int(&w->json, "minProperties", 1);
    ssmq_json_begin_object(&w->json, "additionalProperties");
    ssmq_schema_put_type(w, WORDS("array"));
    ssmq_json_put_int(&w->json, "minItems", 1);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
}

/* Begins a list of at least n of a type; its items are open. */
static void begin_list(writer *w, const char *key, const char *help, int64_t n, const char *type)
{
    ssmq_json_begin_object(&w->json, key);
    if (help) ssmq_json_put_text(&w->json, "description", help);
    ssmq_schema_put_type(w, WORDS("array"));
    if (n > 0) ssmq_json_put_int(&w->json, "minItems", n);
    ssmq_json_begin_object(&w->json, "items");
    if (type) ssmq_schema_put_type(w, WORDS(type));
}

static void end_list(writer *w)
{
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
}

static void put_sweep_parts(writer *w)
{
    put_axes(w);
    begin_list(w, "zip", "axes that move together", 0, NULL);
    ssmq_schema_put_type(w, WORDS("array"));
    ssmq_json_put_int(&w->json, "minItems", 2);
    ssmq_json_begin_object(&w->json, "items");
    ssmq_schema_put_text_type(w);
    end_list(w);
    ssmq_json_end_object(&w->json);
    begin_list(w, "exclude", "points that are left out", 0, "object");
    ssmq_json_put_int(&w->json, "minProperties", 1);
    end_list(w);
    ssmq_json_begin_object(&w->json, "baseline");
    ssmq_json_put_text(&w->json, "description", "what others are compared with");
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_put_int(&w->json, "minProperties", 1);
    ssmq_json_end_object(&w->json);
    begin_list(w, "seeds", "values of run.seed", 1, "integer");
    end_list(w);
}

void ssmq_schema_put_sweep(writer *w)
{
    ssmq_schema_put_mapping(w, ssmq_schema_sweep, put_sweep_parts);
}

void ssmq_schema_put_expect(writer *w)
{
    ssmq_schema_put_type(w, WORDS("array"));
    ssmq_json_begin_object(&w->json, "items");
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_begin_object(&w->json, "properties");
    ssmq_schema_put_options(w, ssmq_schema_expect);
    ssmq_json_begin_object(&w->json, "where");
    ssmq_json_put_text(&w->json, "description", "which runs, as in sweep.exclude");
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_end_object(&w->json);
    ssmq_schema_end_properties(w);
    ssmq_schema_put_required(w, ssmq_schema_expect, NULL);
    ssmq_json_end_object(&w->json);
}
