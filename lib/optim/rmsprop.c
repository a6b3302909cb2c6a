/* RMSprop (Tieleman and Hinton 2012): v = rho v + (1-rho) g^2, w -= learning_rate g / (sqrt(v) +
 * epsilon), with momentum on the quotient as PyTorch has it. States: v, then the velocity. */
#include "optim/optim.h"

#include "ae/ae.h"

static const ae__optim_param params[] = {{AE_PARAM_LEARNING_RATE, NAN},
                                         {AE_PARAM_MOMENTUM, NAN},
                                         {AE_PARAM_EPSILON, NAN},
                                         {AE_PARAM_WEIGHT_DECAY, NAN},
                                         {AE_PARAM_RHO, NAN},
                                         {AE_PARAM_WEIGHT_DECAY_L1, NAN},
                                         {0, 0}};

static int32_t states(const ae__spec *spec)
{
    return 1 + (ae__spec_f64(spec, AE_PARAM_MOMENTUM) > 0);
}

#ifdef AE_TRAINING

static void prepare(const ae__spec *spec, double rate, uint64_t t, double g_scale, double g_clamp,
                    ae__optim_step *step)
{
    (void)t;
    step->rmsprop = (ae__rmsprop){
        .learning_rate = (real)rate,
        .rho = (real)ae__spec_f64(spec, AE_PARAM_RHO),
        .epsilon = (real)ae__spec_f64(spec, AE_PARAM_EPSILON),
        .momentum = (real)ae__spec_f64(spec, AE_PARAM_MOMENTUM),
        .g_scale = (real)g_scale,
        .g_clamp = (real)g_clamp,
        .l2 = (real)ae__spec_f64(spec, AE_PARAM_WEIGHT_DECAY),
        .l1 = (real)ae__spec_f64(spec, AE_PARAM_WEIGHT_DECAY_L1),
    };
}

static void update(const ae__optim_step *step, const ae__kernels *kernels,
                   const ae__optim_slice *slice)
{
    ae__rmsprop rmsprop = step->rmsprop;
    if (!slice->decay) rmsprop.l2 = rmsprop.l1 = 0;
    kernels->rmsprop(&rmsprop, slice->w, slice->state[0], slice->state[1], slice->g, slice->count);
}

#endif

const ae__optim_ops ae__optim_rmsprop = {
    .kind = AE_OPTIM_RMSPROP,
    .name = "rmsprop",
    .params = params,
    .states = states,
    .prepare = AE__IF_TRAINING(prepare),
    .update = AE__IF_TRAINING(update),
};
