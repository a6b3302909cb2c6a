/* A model: its plan, the vector of weights, the memory to run in, and what training has left. */
#ifndef AE__MODEL_MODEL_H
#define AE__MODEL_MODEL_H

#include "model/array.h"
#include "model/plan.h"
#include "optim/optim.h"

enum { AE__METRICS = 4 }; /* AE_METRIC_* */

/* What training leaves in a model: kept in the file, so that it can go on. */
typedef struct ae__trained {
    uint64_t epochs; /* complete ones */
    uint64_t steps;  /* of the optimiser */

    /* An epoch that was stopped half-way: rows of the data, rows done, their summed loss. */
    uint64_t part_rows, part_done;
    double part_sum;

    double *history[AE__METRICS]; /* `epochs` values each, in one block that begins at [0] */
    size_t history_cap;           /* epochs that the block has room for */

    int32_t n_states; /* the optimiser's arrays, laid out as the weights, in one block */
    real *states[AE__OPTIM_STATES];
} ae__trained;

/* Buffers of one pass of inference, for plan.chunk rows. */
typedef struct ae__workspace {
    real *x, *target;
    real *between[2];      /* outputs of layers, in turn: */
    real **y;              /* y[i] is where layer i writes */
    double *values, *sums; /* of one term, and of all; one a row */
} ae__workspace;

struct ae_model {
    ae_allocator mem;
    ae__desc desc;
    ae__plan plan;
    ae__engine engine;
    void *block; /* the run arena: weights and workspace */
    size_t block_bytes;
    real *weights;
    ae__workspace work;
    ae__trained trained;
    void *train_block; /* the train arena; NULL until the first fit */
    size_t train_bytes;
    bool in_fit; /* a progress callback that changed the model would pull it from under ae_fit */
};

/* Makes a model with weights that are all 0. Takes over nothing of desc. */
int32_t ae__model_create(ae_model **out, const ae__desc *desc, const ae_allocator *mem);
void ae__model_free(ae_model *model);

/* Draws the first weights: functions of seed, layer and element alone. */
void ae__model_init(ae_model *model);

/* Puts the run parameters of desc into force; UNSUPPORTED or NOMEM leaves the engine as it was. */
int32_t ae__model_configure(ae_model *model);

/* Makes room for so many optimiser's states, all 0 where they are new, and for the history of so
 * many epochs. NOMEM leaves both as they were. */
int32_t ae__model_reserve_states(ae_model *model, int32_t want);
int32_t ae__model_reserve_history(ae_model *model, size_t epochs);
/* Forgets all that training left. */
void ae__model_strip(ae_model *model);

/* A layer's call of forward with its weights in place; the caller sets x, y and what else it
 * wants. */
ae__layer_call ae__model_call(const ae_model *model, int32_t layer, const ae__context *context);
/* A term's call on what its layer left in y: of the last layer z, of others their output. */
ae__term_call ae__model_term(const ae_model *model, int32_t term, const ae__context *context,
                             real *y);

#endif
