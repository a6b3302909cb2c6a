/* The register tiles of convolution: some pixels of the output, some of its channels. */
#ifndef AE__SIMD_CONV_H
#define AE__SIMD_CONV_H

#include "kernels/simd/simd.h"
#include "kernels/simd/vec.h"

enum { AE__MOST_PIXELS = 8, AE__MOST_CHANNELS = 8 };

/* One tile, and a part of the sum: `taps` runs of neighbouring reals for each pixel, each run
 * against the next rows of w. The run of pixel p under tap t begins at in[t * in_step + p] +
 * t * tap_step; the pixel's output is at out + at[p]. */
typedef struct conv_tile {
    const real *const *in;
    size_t in_step, tap_step;
    size_t taps, run;
    const real *w;
    size_t w_row;
    real *out;
    const size_t *at;
    size_t tail; /* channels of the last vector, where channels are in the lanes */
    bool first;  /* the sum begins at 0; else at what is in out */
    bool last;   /* the sum is complete: bias, then max(floor, .), then 0 where gate is not > 0 */
    const real *bias, *gate; /* NULL: none */
    real floor;
} conv_tile;

typedef struct conv_shape {
    size_t least, channels; /* that a tile takes: fewest, most */
    size_t pixels;
    void (*many)(const conv_tile *t); /* `pixels` of them */
    void (*one)(const conv_tile *t);  /* 1 */
} conv_shape;

/* From most channels to 1. */
extern const conv_shape AE__SIMD(conv_block_tiles)[]; /* images in the lanes */
extern const conv_shape AE__SIMD(conv_image_tiles)[];    /* channels in the lanes */

#endif
