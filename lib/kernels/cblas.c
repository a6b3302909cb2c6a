/* The door to CBLAS: matrices as it wants them. */
#include "kernels/cblas.h"

#include "base/size.h"

#if defined(AE_HAVE_CBLAS) && !defined(AE_DOUBLE)

#include <cblas.h>
#include <limits.h>

bool ae__cblas_is_there(void)
{
    return true;
}

bool ae__cblas_takes(const ae__gemm *g)
{
    const size_t sizes[] = {g->m, g->n, g->k, g->a_row, g->a_col, g->b_row, g->b_col, g->c_row};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] > INT_MAX) return false;
    return true;
}

/* A matrix as CBLAS wants it. Rows lie at least a row apart there, even where there is but one and
 * our stride is 1: it would refuse, on stderr, and multiply nothing. */
typedef struct operand {
    bool transposed;
    int stride;
} operand;

static operand operand_of(size_t rows, size_t cols, size_t row, size_t col)
{
    if (col == 1) return (operand){false, (int)ae__max_size(row, cols)};
    return (operand){true, (int)ae__max_size(col, rows)};
}

void ae__cblas_multiply(const ae__gemm *g)
{
    const operand a = operand_of(g->m, g->k, g->a_row, g->a_col);
    const operand b = operand_of(g->k, g->n, g->b_row, g->b_col);
    cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans,
                b.transposed ? CblasTrans : CblasNoTrans, (int)g->m, (int)g->n, (int)g->k, 1.0f,
                g->a, a.stride, g->b, b.stride, g->accumulate ? 1.0f : 0.0f, g->c, (int)g->c_row);
}

#else

bool ae__cblas_is_there(void)
{
    return false;
}

bool ae__cblas_takes(const ae__gemm *g)
{
    (void)g;
    return false;
}

void ae__cblas_multiply(const ae__gemm *g)
{
    (void)g;
}

#endif
