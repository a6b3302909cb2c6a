/* Principal component analysis, by orthogonal iteration on a covariance: multiply a basis by the
 * matrix, make it orthonormal again, until the variance that it captures stands. */
#include "common.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_ROUNDS = 300 };

/* Relative growth of the captured variance that ends the rounds. */
static const double still = 1e-8;

/* mean: dim.  Of pixels in 0 to 255; sums of whole numbers are exact. */
static void mean_of(double *mean, const images *set)
{
    const int64_t dim = images_dim(set);

    for (int64_t i = 0; i < set->rows; i++)
        for (int64_t j = 0; j < dim; j++) mean[j] += set->pixels[i * dim + j];
    for (int64_t j = 0; j < dim; j++) mean[j] /= (double)set->rows;
}

/* sums: dim x dim, += upper half of the sum of x x^T. Only the pixels that are not 0 take part, a
 * fifth of MNIST's. */
static void add_products(double *sums, const images *set, int64_t *inked)
{
    const int64_t dim = images_dim(set);

    for (int64_t i = 0; i < set->rows; i++) {
        const uint8_t *x = set->pixels + i * dim;
        int64_t n = 0;
        for (int64_t j = 0; j < dim; j++)
            if (x[j]) inked[n++] = j;
        for (int64_t j = 0; j < n; j++) {
            double *row = sums + inked[j] * dim;
            const double factor = x[inked[j]];
            for (int64_t k = j; k < n; k++) row[inked[k]] += factor * x[inked[k]];
        }
    }
}

/* dim x dim: mean of (x - mean)(x - mean)^T over the set, for pixels in 0 to 1; to be freed. mean
 * need not be the set's own, own is. */
static double *covariance(const images *set, const double *mean)
{
    const int64_t dim = images_dim(set);
    double *c = allocate((size_t)(dim * dim), sizeof *c);
    double *own = allocate((size_t)dim, sizeof *own);
    int64_t *inked = allocate((size_t)dim, sizeof *inked);

    mean_of(own, set);
    add_products(c, set, inked);
    for (int64_t i = 0; i < dim; i++) {
        for (int64_t j = i; j < dim; j++) {
            const double raw = c[i * dim + j] / (double)set->rows;
            const double moved = raw - own[i] * mean[j] - mean[i] * own[j] + mean[i] * mean[j];
            c[i * dim + j] = c[j * dim + i] = moved / (255.0 * 255.0);
        }
    }
    free(own);
    free(inked);
    return c;
}

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

/* The rows of q, count x dim, become orthonormal (Gram and Schmidt, twice for accuracy). */
static void orthonormalise(double *q, int64_t count, int64_t dim)
{
    for (int64_t i = 0; i < count; i++) {
        double *row = q + i * dim;
        for (int64_t k = 0; k < 2 * i; k++) {
            const double *other = q + k % i * dim;
            const double part = dot(row, other, dim);
            for (int64_t j = 0; j < dim; j++) row[j] -= part * other[j];
        }
        const double length = sqrt(dot(row, row, dim));
        for (int64_t j = 0; j < dim; j++) row[j] = length > 0.0 ? row[j] / length : 0.0;
    }
}

/* to = q c, both count x dim.  Returns the variance that q captures: the trace of q c q^T. */
static double multiply(double *to, const double *q, const double *c, int64_t count, int64_t dim)
{
    double captured = 0.0;

    for (int64_t i = 0; i < count; i++) {
        double *row = to + i * dim;
        for (int64_t j = 0; j < dim; j++) row[j] = 0.0;
        for (int64_t k = 0; k < dim; k++)
            for (int64_t j = 0; j < dim; j++) row[j] += q[i * dim + k] * c[k * dim + j];
        captured += dot(row, q + i * dim, dim);
    }
    return captured;
}

double *pca_basis(const double *c, int64_t count, int64_t dim)
{
    const size_t cells = (size_t)(count * dim);
    double *q = allocate(cells, sizeof *q), *next = allocate(cells, sizeof *next);
    double before = 0.0;
    rng r = {1};

    for (size_t i = 0; i < cells; i++) q[i] = rng_normal(&r);
    orthonormalise(q, count, dim);
    for (int32_t round = 0; round < MAX_ROUNDS; round++) {
        const double captured = multiply(next, q, c, count, dim);
        double *old = q;
        q = next;
        next = old;
        orthonormalise(q, count, dim);
        if (captured - before <= still * captured) break;
        before = captured;
    }
    free(next);
    return q;
}

double pca_error(const images *train, const images *test, int64_t n_components)
{
    const int64_t dim = images_dim(train);
    const int64_t count = n_components < dim ? n_components : dim;
    double *mean = allocate((size_t)dim, sizeof *mean);

    mean_of(mean, train);
    double *of_train = covariance(train, mean);
    double *of_test = covariance(test, mean);
    double *basis = pca_basis(of_train, count, dim);
    double *scratch = allocate((size_t)(count * dim), sizeof *scratch);
    double error = -multiply(scratch, basis, of_test, count, dim);

    for (int64_t j = 0; j < dim; j++) error += of_test[j * dim + j];
    free(mean);
    free(of_train);
    free(of_test);
    free(basis);
    free(scratch);
    return error / (double)dim;
}
