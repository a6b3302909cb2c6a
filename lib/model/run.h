/* Running a model forward over data, chunk by chunk, in memory that was set aside when it was
 * made. What can fail is reading from a source, and what it then brings. */
#ifndef AE__MODEL_RUN_H
#define AE__MODEL_RUN_H

#include "model/model.h"

/* Output of layers [first, last) for every row of view->x, rows x out of layer last - 1; with `undo` it is
 * brought back to what targets were given in. */
int32_t ae__run_layers(ae_model *model, const ae__view *view, int32_t first, int32_t last,
                       bool undo, real *out);

/* The mean of the loss over rows, by their weights; scores (one a row) may be NULL; the model's work.parts
 * holds the sums that it is made of. RANGE: all weights are 0. */
int32_t ae__run_loss(ae_model *model, const ae__view *view, float *scores, double *loss);

/* The context's rows of an array: where they lie, or in `buffer`. */
int32_t ae__run_rows(ae_model *model, const ae__array *array, const ae__context *context,
                     real *buffer, ae__rows *out);

/* Layers [first, last) over the context's rows of x, to `out`, dense, or where that is NULL to the
 * workspace. */
ae__rows ae__run_chunk(ae_model *model, const ae__context *context, ae__rows x, int32_t first,
                       int32_t last, real *out);

/* What is wanted of a target: nothing, the losses, or the densities alone, to which features do not weigh. */
typedef enum ae__target { AE__TARGET_NONE, AE__TARGET_LOSSES, AE__TARGET_DENSITIES } ae__target;

/* The context's rows of the view's x, as they enter the first layer, its side and its target. */
int32_t ae__run_input(ae_model *model, const ae__view *view, ae__context *context,
                      ae__target target, ae__rows *x);

/* Has the context read rows of the view's side from context->first_row on, where there is one. */
int32_t ae__run_side(ae_model *model, const ae__view *view, ae__context *context);

/* One pass forward of a batch through the layers from `first` on: fills the sums and parts, with the
 * loss fused where the plan says so. y[i]: where layer i writes, at the stride of ae__row_stride;
 * z[i]: where it leaves what stands before its activation first, NULL: nowhere. Shared with
 * training. */
typedef struct ae__pass {
    const ae_model *model;
    const ae__context *context;
    int32_t first;
    bool densities; /* the densities alone count, without their weights */
    ae__rows x;     /* of layer `first` */
    real *const *y;
    real *const *z;     /* NULL: none is kept */
    real *const *saved; /* of each layer; NULL: not in training */
    real *spare[2];     /* scratch of the terms at even layers, and at odd ones */
    double *values;     /* one a row of the output, of one term */
    double *sums;       /* likewise, all terms, each times its factor; then one a row of the data */
    double *parts;      /* plan.n_parts: added to */
    const double *unit; /* of each output, in which losses are told; NULL: as they are */
    real *row_weight;   /* of the importance bound, one a row of the output; NULL: not wanted */
} ae__pass;

void ae__pass_forward(const ae__pass *pass);

/* The same for each of n samples of a row, one after the other from number 0 on: leaves the mean of
 * the sums, or with `bound` -log of the mean of e^-sum, in the sums. The parts grow by n times
 * theirs. */
void ae__pass_samples(const ae__pass *pass, ae__context *context, size_t n, bool bound,
                      ae__log_sum *samples);

/* Adds to the parts, of whatever rows, what these have as a whole. */
void ae__parts_close(const ae_model *model, const ae__context *context, double *parts);

#endif
