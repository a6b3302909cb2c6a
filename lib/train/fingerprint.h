/* Whether data are those of an earlier call, told without reading all of them. */
#ifndef AE__TRAIN_FINGERPRINT_H
#define AE__TRAIN_FINGERPRINT_H

#include "train/trainer.h"

/* A CRC-32 of the number of rows, of all dimensions, and of 256 rows, evenly spaced from the first to
 * the last, as they enter: numbers that mean the same have the same, of whatever type, in memory or
 * read. Of a source that goes in order they are the first 256. Goes on from *crc and is never 0.
 * Overwrites the trainer's batch. What reading gives. */
int32_t ae__fingerprint(ae__trainer *trainer, const ae__view *view, uint32_t *crc);

#endif
