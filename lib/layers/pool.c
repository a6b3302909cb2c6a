/* Pooling: a window of cells of each channel becomes one cell, their largest or their mean (of the
 * cells inside the image alone, as Keras). */
#include "base/status.h"
#include "base/window.h"
#include "layers/image.h"

static const int32_t params_1d[] = {AE_PARAM_POOL,
                                    AE_PARAM_KERNEL_W,
                                    AE_PARAM_STRIDE_W,
                                    AE_PARAM_PADDING,
                                    AE_PARAM_PAD_LEFT,
                                    AE_PARAM_PAD_RIGHT,
                                    0};
static const int32_t params_2d[] = {AE_PARAM_POOL,
                                    AE_PARAM_KERNEL_H,
                                    AE_PARAM_KERNEL_W,
                                    AE_PARAM_STRIDE_H,
                                    AE_PARAM_STRIDE_W,
                                    AE_PARAM_PADDING,
                                    AE_PARAM_PAD_TOP,
                                    AE_PARAM_PAD_BOTTOM,
                                    AE_PARAM_PAD_LEFT,
                                    AE_PARAM_PAD_RIGHT,
                                    0};

/* Whether a window lies outside of the image altogether. */
static int32_t check_axis(const char *name, const ae__window_axis *a)
{
    size_t last = (a->out - 1) * a->stride; /* begin of the last window, from the padding's */
    if (a->before < a->kernel && last < a->in + a->before) return AE_OK;
    return ae__fail(AE_ERR_SHAPE, "padding of the %s leaves a window of %zu outside", name,
                    a->kernel);
}

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    ae__window window;
    AE_TRY(ae__window_check_rank(in, spec->kind == AE__LAYER_POOL1D ? 2 : 3));
    AE_TRY(ae__window_infer(spec, in, false, &window));
    AE_TRY(check_axis("height", &window.h));
    AE_TRY(check_axis(in->rank == 2 ? "length" : "width", &window.w));
    return ae__window_output(&window, in, ae__shape_channels(in), &info->out);
}

static ae__pooling pooling_of(const ae__layer_call *call)
{
    const ae__window window = ae__window_of(call->spec, call->in_shape, false);
    return (ae__pooling){
        .x_h = window.h.in,
        .x_w = window.w.in,
        .y_h = window.h.out,
        .y_w = window.w.out,
        .kernel_h = window.h.kernel,
        .kernel_w = window.w.kernel,
        .stride_h = window.h.stride,
        .stride_w = window.w.stride,
        .pad_top = window.h.before,
        .pad_left = window.w.before,
        .average = ae__spec_i64(call->spec, AE_PARAM_POOL) == AE_POOL_AVERAGE,
    };
}

static void forward(const ae__layer_call *call)
{
    const ae__pooling pooling = pooling_of(call);
    const ae__image_pass pass = ae__layer_images(call);
    ae__pooling_forward(&pooling, &pass, call->context->engine);
}

#ifdef AE_TRAINING

static void backward(const ae__layer_call *call)
{
    const ae__pooling pooling = pooling_of(call);
    const ae__image_pass pass = ae__layer_images(call);
    if (call->dx) ae__pooling_backward(&pooling, &pass, call->context->engine);
}

#endif

#define POOL(kind_, name_, params_)                                                                \
    {                                                                                              \
        .kind = kind_, .name = name_, .params = params_, .blocks = true, .same_layout = true,      \
        .infer = infer, .forward = forward, .backward = AE__IF_TRAINING(backward)                  \
    }

const ae__layer_ops ae__pool1d = POOL(AE__LAYER_POOL1D, "pool1d", params_1d);
const ae__layer_ops ae__pool2d = POOL(AE__LAYER_POOL2D, "pool2d", params_2d);
