/* The k largest elements of each row, 0 elsewhere (Makhzani and Frey 2013). x and y: rows x in. Of equal
 * ones the first is kept; a NaN makes its row NaN. dx = dy where y is not 0.
 *
 * A unit that no row keeps gets no gradient, so it never changes: it is dead. `idle`, 1 x in, counts
 * each unit's rows of training since its y was last not 0, up to dead_after, where it is taken for
 * dead. Then it gets revival dy of every row whose loss a larger y would lower (dy < 0), as if that
 * row had kept it: its x grows there until one does. */
#include "layers/layer.h"

#include "base/size.h"
#include "base/status.h"

enum { IDLE };
enum { ROWS = 16, UNITS = 256 /* of one task */ };

static const int32_t params[] = {AE_PARAM_K, AE_PARAM_REVIVAL, AE_PARAM_DEAD_AFTER, 0};

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    const size_t k = (size_t)ae__spec_i64(spec, AE_PARAM_K), units = ae__shape_size(in);
    if (k > units) return ae__fail(AE_ERR_RANGE, "k is %zu, wanted 1 to %zu", k, units);
    info->out = *in;
    info->n_weights = 1;
    info->weights[IDLE] =
        (ae__weight_info){.name = "idle", .rows = 1, .cols = units, .tied_to = -1, .state = true};
    return AE_OK;
}

static void forward_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t k = (size_t)ae__spec_i64(call->spec, AE_PARAM_K);
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++)
        call->context->engine->kernels->keep_largest(call->y + i * call->y_row,
                                                     call->x + i * call->x_row, call->in, k);
}

/* ---- training ---- */

static real dead_after(const ae__layer_call *call)
{
    return (real)ae__spec_i64(call->spec, AE_PARAM_DEAD_AFTER);
}

static size_t dead_units(const ae__layer_call *call)
{
    const real *idle = call->weights[IDLE], most = dead_after(call);
    size_t count = 0;
    for (size_t j = 0; j < call->in; j++) count += idle[j] >= most;
    return count;
}

#ifdef AE_TRAINING

/* The units of a task, row after row. */
static void count_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t begin = task * UNITS, count = ae__min_size(UNITS, call->in - begin);
    real *idle = call->weights[IDLE] + begin, most = dead_after(call);
    (void)worker;
    for (size_t i = 0; i < call->rows; i++) {
        const real *y = call->y + i * call->y_row + begin;
        for (size_t j = 0; j < count; j++) {
            real rows = idle[j] + 1 < most ? idle[j] + 1 : most;
            idle[j] = y[j] == 0 ? rows : 0;
        }
    }
}

static void pass_back(const ae__layer_call *call, size_t row, real *dx)
{
    const real *y = call->y + row * call->y_row, *dy = call->dy + row * call->y_row;
    const real *idle = call->weights[IDLE], most = dead_after(call);
    const real revival = (real)ae__spec_f64(call->spec, AE_PARAM_REVIVAL);
    for (size_t j = 0; j < call->in; j++) {
        const bool wanted = (idle[j] >= most) & (dy[j] < 0);
        const real to_idle = wanted ? revival * dy[j] : 0;
        dx[j] = y[j] == 0 ? to_idle : dy[j];
    }
}

static void backward_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    (void)worker;
    for (size_t i = task * ROWS; i < end; i++) {
        real *dx = call->dx + i * call->x_row;
        pass_back(call, i, dx);
        call->context->engine->kernels->derive(call->below_act, call->below_slope, dx, dx,
                                               call->x + i * call->x_row, call->in);
    }
}

static void backward(const ae__layer_call *call)
{
    if (!call->dx) return;
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), backward_task,
                 (void *)call);
}

#endif

static void forward(const ae__layer_call *call)
{
    ae__pool *pool = call->context->engine->pool;
    ae__pool_run(pool, ae__blocks(call->rows, ROWS), forward_task, (void *)call);
#ifdef AE_TRAINING
    if (call->context->mode == AE__MODE_TRAIN)
        ae__pool_run(pool, ae__blocks(call->in, UNITS), count_task, (void *)call);
#endif
}

const ae__layer_ops ae__topk = {
    .kind = AE__LAYER_TOPK,
    .name = "topk",
    .params = params,
    .infer = infer,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
    .dead_units = dead_units,
};
