#include "tests/onednn/onednn.h"
#include <dnnl.h>
#include <omp.h>
#include <stdlib.h>

struct test_onednn {
    dnnl_engine_t         engine;
    dnnl_stream_t         stream;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t      product;
    dnnl_memory_t         x, w, y;
};

#define TRY(call)                                 \
    do {                                          \
        if ((call) != dnnl_success) return false; \
    } while (0)

static bool describe(test_onednn *p, int64_t M, int64_t N, int64_t K, const float *scale)
{
    dnnl_memory_desc_t x, w, y;
    dnnl_matmul_desc_t d;
    TRY(dnnl_memory_desc_init_by_tag(&x, 2, (dnnl_dims_t){M, K}, dnnl_s8, dnnl_ab));
    TRY(dnnl_memory_desc_init_by_tag(&w, 2, (dnnl_dims_t){K, N}, dnnl_s8, dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&y, 2, (dnnl_dims_t){M, N}, scale ? dnnl_f32 : dnnl_s32, dnnl_ab));
    TRY(dnnl_matmul_desc_init(&d, &x, &w, NULL, &y));
    TRY(dnnl_primitive_attr_create(&p->attr));
    if (scale) TRY(dnnl_primitive_attr_set_output_scales(p->attr, N, 1 << 1, scale));
    TRY(dnnl_primitive_desc_create(&p->desc, &d, p->attr, p->engine, NULL));
    TRY(dnnl_primitive_create(&p->product, p->desc));
    TRY(dnnl_memory_create(&p->x, &x, p->engine, DNNL_MEMORY_NONE));
    TRY(dnnl_memory_create(&p->y, &y, p->engine, DNNL_MEMORY_NONE));
    const dnnl_memory_desc_t *as_liked = dnnl_primitive_desc_query_md(p->desc, dnnl_query_weights_md, 0);
    TRY(dnnl_memory_create(&p->w, as_liked, p->engine, DNNL_MEMORY_ALLOCATE));
    return true;
}

static bool reorder(test_onednn *p, dnnl_memory_t from)
{
    const dnnl_memory_desc_t *a, *b;
    dnnl_primitive_desc_t     d;
    dnnl_primitive_t          r;
    TRY(dnnl_memory_get_memory_desc(from, &a));
    TRY(dnnl_memory_get_memory_desc(p->w, &b));
    TRY(dnnl_reorder_primitive_desc_create(&d, a, p->engine, b, p->engine, NULL));
    const bool made = dnnl_primitive_create(&r, d) == dnnl_success;
    dnnl_primitive_desc_destroy(d);
    if (!made) return false;
    const dnnl_exec_arg_t argument[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, p->w}};
    const bool            done = dnnl_primitive_execute(r, p->stream, 2, argument) == dnnl_success &&
                      dnnl_stream_wait(p->stream) == dnnl_success;
    dnnl_primitive_destroy(r);
    return done;
}

static bool arrange(test_onednn *p, int64_t N, int64_t K, const int8_t *w)
{
    dnnl_memory_desc_t d;
    dnnl_memory_t      from;
    TRY(dnnl_memory_desc_init_by_tag(&d, 2, (dnnl_dims_t){K, N}, dnnl_s8, dnnl_ba));
    TRY(dnnl_memory_create(&from, &d, p->engine, (void *)(uintptr_t)w));
    const bool done = reorder(p, from);
    dnnl_memory_destroy(from);
    return done;
}

test_onednn *test_onednn_new(int64_t M, int64_t N, int64_t K, const int8_t *w, const float *scale)
{
    test_onednn *p = calloc(1, sizeof *p);
    if (p && dnnl_engine_create(&p->engine, dnnl_cpu, 0) == dnnl_success &&
        dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) == dnnl_success &&
        describe(p, M, N, K, scale) && arrange(p, N, K, w))
        return p;
    test_onednn_free(p);
    return NULL;
}

bool test_onednn_run(test_onednn *p, const int8_t *x, void *y)
{
    const int             before = omp_get_max_threads(); /* this thread's own setting */
    const dnnl_exec_arg_t argument[] = {{DNNL_ARG_SRC, p->x}, {DNNL_ARG_WEIGHTS, p->w}, {DNNL_ARG_DST, p->y}};
    TRY(dnnl_memory_set_data_handle(p->x, (void *)(uintptr_t)x));
    TRY(dnnl_memory_set_data_handle(p->y, y));
    omp_set_num_threads(1);
    const bool done = dnnl_primitive_execute(p->product, p->stream, 3, argument) == dnnl_success &&
                      dnnl_stream_wait(p->stream) == dnnl_success;
    omp_set_num_threads(before);
    return done;
}

void test_onednn_free(test_onednn *p)
{
    if (!p) return;
    dnnl_memory_t memory[] = {p->x, p->w, p->y};
    for (int i = 0; i < 3; i++)
        if (memory[i]) dnnl_memory_destroy(memory[i]);
    if (p->product) dnnl_primitive_destroy(p->product);
    if (p->desc) dnnl_primitive_desc_destroy(p->desc);
    if (p->attr) dnnl_primitive_attr_destroy(p->attr);
    if (p->stream) dnnl_stream_destroy(p->stream);
    if (p->engine) dnnl_engine_destroy(p->engine);
    free(p);
}

const char *test_onednn_kernel(const test_onednn *p)
{
    const char *name = "";
    (void)dnnl_primitive_desc_query(p->desc, dnnl_query_impl_info_str, 0, (void *)&name);
    return name;
}
