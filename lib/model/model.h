/* A model: its plan, the vector of weights, the memory to run in, and what training has left. */
#ifndef AE__MODEL_MODEL_H
#define AE__MODEL_MODEL_H

#include "model/array.h"
#include "model/plan.h"
#include "optim/optim.h"

#include <stdatomic.h>

/* What a plateau schedule knows of the epochs that were. */
typedef struct ae__plateau {
    bool begun;      /* there was an epoch; the rest is of no meaning before */
    double lowest;   /* loss of an epoch */
    uint64_t waited; /* epochs without a lower one since then, or since the rate was last cut */
    double scale;    /* of the learning rate */
} ae__plateau;

/* What early stopping knows of the epochs that were. */
typedef struct ae__best {
    bool begun;      /* there was an epoch; the rest is of no meaning before */
    bool restored;   /* the model went back to it */
    double loss;     /* lowest of an epoch */
    uint64_t epoch;  /* its number, from 1 */
    uint64_t waited; /* epochs since then */
    uint32_t data;   /* fingerprint of what was trained and validated on */
    int32_t arrays;  /* kept: weights, then states, each laid out as the weights; 0: none */
    int32_t room;    /* for arrays */
    real *kept;
} ae__best;

/* Gradients of the batches since the last step, where several make one. */
typedef struct ae__pending {
    uint64_t rows; /* of these batches; 0: there are none */
    double weight; /* of these rows */
    real *sum;     /* laid out as the weights: of each batch, times its weight; NULL: no room yet */
} ae__pending;

/* What ae_fit_batch counts. */
typedef struct ae__online {
    uint64_t steps;
    double loss; /* running, of no meaning before the first */
} ae__online;

/* What training leaves in a model: kept in the file, so that it can go on. */
typedef struct ae__trained {
    uint64_t epochs; /* complete ones */
    uint64_t steps;  /* of the optimiser */

    /* The open epoch: rows of the data, rows done, and the sums over them (plan.n_parts), which
     * lie beside the weights. */
    uint64_t part_rows, part_done;
    uint32_t part_data; /* fingerprint of the data; 0: not known */
    double *parts;

    double *history;    /* a row of ae__history_series(desc) numbers an epoch */
    size_t history_cap; /* epochs that there is room for */

    int32_t n_states; /* the optimiser's arrays, laid out as the weights, in one block */
    real *states[AE__OPTIM_STATES];

    ae__plateau plateau;
    ae__best best;
    ae__online online;
    ae__pending pending;
} ae__trained;

/* The logarithm of a sum of exponentials: peak + log(sum). */
typedef struct ae__log_sum {
    double peak, sum;
} ae__log_sum;

/* Buffers of one pass of inference, for plan.chunk rows. */
typedef struct ae__workspace {
    real *x, *target, *side;
    real *weight;          /* of the rows */
    real **element;        /* weights of the target's elements, by term */
    ae__stage stage;       /* rows of a source on their way to these */
    real *posterior;       /* what the layer that draws reads; NULL where none does */
    real *between[2];      /* outputs of layers, in turn: */
    real **y;              /* y[i] is where layer i writes */
    double *values, *sums; /* of one term, and of all; one a row */
    ae__log_sum *samples;  /* what a row's samples have summed up to */
    double *parts;         /* plan.n_parts */
    double *moments;       /* where the code is drawn: three a dimension */
} ae__workspace;

/* What the handles on one model have in common, at the head of one block with weights and sums of the
 * open epoch. `trained` is each handle's own copy: while there are several, nobody changes it. */
typedef struct ae__common {
    atomic_int handles; /* on it; 0: the only one is changing it */
} ae__common;

struct ae_model {
    ae_allocator mem;
    ae__desc desc;
    ae__plan plan;
    ae__engine engine;
    ae__common *common;
    bool is_share; /* of another handle's: for inference alone */
    void *block;   /* the run arena: the workspace */
    size_t block_bytes;
    real *weights;
    ae__workspace work;
    ae__scaling scaling;
    ae__trained trained;
    real *scratch; /* of one layer at a time */
    size_t scratch_reals;
    void *train_block; /* the train arena; NULL until the first fit */
    size_t train_bytes;
};

/* Makes a model with weights that are all 0. Takes over nothing of desc. */
int32_t ae__model_create(ae_model **out, const ae__desc *desc, const ae_allocator *mem);
void ae__model_free(ae_model *model);

/* Makes another handle on a model, with a workspace like this one's, and no workers. STATE: in a forked
 * child of a handle with workers; BUSY: it is claimed; NOMEM. */
int32_t ae__model_share(ae_model **out, ae_model *model);

/* Makes the model this handle's alone until ..._release: no share comes of it meanwhile. BUSY: it is that
 * already, has shares, or is one. */
int32_t ae__model_claim(ae_model *model);
void ae__model_release(ae_model *model);
/* BUSY: it is somebody's alone. */
int32_t ae__model_check_claim(const ae_model *model);

/* Draws the first weights: functions of seed, layer and element alone. */
void ae__model_init(ae_model *model);

/* Puts the run parameters of desc into force; UNSUPPORTED or NOMEM leaves the engine as it was. */
int32_t ae__model_configure(ae_model *model);

/* The metrics that a history of this model has, by number in its rows: AE_METRIC_*, ascending. */
size_t ae__history_series(const ae__desc *desc);
int32_t ae__history_metric(const ae__desc *desc, size_t series);
/* The number of a metric; ae__history_series for one that there is none of. */
size_t ae__history_find(const ae__desc *desc, int32_t metric);

/* Makes room for so many optimiser's states, all 0 where they are new, and for the history of so
 * many epochs. NOMEM leaves both as they were. */
int32_t ae__model_reserve_states(ae_model *model, int32_t want);
int32_t ae__model_reserve_history(ae_model *model, size_t epochs);
/* Makes room for pending gradients. NOMEM. */
int32_t ae__model_reserve_pending(ae_model *model);
/* Makes room for so many arrays of the best epoch. NOMEM leaves all as it was. */
int32_t ae__model_reserve_best(ae_model *model, int32_t arrays);
/* Forgets all that training left. */
void ae__model_strip(ae_model *model);

/* RANGE where so many bytes are more than AE_PARAM_MEMORY; `what` needs them. */
int32_t ae__model_check_memory(const ae_model *model, const char *what, size_t bytes);

/* Makes room for the layers' scratch, for so many rows and this engine. NOMEM leaves it as it was. */
int32_t ae__model_reserve_scratch(ae_model *model, const ae__engine *engine, size_t rows,
                                  bool training);

/* The scaler of input or target; NULL: they stay as they are. */
const ae__scaler *ae__model_scaler(const ae_model *model, bool target);
/* Whether it has any; AE_SCALING_* of the target, which has one of its own or is the input. */
bool ae__model_scales(const ae_model *model);
int32_t ae__model_scaling_kind(const ae_model *model, bool own);
/* Whether the target may have one of its own, or else the input's. INVALID: it does not go with the loss. */
int32_t ae__model_check_scaling(const ae_model *model, bool own);
/* What both scalers hold is right from now on. */
void ae__model_scale_by(ae_model *model, bool own);
/* Has the arrays of a view that was checked enter through them; where x as a target enters otherwise
 * than as input, it becomes y, too. STATE: they are not known yet; view NULL: only that. */
int32_t ae__model_scale(ae_model *model, ae__view *view);
/* Brings dense rows of output back to what targets were given in. */
void ae__model_undo(const ae_model *model, real *out, size_t rows);

/* A layer's call of forward in a run of layers [first, last), with its weights and layouts in place;
 * the caller sets x, y and what else it wants. */
ae__layer_call ae__model_call(const ae_model *model, int32_t layer, int32_t first, int32_t last,
                              const ae__context *context);
/* A term's call on what its layer left in y: of the last layer z, of others their output. The caller
 * sets x, where it has it, and what it wants. */
ae__term_call ae__model_term(const ae_model *model, int32_t term, const ae__context *context,
                             const real *y);

#endif
