/* A view of a matrix in the caller's memory, of any number type, and the rows taken from it. */
#ifndef AE__MODEL_ARRAY_H
#define AE__MODEL_ARRAY_H

#include "ae/ae.h"
#include "kernels/gemm.h"
#include "model/demand.h"

typedef struct ae__array {
    const void *values; /* NULL: not given */
    int32_t type;       /* AE_TYPE_* */
    size_t rows, dim;
    size_t stride; /* bytes from row to row */
    double scale, offset;
    const uint64_t
        *pick; /* numbers of its rows among those at values; NULL: all of them, in order */
} ae__array;

/* x, y where the target is another matrix, and the side vectors of models that take some. */
typedef struct ae__view {
    ae__array x, y, side;
} ae__view;

/* Fills *array with rows x dim dense numbers. INVALID: NULL or misaligned values, or no such type;
 * RANGE. `name` is what messages call it. */
int32_t ae__array_set(ae__array *array, const char *name, int32_t type, const void *values,
                      int64_t rows, int64_t dim);

/* Sets the bytes from row to row. RANGE: less than a row, no multiple of the type's size,
 * overflow. */
int32_t ae__array_set_stride(ae__array *array, int64_t bytes);

/* Sets what numbers enter as. RANGE: not finite as float, or a number of 8 or 16 bits becomes so. */
int32_t ae__array_set_scale(ae__array *array, double scale, double offset);

/* Bytes from the first number to the end of the last; 0 for an array that is not given. */
size_t ae__array_extent(const ae__array *array);

/* A plain float32 view: x, and y where it is not NULL. */
int32_t ae__view_plain(ae__view *view, const float *x, const float *y, int64_t rows, size_t x_dim,
                       size_t y_dim);

/* The matrix that is the target. */
const ae__array *ae__view_target(const ae__view *view);

/* Rows of reals, `row` elements apart. */
typedef struct ae__rows {
    const real *at;
    size_t row;
} ae__rows;

/* Rows [first, first + count) as reals: the caller's own memory where it is just that, else
 * `buffer` (count x ae__row_stride(dim)), filled in parallel. */
ae__rows ae__array_rows(const ae__array *array, size_t first, size_t count, real *buffer,
                        const ae__engine *engine);

/* Rows numbers[0 .. count - 1] into buffer. */
ae__rows ae__array_gather(const ae__array *array, const uint64_t *numbers, size_t count,
                          real *buffer, const ae__engine *engine);

/* Holds every number to the demand, as it enters. */
int32_t ae__array_check(const ae__array *array, const ae__demand *demand, const char *name,
                        const ae__kernels *kernels);

#endif
