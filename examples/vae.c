/* Learns to draw: a variational autoencoder, 784-400-20 (Kingma and Welling 2014), on handwritten
 * digits. Its loss, in nats, is the negative evidence lower bound: what an image costs to describe,
 * the pixels by the decoder, the code by the prior. It draws new digits, walks from one digit to
 * another, and says how likely it thinks test images are.
 *
 *     vae --data /folder/with/mnist        (or without --data: digits that it draws itself)
 *
 * writes samples.png, reconstruction.png, interpolation.png, loss.png and vae.aem; unless asked to
 * be quick also map.png, of a second model with a code of two dimensions. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SAMPLES = 10, /* a side of the picture of samples */
    PAIRS = 5,    /* of test images to walk between */
    STEPS = 10,   /* of each walk */
    MAP = 20,     /* a side of the map */
    JUDGED = 500, /* test images whose likelihood is estimated, */
    DRAWS = 100   /* from so many codes each */
};

static const double active_above = 0.01; /* variance of a dimension's mean: Burda et al. 2016 */

static ae_model *create_model(int64_t dim, int64_t code, const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    ae_preset_variational(config, dim, 400, code, AE_LOSS_BERNOULLI_NLL);
    ae_config_optimizer(config, AE_OPTIM_ADAM); /* learning rate 0.001 */
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config)); /* reports the first mistake made above, too */
    ae_config_free(config);
    return model;
}

/* Digits that nobody has written: codes from the prior, decoded. */
static void draw_samples(ae_model *model, const images *shape, int64_t seed, const char *path)
{
    const size_t count = (size_t)(SAMPLES * SAMPLES * images_dim(shape));
    float *out = allocate(count, sizeof *out);

    must(ae_sample(model, SAMPLES * SAMPLES, seed, out, count));
    grid_write(path, out, SAMPLES, SAMPLES, shape, 2, 2);
    free(out);
}

/* Each row leads from the code of one test image to that of the next. */
static void draw_interpolation(ae_model *model, const images *test, const char *path)
{
    const images first = images_first(test, 2 * PAIRS);
    const int32_t n_pairs = (int32_t)first.rows / 2;
    const int64_t n_code = ae_model_code_dim(model);
    const size_t of_row = (size_t)(STEPS * images_dim(test));
    float *codes = allocate((size_t)(first.rows * n_code), sizeof *codes);
    float *out = allocate((size_t)n_pairs * of_row, sizeof *out);
    ae_data *view = images_view(&first);

    must(ae_encode_data(model, view, codes, (size_t)(first.rows * n_code)));
    for (int32_t i = 0; i < n_pairs; i++) {
        const float *from = codes + 2 * i * n_code;
        must(ae_interpolate(model, from, from + n_code, STEPS, out + (size_t)i * of_row, of_row));
    }
    grid_write(path, out, n_pairs, STEPS, test, 3, 2);
    ae_data_free(view);
    free(out);
    free(codes);
}

/* What a code of two dimensions means, wherever the prior has as much of it (Kingma and Welling
 * 2014, figure 4b): the first dimension grows to the right, the second upwards. */
static void draw_map(ae_model *model, const images *shape, const char *path)
{
    const size_t count = (size_t)(MAP * MAP * images_dim(shape));
    float codes[MAP * MAP][2], *out = allocate(count, sizeof *out);

    for (int32_t i = 0; i < MAP * MAP; i++) {
        codes[i][0] = (float)normal_quantile((i % MAP + 0.5) / MAP);
        codes[i][1] = (float)-normal_quantile((i / MAP + 0.5) / MAP);
    }
    must(ae_decode(model, &codes[0][0], MAP * MAP, out, count));
    grid_write(path, out, MAP, MAP, shape, 2, 0);
    free(out);
}

static int32_t active_units(ae_model *model, const ae_data *test)
{
    const int64_t n_code = ae_model_code_dim(model);
    double *variance = allocate((size_t)n_code, sizeof *variance);
    int32_t n_active = 0;

    must(ae_diagnose_data(model, test, NULL, variance, (size_t)n_code));
    for (int64_t j = 0; j < n_code; j++) n_active += variance[j] > active_above;
    free(variance);
    return n_active;
}

/* Mean log p(x) of the first test images, in nats; the bound lies below it. */
static double log_likelihood(ae_model *model, const images *test, const settings *s)
{
    const images first = images_first(test, JUDGED);
    double values[JUDGED], sum = 0.0, loss;
    ae_data *view = images_view(&first);

    must(ae_log_likelihood_data(model, view, DRAWS, s->seed, values, JUDGED));
    for (int64_t i = 0; i < first.rows; i++) sum += values[i];
    must(ae_evaluate_data(model, view, &loss));
    if (!s->quiet)
        printf("log-likelihood of %d test images: %.2f; the bound says at least %.2f\n",
               (int)first.rows, sum / (double)first.rows, -loss);
    ae_data_free(view);
    return sum / (double)first.rows;
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 50, .batch = 128, .threads = 1};
    int64_t n_code = 20;
    bool quick = false;
    const option own[] = {
        {"--code", "N", "dimensions of the code", .number = &n_code, 1, 1000},
        {"--quick", NULL, "no second model, no map.png", .flag = &quick},
        {0},
    };
    images train, test;

    options_parse(&s, "Learns to draw the digits of MNIST, or digits drawn here.", own, argc, argv);
    images_load(&train, &test, s.data, s.seed);
    make_folder(s.out);

    ae_model *model = create_model(images_dim(&train), n_code, &s);
    ae_data *train_view = images_view(&train), *test_view = images_view(&test);
    const double seconds = fit_shown(model, train_view, test_view, &s);

    double terms[2]; /* nats of the pixels, of the code */
    must(ae_evaluate_terms(model, test_view, terms, 2));
    const double n_active = active_units(model, test_view);
    const double likelihood = log_likelihood(model, &test, &s);
    draw_samples(model, &test, s.seed, path_in(s.out, "samples.png").text);
    report_outputs(model, &test, path_in(s.out, "reconstruction.png").text);
    draw_interpolation(model, &test, path_in(s.out, "interpolation.png").text);
    report_chart(model, path_in(s.out, "loss.png").text);
    must(ae_model_save(model, path_in(s.out, "vae.aem").text));

    if (!quick) {
        if (!s.quiet) printf("A second model, with a code of 2, for map.png:\n");
        ae_model *flat = create_model(images_dim(&train), 2, &s);
        fit_shown(flat, train_view, test_view, &s);
        draw_map(flat, &test, path_in(s.out, "map.png").text);
        ae_model_free(flat);
    }
    const result results[] = {
        {"kl", terms[1], 2}, {"active", n_active, 0}, {"log_likelihood", likelihood, 2}, {0}};
    report_line(model, seconds, results);

    ae_data_free(train_view);
    ae_data_free(test_view);
    ae_model_free(model);
    images_free(&train);
    images_free(&test);
    return 0;
}
