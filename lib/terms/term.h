/* The interface of a term of the loss: values a row, then gradients given row weights. One term a
 * file, one table a term, all listed in registry.c. */
#ifndef AE__TERMS_TERM_H
#define AE__TERMS_TERM_H

#include "base/shape.h"
#include "base/spec.h"
#include "layers/context.h"

/* A term at one layer of a pass. All arrays are rows x dim with row stride `row`. A loss reads z, what
 * stands before the layer's activation; a penalty reads y, its output. Gradients are with respect to
 * z either way. */
typedef struct ae__term_call {
    const ae__context *context;
    const ae__spec *spec;
    size_t dim, row;
    int32_t activation; /* of the layer; LINEAR where dz is to be the gradient of y */
    real slope;
    const real *z;  /* NULL where y is there */
    const real *y;  /* NULL where z is there */
    double *values; /* one a row: added to */
    real *dz;       /* the gradient of factor * mean of values over rows is added */
    real *scratch;
} ae__term_call;

typedef struct ae__term_ops {
    int32_t kind;          /* AE_LOSS_* or AE_PENALTY_*, as in the file */
    const char *name;      /* "mse" */
    const int32_t *params; /* AE_PARAM_* that it takes, ended by 0 */
    bool penalty;          /* on any layer's output (AE_PARAM_LAYER); else a loss on the last */
    int32_t element;       /* AE__ELEMENT_* of a loss that is a sum over a row's elements */
    bool mean;             /* whether its reduction divides by their number */
    bool unit_targets;     /* targets must lie in [0, 1] */

    /* Fails, with what, got and wanted, where the term does not go with the layer; NULL: always
     * fits. */
    int32_t (*check)(const ae__spec *spec, int32_t activation);
    void (*values)(const ae__term_call *call);
    void (*gradients)(const ae__term_call *call); /* NULL in a build without training */
} ae__term_ops;

/* The terms by number, NULL past the last; and by kind, NULL where there is none. */
const ae__term_ops *ae__term_at(size_t index);
const ae__term_ops *ae__term_of(int32_t kind);

/* What a value counts for in the loss: the term's weight, divided by dim where it is a mean. */
double ae__term_factor(const ae__term_ops *ops, const ae__spec *spec, size_t dim);

/* An element loss as the epilogue of a product over the whole batch; values may be NULL. */
ae__epilogue ae__element_epilogue(const ae__term_ops *ops, const ae__spec *spec, size_t dim,
                                  const ae__context *context, double *values, bool gradient);

/* The same loss as a plain pass over z, for layers that do not fuse it, and as the fused pass'
 * oracle. */
void ae__element_values(const ae__term_call *call);
void ae__element_gradients(const ae__term_call *call);

#endif
