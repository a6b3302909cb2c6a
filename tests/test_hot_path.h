/* What the tests of memory share: models that live on a heap, data, and what is done with them. */
#ifndef TEST_HOT_PATH_H
#define TEST_HOT_PATH_H

#include "heap.h"
#include "test_fit_small.h"
#include "test_images.h"

enum { CODE_DIM = 3 }; /* of `small` */

static inline ae_model *model_on(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    return model_of(recipe_config(&small, &allocator));
}

/* Both scaled, the target by a scaler of its own once there is a y. */
static inline ae_model *unfitted_on(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    ae_config *config = recipe_config(&small, &allocator);
    must(ae_config_set_i64(config, AE_PARAM_SCALING_INPUT, AE_SCALING_MIN_MAX));
    must(ae_config_set_i64(config, AE_PARAM_SCALING_TARGET, AE_SCALING_MIN_MAX));
    return model_of(config);
}

static inline ae_model *scaled_on(heap *h)
{
    ae_model *model = unfitted_on(h);
    must(ae_fit_scaling(model, x, x, N));
    return model;
}

enum { CLASSES = 4, SAMPLES = 2 };

/* 7 and one of 4 classes - 3 drawn (code) and the class - 7, with a variance that is learned, weights of
 * features, and numbers that may be missing. */
static inline ae_config *drawn_config(const ae_allocator *allocator)
{
    ae_config *config;
    must(ae_config_create_with(&config, allocator));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, 4));
    must(ae_config_input(config, DIM));
    must(ae_config_concat_label(config, CLASSES));
    must(ae_config_dense(config, 5, AE_ACT_SIGMOID));
    must(ae_config_penalty(config, AE_PENALTY_KL_SPARSITY, 0.5));
    must(ae_config_dense(config, 2 * CODE_DIM, AE_ACT_LINEAR));
    must(ae_config_gaussian(config));
    must(ae_config_set_i64(config, AE_PARAM_SAMPLES, SAMPLES));
    must(ae_config_penalty(config, AE_PENALTY_KL, 1));
    must(ae_config_code(config));
    must(ae_config_concat_label(config, CLASSES));
    must(ae_config_dense(config, DIM, AE_ACT_LINEAR));
    must(ae_config_loss(config, AE_LOSS_GAUSSIAN_NLL));
    must(ae_config_set_i64(config, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_FEATURE));
    must(ae_config_set_i64(config, AE_PARAM_FEATURE_WEIGHTS, 1));
    must(ae_config_set_i64(config, AE_PARAM_MISSING, 1));
    return config;
}

static inline ae_model *drawn_on(heap *h)
{
    ae_allocator allocator = allocator_of(h);
    return model_of(drawn_config(&allocator));
}

/* Rows, or what stands for codes of so many numbers, each with its class, which is its weight, too. */
static inline ae_data *told(int64_t dim)
{
    static const uint8_t classes[N] = {0, 3, 1, 2, 2, 0, 1, 3, 0, 1};
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, N, dim));
    must(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_U8, classes, N, 1));
    must(ae_data_array(data, AE_DATA_WEIGHT, AE_TYPE_U8, classes, N, 1));
    return data;
}

/* x, read. */
static inline int32_t read_x(void *user, int64_t first, int64_t rows, void *out)
{
    (void)user;
    memcpy(out, x + first * DIM, (size_t)rows * DIM * sizeof *x);
    return 0;
}

static inline ae_data *data_that_are_read(const ae_allocator *allocator)
{
    ae_data *data;
    must(ae_data_create_with(&data, allocator));
    must(ae_data_source(data, AE_DATA_X, AE_TYPE_F32, read_x, NULL, N, DIM, AE_SOURCE_ANY_THREAD));
    return data;
}

/* All calls that run a model. */
static inline void use(ae_model *model)
{
    float out[N * DIM];
    double loss;
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, N, DIM));
    must(ae_data_scale(data, AE_DATA_X, 0.5, 0.25)); /* so that rows are converted */
    must(ae_encode(model, x, N, out, N * CODE_DIM));
    must(ae_encode_data(model, data, out, N * CODE_DIM));
    must(ae_decode(model, x, N, out, N * DIM));
    must(ae_reconstruct(model, x, N, out, N * DIM));
    must(ae_reconstruct_data(model, data, out, N * DIM));
    must(ae_features(model, 1, x, N, out, N * CODE_DIM));
    must(ae_features_data(model, 1, data, out, N * CODE_DIM));
    must(ae_score(model, x, N, out, N));
    must(ae_score_data(model, data, out, N));
    must(ae_evaluate(model, x, NULL, N, &loss));
    must(ae_evaluate_data(model, data, &loss));
    ae_data_free(data);
    data = data_that_are_read(NULL);
    must(ae_encode_data(model, data, out, N * CODE_DIM));
    must(ae_score_data(model, data, out, N));
    ae_data_free(data);
}

/* ---- images ---- */

enum { IMAGES = 50 };

static inline ae_model *images_on(heap *h, const step *calls)
{
    ae_allocator allocator = allocator_of(h);
    return images_model(calls, &allocator);
}

/* One row, and as many as lie in blocks; the first layer is the widest. */
static inline void use_images(ae_model *model, const float *images)
{
    const size_t cap = IMAGES * (size_t)ae_model_layer_dim(model, 0);
    float *y = drawn((int64_t)cap);
    double loss;
    for (int64_t rows = 1; rows <= IMAGES; rows += IMAGES - 1) {
        must(ae_encode(model, images, rows, y, cap));
        must(ae_reconstruct(model, images, rows, y, cap));
        must(ae_features(model, 0, images, rows, y, cap));
        must(ae_evaluate(model, images, NULL, rows, &loss));
    }
    free(y);
}

#endif
