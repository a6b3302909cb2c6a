/* What the tests of training through ae.h share: models as rows of a table, drawn data, and models
 * compared by the bytes they are saved to. */
#ifndef TEST_FIT_H
#define TEST_FIT_H

#include "draw.h"
#include "test_api.h"

#include <math.h>

typedef struct recipe {
    int64_t dims[8]; /* of the input and of each layer, ended by 0; the code is in the middle */
    int64_t batch;
    int32_t hidden, last; /* AE_ACT_*, that of the last layer apart */
    int32_t loss, optimizer;
    bool tied;            /* the last layer to the first */
    double learning_rate; /* 0: the optimiser's own */
    double clip;
} recipe;

static inline ae_config *recipe_config(const recipe *r, const ae_allocator *allocator)
{
    ae_config *config;
    int32_t layers = 0;
    must(ae_config_create_with(&config, allocator));
    must(ae_config_input(config, r->dims[0]));
    must(ae_config_set_i64(config, AE_PARAM_BATCH, r->batch));
    must(ae_config_set_f64(config, AE_PARAM_CLIP_NORM, r->clip));
    while (r->dims[layers + 1]) layers++;
    for (int32_t i = 1; i <= layers; i++) {
        must(ae_config_dense(config, r->dims[i], i == layers ? r->last : r->hidden));
        if (i == layers && r->tied) must(ae_config_set_i64(config, AE_PARAM_TIED, 0));
        if (i == (layers + 1) / 2) must(ae_config_code(config));
    }
    must(ae_config_loss(config, r->loss));
    must(ae_config_optimizer(config, r->optimizer));
    if (r->learning_rate > 0)
        must(ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, r->learning_rate));
    return config;
}

static inline ae_model *recipe_model(const recipe *r)
{
    return model_of(recipe_config(r, NULL));
}

/* n numbers in [0, 1). */
static inline void draw_units(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] = (float)draw_unit();
}

/* The same in memory that is to be freed. */
static inline float *drawn(int64_t n)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    draw_units(x, n);
    return x;
}

static inline ae_fit_options *options_to(int64_t epochs)
{
    ae_fit_options *options;
    must(ae_fit_options_create(&options));
    must(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, epochs));
    return options;
}

/* Trains x to x until there are so many epochs. */
static inline void train_to(ae_model *model, const float *x, int64_t rows, int64_t epochs)
{
    ae_fit_options *options = options_to(epochs);
    must(ae_fit(model, x, NULL, rows, options));
    ae_fit_options_free(options);
}

/* A callback that cancels the fit at an event. */
typedef struct interruption {
    int events, at; /* so far; from 1, 0: never */
} interruption;

static inline int32_t interrupt(const ae_event *event, void *user)
{
    interruption *i = user;
    return event->kind != AE_EVENT_STOP && ++i->events == i->at;
}

/* ---- what training told ---- */

/* A metric of every epoch; to be freed. */
static inline double *history_of(const ae_model *model, int32_t metric)
{
    size_t count;
    must(ae_model_history(model, metric, NULL, 0, &count));
    double *values = malloc((count + 1) * sizeof *values);
    assert_non_null(values);
    must(ae_model_history(model, metric, values, count, NULL));
    return values;
}

static inline double last_of(const ae_model *model, int32_t metric)
{
    double *values = history_of(model, metric), last = values[ae_model_epochs(model) - 1];
    free(values);
    return last;
}

/* ---- what a model is: the bytes of its file ---- */

typedef struct image {
    unsigned char *bytes; /* to be freed */
    size_t count;
} image;

static inline image image_of(const ae_model *model)
{
    image i;
    must(ae_model_save_memory(model, NULL, 0, &i.count));
    i.bytes = malloc(i.count);
    must(ae_model_save_memory(model, i.bytes, i.count, NULL));
    return i;
}

static inline bool has_image(const ae_model *model, image want)
{
    image got = image_of(model);
    bool same = got.count == want.count && memcmp(got.bytes, want.bytes, got.count) == 0;
    free(got.bytes);
    return same;
}

static inline bool same_models(const ae_model *a, const ae_model *b)
{
    image i = image_of(a);
    bool same = has_image(b, i);
    free(i.bytes);
    return same;
}

/* The weights alone, where epochs or parameters differ. To be freed. */
static inline float *weights_of(const ae_model *model)
{
    size_t count = (size_t)ae_model_weights(model), at = 0;
    float *all = malloc(count * sizeof *all);
    const char *name;
    int32_t layer;
    int64_t rows, cols;
    for (int32_t i = 0; at < count; i++) {
        must(ae_model_weights_at(model, i, &layer, &name, &rows, &cols));
        must(ae_model_weights_get(model, layer, name, all + at, count - at));
        at += (size_t)(rows * cols);
    }
    return all;
}

static inline bool same_weights(const ae_model *a, const ae_model *b)
{
    float *of_a = weights_of(a), *of_b = weights_of(b);
    bool same = ae_model_weights(a) == ae_model_weights(b) &&
                memcmp(of_a, of_b, (size_t)ae_model_weights(a) * sizeof *of_a) == 0;
    free(of_a);
    free(of_b);
    return same;
}

/* The model that this one is saved to, which is freed. */
static inline ae_model *reloaded(ae_model *model)
{
    image i = image_of(model);
    ae_model_free(model);
    must(ae_model_load_memory(&model, i.bytes, i.count));
    free(i.bytes);
    return model;
}

#endif
