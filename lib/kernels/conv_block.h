/* Convolution of one block of images, or of one image in a row. */
#ifndef AE__KERNELS_CONV_BLOCK_H
#define AE__KERNELS_CONV_BLOCK_H

#include "kernels/kernels.h"

/* out(i, j) = epilogue(sum over ky, kx, c of in(i * stride_h + top + ky, j * stride_w + left + kx,
 * c) * w(ky, kx, c)), where in is 0 outside: one chain of multiply-adds in this order. Either
 * direction of an ae__conv is one of these or, the adjoint with strides above 1, several.
 * The epilogue has no loss; its prev lies as out does. Neither that nor `in` may overlap out. */
typedef struct ae__conv_block {
    bool blocked; /* a block of images; else one */
    size_t in_h, in_w, in_c;
    size_t out_h, out_w, out_c;
    size_t kernel_h, kernel_w, stride_h, stride_w;
    ptrdiff_t top, left;     /* of the window of out(0, 0) */
    const real *in;          /* pixels follow each other */
    size_t zeros_h, zeros_w; /* rows and columns of zeros that `in` has on each side (set by parts:
                              * in_h, in_w, top and left count them in) */
    const real *w;           /* kernel_h * kernel_w * in_c rows of out_c */
    real *out;
    size_t out_row, out_col; /* reals from a row of pixels, from a pixel to the next */
    const ae__epilogue *epilogue;
    const real *zeros; /* in_c of them, or in_c vectors */
    const real **taps; /* room for AE__TILE_PIXELS * kernel_h * kernel_w */
} ae__conv_block;

void ae__conv_block_run(const ae__conv_block *c, const ae__kernels *kernels);

/* Part `part` of `parts` of one direction of c. Of b: in, w, out, epilogue, zeros, taps, blocked; the
 * w of the adjoint is that of `turn`. */
void ae__conv_forward_part(const ae__conv *c, ae__conv_block b, size_t part, size_t parts,
                           const ae__kernels *kernels);
void ae__conv_adjoint_part(const ae__conv *c, ae__conv_block b, size_t part, size_t parts,
                           const ae__kernels *kernels);

/* The weights as the adjoint wants them, as many. */
void ae__conv_turn(real *dst, const real *w, const ae__conv *c);

/* Adds the gradients of one block to dw and, where wanted, the sums of each channel and image over
 * pixels to y_sums and x_sums: channels x lanes. */
typedef struct ae__conv_block_gradient {
    const ae__conv *conv;
    const real *x, *dy;
    real *dw;
    real *x_sums, *y_sums; /* NULL: not wanted */
} ae__conv_block_gradient;

void ae__conv_block_gradient_run(const ae__conv_block_gradient *g, const ae__kernels *kernels);

#endif
