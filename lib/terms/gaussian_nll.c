/* The negative log-likelihood of normal variables of mean y and variance v, in nats:
 *   1/2 sum ((y - t)^2 / v + log v + log 2 pi),  dy = (y - t) / v,  dlog v = 1/2 (1 - (y - t)^2 / v)
 * v is fixed, or learned: one for all features or one a feature, its logarithm bounded
 * (kernels/log_variance.h). */
#include <math.h>

#include "ae/ae.h"
#include "base/size.h"
#include "kernels/log_variance.h"
#include "terms/term.h"

enum { ROWS = 16 /* of one task */, BLOCK = 64 /* elements at a time */ };

static const int32_t params[] = {AE_PARAM_WEIGHT, AE_PARAM_VARIANCE, AE_PARAM_VARIANCE_KIND,
                                 AE_PARAM_FEATURE_WEIGHTS, 0};

static bool learned(const ae__term_call *call)
{
    return ae__spec_i64(call->spec, AE_PARAM_VARIANCE_KIND) != AE_VARIANCE_FIXED;
}

static bool shared(const ae__term_call *call)
{
    return ae__spec_i64(call->spec, AE_PARAM_VARIANCE_KIND) == AE_VARIANCE_GLOBAL;
}

static int32_t infer(const ae__spec *spec, const ae__term_site *site, ae__term_info *info)
{
    const int64_t kind = ae__spec_i64(spec, AE_PARAM_VARIANCE_KIND);
    const double log_v = log(ae__spec_f64(spec, AE_PARAM_VARIANCE));
    if (kind == AE_VARIANCE_FIXED) return AE_OK;
    info->n_weights = 1;
    info->weights[0] = (ae__weight_info){
        .name = "log_variance",
        .rows = 1,
        .cols = kind == AE_VARIANCE_GLOBAL ? 1 : site->dim,
        .first = AE__LOG_VARIANCE_BOUND * atanh(log_v / AE__LOG_VARIANCE_BOUND),
        .tied_to = -1,
    };
    return AE_OK;
}

/* Log-variances of columns [at, at + count) and the inverses of the variances. */
static void variances(const ae__term_call *call, size_t at, size_t count, real *log_v,
                      real *inverse)
{
    const ae__kernels *kernels = call->context->engine->kernels;
    if (learned(call) && !shared(call))
        ae__log_variance(kernels, log_v, call->weights[0] + at, count);
    else if (shared(call))
        ae__log_variance(kernels, log_v, call->weights[0], 1);
    else
        log_v[0] = (real)log(ae__spec_f64(call->spec, AE_PARAM_VARIANCE));
    for (size_t j = 1; j < count && (shared(call) || !learned(call)); j++) log_v[j] = log_v[0];
    for (size_t j = 0; j < count; j++) inverse[j] = -log_v[j];
    kernels->exp(inverse, inverse, count);
}

/* y - t of columns [at, at + count) of row i. */
static void distances(const ae__term_call *call, size_t i, size_t at, size_t count, real *r)
{
    const ae__context *context = call->context;
    const real *t = context->target + ae__term_data_row(call, i) * context->target_row + at;
    if (call->y) {
        for (size_t j = 0; j < count; j++) r[j] = call->y[i * call->row + at + j];
    } else {
        context->engine->kernels->activate(call->activation, call->slope, r,
                                           call->z + i * call->row + at, count);
    }
    for (size_t j = 0; j < count; j++) r[j] -= t[j];
}

/* Times the weights of elements [at, at + count) of row i. */
static void weigh(const ae__term_call *call, size_t i, size_t at, size_t count, real *r)
{
    const real *element = ae__term_element(call, i, at);
    for (size_t j = 0; element && j < count; j++) r[j] *= element[j];
}

static void add_values(const ae__term_call *call, size_t begin, size_t end, size_t at, size_t count)
{
    const double log_2_pi = 1.8378770664093454836;
    real log_v[BLOCK], inverse[BLOCK], r[BLOCK];
    double constant = 0; /* of a row; where elements have weights it goes by them */
    variances(call, at, count, log_v, inverse);
    for (size_t j = 0; j < count && !call->element; j++) constant += (double)log_v[j] + log_2_pi;
    for (size_t i = begin; i < end; i++) {
        real sum = 0;
        distances(call, i, at, count, r);
        for (size_t j = 0; j < count; j++) r[j] = r[j] * r[j] * inverse[j];
        for (size_t j = 0; j < count && call->element; j++) r[j] += log_v[j] + (real)log_2_pi;
        weigh(call, i, at, count, r);
        for (size_t j = 0; j < count; j++) sum += r[j];
        call->values[i] += 0.5 * ((double)sum + constant);
    }
}

/* A function of columns [at, at + count) of rows [begin, end). */
typedef void block_fn(const ae__term_call *call, size_t begin, size_t end, size_t at, size_t count);

static void run_task(const ae__term_call *call, size_t task, block_fn *run)
{
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    for (size_t at = 0; at < call->dim; at += BLOCK)
        run(call, task * ROWS, end, at, ae__min_size(BLOCK, call->dim - at));
}

static void values_task(void *arg, size_t task, size_t worker)
{
    (void)worker;
    run_task(arg, task, add_values);
}

static void values(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), values_task,
                 (void *)call);
}

#ifdef AE_TRAINING

static void add_gradients(const ae__term_call *call, size_t begin, size_t end, size_t at,
                          size_t count)
{
    const ae__kernels *kernels = call->context->engine->kernels;
    real log_v[BLOCK], inverse[BLOCK], g[BLOCK], y[BLOCK];
    variances(call, at, count, log_v, inverse);
    for (size_t i = begin; i < end; i++) {
        const real scale = (real)ae__term_scale(call, i);
        distances(call, i, at, count, g);
        for (size_t j = 0; j < count; j++) g[j] *= scale * inverse[j];
        weigh(call, i, at, count, g);
        if (call->y) {
            ae__term_add(call, i, at, count, call->y + i * call->row + at, g);
        } else {
            kernels->activate(call->activation, call->slope, y, call->z + i * call->row + at,
                              count);
            ae__term_add(call, i, at, count, y, g);
        }
    }
}

static void gradients_task(void *arg, size_t task, size_t worker)
{
    (void)worker;
    run_task(arg, task, add_gradients);
}

/* dlog v of a block of columns, to dw or, where all share one, to the scratch. */
static void variance_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    const size_t at = task * BLOCK, count = ae__min_size(BLOCK, call->dim - at);
    real log_v[BLOCK], inverse[BLOCK], r[BLOCK], *out = shared(call) ? call->scratch : call->dw[0];
    double sum[BLOCK] = {0};
    (void)worker;
    variances(call, at, count, log_v, inverse);
    for (size_t i = 0; i < call->rows; i++) {
        const double scale = 0.5 * ae__term_scale(call, i);
        distances(call, i, at, count, r);
        for (size_t j = 0; j < count; j++) r[j] = 1 - r[j] * r[j] * inverse[j];
        weigh(call, i, at, count, r);
        for (size_t j = 0; j < count; j++) sum[j] += scale * (double)r[j];
    }
    for (size_t j = 0; j < count; j++)
        out[at + j] = (real)(sum[j] * (double)ae__log_variance_slope(log_v[j]));
}

static void gradients(const ae__term_call *call)
{
    ae__pool *pool = call->context->engine->pool;
    double sum = 0;
    ae__pool_run(pool, ae__blocks(call->rows, ROWS), gradients_task, (void *)call);
    if (!learned(call)) return;
    ae__pool_run(pool, ae__blocks(call->dim, BLOCK), variance_task, (void *)call);
    if (!shared(call)) return;
    for (size_t j = 0; j < call->dim; j++) sum += (double)call->scratch[j];
    call->dw[0][0] = (real)sum;
}

#endif

const ae__term_ops ae__gaussian_nll = {
    .kind = AE_LOSS_GAUSSIAN_NLL,
    .name = "gaussian_nll",
    .params = params,
    .density = true,
    .infer = infer,
    .values = values,
    .gradients = AE__IF_TRAINING(gradients),
};
