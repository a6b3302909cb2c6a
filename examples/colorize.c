/* Gives grey images their colours: a convolutional model that sees how bright each pixel is and says
 * what must be added to red and blue. Green follows, since the brightness stays as it was. Beside
 * it, grey left as it is, and a dense model with as many weights.
 *
 *     colorize --data /folder/with/cifar   (or without --data: landscapes that it draws itself)
 *
 * writes colours.png (grey, coloured and true images, a row each), loss.png and colorize.aem. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUICK_ROWS = 2000, SHOWN = 10 };

static const float red_share = 0.299f, green_share = 0.587f,
                   blue_share = 0.114f; /* of brightness */

/* What the models take and give. */
typedef struct planes {
    int64_t rows, pixels; /* of one image */
    float *light;         /* rows x pixels */
    float *colour;        /* rows x pixels x 2: red and blue, less the brightness */
} planes;

static void split_pixel(const uint8_t *rgb, float *light, float *colour)
{
    const float red = (float)rgb[0] / 255.0f, blue = (float)rgb[2] / 255.0f;

    *light = red_share * red + green_share * ((float)rgb[1] / 255.0f) + blue_share * blue;
    colour[0] = red - *light;
    colour[1] = blue - *light;
}

static void join_pixel(float *rgb, float light, const float *colour)
{
    rgb[0] = light + colour[0];
    rgb[1] = light - (red_share * colour[0] + blue_share * colour[1]) / green_share;
    rgb[2] = light + colour[1];
}

/* The planes of a set, and of its mirror images, if wanted; to be freed. */
static planes planes_of(const images *set, bool mirrored)
{
    const int64_t pixels = set->height * set->width;
    planes p = {.rows = mirrored ? 2 * set->rows : set->rows, .pixels = pixels};

    p.light = allocate((size_t)(p.rows * pixels), sizeof *p.light);
    p.colour = allocate((size_t)(p.rows * pixels), 2 * sizeof *p.colour);
    for (int64_t i = 0; i < p.rows * pixels; i++) {
        const int64_t row = i / pixels, column = i % set->width;
        const int64_t from = row < set->rows ? i : i - 2 * column + set->width - 1;
        const int64_t source = from % (set->rows * pixels);
        split_pixel(set->pixels + 3 * source, p.light + i, p.colour + 2 * i);
    }
    return p;
}

static void planes_free(planes *p)
{
    free(p->light);
    free(p->colour);
}

/* Brightness to be made into colour. */
static ae_data *planes_view(const planes *p)
{
    ae_data *view;

    must(ae_data_create(&view));
    must(ae_data_array(view, AE_DATA_X, AE_TYPE_F32, p->light, p->rows, p->pixels));
    must(ae_data_array(view, AE_DATA_Y, AE_TYPE_F32, p->colour, p->rows, 2 * p->pixels));
    return view;
}

static void add_convolution(ae_config *config, int64_t filters, int64_t kernel, int64_t stride)
{
    ae_config_conv2d(config, filters, kernel, kernel, AE_PADDING_SAME, AE_ACT_LINEAR);
    ae_config_set_i64(config, AE_PARAM_STRIDE_H, stride);
    ae_config_set_i64(config, AE_PARAM_STRIDE_W, stride);
    ae_config_set_i64(config, AE_PARAM_BIAS, 0); /* the normalisation has one */
    ae_config_batch_norm(config, AE_ACT_RELU);
    ae_config_set_f64(config, AE_PARAM_NORM_MOMENTUM, 0.97);
}

/* To a quarter of the size, where a cell sees most of the image, and back. Colours change less from
 * pixel to pixel than brightness does: the last doubling needs no weights. */
static void add_conv_layers(ae_config *config, const images *shape)
{
    ae_config_input_image(config, shape->height, shape->width, 1);
    add_convolution(config, 32, 5, 2);
    add_convolution(config, 64, 3, 2);
    add_convolution(config, 64, 3, 1);
    add_convolution(config, 64, 3, 1);
    ae_config_code(config);
    ae_config_upsample2d(config, 2, 2, AE_INTERPOLATION_BILINEAR);
    add_convolution(config, 32, 3, 1);
    ae_config_conv2d(config, 2, 3, 3, AE_PADDING_SAME, AE_ACT_LINEAR);
    ae_config_set_i64(config, AE_PARAM_INIT, AE_INIT_ZEROS); /* begins with grey */
    ae_config_upsample2d(config, 2, 2, AE_INTERPOLATION_BILINEAR);
}

static void add_dense_layers(ae_config *config, const images *shape, int64_t units)
{
    ae_config_input(config, shape->height * shape->width);
    ae_config_dense(config, units, AE_ACT_LINEAR);
    ae_config_batch_norm(config, AE_ACT_RELU);
    ae_config_set_f64(config, AE_PARAM_NORM_MOMENTUM, 0.97);
    ae_config_code(config);
    ae_config_dense(config, 2 * shape->height * shape->width, AE_ACT_LINEAR);
    ae_config_set_i64(config, AE_PARAM_INIT, AE_INIT_ZEROS);
}

/* The convolutional model, or with units above 0 a dense one with one hidden layer of so many. */
static ae_model *create_model(const images *shape, int64_t units, int64_t rows, const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    if (units > 0)
        add_dense_layers(config, shape, units);
    else
        add_conv_layers(config, shape);
    ae_config_loss(config, AE_LOSS_MSE);
    ae_config_optimizer(config, AE_OPTIM_ADAM);
    ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.002);
    ae_config_set_i64(config, AE_PARAM_SCHEDULE, AE_SCHEDULE_COSINE);
    ae_config_set_i64(config, AE_PARAM_SCHEDULE_STEPS,
                      s->epochs * ((rows + s->batch - 1) / s->batch));
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config)); /* reports the first mistake made above, too */
    ae_config_free(config);
    return model;
}

/* Hidden units of the dense model that has as many weights. */
static int64_t units_like(const ae_model *model, const planes *p)
{
    const int64_t units = (ae_model_weights(model) - 2 * p->pixels) / (3 * p->pixels + 5);
    return units > 0 ? units : 1;
}

/* Brightness and what the model says of it, as rows x pixels x 3 bytes; without a model, grey. To be
 * freed. */
static uint8_t *coloured(ae_model *model, const planes *p)
{
    const size_t count = (size_t)(p->rows * p->pixels);
    float *colour = allocate(2 * count, sizeof *colour), rgb[3];
    uint8_t *bytes = allocate(3 * count, 1);

    if (model != NULL) must(ae_reconstruct(model, p->light, p->rows, colour, 2 * count));
    for (size_t i = 0; i < count; i++) {
        join_pixel(rgb, p->light[i], colour + 2 * i);
        to_bytes(bytes + 3 * i, rgb, 3);
    }
    free(colour);
    return bytes;
}

/* Of numbers in [0, 1]: red, green and blue of all pixels. */
static double mean_squared_error(const images *set, const uint8_t *bytes)
{
    const int64_t count = set->rows * images_dim(set);
    double sum = 0.0;

    for (int64_t i = 0; i < count; i++) {
        const double difference = (set->pixels[i] - bytes[i]) / 255.0;
        sum += difference * difference;
    }
    return sum / (double)count;
}

/* What is left of the error, and the first images beside the true ones if there is a path. */
static double judge(ae_model *model, const images *test, const planes *p, const char *path)
{
    uint8_t *bytes = coloured(model, p);
    const double error = mean_squared_error(test, bytes);

    if (path != NULL) {
        uint8_t *grey = coloured(NULL, p);
        const uint8_t *rows[] = {grey, bytes, test->pixels};
        tiles_write(path, rows, 3, test->rows < SHOWN ? (int32_t)test->rows : SHOWN, test, 3);
        free(grey);
    }
    free(bytes);
    return error;
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 12, .batch = 64, .threads = 1};
    bool quick = false;
    const option own[] = {
        {"--quick", NULL, "learn from the first 2,000 images only", .flag = &quick},
        {0},
    };
    images train, test;

    options_parse(&s, "Colours grey images: those of CIFAR, or landscapes drawn here.", own, argc,
                  argv);
    if (s.data != NULL)
        images_load(&train, &test, s.data, s.seed);
    else
        scenes_draw(&train, &test, s.seed);
    if (train.channels != 3) fail("%s: the images have no colours", s.data);
    if (train.height % 4 != 0 || train.width % 4 != 0)
        fail("%s: the sides of the images are no multiples of 4", s.data);
    make_folder(s.out);

    const images used = quick ? images_first(&train, QUICK_ROWS) : train;
    planes from = planes_of(&used, true), to = planes_of(&test, false);
    ae_data *train_view = planes_view(&from), *test_view = planes_view(&to);
    ae_model *conv = create_model(&train, 0, from.rows, &s);
    const double seconds = fit_shown(conv, train_view, test_view, &s);
    if (!s.quiet) printf("A dense model with as many weights:\n");
    ae_model *dense = create_model(&train, units_like(conv, &to), from.rows, &s);
    fit_shown(dense, train_view, test_view, &s);

    report_chart(conv, path_in(s.out, "loss.png").text);
    must(ae_model_save(conv, path_in(s.out, "colorize.aem").text));
    const result results[] = {
        {"mse", judge(conv, &test, &to, path_in(s.out, "colours.png").text), 5},
        {"mse_grey", judge(NULL, &test, &to, NULL), 5},
        {"mse_dense", judge(dense, &test, &to, NULL), 5},
        {0},
    };
    report_line(conv, seconds, results);

    ae_data_free(train_view);
    ae_data_free(test_view);
    planes_free(&from);
    planes_free(&to);
    ae_model_free(conv);
    ae_model_free(dense);
    images_free(&train);
    images_free(&test);
    return 0;
}
