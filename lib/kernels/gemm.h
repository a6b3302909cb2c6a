/* The product of any two matrices, with what is done to the result while it is in cache. The door
 * to CBLAS: gemm.c is the only file that includes <cblas.h>. */
#ifndef AE__KERNELS_GEMM_H
#define AE__KERNELS_GEMM_H

#include "base/pool.h"
#include "kernels/kernels.h"

/* C = A B, or C += A B, then the epilogue. C: m x n, row-major.
 * A(i, p) = a[i * a_row + p * a_col]; B(p, j) = b[p * b_row + j * b_col]; of each pair one stride
 * is 1. */
typedef struct ae__gemm {
    size_t m, n, k;
    const real *a;
    size_t a_row, a_col;
    const real *b;
    size_t b_row, b_col;
    real *c;
    size_t c_row;
    bool accumulate;
    const ae__epilogue *epilogue; /* rows count from row 0 of C; NULL: none */
    /* Called by the task that finished rows [row, row + rows) of C, all columns; NULL: none. */
    void (*done)(void *arg, size_t row, size_t rows);
    void *done_arg;
} ae__gemm;

/* Where and how a product runs. */
typedef struct ae__engine {
    const ae__kernels *kernels;
    ae__pool *pool; /* NULL: the caller alone */
    int32_t gemm;   /* AE_GEMM_* */
} ae__engine;

void ae__gemm_run(const ae__gemm *g, const ae__engine *engine);

/* Whether a CBLAS was built in. */
bool ae__gemm_has_cblas(void);

#endif
