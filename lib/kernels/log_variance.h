/* Log-variances of normal distributions, bounded smoothly so that no variance and none of its
 * inverses overflows: log v = 20 tanh(a / 20), which is a to 1 in 1200 up to |a| = 1, v = e^+-20 at
 * most. Its derivative is 1 - (log v / 20)^2. */
#ifndef AE__KERNELS_LOG_VARIANCE_H
#define AE__KERNELS_LOG_VARIANCE_H

#include "kernels/kernels.h"

enum { AE__LOG_VARIANCE_BOUND = 20 };

/* v[i] = log-variance of a[i]; v may be a. */
void ae__log_variance(const ae__kernels *kernels, real *v, const real *a, size_t n);

/* d log v / da, from log v. */
static inline real ae__log_variance_slope(real v)
{
    const real t = v / AE__LOG_VARIANCE_BOUND;
    return 1 - t * t;
}

#endif
