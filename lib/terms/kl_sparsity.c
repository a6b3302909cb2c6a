/* How far the mean q of each unit over all rows is from the r wanted, as a divergence of Bernoulli
 * distributions (Ng 2011): sum of r log(r / q) + (1 - r) log((1 - r) / (1 - q)). With n rows
 *   dy = 1/n ((1 - r) / (1 - q) - r / q)
 * Tallies: the sums over rows that the means come from, by row weight. */
#include <math.h>

#include "ae/ae.h"
#include "base/size.h"
#include "base/status.h"
#include "terms/term.h"

enum { ROWS = 16 /* of one task */, BLOCK = 64 /* elements at a time */ };

static const int32_t params[] = {AE_PARAM_WEIGHT, AE_PARAM_LAYER, AE_PARAM_TARGET, 0};

static int32_t infer(const ae__spec *spec, const ae__term_site *site, ae__term_info *info)
{
    (void)spec;
    info->tallies = site->dim;
    if (site->activation == AE_ACT_SIGMOID) return AE_OK;
    return ae__fail(AE_ERR_INVALID, "activation is %s, wanted sigmoid",
                    ae__activation_name(site->activation));
}

/* A unit's mean, kept off 0 and 1, where the divergence is infinite. */
static double mean(double sum, double rows)
{
    return fmin(fmax(sum / rows, 1e-7), 1 - 1e-7);
}

/* Adds columns [task BLOCK, ...) of y to the tally, row by row. */
static void tally_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    const size_t at = task * BLOCK, count = ae__min_size(BLOCK, call->dim - at);
    (void)worker;
    for (size_t i = 0; i < call->rows; i++) {
        const double weight = ae__term_weight(call, i);
        const real *y = (call->y ? call->y : call->z) + i * call->row + at;
        real made[BLOCK];
        if (!call->y) {
            call->context->engine->kernels->activate(call->activation, call->slope, made, y, count);
            y = made;
        }
        for (size_t j = 0; j < count; j++) call->tally[at + j] += weight * (double)y[j];
    }
}

static void values(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->dim, BLOCK), tally_task,
                 (void *)call);
}

static double whole(const ae__term_call *call, double rows)
{
    const double r = ae__spec_f64(call->spec, AE_PARAM_TARGET);
    double sum = 0;
    for (size_t j = 0; j < call->dim; j++) {
        double q = mean(call->tally[j], rows);
        sum += r * log(r / q) + (1 - r) * log((1 - r) / (1 - q));
    }
    return sum;
}

#ifdef AE_TRAINING

static void add_gradient(const ae__term_call *call, size_t i)
{
    const double r = ae__spec_f64(call->spec, AE_PARAM_TARGET), scale = ae__term_scale(call, i);
    const real *y = ae__term_output(call, i);
    for (size_t at = 0; at < call->dim; at += BLOCK) {
        size_t count = ae__min_size(BLOCK, call->dim - at);
        real g[BLOCK];
        for (size_t j = 0; j < count; j++) {
            double q = mean(call->tally[at + j], call->weight);
            g[j] = (real)(scale * ((1 - r) / (1 - q) - r / q));
        }
        ae__term_add(call, i, at, count, y + at, g);
    }
}

static void gradients_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++) add_gradient(call, i);
}

static void gradients(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), gradients_task,
                 (void *)call);
}

#endif

const ae__term_ops ae__kl_sparsity = {
    .kind = AE_PENALTY_KL_SPARSITY,
    .name = "kl_sparsity",
    .params = params,
    .penalty = true,
    .infer = infer,
    .values = values,
    .whole = whole,
    .gradients = AE__IF_TRAINING(gradients),
};
