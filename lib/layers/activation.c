/* An activation as a layer of its own: y = act(x), x and y: rows x in.
 * What stands before the activation is x itself, so dx = dz, times what lies below. */
#include "layers/image.h"

static const int32_t params[] = {AE_PARAM_ACTIVATION, AE_PARAM_SLOPE, 0};

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    info->out = *in;
    info->activation = (int32_t)ae__spec_i64(spec, AE_PARAM_ACTIVATION);
    info->slope = (real)ae__spec_f64(spec, AE_PARAM_SLOPE);
    return AE_OK;
}

static void forward_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t end = ae__layer_task_end(call, task), step = ae__layer_step(call, call->x_blocked);
    const int32_t act = call->raw ? AE_ACT_LINEAR : call->info->activation;
    (void)worker;
    for (size_t row = task * AE__TASK_ROWS; row < end; row += step)
        call->context->engine->kernels->activate(act, call->info->slope,
                                                 call->y + row * call->y_row,
                                                 call->x + row * call->x_row, call->in * step);
}

static void forward(const ae__layer_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__layer_tasks(call), forward_task, (void *)call);
}

#ifdef AE_TRAINING

static void backward_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t end = ae__layer_task_end(call, task), step = ae__layer_step(call, call->x_blocked);
    (void)worker;
    for (size_t row = task * AE__TASK_ROWS; row < end; row += step)
        call->context->engine->kernels->derive(
            call->below_act, call->below_slope, call->dx + row * call->x_row,
            call->dy + row * call->y_row, call->x + row * call->x_row, call->in * step);
}

static void backward(const ae__layer_call *call)
{
    if (!call->dx) return;
    ae__pool_run(call->context->engine->pool, ae__layer_tasks(call), backward_task, (void *)call);
}

#endif

const ae__layer_ops ae__activation = {
    .kind = AE__LAYER_ACTIVATION,
    .name = "activation",
    .params = params,
    .blocks = true,
    .same_layout = true,
    .infer = infer,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};
