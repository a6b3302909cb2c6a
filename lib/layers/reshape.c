/* The same numbers in another shape: flatten makes a vector of any, reshape an image or a signal. */
#include <string.h>

#include "base/status.h"
#include "layers/image.h"

enum { ROWS = 16 /* of one task */ };

static const int32_t no_params[] = {0};
static const int32_t params[] = {AE_PARAM_HEIGHT, AE_PARAM_WIDTH, AE_PARAM_CHANNELS, 0};

static int32_t flatten(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    (void)spec;
    info->out = ae__shape_vector(ae__shape_size(in));
    return AE_OK;
}

/* Height 0: a signal of `width` cells. */
static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    const size_t height = (size_t)ae__spec_i64(spec, AE_PARAM_HEIGHT);
    const size_t width = (size_t)ae__spec_i64(spec, AE_PARAM_WIDTH);
    const size_t channels = (size_t)ae__spec_i64(spec, AE_PARAM_CHANNELS);
    const size_t have = ae__shape_size(in), rows = height ? height : 1;
    info->out =
        height ? ae__shape_image(height, width, channels) : ae__shape_signal(width, channels);
    if (have % rows == 0 && have / rows % width == 0 && have / rows / width == channels)
        return AE_OK;
    return ae__fail(AE_ERR_SHAPE, "input has %zu numbers, wanted %zu x %zu x %zu", have, rows,
                    width, channels);
}

typedef struct copying {
    real *to;
    const real *from;
    size_t to_row, from_row, rows, count;
} copying;

static void copy_task(void *arg, size_t task, size_t worker)
{
    const copying *c = arg;
    const size_t end = ae__min_size((task + 1) * ROWS, c->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++)
        memcpy(c->to + i * c->to_row, c->from + i * c->from_row, c->count * sizeof *c->to);
}

/* From one layout to the other, or to the same; x and y have the same numbers, so the same rows. */
static void copy(const ae__layer_call *call, real *to, size_t to_row, bool to_blocks,
                 const real *from, size_t from_row, bool from_blocks)
{
    const ae__engine *engine = call->context->engine;
    copying c = {to, from, to_row, from_row, ae__layer_flat_rows(call, to_blocks), to_row};
    if (to_blocks && !from_blocks) {
        ae__images_pack(to, to_row, from, from_row, call->rows, call->in, engine);
        return;
    }
    if (from_blocks && !to_blocks) {
        ae__images_unpack(to, to_row, from, from_row, call->rows, call->in, engine);
        return;
    }
    if (!to_blocks) c.count = call->in;
    ae__pool_run(engine->pool, ae__blocks(c.rows, ROWS), copy_task, &c);
}

static void forward(const ae__layer_call *call)
{
    copy(call, call->y, call->y_row, call->y_blocked, call->x, call->x_row, call->x_blocked);
}

#ifdef AE_TRAINING

static void derive_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t rows = ae__layer_flat_rows(call, call->x_blocked);
    const size_t end = ae__min_size((task + 1) * ROWS, rows);
    const size_t count = call->x_blocked ? call->x_row : call->in;
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++) {
        real *dx = call->dx + i * call->x_row;
        call->context->engine->kernels->derive(call->below_act, call->below_slope, dx, dx,
                                               call->x + i * call->x_row, count);
    }
}

static void backward(const ae__layer_call *call)
{
    if (!call->dx) return;
    copy(call, call->dx, call->x_row, call->x_blocked, call->dy, call->y_row, call->y_blocked);
    if (call->below_act == AE_ACT_LINEAR) return;
    size_t rows = ae__layer_flat_rows(call, call->x_blocked);
    ae__pool_run(call->context->engine->pool, ae__blocks(rows, ROWS), derive_task, (void *)call);
}

#endif

const ae__layer_ops ae__flatten = {
    .kind = AE__LAYER_FLATTEN,
    .name = "flatten",
    .params = no_params,
    .blocks = true,
    .infer = flatten,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};

const ae__layer_ops ae__reshape = {
    .kind = AE__LAYER_RESHAPE,
    .name = "reshape",
    .params = params,
    .blocks = true,
    .infer = infer,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};
