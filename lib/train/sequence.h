/* The order of the rows in an epoch. Rows come in blocks, which are permuted or stand as they are,
 * and blocks in windows of several, within which the rows are permuted or stand as they are: a
 * function of seed, epoch and position, of which no array exists (docs/determinism.md). */
#ifndef AE__TRAIN_SEQUENCE_H
#define AE__TRAIN_SEQUENCE_H

#include <stdbool.h>

#include "base/rng.h"
#include "base/spec.h"
#include "kernels/kernels.h"

typedef struct ae__sequence {
    uint64_t rows;
    uint64_t block;            /* rows of each block but the last, which lacks some: */
    uint64_t missing;          /* 0 to block - 1 */
    uint64_t last_at;          /* its place in the order of the blocks */
    uint64_t n_blocks, window; /* blocks in all, and of a window */
    bool permutes_blocks, permutes_rows;
    ae__order blocks;
    const ae__kernels *kernels;
    ae__draw draw;
} ae__sequence;

/* A window: what the epoch goes through at positions [first, first + rows). Its rows have slots,
 * 0 up to that, in the order in which its blocks hold them. */
typedef struct ae__stretch {
    uint64_t number, first, rows;
    ae__order order; /* slots by position */
} ae__stretch;

/* The order of an epoch, from 1, by the model's parameters (scope MODEL). The kernels permute it. */
void ae__sequence_set(ae__sequence *sequence, const ae__spec *model, uint64_t rows, uint64_t epoch,
                      const ae__kernels *kernels);

/* Most rows of a window. */
uint64_t ae__sequence_window(const ae__sequence *sequence);

/* The window that holds a position. */
void ae__sequence_stretch(const ae__sequence *sequence, uint64_t position, ae__stretch *out);

/* The slots of the positions from one on in their window; the rows of the data that are in slots. */
void ae__sequence_slots(const ae__sequence *sequence, const ae__stretch *stretch, uint64_t position,
                        size_t count, uint64_t *slots);
void ae__sequence_rows(const ae__sequence *sequence, const ae__stretch *stretch,
                       const uint64_t *slots, size_t count, uint64_t *rows);

/* The row in one slot. */
static inline uint64_t ae__sequence_row(const ae__sequence *sequence, const ae__stretch *stretch,
                                        uint64_t slot)
{
    uint64_t row;
    ae__sequence_rows(sequence, stretch, &slot, 1, &row);
    return row;
}

#endif
