/* Noise, while training only; otherwise y = x. x and y: rows x in. With b an element's draw, 32 bits,
 * and z the normal quantile of them:
 *   Gaussian   y = x + deviation z, cut to [low, high]    dx = dy within the bounds, else 0
 *   any other  y = low where b < lows, high where lows <= b < replaced, else scale x
 *              dx = 0 where b < replaced, else scale dy
 * Backward draws again instead of keeping what was drawn. */
#include "layers/layer.h"

#include <float.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"

enum { ROWS = 16 /* of one task */, BLOCK = 512 /* draws at a time */ };

static const int32_t params[] = {AE_PARAM_NOISE,     AE_PARAM_AMOUNT,     AE_PARAM_CLIP_LOW,
                                 AE_PARAM_CLIP_HIGH, AE_PARAM_MASK_VALUE, 0};

/* The bounds; salt and pepper cannot do without. */
static void bounds(const ae__spec *spec, double *low, double *high)
{
    bool wanted = ae__spec_i64(spec, AE_PARAM_NOISE) == AE_NOISE_SALT_PEPPER;
    *low = ae__spec_f64(spec, AE_PARAM_CLIP_LOW);
    *high = ae__spec_f64(spec, AE_PARAM_CLIP_HIGH);
    if (wanted && *low == -FLT_MAX) *low = 0;
    if (wanted && *high == FLT_MAX) *high = 1;
}

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    const double amount = ae__spec_f64(spec, AE_PARAM_AMOUNT), most = 1 - FLT_EPSILON;
    double low, high;
    bounds(spec, &low, &high);
    if (ae__spec_i64(spec, AE_PARAM_NOISE) != AE_NOISE_GAUSSIAN && amount > most)
        return ae__fail(AE_ERR_RANGE, "amount is %.9g, wanted 0 to %.9g", amount, most);
    if (low >= high)
        return ae__fail(AE_ERR_RANGE, "clip_low is %.9g, wanted below clip_high, %.9g", low, high);
    info->out = *in;
    return AE_OK;
}

#ifdef AE_TRAINING

typedef struct noise {
    bool gaussian;
    real deviation;
    uint32_t lows, replaced;
    real low, high, scale;
} noise;

static noise noise_of(const ae__spec *spec)
{
    const double amount = ae__spec_f64(spec, AE_PARAM_AMOUNT);
    const int64_t kind = ae__spec_i64(spec, AE_PARAM_NOISE);
    double low, high;
    bounds(spec, &low, &high);
    noise n = {.low = (real)low, .high = (real)high, .scale = 1};
    if (kind == AE_NOISE_GAUSSIAN) {
        n.gaussian = true;
        n.deviation = (real)amount;
        return n;
    }
    n.lows = n.replaced = (uint32_t)(amount * 0x1p32);
    if (kind == AE_NOISE_SALT_PEPPER) n.lows /= 2;
    if (kind == AE_NOISE_MASKING) n.low = (real)ae__spec_f64(spec, AE_PARAM_MASK_VALUE);
    if (kind == AE_NOISE_DROPOUT) {
        n.low = 0;
        n.scale = (real)(1 / (1 - amount));
    }
    return n;
}

static void draw_bits(const ae__layer_call *call, size_t row, size_t at, size_t count,
                      uint32_t *bits)
{
    const size_t samples = call->rows / call->context->rows;
    const ae__draw place = {.purpose = AE__DRAW_CORRUPT,
                            .layer = (uint32_t)call->number,
                            .sample = (uint32_t)(row % samples)};
    ae__context_draw(call->context, place, row / samples, at, count, bits);
}

/* Each noise is a copy, so that no store can change it and the loops become vectors. */

static void add(const noise n, real *restrict y, const real *restrict x, const real *restrict z,
                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        real v = x[i] + n.deviation * z[i];
        y[i] = v < n.low ? n.low : v > n.high ? n.high : v; /* NaN passes */
    }
}

static void add_back(const noise n, real *restrict dx, const real *restrict dy,
                     const real *restrict y, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        real d = y[i] > n.low ? dy[i] : 0;
        dx[i] = y[i] < n.high ? d : 0;
    }
}

static void replace(const noise n, real *restrict y, const real *restrict x,
                    const uint32_t *restrict bits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        real kept = n.scale * x[i], value = bits[i] < n.lows ? n.low : n.high;
        y[i] = bits[i] < n.replaced ? value : kept;
    }
}

/* `count` elements of a row from `at` on, which is a multiple of 4. */
typedef void block_fn(const ae__layer_call *call, noise n, size_t row, size_t at, size_t count);

static void corrupt(const ae__layer_call *call, noise n, size_t row, size_t at, size_t count)
{
    const real *x = call->x + row * call->x_row + at;
    real *y = call->y + row * call->y_row + at, z[BLOCK];
    uint32_t bits[BLOCK];
    draw_bits(call, row, at, count, bits);
    if (!n.gaussian) {
        replace(n, y, x, bits, count);
        return;
    }
    call->context->engine->kernels->normal(z, bits, count);
    add(n, y, x, z, count);
}

static void pass_back(const ae__layer_call *call, noise n, size_t row, size_t at, size_t count)
{
    const real *x = call->x + row * call->x_row + at, *y = call->y + row * call->y_row + at;
    const real *dy = call->dy + row * call->y_row + at;
    real *dx = call->dx + row * call->x_row + at;
    uint32_t bits[BLOCK];
    if (n.gaussian) {
        add_back(n, dx, dy, y, count);
    } else {
        n.low = n.high = 0;
        draw_bits(call, row, at, count, bits);
        replace(n, dx, dy, bits, count);
    }
    call->context->engine->kernels->derive(call->below_act, call->below_slope, dx, dx, x, count);
}

static void run_task(const ae__layer_call *call, size_t task, block_fn *run)
{
    const noise n = noise_of(call->spec);
    const size_t end = ae__min_size((task + 1) * ROWS, call->rows);
    for (size_t row = task * ROWS; row < end; row++)
        for (size_t at = 0; at < call->in; at += BLOCK)
            run(call, n, row, at, ae__min_size(BLOCK, call->in - at));
}

static void corrupt_task(void *arg, size_t task, size_t worker)
{
    (void)worker;
    run_task(arg, task, corrupt);
}

static void backward_task(void *arg, size_t task, size_t worker)
{
    (void)worker;
    run_task(arg, task, pass_back);
}

static void run_rows(const ae__layer_call *call, ae__task *task)
{
    ae__pool_run(call->context->engine->pool, ae__blocks(call->rows, ROWS), task, (void *)call);
}

static void backward(const ae__layer_call *call)
{
    if (call->dx) run_rows(call, backward_task);
}

#endif

static void forward(const ae__layer_call *call)
{
#ifdef AE_TRAINING
    if (call->context->mode == AE__MODE_TRAIN) {
        run_rows(call, corrupt_task);
        return;
    }
#endif
    for (size_t i = 0; i < call->rows; i++)
        memcpy(call->y + i * call->y_row, call->x + i * call->x_row, call->in * sizeof *call->y);
}

const ae__layer_ops ae__corrupt = {
    .kind = AE__LAYER_CORRUPT,
    .name = "corrupt",
    .params = params,
    .infer = infer,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};
