/* Forward through all layers, and back: the gradients of rows that go together. */
#ifndef AE__TRAIN_BACKWARD_H
#define AE__TRAIN_BACKWARD_H

#include "train/trainer.h"

/* Elements [begin, begin + count) of a weight's gradient are what they will be. */
typedef void ae__finished(void *user, int32_t weight, size_t begin, size_t count);

/* ae__trainer_gradients of what does not go in portions, or of a portion. */
void ae__backward(ae__trainer *trainer, const ae__context *context, ae__finished *finished,
                  void *user);

#endif
