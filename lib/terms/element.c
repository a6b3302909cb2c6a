/* Losses that are sums over the elements of a row: as an epilogue, and as plain passes over the
 * stored z, which use the same kernel on a copy. */
#include "terms/term.h"

#include <string.h>

#include "ae/ae.h"
#include "base/size.h"

enum { ROWS = 16 /* of one task */ };

ae__epilogue ae__element_epilogue(const ae__term_ops *ops, const ae__spec *spec, size_t dim,
                                  const ae__context *context, double *values, bool gradient)
{
    const ae__value *delta = ae__spec_find(spec, AE_PARAM_DELTA);
    return (ae__epilogue){
        .act = AE_ACT_LINEAR,
        .loss = ops->element,
        .delta = delta ? (real)delta->f64 : 0,
        .gradient = gradient,
        .target = context->target,
        .target_ld = context->target_row,
        .scale = (real)(ae__term_factor(ops, spec, dim) / (double)context->rows),
        .row_weight = context->row_weight,
        .row_value = values,
    };
}

/* Runs the epilogue over a copy of rows [row, row + rows) of z, in scratch. */
static void apply(const ae__term_call *call, bool gradient, size_t row, size_t rows)
{
    const ae__term_ops *ops = ae__term_of(call->spec->kind);
    real *copy = call->scratch + row * call->row;
    ae__epilogue e = ae__element_epilogue(ops, call->spec, call->dim, call->context,
                                          gradient ? NULL : call->values + row, gradient);
    e.act = call->activation;
    e.slope = call->slope;
    e.target += row * e.target_ld;
    if (e.row_weight) e.row_weight += row;
    memcpy(copy, call->z + row * call->row, ((rows - 1) * call->row + call->dim) * sizeof *copy);
    call->context->engine->kernels->epilogue(&e, copy, call->row, rows, call->dim);
}

static void values_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    (void)worker;
    apply(call, false, task * ROWS, ae__min_size(ROWS, call->context->rows - task * ROWS));
}

void ae__element_values(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->context->rows, ROWS), values_task,
                 (void *)call);
}

#ifdef AE_TRAINING

static void gradients_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    size_t begin = task * ROWS, end = ae__min_size(begin + ROWS, call->context->rows);
    (void)worker;
    apply(call, true, begin, end - begin);
    for (size_t i = begin; i < end; i++) {
        for (size_t j = 0; j < call->dim; j++)
            call->dz[i * call->row + j] += call->scratch[i * call->row + j];
    }
}

void ae__element_gradients(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->context->rows, ROWS), gradients_task,
                 (void *)call);
}

#endif
