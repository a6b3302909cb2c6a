/* Adam (Kingma and Ba 2015, algorithm 1) and AdamW (Loshchilov and Hutter 2019), which differ in
 * where weight decay enters: added to the gradient, or taken off the weight apart. That of L1 is added
 * to the gradient by both. */
#include "optim/optim.h"

#include "ae/ae.h"

static const ae__optim_param params[] = {{AE_PARAM_LEARNING_RATE, NAN},
                                         {AE_PARAM_BETA1, NAN},
                                         {AE_PARAM_BETA2, NAN},
                                         {AE_PARAM_EPSILON, NAN},
                                         {AE_PARAM_WEIGHT_DECAY, NAN},
                                         {AE_PARAM_WEIGHT_DECAY_L1, NAN},
                                         {0, 0}};

static const ae__optim_param params_w[] = {{AE_PARAM_LEARNING_RATE, NAN},
                                           {AE_PARAM_BETA1, NAN},
                                           {AE_PARAM_BETA2, NAN},
                                           {AE_PARAM_EPSILON, NAN},
                                           {AE_PARAM_WEIGHT_DECAY, 0.01},
                                           {AE_PARAM_WEIGHT_DECAY_L1, NAN},
                                           {0, 0}};

static int32_t states(const ae__spec *spec)
{
    (void)spec;
    return 2;
}

#ifdef AE_TRAINING

/* 1 - beta^t. A power is below e^-(1 - beta) t, and one below 2^-54 leaves 1; asked, since pow takes
 * its time where it is so small. */
static double rest_of(double beta, uint64_t t)
{
    return (1 - beta) * (double)t > 38 ? 1 : 1 - pow(beta, (double)t);
}

static void prepare(const ae__spec *spec, double rate, uint64_t t, double g_scale, double g_clamp,
                    ae__optim_step *step)
{
    /* Rounded as the kernel has them: 1 - beta2 is then off by 1e-5 in float, in both places alike. */
    double beta1 = (real)ae__spec_f64(spec, AE_PARAM_BETA1);
    double beta2 = (real)ae__spec_f64(spec, AE_PARAM_BETA2);
    step->adam = (ae__adam){
        .beta1 = (real)beta1,
        .beta2 = (real)beta2,
        .epsilon = (real)ae__spec_f64(spec, AE_PARAM_EPSILON),
        .step = (real)(rate / rest_of(beta1, t)),
        .v_factor = (real)(1 / sqrt(rest_of(beta2, t))),
        .g_scale = (real)g_scale,
        .g_clamp = (real)g_clamp,
        .l2 = (real)ae__spec_f64(spec, AE_PARAM_WEIGHT_DECAY),
        .l1 = (real)ae__spec_f64(spec, AE_PARAM_WEIGHT_DECAY_L1),
    };
}

static void prepare_w(const ae__spec *spec, double rate, uint64_t t, double g_scale, double g_clamp,
                      ae__optim_step *step)
{
    prepare(spec, rate, t, g_scale, g_clamp, step);
    step->adam.l2 = 0;
    step->adam.shrink = (real)(rate * ae__spec_f64(spec, AE_PARAM_WEIGHT_DECAY));
}

static void update(const ae__optim_step *step, const ae__kernels *kernels,
                   const ae__optim_slice *slice)
{
    ae__adam adam = step->adam;
    if (!slice->decay) adam.l2 = adam.l1 = adam.shrink = 0;
    kernels->adam(&adam, slice->w, slice->state[0], slice->state[1], slice->g, slice->count);
}

#endif

const ae__optim_ops ae__optim_adam = {
    .kind = AE_OPTIM_ADAM,
    .name = "adam",
    .params = params,
    .states = states,
    .prepare = AE__IF_TRAINING(prepare),
    .update = AE__IF_TRAINING(update),
};

const ae__optim_ops ae__optim_adamw = {
    .kind = AE_OPTIM_ADAMW,
    .name = "adamw",
    .params = params_w,
    .states = states,
    .prepare = AE__IF_TRAINING(prepare_w),
    .update = AE__IF_TRAINING(update),
};
