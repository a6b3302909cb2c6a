/* What training works in: a batch, what its layers leave, gradients, and what to go back to. */
#ifndef AE__TRAIN_TRAINER_H
#define AE__TRAIN_TRAINER_H

#include "base/size.h"
#include "model/run.h"

/* Memory of a step, carved from one arena for the most rows of a batch. */
typedef struct ae__trainer {
    ae_model *model;
    size_t batch;            /* rows that there is room for */
    real *x, *target, *side; /* rows x input, rows x output, rows x side */
    real **y;                /* outputs of each layer, all kept for the way back */
    real **saved;            /* what each layer keeps from forward to backward; NULL: nothing */
    ae__layer_call *calls;   /* of each layer, from forward to backward */
    real **z;        /* what stands before their activations, where that is kept; else NULL */
    real *dy[2];     /* gradients of outputs, in turn */
    real *gradients; /* as the weights */
    double *values, *sums;
    double *parts;     /* of the batch: plan.n_parts */
    real *row_weight;  /* of the importance bound; NULL: another bound */
    real *weight;      /* of the rows of the data */
    real **element;    /* weights of the target's elements, by term */
    uint64_t *numbers; /* of the batch's rows in the data, where the feed has none of them ahead */
    double *norms;     /* sums of squares of the gradients' blocks */
    bool wants_norm;   /* of steps that could do without it */
    double norm;       /* of the last step's gradient, before clipping; NaN: not known */

    /* Where the batch goes in portions: */
    size_t portions;             /* at most; 0: as a whole */
    struct ae__trainer *workers; /* with what the layers leave of a portion; y, saved, z and dy
                                  * here are the first one's */
    size_t scratch_reals;
    real *scratch;           /* of a worker */
    real *portion_gradients; /* portions x weights */
    double *portion_parts;   /* portions x plan.n_parts */

    /* Weights, states and parts after the last complete epoch, to go back to. */
    real *kept_weights, *kept_states;
    double *kept_parts;
    real *kept_sum; /* of pending gradients, with their rows */
    uint64_t kept_rows;
    double kept_weight;
} ae__trainer;

/* Carves the trainer of a model from its train arena, which is made, or made anew where the batch
 * grew. NOMEM leaves the model as it was. */
int32_t ae__trainer_bind(ae__trainer *trainer, ae_model *model, size_t batch);

/* Has the context weigh the elements of the target, which is t->target or t->x; what is missing in these
 * becomes 0. */
void ae__trainer_weigh(ae__trainer *trainer, ae__context *context);

/* Sums of squares of a gradient: one a block of so many reals. */
enum { AE__NORM_BLOCK = 1 << 14 };
static inline size_t ae__norm_blocks(const ae__plan *plan)
{
    return ae__blocks(plan->weight_reals, AE__NORM_BLOCK);
}

/* Forgets a model's pending gradients. */
void ae__trainer_drop(ae_model *model);

/* What of a model is not finite, and its norm; NULL: all is. An infinite second moment would make every
 * later step 0, with losses that look sound. */
const char *ae__trainer_infinite(const ae_model *model, double *norm);

/* Weights and optimiser as they are now, to be kept, or as they were kept. */
void ae__trainer_keep(ae__trainer *trainer);
void ae__trainer_restore(ae__trainer *trainer);

#endif
