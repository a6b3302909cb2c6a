/* Output sizes as Keras defines them for "valid" and "same"; explicit padding is given in cells. */
#include "base/window.h"

#include "ae/ae.h"
#include "base/status.h"

/* What one axis is called, and the parameters that it has. */
typedef struct axis {
    const char *name;
    int32_t kernel, stride, before, after;
} axis;

static const axis height = {"height", AE_PARAM_KERNEL_H, AE_PARAM_STRIDE_H, AE_PARAM_PAD_TOP,
                            AE_PARAM_PAD_BOTTOM};
static const axis width = {"width", AE_PARAM_KERNEL_W, AE_PARAM_STRIDE_W, AE_PARAM_PAD_LEFT,
                           AE_PARAM_PAD_RIGHT};
static const axis length = {"length", AE_PARAM_KERNEL_W, AE_PARAM_STRIDE_W, AE_PARAM_PAD_LEFT,
                            AE_PARAM_PAD_RIGHT};

static size_t value(const ae__spec *spec, int32_t param)
{
    return (size_t)ae__spec_i64(spec, param);
}

static int32_t too_narrow(const axis *a, size_t kernel, size_t padded)
{
    return ae__fail(AE_ERR_SHAPE, "kernel %zu exceeds padded %s %zu", kernel, a->name, padded);
}

static size_t more(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

static int32_t infer_axis(const ae__spec *spec, const axis *a, size_t in, ae__window_axis *out)
{
    const int64_t padding = ae__spec_i64(spec, AE_PARAM_PADDING);
    const size_t kernel = value(spec, a->kernel), stride = value(spec, a->stride);
    size_t padded = in;
    *out = (ae__window_axis){.in = in, .kernel = kernel, .stride = stride};
    if (padding == AE_PADDING_SAME) {
        out->out = (in + stride - 1) / stride;
        out->before = more((out->out - 1) * stride + kernel, in) / 2;
        return AE_OK;
    }
    if (padding == AE_PADDING_EXPLICIT) {
        out->before = value(spec, a->before);
        padded += out->before + value(spec, a->after);
    }
    if (kernel > padded) return too_narrow(a, kernel, padded);
    out->out = (padded - kernel) / stride + 1;
    return AE_OK;
}

static int32_t infer_transposed(const ae__spec *spec, const axis *a, size_t in,
                                ae__window_axis *out)
{
    const int64_t padding = ae__spec_i64(spec, AE_PARAM_PADDING);
    const size_t kernel = value(spec, a->kernel), stride = value(spec, a->stride);
    if (in > AE__MAX_DIM / stride)
        return ae__fail(AE_ERR_RANGE, "%s %zu times stride %zu, wanted at most 2^24", a->name, in,
                        stride);
    const size_t whole = in * stride + more(kernel, stride); /* Keras' "valid" */
    *out = (ae__window_axis){.in = in, .out = whole, .kernel = kernel, .stride = stride};
    if (padding == AE_PADDING_SAME) {
        out->out = in * stride;
        out->before = more(kernel, stride) / 2;
    }
    if (padding == AE_PADDING_EXPLICIT) {
        const size_t cut = value(spec, a->before) + value(spec, a->after);
        const size_t all = (in - 1) * stride + kernel;
        if (cut >= all)
            return ae__fail(AE_ERR_SHAPE, "padding %zu leaves nothing of a %s of %zu", cut, a->name,
                            all);
        out->out = all - cut;
        out->before = value(spec, a->before);
    }
    return AE_OK;
}

int32_t ae__window_infer(const ae__spec *spec, const ae__shape *in, bool transposed,
                         ae__window *window)
{
    int32_t (*const infer)(const ae__spec *, const axis *, size_t, ae__window_axis *) =
        transposed ? infer_transposed : infer_axis;
    const ae__shape image = ae__shape_as_image(in);
    window->h = (ae__window_axis){1, 1, 1, 1, 0};
    if (in->rank == 3) AE_TRY(infer(spec, &height, image.dims[0], &window->h));
    return infer(spec, in->rank == 3 ? &width : &length, image.dims[1], &window->w);
}

ae__window ae__window_of(const ae__spec *spec, const ae__shape *in, bool transposed)
{
    ae__window window;
    (void)ae__window_infer(spec, in, transposed, &window); /* has passed before */
    return window;
}

int32_t ae__window_check_rank(const ae__shape *in, int32_t rank)
{
    static const char *const names[] = {"", "a vector", "a signal", "an image"};
    if (in->rank == rank) return AE_OK;
    return ae__fail(AE_ERR_SHAPE, "input is %s (rank %d), wanted %s (rank %d)", names[in->rank],
                    (int)in->rank, names[rank], (int)rank);
}

int32_t ae__window_output(const ae__window *window, const ae__shape *in, size_t channels,
                          ae__shape *out)
{
    const size_t h = window->h.out, w = window->w.out;
    if (h > AE__MAX_DIM / w || h * w > AE__MAX_DIM / channels)
        return ae__fail(AE_ERR_RANGE, "output of %zu x %zu x %zu numbers, wanted at most 2^24", h,
                        w, channels);
    *out = in->rank == 2 ? ae__shape_signal(w, channels) : ae__shape_image(h, w, channels);
    return AE_OK;
}
