/* Training on rows as they come. */
#ifndef AE__TRAIN_ONLINE_H
#define AE__TRAIN_ONLINE_H

#include "model/model.h"

enum { AE__ONLINE_ROWS = 1 << 24 /* most of a call */ };

/* ae_fit_batch of ae.h, on arguments that were checked; loss may be NULL. */
int32_t ae__fit_batch(ae_model *model, const ae__view *data, double *loss);

#endif
