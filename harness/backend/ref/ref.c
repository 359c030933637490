#include "harness/backend/ref/ref.h"
#include <stdio.h>
#include "harness/backend/host.h"

static ssmq_status ref_open(ssmq_backend *be, const void *options)
{
    (void)options;
    ssmq_host_cpu_name(be->device, sizeof be->device);
    snprintf(be->tier, sizeof be->tier, "c");
    return SSMQ_OK;
}

static void ref_close(ssmq_backend *be)
{
    (void)be;
}

static const ssmq_option ref_options[] = {{0}};

const ssmq_backend_ops ssmq_backend_ref = {
    .name = "ref",
    .help = "plain C, the reference that other backends are checked against; slow",
    .options = ref_options,
    .options_size = 0,
    .space = SSMQ_SPACE_HOST,
    .open = ref_open,
    .close = ref_close,
    .alloc = ssmq_host_alloc,
    .free = ssmq_host_free,
    .zero = ssmq_host_zero,
    .copy = ssmq_host_copy,
    .sync = ssmq_host_sync,
    .share = ssmq_host_share,
    .embed = ssmq_ref_embed,
    .rmsnorm = ssmq_ref_rmsnorm,
    .linear = ssmq_ref_linear,
    .epilogue = ssmq_ref_epilogue,
    .conv = ssmq_ref_conv,
    .scan = ssmq_ref_scan,
    .hadamard = ssmq_ref_hadamard,
    .nll = ssmq_ref_nll,
    .finite = ssmq_ref_finite,
    .quantize = ssmq_ref_quantize,
    .dequantize = ssmq_ref_dequantize,
    .pack_i8 = ssmq_ref_pack_i8,
    .linear_i8 = ssmq_ref_linear_i8,
    .pack_q = ssmq_ref_pack_q,
    .linear_q = ssmq_ref_linear_q,
    .linear_w = ssmq_ref_linear_w,
    .pack_bf16 = ssmq_ref_pack_bf16,
    .linear_bf16 = ssmq_ref_linear_bf16,
};
