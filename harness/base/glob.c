/* The pattern becomes a small program for a set of threads that step through the name together (K.
 * Thompson, "Regular expression search algorithm", CACM 11:6, 1968), so no pattern backtracks. */
#include "harness/base/glob.h"
#include <stdint.h>
#include <string.h>
#include "harness/base/assert.h"

typedef enum op { OP_CHAR, OP_PART, OP_ANY, OP_SPLIT, OP_JUMP, OP_MATCH } op;

typedef struct instruction {
    uint8_t op;
    char    c;      /* CHAR: this one; PART: any but a dot; ANY: any */
    int16_t target; /* JUMP: there; SPLIT: there and to the next     */
} instruction;

/* A character of the pattern makes at most three instructions. */
#define PROGRAM_MAX (3 * SSMQ_GLOB_MAX + 1)

typedef struct program {
    instruction at[PROGRAM_MAX];
    int16_t     n;
} program;

const char *ssmq_glob_check(const char *pattern, size_t *offset)
{
    size_t open[SSMQ_GLOB_MAX];
    size_t depth = 0, i = 0;
    *offset = 0;
    if (!*pattern) return "it is empty";
    for (; pattern[i]; i++) {
        *offset = i;
        if (i == SSMQ_GLOB_MAX) return "it is longer than 1000 bytes";
        if (pattern[i] == '{') open[depth++] = i;
        if (pattern[i] == '}' && depth-- == 0) return "this '}' closes nothing";
        if (pattern[i] == ',' && depth == 0) return "a comma stands outside of braces";
    }
    if (depth == 0) return NULL;
    *offset = open[depth - 1];
    return "this '{' is not closed";
}

static int16_t emit(program *p, op what, char c)
{
    SSMQ_ASSERT(p->n < PROGRAM_MAX);
    p->at[p->n] = (instruction){.op = (uint8_t)what, .c = c, .target = -1};
    return p->n++;
}

/* any run:  L: SPLIT end;  PART or ANY;  JUMP L */
static void emit_run(program *p, op what)
{
    const int16_t split = emit(p, OP_SPLIT, 0);
    emit(p, what, 0);
    p->at[emit(p, OP_JUMP, 0)].target = split;
    p->at[split].target = p->n;
}

/* An open brace.  {a,b} is  SPLIT L;  a;  JUMP end;  L: b.  The SPLIT stands at the brace and at
 * each comma after which another comma follows, so it is emitted for all and the last one made a
 * JUMP to the next instruction.  The jumps to the end are chained through their targets until it is
 * known. */
typedef struct brace {
    int16_t split; /* of the alternative being read       */
    int16_t jumps; /* the latest jump to the end; -1 none */
} brace;

static void begin_alternative(program *p, brace *b)
{
    b->split = emit(p, OP_SPLIT, 0);
}

static void end_alternative(program *p, brace *b)
{
    const int16_t jump = emit(p, OP_JUMP, 0);
    p->at[jump].target = b->jumps;
    b->jumps = jump;
    p->at[b->split].target = p->n;
}

static void end_brace(program *p, brace *b)
{
    p->at[b->split] = (instruction){.op = OP_JUMP, .target = (int16_t)(b->split + 1)};
    for (int16_t jump = b->jumps; jump >= 0;) {
        const int16_t next = p->at[jump].target;
        p->at[jump].target = p->n;
        jump = next;
    }
}

static void compile(const char *pattern, program *p)
{
    brace  open[SSMQ_GLOB_MAX];
    size_t depth = 0;
    p->n = 0;
    for (const char *c = pattern; *c; c++) {
        if (*c == '{') {
            open[depth].jumps = -1;
            begin_alternative(p, &open[depth++]);
        } else if (*c == ',') {
            end_alternative(p, &open[depth - 1]);
            begin_alternative(p, &open[depth - 1]);
        } else if (*c == '}') {
            end_brace(p, &open[--depth]);
        } else if (*c == '*') {
            const bool spans = c[1] == '*';
            emit_run(p, spans ? OP_ANY : OP_PART);
            c += spans;
        } else {
            emit(p, *c == '?' ? OP_PART : OP_CHAR, *c);
        }
    }
    emit(p, OP_MATCH, 0);
}

/* Instructions that wait for the next character. */
typedef struct threads {
    int16_t at[PROGRAM_MAX];
    int16_t n;
} threads;

/* Adds the instruction and, through splits and jumps, what it leads to.  seen: the step at which
 * each instruction was last reached. */
static void reach(const program *p, threads *t, size_t *seen, size_t step, int16_t from)
{
    int16_t
        stack[PROGRAM_MAX + 2]; /* each instruction is handled once and leaves one more at most */
    int16_t depth = 0;
    stack[depth++] = from;
    while (depth > 0) {
        const int16_t i = stack[--depth];
        if (seen[i] == step) continue;
        seen[i] = step;
        const instruction *at = &p->at[i];
        if (at->op != OP_SPLIT && at->op != OP_JUMP) {
            t->at[t->n++] = i;
            continue;
        }
        SSMQ_ASSERT(depth <= PROGRAM_MAX);
        if (seen[at->target] != step) stack[depth++] = at->target;
        if (at->op == OP_SPLIT && seen[i + 1] != step) stack[depth++] = (int16_t)(i + 1);
    }
}

static bool takes(const instruction *at, char c)
{
    return at->op == OP_ANY || (at->op == OP_PART && c != '.') || (at->op == OP_CHAR && at->c == c);
}

bool ssmq_glob_match(const char *pattern, const char *name)
{
    program p;
    threads now, next;
    size_t  offset, step = 1, seen[PROGRAM_MAX];
    if (ssmq_glob_check(pattern, &offset)) return false;
    compile(pattern, &p);
    memset(seen, 0, (size_t)p.n * sizeof *seen);
    now.n = 0;
    reach(&p, &now, seen, step, 0);
    for (; *name && now.n > 0; name++) {
        next.n = 0;
        step++;
        for (int16_t i = 0; i < now.n; i++)
            if (takes(&p.at[now.at[i]], *name))
                reach(&p, &next, seen, step, (int16_t)(now.at[i] + 1));
        now.n = next.n;
        memcpy(now.at, next.at, (size_t)next.n * sizeof *now.at);
    }
    for (int16_t i = 0; i < now.n; i++)
        if (p.at[now.at[i]].op == OP_MATCH) return true;
    return false;
}
