/* The table of loops over arrays, one table an instruction set: the sources under simd/ are
 * compiled once for each and chosen at run time. No kernel allocates, fails, or knows a handle.
 * Every kernel gives an element the same bits wherever it stands in its array and however long
 * the array is: vector body and tail run the same operations.
 * Arrays need no alignment and may have any length, 0 included; results may overwrite an input of
 * the same position (y == x) but not overlap it otherwise. */
#ifndef AE__KERNELS_H
#define AE__KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"
#include "base/rng.h"
#include "base/size.h"
#include "kernels/image.h"
#include "kernels/tile.h"

/* What happens to a block of a product C (rows x n) while it is still in cache, in this order:
 *   bias     c += bias[column]
 *   act      y = act(c)                                                  (AE_ACT_LINEAR: nothing)
 *   loss     value of row i added to row_value[i], and C becomes the gradient with respect to what
 *            stood there before `act`: scale * row_weight[i] * dl/dc       (AE__ELEMENT_NONE: no)
 *   prev     c *= act'(prev) expressed by that activation's output, for dX    (prev NULL: no);
 *            none that keeps its input (ae__activation_keeps_input)
 * The element losses l(y, t), y = act(c), t = target:
 *   SQUARED   (y - t)^2
 *   ABSOLUTE  |y - t|; its derivative at 0 is 0
 *   HUBER     (y - t)^2 / 2 up to |y - t| = delta, and straight beyond: delta (|y - t| - delta / 2)
 *   LOGISTIC  -t log s(c) - (1-t) log(1 - s(c)), computed as max(c,0) - t c + log(1 + e^-|c|):
 *             c is the logit, act is not applied
 * With `element` l is that times the weight of the element: also its slope, and what follows.
 * row_value gets the plain sum of l over the row's columns (no scale, no row's weight); NULL: not wanted.
 * gradient false: C keeps y (LOGISTIC: the logit) and only row_value is written. */
enum {
    AE__ELEMENT_NONE,
    AE__ELEMENT_SQUARED,
    AE__ELEMENT_ABSOLUTE,
    AE__ELEMENT_HUBER,
    AE__ELEMENT_LOGISTIC
};

typedef struct ae__epilogue {
    const real *bias;
    int32_t act; /* AE_ACT_* */
    real slope;  /* of leaky relu */

    int32_t loss;
    real delta; /* of HUBER */
    bool gradient;
    const real *target; /* rows x n, row stride target_ld */
    size_t target_ld;
    const real *element; /* weights: rows x n, row stride element_ld; NULL: all 1 */
    size_t element_ld;   /* 0: one row for all */
    real scale;
    const real *row_weight; /* one a row; NULL: all 1 */
    double *row_value;      /* one a row; added to */

    const real *prev; /* rows x n, row stride prev_ld */
    size_t prev_ld;
    int32_t prev_act;
    real prev_slope;
} ae__epilogue;

/* A block of C = A B (or C += A B), all of k:
 *   A(i, p) = a[i * a_row + p * a_col], i < m, p < k
 *   B(p, j) = b[p * b_row + j * b_col], j < n; one of the two strides is 1
 *   C(i, j) = c[i * c_row + j]
 * k is cut into blocks of ae__k_step(k) terms (the last may have fewer); each is summed from zero
 * in the order of p with one multiply-add a term, and the blocks are added in order (accumulate:
 * to the C that was there). This is the order for every m, n, tile and tail, so a row's bits do not
 * depend on the others. k = 0 gives zeros.
 * Fastest where m and n are multiples of mr and nr. */
typedef struct ae__gemm_block {
    size_t m, n, k;
    const real *a;
    size_t a_row, a_col;
    const real *b;
    size_t b_row, b_col;
    real *c;
    size_t c_row;
    bool accumulate;
} ae__gemm_block;

enum { AE__MAX_LANES = 16 }; /* most images of a block */

#define AE__K_BLOCK 256 /* most terms of one block of the sum */

/* One optimiser step over n parameters; g is first multiplied by g_scale, then clamped to
 * +-g_clamp (INFINITY: not), then l2 * w + l1 * sign(w) is added to it (sign(0) = 0). */
typedef struct ae__sgd {
    real learning_rate, momentum;
    bool nesterov;
    real g_scale, g_clamp, l2, l1;
} ae__sgd;

typedef struct ae__adam {
    real beta1, beta2, epsilon;
    real step;     /* learning_rate / (1 - beta1^t) */
    real v_factor; /* 1 / sqrt(1 - beta2^t) */
    real shrink;   /* decoupled weight decay: w *= 1 - shrink first (0: none) */
    real g_scale, g_clamp, l2, l1;
} ae__adam;

typedef struct ae__rmsprop {
    real learning_rate, rho, epsilon, momentum;
    real g_scale, g_clamp, l2, l1;
} ae__rmsprop;

/* Sums over rows, in order, of a and of a b, with a = u(i, j) - u_shift[j], b = v(i, j) - v_shift[j],
 * j < n. */
typedef struct ae__column_moments {
    const real *u, *v;
    size_t u_row, v_row;
    const real *u_shift, *v_shift; /* u_shift NULL: zeros */
    size_t rows, n;
} ae__column_moments;

/* y(i, j) = a[j] (x(i, j) - shift[j]) + d[j] + b[j] u(i, j), j < n; u NULL: without it. */
typedef struct ae__blend {
    const real *a, *shift, *d, *b;
    const real *x, *u;
    size_t x_row, u_row;
    size_t rows, n;
} ae__blend;

typedef struct ae__kernels {
    int32_t level; /* AE_CPU_* */
    char name[12]; /* "portable", "avx2", "avx512", "neon" */
    size_t mr, nr; /* register tile of gemm: rows, columns */
    size_t lanes;  /* images of a block */

    void (*gemm)(const ae__gemm_block *block);
    /* The same, passing over the zeros of A, given a finite B; k > 0, b_col = 1, a_row or a_col = 1. NULL where the build
     * is to be small. */
    void (*gemm_skip)(const ae__gemm_block *block);
    size_t strip; /* rows of A whose zeros it passes over where all of them have one */

    /* C: rows x n with row stride c_row. */
    void (*epilogue)(const ae__epilogue *e, real *c, size_t c_row, size_t rows, size_t n);

    void (*exp)(real *y, const real *x, size_t n);
    void (*log)(real *y, const real *x, size_t n);
    void (*tanh)(real *y, const real *x, size_t n);
    void (*sigmoid)(real *y, const real *x, size_t n);

    void (*activate)(int32_t act, real slope, real *y, const real *x, size_t n);
    /* dx = dy * act'(x), from the output y; of none that keeps its input */
    void (*derive)(int32_t act, real slope, real *dx, const real *dy, const real *y, size_t n);
    /* the same of any activation, from its input x */
    void (*derive_input)(int32_t act, real slope, real *dx, const real *dy, const real *x,
                         size_t n);

    /* out[j] = (accumulate ? out[j] : 0) + sum over rows, in order, of x[i * x_row + j], j < n */
    void (*column_sums)(real *out, const real *x, size_t x_row, size_t rows, size_t n,
                        bool accumulate);
    void (*column_moments)(const ae__column_moments *m, real *sums, real *products);
    void (*blend)(const ae__blend *k, real *y, size_t y_row);

    /* y[j] = x[j] where it is one of the k largest, of equal ones the first, else 0; 0 < k <= n.
     * A NaN makes all of y NaN. */
    void (*keep_largest)(real *y, const real *x, size_t n, size_t k);

    /* w, state and g: n each. velocity = momentum * velocity + g; w -= learning_rate * velocity
     * (nesterov: learning_rate * (g + momentum * velocity)); velocity NULL when momentum is 0. */
    void (*sgd)(const ae__sgd *s, real *w, real *velocity, const real *g, size_t n);
    /* m = beta1 m + (1-beta1) g; v = beta2 v + (1-beta2) g^2; w -= step m / (sqrt(v) v_factor + epsilon) */
    void (*adam)(const ae__adam *s, real *w, real *m, real *v, const real *g, size_t n);
    /* v = rho v + (1-rho) g^2; velocity = momentum * velocity + g / (sqrt(v) + epsilon);
     * w -= learning_rate * velocity; velocity NULL when momentum is 0. */
    void (*rmsprop)(const ae__rmsprop *s, real *w, real *v, real *velocity, const real *g,
                    size_t n);

    /* Sum of squares in double, of one fixed order. */
    double (*sum_squares)(const real *x, size_t n);

    /* n words of Philox4x32-10: 4 of the counter, 4 of the next (1 more in word 0), ... */
    void (*philox)(uint32_t *bits, const uint32_t counter[4], const uint32_t key[2], size_t n);
    /* i[k] becomes ae__order_at(order, i[k]), k < n */
    void (*permute)(const ae__order *order, uint64_t *i, size_t n);
    /* z: standard normal, the quantile of (bits + 0.5) / 2^32 to 7 digits */
    void (*normal)(real *z, const uint32_t *bits, size_t n);

    /* Tiles of convolution, each list from most channels to 1. The order of every sum is that of its
     * taps and runs, in both, so an image's bits depend neither on its layout nor on others. */
    const ae__conv_shape *conv_blocks; /* images in the lanes */
    const ae__conv_shape *conv_rows;   /* channels in the lanes */
    const ae__visit_shape *conv_visits;
    /* Images, in rows or in blocks (kernels/image.h). */
    /* block: n x lanes; x: lanes x n; n is a multiple of 4 (kernels/images.h has any) */
    void (*pack)(real *block, const real *x, size_t x_row, size_t n);
    void (*unpack)(real *x, size_t x_row, const real *block, size_t n);
    /* Of an image, or of a block; n: reals of a pixel, channels or channels * lanes. Back: dx is
     * overwritten, and multiplied by the derivative of act, whose output is x. */
    void (*pool)(const ae__pooling *p, real *y, const real *x, size_t n);
    void (*pool_back)(const ae__pooling *p, int32_t act, real slope, real *dx, const real *dy,
                      const real *x, const real *y, size_t n);
    void (*upsample)(const ae__upsampling *u, real *y, const real *x, size_t n);
    void (*upsample_back)(const ae__upsampling *u, int32_t act, real slope, real *dx,
                          const real *dy, const real *x, size_t n);

    /* y = x * scale + offset, each of the two rounded; of doubles in double, then rounded to a real
     * (y == x is allowed for floats alone) */
    void (*from_u8)(real *y, const uint8_t *x, size_t n, real scale, real offset);
    void (*from_i16)(real *y, const int16_t *x, size_t n, real scale, real offset);
    void (*from_f32)(real *y, const float *x, size_t n, real scale, real offset);
    void (*from_f64)(real *y, const double *x, size_t n, double scale, double offset);
    /* y[j] = (y[j] - shift[j]) factor[j] in double, then rounded to a real */
    void (*rescale)(real *y, const double *shift, const double *factor, size_t n);
} ae__kernels;

/* "relu" for AE_ACT_RELU. */
const char *ae__activation_name(int32_t act);

/* Whether the derivative is no function of the output, so that training has to keep the input. */
bool ae__activation_keeps_input(int32_t act);

/* The table of an AE_CPU_* level, or NULL where it was not compiled in or this machine lacks it.
 * AE_CPU_AUTO: the best. */
const ae__kernels *ae__kernels_at(int32_t level);

/* Terms of each block of a sum over k. */
static inline size_t ae__k_step(size_t k)
{
    return ae__even_block(k, AE__K_BLOCK);
}

/* A row stride for n columns of our own making (activations, gradients): rows that lie a multiple
 * of 1 KiB apart share few cache sets and push each other out, so those get a cache line more. */
static inline size_t ae__row_stride(size_t n)
{
    const size_t clash = 1024 / sizeof(real), line = 64 / sizeof(real);
    return n > 0 && n % clash == 0 ? n + line : n;
}

#endif
