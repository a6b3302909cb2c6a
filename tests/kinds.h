/* Small models of every kind, each with an optimiser and a schedule of its own: what has a state somewhere,
 * so that what must hold for all of them is one loop. Rows of KIND_DIM numbers in [0, 1). */
#ifndef TEST_KINDS_H
#define TEST_KINDS_H

#include "test_fit.h"

enum { KIND_DIM = 36, KIND_BATCH = 8 };

typedef struct kind {
    const char *name;
    void (*build)(ae_config *config);
    int32_t optimizer, schedule;
    int64_t accumulate;
} kind;

static inline void build_dense(ae_config *c)
{
    const int64_t hidden[] = {12};
    must(ae_preset_deep(c, KIND_DIM, hidden, 1, 5, AE_LOSS_BCE));
}

static inline void build_denoising(ae_config *c)
{
    must(ae_preset_denoising(c, KIND_DIM, 7, AE_NOISE_SALT_PEPPER, 0.25, AE_LOSS_BCE));
}

static inline void build_variational(ae_config *c)
{
    must(ae_preset_variational(c, KIND_DIM, 10, 3, AE_LOSS_GAUSSIAN_NLL));
    must(ae_config_set_f64(c, AE_PARAM_WARMUP, 2.5));
}

static inline void build_normalised(ae_config *c)
{
    must(ae_config_input(c, KIND_DIM));
    must(ae_config_dense(c, 11, AE_ACT_LINEAR));
    must(ae_config_batch_norm(c, AE_ACT_TANH));
    must(ae_config_dense(c, 4, AE_ACT_LINEAR));
    must(ae_config_code(c));
    must(ae_config_dense(c, KIND_DIM, AE_ACT_LINEAR));
    must(ae_config_loss(c, AE_LOSS_MSE));
}

static inline void build_topk(ae_config *c)
{
    must(ae_preset_topk(c, KIND_DIM, 24, 3, AE_LOSS_MSE));
}

static inline void build_convolutional(ae_config *c)
{
    must(ae_config_input_image(c, 6, 6, 1));
    must(ae_config_conv2d(c, 3, 3, 3, AE_PADDING_SAME, AE_ACT_LINEAR));
    must(ae_config_batch_norm(c, AE_ACT_RELU));
    must(ae_config_pool2d(c, AE_POOL_MAX, 2, 2, AE_PADDING_VALID));
    must(ae_config_flatten(c));
    must(ae_config_dense(c, 5, AE_ACT_LINEAR));
    must(ae_config_code(c));
    must(ae_config_dense(c, 18, AE_ACT_GELU));
    must(ae_config_reshape_image(c, 3, 3, 2));
    must(ae_config_conv2d_transpose(c, 1, 3, 3, 2, 2, AE_PADDING_SAME, AE_ACT_SIGMOID));
    must(ae_config_loss(c, AE_LOSS_BCE));
}

static const kind kinds[] = {
    {"dense", build_dense, AE_OPTIM_SGD, AE_SCHEDULE_STEP, 1},
    {"denoising", build_denoising, AE_OPTIM_ADAM, AE_SCHEDULE_PLATEAU, 1},
    {"variational", build_variational, AE_OPTIM_ADAMW, AE_SCHEDULE_COSINE, 1},
    {"normalised", build_normalised, AE_OPTIM_RMSPROP, AE_SCHEDULE_EXPONENTIAL, 1},
    {"topk", build_topk, AE_OPTIM_ADAM, AE_SCHEDULE_CONSTANT, 2},
    {"convolutional", build_convolutional, AE_OPTIM_ADAM, AE_SCHEDULE_CONSTANT, 2},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static inline ae_model *kind_model(const kind *k, const ae_allocator *allocator)
{
    ae_config *c;
    must(ae_config_create_with(&c, allocator));
    k->build(c);
    must(ae_config_optimizer(c, k->optimizer));
    must(ae_config_set_f64(c, AE_PARAM_LEARNING_RATE, 0.01));
    if (k->optimizer == AE_OPTIM_SGD) must(ae_config_set_f64(c, AE_PARAM_MOMENTUM, 0.9));
    must(ae_config_set_i64(c, AE_PARAM_SCHEDULE, k->schedule));
    must(ae_config_set_i64(c, AE_PARAM_SCHEDULE_STEPS, 7));
    must(ae_config_set_i64(c, AE_PARAM_SCHEDULE_PATIENCE, 1));
    must(ae_config_set_f64(c, AE_PARAM_SCHEDULE_FACTOR, 0.75));
    must(ae_config_set_i64(c, AE_PARAM_BATCH, KIND_BATCH));
    must(ae_config_set_i64(c, AE_PARAM_ACCUMULATE, k->accumulate));
    return model_of(c);
}

#endif
