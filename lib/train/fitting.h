/* One run of ae__fit, and the events that it tells its callback. */
#ifndef AE__TRAIN_FITTING_H
#define AE__TRAIN_FITTING_H

#include "train/feed.h"
#include "train/fit.h"
#include "train/split.h"

typedef struct ae__fitting {
    ae_model *model;
    const ae__fit_request *request;
    ae__split *split; /* the data, split or not, as they enter */
    ae__trainer trainer;
    ae__feed feed;
    uint64_t rows, batch;
    uint64_t group;   /* rows of a step: of several batches, or of one */
    uint64_t count;   /* rows of the current batch */
    ae__trained kept; /* of the state that the trainer keeps: counts, and the best epoch */
    double began;     /* seconds */
    double worked;    /* seconds from there to the end of the last batch */
    uint64_t found;   /* rows of the epoch that were done before */
    double rate;      /* of the last step */
    ae__checkpoints checkpoints;
    double terms[AE__MAX_TERMS], val_terms[AE__MAX_TERMS]; /* their means, for the events */
} ae__fitting;

/* On a clock that never steps back. */
double ae__seconds(void);

/* Calls the callback, where there is one, at a batch's or an epoch's end. CANCELLED: it asks to stop;
 * STATE: it has returned in a child that it forked. */
int32_t ae__fitting_report(const ae__fitting *f, int32_t kind, double loss, double val_loss);

/* The same after an early stop, of the best epoch as the history has it. */
int32_t ae__fitting_stopped(const ae__fitting *f);

#endif
