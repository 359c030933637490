/* The ops of the backend `ref`: plain C, one per file, written to be read.  What each computes stands
 * in backend.h.  Sums run in index order in float; nothing is contracted or reordered. */
#pragma once
#include "harness/backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const ssmq_backend_ops ssmq_backend_ref;

ssmq_status ssmq_ref_embed(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *token,
                           const ssmq_tensor *w);
ssmq_status ssmq_ref_rmsnorm(ssmq_backend *be, ssmq_tensor *y, ssmq_tensor *residual,
                             const ssmq_tensor *x, const ssmq_tensor *w, float eps, ssmq_handing *to);
/* What becomes of y, op by op; to NULL: nothing. */
ssmq_status ssmq_ref_hand_on(ssmq_backend *be, const ssmq_tensor *y, ssmq_handing *to);
ssmq_status ssmq_ref_linear(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                            const ssmq_tensor *w);
ssmq_status ssmq_ref_pack_q(ssmq_backend *be, const ssmq_codes *w, ssmq_packed *out);
ssmq_status ssmq_ref_linear_q(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                              const ssmq_packed *w, const ssmq_epilogue *a);
ssmq_status ssmq_ref_linear_w(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                              const ssmq_packed *w, const ssmq_epilogue *a);
ssmq_status ssmq_ref_pack_bf16(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out);
ssmq_status ssmq_ref_linear_bf16(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                                 const ssmq_packed *w, const ssmq_epilogue *a);
/* sum + x w as one step of a sum of linear_bf16. */
float       ssmq_ref_bf16_add(float sum, float x, float w);
ssmq_status ssmq_ref_pack_i8(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out);
ssmq_status ssmq_ref_linear_i8(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                               const ssmq_packed *w, const ssmq_epilogue *a);
ssmq_status ssmq_ref_epilogue(ssmq_backend *be, ssmq_tensor *y, const ssmq_epilogue *a);
ssmq_status ssmq_ref_conv(ssmq_backend *be, ssmq_tensor *y, const ssmq_conv_args *a);
ssmq_status ssmq_ref_scan(ssmq_backend *be, ssmq_tensor *y, const ssmq_scan_args *a);
ssmq_status ssmq_ref_hadamard(ssmq_backend *be, ssmq_tensor *x, const ssmq_tensor *signs);
ssmq_status ssmq_ref_nll(ssmq_backend *be, ssmq_tensor *loss, const ssmq_tensor *logits,
                         const ssmq_tensor *target);
ssmq_status ssmq_ref_finite(ssmq_backend *be, const ssmq_tensor *x, int64_t *first);
ssmq_status ssmq_ref_quantize(ssmq_backend *be, ssmq_tensor *q, const ssmq_tensor *x,
                              const ssmq_qspec *s, const ssmq_qparams *p);
ssmq_status ssmq_ref_dequantize(ssmq_backend *be, ssmq_tensor *x, const ssmq_tensor *q,
                                const ssmq_qspec *s, const ssmq_qparams *p);

#ifdef __cplusplus
}
#endif
