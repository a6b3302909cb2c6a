/* Batch normalisation (Ioffe and Szegedy 2015): each channel c of the batch, which for a vector is an
 * element, is brought to mean beta and deviation gamma: y = act(gamma (x - m) / s + beta).
 *   training   m, s^2: mean and variance (of all, not all but one) over rows and pixels, plus epsilon;
 *              mean and variance are carried on in their running arrays by `momentum`, as Keras
 *   otherwise  the running ones
 * With h = (x - m) / s and n numbers of a channel:
 *   dbeta = sum dz,  dgamma = sum dz h,  dx = gamma / s (dz - dbeta / n - h dgamma / n)
 * Saved: m and 1/s. */
#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "kernels/channels.h"
#include "layers/layer.h"

enum { GAMMA, BETA, MEAN, VARIANCE };
enum { SHIFT_PIXELS = 256 /* at most */ };

static const int32_t params[] = {AE_PARAM_ACTIVATION, AE_PARAM_SLOPE, AE_PARAM_NORM_MOMENTUM,
                                 AE_PARAM_NORM_EPSILON, 0};

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    static const char *const names[] = {"gamma", "beta", "mean", "variance"};
    const size_t channels = ae__shape_channels(in);
    info->out = *in;
    info->activation = (int32_t)ae__spec_i64(spec, AE_PARAM_ACTIVATION);
    info->slope = (real)ae__spec_f64(spec, AE_PARAM_SLOPE);
    info->n_weights = 4;
    for (int32_t i = 0; i < 4; i++)
        info->weights[i] = (ae__weight_info){.name = names[i],
                                             .rows = 1,
                                             .cols = channels,
                                             .first = i == GAMMA || i == VARIANCE,
                                             .state = i >= MEAN,
                                             .tied_to = -1};
    info->saved = 2 * channels;
    return AE_OK;
}

/* a, d, b and the mean of each column; then the doubles of sums. */
static bool scratch(const ae__layer_need *need, size_t *reals)
{
    const size_t channels = need->info->weights[GAMMA].cols;
    const size_t sums = need->training ? ae__channel_sums(need->rows) : 0;
    const size_t columns = 4 * channels * need->engine->kernels->lanes;
    return ae__mul_size(sums, channels * (sizeof(double) / sizeof(real)), reals) &&
           ae__add_size(*reals, columns, reals);
}

/* A call and its scratch. */
typedef struct norm {
    const ae__layer_call *call;
    const ae__engine *engine;
    ae__channels of;
    size_t step;            /* columns of a channel */
    real *a, *d, *b, *mean; /* columns */
    double *sums;
} norm;

static norm norm_of(const ae__layer_call *call)
{
    const size_t channels = call->info->weights[GAMMA].cols;
    norm n = {.call = call,
              .engine = call->context->engine,
              .of = {.rows = call->rows,
                     .pixels = call->in / channels,
                     .channels = channels,
                     .blocked = call->x_blocked}};
    const size_t columns = ae__channels_columns(&n.of, n.engine);
    n.step = columns / channels;
    n.a = call->scratch;
    n.d = n.a + columns;
    n.b = n.d + columns;
    n.mean = n.b + columns;
    n.sums = (double *)(void *)(call->scratch + 4 * columns);
    return n;
}

static void set(const norm *n, real *columns, size_t c, double value)
{
    ae__channels_set(&n->of, columns, c, value, n->engine);
}

static double epsilon(const ae__layer_call *call)
{
    return ae__spec_f64(call->spec, AE_PARAM_NORM_EPSILON);
}

#ifdef AE_TRAINING

/* Numbers of a channel in the batch. */
static double numbers(const norm *n)
{
    return (double)n->of.rows * (double)n->of.pixels;
}

static void carry_on(const ae__layer_call *call, int32_t slot, size_t c, double value)
{
    const double keep = ae__spec_f64(call->spec, AE_PARAM_NORM_MOMENTUM);
    real *running = call->weights[slot] + c;
    *running = (real)(keep * (double)*running + (1 - keep) * value);
}

/* What sums are taken about: near the mean, the mean of some pixels of the first image. */
static double shift_of(const norm *n, size_t c)
{
    const size_t pixels = ae__min_size(n->of.pixels, SHIFT_PIXELS);
    double sum = 0;
    for (size_t i = 0; i < pixels; i++)
        sum += (double)n->call->x[(i * n->of.channels + c) * n->step];
    return sum / (double)pixels;
}

/* Mean and 1/s of each channel to `saved`; the running arrays follow. With k the shift: m = k + mean of
 * (x - k), variance = mean of (x - k)^2 - (m - k)^2. */
static void measure(const norm *n)
{
    const ae__layer_call *call = n->call;
    const size_t channels = n->of.channels;
    const double *sums = n->sums, *squares = n->sums + channels;
    for (size_t c = 0; c < channels; c++) set(n, n->mean, c, shift_of(n, c));
    ae__channel_moments_run(&(ae__channel_moments){.of = n->of,
                                                   .u = call->x,
                                                   .v = call->x,
                                                   .u_row = call->x_row,
                                                   .v_row = call->x_row,
                                                   .u_shift = n->mean,
                                                   .v_shift = n->mean,
                                                   .sums = n->sums},
                            n->engine);
    for (size_t c = 0; c < channels; c++) {
        const double off = sums[c] / numbers(n), mean = (double)n->mean[c * n->step] + off;
        const double variance = fmax(squares[c] / numbers(n) - off * off, 0);
        call->saved[c] = (real)mean;
        call->saved[channels + c] = (real)(1 / sqrt(variance + epsilon(call)));
        carry_on(call, MEAN, c, mean);
        carry_on(call, VARIANCE, c, variance);
    }
}

static void add(const ae__layer_call *call, int32_t slot, size_t c, double value)
{
    real *dw = call->dw[slot] + c;
    *dw = (real)(call->accumulate[slot] ? (double)*dw + value : value);
}

/* Gradients of beta and gamma, and a, d and b of dx = a (x - m) + d + b dz. */
static void weight_gradients(const norm *n)
{
    const ae__layer_call *call = n->call;
    const size_t channels = n->of.channels;
    const real *mean = call->saved, *inverse = mean + channels, *gamma = call->weights[GAMMA];
    for (size_t c = 0; c < channels; c++) set(n, n->mean, c, (double)mean[c]);
    ae__channel_moments_run(&(ae__channel_moments){.of = n->of,
                                                   .u = call->dy,
                                                   .v = call->x,
                                                   .u_row = call->y_row,
                                                   .v_row = call->x_row,
                                                   .v_shift = n->mean,
                                                   .sums = n->sums},
                            n->engine);
    for (size_t c = 0; c < channels; c++) {
        const double i = (double)inverse[c], b = (double)gamma[c] * i;
        const double dbeta = n->sums[c], dgamma = n->sums[channels + c] * i;
        set(n, n->a, c, -b * i * dgamma / numbers(n));
        set(n, n->d, c, -b * dbeta / numbers(n));
        set(n, n->b, c, b);
        add(call, BETA, c, dbeta);
        add(call, GAMMA, c, dgamma);
    }
}

static void backward(const ae__layer_call *call)
{
    const norm n = norm_of(call);
    weight_gradients(&n);
    const ae__channel_blend dx = {.of = n.of,
                                  .a = n.a,
                                  .shift = n.mean,
                                  .d = n.d,
                                  .b = n.b,
                                  .x = call->x,
                                  .u = call->dy,
                                  .y = call->dx,
                                  .x_row = call->x_row,
                                  .u_row = call->y_row,
                                  .y_row = call->x_row,
                                  .act = call->below_act,
                                  .slope = call->below_slope,
                                  .gradient = true};
    if (call->dx) ae__channel_blend_run(&dx, n.engine);
    for (int32_t slot = GAMMA; call->finished && slot <= BETA; slot++)
        call->finished(call->finished_user, slot, 0, n.of.channels);
}

#endif

/* 1/s of the running variance, which a file may have brought. */
static double running_inverse(const ae__layer_call *call, size_t c)
{
    return 1 / sqrt(fmax((double)call->weights[VARIANCE][c], 0) + epsilon(call));
}

void ae__batch_norm_fold(const ae__layer_call *call, const real *bias, real *a, real *d)
{
    for (size_t c = 0; c < call->info->weights[GAMMA].cols; c++) {
        const double scale = (double)call->weights[GAMMA][c] * running_inverse(call, c);
        const double x = bias ? (double)bias[c] : 0;
        a[c] = (real)scale;
        d[c] =
            (real)(scale * (x - (double)call->weights[MEAN][c]) + (double)call->weights[BETA][c]);
    }
}

/* a = gamma / s, d = beta, about the batch's mean or the running one. */
static void set_forward(const norm *n, bool training)
{
    const ae__layer_call *call = n->call;
    const real *saved = call->saved;
    for (size_t c = 0; c < n->of.channels; c++) {
        const double inverse =
            training ? (double)saved[n->of.channels + c] : running_inverse(call, c);
        set(n, n->a, c, (double)call->weights[GAMMA][c] * inverse);
        set(n, n->d, c, (double)call->weights[BETA][c]);
        set(n, n->mean, c, (double)(training ? saved[c] : call->weights[MEAN][c]));
    }
}

static void forward(const ae__layer_call *call)
{
    const norm n = norm_of(call);
    const bool training = call->context->mode == AE__MODE_TRAIN;
#ifdef AE_TRAINING
    if (training) measure(&n);
#endif
    set_forward(&n, training);
    ae__channel_blend_run(
        &(ae__channel_blend){.of = n.of,
                             .a = n.a,
                             .shift = n.mean,
                             .d = n.d,
                             .x = call->x,
                             .y = call->y,
                             .x_row = call->x_row,
                             .y_row = call->y_row,
                             .act = call->raw ? AE_ACT_LINEAR : call->info->activation,
                             .slope = call->info->slope},
        n.engine);
}

const ae__layer_ops ae__batch_norm = {
    .kind = AE__LAYER_BATCH_NORM,
    .name = "batch_norm",
    .params = params,
    .blocks = true,
    .same_layout = true,
    .infer = infer,
    .scratch = scratch,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};
