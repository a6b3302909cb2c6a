/* A convolutional autoencoder for images, after
 * https://blog.keras.io/building-autoencoders-in-keras.html: two convolutions, each pooled to half the
 * size, and two transposed ones back. It learns to reconstruct; then the same model, with all that
 * its optimiser knows, goes on and learns to take noise off.
 *
 *     conv --data /folder/with/mnist       (or without --data: digits that it draws itself)
 *
 * writes reconstruction.png (images over reconstructions), restored.png (noisy images over restored
 * ones), loss.png and conv.aem. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>

static const double deviation = 0.4; /* of the noise, on pixels in [0, 1] */

/* Of MNIST's images, 28 x 28: 14 x 14 x 32, then a code of 7 x 7 x 32, and back. */
static void add_layers(ae_config *config, const images *shape)
{
    ae_config_input_image(config, shape->height, shape->width, shape->channels);
    for (int32_t i = 0; i < 2; i++) {
        ae_config_conv2d(config, 32, 3, 3, AE_PADDING_SAME, AE_ACT_RELU);
        ae_config_pool2d(config, AE_POOL_MAX, 2, 2, AE_PADDING_SAME);
    }
    ae_config_code(config);
    for (int32_t i = 0; i < 2; i++)
        ae_config_conv2d_transpose(config, 32, 3, 3, 2, 2, AE_PADDING_SAME, AE_ACT_RELU);
    ae_config_conv2d(config, shape->channels, 3, 3, AE_PADDING_SAME, AE_ACT_SIGMOID);
}

static ae_model *create_model(const images *shape, const settings *s)
{
    ae_config *config;
    ae_model *model;

    if (shape->height % 4 != 0 || shape->width % 4 != 0)
        fail("images of %d x %d: each side must be a multiple of 4", (int)shape->height,
             (int)shape->width);
    must(ae_config_create(&config));
    add_layers(config, shape);
    ae_config_loss(config, AE_LOSS_BCE);
    ae_config_optimizer(config, AE_OPTIM_ADAM); /* learning rate 0.001 */
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config)); /* reports the first mistake made above, too */
    ae_config_free(config);
    return model;
}

/* The images with noise on them, drawn once and for all and cut to [0, 1]; to be freed. */
static images noisy_copy(const images *set, uint64_t seed)
{
    const size_t count = (size_t)(set->rows * images_dim(set));
    images noisy = *set;
    rng r = {seed};

    noisy.labels = NULL;
    noisy.pixels = allocate(count, 1);
    for (size_t i = 0; i < count; i++) {
        const float value = (float)(set->pixels[i] / 255.0 + deviation * rng_normal(&r));
        to_bytes(noisy.pixels + i, &value, 1);
    }
    return noisy;
}

/* Noisy images, to be made into the clean ones. */
static ae_data *pairs_view(const images *noisy, const images *clean)
{
    ae_data *view = images_view(noisy);

    must(ae_data_array(view, AE_DATA_Y, AE_TYPE_U8, clean->pixels, clean->rows, images_dim(clean)));
    must(ae_data_scale(view, AE_DATA_Y, 1.0 / 255.0, 0.0));
    return view;
}

/* Trains to reconstruct; returns the seconds that took. */
static double learn_images(ae_model *model, const images *train, const images *test,
                           const settings *s)
{
    ae_data *train_view = images_view(train), *test_view = images_view(test);
    const double seconds = fit_shown(model, train_view, test_view, s);

    report_outputs(model, test, path_in(s->out, "reconstruction.png").text);
    ae_data_free(train_view);
    ae_data_free(test_view);
    return seconds;
}

/* Goes on for so many epochs with noisy images; returns the seconds that took. */
static double learn_to_denoise(ae_model *model, const images *train, const images *test,
                               int64_t epochs, settings s)
{
    images noisy_train = noisy_copy(train, (uint64_t)s.seed);
    images noisy_test = noisy_copy(test, ~(uint64_t)s.seed);
    ae_data *train_view = pairs_view(&noisy_train, train);
    ae_data *test_view = pairs_view(&noisy_test, test);

    s.epochs = ae_model_epochs(model) + epochs;
    if (!s.quiet) printf("From noisy images to clean ones:\n");
    const double seconds = fit_shown(model, train_view, test_view, &s);
    report_outputs(model, &noisy_test, path_in(s.out, "restored.png").text);
    ae_data_free(train_view);
    ae_data_free(test_view);
    images_free(&noisy_train);
    images_free(&noisy_test);
    return seconds;
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 50, .batch = 128, .threads = 1};
    int64_t more = 10;
    const option own[] = {
        {"--denoise", "N", "further rounds, to take noise off", .number = &more, 1, 100000},
        {0},
    };
    images train, test;

    options_parse(&s,
                  "Trains a convolutional autoencoder on the images of MNIST, or on digits drawn "
                  "here.",
                  own, argc, argv);
    images_load(&train, &test, s.data, s.seed);
    make_folder(s.out);

    ae_model *model = create_model(&train, &s);
    double seconds = learn_images(model, &train, &test, &s), clean_loss;
    ae_data *clean = images_view(&test);
    must(ae_evaluate_data(model, clean, &clean_loss));
    seconds += learn_to_denoise(model, &train, &test, more, s);

    report_chart(model, path_in(s.out, "loss.png").text);
    must(ae_model_save(model, path_in(s.out, "conv.aem").text));
    const result results[] = {{"val_clean", clean_loss, 4}, /* before noise came in */
                              {"weights", (double)ae_model_weights(model), 0},
                              {0}};
    report_line(model, seconds, results);

    ae_data_free(clean);
    ae_model_free(model);
    images_free(&train);
    images_free(&test);
    return 0;
}
