/* The product of any two matrices, with what is done to the result while it is in cache. */
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
    /* Called by a task when rows [row, row + rows) of C are finished, all columns, and no other product
     * of this call reads any more; NULL: none. */
    void (*done)(void *arg, size_t row, size_t rows);
    void *done_arg;
} ae__gemm;

/* Where and how a product runs. */
typedef struct ae__engine {
    const ae__kernels *kernels;
    ae__pool *pool; /* NULL: the caller alone */
    int32_t gemm;   /* AE_GEMM_* */
} ae__engine;

/* Tasks of another kind. */
typedef struct ae__beside {
    ae__task *fn;
    void *arg;
    size_t tasks;
} ae__beside;

/* Up to AE__GEMM_MOST products that do not need each other's C, and what else can be done beside them (NULL:
 * nothing), in as few meetings of the threads as it takes. */
enum { AE__GEMM_MOST = 2 };
void ae__gemm_run(const ae__gemm *products, size_t n, const ae__beside *beside,
                  const ae__engine *engine);

#endif
