/* The same numbers in another shape: flatten makes a vector of any, reshape an image or a signal. */
#include <string.h>

#include "base/status.h"
#include "layers/image.h"

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

/* Where one side's numbers go to the other's. */
typedef struct copying {
    const ae__layer_call *call;
    real *to;
    const real *from;
    size_t to_row, from_row, step;
} copying;

static void copy_task(void *arg, size_t task, size_t worker)
{
    const copying *c = arg;
    const size_t end = ae__layer_task_end(c->call, task);
    (void)worker;
    for (size_t row = task * AE__TASK_ROWS; row < end; row += c->step)
        memcpy(c->to + row * c->to_row, c->from + row * c->from_row,
               c->call->in * c->step * sizeof *c->to);
}

/* From one layout to the other, or to the same. */
static void copy(const ae__layer_call *call, real *to, size_t to_row, bool to_blocks,
                 const real *from, size_t from_row, bool from_blocks)
{
    const ae__engine *engine = call->context->engine;
    copying c = {call, to, from, to_row, from_row, ae__layer_step(call, to_blocks)};
    if (to_blocks == from_blocks)
        ae__pool_run(engine->pool, ae__layer_tasks(call), copy_task, &c);
    else if (to_blocks)
        ae__images_pack(to, to_row, from, from_row, call->rows, call->in, engine);
    else
        ae__images_unpack(to, to_row, from, from_row, call->rows, call->in, engine);
}

static void forward(const ae__layer_call *call)
{
    copy(call, call->y, call->y_row, call->y_blocked, call->x, call->x_row, call->x_blocked);
}

#ifdef AE_TRAINING

static void derive_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t end = ae__layer_task_end(call, task), step = ae__layer_step(call, call->x_blocked);
    (void)worker;
    for (size_t row = task * AE__TASK_ROWS; row < end; row += step) {
        real *dx = call->dx + row * call->x_row;
        call->context->engine->kernels->derive(call->below_act, call->below_slope, dx, dx,
                                               call->x + row * call->x_row, call->in * step);
    }
}

static void backward(const ae__layer_call *call)
{
    if (!call->dx) return;
    copy(call, call->dx, call->x_row, call->x_blocked, call->dy, call->y_row, call->y_blocked);
    if (call->below_act == AE_ACT_LINEAR) return;
    ae__pool_run(call->context->engine->pool, ae__layer_tasks(call), derive_task, (void *)call);
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
