/* Running a model forward over data, chunk by chunk, in memory that was set aside when it was
 * made. What can fail is reading from a source, and what it then brings. */
#ifndef AE__MODEL_RUN_H
#define AE__MODEL_RUN_H

#include "model/pass.h"

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

#endif
