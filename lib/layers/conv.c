/* Convolution of images (height x width x channels) and of signals (length x channels), and its
 * transpose: y = act(conv(x, kernel) + bias).
 *   kernel: kernel_h kernel_w in_channels x filters;  transposed, as Keras has it:
 *           kernel_h kernel_w filters x in_channels
 *   bias: 1 x filters
 * A transposed convolution is the adjoint of one from its output to its input, so forward, dx and
 * dkernel are the same three passes with x and y exchanged (kernels/conv.h). */
#include "base/size.h"
#include "base/status.h"
#include "base/window.h"
#include "kernels/conv_upsampled.h"
#include "layers/image.h"

enum { KERNEL, BIAS };
enum { LINE = 64 / sizeof(real) };

static const int32_t params_1d[] = {AE_PARAM_FILTERS,
                                    AE_PARAM_KERNEL_W,
                                    AE_PARAM_STRIDE_W,
                                    AE_PARAM_PADDING,
                                    AE_PARAM_PAD_LEFT,
                                    AE_PARAM_PAD_RIGHT,
                                    AE_PARAM_ACTIVATION,
                                    AE_PARAM_SLOPE,
                                    AE_PARAM_BIAS,
                                    AE_PARAM_INIT,
                                    0};
static const int32_t params_2d[] = {AE_PARAM_FILTERS,   AE_PARAM_KERNEL_H,   AE_PARAM_KERNEL_W,
                                    AE_PARAM_STRIDE_H,  AE_PARAM_STRIDE_W,   AE_PARAM_PADDING,
                                    AE_PARAM_PAD_TOP,   AE_PARAM_PAD_BOTTOM, AE_PARAM_PAD_LEFT,
                                    AE_PARAM_PAD_RIGHT, AE_PARAM_ACTIVATION, AE_PARAM_SLOPE,
                                    AE_PARAM_BIAS,      AE_PARAM_INIT,       0};

static bool is_transposed(const ae__spec *spec)
{
    return spec->kind == AE__LAYER_CONV1D_TRANSPOSE || spec->kind == AE__LAYER_CONV2D_TRANSPOSE;
}

static int32_t rank_of(const ae__spec *spec)
{
    return spec->kind == AE__LAYER_CONV1D || spec->kind == AE__LAYER_CONV1D_TRANSPOSE ? 2 : 3;
}

/* Where the kernel lies, one after the other: pixels of the smaller side, all taps each. */
static double places(const ae__window *w, bool transposed)
{
    return transposed ? (double)w->h.in * (double)w->w.in : (double)w->h.out * (double)w->w.out;
}

static int32_t infer(const ae__spec *spec, const ae__shape *in, ae__layer_info *info)
{
    const size_t filters = (size_t)ae__spec_i64(spec, AE_PARAM_FILTERS);
    const bool transposed = is_transposed(spec);
    ae__window window;
    size_t inputs, count;
    AE_TRY(ae__window_check_rank(in, rank_of(spec)));
    AE_TRY(ae__window_infer(spec, in, transposed, &window));
    AE_TRY(ae__window_output(&window, in, filters, &info->out));
    const size_t cells = window.h.kernel * window.w.kernel, channels = ae__shape_channels(in);
    if (!ae__mul_size(cells, channels, &inputs) || !ae__mul_size(inputs, filters, &count) ||
        count > PTRDIFF_MAX / sizeof(real) / 8)
        return ae__fail(AE_ERR_RANGE, "kernel of %zu x %zu x %zu x %zu overflows", window.h.kernel,
                        window.w.kernel, channels, filters);
    info->activation = (int32_t)ae__spec_i64(spec, AE_PARAM_ACTIVATION);
    info->slope = (real)ae__spec_f64(spec, AE_PARAM_SLOPE);
    info->terms = (double)count * places(&window, transposed);
    info->n_weights = 1;
    info->weights[KERNEL] = (ae__weight_info){
        .name = "kernel",
        .rows = cells * (transposed ? filters : channels),
        .cols = transposed ? channels : filters,
        .init = (int32_t)ae__spec_i64(spec, AE_PARAM_INIT),
        .fan_in = inputs,
        .fan_out = cells * filters,
        .decay = true,
        .tied_to = -1,
    };
    if (ae__spec_i64(spec, AE_PARAM_BIAS)) {
        info->n_weights = 2;
        info->weights[BIAS] =
            (ae__weight_info){.name = "bias", .rows = 1, .cols = filters, .tied_to = -1};
    }
    return AE_OK;
}

/* The convolution, from the larger side, x, to y: of a transposed layer from its output. */
static ae__conv conv_of(const ae__spec *spec, const ae__shape *in, const ae__shape *out)
{
    const bool transposed = is_transposed(spec);
    const ae__window window = ae__window_of(spec, in, transposed);
    const ae__shape from = ae__shape_as_image(transposed ? out : in);
    const ae__shape to = ae__shape_as_image(transposed ? in : out);
    return (ae__conv){.x_h = from.dims[0],
                      .x_w = from.dims[1],
                      .x_c = from.dims[2],
                      .y_h = to.dims[0],
                      .y_w = to.dims[1],
                      .y_c = to.dims[2],
                      .kernel_h = window.h.kernel,
                      .kernel_w = window.w.kernel,
                      .stride_h = window.h.stride,
                      .stride_w = window.w.stride,
                      .pad_top = window.h.before,
                      .pad_left = window.w.before};
}

static bool merges(const ae__spec *spec, const ae__spec *below, const ae__shape *in)
{
    const bool upsamples =
        below->kind == AE__LAYER_UPSAMPLE1D || below->kind == AE__LAYER_UPSAMPLE2D;
    if (is_transposed(spec) || !upsamples) return false;
    const ae__upsampling upsampling = ae__layer_upsampling(below, in);
    const ae__shape shape = ae__layer_upsampled(below, in);
    const ae__conv conv = conv_of(spec, &shape, &shape);
    return ae__conv_upsampled_fits(&conv, &upsampling);
}

/* The passes that a layer makes: of its convolution, or of the one that upsamples, too. */
typedef struct passes {
    bool transposed;
    ae__conv conv;  /* what runs */
    ae__conv plain; /* of the layer's own kernel */
    ae__upsampling upsampling;
    size_t
        merged; /* weights of what runs, where these are not the kernel; a whole number of lines */
} passes;

static passes passes_of(const ae__spec *spec, const ae__spec *below, const ae__shape *in,
                        const ae__shape *out)
{
    passes p = {.transposed = is_transposed(spec)};
    if (!below) {
        p.conv = conv_of(spec, in, out);
        return p;
    }
    const ae__shape shape = ae__layer_upsampled(below, in);
    p.upsampling = ae__layer_upsampling(below, in);
    p.plain = conv_of(spec, &shape, out);
    p.conv = ae__conv_upsampled(&p.plain, &p.upsampling);
    p.transposed = true;
    p.merged = ae__round_up(ae__conv_weights(&p.conv), LINE);
    return p;
}

static passes passes_of_call(const ae__layer_call *call)
{
    return passes_of(call->spec, call->merged, call->in_shape, &call->info->out);
}

static size_t filters_of(const ae__spec *spec)
{
    return (size_t)ae__spec_i64(spec, AE_PARAM_FILTERS);
}

/* Scales of a normalisation, and the bias and the kernel that it is folded into. */
static size_t folded_reals(const ae__spec *spec, const ae__layer_info *info)
{
    const ae__weight_info *kernel = &info->weights[KERNEL];
    return ae__round_up(kernel->rows * kernel->cols + 2 * filters_of(spec), LINE);
}

/* Rows want most: they are turned into blocks here. Before that come merged weights, and then their
 * gradient. */
static bool scratch(const ae__layer_need *need, size_t *reals)
{
    const passes p = passes_of(need->spec, need->merged, need->in, &need->info->out);
    size_t pass, gradient = 0;
    if (!ae__conv_scratch(&p.conv, false, false, need->engine, &pass)) return false;
    if (need->training &&
        !ae__conv_gradient_scratch(&p.conv, need->rows, false, false, need->engine, &gradient))
        return false;
    *reals = ae__blocks(ae__max_size(pass, gradient), sizeof(real));
    return ae__add_size(*reals, p.merged + (need->folds ? folded_reals(need->spec, need->info) : 0),
                        reals);
}

static bool has_bias(const ae__layer_call *call)
{
    return call->info->n_weights > BIAS;
}

/* From x to y, or back from dy to dx. */
static void run(const ae__layer_call *call, bool back, const ae__epilogue *epilogue)
{
    const passes p = passes_of_call(call);
    const ae__images x = {call->x, call->x_row, call->x_blocked};
    const ae__images dy = {call->dy, call->y_row, call->y_blocked};
    const ae__conv_pass pass = {
        .conv = &p.conv,
        .rows = call->rows,
        .in = back ? dy : x,
        .out = back ? call->dx : call->y,
        .out_row = back ? call->x_row : call->y_row,
        .out_blocked = back ? call->x_blocked : call->y_blocked,
        .w = p.merged ? call->scratch : call->weights[KERNEL],
        .epilogue = epilogue,
        .scratch = call->scratch + p.merged,
    };
    if (p.merged)
        ae__conv_upsampled_weights(call->scratch, call->weights[KERNEL], &p.plain, &p.upsampling);
    if (back == p.transposed)
        ae__conv_forward(&pass, call->context->engine);
    else
        ae__conv_adjoint(&pass, call->context->engine);
}

/* Each weight times the scale of its filter: of its column, or of its row. */
static void scale_weights(const ae__layer_call *call, real *to, const real *scales, size_t filters)
{
    const ae__weight_info *kernel = &call->info->weights[KERNEL];
    const bool rows = is_transposed(call->spec);
    const real *from = call->weights[KERNEL];
    for (size_t i = 0; i < kernel->rows; i++, from += kernel->cols, to += kernel->cols) {
        const real *scale = rows ? scales + i % filters : scales;
        for (size_t j = 0; j < kernel->cols; j++) to[j] = from[j] * scale[rows ? 0 : j];
    }
}

/* act(a (conv(x, kernel) + bias - mean) + beta) = act(conv(x, a kernel) + d), in weights that cost little
 * beside what they are used for. */
static void forward_normalised(ae__layer_call call)
{
    const ae__layer_info *norm = call.norm->info;
    const size_t filters = filters_of(call.spec);
    real *a = call.scratch, *d = a + filters, *w = d + filters;
    ae__batch_norm_fold(call.norm, has_bias(&call) ? call.weights[BIAS] : NULL, a, d);
    scale_weights(&call, w, a, filters);
    call.weights[KERNEL] = w;
    call.scratch += folded_reals(call.spec, call.info);
    run(&call, false, &(ae__epilogue){.bias = d, .act = norm->activation, .slope = norm->slope});
}

static void forward(const ae__layer_call *call)
{
    ae__epilogue plain = {0}, *epilogue = call->loss ? call->loss : &plain;
    if (call->norm) {
        forward_normalised(*call);
        return;
    }
    epilogue->bias = has_bias(call) ? call->weights[BIAS] : NULL;
    epilogue->act = call->raw ? AE_ACT_LINEAR : call->info->activation;
    epilogue->slope = call->info->slope;
    run(call, false, epilogue);
}

#ifdef AE_TRAINING

static void kernel_done(void *arg, size_t begin, size_t count)
{
    const ae__layer_call *call = arg;
    call->finished(call->finished_user, KERNEL, begin, count);
}

static void weight_gradients(const ae__layer_call *call)
{
    const passes p = passes_of_call(call);
    const ae__images x = {call->x, call->x_row, call->x_blocked};
    const ae__images dy = {call->dy, call->y_row, call->y_blocked};
    real *dw = call->dw[KERNEL], *dbias = has_bias(call) ? call->dw[BIAS] : NULL;
    ae__conv_gradient_run(
        &(ae__conv_gradient){
            .conv = &p.conv,
            .rows = call->rows,
            .x = p.transposed ? dy : x,
            .dy = p.transposed ? x : dy,
            .dw = p.merged ? call->scratch : dw,
            .x_sums = p.transposed ? dbias : NULL,
            .y_sums = p.transposed ? NULL : dbias,
            .accumulate = call->accumulate[KERNEL] && !p.merged,
            .accumulate_sums = call->accumulate[BIAS],
            .done = call->finished && !p.merged ? kernel_done : NULL,
            .done_arg = (void *)call,
            .scratch = call->scratch + p.merged,
        },
        call->context->engine);
    if (p.merged)
        ae__conv_upsampled_gradient(dw, call->scratch, &p.plain, &p.upsampling,
                                    call->accumulate[KERNEL]);
    if (p.merged && call->finished) kernel_done((void *)call, 0, ae__conv_weights(&p.plain));
    if (dbias && call->finished)
        call->finished(call->finished_user, BIAS, 0, call->info->weights[BIAS].cols);
}

static void backward(const ae__layer_call *call)
{
    const ae__epilogue epilogue = {
        .prev = call->below_act == AE_ACT_LINEAR ? NULL : call->x,
        .prev_ld = call->x_row,
        .prev_act = call->below_act,
        .prev_slope = call->below_slope,
    };
    if (call->dx) run(call, true, &epilogue);
    weight_gradients(call);
}

#endif

#define CONV(kind_, name_, params_)                                                                \
    {                                                                                              \
        .kind = kind_, .name = name_, .params = params_, .fuses_loss = true, .blocks = true,       \
        .folds = true, .infer = infer, .merges = merges, .scratch = scratch, .forward = forward,   \
        .backward = AE__IF_TRAINING(backward)                                                      \
    }

const ae__layer_ops ae__conv1d = CONV(AE__LAYER_CONV1D, "conv1d", params_1d);
const ae__layer_ops ae__conv2d = CONV(AE__LAYER_CONV2D, "conv2d", params_2d);
const ae__layer_ops ae__conv1d_transpose =
    CONV(AE__LAYER_CONV1D_TRANSPOSE, "conv1d_transpose", params_1d);
const ae__layer_ops ae__conv2d_transpose =
    CONV(AE__LAYER_CONV2D_TRANSPOSE, "conv2d_transpose", params_2d);
