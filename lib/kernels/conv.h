/* Convolution of whole batches, its adjoint (which is transposed convolution forward, and the
 * gradient with respect to the input), and the gradient of the weights.
 *
 * Each tensor lies in rows or in blocks (kernels/image.h). What is in rows is turned into blocks and
 * back in scratch, one block at a time, unless so few images are left that they go one by one.
 * Layers that follow each other do best to leave their images in blocks.
 *
 * Forward and adjoint are cut by blocks and by rows of pixels; each output is one chain of
 * multiply-adds, so an image's bits depend neither on the others nor on the layout. The gradient of
 * the weights is cut into groups of blocks, as many as the shapes say; each group is summed on its
 * own, and the groups are added in order. */
#ifndef AE__KERNELS_CONV_H
#define AE__KERNELS_CONV_H

#include "kernels/gemm.h"

/* A tensor of images; `row` as in kernels/image.h. */
typedef struct ae__images {
    const real *at;
    size_t row;
    bool blocked;
} ae__images;

/* out = epilogue(...). The bias has one number a channel of `out`; prev lies as `out` does; a loss
 * wants `out` in rows, and its target in rows. */
typedef struct ae__conv_pass {
    const ae__conv *conv;
    size_t rows;
    ae__images in;
    real *out;
    size_t out_row;
    bool out_blocked;
    const real *w;
    const ae__epilogue *epilogue; /* NULL: none */
    void *scratch;                /* as many bytes as ae__conv_scratch says, on a cache line */
} ae__conv_pass;

/* out = y = conv(in = x, w) */
void ae__conv_forward(const ae__conv_pass *p, const ae__engine *engine);
/* out = x = adjoint of conv, of in = y: <conv(x), y> = <x, adjoint(y)> */
void ae__conv_adjoint(const ae__conv_pass *p, const ae__engine *engine);

/* dw, and sums over images and pixels: of dy, the gradient of a convolution's bias; of x, where x is
 * the gradient at the output of a transposed convolution, that one's. Lanes past the last image are
 * 0 in whichever of x and dy is the gradient, and finite in the other. */
typedef struct ae__conv_gradient {
    const ae__conv *conv;
    size_t rows;
    ae__images x, dy;
    real *dw, *x_sums, *y_sums; /* sums: NULL where not wanted */
    bool accumulate, accumulate_sums;
    /* Called when elements [begin, begin + count) of dw are finished, by any thread; NULL: none. */
    void (*done)(void *arg, size_t begin, size_t count);
    void *done_arg;
    void *scratch; /* as many bytes as ae__conv_gradient_scratch says, on a cache line */
} ae__conv_gradient;

void ae__conv_gradient_run(const ae__conv_gradient *g, const ae__engine *engine);

static inline size_t ae__conv_x_size(const ae__conv *c)
{
    return c->x_h * c->x_w * c->x_c;
}

static inline size_t ae__conv_y_size(const ae__conv *c)
{
    return c->y_h * c->y_w * c->y_c;
}

static inline size_t ae__conv_weights(const ae__conv *c)
{
    return c->kernel_h * c->kernel_w * c->x_c * c->y_c;
}

/* Bytes of scratch for either direction, with x and y so laid, and any number of images. False where
 * they cannot be counted (the three sizes above can). */
bool ae__conv_scratch(const ae__conv *c, bool x_blocked, bool y_blocked, const ae__engine *engine,
                      size_t *bytes);
/* Of the gradient, for up to `rows` images. */
bool ae__conv_gradient_scratch(const ae__conv *c, size_t rows, bool x_blocked, bool dy_blocked,
                               const ae__engine *engine, size_t *bytes);

#endif
