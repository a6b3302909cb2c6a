/* Gradients against central differences, in double; and the kinds of layers whose chains are in
 * test_double_images.c.
 *
 * The difference quotient of a loss over +-STEP is wrong by about 2e-16 / STEP of it from rounding and
 * by STEP^2 / 6 of a third derivative, both below NOISE; the rest is held to 1e-6 relative. */
#ifndef TEST_GRADIENTS_H
#define TEST_GRADIENTS_H

#include "chain.h"

#define STEP     1e-5
#define NOISE    1e-10
#define RELATIVE 1e-6
#define KINK     1e-3 /* least distance from a kink */

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

/* Activations with a kink in the first derivative, or (elu) in the second. */
static const bool kinked[] = {
    [AE_ACT_LINEAR] = false,   [AE_ACT_RELU] = true,     [AE_ACT_LEAKY_RELU] = true,
    [AE_ACT_TANH] = false,     [AE_ACT_SIGMOID] = false, [AE_ACT_ELU] = true,
    [AE_ACT_SOFTPLUS] = false, [AE_ACT_GELU] = false,    [AE_ACT_SILU] = false,
};
enum { ACTS = sizeof kinked / sizeof *kinked };

/* The gradients of the loss, and the loss itself. */
static inline double loss_of(trial *t)
{
    ae__trainer_gradients(&t->trainer, &t->context, NULL, NULL);
    return t->trainer.parts[AE__PART_LOSS] / t->trainer.parts[AE__PART_WEIGHT];
}

/* A point with so much distance from kinks. No weight is 0, so that only dead units make a z of 0. */
static inline void draw_smooth_point(trial *t, double (*distance)(trial *t))
{
    for (int tries = 0; tries < 1000; tries++) {
        EACH_WEIGHT(t->model, w)
        for (size_t i = 0; i < w->count; i++)
            t->model->weights[w->offset + i] = drawn_weight(w) + 0x1p-12;
        trial_draw(t);
        if (distance(t) >= KINK) return;
    }
    fail_msg("every point is too near a kink");
}

static inline double quotient(trial *t, real *weight)
{
    const real at = *weight;
    *weight = at + STEP;
    double above = loss_of(t);
    *weight = at - STEP;
    double below = loss_of(t);
    *weight = at;
    return (above - below) / (2 * STEP);
}

/* A copy of the gradients at this point; to be freed. */
static inline real *gradients_of(trial *t)
{
    size_t bytes = t->model->plan.weight_reals * sizeof(real);
    real *copy = malloc(bytes);
    assert_non_null(copy);
    loss_of(t);
    return memcpy(copy, t->trainer.gradients, bytes);
}

static inline void check_gradients(trial *t, const char *name)
{
    const double noise = NOISE * fmax(1, fabs(loss_of(t)));
    real *gradients = gradients_of(t);
    EACH_WEIGHT(t->model, w)
    for (size_t i = 0; !w->info.weighs && i < w->count; i++) {
        double got = gradients[w->offset + i];
        double want = quotient(t, t->model->weights + w->offset + i);
        if (!(fabs(got - want) <= RELATIVE * fabs(want) + noise))
            fail_msg("%s: layer %d, %s %zu: gradient %.12g, difference quotient %.12g", name,
                     (int)w->layer, w->info.name, i, got, want);
    }
    free(gradients);
}

#endif
