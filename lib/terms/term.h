/* The interface of a term of the loss: everything that can go wrong goes wrong in `infer`; then come
 * values a row, and gradients given row weights. One term a file, one table a term, all listed in
 * registry.c. */
#ifndef AE__TERMS_TERM_H
#define AE__TERMS_TERM_H

#include "base/spec.h"
#include "layers/context.h"
#include "layers/weight.h"

enum { AE__TERM_WEIGHTS = 2 }; /* most arrays of weights of one term */

/* The layer that a term sits on. */
typedef struct ae__term_site {
    const char *layer; /* "dense" */
    bool draws;        /* its output is drawn */
    int32_t activation;
    size_t dim; /* of its output */
} ae__term_site;

/* What a term needs, from its spec and its layer. */
typedef struct ae__term_info {
    int32_t n_weights;
    ae__weight_info weights[AE__TERM_WEIGHTS];
    size_t tallies; /* sums over all rows that it keeps */
} ae__term_info;

/* A term at one layer of a pass. y, z, dz: rows x dim with row stride `row`; x, dx: the layer's
 * input, one row for `factor` rows of y. A loss reads z, what stands before the layer's activation;
 * a penalty reads y, its output. */
typedef struct ae__term_call {
    const ae__context *context;
    const ae__spec *spec;
    size_t rows, dim, row;
    int32_t activation; /* of the layer; LINEAR where dz is to be the gradient of y */
    real slope;
    const real *z; /* NULL but of the last layer */
    const real *y; /* NULL where it is not z, which is there */
    real *weights[AE__TERM_WEIGHTS];

    const real *x;
    size_t x_row, factor;

    double *values; /* one a row: added to */
    double *tally;  /* sums over rows: added to */
    real *scratch;  /* rows x dim with row stride `row` */

    const real *element; /* weights of the target's elements, by rows of the data; NULL: all 1 */
    size_t element_row;  /* their row stride; 0: one row for all */

    /* Gradients of factor * mean over rows, by their weights, of value. */
    double weight;          /* of all rows together */
    double scale;           /* ae__term_factor / weight; 0 where that is 0 */
    const real *row_weight; /* one for `row_repeat` rows; NULL: all 1 */
    size_t row_repeat;
    real *dz; /* with respect to z: added to */
    real *dx; /* with respect to what stands before the activation below: added to */
    int32_t below_act;
    real below_slope;
    real *dw[AE__TERM_WEIGHTS]; /* overwritten */
} ae__term_call;

typedef struct ae__term_ops {
    int32_t kind;          /* AE_LOSS_* or AE_PENALTY_*, as in the file */
    const char *name;      /* "mse" */
    const int32_t *params; /* AE_PARAM_* that it takes, ended by 0 */
    bool penalty;          /* on any layer's output (AE_PARAM_LAYER); else a loss on the last */
    int32_t element;       /* AE__ELEMENT_* of a loss that is a sum over a row's elements */
    bool mean;             /* whether its reduction divides by their number */
    bool unit_targets;     /* targets must lie in [0, 1] */
    bool density;          /* -log p(row): a loss's of the target, a penalty's q(z | x) / p(z) */

    /* Fills info, or fails with what, got and wanted where the term does not go with the layer (the
     * caller names the term); NULL: always fits, needs nothing. */
    int32_t (*infer)(const ae__spec *spec, const ae__term_site *site, ae__term_info *info);
    void (*values)(const ae__term_call *call);
    /* The value that all rows together have from their tally, where a row has none of its own: its
     * `values` add nothing. NULL: none. */
    double (*whole)(const ae__term_call *call, double rows);
    /* How many units of its layer are in use, by the n tallies of so many rows; NULL: cannot tell. */
    double (*active)(const double *tally, size_t n, double rows);

    /* NULL in a build without training. input_gradients: for those that read x; NULL: none. */
    void (*gradients)(const ae__term_call *call);
    void (*input_gradients)(const ae__term_call *call);
} ae__term_ops;

/* The terms by number, NULL past the last; and by kind, NULL where there is none. */
const ae__term_ops *ae__term_at(size_t index);
const ae__term_ops *ae__term_of(int32_t kind);

/* What a value counts for in a report of the term alone: 1, or 1/dim where it is a mean; and in the
 * loss: that times the term's weight, in training as far as it is warmed up. */
double ae__term_reduction(const ae__term_ops *ops, size_t dim);
double ae__term_factor(const ae__term_ops *ops, const ae__spec *spec, size_t dim,
                       const ae__context *context);

/* An element loss as the epilogue of a product over all rows of the call, whose values may be
 * NULL. */
ae__epilogue ae__element_epilogue(const ae__term_call *call, bool gradient);

/* The same loss as a plain pass over z, for layers that do not fuse it, and as the fused pass'
 * oracle. */
void ae__element_values(const ae__term_call *call);
void ae__element_gradients(const ae__term_call *call);

/* Row i of y: as it is, or made from z in scratch. */
const real *ae__term_output(const ae__term_call *call, size_t i);

/* The row of the data that row i is of. */
static inline size_t ae__term_data_row(const ae__term_call *call, size_t i)
{
    return i / (call->rows / call->context->rows);
}

/* The weights of elements [at, ...) of row i, or NULL. */
static inline const real *ae__term_element(const ae__term_call *call, size_t i, size_t at)
{
    if (!call->element) return NULL;
    return call->element + ae__term_data_row(call, i) * call->element_row + at;
}

/* The weight of row i; and times the scale. */
static inline double ae__term_weight(const ae__term_call *call, size_t i)
{
    return call->row_weight ? (double)call->row_weight[i / call->row_repeat] : 1;
}

static inline double ae__term_scale(const ae__term_call *call, size_t i)
{
    return call->scale * ae__term_weight(call, i);
}

/* dz += g act'(y) for elements [at, at + count) of row i: y, and the gradient g with respect to it,
 * which is overwritten. */
void ae__term_add(const ae__term_call *call, size_t i, size_t at, size_t count, const real *y,
                  real *g);

#endif
