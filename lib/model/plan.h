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
    int32_t layer; /* its owner: a layer, or n_layers + the number of a term */
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
    bool merged;  /* the next layer does it on its way: y is made only where a run ends with it */
    bool folds;   /* outside of training it does the normalisation above, too */
    int32_t turn; /* which of two buffers y is in while inferring */
    bool keeps_z; /* training keeps what stands before the activation, beside y */
    int32_t weights[AE__LAYER_WEIGHTS]; /* numbers in ae__plan.weights; a tied one is its owner's */

    /* y may lie in blocks of images, in a run that takes all layers [from, to], which then agree. */
    bool blocked;
    int32_t from, to;
} ae__layer_plan;

typedef struct ae__term_plan {
    const ae__term_ops *ops;
    const ae__spec *spec;
    int32_t layer; /* that it reads */
    ae__term_info info;
    int32_t weights[AE__TERM_WEIGHTS]; /* numbers in ae__plan.weights */
    int32_t features;                  /* the slot of its weights of features, or -1 */
    size_t tally;                      /* where its tallies begin in the parts */
} ae__term_plan;

/* Sums over rows, by their weights, that make up an epoch, or an evaluation: [0] the loss, [1] the weights
 * themselves, [2 + i] term i without its factor, then the tallies of the terms. */
enum { AE__PART_LOSS = 0, AE__PART_WEIGHT = 1, AE__PART_TERM = 2 };

typedef struct ae__plan {
    const ae__desc *desc;
    int32_t n_layers;
    int32_t n_terms;
    int32_t n_weights;
    int32_t lowest; /* the first layer with weights to train: no gradient is wanted below it */
    ae__layer_plan *layers;
    ae__term_plan *terms;
    ae__weight *weights;
    int32_t sampler;      /* the layer that draws, or -1 */
    int32_t side;         /* the first layer that takes a side, or -1 */
    bool importance;      /* trained on the importance-weighted bound */
    bool bounded;         /* a loss wants targets in [0, 1] */
    bool missing;         /* NaN in x and the target stands for what is missing */
    bool weighs_features; /* some loss does */
    size_t samples;       /* rows of the output for each row of the data */
    size_t n_parts;
    size_t weight_reals; /* length of the vector, gaps included */
    size_t weight_count; /* weights in it */
    size_t widest;       /* most reals of one row of a layer's y */
    size_t chunk;        /* rows that inference takes at a time; with images a power of two, or a
                          * multiple of AE__MAX_LANES: blocks are whole */
    bool fuse_loss;      /* the last layer's forward computes the loss */
    bool images;         /* some y may lie in blocks */
    bool portions;       /* training takes a batch in portions (train/portion.h) */
} ae__plan;

/* Works the plan out into arrays of its own; desc must outlive it. On failure *plan is empty. */
int32_t ae__plan_create(ae__plan *plan, const ae__desc *desc, const ae_allocator *mem);
void ae__plan_free(ae__plan *plan, const ae_allocator *mem);

/* Halves the chunk; false: it is 1. */
bool ae__plan_shrink(ae__plan *plan);

/* Whether layer i does the next one, too, where layers up to `last` run. */
bool ae__plan_folds(const ae__plan *plan, int32_t i, int32_t last, int32_t mode);

/* The layer whose y layer i reads; -1: none. */
int32_t ae__plan_below(const ae__plan *plan, int32_t i);

/* Whether y of layer i, of so many rows, lies in blocks when layers [first, last) run. */
bool ae__plan_blocked(const ae__plan *plan, const ae__engine *engine, int32_t i, int32_t first,
                      int32_t last, size_t rows);

/* Most reals of scratch that a layer needs, for up to `rows` rows of the data. RANGE: overflow. */
int32_t ae__plan_scratch(const ae__plan *plan, const ae__engine *engine, size_t rows, bool training,
                         size_t *reals);

/* Reals of a layer's y for each row of the data. */
size_t ae__layer_plan_reals(const ae__layer_plan *layer);

size_t ae__plan_output(const ae__plan *plan); /* elements of a row */
size_t ae__plan_code(const ae__plan *plan);

/* Numbers in a row of the side array: 0 where no layer takes it, 1 for labels; and their classes, 0
 * for vectors. */
size_t ae__plan_side(const ae__plan *plan);
size_t ae__plan_classes(const ae__plan *plan);

/* Room for the weights of a target's elements of each term, for `rows` rows, or one where nothing can be
 * missing; NULL for terms that need none. */
real **ae__plan_elements(const ae__plan *plan, ae__arena *arena, size_t rows);

/* Whether the code is drawn: the output of a layer that draws. */
bool ae__plan_code_drawn(const ae__plan *plan);

/* Whether the terms tell log p(x, z) - log q(z | x) of a sample: one likelihood, and one divergence
 * of the layer that draws. */
bool ae__plan_likelihood(const ae__plan *plan);

/* The array of a layer (or n_layers + a term) by name, or NULL: no such layer, no such name, or tied
 * to another layer's. */
const ae__weight *ae__plan_weight(const ae__plan *plan, int32_t layer, const char *name);

#endif
