/* Checkpoints: the model's file, written again and again while it trains. */
#ifndef AE__TRAIN_CHECKPOINT_H
#define AE__TRAIN_CHECKPOINT_H

#include "model/model.h"

/* One is due at each of the marks that are not 0. */
typedef struct ae__checkpoint_rule {
    const char *path; /* NULL: none is ever due */
    uint64_t epochs, steps;
    double seconds;
} ae__checkpoint_rule;

/* Those of one fit. */
typedef struct ae__checkpoints {
    const ae__checkpoint_rule *rule;
    double last;  /* seconds: of the last one, or of the beginning */
    bool current; /* the model has not changed since */
} ae__checkpoints;

enum { /* what has just been done: a sum of these */
       AE__DONE_BATCH = 0,
       AE__DONE_STEP = 1,
       AE__DONE_EPOCH = 2
};

/* Begins at the time `now`. IO: the path cannot be written to. */
int32_t ae__checkpoints_begin(ae__checkpoints *c, const ae__checkpoint_rule *rule, double now);

/* Whether one is due after what has been done, AE__DONE_*. */
bool ae__checkpoints_due(ae__checkpoints *c, const ae_model *model, int32_t done, double now);

/* Writes the model, unless the last one is still it. IO. */
int32_t ae__checkpoints_save(ae__checkpoints *c, const ae_model *model, double now);

#endif
