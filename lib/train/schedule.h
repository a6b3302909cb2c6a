/* The learning rate as a function of the absolute step: AE_SCHEDULE_* of ae.h. */
#ifndef AE__TRAIN_SCHEDULE_H
#define AE__TRAIN_SCHEDULE_H

#include "model/model.h"

/* The rate of a step, from 0. */
double ae__schedule_rate(const ae_model *model, uint64_t step);

/* Tells a plateau schedule the loss of the epoch that is over: of the validation data, where there
 * are some. */
void ae__schedule_epoch(ae_model *model, double loss);

#endif
