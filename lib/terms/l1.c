/* The sum of magnitudes of a layer's output: sum |y| a row, the mean over rows. With y = act(z) its
 * gradient with respect to z is sign(y) act'(z), and 0 where y is 0. */
#include "ae/ae.h"
#include "base/size.h"
#include "terms/term.h"

enum { ROWS = 16 /* of one task */, BLOCK = 64 /* elements at a time */ };

static const int32_t params[] = {AE_PARAM_WEIGHT, AE_PARAM_LAYER, 0};

static void values_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++) {
        const real *y = ae__term_output(call, i);
        double sum = 0;
        for (size_t j = 0; j < call->dim; j++) sum += y[j] < 0 ? -y[j] : y[j];
        call->values[i] += sum;
    }
}

static void values(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), values_task,
                 (void *)call);
}

#ifdef AE_TRAINING

/* dz += scale sign(y) act'(y), a few elements at a time. */
static void add_gradient(const ae__term_call *call, size_t i)
{
    const real *y = ae__term_output(call, i), scale = (real)ae__term_scale(call, i);
    for (size_t at = 0; at < call->dim; at += BLOCK) {
        size_t count = ae__min_size(BLOCK, call->dim - at);
        real g[BLOCK];
        for (size_t j = 0; j < count; j++) g[j] = scale * (real)((y[at + j] > 0) - (y[at + j] < 0));
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

const ae__term_ops ae__l1 = {
    .kind = AE_PENALTY_L1,
    .name = "l1",
    .params = params,
    .penalty = true,
    .values = values,
    .gradients = AE__IF_TRAINING(gradients),
};
