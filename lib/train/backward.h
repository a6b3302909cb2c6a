/* Gradients of a batch: forward through all layers, and back. */
#ifndef AE__TRAIN_BACKWARD_H
#define AE__TRAIN_BACKWARD_H

#include "train/trainer.h"

/* Gradients of the loss over context->rows rows of trainer->x against context->target, into
 * trainer->gradients, and the summed loss of the rows with what it is made of into trainer->parts.
 * finished: as a layer's; NULL: not called. */
typedef void ae__finished(void *user, int32_t weight, size_t begin, size_t count);
void ae__trainer_gradients(ae__trainer *trainer, const ae__context *context, ae__finished *finished,
                           void *user);

#endif
