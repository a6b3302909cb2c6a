/* Restores noisy images: a model that is given digits with noise on them, fresh in every epoch, and
 * is asked for the clean ones, after Vincent et al. 2008. It is measured on test images whose noise
 * was made here, not by the model: how much less of it is left, in decibels.
 *
 *     denoise --data /folder/with/mnist    (or without --data: digits that it draws itself)
 *
 * writes restored.png (clean, noisy and restored images, a row each), loss.png and denoise.aem. */
#include "common.h"

#include <math.h>
#include <stdlib.h>

static const double deviation = 0.5; /* of pixels in [0, 1] */

static ae_model *create_model(int64_t dim, const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    ae_config_input(config, dim);
    ae_config_corrupt(config, AE_NOISE_GAUSSIAN, deviation); /* while training; then it is off */
    ae_config_set_f64(config, AE_PARAM_CLIP_LOW, 0.0);
    ae_config_set_f64(config, AE_PARAM_CLIP_HIGH, 1.0);
    ae_config_dense(config, 512, AE_ACT_RELU);
    ae_config_code(config);
    ae_config_dense(config, dim, AE_ACT_SIGMOID);
    ae_config_loss(config, AE_LOSS_BCE);
    ae_config_optimizer(config, AE_OPTIM_ADAM);
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config)); /* reports the first mistake made above, too */
    ae_config_free(config);
    return model;
}

/* The pixels as numbers in [0, 1]; to be freed. */
static float *numbers_of(const images *set)
{
    const size_t count = (size_t)(set->rows * images_dim(set));
    float *x = allocate(count, sizeof *x);

    for (size_t i = 0; i < count; i++) x[i] = (float)set->pixels[i] / 255.0f;
    return x;
}

/* A copy with noise on it, cut to [0, 1]; to be freed. */
static float *noisy_copy(const float *x, size_t count, uint64_t seed)
{
    float *noisy = allocate(count, sizeof *noisy);
    rng r = {seed};

    for (size_t i = 0; i < count; i++)
        noisy[i] = (float)fmin(1.0, fmax(0.0, (double)x[i] + deviation * rng_normal(&r)));
    return noisy;
}

/* Trains on clean images, which the model corrupts by itself; validates on images that are noisy
 * already, against the clean ones. Returns the seconds that took. */
static double train_model(ae_model *model, const float *train, int64_t n_train, const float *noisy,
                          const float *clean, int64_t n_test, const settings *s)
{
    progress shown;
    ae_fit_options *options = progress_options(&shown, s);

    must(ae_fit_options_validation(options, noisy, clean, n_test));
    must(ae_fit(model, train, NULL, n_train, options));
    return progress_end(&shown, options);
}

/* Peak signal-to-noise ratio of numbers in [0, 1], in decibels: the error of all pixels pooled. */
static double psnr(const float *clean, const float *other, size_t count)
{
    double sum = 0.0;

    for (size_t i = 0; i < count; i++) {
        const double difference = (double)clean[i] - (double)other[i];
        sum += difference * difference;
    }
    return -10.0 * log10(sum / (double)count);
}

/* The first ten test images: clean, noisy, restored. */
static void draw_rows(const images *test, const float *noisy, const float *restored,
                      const char *path)
{
    const int32_t n_shown = test->rows < 10 ? (int32_t)test->rows : 10;
    const size_t count = (size_t)(n_shown * images_dim(test));
    uint8_t *bytes = allocate(2 * count, 1);
    const uint8_t *rows[] = {test->pixels, bytes, bytes + count};

    to_bytes(bytes, noisy, count);
    to_bytes(bytes + count, restored, count);
    tiles_write(path, rows, 3, n_shown, test, 3);
    free(bytes);
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 15, .batch = 128, .threads = 1};
    images train, test;

    options_parse(&s,
                  "Trains a model to take noise off the images of MNIST, or off digits drawn here.",
                  NULL, argc, argv);
    images_load(&train, &test, s.data, s.seed);
    make_folder(s.out);

    const size_t count = (size_t)(test.rows * images_dim(&test));
    float *x_train = numbers_of(&train), *x_test = numbers_of(&test);
    float *noisy = noisy_copy(x_test, count, (uint64_t)s.seed);
    ae_model *model = create_model(images_dim(&train), &s);
    const double seconds = train_model(model, x_train, train.rows, noisy, x_test, test.rows, &s);

    float *restored = allocate(count, sizeof *restored);
    must(ae_reconstruct(model, noisy, test.rows, restored, count));
    const double before = psnr(x_test, noisy, count), after = psnr(x_test, restored, count);
    draw_rows(&test, noisy, restored, path_in(s.out, "restored.png").text);
    report_chart(model, path_in(s.out, "loss.png").text);
    must(ae_model_save(model, path_in(s.out, "denoise.aem").text));
    const result results[] = {
        {"psnr_noisy", before, 2}, {"psnr", after, 2}, {"gain_db", after - before, 2}, {0}};
    report_line(model, seconds, results);

    free(restored);
    free(noisy);
    free(x_test);
    free(x_train);
    ae_model_free(model);
    images_free(&train);
    images_free(&test);
    return 0;
}
