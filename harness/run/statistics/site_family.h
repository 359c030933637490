/* One site in all the layers that have it, as results file it: /sites/<site>/, layers side by side. */
#pragma once
#include "harness/contract/model.h"
#include "harness/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_site_family {
    const ssmq_model *model;
    const char       *name;  /* without "layers.N."                                   */
    const char       *group; /* "/sites/<name>"                                       */
    const char       *axis;  /* path of its layer axis                                */
    int32_t          *site;  /* [n] index into the model's sites; -1: not in this layer */
    int32_t           n;     /* layers; 1 outside them                                */
    int32_t           first; /* the site that it was gathered from                    */
} ssmq_site_family;

/* A site's name without "layers.N.", a part of it. */
const char *ssmq_site_bare_name(const ssmq_site *site);

/* The site first of the model with its like in the other layers, in the arena.  Sites of layer 0 and those
 * outside the layers are the first of their families. */
ssmq_site_family ssmq_site_family_of(const ssmq_model *m, int32_t first, ssmq_arena *arena);

/* "/sites/<name>/<suffix>", the arena's. */
const char *ssmq_site_path(const ssmq_site_family *f, const char *suffix, ssmq_arena *arena);

/* The group of a family with its attributes kind, op and width, and the layer axis of a site outside the
 * layers; nothing where it is there already.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_site_family_write(ssmq_store *s, const ssmq_site_family *f);

#ifdef __cplusplus
}
#endif
