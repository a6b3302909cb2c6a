/* Running a model forward over data, chunk by chunk, in memory that was set aside when it was
 * made. */
#ifndef AE__MODEL_RUN_H
#define AE__MODEL_RUN_H

#include "model/model.h"

/* Output of layers [first, last) for every row of x, rows x out of layer last - 1. Cannot fail. */
void ae__run_layers(ae_model *model, const ae__array *x, int32_t first, int32_t last, real *out);

/* Values of the loss a row: the mean over rows is returned, scores (one a row) may be NULL. */
double ae__run_loss(ae_model *model, const ae__view *view, float *scores);

/* One pass forward of a batch: fills `values` of every term where the mode wants them, with the
 * loss fused where the plan says so. y[i]: where layer i writes, at the stride of ae__row_stride;
 * z[i]: where it leaves what stands before its activation first, NULL: nowhere. Shared with
 * training. */
typedef struct ae__pass {
    const ae_model *model;
    const ae__context *context;
    ae__rows x;
    real *const *y;
    real *const *z; /* NULL: none is kept */
    real *spare[2]; /* scratch of the terms at even layers, and at odd ones */
    double *values; /* one a row, of one term */
    double *sums;   /* one a row: all terms, each times its factor */
} ae__pass;

void ae__pass_forward(const ae__pass *pass);

#endif
