/* What convolution does in registers: one tile of the output, or of the gradient of the weights. The
 * loops around tiles are compiled once, the tiles once an instruction set. */
#ifndef AE__KERNELS_TILE_H
#define AE__KERNELS_TILE_H

#include <stddef.h>

#include "base/real.h"

enum { AE__TILE_PIXELS = 8, AE__TILE_CHANNELS = 8, AE__TILE_TAPS = 4 }; /* most of each */

/* Some channels of some pixels of the output. Under each tap a pixel has a run of neighbouring reals
 * of the input, which meets the next rows of w: a vector a row where images are in the lanes, else a
 * real. The run of pixel p under tap t begins at in[t * in_step + p] + t * tap_step, its output at
 * out + at[p]. Then the bias is added, then max(floor, .) taken, then 0 where gate is not > 0. */
typedef struct ae__conv_tile {
    const real *const *in;
    size_t in_step, tap_step;
    size_t taps, run;
    const real *w;
    size_t w_row;
    real *out;
    const size_t *at;
    size_t tail;             /* channels of the last vector, where channels are in the lanes */
    const real *bias, *gate; /* NULL: none; gate lies as out does */
    real floor;
} ae__conv_tile;

typedef struct ae__conv_shape {
    size_t least, channels; /* that a tile takes: fewest, most */
    size_t pixels;
    void (*run)(const ae__conv_tile *t);
} ae__conv_shape;

/* Rows x cols pixels of one tensor, the centre, some of its channels: the sums of their products
 * with some taps, each a channel of another tensor that lies around. All in blocks of images. */
typedef struct ae__conv_visit {
    size_t rows, cols;
    const real *centre;
    size_t centre_row, centre_col;
    const real *tap[AE__TILE_TAPS]; /* in row 0 of the other, under the first column */
    size_t row[AE__TILE_TAPS];      /* of the other, under the first row; beyond its rows: zeros */
    size_t row_step, tap_rows;      /* rows of the other: for each of the centre, in all */
    size_t tap_row, tap_col;
    real *sums; /* taps x channels, then room for a vector */
} ae__conv_visit;

typedef struct ae__visit_shape {
    size_t channels, taps;
    void (*run)(const ae__conv_visit *v);
} ae__visit_shape;

#endif
