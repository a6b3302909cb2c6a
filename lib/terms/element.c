/* Losses that are sums over the elements of a row: as an epilogue, and as plain passes over the
 * stored z, which use the same kernel on a copy. And what terms of other kinds share. */
#include "terms/term.h"

#include <string.h>

#include "ae/ae.h"
#include "base/size.h"

enum { ROWS = 16 /* of one task */ };

ae__epilogue ae__element_epilogue(const ae__term_call *call, bool gradient)
{
    const ae__value *delta = ae__spec_find(call->spec, AE_PARAM_DELTA);
    return (ae__epilogue){
        .act = call->activation,
        .slope = call->slope,
        .loss = ae__term_of(call->spec->kind)->element,
        .delta = delta ? (real)delta->f64 : 0,
        .gradient = gradient,
        .target = call->context->target,
        .target_ld = call->context->target_row,
        .element = call->element,
        .element_ld = call->element_row,
        .scale = (real)call->scale,
        .row_weight = call->row_weight,
        .row_value = call->values,
    };
}

/* Runs the epilogue over a copy of rows [row, row + rows) of z, in scratch; they have targets of
 * their own, or are one row, a sample of its row of the data. */
static void apply(const ae__term_call *call, bool gradient, size_t row, size_t rows)
{
    real *copy = call->scratch + row * call->row;
    ae__epilogue e = ae__element_epilogue(call, gradient);
    e.target += ae__term_data_row(call, row) * e.target_ld;
    e.element = ae__term_element(call, row, 0);
    if (e.row_weight) e.row_weight += row / call->row_repeat;
    e.row_value = gradient ? NULL : call->values + row;
    memcpy(copy, call->z + row * call->row, ((rows - 1) * call->row + call->dim) * sizeof *copy);
    call->context->engine->kernels->epilogue(&e, copy, call->row, rows, call->dim);
}

static void apply_task(const ae__term_call *call, bool gradient, size_t task)
{
    const size_t begin = task * ROWS, end = ae__min_size(begin + ROWS, call->rows);
    if (call->rows == call->context->rows) {
        apply(call, gradient, begin, end - begin);
        return;
    }
    for (size_t i = begin; i < end; i++) apply(call, gradient, i, 1);
}

static void values_task(void *arg, size_t task, size_t worker)
{
    (void)worker;
    apply_task(arg, false, task);
}

void ae__element_values(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), values_task,
                 (void *)call);
}

const real *ae__term_output(const ae__term_call *call, size_t i)
{
    if (call->y) return call->y + i * call->row;
    real *y = call->scratch + i * call->row;
    call->context->engine->kernels->activate(call->activation, call->slope, y,
                                             call->z + i * call->row, call->dim);
    return y;
}

#ifdef AE_TRAINING

void ae__term_add(const ae__term_call *call, size_t i, size_t at, size_t count, const real *y,
                  real *g)
{
    const ae__kernels *kernels = call->context->engine->kernels;
    const real *z = call->z ? call->z + i * call->row + at : NULL;
    real *dz = call->dz + i * call->row + at;
    if (z)
        kernels->derive_input(call->activation, call->slope, g, g, z, count);
    else
        kernels->derive(call->activation, call->slope, g, g, y, count);
    for (size_t j = 0; j < count; j++) dz[j] += g[j];
}

static void gradients_task(void *arg, size_t task, size_t worker)
{
    const ae__term_call *call = arg;
    size_t begin = task * ROWS, end = ae__min_size(begin + ROWS, call->rows);
    (void)worker;
    apply_task(call, true, task);
    for (size_t i = begin; i < end; i++) {
        for (size_t j = 0; j < call->dim; j++)
            call->dz[i * call->row + j] += call->scratch[i * call->row + j];
    }
}

void ae__element_gradients(const ae__term_call *call)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), gradients_task,
                 (void *)call);
}

#endif
