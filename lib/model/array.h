/* A view of a matrix of any number type, in the caller's memory or read from a source, and the rows
 * taken from it. */
#ifndef AE__MODEL_ARRAY_H
#define AE__MODEL_ARRAY_H

#include "ae/ae.h"
#include "kernels/gemm.h"
#include "model/demand.h"
#include "model/scaling.h"
#include "model/source.h"

#define AE__MAX_ROWS ((INT64_C(1) << 40) - 1) /* the draws' counter has 40 bits for the row */

typedef struct ae__array {
    const char *name;   /* in messages */
    const void *values; /* in memory, or */
    ae__source *source; /* read from here; both NULL: not given */
    int32_t type;       /* AE_TYPE_* */
    size_t rows, dim;
    size_t stride; /* bytes from row to row */
    double scale, offset;
    const uint64_t *pick; /* numbers of its rows among those there; NULL: all of them, in order */
    ae__demand demand;    /* what rows of a source are held to as they come */
    const ae__scaler *scaler; /* that its numbers go through, after scale and offset; NULL: none */
    /* Counts rows that leave it with numbers outside [0, 1], which are cut to that; NULL: they stay. */
    atomic_size_t *clipped;
} ae__array;

/* x, y where the target is another matrix, the side vectors of models that take some, and weights, a
 * number a row, where rows have some. */
typedef struct ae__view {
    ae__array x, y, side, weight;
} ae__view;

/* Fills *array with rows x dim dense numbers. INVALID: NULL or misaligned values, or no such type;
 * RANGE. `name` is what messages call it. */
int32_t ae__array_set(ae__array *array, const char *name, int32_t type, const void *values,
                      int64_t rows, int64_t dim);

/* The same for rows that come from a source, which stays the caller's to free. */
int32_t ae__array_set_source(ae__array *array, const char *name, int32_t type, ae__source *source,
                             int64_t rows, int64_t dim);

bool ae__array_given(const ae__array *array);

/* Bytes of a dense row. */
size_t ae__array_row_bytes(const ae__array *array);

/* Sets the bytes from row to row. STATE: a source; RANGE: less than a row, no multiple of the type's size,
 * overflow. */
int32_t ae__array_set_stride(ae__array *array, int64_t bytes);

/* Sets what numbers enter as. RANGE: not finite as float, or a number of 8 or 16 bits becomes so. */
int32_t ae__array_set_scale(ae__array *array, double scale, double offset);

/* Bytes from the first number in memory to the end of the last; 0 where there are none. */
size_t ae__array_extent(const ae__array *array);

/* Rows of reals, `row` elements apart. */
typedef struct ae__rows {
    const real *at;
    size_t row;
} ae__rows;

/* Rows [first, first + count) as reals: the caller's own memory where it is just that, else
 * `buffer` (count x ae__row_stride(dim)), filled in parallel. */
ae__rows ae__array_rows(const ae__array *array, size_t first, size_t count, real *buffer,
                        const ae__engine *engine);

/* The same, in `buffer` for sure. */
ae__rows ae__array_copy(const ae__array *array, size_t first, size_t count, real *buffer,
                        const ae__engine *engine);

/* Rows numbers[0 .. count - 1] into buffer, or where that is NULL the first of them. */
ae__rows ae__array_gather(const ae__array *array, const uint64_t *numbers, size_t count,
                          real *buffer, const ae__engine *engine);

/* The same on the calling thread, which will want the rows up to numbers[known - 1] next. */
void ae__array_gather_alone(const ae__array *array, const uint64_t *numbers, size_t count,
                            size_t known, real *buffer, const ae__kernels *kernels);

/* Holds every number to the demand, as it enters: of an array now, of a source when it comes. */
int32_t ae__array_hold(ae__array *array, const ae__demand *demand, const ae__kernels *kernels);

/* Reads rows [first, first + count) of a source, dense and as they are. */
int32_t ae__array_fetch(const ae__array *array, uint64_t first, size_t count, void *raw);

/* Memory for rows of a source on their way: a row of any array of the model at least. */
typedef struct ae__stage {
    void *at;
    size_t bytes;
} ae__stage;

/* Rows [first, first + count) of a source into buffer, held to its demand. IO and what reading gives;
 * NONFINITE, RANGE. */
int32_t ae__array_read(const ae__array *array, size_t first, size_t count, const ae__stage *stage,
                       real *buffer, const ae__engine *engine);

/* The array that `rows` rows of a source make in memory at `raw`; and these rows, when they are reals
 * in a buffer, held to its demand: row i is number numbers[i], or where that is NULL first + i. */
ae__array ae__array_in_memory(const ae__array *array, const void *raw, size_t rows);
int32_t ae__array_check(const ae__array *array, const uint64_t *numbers, size_t first, size_t count,
                        const real *buffer, const ae__kernels *kernels);

#endif
