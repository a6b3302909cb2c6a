/* A model: its plan, the vector of weights, the memory to run in, and what training has left. */
#ifndef AE__MODEL_MODEL_H
#define AE__MODEL_MODEL_H

#include "model/array.h"
#include "model/plan.h"
#include "model/trained.h"

#include <stdatomic.h>

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
/* The same of layer *i; where that does the next one, too, *i becomes this, which *norm is for. */
ae__layer_call ae__model_call_next(const ae_model *model, int32_t *i, int32_t first, int32_t last,
                                   const ae__context *context, ae__layer_call *norm);
/* A term's call on what its layer left in y: of the last layer z, of others their output. The caller
 * sets x, where it has it, and what it wants. */
ae__term_call ae__model_term(const ae_model *model, int32_t term, const ae__context *context,
                             const real *y);

#endif
