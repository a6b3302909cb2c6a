/* Rows of the data held out for validation. */
#ifndef AE__TRAIN_SPLIT_H
#define AE__TRAIN_SPLIT_H

#include "model/model.h"

typedef struct ae__split {
    uint64_t
        *numbers; /* of the rows held out, then of the others, both ascending; NULL: no split */
    ae__view data, validation; /* copies: arrays may be told how they enter */
} ae__split;

/* Splits the data by a share above 0. RANGE: one row alone; NOMEM. */
int32_t ae__split_create(ae__split *split, const ae_model *model, const ae__view *data,
                         double share);
void ae__split_free(ae__split *split, const ae_model *model);

#endif
