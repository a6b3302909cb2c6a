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

/* The bytes as they are: libae turns them into numbers in [0, 1], a batch at a time. */
static ae_data *view_of(const images *set)
{
    ae_data *view;

    must(ae_data_create(&view));
    must(ae_data_array(view, AE_DATA_X, AE_TYPE_U8, set->pixels, set->rows, images_dim(set)));
    must(ae_data_scale(view, AE_DATA_X, 1.0 / 255.0, 0.0));
    return view;
}

/* Trains the model to reconstruct its input; returns the seconds that took. */
static double train_model(ae_model *model, const ae_data *train, const ae_data *test,
                          const settings *s)
{
    progress shown = progress_start(s->quiet);
    ae_fit_options *options;

    must(ae_fit_options_create(&options));
    must(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, s->epochs));
    must(ae_fit_options_validation_data(options, test));
    must(ae_fit_options_progress(options, progress_show, &shown));
    const double start = seconds_now();
    must(ae_fit_data(model, train, options));
    const double seconds = seconds_now() - start;
    ae_fit_options_free(options);
    return seconds;
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

/* The first ten test images over what became of them. */
static void draw_reconstruction(const images *test, const float *out, const char *path)
{
    const int32_t n_shown = test->rows < 10 ? (int32_t)test->rows : 10;
    const size_t count = (size_t)(n_shown * images_dim(test));
    uint8_t *decoded = allocate(count, 1);
    const uint8_t *rows[] = {test->pixels, decoded};

    to_bytes(decoded, out, count);
    tiles_write(path, rows, 2, n_shown, test, 3);
    free(decoded);
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
    ae_data *train_view = view_of(&train), *test_view = view_of(&test);
    if (!s.quiet) print_summary(model);
    const double seconds = train_model(model, train_view, test_view, &s);

    float *out = decode_codes(model, test_view, test.rows);
    const int64_t n_code = ae_model_code_dim(model);
    const double code_mse = mean_squared_error(&test, out);
    const double pca_mse = pca_error(&train, &test, n_code);
    if (!s.quiet)
        printf("mean squared error: %.5f from a code of %lld, %.5f from as many principal "
               "components\n",
               code_mse, (long long)n_code, pca_mse);

    draw_reconstruction(&test, out, path_in(s.out, "reconstruction.png").text);
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
