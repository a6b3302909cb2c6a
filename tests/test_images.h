/* What the tests of images through ae.h share: models as rows of a table. */
#ifndef TEST_IMAGES_H
#define TEST_IMAGES_H

#include "test_fit.h"

#include <stdio.h>

enum {
    END,
    VECTOR, /* inputs */
    SIGNAL,
    IMAGE,
    CONV2D,
    CONV1D,
    BACK2D,
    BACK1D,
    POOL2D,
    POOL1D,
    UP2D,
    UP1D,
    FLATTEN,
    TO_IMAGE,
    TO_SIGNAL,
    BATCH_NORM,
    LAYER_NORM,
    DENSE,
    ACT,
    CODED, /* the code so far */
    LOSS,
    PENALTY,
    SET /* AE_PARAM_*, an integer */
};

/* A call of ae_config_... with its arguments. */
typedef struct step {
    int32_t what;
    int64_t a[7];
} step;

static inline int32_t make(ae_config *c, const step *k)
{
    const int64_t *a = k->a;
    const int32_t *i = (int32_t[]){(int32_t)a[0], (int32_t)a[1], (int32_t)a[2], (int32_t)a[3],
                                   (int32_t)a[4], (int32_t)a[5], (int32_t)a[6]};
    switch (k->what) {
    case VECTOR: return ae_config_input(c, a[0]);
    case SIGNAL: return ae_config_input_signal(c, a[0], a[1]);
    case IMAGE: return ae_config_input_image(c, a[0], a[1], a[2]);
    case CONV2D: return ae_config_conv2d(c, a[0], a[1], a[2], i[3], i[4]);
    case CONV1D: return ae_config_conv1d(c, a[0], a[1], i[2], i[3]);
    case BACK2D: return ae_config_conv2d_transpose(c, a[0], a[1], a[2], a[3], a[4], i[5], i[6]);
    case BACK1D: return ae_config_conv1d_transpose(c, a[0], a[1], a[2], i[3], i[4]);
    case POOL2D: return ae_config_pool2d(c, i[0], a[1], a[2], i[3]);
    case POOL1D: return ae_config_pool1d(c, i[0], a[1], i[2]);
    case UP2D: return ae_config_upsample2d(c, a[0], a[1], i[2]);
    case UP1D: return ae_config_upsample1d(c, a[0], i[1]);
    case FLATTEN: return ae_config_flatten(c);
    case TO_IMAGE: return ae_config_reshape_image(c, a[0], a[1], a[2]);
    case TO_SIGNAL: return ae_config_reshape_signal(c, a[0], a[1]);
    case BATCH_NORM: return ae_config_batch_norm(c, i[0]);
    case LAYER_NORM: return ae_config_layer_norm(c, i[0]);
    case DENSE: return ae_config_dense(c, a[0], i[1]);
    case ACT: return ae_config_activation(c, i[0]);
    case CODED: return ae_config_code(c);
    case LOSS: return ae_config_loss(c, i[0]);
    case PENALTY: return ae_config_penalty(c, i[0], 0.01);
    default: return ae_config_set_i64(c, i[0], a[1]);
    }
}

/* A config of these calls, up to END; a failure sticks. */
static inline ae_config *images_config(const step *calls, const ae_allocator *allocator)
{
    ae_config *config;
    must(ae_config_create_with(&config, allocator));
    for (; calls->what != END; calls++) (void)make(config, calls);
    return config;
}

static inline ae_model *images_model(const step *calls, const ae_allocator *allocator)
{
    return model_of(images_config(calls, allocator));
}

#define VALID  AE_PADDING_VALID
#define SAME   AE_PADDING_SAME
#define GIVEN  AE_PADDING_EXPLICIT
#define LINEAR AE_ACT_LINEAR
#define RELU   AE_ACT_RELU

/* conv - pool - conv (the code) - upsample - conv, as Keras' tutorial, on odd images. */
static const step usual[] = {
    {IMAGE, {7, 9, 1}},
    {CONV2D, {6, 3, 3, SAME, RELU}},
    {POOL2D, {AE_POOL_MAX, 2, 2, SAME}},
    {CONV2D, {5, 3, 3, SAME, RELU}},
    {CODED},
    {UP2D, {2, 2, AE_INTERPOLATION_NEAREST}},
    {CONV2D, {1, 2, 2, VALID, AE_ACT_SIGMOID}},
    {LOSS, {AE_LOSS_BCE}},
    {SET, {AE_PARAM_BATCH, 40}},
    {END},
};

/* Every other kind, images and vectors, a tied pair between, statistics that are kept. */
static const step mixed[] = {
    {IMAGE, {6, 8, 2}},
    {CONV2D, {5, 3, 3, SAME, LINEAR}},
    {SET, {AE_PARAM_STRIDE_H, 2}},
    {BATCH_NORM, {RELU}},
    {POOL2D, {AE_POOL_AVERAGE, 2, 2, SAME}},
    {ACT, {AE_ACT_TANH}},
    {FLATTEN},
    {DENSE, {7, AE_ACT_TANH}},
    {CODED},
    {DENSE, {40, LINEAR}},
    {SET, {AE_PARAM_TIED, 5}},
    {LAYER_NORM, {RELU}},
    {TO_IMAGE, {2, 4, 5}},
    {BACK2D, {4, 3, 3, 3, 1, SAME, RELU}},
    {UP2D, {1, 2, AE_INTERPOLATION_BILINEAR}},
    {BATCH_NORM, {LINEAR}},
    {CONV2D, {2, 1, 3, SAME, AE_ACT_SIGMOID}},
    {LOSS, {AE_LOSS_MSE}},
    {SET, {AE_PARAM_BATCH, 40}},
    {END},
};

/* The same for signals, with a penalty on one of them, which keeps it in rows. */
static const step waves[] = {
    {SIGNAL, {20, 2}},
    {CONV1D, {6, 5, SAME, RELU}},
    {POOL1D, {AE_POOL_MAX, 2, VALID}},
    {BATCH_NORM, {AE_ACT_TANH}},
    {CONV1D, {3, 3, SAME, RELU}},
    {PENALTY, {AE_PENALTY_L1}},
    {CODED},
    {UP1D, {2, AE_INTERPOLATION_BILINEAR}},
    {CONV1D, {5, 3, SAME, RELU}},
    {BACK1D, {2, 4, 1, SAME, LINEAR}},
    {LOSS, {AE_LOSS_MSE}},
    {SET, {AE_PARAM_BATCH, 40}},
    {END},
};

static const step *const chains[] = {usual, mixed, waves};
enum { CHAINS = sizeof chains / sizeof *chains };

#endif
