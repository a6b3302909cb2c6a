/* Training a model on data, epoch after epoch. */
#ifndef AE__TRAIN_FIT_H
#define AE__TRAIN_FIT_H

#include "train/checkpoint.h"
#include "train/stop.h"

typedef struct ae__fit_request {
    int64_t epochs;  /* in total */
    int32_t threads; /* 0: the model's */
    bool wants_norm; /* of the gradient, in events */
    bool anew;       /* an open epoch is not gone on with */
    double split;    /* share of the data that is validated on; 0: none */
    ae__stop_rule stop;
    ae__checkpoint_rule checkpoint;
    const ae__view *data;
    const ae__view *validation; /* NULL: none */
    ae_progress *progress;      /* NULL: none */
    void *user;
} ae__fit_request;

/* ae_fit of ae.h, on arguments that were checked. */
int32_t ae__fit(ae_model *model, const ae__fit_request *request);

#endif
