/* Carries out a plan.  The only code, beside the runner, that knows the mode.
 *
 * A forward pass shows every activation to ssmq_exec_site() under its site's name, then hands it to
 * an op below.  Where the plan quantises its site the tensor holds codes between the two, in fake mode as
 * floats, in real mode as bytes; the op knows that from the plan and rescales its result. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/contract/method.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_mode {
    SSMQ_MODE_FLOAT, /* the plan is ignored: the baseline                            */
    SSMQ_MODE_FAKE,  /* codes carried in f32, f32 arithmetic but for products of codes and of bf16 */
    SSMQ_MODE_REAL,  /* codes in i8, integer kernels                                              */
} ssmq_mode;

extern const char *const ssmq_modes[]; /* "float", "fake", "real", NULL */

/* Is shown the live tensor at a site (host, f32, (B, L, C)): rotated, not yet quantised.  At a state
 * site it is the state after each token, (B, L, E, N); only where wants() asks for it, since it is kept
 * for no other purpose.  wants NULL: no state. */
typedef struct ssmq_probe {
    ssmq_status (*see)(void *context, int32_t site, const ssmq_tensor *x);
    void *context;
    bool (*wants)(void *context, int32_t site);
    /* Does see() of an activation site look for what is not finite, and return NUMERIC where there is any?  Nobody looks
     * before, then, unless a transform stands before it; it is named afterwards.  NULL: nowhere. */
    bool (*checks)(void *context, int32_t site);
    /* Is shown the codes that a site is handed on as, i8 or carried in f32, right after their values.  NULL:
     * no codes. */
    ssmq_status (*codes)(void *context, int32_t site, const ssmq_tensor *q);
} ssmq_probe;

/* UNSUPPORTED, saying which site and why, if a backend cannot carry a plan out in a mode; *site gets the
 * site.  Needs no weights and no scales. */
SSMQ_MUST_USE ssmq_status ssmq_exec_offers(const ssmq_backend_ops *ops, const ssmq_model *m,
                                           const ssmq_plan *plan, ssmq_mode mode, int32_t *site);

/* plan: NULL in float mode.  UNSUPPORTED, naming the first site, if the plan cannot run in this mode
 * on this backend.  be, m and plan are lent and must outlive the exec. */
SSMQ_MUST_USE ssmq_status ssmq_exec_open(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan,
                                         ssmq_mode mode, ssmq_exec **out);
void                      ssmq_exec_close(ssmq_exec *ex); /* accepts NULL */

/* From now on values of m's own, the model's of this exec, are released once their codes are made: nobody else reads
 * them, now or later. */
void ssmq_exec_owns(ssmq_exec *ex, ssmq_model *m);

/* From now on weights in mapped files are moved, as they are first read, to memory of this exec in huge pages:
 * for whoever reads all of them again and again, as decoding does, and shares them with no other process. */
void ssmq_exec_moves(ssmq_exec *ex);

/* Shows every activation site to the probe from now on. */
void ssmq_exec_probe(ssmq_exec *ex, ssmq_probe probe);
/* Must whole sequences be run at once, as a scale is taken from all tokens of one? */
bool ssmq_exec_whole(const ssmq_exec *ex);
/* Bytes of the weights as they have been read so far: codes as they are packed, floats as they lie. */
int64_t ssmq_exec_weight_bytes(const ssmq_exec *ex);
/* Is the weight of this site multiplied in whole numbers, by codes of a byte? */
bool ssmq_exec_is_integer(const ssmq_exec *ex, int32_t site_w);
/* Is it multiplied as numbers of bfloat16, by such numbers? */
bool ssmq_exec_is_bf16(const ssmq_exec *ex, int32_t site_w);
/* Tells where in the sequence the next tokens stand, for messages. */
void ssmq_exec_position(ssmq_exec *ex, int64_t first_token);

/* ---- for whoever measures what quantisation does ---- */

/* How a site's codes are found: with dynamic ranges those of the tensor that was quantised last. */
typedef struct ssmq_quantiser {
    ssmq_qspec   spec;
    ssmq_qparams params; /* lent until the site is quantised again */
} ssmq_quantiser;
ssmq_quantiser ssmq_exec_quantiser(const ssmq_exec *ex, int32_t site);

/* x, the values of an activation site as a probe is shown them, (L, C) contiguous, or of a state site,
 * (L, E, N), to what the site's readers make of it: quantised and dequantised as the plan says, in place;
 * nothing where it leaves the site in floating point.  Rows are tokens; dynamic ranges per tensor are those of
 * all of x.  clamped: NULL, or [L] counts to which the token's clamped codes are added. */
SSMQ_MUST_USE ssmq_status ssmq_exec_recode(ssmq_exec *ex, int32_t site, ssmq_tensor *x,
                                           int64_t *clamped);
/* The weight of a site as real numbers after quantisation, shaped as its values, lent until ex is closed: ex
 * is for nothing else, since ops want codes.  clamped: [rows] counts to which are added the values that lie
 * outside the range of codes, whoever found the codes. */
SSMQ_MUST_USE ssmq_status ssmq_exec_recode_weight(ssmq_exec *ex, int32_t site,
                                                  const ssmq_tensor **out, int64_t *clamped);

/* The codes of a weight of at most 8 bits as bytes, contiguous, shaped as its values; channels that stay in floating
 * point have that of 0.  Of the backend, to be freed there. */
SSMQ_MUST_USE ssmq_status ssmq_exec_weight_codes(ssmq_exec *ex, int32_t site, ssmq_tensor *out);

/* ---- for families ---- */

ssmq_backend *ssmq_exec_backend(ssmq_exec *ex);

/* How many of the L tokens of a sequence a family had best take through a layer together, so that what its
 * ops hand on stays in the caches; L: all, of all sequences.  Less than L only where nobody is to see whole
 * tensors; the results are the same. */
int64_t ssmq_exec_part_length(const ssmq_exec *ex, int64_t L);
/* Says which sequence and token of the batch the tensors of the next ops start with, for messages. */
void ssmq_exec_part(ssmq_exec *ex, int64_t sequence, int64_t token);

/* Memory between ops: tensor number slot of this shape, f32 unless said, contents undefined; lent
 * until the same slot is asked for again.  MEMORY. */
#define SSMQ_EXEC_SLOTS 16
#define SSMQ_EXEC_SLOT_LOGITS 15 /* for whoever calls a family's head                           */
#define SSMQ_EXEC_SLOT_STATES 14 /* exec's own: the state after each token                      */
#define SSMQ_EXEC_SLOT_KEPT 13   /* exec's own: channels that stay in floating point               */
#define SSMQ_EXEC_SLOT_CODES 12  /* exec's own: codes as bytes                                    */
#define SSMQ_EXEC_SLOT_VALUES 11 /* exec's own: bytes back to real numbers                        */
#define SSMQ_EXEC_SLOT_STATE 10  /* exec's own: a state at work; families use those below         */
SSMQ_MUST_USE ssmq_status ssmq_exec_scratch(ssmq_exec *ex, int32_t slot, int32_t rank,
                                            const int64_t *dim, ssmq_tensor *out);

/* The live tensor x (B, L, C) at an activation site: divided, rotated, checked, shown, quantised, as the
 * plan says; codes in bytes take the front of its rows, and *x describes them.  NUMERIC, naming site and place, for the first value that is NaN or infinite. */
SSMQ_MUST_USE ssmq_status ssmq_exec_site(ssmq_exec *ex, int32_t site, ssmq_tensor *x);

/* Columns of a result that are live at a site: *x, a slice of the result's last axis.  It is handed on as by
 * ssmq_exec_site(), where possible while it is worked out.  A list is in the order of the columns and ends with
 * x NULL. */
typedef struct ssmq_exec_to {
    int32_t      site;
    ssmq_tensor *x;
} ssmq_exec_to;

/* y (M, D) = rows of the weight of site_w. */
SSMQ_MUST_USE ssmq_status ssmq_exec_embed(ssmq_exec *ex, ssmq_tensor *y, int32_t site_w,
                                          const int32_t *token, int64_t n);
/* As the backend's rmsnorm; weight: an index into the model's weights; to, here and below: where y goes, or
 * NULL. */
SSMQ_MUST_USE ssmq_status ssmq_exec_rmsnorm(ssmq_exec *ex, ssmq_tensor *y, ssmq_tensor *residual,
                                            const ssmq_tensor *x, int32_t weight, float eps,
                                            const ssmq_exec_to *to);
/* y (B, L, N) = x (B, L, K) at site_x times the weight of site_w, plus a bias (index of a weight; -1:
 * none). */
SSMQ_MUST_USE ssmq_status ssmq_exec_linear(ssmq_exec *ex, ssmq_tensor *y, int32_t site_x,
                                           int32_t site_w, int32_t bias, const ssmq_tensor *x,
                                           const ssmq_exec_to *to);
/* As the backend's conv, with SiLU. */
SSMQ_MUST_USE ssmq_status ssmq_exec_conv(ssmq_exec *ex, ssmq_tensor *y, int32_t site_x,
                                         int32_t site_w, int32_t bias, const ssmq_tensor *x,
                                         ssmq_tensor *state, const ssmq_exec_to *to);

typedef struct ssmq_scan_sites {
    int32_t x, dt, B, C, z, A_log, D, state;
} ssmq_scan_sites;

/* The type in which a family keeps the state of a site between calls: f32, but in real mode what the plan
 * rounds it to, i8, f16 or bf16.  All zeros are a state of zeros. */
ssmq_dtype ssmq_exec_state_dtype(const ssmq_exec *ex, int32_t site);
/* y (B, L, E): the backend's scan with the gate; h is of that type.  It is the last reader of its inputs: those that hold
 * codes are dequantised in place.  A state that the plan quantises is quantised after each token, the last
 * one too, so pieces of any length give the same; y is of the state before that. */
SSMQ_MUST_USE ssmq_status ssmq_exec_scan(ssmq_exec *ex, ssmq_tensor *y, const ssmq_scan_sites *sites,
                                         ssmq_tensor *x, ssmq_tensor *dt, ssmq_tensor *Bm,
                                         ssmq_tensor *Cm, ssmq_tensor *z, ssmq_tensor *h,
                                         const ssmq_exec_to *to);

#ifdef __cplusplus
}
#endif
