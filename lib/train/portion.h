/* A batch of images in portions, where no row knows of the others: each goes forward and back through
 * all layers on one thread, so that what a layer leaves is in cache still when the next wants it, and
 * threads meet once a step. Portions come from shapes; their gradients are added in order. */
#ifndef AE__TRAIN_PORTION_H
#define AE__TRAIN_PORTION_H

#include "train/backward.h"

/* How many portions the batch of a trainer has at most, 0 where it goes as a whole; and the scratch of
 * one. RANGE: overflow. */
int32_t ae__portions_plan(ae__trainer *trainer);
/* How many can be on their way: as many as threads, or all of them where these are fewer. */
size_t ae__portions_workers(const ae__trainer *trainer);

/* ae__trainer_gradients of a batch that goes in portions. */
void ae__portions_run(ae__trainer *trainer, const ae__context *context, ae__finished *finished,
                      void *user);

#endif
