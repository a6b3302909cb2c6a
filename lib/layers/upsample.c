/* Upsampling: an image becomes factor_h times as high and factor_w times as wide, a signal factor_w
 * times as long; cells are repeated, or mixed by their distances (bilinear, between centres). */
#include "base/status.h"
#include "base/window.h"
#include "layers/image.h"

static const int32_t params_1d[] = {AE_PARAM_FACTOR_W, AE_PARAM_INTERPOLATION, 0};
static const int32_t params_2d[] = {AE_PARAM_FACTOR_H, AE_PARAM_FACTOR_W, AE_PARAM_INTERPOLATION,
                                    0};

static size_t factor(const ae__spec *spec, int32_t param)
{
    const ae__value *value = ae__spec_find(spec, param);
    return value ? (size_t)value->i64 : 1;
}

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    const ae__shape image = ae__shape_as_image(in);
    const size_t h = factor(spec, AE_PARAM_FACTOR_H), w = factor(spec, AE_PARAM_FACTOR_W);
    ae__window window;
    AE_TRY(ae__window_check_rank(in, spec->kind == AE__LAYER_UPSAMPLE1D ? 2 : 3));
    if (!ae__mul_size(image.dims[0], h, &window.h.out) ||
        !ae__mul_size(image.dims[1], w, &window.w.out))
        return ae__fail(AE_ERR_RANGE, "%zu x %zu times %zu x %zu overflows", image.dims[0],
                        image.dims[1], h, w);
    return ae__window_output(&window, in, image.dims[2], &info->out);
}

ae__upsampling ae__layer_upsampling(const ae__spec *spec, const ae__shape *in)
{
    const ae__shape image = ae__shape_as_image(in);
    const int64_t kind = ae__spec_i64(spec, AE_PARAM_INTERPOLATION);
    return (ae__upsampling){.x_h = image.dims[0],
                            .x_w = image.dims[1],
                            .factor_h = factor(spec, AE_PARAM_FACTOR_H),
                            .factor_w = factor(spec, AE_PARAM_FACTOR_W),
                            .bilinear = kind == AE_INTERPOLATION_BILINEAR};
}

ae__shape ae__layer_upsampled(const ae__spec *spec, const ae__shape *in)
{
    ae__shape shape = *in;
    shape.dims[in->rank - 2] *= factor(spec, AE_PARAM_FACTOR_W);
    if (in->rank == 3) shape.dims[0] *= factor(spec, AE_PARAM_FACTOR_H);
    return shape;
}

static void forward(const ae__layer_call *call)
{
    const ae__upsampling upsampling = ae__layer_upsampling(call->spec, call->in_shape);
    const ae__image_pass pass = ae__layer_images(call);
    ae__upsampling_forward(&upsampling, &pass, call->context->engine);
}

#ifdef AE_TRAINING

static void backward(const ae__layer_call *call)
{
    const ae__upsampling upsampling = ae__layer_upsampling(call->spec, call->in_shape);
    const ae__image_pass pass = ae__layer_images(call);
    if (call->dx) ae__upsampling_backward(&upsampling, &pass, call->context->engine);
}

#endif

#define UPSAMPLE(kind_, name_, params_)                                                            \
    {                                                                                              \
        .kind = kind_, .name = name_, .params = params_, .blocks = true, .same_layout = true,      \
        .infer = infer, .forward = forward, .backward = AE__IF_TRAINING(backward)                  \
    }

const ae__layer_ops ae__upsample1d = UPSAMPLE(AE__LAYER_UPSAMPLE1D, "upsample1d", params_1d);
const ae__layer_ops ae__upsample2d = UPSAMPLE(AE__LAYER_UPSAMPLE2D, "upsample2d", params_2d);
