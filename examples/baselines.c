/* Rules that find anomalies without training, for a model to be compared with. */
#include "common.h"

#include <math.h>
#include <stdlib.h>

static double squared_distance(const float *a, const float *b, int64_t dim)
{
    double sum = 0.0;

    for (int64_t j = 0; j < dim; j++) {
        const double difference = (double)a[j] - (double)b[j];
        sum += difference * difference;
    }
    return sum;
}

static double squared_norm(const float *x, int64_t dim)
{
    double sum = 0.0;
    for (int64_t j = 0; j < dim; j++) sum += (double)x[j] * (double)x[j];
    return sum;
}

/* The area for scores, which are freed. */
static double judge(const anomalies *a, float *scores)
{
    const double area = anomalies_auc(a, scores);
    free(scores);
    return area;
}

static float *scores_for(const anomalies *a)
{
    return allocate((size_t)a->test.rows, sizeof(float));
}

double auc_by_norm(const anomalies *a)
{
    float *scores = scores_for(a);

    for (int64_t i = 0; i < a->test.rows; i++)
        scores[i] = (float)squared_norm(a->test.values + i * a->test.cols, a->test.cols);
    return judge(a, scores);
}

/* dim x dim, of standardised columns, whose mean is 0; to be freed. */
static double *covariance_of(const table *x)
{
    const int64_t dim = x->cols;
    double *c = allocate((size_t)(dim * dim), sizeof *c);

    for (int64_t i = 0; i < x->rows; i++) {
        const float *row = x->values + i * dim;
        for (int64_t j = 0; j < dim; j++)
            for (int64_t k = 0; k < dim; k++)
                c[j * dim + k] += (double)row[j] * (double)row[k] / (double)x->rows;
    }
    return c;
}

double auc_by_pca(const anomalies *a, int64_t n_components)
{
    const int64_t dim = a->test.cols;
    double *covariance = covariance_of(&a->train);
    double *basis = pca_basis(covariance, n_components, dim);
    float *scores = scores_for(a);

    for (int64_t i = 0; i < a->test.rows; i++) {
        const float *row = a->test.values + i * dim;
        double left = squared_norm(row, dim);
        for (int64_t c = 0; c < n_components; c++) {
            double part = 0.0;
            for (int64_t j = 0; j < dim; j++) part += basis[c * dim + j] * (double)row[j];
            left -= part * part;
        }
        scores[i] = (float)left;
    }
    free(basis);
    free(covariance);
    return judge(a, scores);
}

/* Keeps nearest, count distances in ascending order, the smallest that were offered. */
static void offer(double *nearest, int64_t count, double distance)
{
    int64_t i = count - 1;

    if (distance >= nearest[i]) return;
    for (; i > 0 && nearest[i - 1] > distance; i--) nearest[i] = nearest[i - 1];
    nearest[i] = distance;
}

double auc_by_neighbours(const anomalies *a, int64_t k)
{
    const int64_t dim = a->test.cols, count = k < a->train.rows ? k : a->train.rows;
    double *nearest = allocate((size_t)count, sizeof *nearest);
    float *scores = scores_for(a);

    for (int64_t i = 0; i < a->test.rows; i++) {
        for (int64_t n = 0; n < count; n++) nearest[n] = INFINITY;
        for (int64_t t = 0; t < a->train.rows; t++)
            offer(nearest, count,
                  squared_distance(a->test.values + i * dim, a->train.values + t * dim, dim));
        scores[i] = (float)nearest[count - 1];
    }
    free(nearest);
    return judge(a, scores);
}
