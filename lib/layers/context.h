/* What every layer and term is told about the step that it runs in. */
#ifndef AE__LAYERS_CONTEXT_H
#define AE__LAYERS_CONTEXT_H

#include <stdbool.h>

#include "base/training.h"
#include "kernels/gemm.h"

enum {
    AE__MODE_INFER,    /* outputs only */
    AE__MODE_EVALUATE, /* outputs and values of the terms */
    AE__MODE_TRAIN     /* and gradients */
};

typedef struct ae__context {
    const ae__engine *engine;
    int32_t mode;
    size_t rows; /* of the data */

    /* What random draws are functions of (base/rng.h). Evaluation draws with epoch 0. */
    uint64_t seed;
    uint64_t epoch;              /* from 1 in training */
    uint64_t step;               /* optimiser steps done before this one */
    const uint64_t *row_numbers; /* of each row in its data; NULL: first_row, first_row + 1, ... */
    uint64_t first_row;

    const real *target;     /* rows x output dimensions; NULL while inferring */
    size_t target_row;      /* its row stride */
    const real *row_weight; /* one a row; NULL: all 1 */
} ae__context;

#endif
