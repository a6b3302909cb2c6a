/* Scaling: what brings the caller's numbers to the size that a model computes in, feature by feature,
 * and its outputs back. */
#ifndef AE__MODEL_SCALING_H
#define AE__MODEL_SCALING_H

#include <stdatomic.h>

#include "base/arena.h"
#include "kernels/gemm.h"

/* A number v enters as (v - offset) / scale: by a product, and back by one. */
typedef struct ae__scaler {
    size_t dim; /* 0: numbers stay as they are */
    double *offset, *scale;
    double *factor, *back; /* 1 / scale, and -offset / scale */
} ae__scaler;

typedef struct ae__scaling {
    bool fitted; /* offsets and scales are known */
    bool own;    /* the target has its own, as there was a y beside x; else it has the input's */
    ae__scaler input, target;
    atomic_size_t clipped; /* rows that were cut to [0, 1] */
} ae__scaling;

/* Carves a scaler of `dim` numbers, 0 for none. */
void ae__scaler_bind(ae__scaler *scaler, ae__arena *arena, size_t dim);

/* Offsets 0 and scales 1. */
void ae__scaler_begin(ae__scaler *scaler);

/* Takes over `dim` offsets and scales. NONFINITE, or RANGE where a scale is not above 0, or beyond what can
 * be divided by: leaves the scaler as it was. */
int32_t ae__scaler_set(ae__scaler *scaler, const double *offset, const double *scale);

/* Columns [column, column + count) of doubles, which enter as x[j] scale + offset: rounded once. */
void ae__scaler_doubles(const ae__scaler *scaler, size_t column, const double *x, size_t count,
                        double scale, double offset, real *out);

/* Cuts a row to [0, 1], but for NaN and infinity, and counts it where there was anything to cut. */
void ae__scaler_clip(atomic_size_t *clipped, real *row, size_t dim);

/* Brings `count` dense rows of output back, in parallel. */
void ae__scaler_undo(const ae__scaler *scaler, const ae__engine *engine, real *rows, size_t count);

#endif
