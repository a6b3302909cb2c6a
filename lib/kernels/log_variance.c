/* The bound of log-variances. */
#include "kernels/log_variance.h"

void ae__log_variance(const ae__kernels *kernels, real *v, const real *a, size_t n)
{
    for (size_t i = 0; i < n; i++) v[i] = a[i] / AE__LOG_VARIANCE_BOUND;
    kernels->tanh(v, v, n);
    for (size_t i = 0; i < n; i++) v[i] *= AE__LOG_VARIANCE_BOUND;
}
