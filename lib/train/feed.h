/* Brings the rows of each batch to the trainer, in the order of the epoch. Rows of arrays are gathered
 * where they lie. Of sources a window is in memory (train/sequence.h), and where there are threads
 * the next one is read in the background meanwhile. */
#ifndef AE__TRAIN_FEED_H
#define AE__TRAIN_FEED_H

#include "base/runner.h"
#include "train/sequence.h"
#include "train/trainer.h"

enum { AE__FEED_ROLES = 4 /* x, y, side, weight */, AE__FEED_ROWS = 64 /* numbered together */ };

/* Rows of the sources as they were read, by slot. */
typedef struct ae__feed_window {
    bool full; /* what follows holds */
    ae__stretch stretch;
    void *raw[AE__FEED_ROLES];
    int32_t status; /* of reading it */
    char message[256];
} ae__feed_window;

/* A batch on its way to the trainer. */
typedef struct ae__taking {
    uint64_t at;       /* position of its first row */
    uint64_t *numbers; /* of its rows: the trainer's, or those known ahead */
    size_t rows;
    real *buffers[AE__FEED_ROLES];
} ae__taking;

/* Numbers of the rows at positions [from, to), of several small batches. */
typedef struct ae__numbered {
    uint64_t from, to;
    uint64_t numbers[AE__FEED_ROWS];
} ae__numbered;

typedef struct ae__feed {
    const ae_model *model;
    const ae__array *arrays[AE__FEED_ROLES]; /* NULL: not given */
    ae__sequence sequence;
    void *block;              /* memory of what follows; NULL where no array is a source */
    uint64_t *slots;          /* of the batch's rows in their windows */
    ae__feed_window pair[2];  /* the second for reading ahead */
    ae__feed_window *now;     /* the one that rows are taken from */
    ae__runner *runner;       /* NULL: no reading ahead */
    ae__feed_window *reading; /* by the runner; NULL: nothing */
    ae__taking batch;         /* the one that is being taken */
    ae__numbered known;       /* where batches are small */
} ae__feed;

/* Plans the memory for batches of so many rows. STATE: an order that a source cannot follow; RANGE:
 * a window that overflows; NOMEM. On failure there is nothing to close. */
int32_t ae__feed_open(ae__feed *feed, ae_model *model, const ae__view *data, size_t batch);
void ae__feed_close(ae__feed *feed);

/* Begins an epoch, from 1. */
void ae__feed_begin(ae__feed *feed, uint64_t epoch);

/* Rows [at, at + context->rows) of the epoch, to the trainer's buffers; sets their numbers, target,
 * side and weights. What reading gives; NONFINITE, RANGE. */
int32_t ae__feed_batch(ae__feed *feed, ae__trainer *trainer, uint64_t at, ae__context *context);

#endif
