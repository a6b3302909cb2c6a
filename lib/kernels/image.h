/* Images, and what convolution, pooling and upsampling need to know of them.
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
