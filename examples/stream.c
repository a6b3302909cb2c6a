/* Trains on a file that is larger than the memory which the program allows itself: it takes a limit of
 * the operating system upon itself before it opens the file. Rows come in blocks, a window of which is
 * in memory; the order of training is the one that the same rows would have in memory.
 *
 *     stream --data /folder/with/mnist    (or without --data: digits that it draws itself)
 *
 * writes train.idx and test.idx (the data, unpacked), loss.png and stream.aem. */
#define _DEFAULT_SOURCE /* getrusage, sysconf */

#include "common.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 28, MIB = 1 << 20, STACK = 10 /* MiB of a thread */ };

/* ---- the files ---- */

static void draw_file(const char *path, int64_t rows, int64_t first, int64_t seed)
{
    const uint32_t dims[] = {(uint32_t)rows, SIDE, SIDE};
    uint8_t head[16] = {0, 0, 8, 3}, pixels[SIDE * SIDE];
    FILE *file = fopen(path, "wb");

    if (file == NULL) fail("cannot write %s", path);
    for (int i = 0; i < 12; i++) head[4 + i] = (uint8_t)(dims[i / 4] >> 8 * (3 - i % 4));
    fwrite(head, 1, sizeof head, file);
    for (int64_t i = 0; i < rows; i++) {
        digit_draw(pixels, (uint64_t)seed, first + i);
        if (fwrite(pixels, 1, sizeof pixels, file) != sizeof pixels) fail("cannot write %s", path);
    }
    if (fclose(file) != 0) fail("cannot write %s", path);
}

static void make_files(const char *train, const char *test, int64_t rows, const settings *s)
{
    if (s->data != NULL) {
        idx_unpack(s->data, "train-images-idx3-ubyte", train);
        idx_unpack(s->data, "t10k-images-idx3-ubyte", test);
    } else {
        draw_file(train, rows, 0, s->seed);
        draw_file(test, rows / 10 + 1, rows, s->seed);
    }
}

static double mib_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) fail("cannot look at %s", path);
    return (double)status.st_size / MIB;
}

/* ---- the limit ---- */

/* Lets the program have so many MiB more than it has now. */
static void limit_memory(int64_t mib)
{
    unsigned long pages = 0;
    struct rlimit limit;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%lu", &pages) != 1)
        fail("cannot tell how much memory it has");
    fclose(file);
    if (getrlimit(RLIMIT_AS, &limit) != 0) fail("cannot read its limit of memory");
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)mib * MIB;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        fail("cannot limit its memory to %lld MiB", (long long)mib);
}

static double peak_mib(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_maxrss / 1024.0;
}

/* ---- training ---- */

static ae_data *open_view(const char *path)
{
    ae_data *data;

    must(ae_data_create(&data));
    must(ae_data_idx(data, AE_DATA_X, path));
    must(ae_data_scale(data, AE_DATA_X, 1.0 / 255.0, 0.0));
    return data;
}

static ae_model *create_model(int64_t dim, const settings *s)
{
    ae_config *config;
    ae_model *model;

    must(ae_config_create(&config));
    ae_config_input(config, dim);
    ae_config_dense(config, 32, AE_ACT_RELU);
    ae_config_code(config);
    ae_config_dense(config, dim, AE_ACT_SIGMOID);
    ae_config_loss(config, AE_LOSS_BCE);
    ae_config_set_i64(config, AE_PARAM_SHUFFLE, AE_SHUFFLE_BLOCK);
    ae_config_set_i64(config, AE_PARAM_BATCH, s->batch);
    ae_config_set_i64(config, AE_PARAM_SEED, s->seed);
    ae_config_set_i64(config, AE_PARAM_THREADS, s->threads);
    must(ae_model_create(&model, config)); /* reports the first mistake made above, too */
    ae_config_free(config);
    return model;
}

int main(int argc, char **argv)
{
    settings s = {.out = ".", .epochs = 10, .batch = 256, .threads = 1};
    int64_t rows = 60000, memory = 24, dim;
    const option own[] = {
        {"--rows", "N", "digits to draw, where there is no --data", .number = &rows, 1, 10000000},
        {"--memory", "MIB", "more than it has at the start", .number = &memory, 1, 1 << 20},
        {0},
    };

    options_parse(&s, "Trains on a file that is larger than the memory that it allows itself.", own,
                  argc, argv);
    make_folder(s.out);
    const file_path train_path = path_in(s.out, "train.idx"),
                    test_path = path_in(s.out, "test.idx");
    make_files(train_path.text, test_path.text, rows, &s);
    limit_memory(memory + (s.threads > 1 ? s.threads * STACK : 0));
    if (!s.quiet)
        printf("%.1f MiB of images, %lld MiB of memory for them and the model\n",
               mib_of(train_path.text), (long long)memory);

    ae_data *train = open_view(train_path.text), *test = open_view(test_path.text);
    must(ae_data_shape(train, AE_DATA_X, NULL, &dim));
    ae_model *model = create_model(dim, &s);
    const double seconds = fit_shown(model, train, test, &s);

    report_chart(model, path_in(s.out, "loss.png").text);
    must(ae_model_save(model, path_in(s.out, "stream.aem").text));
    const result results[] = {
        {"file_mib", mib_of(train_path.text), 1}, {"peak_mib", peak_mib(), 1}, {0}};
    report_line(model, seconds, results);

    ae_data_free(train);
    ae_data_free(test);
    ae_model_free(model);
    return 0;
}
