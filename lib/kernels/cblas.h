/* The product by a CBLAS, where one was built in; cblas.c is the only file that includes <cblas.h>. */
#ifndef AE__KERNELS_CBLAS_H
#define AE__KERNELS_CBLAS_H

#include "kernels/gemm.h"

bool ae__cblas_is_there(void);

/* Whether its integers hold the sizes. */
bool ae__cblas_takes(const ae__gemm *g);

/* C = A B, or C += A B, and no more; on the calling thread, or on those that the CBLAS has. */
void ae__cblas_multiply(const ae__gemm *g);

#endif
