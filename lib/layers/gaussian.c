/* Draws from normal distributions, reparameterised (Kingma and Welling 2014, section 2.4).
 *   x: rows x 2 d = means m, then what gives the log-variances log v (kernels/log_variance.h)
 *   y: rows * k x d, row i k + s = m_i + sqrt(v_i) z_is, z standard normal
 *   dm = sum over s of dy,  dlog v = 1/2 sum over s of dy (y - m)
 * While inferring y = m, one row of one. */
#include "layers/layer.h"

#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "kernels/log_variance.h"

enum { ROWS = 16 /* of one task */, BLOCK = 256 /* elements at a time, a multiple of 4 */ };

static const int32_t params[] = {AE_PARAM_SAMPLES, 0};

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    size_t inputs = ae__shape_size(in);
    if (in->rank != 1) return ae__fail(AE_ERR_SHAPE, "input has rank %d, wanted 1", (int)in->rank);
    if (inputs % 2)
        return ae__fail(AE_ERR_SHAPE,
                        "input has %zu numbers, wanted means and as many log-variances", inputs);
    info->out = ae__shape_vector(inputs / 2);
    info->row_factor = (size_t)ae__spec_i64(spec, AE_PARAM_SAMPLES);
    return AE_OK;
}

/* Elements [at, at + count) of all samples of one row. */
static void draw(const ae__layer_call *call, size_t row, size_t at, size_t count)
{
    const ae__kernels *kernels = call->context->engine->kernels;
    const real *m = call->x + row * call->x_row + at;
    uint32_t bits[BLOCK];
    real deviation[BLOCK], z[BLOCK];
    ae__log_variance(kernels, deviation, m + call->out, count);
    for (size_t i = 0; i < count; i++) deviation[i] *= (real)0.5;
    kernels->exp(deviation, deviation, count);
    for (size_t s = 0; s < call->factor; s++) {
        const ae__draw place = {.purpose = AE__DRAW_POSTERIOR,
                                .layer = (uint32_t)call->number,
                                .sample = call->context->first_sample + (uint32_t)s};
        real *y = call->y + (row * call->factor + s) * call->y_row + at;
        ae__context_draw(call->context, place, row, at, count, bits);
        kernels->normal(z, bits, count);
        for (size_t i = 0; i < count; i++) y[i] = m[i] + deviation[i] * z[i];
    }
}

/* A function of a block of a row, on every block of a task's rows. */
typedef void block_fn(const ae__layer_call *call, size_t row, size_t at, size_t count);

static void run_task(const ae__layer_call *call, size_t task, block_fn *run)
{
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    for (size_t row = task * ROWS; row < end; row++)
        for (size_t at = 0; at < call->out; at += BLOCK)
            run(call, row, at, ae__min_size(BLOCK, call->out - at));
}

static void draw_task(void *arg, size_t task, size_t worker)
{
    (void)worker;
    run_task(arg, task, draw);
}

static void run_rows(const ae__layer_call *call, ae__task *task)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), task, (void *)call);
}

static void forward(const ae__layer_call *call)
{
    if (call->context->mode != AE__MODE_INFER) {
        run_rows(call, draw_task);
        return;
    }
    for (size_t i = 0; i < call->rows; i++)
        memcpy(call->y + i * call->y_row, call->x + i * call->x_row, call->out * sizeof *call->y);
}

#ifdef AE_TRAINING

static void pass_back(const ae__layer_call *call, size_t row, size_t at, size_t count)
{
    const ae__kernels *kernels = call->context->engine->kernels;
    const real *m = call->x + row * call->x_row + at, *a = m + call->out;
    real *dm = call->dx + row * call->x_row + at, *da = dm + call->out, v[BLOCK];
    memset(dm, 0, count * sizeof *dm);
    memset(da, 0, count * sizeof *da);
    for (size_t s = 0; s < call->factor; s++) {
        size_t from = (row * call->factor + s) * call->y_row + at;
        const real *dy = call->dy + from, *y = call->y + from;
        for (size_t i = 0; i < count; i++) {
            dm[i] += dy[i];
            da[i] += dy[i] * (y[i] - m[i]);
        }
    }
    ae__log_variance(kernels, v, a, count);
    for (size_t i = 0; i < count; i++) da[i] *= (real)0.5 * ae__log_variance_slope(v[i]);
    kernels->derive(call->below_act, call->below_slope, dm, dm, m, count);
    kernels->derive(call->below_act, call->below_slope, da, da, a, count);
}

static void backward_task(void *arg, size_t task, size_t worker)
{
    (void)worker;
    run_task(arg, task, pass_back);
}

static void backward(const ae__layer_call *call)
{
    if (call->dx) run_rows(call, backward_task);
}

#endif

const ae__layer_ops ae__gaussian = {
    .kind = AE__LAYER_GAUSSIAN,
    .name = "gaussian",
    .params = params,
    .draws = true,
    .infer = infer,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};
