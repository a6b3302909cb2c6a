/* What the kernels of images work on: one block of images at a time.
 *
 * A tensor of images is rows x (height x width x channels), rows `row` reals apart. It lies
 *   in rows     element e of image i at data[i * row + e], or
 *   in blocks   of `lanes` images (ae__kernels.lanes), each block transposed: element e of image i
 *               at data[i / lanes * lanes * row + e * lanes + i % lanes],
 * so that the same element of `lanes` images is one vector, and a pixel is a run of its channels'
 * vectors. The last block is whole in memory: lanes past the last image hold numbers that nobody
 * looks at, but 0 in gradients, which sums over images take in whole. */
#ifndef AE__KERNELS_IMAGE_H
#define AE__KERNELS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/real.h"

struct ae__epilogue;

/* A convolution y = conv(x, w) and its adjoint, from y to x. w: kernel_h x kernel_w x x_c rows of
 * y_c; y(oy, ox) sees x(oy * stride_h - pad_top + ky, ox * stride_w - pad_left + kx), and zeros
 * outside of x. Padding below and to the right is what y_h and y_w leave of it. */
typedef struct ae__conv {
    size_t x_h, x_w, x_c;
    size_t y_h, y_w, y_c;
    size_t kernel_h, kernel_w;
    size_t stride_h, stride_w;
    size_t pad_top, pad_left;
} ae__conv;

/* out(i, j) = epilogue(sum over ky, kx, c of in(i * stride_h + top + ky, j * stride_w + left + kx,
 * c) * w(ky, kx, c)), where in is 0 outside: one chain of multiply-adds in this order. Either
 * direction of an ae__conv is one of these or, the adjoint with strides above 1, several.
 * The epilogue has no loss; its prev lies as out does. Neither that nor `in` may overlap out. */
typedef struct ae__conv_block {
    size_t in_h, in_w, in_c;
    size_t out_h, out_w, out_c;
    size_t kernel_h, kernel_w, stride_h, stride_w;
    ptrdiff_t top, left; /* of the window of out(0, 0) */
    const real *in;      /* pixels follow each other */
    const real *w;       /* kernel_h * kernel_w * in_c rows of out_c */
    real *out;
    size_t out_row, out_col;             /* reals from a row of pixels, from a pixel to the next */
    const struct ae__epilogue *epilogue; /* NULL: none */
    const real *zeros;                   /* in_c of them, or in_c vectors */
} ae__conv_block;

/* Adds the gradients of one block to dw and, where wanted, the sums of each channel over pixels and
 * images to y_sums (the gradient of a bias) and x_sums (that of the adjoint). */
typedef struct ae__conv_gradient_block {
    const ae__conv *conv;
    const real *x, *dy;
    real *dw;
    real *x_sums, *y_sums; /* NULL: not wanted */
} ae__conv_gradient_block;

/* Windows of x that become one cell of y each; no window lies outside of x altogether. */
typedef struct ae__pooling {
    size_t x_h, x_w;
    size_t y_h, y_w;
    size_t kernel_h, kernel_w;
    size_t stride_h, stride_w;
    size_t pad_top, pad_left;
    bool average; /* of the cells inside x; else the largest, NaN above all */
} ae__pooling;

/* y is x, factor_h times as high and factor_w times as wide: each cell repeated, or bilinear between
 * the centres of cells (the edge cells beyond them). */
typedef struct ae__upsampling {
    size_t x_h, x_w;
    size_t factor_h, factor_w;
    bool bilinear;
} ae__upsampling;

#endif
