/* A batch on its way through the layers to the values of its loss, in training and out of it. */
#ifndef AE__MODEL_PASS_H
#define AE__MODEL_PASS_H

#include "model/model.h"

/* One pass forward of a batch through the layers from `first` on: fills the sums and parts, with the
 * loss fused where the plan says so. y[i]: where layer i writes, at the stride of ae__row_stride;
 * z[i]: where it leaves what stands before its activation first, NULL: nowhere. */
typedef struct ae__pass {
    const ae_model *model;
    const ae__context *context;
    int32_t first;
    bool densities; /* the densities alone count, without their weights */
    ae__rows x;     /* of layer `first` */
    real *const *y;
    real *const *z;        /* NULL: none is kept */
    real *const *saved;    /* of each layer; NULL: not in training */
    ae__layer_call *calls; /* of each layer, left for the way back; NULL: likewise */
    real *spare[2];        /* scratch of the terms at even layers, and at odd ones */
    double *values;        /* one a row of the output, of one term */
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
