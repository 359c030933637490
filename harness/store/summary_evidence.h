/* The parts of a summary that say where its loss comes from: errors at sites, sensitivity, interactions.  For
 * summary.c only. */
#pragma once
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "site_errors" of the run; nothing where none were measured. */
void ssmq_summary_put_sites(ssmq_json_writer *w, const ssmq_site_scores *s);
/* In the arena; INPUT. */
SSMQ_MUST_USE ssmq_status ssmq_summary_read_sites(const ssmq_json *j, ssmq_arena *a,
                                                  ssmq_site_scores *out);

/* The same of "sensitivity", and of "interactions". */
void ssmq_summary_put_sensitivity(ssmq_json_writer *w, const ssmq_sensitivity_scores *s);
SSMQ_MUST_USE ssmq_status ssmq_summary_read_sensitivity(const ssmq_json *j, ssmq_arena *a,
                                                        ssmq_sensitivity_scores *out);
void ssmq_summary_put_interactions(ssmq_json_writer *w, const ssmq_interaction_scores *s);
SSMQ_MUST_USE ssmq_status ssmq_summary_read_interactions(const ssmq_json *j, ssmq_arena *a,
                                                         ssmq_interaction_scores *out);

/* What ssmq_summary_put_real() wrote: a number, or null with a flag beside it. */
SSMQ_MUST_USE ssmq_status ssmq_summary_read_real(const ssmq_json *j, const char *key, double *out);
/* A text in the arena, NULL where it is null; and whether the key is there at all. */
SSMQ_MUST_USE ssmq_status ssmq_summary_read_text(const ssmq_json *j, const char *key, bool required,
                                                 ssmq_arena *a, const char **out);
bool ssmq_summary_has(const ssmq_json *j, const char *key);

/* The array or object under a key of a document as one of its own, which owns nothing; *out has no root where
 * the key is missing.  INPUT if it is neither. */
SSMQ_MUST_USE ssmq_status ssmq_summary_part(const ssmq_json *j, const char *key, ssmq_json *out);
/* An element of an array. */
ssmq_json ssmq_summary_element(const ssmq_json *array, int64_t i);

#ifdef __cplusplus
}
#endif
