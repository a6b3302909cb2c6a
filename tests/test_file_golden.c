/* Files of released versions, kept for ever in tests/golden: they load, compute what they did, and are
 * saved to the same bytes. All their numbers are exact in float32 in whatever order they are summed, so
 * every machine makes the same files. AE_GOLDEN_WRITE=1 in the environment writes missing ones. */
#include "test_file.h"

typedef struct golden {
    const char *name;
    ae_model *(*make)(int32_t cpu);
    const float *x, *y;  /* what a row of input gives */
    const uint8_t *side; /* its class; NULL: it has none */
} golden;

static ae_model *create(ae_config *c, int32_t cpu)
{
    ae_model *m;
    ok(ae_config_set_i64(c, AE_PARAM_CPU, cpu));
    ok(ae_model_create(&m, c));
    ae_config_free(c);
    return m;
}

static void set(ae_model *m, int32_t layer, const char *name, const float *values, size_t count)
{
    ok(ae_model_weights_set(m, layer, name, values, count));
}

/* 2 - 1 (code) - 2, tied: the example of docs/format.md. */
static ae_model *make_tiny(int32_t cpu)
{
    ae_config *c;
    ok(ae_config_create(&c));
    ae_config_input(c, 2);
    ae_config_dense(c, 1, AE_ACT_LINEAR);
    ae_config_code(c);
    ae_config_dense(c, 2, AE_ACT_LINEAR);
    ae_config_set_i64(c, AE_PARAM_TIED, 0);
    ae_config_loss(c, AE_LOSS_MSE);
    ae_config_optimizer(c, AE_OPTIM_SGD);
    ae_model *m = create(c, cpu);
    set(m, 0, "kernel", (const float[]){0.5f, -2}, 2);
    set(m, 0, "bias", (const float[]){1}, 1);
    set(m, 1, "bias", (const float[]){0.25f, -0.75f}, 2);
    return m;
}

static const float tiny_x[] = {4, 1}, tiny_y[] = {0.75f, -2.75f};

/* 4 - 2, leaky relu as a layer of its own (code) - 4, two losses, trained for 2 epochs of 2 steps. Adam
 * with a learning rate of 0 leaves the weights as they are while its moments and the history fill. */
static ae_model *make_trained(int32_t cpu)
{
    static const float x[] = {1, 0, 2, 0, 0, 1, 0, 2, 1, 1, 0, 0, 2, 0, 1, 1};
    ae_config *c;
    ae_fit_options *o;
    ok(ae_config_create(&c));
    ae_config_set_i64(c, AE_PARAM_SEED, 0x0123456789ABCDEF);
    ae_config_set_i64(c, AE_PARAM_BATCH, 2);
    ae_config_set_i64(c, AE_PARAM_SHUFFLE, AE_SHUFFLE_NONE);
    ae_config_input(c, 4);
    ae_config_dense(c, 2, AE_ACT_LINEAR);
    ae_config_set_i64(c, AE_PARAM_BIAS, 0);
    ae_config_activation(c, AE_ACT_LEAKY_RELU);
    ae_config_set_f64(c, AE_PARAM_SLOPE, 0.25);
    ae_config_code(c);
    ae_config_dense(c, 4, AE_ACT_RELU);
    ae_config_loss(c, AE_LOSS_MSE);
    ae_config_loss(c, AE_LOSS_MSE);
    ae_config_set_f64(c, AE_PARAM_WEIGHT, 0.5);
    ae_config_set_f64(c, AE_PARAM_LEARNING_RATE, 0);
    ae_config_set_f64(c, AE_PARAM_BETA1, 0.5);
    ae_config_set_f64(c, AE_PARAM_BETA2, 0.75);
    ae_model *m = create(c, cpu);
    set(m, 0, "kernel", (const float[]){1, 0, 0, -1, 0.5f, 0, 0, 1}, 8);
    set(m, 2, "kernel", (const float[]){1, 0, 0.5f, 1, 0, -1, 1, 0}, 8);
    set(m, 2, "bias", (const float[]){0, 0.5f, 0, 1}, 4);
    ok(ae_fit_options_create(&o));
    ok(ae_fit_options_set_i64(o, AE_FIT_EPOCHS, 1));
    ok(ae_fit_options_validation(o, x, NULL, 2));
    ok(ae_fit(m, x, NULL, 4, o));
    ok(ae_fit_options_set_i64(o, AE_FIT_EPOCHS, 2));
    ok(ae_fit_options_validation(o, NULL, NULL, 0));
    ok(ae_fit(m, x, NULL, 4, o));
    ae_fit_options_free(o);
    return m;
}

/* code 2, -0.25 */
static const float trained_x[] = {1, 2, 2, 1}, trained_y[] = {2, 0.75f, 0.75f, 3};

static int32_t stop_in_the_second_epoch(const ae_event *event, void *user)
{
    (void)user;
    return event->epoch == 2;
}

/* What is drawn meets weights of 0, the variances are 1, and nothing is learned: all sums are exact. */
static void train_drawn(ae_model *m)
{
    static const float x[] = {1, 0, 2, 0.5f, 0, 1, -1, 2};
    static const uint8_t classes[] = {0, 2, 1, 2};
    ae_fit_options *o;
    ae_data *data;
    ok(ae_data_create(&data));
    ok(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, x, 4, 2));
    ok(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_U8, classes, 4, 1));
    ok(ae_fit_options_create(&o));
    ok(ae_fit_options_set_i64(o, AE_FIT_EPOCHS, 2));
    ok(ae_fit_options_validation_data(o, data));
    ok(ae_fit_options_progress(o, stop_in_the_second_epoch, NULL));
    assert_int_equal(ae_fit_data(m, data, o), AE_ERR_CANCELLED);
    ae_fit_options_free(o);
    ae_data_free(data);
}

/* 2 and one of 3 classes - 1 drawn (code) and the class - 2, two samples a row, a variance a feature that is
 * learned; stopped after the first of two steps of the second epoch. */
static ae_model *make_drawn(int32_t cpu)
{
    ae_config *c;
    ok(ae_config_create(&c));
    ae_config_set_i64(c, AE_PARAM_SEED, 3);
    ae_config_set_i64(c, AE_PARAM_BATCH, 2);
    ae_config_input(c, 2);
    ae_config_concat_label(c, 3);
    ae_config_dense(c, 2, AE_ACT_LINEAR);
    ae_config_gaussian(c);
    ae_config_set_i64(c, AE_PARAM_SAMPLES, 2);
    ae_config_penalty(c, AE_PENALTY_KL, 0.5);
    ae_config_set_f64(c, AE_PARAM_FREE_BITS, 0.125);
    ae_config_set_f64(c, AE_PARAM_WARMUP, 4);
    ae_config_code(c);
    ae_config_concat_label(c, 3);
    ae_config_dense(c, 2, AE_ACT_LINEAR);
    ae_config_loss(c, AE_LOSS_GAUSSIAN_NLL);
    ae_config_set_i64(c, AE_PARAM_VARIANCE_KIND, AE_VARIANCE_FEATURE);
    ae_config_optimizer(c, AE_OPTIM_SGD);
    ae_config_set_f64(c, AE_PARAM_LEARNING_RATE, 0);
    ae_model *m = create(c, cpu);
    set(m, 1, "kernel", (const float[]){1, 0, -0.5f, 0, 0, 0, 0.5f, 0, 0, 0}, 10);
    set(m, 4, "kernel", (const float[]){0, 0, 1, 0, 0, 1, 0.5f, -1}, 8);
    train_drawn(m);
    set(m, 1, "kernel", (const float[]){1, 0.25f, -0.5f, 0, 0, 1, 0.5f, 0, 0, -1}, 10);
    set(m, 1, "bias", (const float[]){0, -0.5f}, 2);
    set(m, 4, "kernel", (const float[]){0.5f, -2, 1, 0, 0, 1, 0.5f, -1}, 8);
    set(m, 6, "log_variance", (const float[]){-0.75f, 0.5f}, 2);
    return m;
}

/* code 1 * 2 - 0.5 * 1 + 0.5 = 2 */
static const float drawn_x[] = {2, 1}, drawn_y[] = {1, -3};
static const uint8_t drawn_class[] = {1};

/* A 2 x 3 image - convolution, pooling, normalisation - 4 numbers (code) - an image again, transposed
 * convolution: the variance and its epsilon make 1. */
static ae_model *make_images(int32_t cpu)
{
    static const float rest[] = {1 - 0x1p-10f, 0.25f - 0x1p-10f};
    ae_config *c;
    ok(ae_config_create(&c));
    ae_config_set_i64(c, AE_PARAM_SEED, 9);
    ae_config_input_image(c, 2, 3, 1);
    ae_config_conv2d(c, 2, 2, 2, AE_PADDING_SAME, AE_ACT_RELU);
    ae_config_pool2d(c, AE_POOL_MAX, 2, 2, AE_PADDING_SAME);
    ae_config_batch_norm(c, AE_ACT_LINEAR);
    ae_config_set_f64(c, AE_PARAM_NORM_EPSILON, 0x1p-10);
    ae_config_flatten(c);
    ae_config_code(c);
    ae_config_reshape_image(c, 1, 2, 2);
    ae_config_upsample2d(c, 2, 1, AE_INTERPOLATION_NEAREST);
    ae_config_conv2d_transpose(c, 1, 1, 2, 1, 1, AE_PADDING_VALID, AE_ACT_LINEAR);
    ae_config_loss(c, AE_LOSS_MSE);
    ae_model *m = create(c, cpu);
    set(m, 0, "kernel", (const float[]){1, 0, 0, 1, -1, 0, 0, 0.5f}, 8);
    set(m, 0, "bias", (const float[]){0, -1}, 2);
    set(m, 2, "gamma", (const float[]){2, 0.5f}, 2);
    set(m, 2, "beta", (const float[]){0, 1}, 2);
    set(m, 2, "mean", (const float[]){1, 0}, 2);
    set(m, 2, "variance", rest, 2);
    set(m, 6, "kernel", (const float[]){1, -1, 0.5f, 0}, 4);
    set(m, 6, "bias", (const float[]){0.25f}, 1);
    return m;
}

/* Row by row 3 1 2, 0 4 1. Channel 0 is x - the one below: 3 -3 1, 0 4 1, cut at 0; channel 1 is
 * right + half of below right - 1: 1 - 1 + 2, 2 - 1 + 0.5, -1, then 3, 0, -1. Largest of the windows (of 2
 * and of 1 column): 4 3 and 1 0. Normalised: (4 - 1) 2 = 6, 3 / 1 + 1 = 4; 0, 1. Each row of the output
 * is 6 - 4, (6 / 2) + (0 - 1), 0 / 2, plus 0.25. */
static const float images_x[] = {3, 1, 2, 0, 4, 1};
static const float images_y[] = {2.25f, 2.25f, 0.25f, 2.25f, 2.25f, 0.25f};

/* 2 - 1 (code) - 3, told how to scale both: offsets and scales are powers of 2, and so are the results. */
static ae_model *make_scaled(int32_t cpu)
{
    ae_config *c;
    ok(ae_config_create(&c));
    ae_config_input(c, 2);
    ae_config_dense(c, 1, AE_ACT_LINEAR);
    ae_config_code(c);
    ae_config_dense(c, 3, AE_ACT_LINEAR);
    ae_config_loss(c, AE_LOSS_HUBER);
    ae_config_set_i64(c, AE_PARAM_SCALING_INPUT, AE_SCALING_STANDARD);
    ae_config_set_i64(c, AE_PARAM_SCALING_TARGET, AE_SCALING_MIN_MAX);
    ae_model *m = create(c, cpu);
    set(m, 0, "kernel", (const float[]){1, 2}, 2);
    set(m, 1, "kernel", (const float[]){1, -1, 0.5f}, 3);
    ok(ae_model_scaling_set(m, AE_DATA_X, (const double[]){1, 1000}, (const double[]){0.5, 64}, 2));
    ok(ae_model_scaling_set(m, AE_DATA_Y, (const double[]){-8, 0, 0x1p30},
                            (const double[]){4, 1, 256}, 3));
    return m;
}

/* (2 - 1) / 0.5 + 2 (936 - 1000) / 64 = 0; and 2 more in x makes 4: 4 * 4 - 8, -4, 2 * 256 + 2^30 */
static const float scaled_x[] = {4, 936}, scaled_y[] = {8, -4, 1073742336};

static const golden files[] = {
    {"tiny-1.0.aem", make_tiny, tiny_x, tiny_y, NULL},
    {"trained-1.0.aem", make_trained, trained_x, trained_y, NULL},
    {"drawn-1.0.aem", make_drawn, drawn_x, drawn_y, drawn_class},
    {"images-1.0.aem", make_images, images_x, images_y, NULL},
    {"scaled-1.0.aem", make_scaled, scaled_x, scaled_y, NULL},
};
enum { FILES = sizeof files / sizeof *files };

static const char *path_of(const golden *g)
{
    static char path[4096];
    const char *root = getenv("AE_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/golden/%s", root ? root : ".", g->name);
    return path;
}

static blob stored(const golden *g)
{
    uint8_t bytes[4096];
    FILE *f = fopen(path_of(g), "rb");
    if (!f) fail_msg("%s cannot be opened", path_of(g));
    blob b = blob_of(bytes, fread(bytes, 1, sizeof bytes, f));
    fclose(f);
    return b;
}

static void golden_files_are_made_again_at_every_level(void **state)
{
    (void)state;
    for (const golden *g = files; g < files + FILES; g++) {
        for (int32_t cpu = AE_CPU_AUTO; cpu <= AE_CPU_NEON; cpu++) {
            ae_config *c;
            ae_model *probe;
            ok(ae_config_create(&c));
            ae_config_input(c, 1);
            ae_config_dense(c, 1, AE_ACT_LINEAR);
            ae_config_code(c);
            ae_config_set_i64(c, AE_PARAM_CPU, cpu);
            int32_t status = ae_model_create(&probe, c);
            ae_config_free(c);
            ae_model_free(probe);
            if (status == AE_ERR_UNSUPPORTED) continue;
            ae_model *m = g->make(cpu);
            if (cpu == AE_CPU_AUTO && getenv("AE_GOLDEN_WRITE")) ok(ae_model_save(m, path_of(g)));
            blob made = saved(m), kept = stored(g);
            assert_same(made, kept);
            ae_model_free(m);
            free(made.bytes);
            free(kept.bytes);
        }
    }
}

static void golden_files_load_and_save_to_the_same_bytes(void **state)
{
    (void)state;
    for (const golden *g = files; g < files + FILES; g++) {
        ae_model *m;
        ok(ae_model_load(&m, path_of(g)));
        blob again = saved(m), kept = stored(g);
        assert_same(again, kept);
        ae_model_free(m);
        free(again.bytes);
        free(kept.bytes);
    }
}

static void golden_files_compute_what_they_did(void **state)
{
    (void)state;
    for (const golden *g = files; g < files + FILES; g++) {
        ae_model *m;
        ae_data *data;
        float y[8];
        ok(ae_model_load(&m, path_of(g)));
        ok(ae_data_create(&data));
        ok(ae_data_array(data, AE_DATA_X, AE_TYPE_F32, g->x, 1, ae_model_input_dim(m)));
        if (g->side) ok(ae_data_array(data, AE_DATA_SIDE, AE_TYPE_U8, g->side, 1, 1));
        ok(ae_reconstruct_data(m, data, y, 8));
        for (int64_t i = 0; i < ae_model_output_dim(m); i++) assert_true(y[i] == g->y[i]);
        ae_data_free(data);
        ae_model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files_are_made_again_at_every_level),
        cmocka_unit_test(golden_files_load_and_save_to_the_same_bytes),
        cmocka_unit_test(golden_files_compute_what_they_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
