/* The plan of a model: shapes, arrays of weights and sizes, worked out before anything is
 * allocated. Everything that can be wrong with a description is found here; what runs afterwards
 * cannot fail. */
#ifndef AE__MODEL_PLAN_H
#define AE__MODEL_PLAN_H

#include "base/arena.h"
#include "layers/layer.h"
#include "model/desc.h"
#include "terms/term.h"

/* An array of weights in the one vector that holds them all; optimiser states and gradients have
 * the same layout. Each array begins on a cache line; the gaps stay 0. */
typedef struct ae__weight {
    ae__weight_info info;
    int32_t layer; /* its owner */
    int32_t last;  /* the last layer of the chain that uses it: the first to write its gradient */
    int32_t slot;  /* its number in the owner */
    size_t offset; /* reals */
    size_t count;  /* rows * cols */
} ae__weight;

typedef struct ae__layer_plan {
    const ae__layer_ops *ops;
    const ae__spec *spec;
    ae__shape in_shape;
    size_t in, out; /* elements of a row */
    size_t repeat;  /* rows of x for each row of the data */
    ae__layer_info info;
    int32_t weights[AE__LAYER_WEIGHTS]; /* numbers in ae__plan.weights; a tied one is its owner's */
} ae__layer_plan;

typedef struct ae__plan {
    const ae__desc *desc;
    int32_t n_layers;
    int32_t n_weights;
    int32_t lowest; /* the first layer with weights to train: no gradient is wanted below it */
    ae__layer_plan *layers;
    ae__weight *weights;
    size_t weight_reals; /* length of the vector, gaps included */
    size_t weight_count; /* weights in it */
    size_t widest;       /* most reals that a row of the data takes as y of a layer */
    size_t chunk;        /* rows that inference takes at a time */
    bool fuse_loss;      /* the last layer's forward computes the loss */
} ae__plan;

/* Works the plan out into arrays of its own; desc must outlive it. On failure *plan is empty. */
int32_t ae__plan_create(ae__plan *plan, const ae__desc *desc, const ae_allocator *mem);
void ae__plan_free(ae__plan *plan, const ae_allocator *mem);

/* Reals of a layer's y for each row of the data. */
size_t ae__layer_plan_reals(const ae__layer_plan *layer);

size_t ae__plan_output(const ae__plan *plan); /* elements of a row */
size_t ae__plan_code(const ae__plan *plan);

/* The layer that a term reads. */
int32_t ae__plan_term_layer(const ae__plan *plan, int32_t term);

/* The array of a layer by name, or NULL: no such layer, no such name, or tied to another
 * layer's. */
const ae__weight *ae__plan_weight(const ae__plan *plan, int32_t layer, const char *name);

#endif
