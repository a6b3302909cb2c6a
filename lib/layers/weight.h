/* What a layer, or a term, says of an array of weights that it wants. */
#ifndef AE__LAYERS_WEIGHT_H
#define AE__LAYERS_WEIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

/* An array of weights: stored inputs x outputs, row-major. */
typedef struct ae__weight_info {
    const char *name;
    size_t rows, cols;
    int32_t init;           /* AE_INIT_* */
    size_t fan_in, fan_out; /* for init */
    double first;           /* added to what init draws */
    bool decay;             /* whether weight decay acts on it */
    bool state;             /* changed by forward while training, and by no optimiser */
    bool weighs;            /* elements are weights in a mean: none below 0, nor all 0 */
    int32_t tied_to;        /* the layer whose array of the same name this is, or -1: its own */
} ae__weight_info;

/* Whether numbers can be weights in a mean. */
static inline bool ae__weighs(const real *values, size_t n)
{
    size_t above = 0, below = 0;
    for (size_t i = 0; i < n; i++) {
        above += values[i] > 0;
        below += values[i] < 0;
    }
    return above && !below;
}

#endif
