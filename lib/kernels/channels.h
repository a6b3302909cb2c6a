/* Batches of images, or of vectors, whose channels have numbers of their own: of a vector each element
 * is a channel.
 *
 * An image in a row is a matrix of pixels x channels. In a block (kernels/image.h) each channel has a
 * column for each image. What holds for a channel stands at each of its columns, which
 * ae__channels_set does. */
#ifndef AE__KERNELS_CHANNELS_H
#define AE__KERNELS_CHANNELS_H

#include "kernels/gemm.h"

typedef struct ae__channels {
    size_t rows, pixels, channels;
    bool blocked;
} ae__channels;

size_t ae__channels_columns(const ae__channels *c, const ae__engine *engine);
void ae__channels_set(const ae__channels *c, real *columns, size_t channel, double value,
                      const ae__engine *engine);

/* Of each channel the sums over rows and pixels of a, and of a b, with a = u - u_shift, b = v - v_shift;
 * u_shift NULL: zeros. They are of reals over 256 pixels, then of doubles, in a fixed order. */
typedef struct ae__channel_moments {
    ae__channels of;
    const real *u, *v;
    size_t u_row, v_row;
    const real *u_shift, *v_shift; /* columns */
    double *sums;                  /* as many for each channel as ae__channel_sums says */
} ae__channel_moments;

/* The sums of a are left in the first `channels` of the sums, those of a b in the next. */
void ae__channel_moments_run(const ae__channel_moments *m, const ae__engine *engine);
size_t ae__channel_sums(size_t rows);

/* y = act(a (x - shift) + d + b u), u NULL: without it. A gradient: times the derivative of act, whose
 * output x is, and 0 in the lanes past the last image. */
typedef struct ae__channel_blend {
    ae__channels of;
    const real *a, *shift, *d, *b; /* columns */
    const real *x, *u;
    real *y;
    size_t x_row, u_row, y_row;
    int32_t act;
    real slope;
    bool gradient;
} ae__channel_blend;

void ae__channel_blend_run(const ae__channel_blend *b, const ae__engine *engine);

#endif
