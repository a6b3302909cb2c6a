/* Rules without training, for a model to be compared with: they find anomalies, and tell classes
 * apart. */
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

/* n_classes x dim: the mean image of each class; to be freed. NaN for a class without images. */
static double *means_of(const images *set, int32_t n_classes)
{
    const int64_t dim = images_dim(set);
    double *means = allocate((size_t)(n_classes * dim), sizeof *means);
    int64_t *rows = allocate((size_t)n_classes, sizeof *rows);

    for (int64_t i = 0; i < set->rows; i++) {
        rows[set->labels[i]]++;
        for (int64_t j = 0; j < dim; j++)
            means[set->labels[i] * dim + j] += set->pixels[i * dim + j];
    }
    for (int64_t i = 0; i < n_classes * dim; i++) means[i] /= (double)rows[i / dim];
    free(rows);
    return means;
}

/* Number of the mean that is nearest to an image. */
static int32_t nearest_of(const double *means, int32_t n_means, const uint8_t *pixels, int64_t dim)
{
    double least = INFINITY;
    int32_t nearest = 0;

    for (int32_t c = 0; c < n_means; c++) {
        double distance = 0.0;
        for (int64_t j = 0; j < dim; j++) {
            const double difference = means[c * dim + j] - pixels[j];
            distance += difference * difference;
        }
        if (!(distance < least)) continue; /* NaN, too */
        least = distance;
        nearest = c;
    }
    return nearest;
}

double nearest_mean_share(const images *train, const images *set)
{
    const int64_t dim = images_dim(train);
    const int32_t n_classes = images_classes(train);
    double *means = means_of(train, n_classes);
    int64_t n_right = 0;

    for (int64_t i = 0; i < set->rows; i++)
        n_right += nearest_of(means, n_classes, set->pixels + i * dim, dim) == set->labels[i];
    free(means);
    return (double)n_right / (double)set->rows;
}
