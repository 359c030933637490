/* The longer checks of the cases in kernels.c, in files of their own. */
#pragma once
#include "harness/bench/draw.h"

#ifdef __cplusplus
extern "C" {
#endif

ssmq_status ssmq_kernel_check_conv(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
ssmq_status ssmq_kernel_check_scan(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
ssmq_status ssmq_kernel_check_quantize(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d,
                                       bool exact);
ssmq_status ssmq_kernel_check_dequantize(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d,
                                         bool exact);
ssmq_status ssmq_kernel_check_linear_i8(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d,
                                        bool exact);
ssmq_status ssmq_kernel_check_linear_q(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
ssmq_status ssmq_kernel_check_linear_w(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
ssmq_status ssmq_kernel_check_linear_bf16(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
ssmq_status ssmq_kernel_check_conv_i8(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
ssmq_status ssmq_kernel_check_scan_i8(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
ssmq_status ssmq_kernel_check_encode(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
ssmq_status ssmq_kernel_check_handed(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact);
ssmq_status ssmq_kernel_check_quantize_in_place(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d,
                                                bool exact);

#ifdef __cplusplus
}
#endif
