/* Draws the digit that it is asked for: a variational autoencoder which is told the label, when it
 * encodes and when it decodes (Kingma et al. 2014; Sohn et al. 2015). The code is left with what
 * the label does not say: how a digit is written.
 *
 *     conditional --data /folder/with/mnist    (or without --data: digits that it draws itself)
 *
 * writes classes.png (a row of drawn digits a class, each column from one code), styles.png (test
 * images, and the digits in their handwriting), loss.png and conditional.aem. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 10 /* a class in the picture */, STYLES = 8, JUDGED = 100 /* drawn a class */ };

static ae_model *create_model(int64_t dim, int32_t n_classes, int64_t code, const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    ae_preset_conditional(config, dim, n_classes, 400, code, AE_LOSS_BERNOULLI_NLL);
    ae_config_optimizer(config, AE_OPTIM_ADAM); /* learning rate 0.001 */
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config)); /* reports the first mistake made above, too */
    ae_config_free(config);
    return model;
}

/* One label a row, for what the view holds besides. */
static void set_labels(ae_data *view, const uint8_t *labels, int64_t rows)
{
    must(ae_data_array(view, AE_DATA_SIDE, AE_TYPE_U8, labels, rows, 1));
}

static ae_data *labelled_view(const images *set)
{
    ae_data *view = images_view(set);
    set_labels(view, set->labels, set->rows);
    return view;
}

/* n_classes x each images: digits of every class. Draws depend on seed and row, so that image i of
 * each class comes from the same code; to be freed. */
static float *sample_classes(ae_model *model, int32_t n_classes, int64_t each, int64_t seed)
{
    const size_t of_class = (size_t)(each * ae_model_output_dim(model));
    float *out = allocate((size_t)n_classes * of_class, sizeof *out);
    uint8_t *labels = allocate((size_t)each, 1);
    ae_data *asked;

    must(ae_data_create(&asked));
    for (int32_t c = 0; c < n_classes; c++) {
        memset(labels, c, (size_t)each);
        set_labels(asked, labels, each);
        must(ae_sample_data(model, asked, seed, out + (size_t)c * of_class, of_class));
    }
    ae_data_free(asked);
    free(labels);
    return out;
}

static void draw_classes(ae_model *model, const images *shape, int32_t n_classes, int64_t seed,
                         const char *path)
{
    float *out = sample_classes(model, n_classes, SAMPLES, seed);
    grid_write(path, out, n_classes, SAMPLES, shape, 2, 2);
    free(out);
}

/* A test image in the first column, then every class decoded from that image's code. */
static void draw_styles(ae_model *model, const images *test, int32_t n_classes, const char *path)
{
    const images first = images_first(test, STYLES);
    const int64_t n_code = ae_model_code_dim(model), dim = images_dim(test);
    const size_t n_codes = (size_t)(first.rows * n_code);
    float *codes = allocate(n_codes, sizeof *codes);
    float *out = allocate((size_t)(first.rows * (1 + n_classes) * dim), sizeof *out), *at = out;
    ae_data *view = labelled_view(&first), *asked;

    must(ae_encode_data(model, view, codes, n_codes));
    must(ae_data_create(&asked));
    for (int64_t i = 0; i < first.rows; i++) {
        for (int64_t j = 0; j < dim; j++) *at++ = (float)first.pixels[i * dim + j] / 255.0f;
        for (int32_t c = 0; c < n_classes; c++, at += dim) {
            const uint8_t label = (uint8_t)c;
            must(ae_data_array(asked, AE_DATA_X, AE_TYPE_F32, codes + i * n_code, 1, n_code));
            set_labels(asked, &label, 1);
            must(ae_decode_data(model, asked, at, (size_t)dim));
        }
    }
    grid_write(path, out, (int32_t)first.rows, 1 + n_classes, test, 2, 2);
    ae_data_free(asked);
    ae_data_free(view);
    free(out);
    free(codes);
}

/* Of drawn digits, the share whose nearest class, by its mean image, is the one asked for. */
static double share_of_samples(ae_model *model, const images *train, int32_t n_classes,
                               int64_t seed)
{
    images drawn = *train;
    float *out = sample_classes(model, n_classes, JUDGED, seed);

    drawn.rows = n_classes * JUDGED;
    drawn.pixels = allocate((size_t)drawn.rows, (size_t)images_dim(train));
    drawn.labels = allocate((size_t)drawn.rows, 1);
    to_bytes(drawn.pixels, out, (size_t)(drawn.rows * images_dim(train)));
    for (int32_t i = 0; i < drawn.rows; i++) drawn.labels[i] = (uint8_t)(i / JUDGED);
    const double share = nearest_mean_share(train, &drawn);
    images_free(&drawn);
    free(out);
    return share;
}

/* Of the test images, the share that the model thinks likeliest under their own label. It was never
 * asked to tell digits apart. */
static double share_of_bounds(ae_model *model, const images *test, int32_t n_classes)
{
    const size_t rows = (size_t)test->rows;
    float *scores = allocate(rows, sizeof *scores), *best = allocate(rows, sizeof *best);
    uint8_t *told = allocate(rows, 1), *chosen = allocate(rows, 1);
    ae_data *view = images_view(test);
    size_t n_right = 0;

    for (int32_t c = 0; c < n_classes; c++) {
        memset(told, c, rows);
        set_labels(view, told, test->rows);
        must(ae_score_data(model, view, scores, rows)); /* of each row, its negative bound */
        for (size_t i = 0; i < rows; i++) {
            if (c > 0 && scores[i] >= best[i]) continue;
            best[i] = scores[i];
            chosen[i] = (uint8_t)c;
        }
    }
    for (size_t i = 0; i < rows; i++) n_right += chosen[i] == test->labels[i];
    ae_data_free(view);
    free(chosen);
    free(told);
    free(best);
    free(scores);
    return (double)n_right / (double)rows;
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 30, .batch = 128, .threads = 1};
    int64_t n_code = 10; /* fewer than without labels, so that the label is needed */
    const option own[] = {
        {"--code", "N", "dimensions of the code", .number = &n_code, 1, 1000},
        {0},
    };
    images train, test;

    options_parse(&s, "Learns to draw the digit asked for, from MNIST or from digits drawn here.",
                  own, argc, argv);
    images_load(&train, &test, s.data, s.seed);
    if (!train.labels || !test.labels) fail("%s: there are no labels", s.data);
    make_folder(s.out);

    const int32_t n_classes = images_classes(&train);
    ae_model *model = create_model(images_dim(&train), n_classes, n_code, &s);
    ae_data *train_view = labelled_view(&train), *test_view = labelled_view(&test);
    const double seconds = fit_shown(model, train_view, test_view, &s);

    draw_classes(model, &test, n_classes, s.seed, path_in(s.out, "classes.png").text);
    draw_styles(model, &test, n_classes, path_in(s.out, "styles.png").text);
    report_chart(model, path_in(s.out, "loss.png").text);
    must(ae_model_save(model, path_in(s.out, "conditional.aem").text));
    const result results[] = {
        {"drawn_right", share_of_samples(model, &train, n_classes, s.seed), 4},
        {"real_right", nearest_mean_share(&train, &test), 4}, /* the same rule on test images */
        {"told_right", share_of_bounds(model, &test, n_classes), 4},
        {0},
    };
    report_line(model, seconds, results);

    ae_data_free(train_view);
    ae_data_free(test_view);
    ae_model_free(model);
    images_free(&train);
    images_free(&test);
    return 0;
}
