/* What every layer and term is told about the step that it runs in. */
#ifndef AE__LAYERS_CONTEXT_H
#define AE__LAYERS_CONTEXT_H

#include <stdbool.h>

#include "base/rng.h"
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
    size_t rows;         /* of the data */
    size_t batch;        /* rows of the step that these are a portion of; 0: these are all */
    double batch_weight; /* of those rows */
    bool expand;         /* layers make their row factor of rows; else one row of one */

    /* What random draws are functions of (base/rng.h). Evaluation draws with epoch 0. */
    uint64_t seed;
    uint64_t epoch;              /* from 1 in training */
    uint64_t step;               /* optimiser steps done before this one */
    const uint64_t *row_numbers; /* of each row in its data; NULL: first_row, first_row + 1, ... */
    uint64_t first_row;
    uint32_t first_sample; /* number of the first of a row's samples */
    bool sampled; /* penalties take a sample's own divergence, not its expectation in closed form */

    double epochs; /* done so far, with the fraction of the open one; training alone */

    const real *target;   /* rows x output dimensions; NULL while inferring */
    size_t target_row;    /* its row stride */
    real *const *element; /* by term: weights of the target's elements, NULL: all 1; NULL: of all */
    size_t element_row;   /* their row stride; 0: one row for all */
    size_t element_at;    /* where those of the first row begin */
    const real *row_weight; /* one a row of the data, none below 0; NULL: all 1 */
    const real *side;       /* rows x numbers of a side; NULL where no layer takes it */
    size_t side_row;

    real *scratch; /* of the layers; NULL: the model's */
} ae__context;

/* The weight of a row of the data. */
static inline double ae__context_row_weight(const ae__context *context, size_t row)
{
    return context->row_weight ? (double)context->row_weight[row] : 1;
}

/* The sum of the rows' weights, which a mean over rows divides by. */
double ae__context_weight(const ae__context *context);

/* `count` words for elements from `at` on, a multiple of 4, of one row of the data. `place` names
 * purpose, layer and sample. */
void ae__context_draw(const ae__context *context, ae__draw place, size_t row, size_t at,
                      size_t count, uint32_t *bits);

#endif
