/* Tables for the search of anomalies: read or drawn, split, scaled, and judged. */
#include "common.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_NORMAL = 2000, N_ODD = 200, N_COLS = 12, N_LATENT = 3 };

static void table_create(table *out, int64_t rows, int64_t cols)
{
    *out = (table){.rows = rows, .cols = cols};
    out->values = allocate((size_t)(rows * cols), sizeof *out->values);
}

static void read_tables(table *x, table *y, const char *folder, const char *name)
{
    char x_name[128], y_name[128];

    snprintf(x_name, sizeof x_name, "%s-X.npy", name);
    snprintf(y_name, sizeof y_name, "%s-y.npy", name);
    npy_read(x, path_in(folder, x_name).text);
    npy_read(y, path_in(folder, y_name).text);
    if (y->rows != x->rows || y->cols != 1)
        fail("%s: %" PRId64 " x %" PRId64 " labels for %" PRId64 " rows", y_name, y->rows, y->cols,
             x->rows);
}

static void random_place(double *z, rng *r)
{
    for (int64_t k = 0; k < N_LATENT; k++) z[k] = 2.0 * rng_unit(r) - 1.0;
}

/* A normal row: all columns are waves over one place z. An anomaly: over a place for each. */
static void draw_row(float *row, const double *waves, bool odd, rng *r)
{
    double z[N_LATENT];

    random_place(z, r);
    for (int64_t j = 0; j < N_COLS; j++) {
        double phase = 0.0;
        if (odd) random_place(z, r);
        for (int64_t k = 0; k < N_LATENT; k++) phase += waves[j * N_LATENT + k] * z[k];
        row[j] = (float)(sin(phase) + 0.05 * rng_normal(r));
    }
}

static void draw_tables(table *x, table *y, uint64_t seed)
{
    double waves[N_COLS * N_LATENT];
    rng r = {seed};

    table_create(x, N_NORMAL + N_ODD, N_COLS);
    table_create(y, x->rows, 1);
    for (int64_t i = 0; i < N_COLS * N_LATENT; i++) waves[i] = 1.5 * rng_normal(&r);
    for (int64_t i = 0; i < x->rows; i++) {
        y->values[i] = i < N_NORMAL ? 0.0f : 1.0f;
        draw_row(x->values + i * N_COLS, waves, i >= N_NORMAL, &r);
    }
}

/* The numbers of all rows in random order (Fisher and Yates), those of the normal rows first; to be
 * freed. */
static int64_t *order_rows(const table *y, int64_t *n_normal, uint64_t seed)
{
    int64_t *order = allocate((size_t)y->rows, sizeof *order);
    int64_t n = 0, m = y->rows;
    rng r = {seed};

    for (int64_t i = 0; i < y->rows; i++) order[y->values[i] == 0.0f ? n++ : --m] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        const int64_t k = rng_between(&r, 0, (int32_t)i), swapped = order[k];
        order[k] = order[i];
        order[i] = swapped;
    }
    *n_normal = n;
    return order;
}

static void copy_rows(table *out, const table *x, const int64_t *order, int64_t count)
{
    table_create(out, count, x->cols);
    for (int64_t i = 0; i < count; i++)
        memcpy(out->values + i * x->cols, x->values + order[i] * x->cols,
               (size_t)x->cols * sizeof *x->values);
}

static void rescale(table *x, const double *offset, const double *scale)
{
    for (int64_t i = 0; i < x->rows; i++) {
        float *row = x->values + i * x->cols;
        for (int64_t j = 0; j < x->cols; j++)
            row[j] = (float)(((double)row[j] - offset[j]) / scale[j]);
    }
}

void anomalies_rescale(anomalies *a, const double *offset, const double *scale)
{
    rescale(&a->train, offset, scale);
    rescale(&a->test, offset, scale);
}

void anomalies_load(anomalies *out, const char *folder, const char *name, int64_t seed)
{
    table x, y;
    int64_t n_normal;

    if (folder != NULL)
        read_tables(&x, &y, folder, name);
    else
        draw_tables(&x, &y, (uint64_t)seed);
    int64_t *order = order_rows(&y, &n_normal, (uint64_t)seed);
    const int64_t half = n_normal / 2;
    if (half < 1 || n_normal == x.rows) fail("%s: too few normal rows, or no anomaly", name);
    copy_rows(&out->train, &x, order, half);
    copy_rows(&out->test, &x, order + half, x.rows - half);
    out->n_normal = n_normal - half;
    free(order);
    free(x.values);
    free(y.values);
}

void anomalies_free(anomalies *a)
{
    free(a->train.values);
    free(a->test.values);
    *a = (anomalies){0};
}

double anomalies_auc(const anomalies *a, const float *scores)
{
    const int64_t n_odd = a->test.rows - a->n_normal;
    double higher = 0.0;

    for (int64_t i = a->n_normal; i < a->test.rows; i++)
        for (int64_t k = 0; k < a->n_normal; k++)
            higher += scores[i] > scores[k] ? 1.0 : scores[i] == scores[k] ? 0.5 : 0.0;
    return higher / ((double)n_odd * (double)a->n_normal);
}
