/* The autoencoder with which most people begin: 784-32-784, on handwritten digits, after
 * https://blog.keras.io/building-autoencoders-in-keras.html. It trains, encodes and decodes the
 * test images, measures the code against PCA, saves the model and loads it again.
 *
 *     mnist --data /folder/with/mnist      (or without --data: digits that it draws itself)
 *
 * writes reconstruction.png, loss.png and digits.aem. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_seed_layers(ae_config *config, int64_t dim)
{
    ae_config_input(config, dim);
    ae_config_dense(config, 32, AE_ACT_RELU);
    ae_config_code(config); /* all layers so far are the encoder */
    ae_config_dense(config, dim, AE_ACT_SIGMOID);
}

static void add_deep_layers(ae_config *config, int64_t dim)
{
    ae_config_input(config, dim);
    ae_config_dense(config, 128, AE_ACT_RELU);
    ae_config_dense(config, 64, AE_ACT_RELU);
    ae_config_dense(config, 32, AE_ACT_RELU);
    ae_config_code(config);
    ae_config_dense(config, 64, AE_ACT_RELU);
    ae_config_dense(config, 128, AE_ACT_RELU);
    ae_config_dense(config, dim, AE_ACT_SIGMOID);
}

static ae_model *create_model(const char *kind, int64_t dim, const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    if (strcmp(kind, "deep") == 0)
        add_deep_layers(config, dim);
    else
        add_seed_layers(config, dim);
    ae_config_loss(config, AE_LOSS_BCE);
    ae_config_optimizer(config, AE_OPTIM_ADAM); /* learning rate 0.001 */
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config)); /* reports the first mistake made above, too */
    ae_config_free(config);
    return model;
}

static void print_summary(const ae_model *model)
{
    size_t length;

    must(ae_model_summary(model, NULL, 0, &length));
    char *text = allocate(length + 1, 1);
    must(ae_model_summary(model, text, length + 1, NULL));
    printf("%s\n", text);
    free(text);
}

/* rows x output dimensions, through the code; to be freed. */
static float *decode_codes(ae_model *model, const ae_data *data, int64_t rows)
{
    const size_t n_code = (size_t)(rows * ae_model_code_dim(model));
    const size_t n_out = (size_t)(rows * ae_model_output_dim(model));
    float *code = allocate(n_code, sizeof *code), *out = allocate(n_out, sizeof *out);

    must(ae_encode_data(model, data, code, n_code));
    must(ae_decode(model, code, rows, out, n_out));
    free(code);
    return out;
}

static double mean_squared_error(const images *set, const float *out)
{
    const int64_t count = set->rows * images_dim(set);
    double sum = 0.0;

    for (int64_t i = 0; i < count; i++) {
        const double difference = set->pixels[i] / 255.0 - (double)out[i];
        sum += difference * difference;
    }
    return sum / (double)count;
}

/* Saves the model, loads it again, and expects the same bits of it. */
static void check_file(const ae_model *model, const char *path, const ae_data *data,
                       const float *out, int64_t rows)
{
    const size_t count = (size_t)(rows * ae_model_output_dim(model));
    float *again = allocate(count, sizeof *again);
    ae_model *loaded;

    must(ae_model_save(model, path));
    must(ae_model_load(&loaded, path));
    must(ae_reconstruct_data(loaded, data, again, count));
    if (memcmp(again, out, count * sizeof *out) != 0) fail("%s: reconstructs otherwise", path);
    ae_model_free(loaded);
    free(again);
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 50, .batch = 256, .threads = 1};
    const char *kind = "seed";
    const option own[] = {
        {"--model", "seed|deep", "784-32-784, or three layers each way", .text = &kind},
        {0},
    };
    images train, test;

    options_parse(&s, "Trains an autoencoder on the IDX files of MNIST, or on digits drawn here.",
                  own, argc, argv);
    images_load(&train, &test, s.data, s.seed);
    make_folder(s.out);

    ae_model *model = create_model(kind, images_dim(&train), &s);
    ae_data *train_view = images_view(&train), *test_view = images_view(&test);
    if (!s.quiet) print_summary(model);
    const double seconds = fit_shown(model, train_view, test_view, &s);

    float *out = decode_codes(model, test_view, test.rows);
    const int64_t n_code = ae_model_code_dim(model);
    const double code_mse = mean_squared_error(&test, out);
    const double pca_mse = pca_error(&train, &test, n_code);
    if (!s.quiet)
        printf("mean squared error: %.5f from a code of %lld, %.5f from as many principal "
               "components\n",
               code_mse, (long long)n_code, pca_mse);

    comparison_write(path_in(s.out, "reconstruction.png").text, &test, out);
    report_chart(model, path_in(s.out, "loss.png").text);
    check_file(model, path_in(s.out, "digits.aem").text, test_view, out, test.rows);
    const result results[] = {{"code_mse", code_mse, 5}, {"pca_mse", pca_mse, 5}, {0}};
    report_line(model, seconds, results);

    free(out);
    ae_data_free(train_view);
    ae_data_free(test_view);
    ae_model_free(model);
    images_free(&train);
    images_free(&test);
    return 0;
}
