/* Layer normalisation (Ba et al. 2016): each row, of a vector, or each pixel, of an image, is brought
 * to mean 0 and variance 1 over its n channels; y = act(gamma h + beta), h = (x - m) / s, s^2 the
 * variance plus epsilon. With g = gamma dz:
 *   dgamma = sum of dz h,  dbeta = sum of dz,  dx = (g - mean(g) - h mean(g h)) / s
 * Saved: m and 1/s of each pixel. */
#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "layers/layer.h"

enum { GAMMA, BETA };
enum { ROWS = 16 /* of one task */, COLUMNS = 64 };

static const int32_t params[] = {AE_PARAM_ACTIVATION, AE_PARAM_SLOPE, AE_PARAM_NORM_EPSILON, 0};

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    const size_t channels = ae__shape_channels(in);
    info->out = *in;
    info->activation = (int32_t)ae__spec_i64(spec, AE_PARAM_ACTIVATION);
    info->slope = (real)ae__spec_f64(spec, AE_PARAM_SLOPE);
    info->n_weights = 2;
    info->weights[GAMMA] =
        (ae__weight_info){.name = "gamma", .rows = 1, .cols = channels, .first = 1, .tied_to = -1};
    info->weights[BETA] =
        (ae__weight_info){.name = "beta", .rows = 1, .cols = channels, .tied_to = -1};
    info->saved_row = 2 * (ae__shape_size(in) / channels);
    return AE_OK;
}

static size_t channels_of(const ae__layer_call *call)
{
    return call->info->weights[GAMMA].cols;
}

/* Mean and 1/s of one pixel. */
static void measure(const real *x, size_t n, double epsilon, real *mean, real *inverse)
{
    double sum = 0, squares = 0;
    for (size_t c = 0; c < n; c++) sum += (double)x[c];
    const double m = sum / (double)n;
    for (size_t c = 0; c < n; c++) squares += ((double)x[c] - m) * ((double)x[c] - m);
    *mean = (real)m;
    *inverse = (real)(1 / sqrt(squares / (double)n + epsilon));
}

static void forward_row(const ae__layer_call *call, size_t row)
{
    const double epsilon = ae__spec_f64(call->spec, AE_PARAM_NORM_EPSILON);
    const real *gamma = call->weights[GAMMA], *beta = call->weights[BETA];
    const size_t n = channels_of(call), pixels = call->in / n;
    for (size_t p = 0; p < pixels; p++) {
        const real *x = call->x + row * call->x_row + p * n;
        real *y = call->y + row * call->y_row + p * n, mean, inverse;
        measure(x, n, epsilon, &mean, &inverse);
        for (size_t c = 0; c < n; c++) y[c] = gamma[c] * ((x[c] - mean) * inverse) + beta[c];
        if (!call->saved) continue;
        call->saved[2 * (row * pixels + p)] = mean;
        call->saved[2 * (row * pixels + p) + 1] = inverse;
    }
    real *y = call->y + row * call->y_row;
    if (!call->raw)
        call->context->engine->kernels->activate(call->info->activation, call->info->slope, y, y,
                                                 call->out);
}

static void forward_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    (void)worker;
    for (size_t row = task * ROWS; row < end; row++) forward_row(call, row);
}

static void forward(const ae__layer_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), forward_task,
                 (void *)call);
}

#ifdef AE_TRAINING

static void backward_row(const ae__layer_call *call, size_t row)
{
    const real *gamma = call->weights[GAMMA], *x = call->x + row * call->x_row;
    const size_t n = channels_of(call), pixels = call->in / n;
    real *dx = call->dx + row * call->x_row;
    for (size_t p = 0; p < pixels; p++) {
        const real *dz = call->dy + row * call->y_row + p * n;
        const real *saved = call->saved + 2 * (row * pixels + p);
        const real mean = saved[0], inverse = saved[1];
        double g = 0, gh = 0;
        for (size_t c = 0; c < n; c++) {
            g += (double)(gamma[c] * dz[c]);
            gh += (double)(gamma[c] * dz[c]) * (double)((x[p * n + c] - mean) * inverse);
        }
        g /= (double)n;
        gh /= (double)n;
        for (size_t c = 0; c < n; c++) {
            const real h = (x[p * n + c] - mean) * inverse;
            dx[p * n + c] = (gamma[c] * dz[c] - (real)g - h * (real)gh) * inverse;
        }
    }
    call->context->engine->kernels->derive(call->below_act, call->below_slope, dx, dx, x, call->in);
}

static void backward_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    (void)worker;
    for (size_t row = task * ROWS; row < end; row++) backward_row(call, row);
}

/* dgamma and dbeta of some channels, over all rows and pixels in order. */
static void weights_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t n = channels_of(call), pixels = call->in / n, begin = task * COLUMNS;
    const size_t end = ae__min_size(begin + COLUMNS, n);
    double gamma[COLUMNS] = {0}, beta[COLUMNS] = {0};
    (void)worker;
    for (size_t i = 0; i < call->rows * pixels; i++) {
        const size_t row = i / pixels, at = i % pixels * n;
        const real *dz = call->dy + row * call->y_row + at, *x = call->x + row * call->x_row + at;
        const real *saved = call->saved + 2 * i;
        for (size_t c = begin; c < end; c++) {
            gamma[c - begin] += (double)dz[c] * (double)((x[c] - saved[0]) * saved[1]);
            beta[c - begin] += (double)dz[c];
        }
    }
    for (size_t c = begin; c < end; c++) {
        const double before[] = {call->accumulate[GAMMA] ? (double)call->dw[GAMMA][c] : 0,
                                 call->accumulate[BETA] ? (double)call->dw[BETA][c] : 0};
        call->dw[GAMMA][c] = (real)(before[GAMMA] + gamma[c - begin]);
        call->dw[BETA][c] = (real)(before[BETA] + beta[c - begin]);
    }
    for (int32_t slot = GAMMA; call->finished && slot <= BETA; slot++)
        call->finished(call->finished_user, slot, begin, end - begin);
}

static void backward(const ae__layer_call *call)
{
    ae__pool *pool = call->context->engine->pool;
    if (call->dx) ae__pool_run(pool, ae__blocks(call->rows, ROWS), backward_task, (void *)call);
    ae__pool_run(pool, ae__blocks(channels_of(call), COLUMNS), weights_task, (void *)call);
}

#endif

const ae__layer_ops ae__layer_norm = {
    .kind = AE__LAYER_LAYER_NORM,
    .name = "layer_norm",
    .params = params,
    .infer = infer,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};
