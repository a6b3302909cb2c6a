/* Both directions of a convolution as convolutions of a block. The adjoint of one with stride s is
 * s x s convolutions with stride 1, one for each residue of a pixel's place, each with those taps of
 * the kernel that meet it, turned round and with inputs and outputs exchanged. */
#include "kernels/conv_block.h"

/* Along one axis: taps residue, residue + stride, ... give the pixels first, first + stride, ... of
 * x; the window of the first begins at `begin` of y. */
typedef struct axis {
    size_t residue, taps, first, count;
    ptrdiff_t begin;
} axis;

static axis axis_of(size_t residue, size_t kernel, size_t stride, size_t pad, size_t x)
{
    axis a = {.residue = residue};
    a.taps = residue < kernel ? (kernel - residue - 1) / stride + 1 : 0;
    a.first = (residue + stride - pad % stride) % stride;
    a.count = a.first < x ? (x - a.first - 1) / stride + 1 : 0;
    a.begin = (ptrdiff_t)((a.first + pad - residue) / stride) + 1 - (ptrdiff_t)a.taps;
    return a;
}

static axis axis_h(const ae__conv *c, size_t residue)
{
    return axis_of(residue, c->kernel_h, c->stride_h, c->pad_top, c->x_h);
}

static axis axis_w(const ae__conv *c, size_t residue)
{
    return axis_of(residue, c->kernel_w, c->stride_w, c->pad_left, c->x_w);
}

/* dst: y_c x x_c, src: x_c x y_c */
static void transpose(real *dst, const real *src, const ae__conv *c)
{
    for (size_t j = 0; j < c->y_c; j++)
        for (size_t i = 0; i < c->x_c; i++) *dst++ = src[i * c->y_c + j];
}

void ae__conv_turn(real *dst, const real *w, const ae__conv *c)
{
    const size_t cell = c->x_c * c->y_c;
    for (size_t i = 0; i < c->stride_h; i++)
        for (size_t j = 0; j < c->stride_w; j++) {
            const axis h = axis_h(c, i), v = axis_w(c, j);
            for (size_t p = h.taps; p-- > 0;)
                for (size_t q = v.taps; q-- > 0; dst += cell) {
                    const size_t ky = i + p * c->stride_h, kx = j + q * c->stride_w;
                    transpose(dst, w + (ky * c->kernel_w + kx) * cell, c);
                }
        }
}

/* Where part `part` of `count` rows begins. */
static size_t cut(size_t count, size_t part, size_t parts)
{
    return count * part / parts;
}

void ae__conv_forward_part(const ae__conv *c, ae__conv_block b, size_t part, size_t parts,
                           const ae__kernels *kernels)
{
    const size_t begin = cut(c->y_h, part, parts), end = cut(c->y_h, part + 1, parts);
    ae__epilogue e = *b.epilogue;
    b.in_h = c->x_h + 2 * b.zeros_h;
    b.in_w = c->x_w + 2 * b.zeros_w;
    b.in_c = c->x_c;
    b.out_h = end - begin;
    b.out_w = c->y_w;
    b.out_c = c->y_c;
    b.kernel_h = c->kernel_h;
    b.kernel_w = c->kernel_w;
    b.stride_h = c->stride_h;
    b.stride_w = c->stride_w;
    b.top = (ptrdiff_t)(begin * c->stride_h + b.zeros_h) - (ptrdiff_t)c->pad_top;
    b.left = (ptrdiff_t)b.zeros_w - (ptrdiff_t)c->pad_left;
    b.out_col = c->y_c * (b.blocked ? kernels->lanes : 1);
    b.out_row = c->y_w * b.out_col;
    b.out += begin * b.out_row;
    if (e.prev) e.prev += begin * b.out_row;
    b.epilogue = &e;
    ae__conv_block_run(&b, kernels);
}

/* Rows [begin, end) of the pixels of one phase. */
static void run_phase(const ae__conv *c, ae__conv_block b, const axis *h, const axis *v,
                      size_t begin, size_t end, const ae__kernels *kernels)
{
    ae__epilogue e = *b.epilogue;
    const size_t at = ((h->first + begin * c->stride_h) * c->x_w + v->first) * b.out_col;
    b.out_h = end - begin;
    b.out_w = v->count;
    b.kernel_h = h->taps;
    b.kernel_w = v->taps;
    b.top = h->begin + (ptrdiff_t)(begin + b.zeros_h);
    b.left = v->begin + (ptrdiff_t)b.zeros_w;
    b.out += at;
    if (e.prev) e.prev += at;
    b.out_row = c->stride_h * c->x_w * b.out_col;
    b.out_col *= c->stride_w;
    b.epilogue = &e;
    ae__conv_block_run(&b, kernels);
}

void ae__conv_adjoint_part(const ae__conv *c, ae__conv_block b, size_t part, size_t parts,
                           const ae__kernels *kernels)
{
    b.in_h = c->y_h + 2 * b.zeros_h;
    b.in_w = c->y_w + 2 * b.zeros_w;
    b.in_c = c->y_c;
    b.out_c = c->x_c;
    b.stride_h = b.stride_w = 1;
    b.out_col = c->x_c * (b.blocked ? kernels->lanes : 1);
    for (size_t i = 0; i < c->stride_h; i++)
        for (size_t j = 0; j < c->stride_w; j++) {
            const axis h = axis_h(c, i), v = axis_w(c, j);
            run_phase(c, b, &h, &v, cut(h.count, part, parts), cut(h.count, part + 1, parts),
                      kernels);
            b.w += h.taps * v.taps * c->x_c * c->y_c;
        }
}
