/* What training leaves in a model, and the room for it. */
#ifndef AE__MODEL_TRAINED_H
#define AE__MODEL_TRAINED_H

#include "model/desc.h"
#include "optim/optim.h"

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

/* The metrics that a history of this model has, by number in its rows: AE_METRIC_*, ascending. */
size_t ae__history_series(const ae__desc *desc);
int32_t ae__history_metric(const ae__desc *desc, size_t series);
/* The number of a metric; ae__history_series for one that there is none of. */
size_t ae__history_find(const ae__desc *desc, int32_t metric);

/* Make room for so many of the optimiser's states, all 0 where they are new, for pending gradients, for
 * so many arrays of the best epoch, and for the history of so many epochs. What is there stays; NOMEM
 * leaves all as it was. */
int32_t ae__model_reserve_states(ae_model *model, int32_t want);
int32_t ae__model_reserve_pending(ae_model *model);
int32_t ae__model_reserve_best(ae_model *model, int32_t arrays);
int32_t ae__model_reserve_history(ae_model *model, size_t epochs);

/* Forgets all that training left, and gives back what only training needs. */
void ae__model_strip(ae_model *model);

#endif
