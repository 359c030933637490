/* Rows of the embedding: where it is quantised, only those asked for become codes and real numbers again. */
#include "harness/base/assert.h"
#include "harness/exec/internal.h"
#include "harness/tensor/nibbles.h"

/* The scales of row r as those of a tensor of one row. */
static ssmq_qparams params_of_row(const ssmq_assignment *a, int64_t r, int64_t n_row,
                                  ssmq_qspec *spec)
{
    const int64_t each = ssmq_tensor_count(&a->params.scale) / n_row;
    ssmq_qparams  p = a->params;
    *spec = a->spec;
    if (spec->scope == SSMQ_SCOPE_TENSOR) return p;
    const int64_t dim[] = {1, each};
    const int32_t rank = spec->scope == SSMQ_SCOPE_GROUP ? 2 : 0;
    p.scale = ssmq_tensor_of((float *)p.scale.data + r * each, SSMQ_F32, rank, dim);
    if (p.zero.data)
        p.zero = ssmq_tensor_of((int32_t *)p.zero.data + r * each, SSMQ_I32, rank, dim);
    if (spec->scope == SSMQ_SCOPE_CHANNEL) spec->scope = SSMQ_SCOPE_TENSOR;
    return p;
}

/* y (1, D) = row r of the stored codes, carried in floats; room [D]: for codes of 4 bits. */
static ssmq_status codes_of_row(ssmq_exec *ex, const ssmq_assignment *a, int64_t r, int8_t *room,
                                ssmq_tensor *y)
{
    const int64_t      D = y->dim[1];
    float              one = 1; /* a scale of 1 carries integers over into floats */
    const ssmq_qspec   plain = {.bits = 8, .symmetric = true};
    const ssmq_qparams p = {.scale = ssmq_tensor_of(&one, SSMQ_F32, 0, NULL)};
    ssmq_tensor        codes = SSMQ_TENSOR(room, SSMQ_I8, 1, D);
    if (ssmq_qspec_half(&a->spec)) {
        ssmq_to_f32(y->data, (const uint16_t *)a->codes.data + r * D, a->codes.dtype, D);
        return SSMQ_OK;
    }
    if (a->nibbles) ssmq_nibbles_unpack(a->nibbles + r * ssmq_nibble_bytes(D), 1, D, room);
    else codes.data = (int8_t *)a->codes.data + r * D;
    return ex->be->ops->dequantize(ex->be, y, &codes, &plain, &p);
}

/* y (1, D) = row r to codes, stored ones or those nearest to the values that y has, and back. */
static ssmq_status decode_row(ssmq_exec *ex, const ssmq_assignment *a, int64_t n_row, int64_t r, int8_t *room,
                              ssmq_tensor *y)
{
    ssmq_qspec         spec;
    const ssmq_qparams params = params_of_row(a, r, n_row, &spec);
    if (a->codes.data || a->nibbles) SSMQ_TRY(codes_of_row(ex, a, r, room, y));
    else SSMQ_TRY(ex->be->ops->quantize(ex->be, y, y, &spec, &params));
    return ex->be->ops->dequantize(ex->be, y, y, &spec, &params);
}

static ssmq_status decode_rows(ssmq_exec *ex, const ssmq_assignment *a, const ssmq_tensor *w,
                               const int32_t *token, ssmq_tensor *rows)
{
    ssmq_tensor   room;
    const int64_t wide = (w->dim[1] + 3) / 4;
    const ssmq_tensor ids = SSMQ_TENSOR((void *)(uintptr_t)token, SSMQ_I32, rows->dim[0]);
    SSMQ_TRY(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_CODES, 1, &wide, &room));
    if (w->data) SSMQ_TRY(ex->be->ops->embed(ex->be, rows, &ids, w));
    for (int64_t i = 0; i < rows->dim[0]; i++) {
        ssmq_tensor y = ssmq_tensor_slice(rows, 0, i, 1);
        SSMQ_TRY(decode_row(ex, a, w->dim[0], token[i], room.data, &y));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_exec_embed(ssmq_exec *ex, ssmq_tensor *y, int32_t site_w, const int32_t *token,
                            int64_t n)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site_w);
    const ssmq_tensor     *w = ssmq_model_rows(ex->model, ex->model->site[site_w].weight);
    ex->be->site = site_w;
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    if (a && !ex->site[site_w].value.data) {
        ssmq_tensor rows = ssmq_tensor_rows(y);
        SSMQ_ASSERT(!ssmq_plan_keep(ex->plan, site_w)); /* nothing multiplies an embedding */
        ex->site[site_w].by_rows = true;
        return decode_rows(ex, a, w, token, &rows);
    }
    if (a) SSMQ_TRY(ssmq_exec_values(ex, site_w, &w));
    else SSMQ_TRY(ssmq_exec_rows(ex, ex->model->site[site_w].weight, &w));
    const ssmq_tensor ids = SSMQ_TENSOR((void *)(uintptr_t)token, SSMQ_I32, n);
    return ex->be->ops->embed(ex->be, y, &ids, w);
}
