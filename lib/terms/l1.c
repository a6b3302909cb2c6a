/* The sum of magnitudes of a layer's output: sum |y| a row, the mean over rows. With y = act(z) its
 * gradient with respect to z is sign(y) act'(z), and 0 where y is 0. */
#include "ae/ae.h"
#include "base/size.h"
#include "terms/term.h"

enum { ROWS = 16 /* of one task */, BLOCK = 64 /* elements at a time */ };

extern const ae__term_ops ae__l1;

static const int32_t params[] = {AE_PARAM_WEIGHT, AE_PARAM_LAYER, 0};

/* Row i of y: as it is, or made from z in scratch. */
static const real *output(const ae__term_call *call, size_t i)
{
    if (call->y) return call->y + i * call->row;
    real *y = call->scratch + i * call->row;
    call->context->engine->kernels->activate(call->activation, call->slope, y,
                                             call->z + i * call->row, call->dim);
    return y;
}

static void values_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    size_t end = ae__min_size((task + 1) * ROWS, call->context->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++) {
        const real *y = output(call, i);
        double sum = 0;
        for (size_t j = 0; j < call->dim; j++) sum += y[j] < 0 ? -y[j] : y[j];
        call->values[i] += sum;
    }
}

static void values(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->context->rows, ROWS), values_task,
                 (void *)call);
}

#ifdef AE_TRAINING

/* dz += scale sign(y) act'(z), a few elements at a time. */
static void add_gradient(const ae__term_call *call, size_t i, real scale)
{
    const ae__kernels *kernels = call->context->engine->kernels;
    const real *y = output(call, i);
    real g[BLOCK], *dz = call->dz + i * call->row;
    for (size_t begin = 0; begin < call->dim; begin += BLOCK) {
        size_t count = ae__min_size(BLOCK, call->dim - begin);
        for (size_t j = 0; j < count; j++)
            g[j] = scale * (real)((y[begin + j] > 0) - (y[begin + j] < 0));
        if (call->z)
            kernels->derive_input(call->activation, call->slope, g, g,
                                  call->z + i * call->row + begin, count);
        else
            kernels->derive(call->activation, call->slope, g, g, y + begin, count);
        for (size_t j = 0; j < count; j++) dz[begin + j] += g[j];
    }
}

static void gradients_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    const real *row_weight = call->context->row_weight;
    size_t end = ae__min_size((task + 1) * ROWS, call->context->rows);
    double factor = ae__term_factor(&ae__l1, call->spec, call->dim);
    real scale = (real)(factor / (double)call->context->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++)
        add_gradient(call, i, row_weight ? scale * row_weight[i] : scale);
}

static void gradients(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->context->rows, ROWS), gradients_task,
                 (void *)call);
}

#endif

const ae__term_ops ae__l1 = {
    .kind = AE_PENALTY_L1,
    .name = "l1",
    .params = params,
    .penalty = true,
    .values = values,
    .gradients = AE__IF_TRAINING(gradients),
};
