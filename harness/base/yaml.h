/* YAML: libyaml's events as a tree that keeps where everything stands.  Scalars keep their text;
 * what type a text has is decided here, by the core schema of YAML 1.2, when somebody asks.
 *
 * Refused, with the place: what is no UTF-8 or no YAML, NUL, more than SSMQ_YAML_BYTES_MAX, nesting
 * over SSMQ_YAML_DEPTH_MAX, several documents, duplicate keys, keys that are no scalars, `<<`,
 * tags, aliases that expand to more than SSMQ_YAML_ALIAS_MAX nodes. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/diag.h"
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_YAML_BYTES_MAX (1 << 20)
#define SSMQ_YAML_DEPTH_MAX 64
#define SSMQ_YAML_ALIAS_MAX 10000 /* nodes that aliases stand for, all together */
#define SSMQ_YAML_ANCHOR_MAX 1000
#define SSMQ_YAML_ENTRY_MAX 10000 /* of one mapping or list */

typedef enum ssmq_yaml_kind {
    SSMQ_YAML_SCALAR,
    SSMQ_YAML_LIST,
    SSMQ_YAML_MAP,
} ssmq_yaml_kind;

/* Which printed form an entry belongs to. */
typedef enum ssmq_yaml_view {
    SSMQ_YAML_BOTH,
    SSMQ_YAML_SHOWN,  /* for people only: names, paths */
    SSMQ_YAML_HASHED, /* for the hash only: sums of files */
} ssmq_yaml_view;

/* Nodes may be shared between trees, by aliases and by merging: whoever changes one copies it
 * first. */
typedef struct ssmq_yaml {
    ssmq_yaml_kind     kind;
    bool               quoted; /* SCALAR: text, whatever it looks like */
    ssmq_yaml_view     view;
    const char        *text;   /* SCALAR */
    int32_t            n;      /* entries of a LIST or MAP */
    int32_t            capacity;
    struct ssmq_yaml **key;    /* MAP: scalars, all different */
    struct ssmq_yaml **value;  /* MAP, LIST */
    ssmq_place         place;  /* source NULL: a default that nobody wrote */
    int32_t            line;   /* of place, from 1 */
} ssmq_yaml;

/* ---- reading --------------------------------------------------------------------------- */

/* The file at path as a source, named as it is; NULL, reported at from (or without a place, where
 * its source is NULL), if it is missing, unreadable (INPUT) or too large (CONFIG). */
ssmq_origin *ssmq_origin_open(ssmq_arena *arena, const char *path, ssmq_place from,
                              ssmq_diag *diag);

/* The tree of the source's text from offset begin on; a text without a document is a scalar with an
 * empty text.  Every problem goes to diag.  NULL if there is no tree to go on with; after a
 * duplicate key, `<<`, a tag or a second document there is one, so that what else is wrong can be
 * found too. */
ssmq_yaml *ssmq_yaml_parse(ssmq_arena *arena, ssmq_origin *source, size_t begin, ssmq_diag *diag);

/* The value of a key; NULL if the map has none, or n is NULL or no map. */
ssmq_yaml *ssmq_yaml_get(const ssmq_yaml *n, const char *key);
/* The index of a key, -1 if there is none. */
int32_t    ssmq_yaml_find(const ssmq_yaml *n, const char *key);

/* ---- types ----------------------------------------------------------------------------- */

typedef enum ssmq_yaml_type {
    SSMQ_YAML_NULL,
    SSMQ_YAML_BOOL,
    SSMQ_YAML_INT,
    SSMQ_YAML_REAL,
    SSMQ_YAML_TEXT,
    SSMQ_YAML_LIST_TYPE,
    SSMQ_YAML_MAP_TYPE,
} ssmq_yaml_type;

/* By the core schema: true, True and TRUE are booleans and yes is text; 0o17, 0x1f and 10 are
 * integers. */
ssmq_yaml_type ssmq_yaml_type_of(const ssmq_yaml *n);

/* Values of nodes of that type.  INT that does not fit is the nearest that does. */
bool    ssmq_yaml_bool(const ssmq_yaml *n);
int64_t ssmq_yaml_int(const ssmq_yaml *n);
double  ssmq_yaml_real(const ssmq_yaml *n); /* INT too */

/* What a message calls the node: "a list", "the text 'eight'", "the number 8", "nothing". */
const char *ssmq_yaml_found(ssmq_arena *arena, const ssmq_yaml *n);

/* ---- building and printing ------------------------------------------------------------- */

ssmq_yaml *ssmq_yaml_new(ssmq_arena *arena, ssmq_yaml_kind kind);
/* A scalar; quoted: text whatever it looks like. */
ssmq_yaml *ssmq_yaml_scalar(ssmq_arena *arena, const char *text, bool quoted);
/* The same, standing where given stands; given may be NULL. */
ssmq_yaml *ssmq_yaml_scalar_at(ssmq_arena *arena, const char *text, bool quoted,
                               const ssmq_yaml *given);
/* Adds an entry, with a key for a map (not there yet) and NULL for a list. */
void       ssmq_yaml_append(ssmq_arena *arena, ssmq_yaml *to, ssmq_yaml *key, ssmq_yaml *value);
/* The same for a map, with the key as text. */
void       ssmq_yaml_put(ssmq_arena *arena, ssmq_yaml *map, const char *key, ssmq_yaml *value);
/* A copy of one node, whose entries are shared with the original. */
ssmq_yaml *ssmq_yaml_copy(ssmq_arena *arena, const ssmq_yaml *n);

typedef struct ssmq_yaml_style {
    ssmq_yaml_view view;    /* SHOWN or HASHED: what belongs to the other is left out */
    bool           origins; /* behind each value, as a comment, where it came from */
} ssmq_yaml_style;

/* Appends block YAML that reads back to the same tree, the same text for the same tree. */
void ssmq_yaml_print(const ssmq_yaml *n, ssmq_yaml_style style, ssmq_str *out);
/* Appends the tree as JSON on one line: {"statistic": "quantile", "p": 99.999}.  Numbers that JSON
 * writes otherwise (0x1f, +1, .inf) become texts. */
void ssmq_yaml_json(const ssmq_yaml *n, ssmq_str *out);

#ifdef __cplusplus
}
#endif
