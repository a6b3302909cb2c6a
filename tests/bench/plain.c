/* One array a matrix, one loop a formula: what the compiler makes of that is the measure. */
#include "plain.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

typedef struct weights {
    size_t count;
    float *value, *gradient, *m, *v;
} weights;

struct plain {
    int batch, width, layers;
    int64_t steps;
    weights *kernel, *bias; /* a layer each */
    float **y;              /* y[0] is the input */
    float *dz, *dx;
};

static float *zeros(size_t count)
{
    float *x = allocate(count, sizeof *x);
    memset(x, 0, count * sizeof *x);
    return x;
}

static weights weights_of(size_t count)
{
    return (weights){count, zeros(count), zeros(count), zeros(count), zeros(count)};
}

static void weights_free(weights *w)
{
    free(w->value);
    free(w->gradient);
    free(w->m);
    free(w->v);
}

plain *plain_create(int64_t batch, int64_t width, int64_t depth, const float *kernel)
{
    const size_t cells = (size_t)(batch * width), count = (size_t)(width * width);
    plain *p = allocate(1, sizeof *p);
    *p = (plain){.batch = (int)batch, .width = (int)width, .layers = (int)depth + 1};
    p->kernel = allocate((size_t)p->layers, sizeof *p->kernel);
    p->bias = allocate((size_t)p->layers, sizeof *p->bias);
    p->y = allocate((size_t)p->layers + 1, sizeof *p->y);
    for (int l = 0; l < p->layers; l++) {
        p->kernel[l] = weights_of(count);
        p->bias[l] = weights_of((size_t)width);
        memcpy(p->kernel[l].value, kernel, count * sizeof *kernel);
    }
    for (int l = 0; l <= p->layers; l++) p->y[l] = zeros(cells);
    p->dz = zeros(cells);
    p->dx = zeros(cells);
    return p;
}

void plain_free(plain *p)
{
    for (int l = 0; l < p->layers; l++) {
        weights_free(&p->kernel[l]);
        weights_free(&p->bias[l]);
    }
    for (int l = 0; l <= p->layers; l++) free(p->y[l]);
    free(p->kernel);
    free(p->bias);
    free(p->y);
    free(p->dz);
    free(p->dx);
    free(p);
}

static void forward(plain *p, int l)
{
    const int rows = p->batch, n = p->width;
    const float *bias = p->bias[l].value;
    float *y = p->y[l + 1];
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, n, n, 1.0f, p->y[l], n,
                p->kernel[l].value, n, 0.0f, y, n);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < n; j++) y[i * n + j] += bias[j];
    if (l + 1 == p->layers)
        for (int i = 0; i < rows * n; i++) y[i] = 1.0f / (1.0f + expf(-y[i]));
    else
        for (int i = 0; i < rows * n; i++) y[i] = y[i] > 0 ? y[i] : 0;
}

/* The mean over the elements, and its gradient into dz. */
static float loss(plain *p)
{
    const int cells = p->batch * p->width;
    const float *t = p->y[0], *y = p->y[p->layers], tiny = 1e-7f;
    float sum = 0;
    for (int i = 0; i < cells; i++) {
        const float q = fminf(fmaxf(y[i], tiny), 1 - tiny);
        sum -= t[i] * logf(q) + (1 - t[i]) * logf(1 - q);
        p->dz[i] = (y[i] - t[i]) / (float)cells;
    }
    return sum / (float)cells;
}

static void adam(weights *w, int64_t step)
{
    const float rate = 0, beta1 = 0.9f, beta2 = 0.999f; /* as libae is timed beside it */
    const float size =
        rate * (float)(sqrt(1 - pow(0.999, (double)step)) / (1 - pow(0.9, (double)step)));
    float *restrict value = w->value, *restrict m = w->m, *restrict v = w->v;
    const float *restrict g = w->gradient;
    for (size_t i = 0; i < w->count; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        value[i] -= size * m[i] / (sqrtf(v[i]) + 1e-7f);
    }
}

static void backward(plain *p, int l)
{
    const int rows = p->batch, n = p->width;
    const float *x = p->y[l];
    float *gradient = p->bias[l].gradient;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, n, rows, 1.0f, x, n, p->dz, n, 0.0f,
                p->kernel[l].gradient, n);
    memset(gradient, 0, (size_t)n * sizeof *gradient);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < n; j++) gradient[j] += p->dz[i * n + j];
    if (l == 0) return;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, n, n, 1.0f, p->dz, n,
                p->kernel[l].value, n, 0.0f, p->dx, n);
    for (int i = 0; i < rows * n; i++) p->dx[i] = x[i] > 0 ? p->dx[i] : 0;
}

float plain_step(plain *p, const float *rows, const int64_t *order)
{
    const size_t row = (size_t)p->width;
    for (int i = 0; i < p->batch; i++)
        memcpy(p->y[0] + (size_t)i * row, rows + (size_t)order[i] * row, row * sizeof *rows);
    for (int l = 0; l < p->layers; l++) forward(p, l);
    const float value = loss(p);
    p->steps++;
    for (int l = p->layers - 1; l >= 0; l--) {
        backward(p, l);
        float *dz = p->dz;
        p->dz = p->dx;
        p->dx = dz;
        adam(&p->kernel[l], p->steps);
        adam(&p->bias[l], p->steps);
    }
    return value;
}
