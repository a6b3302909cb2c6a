/* Gradient descent, with momentum (Sutskever et al. 2013) in the form v = momentum v + g,
 * w -= learning_rate v; Nesterov: w -= learning_rate (g + momentum v). */
#include "optim/optim.h"

#include "ae/ae.h"

static const ae__optim_param params[] = {
    {AE_PARAM_LEARNING_RATE, 0.01}, {AE_PARAM_MOMENTUM, NAN},        {AE_PARAM_NESTEROV, NAN},
    {AE_PARAM_WEIGHT_DECAY, NAN},   {AE_PARAM_WEIGHT_DECAY_L1, NAN}, {0, 0}};

static int32_t states(const ae__spec *spec)
{
    return ae__spec_f64(spec, AE_PARAM_MOMENTUM) > 0;
}

#ifdef AE_TRAINING

static void prepare(const ae__spec *spec, double rate, uint64_t t, double g_scale, double g_clamp,
                    ae__optim_step *step)
{
    (void)t;
    step->sgd = (ae__sgd){
        .learning_rate = (real)rate,
        .momentum = (real)ae__spec_f64(spec, AE_PARAM_MOMENTUM),
        .nesterov = ae__spec_i64(spec, AE_PARAM_NESTEROV) != 0,
        .g_scale = (real)g_scale,
        .g_clamp = (real)g_clamp,
        .l2 = (real)ae__spec_f64(spec, AE_PARAM_WEIGHT_DECAY),
        .l1 = (real)ae__spec_f64(spec, AE_PARAM_WEIGHT_DECAY_L1),
    };
}

static void update(const ae__optim_step *step, const ae__kernels *kernels,
                   const ae__optim_slice *slice)
{
    ae__sgd sgd = step->sgd;
    if (!slice->decay) sgd.l2 = sgd.l1 = 0;
    kernels->sgd(&sgd, slice->w, slice->state[0], slice->g, slice->count);
}

#endif

const ae__optim_ops ae__optim_sgd = {
    .kind = AE_OPTIM_SGD,
    .name = "sgd",
    .params = params,
    .states = states,
    .prepare = AE__IF_TRAINING(prepare),
    .update = AE__IF_TRAINING(update),
};
