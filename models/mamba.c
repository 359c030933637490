/* Mamba-1: arXiv:2312.00752 and github.com/state-spaces/mamba.  Sizes, names and sites of a
 * checkpoint are described in mamba_tables.c; here is the forward pass. */
#include "models/mamba.h"
#include <stdlib.h>
#include <string.h>
#include "harness/exec/exec.h"
#include "models/families.h"

/* Tensors of a forward pass, by their slot in exec. */
enum { SLOT_RESIDUAL, SLOT_NORM, SLOT_XZ, SLOT_U, SLOT_P, SLOT_DT, SLOT_Y, SLOT_MIX };

/* The recurrent state of B sequences: for each layer the last W - 1 inputs of the convolution,
 * (B, W - 1, E), and the state of the scan, (B, E, N), in the type that exec keeps it in. */
typedef struct mamba_state {
    int32_t      B;
    ssmq_tensor *conv, *scan; /* [n_layer] */
    size_t       bytes;       /* of memory behind them all */
    void        *memory;
} mamba_state;

/* ---- state ----------------------------------------------------------------------------- */

static void mamba_state_free(const ssmq_model *m, ssmq_exec *ex, void *state)
{
    mamba_state *s = state;
    (void)m;
    if (!s) return;
    ssmq_backend *be = ssmq_exec_backend(ex);
    be->ops->free(be, s->memory);
    free(s->conv);
    free(s->scan);
    free(s);
}

/* Bytes of a tensor, so that the next one is aligned. */
static size_t padded(const ssmq_tensor *t)
{
    return (ssmq_tensor_bytes(t) + 63) / 64 * 64;
}

static ssmq_status mamba_state_new(const ssmq_model *m, ssmq_exec *ex, int32_t B, void **state)
{
    const mamba_sizes *z = m->sizes;
    ssmq_backend      *be = ssmq_exec_backend(ex);
    mamba_state       *s = ssmq_must_malloc(sizeof *s);
    *s = (mamba_state){.B = B};
    s->conv = ssmq_must_malloc((size_t)z->n_layer * sizeof *s->conv);
    s->scan = ssmq_must_malloc((size_t)z->n_layer * sizeof *s->scan);
    for (int32_t i = 0; i < z->n_layer; i++) {
        s->conv[i] = SSMQ_TENSOR(NULL, SSMQ_F32, B, z->W - 1, z->E);
        s->scan[i] = SSMQ_TENSOR(NULL, ssmq_exec_state_dtype(ex, z->layer[i].scan.state), B, z->E, z->N);
        s->bytes += padded(&s->conv[i]) + padded(&s->scan[i]);
    }
    const ssmq_status st = be->ops->alloc(be, s->bytes, &s->memory);
    if (st != SSMQ_OK) {
        mamba_state_free(m, ex, s);
        return st;
    }
    char *at = s->memory;
    for (int32_t i = 0; i < z->n_layer; i++) {
        s->conv[i].data = at;
        s->scan[i].data = at + padded(&s->conv[i]);
        s->conv[i].space = s->scan[i].space = be->ops->space;
        at += padded(&s->conv[i]) + padded(&s->scan[i]);
    }
    *state = s;
    return SSMQ_OK;
}

static ssmq_status mamba_state_zero(const ssmq_model *m, ssmq_exec *ex, void *state)
{
    mamba_state  *s = state;
    ssmq_backend *be = ssmq_exec_backend(ex);
    (void)m;
    return be->ops->zero(be, s->memory, s->bytes);
}

/* ---- forward --------------------------------------------------------------------------- */

/* Where columns of a result go (exec.h). */
#define TO(...) (const ssmq_exec_to[]){__VA_ARGS__, {-1, NULL}}

/* mix (M, D) = one mixer on in (M, D). */
static ssmq_status mamba_mixer(const mamba_sizes *z, ssmq_exec *ex, const mamba_layer *l,
                               ssmq_tensor *conv_state, ssmq_tensor *h, const ssmq_tensor *in,
                               ssmq_tensor *mix)
{
    const int64_t B = in->dim[0], L = in->dim[1];
    ssmq_tensor   xz, u, p, dt, y;
    SSMQ_TRY(ssmq_exec_scratch(ex, SLOT_XZ, 3, (const int64_t[]){B, L, 2 * z->E}, &xz));
    SSMQ_TRY(ssmq_exec_scratch(ex, SLOT_U, 3, (const int64_t[]){B, L, z->E}, &u));
    SSMQ_TRY(ssmq_exec_scratch(ex, SLOT_P, 3, (const int64_t[]){B, L, z->R + 2 * z->N}, &p));
    SSMQ_TRY(ssmq_exec_scratch(ex, SLOT_DT, 3, (const int64_t[]){B, L, z->E}, &dt));
    SSMQ_TRY(ssmq_exec_scratch(ex, SLOT_Y, 3, (const int64_t[]){B, L, z->E}, &y));
    ssmq_tensor x = ssmq_tensor_slice(&xz, 2, 0, z->E), gate = ssmq_tensor_slice(&xz, 2, z->E, z->E);
    ssmq_tensor dt_r = ssmq_tensor_slice(&p, 2, 0, z->R), u_all = u, dt_all = dt, y_all = y;
    ssmq_tensor Bm = ssmq_tensor_slice(&p, 2, z->R, z->N);
    ssmq_tensor Cm = ssmq_tensor_slice(&p, 2, z->R + z->N, z->N);

    SSMQ_TRY(ssmq_exec_linear(ex, &xz, l->in_x, l->in_w, l->in_bias, in,
                              TO({l->conv_x, &x}, {l->scan.z, &gate})));
    SSMQ_TRY(ssmq_exec_conv(ex, &u_all, l->conv_x, l->conv_w, l->conv_bias, &x, conv_state,
                            TO({l->scan.x, &u})));
    SSMQ_TRY(ssmq_exec_linear(ex, &p, l->scan.x, l->x_proj_w, -1, &u, TO({l->dt_x, &dt_r})));
    SSMQ_TRY(ssmq_exec_linear(ex, &dt_all, l->dt_x, l->dt_w, l->dt_bias, &dt_r, TO({l->scan.dt, &dt})));
    SSMQ_TRY(ssmq_exec_site(ex, l->scan.B, &Bm)); /* in the order of the site table */
    SSMQ_TRY(ssmq_exec_site(ex, l->scan.C, &Cm));
    SSMQ_TRY(ssmq_exec_scan(ex, &y_all, &l->scan, &u, &dt, &Bm, &Cm, &gate, h, TO({l->out_x, &y})));
    return ssmq_exec_linear(ex, mix, l->out_x, l->out_w, l->out_bias, &y, NULL);
}

/* Tokens t .. t + L of sequences b .. b + B. */
typedef struct mamba_part {
    int64_t b, B, t, L;
} mamba_part;

static ssmq_tensor part_of(const ssmq_tensor *x, const mamba_part *p)
{
    const ssmq_tensor sequences = ssmq_tensor_slice(x, 0, p->b, p->B);
    return ssmq_tensor_slice(&sequences, 1, p->t, p->L);
}

/* residual += mix, of the layer before; mix = this layer's mixer on it; of a part of the tokens. */
static ssmq_status mamba_layer_part(const mamba_sizes *z, ssmq_exec *ex, int32_t i, mamba_state *s,
                                    const mamba_part *p, const ssmq_tensor *residual,
                                    const ssmq_tensor *mix)
{
    const mamba_layer *l = &z->layer[i];
    ssmq_tensor        r = part_of(residual, p), m = part_of(mix, p), norm, in;
    ssmq_tensor        conv = ssmq_tensor_slice(&s->conv[i], 0, p->b, p->B);
    ssmq_tensor        h = ssmq_tensor_slice(&s->scan[i], 0, p->b, p->B);
    ssmq_exec_part(ex, p->b, p->t);
    SSMQ_TRY(ssmq_exec_scratch(ex, SLOT_NORM, 3, (const int64_t[]){p->B, p->L, z->D}, &norm));
    in = norm;
    SSMQ_TRY(ssmq_exec_rmsnorm(ex, &norm, &r, i > 0 ? &m : NULL, l->norm, z->eps, TO({l->in_x, &in})));
    return mamba_mixer(z, ex, l, &conv, &h, &in, &m);
}

/* Part by part, whose tensors stay in the caches between the ops of a layer. */
static ssmq_status mamba_layer_all(const mamba_sizes *z, ssmq_exec *ex, int32_t i, mamba_state *s,
                                   const ssmq_tensor *residual, const ssmq_tensor *mix)
{
    const int64_t B = residual->dim[0], L = residual->dim[1], each = ssmq_exec_part_length(ex, L);
    const int64_t together = each < L ? 1 : B;
    for (int64_t b = 0; b < B; b += together)
        for (int64_t t = 0; t < L; t += each) {
            const mamba_part p = {b, together, t, L - t < each ? L - t : each};
            SSMQ_TRY(mamba_layer_part(z, ex, i, s, &p, residual, mix));
        }
    ssmq_exec_part(ex, 0, 0);
    return SSMQ_OK;
}

static ssmq_status mamba_forward(const ssmq_model *m, ssmq_exec *ex, const ssmq_batch *in,
                                 void *state, ssmq_tensor *hidden)
{
    const mamba_sizes *z = m->sizes;
    const int64_t      dim[] = {in->B, in->L, z->D};
    ssmq_tensor        residual, norm, mix;
    SSMQ_TRY(ssmq_exec_scratch(ex, SLOT_RESIDUAL, 3, dim, &residual));
    SSMQ_TRY(ssmq_exec_scratch(ex, SLOT_MIX, 3, dim, &mix));
    SSMQ_TRY(ssmq_exec_embed(ex, &residual, z->embedding, in->token, (int64_t)in->B * in->L));
    for (int32_t i = 0; i < z->n_layer; i++)
        SSMQ_TRY(mamba_layer_all(z, ex, i, state, &residual, &mix));
    SSMQ_TRY(ssmq_exec_scratch(ex, SLOT_NORM, 3, dim, &norm));
    SSMQ_TRY(ssmq_exec_rmsnorm(ex, &norm, &residual, &mix, z->norm_f, z->eps, NULL));
    *hidden = norm;
    return SSMQ_OK;
}

static ssmq_status mamba_head(const ssmq_model *m, ssmq_exec *ex, ssmq_tensor *rows,
                              ssmq_tensor *logits)
{
    const mamba_sizes *z = m->sizes;
    ssmq_tensor        x = *rows;
    SSMQ_TRY(ssmq_exec_site(ex, z->head_x, &x));
    return ssmq_exec_linear(ex, logits, z->head_x, z->head_w, -1, &x, NULL);
}

const ssmq_family ssmq_family_mamba = {
    .name = "mamba",
    .source = "arXiv:2312.00752; github.com/state-spaces/mamba",
    .example = "{\"d_model\": 16, \"n_layer\": 1, \"vocab_size\": 8}",
    .describe = mamba_describe,
    .state_new = mamba_state_new,
    .state_zero = mamba_state_zero,
    .state_free = mamba_state_free,
    .forward = mamba_forward,
    .head = mamba_head,
};
