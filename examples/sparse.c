/* Finds the strokes that digits are made of: a code of 256 units, of which each digit may use but 16,
 * after Makhzani and Frey 2013. The decoder's kernel is then a dictionary, a row a unit, from which a
 * digit is put together; it is measured against as many principal components as it may use units.
 *
 *     sparse --data /folder/with/mnist     (or without --data: digits that it draws itself)
 *
 * writes dictionary.png (the units, those used most first; orange adds ink, blue takes it away),
 * reconstruction.png (images over what became of them), loss.png and sparse.aem. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 16, UNITS = COLUMNS * COLUMNS /* tiles of the dictionary */ };

static ae_model *create_model(int64_t dim, int64_t k, const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    ae_config_input(config, dim);
    ae_config_dense(config, UNITS, AE_ACT_LINEAR);
    ae_config_topk(config, k);
    ae_config_code(config);
    ae_config_dense(config, dim, AE_ACT_LINEAR);
    ae_config_loss(config, AE_LOSS_MSE);
    ae_config_optimizer(config, AE_OPTIM_ADAM);
    ae_config_set_f64(config, AE_PARAM_LEARNING_RATE, 0.002);
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config)); /* reports the first mistake made above, too */
    ae_config_free(config);
    return model;
}

/* A unit and the share of the images that use it. */
typedef struct unit {
    int64_t number;
    double use;
} unit;

static int by_use(const void *a, const void *b)
{
    const unit *x = a, *y = b;
    if (x->use != y->use) return x->use < y->use ? 1 : -1;
    return x->number < y->number ? -1 : 1;
}

/* Fills units, those used most first; returns the share of the codes that is not 0. */
static double count_use(unit *units, const float *codes, int64_t rows)
{
    double sum = 0.0;

    for (int64_t j = 0; j < UNITS; j++) {
        int64_t count = 0;
        for (int64_t i = 0; i < rows; i++) count += codes[i * UNITS + j] != 0.0f;
        units[j] = (unit){j, (double)count / (double)rows};
        sum += units[j].use;
    }
    qsort(units, UNITS, sizeof *units, by_use);
    return sum / UNITS;
}

/* From white at 0 to orange at 1 and blue at -1. */
static void put_signed(uint8_t rgb[3], float v)
{
    static const float orange[] = {213.0f, 94.0f, 0.0f}, blue[] = {0.0f, 114.0f, 178.0f};
    const float *end = v > 0.0f ? orange : blue;

    for (int i = 0; i < 3; i++) rgb[i] = (uint8_t)(255.0f + (end[i] - 255.0f) * fabsf(v) + 0.5f);
}

/* A row of the dictionary as an image in colours, its largest number as strong as any other row's.
 * An image in colours itself is shown around a medium grey. */
static void draw_unit(uint8_t *rgb, const float *row, const images *shape)
{
    const int64_t dim = images_dim(shape);
    float most = 1e-9f;

    for (int64_t i = 0; i < dim; i++) most = fmaxf(most, fabsf(row[i]));
    for (int64_t i = 0; i < dim; i++) {
        const float v = row[i] / most;
        if (shape->channels == 1)
            put_signed(rgb + 3 * i, v);
        else
            rgb[i] = (uint8_t)(127.5f + 127.5f * v);
    }
}

static void draw_dictionary(const ae_model *model, const unit *units, const images *set,
                            const char *path)
{
    const size_t dim = (size_t)images_dim(set);
    const images shape = {.height = set->height, .width = set->width, .channels = 3};
    const size_t tile = (size_t)images_dim(&shape);
    float *kernel = allocate(UNITS * dim, sizeof *kernel);
    uint8_t *tiles = allocate(UNITS, tile);
    const uint8_t *rows[COLUMNS];

    must(ae_model_weights_get(model, 2, "kernel", kernel, UNITS * dim));
    for (size_t i = 0; i < UNITS; i++)
        draw_unit(tiles + i * tile, kernel + (size_t)units[i].number * dim, set);
    for (size_t i = 0; i < COLUMNS; i++) rows[i] = tiles + i * COLUMNS * tile;
    tiles_write(path, rows, COLUMNS, COLUMNS, &shape, 2);
    free(tiles);
    free(kernel);
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 20, .batch = 64, .threads = 1};
    int64_t k = 16;
    const option own[] = {
        {"--k", "N", "units that an image may use", .number = &k, 1, UNITS},
        {0},
    };
    images train, test;

    options_parse(&s, "Finds the parts of the images of MNIST, or of digits drawn here.", own, argc,
                  argv);
    images_load(&train, &test, s.data, s.seed);
    make_folder(s.out);

    ae_model *model = create_model(images_dim(&train), k, &s);
    ae_data *train_view = images_view(&train), *test_view = images_view(&test);
    const double seconds = fit_shown(model, train_view, test_view, &s);

    const size_t n_codes = (size_t)(test.rows * UNITS);
    const size_t n_out = (size_t)(test.rows * images_dim(&test));
    float *codes = allocate(n_codes, sizeof *codes), *out = allocate(n_out, sizeof *out);
    unit units[UNITS];
    must(ae_encode_data(model, test_view, codes, n_codes));
    must(ae_decode(model, codes, test.rows, out, n_out));
    const double density = count_use(units, codes, test.rows);
    const double pca_mse = pca_error(&train, &test, k);
    const double dead = report_last(model, AE_METRIC_DEAD_UNITS); /* used by no row of late */
    if (!s.quiet)
        printf("an image uses %.1f units of %d, the unit used most is in %.1f %% of them, the "
               "least in %.1f %%; %.0f are dead\n",
               density * UNITS, UNITS, 100.0 * units[0].use, 100.0 * units[UNITS - 1].use, dead);

    draw_dictionary(model, units, &test, path_in(s.out, "dictionary.png").text);
    comparison_write(path_in(s.out, "reconstruction.png").text, &test, out);
    report_chart(model, path_in(s.out, "loss.png").text);
    must(ae_model_save(model, path_in(s.out, "sparse.aem").text));
    const result results[] = {
        {"density", density, 4}, {"dead", dead, 0}, {"pca_mse", pca_mse, 4}, {0}};
    report_line(model, seconds, results);

    free(out);
    free(codes);
    ae_data_free(train_view);
    ae_data_free(test_view);
    ae_model_free(model);
    images_free(&train);
    images_free(&test);
    return 0;
}
