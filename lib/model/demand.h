/* What numbers must be before a model is trained, or judged, on them. */
#ifndef AE__MODEL_DEMAND_H
#define AE__MODEL_DEMAND_H

#include "kernels/kernels.h"

typedef struct ae__demand {
    bool finite;    /* neither NaN nor infinity */
    bool gaps;      /* but NaN, which stands for what is missing */
    bool weight;    /* finite and not below 0 */
    bool unit;      /* 0 to 1, or NaN */
    size_t classes; /* a whole number from 0 to classes - 1; 0: not asked */
} ae__demand;

/* Whether anything is asked. */
static inline bool ae__demand_any(const ae__demand *demand)
{
    return demand->finite || demand->weight || demand->unit || demand->classes;
}

/* Columns [column, column + count) of a row as they enter. NONFINITE or RANGE names the first that
 * is not as it must be; `name` is what the message calls the data. */
int32_t ae__demand_check(const ae__demand *demand, const char *name, uint64_t row, size_t column,
                         const real *values, size_t count, const ae__kernels *kernels);

#endif
