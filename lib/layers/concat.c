/* Appends each row's side vector: y = [x, side]. x: rows x in, y: rows x in + width.
 * Of a label, one number, the side is the unit vector of its class. dx = the first `in` of dy. */
#include "layers/layer.h"

#include <string.h>

#include "base/size.h"
#include "base/status.h"

enum { ROWS = 16 /* of one task */ };

static const int32_t params[] = {AE_PARAM_SIDE, AE_PARAM_LABEL, 0};

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    size_t inputs = ae__shape_size(in), width = (size_t)ae__spec_i64(spec, AE_PARAM_SIDE);
    if (in->rank != 1) return ae__fail(AE_ERR_SHAPE, "input has rank %d, wanted 1", (int)in->rank);
    if (inputs + width > AE__MAX_DIM)
        return ae__fail(AE_ERR_RANGE, "output of %zu + %zu numbers, wanted at most %d", inputs,
                        width, AE__MAX_DIM);
    info->out = ae__shape_vector(inputs + width);
    return AE_OK;
}

/* A label is compared with each class, never used as an index. */
static void unit_vector(real *y, size_t classes, real label)
{
    for (size_t j = 0; j < classes; j++) y[j] = label == (real)j;
}

static void forward_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const ae__context *context = call->context;
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows), width = call->out - call->in;
    const size_t repeat = call->rows / context->rows;
    const bool label = ae__spec_i64(call->spec, AE_PARAM_LABEL) != 0;
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++) {
        const real *side = context->side + i / repeat * context->side_row;
        real *y = call->y + i * call->y_row;
        memcpy(y, call->x + i * call->x_row, call->in * sizeof *y);
        if (label)
            unit_vector(y + call->in, width, *side);
        else
            memcpy(y + call->in, side, width * sizeof *y);
    }
}

static void forward(const ae__layer_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), forward_task,
                 (void *)call);
}

#ifdef AE_TRAINING

static void backward_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++)
        call->context->engine->kernels->derive(
            call->below_act, call->below_slope, call->dx + i * call->x_row,
            call->dy + i * call->y_row, call->x + i * call->x_row, call->in);
}

static void backward(const ae__layer_call *call)
{
    if (!call->dx) return;
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), backward_task,
                 (void *)call);
}

#endif

const ae__layer_ops ae__concat = {
    .kind = AE__LAYER_CONCAT,
    .name = "concat",
    .params = params,
    .side = true,
    .infer = infer,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};
