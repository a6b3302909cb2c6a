/* Gradients of chains of images against central differences, in double, and the kinds of layers whose
 * chains are in test_double_images.c.
 *
 * The difference quotient of a loss over +-STEP is wrong by about 2e-16 / STEP of it from rounding and
 * by STEP^2 / 6 of a third derivative, both below NOISE; the rest is held to 1e-6 relative. */
#ifndef TEST_GRADIENTS_H
#define TEST_GRADIENTS_H

#include "chain.h"

#include "base/window.h"

#define IMAGE_STEP     1e-5
#define IMAGE_NOISE    1e-10
#define IMAGE_RELATIVE 1e-6
#define IMAGE_KINK     1e-3 /* least distance from a kink */

static const int32_t image_kinds[] = {
    AE__LAYER_CONV1D,  AE__LAYER_CONV2D,  AE__LAYER_CONV1D_TRANSPOSE, AE__LAYER_CONV2D_TRANSPOSE,
    AE__LAYER_POOL1D,  AE__LAYER_POOL2D,  AE__LAYER_UPSAMPLE1D,       AE__LAYER_UPSAMPLE2D,
    AE__LAYER_FLATTEN, AE__LAYER_RESHAPE, AE__LAYER_BATCH_NORM,       AE__LAYER_LAYER_NORM};

enum { IMAGE_KINDS = sizeof image_kinds / sizeof *image_kinds };

static inline bool of_images(int32_t kind)
{
    size_t i = 0;
    while (i < IMAGE_KINDS && image_kinds[i] != kind) i++;
    return i < IMAGE_KINDS;
}

static inline double image_loss(trial *t)
{
    ae__trainer_gradients(&t->trainer, &t->context, NULL, NULL);
    return t->trainer.parts[AE__PART_LOSS] / (double)t->context.rows;
}

/* ---- the distance from kinks: activations at 0, and the largest cell of a window from the next ---- */

/* The gap between the two largest cells of each window, at the least; x: an image of c channels. */
static inline double pool_distance(const ae__layer_call *call, const real *x)
{
    const ae__window w = ae__window_of(call->spec, call->in_shape, false);
    const size_t c = ae__shape_channels(call->in_shape);
    double least = INFINITY;
    for (size_t at = 0; at < w.h.out * w.w.out * c; at++) {
        const size_t top = at / c / w.w.out * w.h.stride, left = at / c % w.w.out * w.w.stride;
        double first = -INFINITY, second = -INFINITY;
        for (size_t cell = 0; cell < w.h.kernel * w.w.kernel; cell++) {
            const size_t i = top + cell / w.w.kernel, j = left + cell % w.w.kernel;
            if (i < w.h.before || i >= w.h.in + w.h.before) continue;
            if (j < w.w.before || j >= w.w.in + w.w.before) continue;
            double v = x[((i - w.h.before) * w.w.in + j - w.w.before) * c + at % c];
            second = fmax(second, fmin(first, v));
            first = fmax(first, v);
        }
        least = fmin(least, first - second);
    }
    return least;
}

static inline bool has_kink(const ae__layer_info *info)
{
    return info->activation == AE_ACT_RELU || info->activation == AE_ACT_LEAKY_RELU ||
           info->activation == AE_ACT_ELU;
}

/* Layer i alone, in rows: y, to be freed, from x. *least gets its distance. */
static inline real *run_in_rows(trial *t, int32_t i, const real *x, double *least)
{
    ae__layer_call call = ae__model_call(t->model, i, i, i + 1, &t->context);
    const size_t n = call.rows * call.factor * call.y_row;
    real *y = calloc(n, sizeof *y), *saved = calloc(n + 2 * call.in, 2 * sizeof *saved);
    assert_non_null(y);
    assert_non_null(saved);
    call.x = x;
    call.y = y;
    call.saved = saved;
    call.raw = has_kink(call.info);
    t->model->plan.layers[i].ops->forward(&call);
    for (size_t j = 0; call.raw && j < n; j++) *least = fmin(*least, fabs(y[j]));
    const ae__value *pool = ae__spec_find(call.spec, AE_PARAM_POOL);
    for (size_t row = 0; pool && pool->i64 == AE_POOL_MAX && row < call.rows; row++)
        *least = fmin(*least, pool_distance(&call, x + row * call.x_row));
    call.raw = false;
    t->model->plan.layers[i].ops->forward(&call);
    free(saved);
    return y;
}

static inline double image_distance(trial *t)
{
    double least = INFINITY;
    real *x = NULL;
    for (int32_t i = 0; i < t->model->plan.n_layers; i++) {
        if (t->model->plan.layers[i].merged) continue; /* the next layer does it, too */
        real *y = run_in_rows(t, i, x ? x : t->trainer.x, &least);
        free(x);
        x = y;
    }
    free(x);
    return least;
}

static inline void draw_smooth_image(trial *t)
{
    for (int tries = 0; tries < 1000; tries++) {
        EACH_WEIGHT(t->model, w)
        for (size_t i = 0; i < w->count; i++)
            t->model->weights[w->offset + i] = (real)draw_one() + 0x1p-12;
        trial_draw(t);
        if (image_distance(t) >= IMAGE_KINK) return;
    }
    fail_msg("every point is too near a kink");
}

/* ---- the comparison ---- */

static inline double image_quotient(trial *t, size_t at)
{
    real *weight = t->model->weights + at;
    const real before = *weight;
    *weight = before + IMAGE_STEP;
    const double above = image_loss(t);
    *weight = before - IMAGE_STEP;
    const double below = image_loss(t);
    *weight = before;
    return (above - below) / (2 * IMAGE_STEP);
}

/* A copy of the gradients at this point; to be freed. */
static inline real *image_gradients(trial *t)
{
    const size_t bytes = t->model->plan.weight_reals * sizeof(real);
    real *copy = malloc(bytes);
    assert_non_null(copy);
    image_loss(t);
    return memcpy(copy, t->trainer.gradients, bytes);
}

static inline void check_image_gradients(trial *t, const char *name)
{
    const double noise = IMAGE_NOISE * fmax(1, fabs(image_loss(t)));
    real *gradients = image_gradients(t);
    EACH_WEIGHT(t->model, w)
    for (size_t i = 0; i < w->count; i++) {
        const double got = gradients[w->offset + i], want = image_quotient(t, w->offset + i);
        if (!(fabs(got - want) <= IMAGE_RELATIVE * fabs(want) + noise))
            fail_msg("%s: layer %d, %s %zu: gradient %.12g, difference quotient %.12g", name,
                     (int)w->layer, w->info.name, i, got, want);
    }
    free(gradients);
}

#endif
