/* Fitting a model's scaling to data. */
#ifndef AE__TRAIN_SCALE_H
#define AE__TRAIN_SCALE_H

#include "model/model.h"

/* One pass over all rows of x, and of y where the target has a scaler of its own. INVALID: x as a target
 * cannot be standardised; NOMEM; of data that are read what reading gives, NONFINITE. On failure the
 * scaling is as it was. */
int32_t ae__scale_fit(ae_model *model, const ae__view *data);

#endif
