/* The sections of `ssmq report`, in the order of the page. */
#pragma once
#include "analysis/comparison.h"
#include "analysis/facts.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_report_subject {
    const char                   *path;
    const ssmq_comparison_source *source;
    const ssmq_comparison        *table; /* NULL: no run has figures */
    ssmq_arena                   *arena;
} ssmq_report_subject;

/* What is stored of the runs that have begun. */
typedef struct ssmq_report_facts {
    const ssmq_stored_run **run; /* [n] */
    ssmq_facts             *of;  /* [n] */
    int32_t                 n;
} ssmq_report_facts;

/* Each appends HTML.  The table with changes and uncertainty. */
void                      ssmq_report_results(const ssmq_report_subject *s, ssmq_str *out);
/* Pictures drawn by gnuplot, or why there are none. */
void                      ssmq_report_figures(const ssmq_report_subject *s, ssmq_str *out);
/* Which runs differ by more than noise, figures paired with float, what was expected, alarms. */
void                      ssmq_report_evidence(const ssmq_report_subject *s, ssmq_str *out);
/* How each run ended, with its reason and the last line of its log. */
SSMQ_MUST_USE ssmq_status ssmq_report_statuses(const ssmq_report_subject *s, ssmq_str *out);
/* What was run, and in what runs differ; inputs, build and host.  DAMAGED. */
SSMQ_MUST_USE ssmq_status ssmq_report_configuration(const ssmq_report_subject *s, ssmq_str *out);

/* The steps of the recipes that runs have, side by side, differences marked; nothing where no run has one. */
void ssmq_report_recipes(const ssmq_report_facts *all, ssmq_arena *arena, ssmq_str *out);
/* Do all runs of each recipe agree on this key? */
bool ssmq_report_is_of_recipe(const ssmq_report_facts *all, const char *key);

extern const char ssmq_report_style[]; /* CSS */

#ifdef __cplusplus
}
#endif
