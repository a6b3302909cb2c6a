/* One step of training: the gradients of a batch, then the optimiser on every weight. */
#ifndef AE__TRAIN_STEP_H
#define AE__TRAIN_STEP_H

#include "train/backward.h"

/* Gradients of the loss over context->rows rows of trainer->x against context->target, into
 * trainer->gradients, and the summed loss of the rows with what it is made of into trainer->parts.
 * finished: told what is; NULL: not called. */
void ae__trainer_gradients(ae__trainer *trainer, const ae__context *context, ae__finished *finished,
                           void *user);

/* The same, and one step of the optimiser; counts it. */
void ae__trainer_step(ae__trainer *trainer, const ae__context *context);

/* Steps of several batches: gradients, added to the model's pending gradients, for which there is room;
 * and a step on the mean of those over all their rows, by weight, which forgets them. */
void ae__trainer_add(ae__trainer *trainer, const ae__context *context);
void ae__trainer_step_added(ae__trainer *trainer);

#endif
