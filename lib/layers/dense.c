/* The fully connected layer: y = act(x kernel + bias).
 *   x: rows x in, kernel: in x out, bias: 1 x out, y: rows x out
 * Tied: the kernel is another layer's, out x in, read transposed. With z = x kernel + bias:
 *   dx = dz kernel^T, dkernel = x^T dz, dbias = column sums of dz. */
#include "layers/layer.h"

#include "base/size.h"
#include "base/status.h"

enum { KERNEL, BIAS };
enum { BIAS_COLUMNS = 256 /* of one task */ };

static const int32_t params[] = {AE_PARAM_UNITS,
                                 AE_PARAM_ACTIVATION,
                                 AE_PARAM_SLOPE,
                                 AE_PARAM_BIAS,
                                 AE_PARAM_INIT,
                                 AE_PARAM_TIED,
                                 0};

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    size_t inputs = ae__shape_size(in);
    size_t units = (size_t)ae__spec_i64(spec, AE_PARAM_UNITS), count;
    int32_t tied = (int32_t)ae__spec_i64(spec, AE_PARAM_TIED);
    if (in->rank != 1) return ae__fail(AE_ERR_SHAPE, "input has rank %d, wanted 1", (int)in->rank);
    if (!ae__mul_size(inputs, units, &count) || count > PTRDIFF_MAX / sizeof(real) / 8)
        return ae__fail(AE_ERR_RANGE, "kernel of %zu x %zu overflows", inputs, units);

    info->out = ae__shape_vector(units);
    info->activation = (int32_t)ae__spec_i64(spec, AE_PARAM_ACTIVATION);
    info->slope = (real)ae__spec_f64(spec, AE_PARAM_SLOPE);
    info->terms = (double)count;
    info->n_weights = 1;
    info->weights[KERNEL] = (ae__weight_info){
        .name = "kernel",
        .rows = tied < 0 ? inputs : units,
        .cols = tied < 0 ? units : inputs,
        .init = (int32_t)ae__spec_i64(spec, AE_PARAM_INIT),
        .fan_in = inputs,
        .fan_out = units,
        .decay = true,
        .tied_to = tied,
    };
    if (ae__spec_i64(spec, AE_PARAM_BIAS)) {
        info->n_weights = 2;
        info->weights[BIAS] =
            (ae__weight_info){.name = "bias", .rows = 1, .cols = units, .tied_to = -1};
    }
    return AE_OK;
}

static bool tied(const ae__layer_call *call)
{
    return call->info->weights[KERNEL].tied_to >= 0;
}

static bool has_bias(const ae__layer_call *call)
{
    return call->info->n_weights > BIAS;
}

static void forward(const ae__layer_call *call)
{
    ae__epilogue plain = {0}, *epilogue = call->loss ? call->loss : &plain;
    epilogue->bias = has_bias(call) ? call->weights[BIAS] : NULL;
    epilogue->act = call->raw ? AE_ACT_LINEAR : call->info->activation;
    epilogue->slope = call->info->slope;
    ae__gemm_run(
        &(ae__gemm){
            .m = call->rows,
            .n = call->out,
            .k = call->in,
            .a = call->x,
            .a_row = call->x_row,
            .a_col = 1,
            .b = call->weights[KERNEL],
            .b_row = tied(call) ? 1 : call->out,
            .b_col = tied(call) ? call->in : 1,
            .c = call->y,
            .c_row = call->y_row,
            .epilogue = epilogue,
        },
        1, NULL, call->context->engine);
}

#ifdef AE_TRAINING

/* dx = dz kernel^T, times the derivative of the activation below. */
static void input_gradient(const ae__layer_call *call, const ae__epilogue *epilogue, ae__gemm *out)
{
    *out = (ae__gemm){
        .m = call->rows,
        .n = call->in,
        .k = call->out,
        .a = call->dy,
        .a_row = call->y_row,
        .a_col = 1,
        .b = call->weights[KERNEL],
        .b_row = tied(call) ? call->in : 1,
        .b_col = tied(call) ? 1 : call->out,
        .c = call->dx,
        .c_row = call->x_row,
        .epilogue = epilogue,
    };
}

static void kernel_rows_done(void *arg, size_t row, size_t rows)
{
    const ae__layer_call *call = arg;
    size_t cols = call->info->weights[KERNEL].cols;
    call->finished(call->finished_user, KERNEL, row * cols, rows * cols);
}

/* dkernel = x^T dz; tied: dz^T x, out x in. */
static void kernel_gradient(const ae__layer_call *call, ae__gemm *out)
{
    const ae__weight_info *kernel = &call->info->weights[KERNEL];
    const bool swap = tied(call);
    *out = (ae__gemm){
        .m = kernel->rows,
        .n = kernel->cols,
        .k = call->rows,
        .a = swap ? call->dy : call->x,
        .a_row = 1,
        .a_col = swap ? call->y_row : call->x_row,
        .b = swap ? call->x : call->dy,
        .b_row = swap ? call->x_row : call->y_row,
        .b_col = 1,
        .c = call->dw[KERNEL],
        .c_row = kernel->cols,
        .accumulate = call->accumulate[KERNEL],
        .done = call->finished ? kernel_rows_done : NULL,
        .done_arg = (void *)call,
    };
}

static void bias_task(void *arg, size_t task, size_t worker)
{
    const ae__layer_call *call = arg;
    size_t begin = task * BIAS_COLUMNS, count = ae__min_size(BIAS_COLUMNS, call->out - begin);
    (void)worker;
    call->context->engine->kernels->column_sums(call->dw[BIAS] + begin, call->dy + begin,
                                                call->y_row, call->rows, count,
                                                call->accumulate[BIAS]);
    if (call->finished) call->finished(call->finished_user, BIAS, begin, count);
}

static void backward(const ae__layer_call *call)
{
    const ae__epilogue epilogue = {
        .prev = call->below_act == AE_ACT_LINEAR ? NULL : call->x,
        .prev_ld = call->x_row,
        .prev_act = call->below_act,
        .prev_slope = call->below_slope,
    };
    const ae__beside bias = {bias_task, (void *)call, ae__blocks(call->out, BIAS_COLUMNS)};
    ae__gemm products[AE__GEMM_MOST];
    size_t n = 0;
    if (call->dx) input_gradient(call, &epilogue, &products[n++]);
    kernel_gradient(call, &products[n++]); /* whose `done` may change the kernel */
    ae__gemm_run(products, n, has_bias(call) ? &bias : NULL, call->context->engine);
}

#endif

const ae__layer_ops ae__dense = {
    .kind = AE__LAYER_DENSE,
    .name = "dense",
    .params = params,
    .fuses_loss = true,
    .infer = infer,
    .forward = forward,
    .backward = AE__IF_TRAINING(backward),
};
