/* The divergence of a Gaussian layer's distribution N(m, v) from the standard normal one (Kingma and
 * Welling 2014, appendix B), read from the layer's input:
 *   kl = 1/2 sum (m^2 + v - 1 - log v),   dm = m,   dlog v = 1/2 (v - 1)
 * Free bits (Kingma et al. 2016): in training an element counts for at least so much, and has no
 * gradient below. Sampled, with y = m + sqrt(v) z, it is what log q(y | x) - log p(y) is:
 *   kl = 1/2 sum (y^2 - log v - z^2),     dy = y,   dlog v = -1/2
 * Tallies: sums of m and of m^2 over the rows of the data, by their weights. */
#include <math.h>

#include "ae/ae.h"
#include "base/size.h"
#include "base/status.h"
#include "kernels/log_variance.h"
#include "terms/term.h"

enum { ROWS = 16 /* of one task */, BLOCK = 256 /* elements at a time */, COLUMNS = 64 };

static const int32_t params[] = {AE_PARAM_WEIGHT, AE_PARAM_LAYER, AE_PARAM_FREE_BITS,
                                 AE_PARAM_WARMUP, 0};

static int32_t infer(const ae__spec *spec, const ae__term_site *site, ae__term_info *info)
{
    (void)spec;
    info->tallies = 2 * site->dim;
    if (site->draws) return AE_OK;
    return ae__fail(AE_ERR_INVALID, "layer is %s, wanted gaussian", site->layer);
}

/* What an element counts for at least; rounding can bring the closed form below 0, a sample any
 * value. */
static double least(const ae__term_call *call)
{
    if (call->context->sampled) return -INFINITY;
    const bool train = call->context->mode == AE__MODE_TRAIN;
    return train ? ae__spec_f64(call->spec, AE_PARAM_FREE_BITS) : 0;
}

/* Log-variances and variances of a block. */
static void variances(const ae__term_call *call, const real *a, size_t count, real *log_v, real *v)
{
    const ae__kernels *kernels = call->context->engine->kernels;
    ae__log_variance(kernels, log_v, a, count);
    kernels->exp(v, log_v, count);
}

/* The sum over elements [at, at + count) of row i of y. */
static double divergence(const ae__term_call *call, size_t i, size_t at, size_t count)
{
    const real *m = call->x + i / call->factor * call->x_row + at,
               *y = call->y + i * call->row + at;
    const double floor = least(call);
    real log_v[BLOCK], v[BLOCK];
    double sum = 0;
    variances(call, m + call->dim, count, log_v, v);
    for (size_t j = 0; j < count; j++) {
        real r = y[j] - m[j];
        real twice = call->context->sampled ? y[j] * y[j] - log_v[j] - r * r / v[j]
                                            : m[j] * m[j] + (v[j] - 1 - log_v[j]);
        double kl = 0.5 * (double)twice;
        sum += kl < floor ? floor : kl;
    }
    return sum;
}

static void values_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++)
        for (size_t at = 0; at < call->dim; at += BLOCK)
            call->values[i] += divergence(call, i, at, ae__min_size(BLOCK, call->dim - at));
}

static void tally_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    const size_t end = ae__min_size((task + 1) * COLUMNS, call->dim);
    (void)worker;
    for (size_t i = 0; i < call->rows / call->factor; i++) {
        const real *m = call->x + i * call->x_row;
        const double weight = ae__term_weight(call, i * call->factor);
        for (size_t j = task * COLUMNS; j < end; j++) {
            call->tally[j] += weight * (double)m[j];
            call->tally[call->dim + j] += weight * ((double)m[j] * (double)m[j]);
        }
    }
}

static void values(const ae__term_call *call)
{
    ae__pool *pool = call->context->engine->pool;
    ae__pool_run(pool, ae__blocks(call->rows, ROWS), values_task, (void *)call);
    ae__pool_run(pool, ae__blocks(call->dim, COLUMNS), tally_task, (void *)call);
}

/* Those whose mean has a variance above 0.01 (Burda et al. 2016, appendix C). */
static double active(const double *tally, size_t n, double rows)
{
    double count = 0;
    for (size_t j = 0; j < n / 2; j++) {
        const double mean = tally[j] / rows;
        count += tally[n / 2 + j] / rows - mean * mean > 0.01;
    }
    return count;
}

#ifdef AE_TRAINING

/* dy of the sampled divergence. */
static void gradients_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++) {
        const real scale = (real)ae__term_scale(call, i), *y = call->y + i * call->row;
        real *dy = call->dz + i * call->row;
        for (size_t j = 0; j < call->dim; j++) dy[j] += scale * y[j];
    }
}

static void gradients(const ae__term_call *call)
{
    if (!call->context->sampled) return;
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), gradients_task,
                 (void *)call);
}

/* Adds a block's gradient with respect to x; all samples of a row have the same. */
static void add_gradient(const ae__term_call *call, size_t row, size_t at, size_t count)
{
    const ae__kernels *kernels = call->context->engine->kernels;
    const real *m = call->x + row * call->x_row + at, *a = m + call->dim;
    const bool sampled = call->context->sampled;
    const double floor = least(call);
    real *dm = call->dx + row * call->x_row + at, *da = dm + call->dim;
    real log_v[BLOCK], v[BLOCK], gm[BLOCK], ga[BLOCK];
    double sum = 0;
    for (size_t s = 0; s < call->factor; s++) sum += ae__term_scale(call, row * call->factor + s);
    variances(call, a, count, log_v, v);
    for (size_t j = 0; j < count; j++) {
        real kl = (real)0.5 * (m[j] * m[j] + (v[j] - 1 - log_v[j]));
        real scale = (double)kl < floor ? 0 : (real)sum;
        gm[j] = sampled ? 0 : scale * m[j];
        ga[j] = (real)0.5 * scale * (sampled ? -1 : v[j] - 1) * ae__log_variance_slope(log_v[j]);
    }
    kernels->derive(call->below_act, call->below_slope, gm, gm, m, count);
    kernels->derive(call->below_act, call->below_slope, ga, ga, a, count);
    for (size_t j = 0; j < count; j++) dm[j] += gm[j];
    for (size_t j = 0; j < count; j++) da[j] += ga[j];
}

static void input_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows / call->factor);
    (void)worker;
    for (size_t row = task * ROWS; row < end; row++)
        for (size_t at = 0; at < call->dim; at += BLOCK)
            add_gradient(call, row, at, ae__min_size(BLOCK, call->dim - at));
}

static void input_gradients(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows / call->factor, ROWS),
                 input_task, (void *)call);
}

#endif

const ae__term_ops ae__kl = {
    .kind = AE_PENALTY_KL,
    .name = "kl",
    .params = params,
    .penalty = true,
    .density = true,
    .infer = infer,
    .values = values,
    .active = active,
    .gradients = AE__IF_TRAINING(gradients),
    .input_gradients = AE__IF_TRAINING(input_gradients),
};
