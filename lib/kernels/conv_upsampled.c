/* A cell of the image meets each cell of y under several taps, whose weights may be added up first:
 * that is the adjoint of a convolution with strides, from y to the image. Of 3 x 3 taps on cells that
 * are repeated 2 x 2 times it is one of 4 x 4, with 4/9 of the multiply-adds.
 *
 * Along one axis, with s cells for one: cell o of y meets cell o - pad + k of the larger image under tap
 * k, so cell i of the smaller where o - pad + k = i s + j, 0 <= j < s. With o = i s + t - (kernel - 1 -
 * pad) that is tap t = kernel - 1 - k + j of a window. */
#include "kernels/conv_upsampled.h"

#include <string.h>

bool ae__conv_upsampled_fits(const ae__conv *c, const ae__upsampling *u)
{
    return !u->bilinear && c->stride_h == 1 && c->stride_w == 1 && c->pad_top < c->kernel_h &&
           c->pad_left < c->kernel_w && u->factor_h <= c->kernel_h && u->factor_w <= c->kernel_w;
}

ae__conv ae__conv_upsampled(const ae__conv *c, const ae__upsampling *u)
{
    return (ae__conv){.x_h = c->y_h,
                      .x_w = c->y_w,
                      .x_c = c->y_c,
                      .y_h = u->x_h,
                      .y_w = u->x_w,
                      .y_c = c->x_c,
                      .kernel_h = c->kernel_h + u->factor_h - 1,
                      .kernel_w = c->kernel_w + u->factor_w - 1,
                      .stride_h = u->factor_h,
                      .stride_w = u->factor_w,
                      .pad_top = c->kernel_h - 1 - c->pad_top,
                      .pad_left = c->kernel_w - 1 - c->pad_left};
}

/* to: n x m, from: m x n.  to += transposed from */
static void add_turned(real *to, const real *from, size_t n, size_t m)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) to[i * m + j] += from[j * n + i];
}

/* Adds the weights of each tap of c to those of all taps that it is part of; or back, from each of these
 * to all that are part of it. */
static void add_taps(real *all, real *w, const ae__conv *c, const ae__upsampling *u, bool back)
{
    const size_t cell = c->x_c * c->y_c, all_w = c->kernel_w + u->factor_w - 1;
    for (size_t ky = 0; ky < c->kernel_h; ky++)
        for (size_t kx = 0; kx < c->kernel_w; kx++, w += cell)
            for (size_t j = 0; j < u->factor_h; j++)
                for (size_t i = 0; i < u->factor_w; i++) {
                    const size_t ty = c->kernel_h - 1 - ky + j, tx = c->kernel_w - 1 - kx + i;
                    real *tap = all + (ty * all_w + tx) * cell;
                    if (back)
                        add_turned(w, tap, c->x_c, c->y_c);
                    else
                        add_turned(tap, w, c->y_c, c->x_c);
                }
}

void ae__conv_upsampled_weights(real *to, const real *w, const ae__conv *c, const ae__upsampling *u)
{
    const ae__conv all = ae__conv_upsampled(c, u);
    memset(to, 0, ae__conv_weights(&all) * sizeof *to);
    add_taps(to, (real *)w, c, u, false);
}

void ae__conv_upsampled_gradient(real *dw, const real *from, const ae__conv *c,
                                 const ae__upsampling *u, bool accumulate)
{
    if (!accumulate) memset(dw, 0, ae__conv_weights(c) * sizeof *dw);
    add_taps((real *)from, dw, c, u, true);
}
