/* One measurement of one piece of work, printed as a line of JSON:
 *
 *     bench WORK [--threads T] [--epochs N] [--steps N] [--data DIR]
 *
 *   W1   784-32-784, relu and sigmoid, BCE, Adam, batch 256: seconds an epoch of 60,000 rows
 *   W2   784-512-256-32-256-512-784, the same
 *   W3   784-400-20-400-784, Gaussian code, Bernoulli likelihood and KL, batch 128
 *   W4   convolutions 16-8-8 with pooling, 8-8-16-1 with upsampling, 3 x 3, relu and sigmoid, BCE, batch 128
 *   W5   784-4096-784, relu and linear, MSE and L1 on the code, batch 256
 *   W6   encoding with the models of W1, W2 and W4: one row, 256 rows, 10,000 rows of 8 bits
 *
 * An epoch is all that ae_fit does in it: order, gathering, loss, optimiser. fma_fraction is the rate
 * of the products' multiply-adds over the core's peak (times threads), measured in the same process;
 * density the share of the code that is not 0, which tells how many of them were skipped. Epochs from
 * the fourth on have a line of their own, "W5 late". Those of W4's convolutions count as the layers have
 * them, though upsampling saves a quarter. --steps bounds the steps of an epoch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "peak.h"

enum { SINGLE_CALLS = 5000, TIMES = 15, SIDE = 28, DIM = SIDE * SIDE };

typedef struct work {
    const char *name;
    int64_t batch;
    void (*build)(ae_config *config);
    bool images; /* else vectors */
} work;

static void build_w1(ae_config *config)
{
    ae_config_dense(config, 32, AE_ACT_RELU);
    ae_config_code(config);
    ae_config_dense(config, DIM, AE_ACT_SIGMOID);
    ae_config_loss(config, AE_LOSS_BCE);
}

static void build_w2(ae_config *config)
{
    ae_config_dense(config, 512, AE_ACT_RELU);
    ae_config_dense(config, 256, AE_ACT_RELU);
    ae_config_dense(config, 32, AE_ACT_RELU);
    ae_config_code(config);
    ae_config_dense(config, 256, AE_ACT_RELU);
    ae_config_dense(config, 512, AE_ACT_RELU);
    ae_config_dense(config, DIM, AE_ACT_SIGMOID);
    ae_config_loss(config, AE_LOSS_BCE);
}

static void build_w3(ae_config *config)
{
    ae_config_dense(config, 400, AE_ACT_RELU);
    ae_config_dense(config, 2 * 20, AE_ACT_LINEAR);
    ae_config_gaussian(config);
    ae_config_penalty(config, AE_PENALTY_KL, 1);
    ae_config_code(config);
    ae_config_dense(config, 400, AE_ACT_RELU);
    ae_config_dense(config, DIM, AE_ACT_SIGMOID);
    ae_config_loss(config, AE_LOSS_BERNOULLI_NLL);
}

static void convolve(ae_config *config, int64_t filters, int32_t padding, int32_t activation)
{
    ae_config_conv2d(config, filters, 3, 3, padding, activation);
}

/* 28-14-7-4, and 4-8-16-14-28. */
static void build_w4(ae_config *config)
{
    for (int32_t i = 0; i < 3; i++) {
        convolve(config, i ? 8 : 16, AE_PADDING_SAME, AE_ACT_RELU);
        ae_config_pool2d(config, AE_POOL_MAX, 2, 2, AE_PADDING_SAME);
    }
    ae_config_code(config);
    for (int32_t i = 0; i < 3; i++) {
        const bool last = i == 2;
        convolve(config, last ? 16 : 8, last ? AE_PADDING_VALID : AE_PADDING_SAME, AE_ACT_RELU);
        ae_config_upsample2d(config, 2, 2, AE_INTERPOLATION_NEAREST);
    }
    convolve(config, 1, AE_PADDING_SAME, AE_ACT_SIGMOID);
    ae_config_loss(config, AE_LOSS_BCE);
}

static void build_w5(ae_config *config)
{
    ae_config_dense(config, 4096, AE_ACT_RELU);
    ae_config_penalty(config, AE_PENALTY_L1, 1e-4);
    ae_config_code(config);
    ae_config_dense(config, DIM, AE_ACT_LINEAR);
    ae_config_loss(config, AE_LOSS_MSE);
}

static const work works[] = {
    {"W1", 256, build_w1, false}, {"W2", 256, build_w2, false}, {"W3", 128, build_w3, false},
    {"W4", 128, build_w4, true},  {"W5", 256, build_w5, false},
};

static const work *find_work(const char *name)
{
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        if (strcmp(works[i].name, name) == 0) return &works[i];
    }
    fail("no work %s; there are W1 W2 W3 W4 W5 W6", name);
}

static ae_model *make_model(const work *w, int64_t threads)
{
    ae_config *config;
    ae_model *model;
    must(ae_config_create(&config));
    if (w->images)
        ae_config_input_image(config, SIDE, SIDE, 1);
    else
        ae_config_input(config, DIM);
    w->build(config);
    ae_config_set_i64(config, AE_PARAM_BATCH, w->batch);
    ae_config_set_i64(config, AE_PARAM_THREADS, threads);
    must(ae_model_create(&model, config));
    ae_config_free(config);
    return model;
}

/* Multiply-adds of an epoch's products, twice: forward, dW, and dX of all kernels but the first; each
 * is used once for every `cols` numbers of its layer's output. */
static double epoch_flops(const ae_model *model, int64_t rows)
{
    double flops = 0;
    const char *name;
    int64_t n_rows, n_cols;
    int32_t layer, found = 0;
    for (int32_t i = 0; !ae_model_weights_at(model, i, &layer, &name, &n_rows, &n_cols); i++) {
        if (strcmp(name, "kernel") != 0) continue;
        const double out = (double)ae_model_layer_dim(model, layer);
        flops += 2.0 * (double)rows * (double)n_rows * out * (found++ ? 3 : 2);
    }
    return flops;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which `share` of the times lie. */
static double quantile(double *times, int32_t count, double share)
{
    qsort(times, (size_t)count, sizeof *times, ascending);
    return times[(int32_t)(share * (count - 1))];
}

typedef struct epoch_times {
    double seconds[64];
    int32_t count;
} epoch_times;

static int32_t note_epoch(const ae_event *event, void *user)
{
    epoch_times *times = user;
    if (event->kind == AE_EVENT_EPOCH && times->count < 64)
        times->seconds[times->count++] = event->seconds;
    return 0;
}

static double code_density(ae_model *model, const images *set)
{
    const int64_t dim = ae_model_code_dim(model), rows = 256 < set->rows ? 256 : set->rows;
    const images some = {rows, set->height, set->width, set->channels, set->pixels, NULL};
    float *code = allocate((size_t)(rows * dim), sizeof *code);
    ae_data *data = images_view(&some);
    int64_t count = 0;
    must(ae_encode_data(model, data, code, (size_t)(rows * dim)));
    for (int64_t i = 0; i < rows * dim; i++) count += code[i] != 0;
    ae_data_free(data);
    free(code);
    return (double)count / (double)(rows * dim);
}

/* "avx2": what the model runs on, the best level that it takes. */
static const char *kernels_of(ae_model *model)
{
    static const char *const names[] = {"portable", "avx2", "avx512", "neon"};
    int32_t level = AE_CPU_NEON;
    while (level > 0 && ae_model_set_i64(model, AE_PARAM_CPU, level)) level--;
    return names[level];
}

static void report_training(const work *w, const char *ending, double epoch, double peak,
                            ae_model *model, const images *set, const settings *s)
{
    const double rate = epoch_flops(model, 60000) / epoch / 1e9;
    printf("{\"peer\":\"libae-%s\",\"work\":\"%s%s\",\"threads\":%d,\"epoch_s\":%.5f,"
           "\"gflops\":%.1f,\"fma_gflops\":%.1f,\"fma_fraction\":%.3f,\"density\":%.3f,"
           "\"kernels\":\"%s\"}\n",
           ae_version_text(), w->name, ending, (int)s->threads, epoch, rate, peak, rate / peak,
           code_density(model, set), kernels_of(model));
}

enum { LATE = 3 }; /* epochs after which a penalty has made a code rare */

/* The median of all epochs but the first. */
static void measure_training(const work *w, const images *set, const settings *s)
{
    ae_model *model = make_model(w, s->threads);
    epoch_times times = {.count = 0};
    ae_fit_options *options;
    ae_data *data;
    must(ae_data_create(&data));
    must(ae_data_array(data, AE_DATA_X, AE_TYPE_U8, set->pixels, set->rows, DIM));
    must(ae_data_scale(data, AE_DATA_X, 1.0 / 255, 0));
    must(ae_fit_options_create(&options));
    must(ae_fit_options_set_i64(options, AE_FIT_EPOCHS, s->epochs + 1));
    must(ae_fit_options_progress(options, note_epoch, &times));
    double peak = peak_gflops() * (double)s->threads;
    must(ae_fit_data(model, data, options));
    const double share = 60000 / (double)set->rows;
    const int32_t early = times.count < LATE ? times.count : LATE;
    if (times.count > LATE && strcmp(w->name, "W5") == 0) {
        report_training(w, " late", share * quantile(times.seconds + LATE, times.count - LATE, 0.5),
                        peak, model, set, s);
        times.count = early;
    }
    report_training(w, "", share * quantile(times.seconds + 1, times.count - 1, 0.5), peak, model,
                    set, s);
    ae_fit_options_free(options);
    ae_data_free(data);
    ae_model_free(model);
}

/* Median rows/s of encoding all rows of a view. */
static double encode_rate(ae_model *model, const ae_data *data, int64_t rows, float *code)
{
    double times[TIMES];
    size_t cap = (size_t)(rows * ae_model_code_dim(model));
    for (int32_t i = -2; i < TIMES; i++) {
        double start = seconds_now();
        must(ae_encode_data(model, data, code, cap));
        if (i >= 0) times[i] = seconds_now() - start;
    }
    return (double)rows / quantile(times, TIMES, 0.5);
}

static void measure_encoding(const work *w, const images *set, const settings *s)
{
    static double times[SINGLE_CALLS];
    ae_model *model = make_model(w, s->threads);
    size_t cap = (size_t)ae_model_code_dim(model);
    int64_t many = set->rows < 10000 ? set->rows : 10000;
    float *rows = allocate(256 * DIM, sizeof *rows),
          *code = allocate((size_t)many * cap, sizeof *code);
    ae_data *some, *bytes;
    for (int64_t i = 0; i < 256 * DIM; i++) rows[i] = (float)set->pixels[i] / 255;
    for (int32_t i = 0; i < SINGLE_CALLS; i++) {
        double start = seconds_now();
        must(ae_encode(model, rows + i % 256 * DIM, 1, code, cap));
        times[i] = (seconds_now() - start) * 1e6;
    }
    must(ae_data_create(&some));
    must(ae_data_array(some, AE_DATA_X, AE_TYPE_F32, rows, 256, DIM));
    must(ae_data_create(&bytes));
    must(ae_data_array(bytes, AE_DATA_X, AE_TYPE_U8, set->pixels, many, DIM));
    must(ae_data_scale(bytes, AE_DATA_X, 1.0 / 255, 0));
    printf(
        "{\"peer\":\"libae-%s\",\"work\":\"W6\",\"model\":\"%s\",\"threads\":%d,\"b1_med_us\":%.2f,"
        "\"b1_p99_us\":%.2f,\"b256_rows_s\":%.0f,\"b10000_rows_s\":%.0f}\n",
        ae_version_text(), w->name, (int)s->threads, quantile(times, SINGLE_CALLS, 0.5),
        quantile(times, SINGLE_CALLS, 0.99), encode_rate(model, some, 256, code),
        encode_rate(model, bytes, many, code));
    ae_data_free(some);
    ae_data_free(bytes);
    ae_model_free(model);
    free(rows);
    free(code);
}

int main(int argc, char **argv)
{
    settings s = {.epochs = 5, .batch = 256, .threads = 1, .out = "."};
    images train, test;
    if (argc < 2) fail("usage: bench W1|W2|W3|W4|W5|W6 [options]; bench W1 --help lists them");
    const char *name = argv[1];
    int64_t steps = 0;
    const option own[] = {{"--steps", "N", "most steps an epoch; 0: as many as it has",
                           .number = &steps, .maximum = 1000000},
                          {0}};
    options_parse(&s, "Measures one piece of work.", own, argc - 1, argv + 1);
    images_load(&train, &test, s.data, s.seed);
    if (images_dim(&train) != DIM)
        fail("images of %d numbers, wanted %d", (int)images_dim(&train), DIM);
    if (strcmp(name, "W6") == 0) {
        measure_encoding(find_work("W1"), &test, &s);
        measure_encoding(find_work("W2"), &test, &s);
        measure_encoding(find_work("W4"), &test, &s);
    } else {
        const work *w = find_work(name);
        if (steps && steps * w->batch < train.rows) train.rows = steps * w->batch;
        measure_training(w, &train, &s);
    }
    images_free(&train);
    images_free(&test);
    return 0;
}
